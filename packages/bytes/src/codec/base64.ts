import { DecodeError } from '../decode-error.js';

/** RFC 4648 section 4: standard alphabet, padded. */
export function encodeBase64(bytes: Uint8Array): string {
  return view(bytes).toString('base64');
}

/** RFC 4648 section 5 without padding, as JOSE (RFC 7515 section 2) and the KBS protocol use it. */
export function encodeBase64url(bytes: Uint8Array): string {
  return view(bytes).toString('base64url');
}

/**
 * Decodes padded standard base64 (RFC 4648 section 4).
 *
 * One text per byte string: no white space, no missing or extra padding, unused trailing bits zero (section 3.5).
 *
 * @throws DecodeError with the index of the first fault.
 */
export function decodeBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what it does not know, so writing the result again and comparing is the exact test of all rules at once.
  if (bytes.toString('base64') !== text) throw fault('base64', text, /[^A-Za-z0-9+/]/, true);
  return new Uint8Array(bytes);
}

/**
 * Decodes base64url without padding (RFC 4648 section 5, RFC 7515 section 2); unused trailing bits must be zero.
 *
 * @throws DecodeError with the index of the first fault.
 */
export function decodeBase64url(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw fault('base64url', text, /[^A-Za-z0-9_-]/, false);
  return new Uint8Array(bytes);
}

function fault(format: string, text: string, foreign: RegExp, padded: boolean): DecodeError {
  const digits = padded ? text.replace(/={1,2}$/, '') : text;
  const at = digits.search(foreign);
  if (at !== -1) {
    const reason = digits[at] === '=' ? 'misplaced padding' : 'character outside the alphabet';
    return new DecodeError(format, reason, at);
  }
  if (digits.length % 4 === 1) return new DecodeError(format, 'length is not that of whole bytes', text.length);
  if (padded && text.length % 4 !== 0) return new DecodeError(format, 'padding is missing', text.length);
  return new DecodeError(format, 'unused trailing bits are not zero, or padding is wrong', digits.length);
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
