import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { concatBytes, encodeUtf8 } from '@assay/bytes';

/** Initial value of RFC 3394 section 2.2.3.1. */
const INITIAL_VALUE = Buffer.alloc(8, 0xa6);
const ALGORITHMS: Readonly<Record<number, string>> = { 24: 'id-aes192-wrap', 32: 'id-aes256-wrap' };

/** AES key wrap (RFC 3394) under a key of 24 or 32 bytes. */
export function wrapKey(kek: Uint8Array, key: Uint8Array): Uint8Array {
  const cipher = createCipheriv(wrapAlgorithm(kek), kek, INITIAL_VALUE);
  return concatBytes(cipher.update(key), cipher.final());
}

/** Inverse of {@link wrapKey}. @throws Error when the integrity check fails */
export function unwrapKey(kek: Uint8Array, wrapped: Uint8Array): Uint8Array {
  const decipher = createDecipheriv(wrapAlgorithm(kek), kek, INITIAL_VALUE);
  return concatBytes(decipher.update(wrapped), decipher.final());
}

/**
 * Key encryption key of ECDH-ES+A256KW: Concat KDF (NIST SP 800-56A section 5.8.1, RFC 7518 section 4.6.2), one round of SHA-256, with
 * empty PartyUInfo and PartyVInfo.
 *
 * @param sharedSecret x-coordinate of the shared point, full width
 */
export function ecdhWrappingKey(sharedSecret: Uint8Array): Uint8Array {
  const algorithm = encodeUtf8('ECDH-ES+A256KW');
  const hash = createHash('sha256')
    .update(u32be(1))
    .update(sharedSecret)
    .update(u32be(algorithm.length))
    .update(algorithm);
  return hash.update(u32be(0)).update(u32be(0)).update(u32be(256)).digest();
}

function wrapAlgorithm(kek: Uint8Array): string {
  const algorithm = ALGORITHMS[kek.length];
  if (algorithm === undefined) throw new RangeError(`no key wrap for a key of ${kek.length} bytes`);
  return algorithm;
}

function u32be(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
