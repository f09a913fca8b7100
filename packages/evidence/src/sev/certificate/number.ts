import { DecodeError } from '@assay/bytes';

/**
 * A number stored as little-endian bytes, zero-extended, as big-endian bytes of a fixed width.
 *
 * @throws DecodeError when it does not fit into the width
 */
export function bigEndian(stored: Uint8Array, width: number, field: string): Uint8Array {
  for (let at = width; at < stored.length; at += 1)
    if (stored[at] !== 0) throw new DecodeError('SEV certificate', `${field} is longer than ${width} bytes`);
  return Uint8Array.from(stored.subarray(0, width)).reverse();
}

/** Big-endian bytes without leading zeros, as JWK wants them (RFC 7518 section 6.3.1). */
export function withoutLeadingZeros(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first === -1 ? bytes.subarray(0, 0) : bytes.subarray(first);
}
