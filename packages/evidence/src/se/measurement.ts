/** The measurement of Secure Execution: an HMAC over what the ultravisor knows of the guest. */
import { createHmac } from 'node:crypto';
import { concatBytes } from '@assay/bytes';

export const MEASUREMENT_SIZE = 64;
export const CONFIG_UID_SIZE = 16;
export const LARGEST_USER_DATA = 256;

/** What is measured, in the order of the ultravisor. */
export interface MeasuredItems {
  /** Digests and tag of the image's header, 208 bytes. */
  readonly imageTags: Uint8Array;
  /** Configuration unique id of the guest, 16 bytes. */
  readonly configUid: Uint8Array;
  /** At most 256 bytes. */
  readonly userData: Uint8Array;
  /** Empty where the request held none. */
  readonly nonce: Uint8Array;
  readonly additionalData: Uint8Array;
}

/** HMAC-SHA-512 of the items under the request's measurement key. */
export function measure(measurementKey: Uint8Array, items: MeasuredItems): Uint8Array {
  const { imageTags, configUid, userData, nonce, additionalData } = items;
  const lengths = new DataView(new ArrayBuffer(8));
  lengths.setUint16(0, userData.length);
  lengths.setUint32(4, additionalData.length);
  const measured = concatBytes(imageTags, configUid, new Uint8Array(lengths.buffer), userData, nonce, additionalData);
  return new Uint8Array(createHmac('sha512', measurementKey).update(measured).digest());
}
