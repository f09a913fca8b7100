/** The key of an image's file system as text: what the agent writes to `/keys/key.txt`, and the boot instance reads. */
import { decodeHex } from '@assay/bytes';

export const KEY_BYTES = 16;

/** Sixteen groups of two lower-case hex digits, joined by `-`. @throws RangeError for another length */
export function formatKeyText(key: Uint8Array): string {
  if (key.length !== KEY_BYTES) throw new RangeError(`a key of ${key.length} bytes; ${KEY_BYTES} are due`);
  return [...key].map((byte) => byte.toString(16).padStart(2, '0')).join('-');
}

/** The boot instance cannot use a key. The text is that of its `init`. */
export class KeyTextError extends Error {
  override readonly name = 'KeyTextError';

  constructor() {
    super('The length or format of Key/MAC string is invalid');
  }
}

const KEY = /^[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){15}$/;

/** Line ends behind the key are passed over. @throws KeyTextError */
export function parseKeyText(text: string): Uint8Array {
  const trimmed = text.replace(/[\r\n]+$/, '');
  if (!KEY.test(trimmed)) throw new KeyTextError();
  return decodeHex(trimmed.replaceAll('-', '').toLowerCase());
}

/** Releases of the agent up to guest-components v0.8 encrypted every image with it. */
const HARD_CODED = 'c7-32-b3-ed-44-df-ec-7b-25-2d-9a-32-38-8d-58-61';

/** Whether a key stands in public source: what it encrypts can be read by everybody. */
export function isPublicKeyText(text: string): boolean {
  return text.replace(/[\r\n]+$/, '').toLowerCase() === HARD_CODED;
}
