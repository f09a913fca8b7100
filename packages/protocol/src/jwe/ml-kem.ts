import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { kmac256 } from '@noble/hashes/sha3-addons.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import type { RandomSource } from './random.js';

/** ML-KEM-768 (FIPS 203). node:crypto has none on the oldest Node served here. */
export const ML_KEM_768 = {
  encapsulationKeyLength: 1184,
  ciphertextLength: 1088,
  /** Length and modulus check of FIPS 203 section 7.2. */
  isEncapsulationKey(key: Uint8Array): boolean {
    if (key.length !== 1184) return false;
    // 768 coefficients of 12 bits, each below q = 3329; re-encoding what was reduced would change the bytes.
    for (let at = 0; at < 1152; at += 3) {
      const [a = 0, b = 0, c = 0] = key.subarray(at, at + 3);
      if ((((b & 0x0f) << 8) | a) >= 3329 || ((c << 4) | (b >> 4)) >= 3329) return false;
    }
    return true;
  },
  encapsulate(key: Uint8Array, random: RandomSource): { ciphertext: Uint8Array; sharedSecret: Uint8Array } {
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(key, random(32));
    return { ciphertext: cipherText, sharedSecret };
  },
  decapsulate(ciphertext: Uint8Array, decapsulationKey: Uint8Array): Uint8Array {
    return ml_kem768.decapsulate(ciphertext, decapsulationKey);
  },
  generate(random: RandomSource): { encapsulationKey: Uint8Array; decapsulationKey: Uint8Array } {
    const { publicKey, secretKey } = ml_kem768.keygen(random(64));
    return { encapsulationKey: publicKey, decapsulationKey: secretKey };
  },
} as const;

/**
 * Key wrapping key of ML-KEM-768+A192KW (draft-ietf-jose-pqc-kem-05): KMAC256 of the algorithm's name and the key length in bits.
 *
 * @returns 24 bytes
 */
export function mlKemWrappingKey(sharedSecret: Uint8Array): Uint8Array {
  const algorithm = encodeUtf8('ML-KEM-768+A192KW');
  const context = concatBytes(u32be(algorithm.length), algorithm, u32be(192));
  return kmac256(sharedSecret, context, { dkLen: 24 });
}

function u32be(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, false);
  return bytes;
}
