import { constants, createHash, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';
import { concatBytes } from '@assay/bytes';
import type { RandomSource } from './random.js';

// The paddings of the encrypting side are written here so that the randomness comes from the caller, as everywhere in this package. Encrypting
// handles no secret of ours that a padding could betray; the decrypting side of OAEP is OpenSSL's.

const HASH_LENGTH = 32;

/** RSAES-PKCS1-v1_5 encryption (RFC 8017 section 7.2.1). */
export function encryptPkcs1(
  key: KeyObject,
  modulusLength: number,
  message: Uint8Array,
  random: RandomSource,
): Uint8Array {
  const padding = nonZero(modulusLength - message.length - 3, random);
  return raw(key, concatBytes(Uint8Array.of(0x00, 0x02), padding, Uint8Array.of(0x00), message));
}

/** RSAES-OAEP encryption (RFC 8017 section 7.1.1) with SHA-256 for hash and MGF1 and an empty label. */
export function encryptOaep256(
  key: KeyObject,
  modulusLength: number,
  message: Uint8Array,
  random: RandomSource,
): Uint8Array {
  const zeros = new Uint8Array(modulusLength - message.length - 2 * HASH_LENGTH - 2);
  const labelHash = createHash('sha256').digest();
  const block = concatBytes(labelHash, zeros, Uint8Array.of(0x01), message);
  const seed = random(HASH_LENGTH);
  const maskedBlock = xor(block, mgf1(seed, block.length));
  const maskedSeed = xor(seed, mgf1(maskedBlock, HASH_LENGTH));
  return raw(key, concatBytes(Uint8Array.of(0x00), maskedSeed, maskedBlock));
}

/** RSAES-OAEP decryption with SHA-256 and an empty label. @throws Error */
export function decryptOaep256(key: KeyObject, ciphertext: Uint8Array): Uint8Array {
  return privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, ciphertext);
}

/**
 * RSAES-PKCS1-v1_5 decryption of a 32-byte key that never tells whether the padding was right: on a fault it gives `fallback`, so that
 * the failure shows first in the authenticated decryption that follows (RFC 7516 section 11.5). Node refuses this padding itself.
 *
 * @param fallback 32 fresh random bytes
 */
export function decryptPkcs1Key(key: KeyObject, ciphertext: Uint8Array, fallback: Uint8Array): Uint8Array {
  const block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, ciphertext);
  const length = fallback.length;
  const separator = block.length - length - 1;
  // Every byte is looked at whatever it is: no branch and no index depends on the block's content.
  let bad = byteAt(block, 0) | (byteAt(block, 1) ^ 0x02) | byteAt(block, separator);
  for (let index = 2; index < separator; index += 1) bad |= isZero(byteAt(block, index));
  const mask = -isZero(bad) & 0xff;
  const result = new Uint8Array(length);
  for (let index = 0; index < length; index += 1) {
    result[index] = (byteAt(block, separator + 1 + index) & mask) | (byteAt(fallback, index) & ~mask);
  }
  return result;
}

/** 1 for 0, 0 for 1 to 255, without a branch. */
function isZero(byte: number): number {
  return ((byte - 1) >>> 31) & 1;
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function raw(key: KeyObject, block: Uint8Array): Uint8Array {
  return publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);
}

function mgf1(seed: Uint8Array, length: number): Uint8Array {
  const mask = Buffer.alloc(Math.ceil(length / HASH_LENGTH) * HASH_LENGTH);
  const counter = Buffer.alloc(4);
  for (let index = 0; index * HASH_LENGTH < length; index += 1) {
    counter.writeUInt32BE(index);
    createHash('sha256')
      .update(seed)
      .update(counter)
      .digest()
      .copy(mask, index * HASH_LENGTH);
  }
  return mask.subarray(0, length);
}

function xor(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.map((byte, index) => byte ^ byteAt(right, index));
}

function nonZero(length: number, random: RandomSource): Uint8Array {
  const bytes = Uint8Array.from(random(length));
  for (let index = 0; index < length; index += 1) {
    while (bytes[index] === 0) bytes[index] = random(1)[0] ?? 0;
  }
  return bytes;
}
