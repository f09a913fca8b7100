import { encodeHex } from '@assay/bytes';

/** UTF-16LE as text; unpaired surrogates become U+FFFD, a byte too many is left out. */
export function utf16(bytes: Uint8Array): string {
  return new TextDecoder('utf-16le', { ignoreBOM: true }).decode(bytes.subarray(0, bytes.length & ~1));
}

/** UTF-8 as text, or undefined when it is none. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Registry format of a GUID, upper case: the first three fields are little-endian. */
export function guidText(bytes: Uint8Array): string {
  const swapped = (from: number, to: number): string => encodeHex(Uint8Array.from(bytes.subarray(from, to)).reverse());
  const tail = encodeHex(bytes.subarray(8, 16));
  return [swapped(0, 4), swapped(4, 6), swapped(6, 8), tail.slice(0, 4), tail.slice(4)].join('-').toUpperCase();
}

/** The bytes of a GUID in memory order, grouped 8-4-4-4-12. */
export function rawGuidText(bytes: Uint8Array): string {
  const hex = encodeHex(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
