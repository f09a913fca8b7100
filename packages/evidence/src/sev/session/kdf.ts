import { createHmac } from 'node:crypto';
import { concatBytes, encodeUtf8 } from '@assay/bytes';

/** Size of every key of a session. */
export const KEY_SIZE = 16;

/**
 * NIST SP 800-108 in counter mode with HMAC-SHA256, as the SEV API uses it: one block, cut to 16 bytes.
 *
 * @param context empty where the API names none
 */
export function sevKdf(key: Uint8Array, label: string, context: Uint8Array): Uint8Array {
  const counter = word(1);
  const bits = word(8 * KEY_SIZE);
  const input = concatBytes(counter, encodeUtf8(label), Uint8Array.of(0), context, bits);
  return new Uint8Array(createHmac('sha256', key).update(input).digest().subarray(0, KEY_SIZE));
}

/** A u32, little-endian. */
export function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
