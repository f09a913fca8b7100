/** RSA with exponent 3 as SGX has it: numbers little-endian, and two quotients that spare processors the division. */
import { createHash } from 'node:crypto';
import { decodeHex, encodeHex } from '@assay/bytes';

/** DigestInfo of SHA-256 (RFC 8017, section 9.2). */
const SHA256_INFO = '3031300d060960864801650304020105000420';

export function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(Uint8Array.from(bytes).reverse())}`);
}

export function toLittleEndian(value: bigint, length: number): Uint8Array {
  return decodeHex(value.toString(16).padStart(2 * length, '0')).reverse();
}

/** Whether `s` is a PKCS #1 v1.5 signature of the message: the padding is compared whole, not read. */
export function signs(n: bigint, s: bigint, message: Uint8Array): boolean {
  // Moduli have all their 3072 bits: a shorter one would be another key.
  if (n >> 3071n !== 1n || s >= n) return false;
  const digest = createHash('sha256').update(message).digest('hex');
  const info = SHA256_INFO + digest;
  const padding = 'ff'.repeat(384 - 3 - info.length / 2);
  return (s * s * s) % n === BigInt(`0x0001${padding}00${info}`);
}

/** Q1 = ⌊s² / n⌋ and Q2 = ⌊(s³ − q1·s·n) / n⌋; undefined where they have no such length. */
export function quotients(
  n: bigint,
  s: bigint,
  length: number,
): { readonly q1: Uint8Array; readonly q2: Uint8Array } | undefined {
  if (n === 0n || s >= n) return undefined;
  const q1 = (s * s) / n;
  const q2 = (s * s * s - q1 * s * n) / n;
  return { q1: toLittleEndian(q1, length), q2: toLittleEndian(q2, length) };
}
