import { DecodeError } from '../decode-error.js';

/** Lower-case hexadecimal, two digits per byte. */
export function encodeHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

export interface HexOptions {
  /** `lower` (default) accepts what {@link encodeHex} writes and nothing else; `any` accepts upper and mixed case too. */
  readonly case?: 'lower' | 'any';
}

/**
 * Decodes hexadecimal of even length without prefix, separators or white space.
 *
 * @throws DecodeError on any other character or an odd length.
 */
export function decodeHex(text: string, options: HexOptions = {}): Uint8Array {
  const fault = text.search(options.case === 'any' ? /[^0-9a-fA-F]/ : /[^0-9a-f]/);
  if (fault !== -1) throw new DecodeError('hex', 'character outside the alphabet', fault);
  if (text.length % 2 !== 0) throw new DecodeError('hex', 'odd number of digits', text.length);
  return Uint8Array.from(Buffer.from(text, 'hex'));
}
