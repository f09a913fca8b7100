/** Base64 for tokens, PEM and DER: the decoder of `base64.decode`, with an exception in place of an error offset. */
import { type Base64Alphabet, decodeBase64 as decode, encodeBase64 as encode } from '../core/base64.js';

export class Base64Error extends Error {
  override readonly name = 'Base64Error';

  constructor(offset: number) {
    super(`illegal base64 data at input byte ${offset}`);
  }
}

function decoded(text: string, alphabet: Base64Alphabet): Uint8Array {
  const bytes = decode(text, alphabet);
  if (typeof bytes === 'number') throw new Base64Error(bytes);
  return bytes;
}

/** RFC 4648 section 4, padding required. */
export function decodeBase64(text: string): Uint8Array {
  return decoded(text, 'standard');
}

/** RFC 4648 section 5, with or without padding. */
export function decodeBase64Url(text: string): Uint8Array {
  const left = text.replace(/[\r\n]/g, '').length % 4;
  const isBare = !text.endsWith('=') && left > 1;
  return decoded(isBare ? text + '='.repeat(4 - left) : text, 'url');
}

export function encodeBase64(bytes: Uint8Array): string {
  return encode(bytes, 'standard', true);
}

/** Without padding. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encode(bytes, 'url', false);
}
