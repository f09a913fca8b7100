/**
 * The key in a block of RSAES-PKCS1-v1_5 (RFC 8017 section 7.2.2), without telling whether the padding was right: on a fault it is
 * `fallback`. No branch and no index depends on the block's content.
 *
 * @param block result of the raw RSA operation, as long as the modulus
 * @param fallback fresh random bytes, as long as the key that is wanted
 */
export function readPkcs1Key(block: Uint8Array, fallback: Uint8Array): Uint8Array {
  const separator = block.length - fallback.length - 1;
  let bad = at(block, 0) | (at(block, 1) ^ 0x02) | at(block, separator);
  for (let index = 2; index < separator; index += 1) bad |= isZero(at(block, index));
  const mask = -isZero(bad) & 0xff;
  return fallback.map((byte, index) => (at(block, separator + 1 + index) & mask) | (byte & ~mask));
}

/** 1 for 0, 0 for 1 to 255, without a branch. */
function isZero(byte: number): number {
  return ((byte - 1) >>> 31) & 1;
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
