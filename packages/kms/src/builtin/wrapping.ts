import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { ByteReader, concatBytes, DecodeError, encodeHex, encodeUtf8 } from '@assay/bytes';

/*
 * A data-encryption key wrapped under a KEK, version 1, with exact lengths and nothing after it:
 *
 *   version     1 byte, 0x01
 *   KEK id      8 bytes
 *   nonce       12 bytes, random: at most 2^32 wrappings under one KEK (NIST SP 800-38D, 8.3)
 *   ciphertext  as long as the key
 *   tag         16 bytes
 *
 * AES-256-GCM; version, KEK id and context are authenticated with it.
 */
const VERSION = 1;
const ID_LENGTH = 8;
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const LABEL = encodeUtf8('assay kek 1');

export interface Kek {
  /** Lower-case hex, 16 digits: a fingerprint, so that a file under the same name with another key is told apart. */
  readonly id: string;
  readonly key: KeyObject;
}

/** Takes a key over; the caller may overwrite the bytes afterwards. */
export function kekOf(bytes: Uint8Array): Kek {
  const fingerprint = createHmac('sha256', bytes).update('assay kek id 1').digest().subarray(0, ID_LENGTH);
  return { id: encodeHex(new Uint8Array(fingerprint)), key: createSecretKey(bytes) };
}

export interface WrappedKey {
  readonly kekId: string;
  readonly header: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** @throws DecodeError */
export function decodeWrapped(wrapped: Uint8Array): WrappedKey {
  const reader = new ByteReader(wrapped, 'wrapped key');
  if (reader.u8('version') !== VERSION) throw new DecodeError('wrapped key', 'unknown version', 0);
  const id = reader.bytes(ID_LENGTH, 'KEK id');
  const nonce = reader.bytes(NONCE_LENGTH, 'nonce');
  if (reader.remaining <= TAG_LENGTH) throw new DecodeError('wrapped key', 'truncated', reader.offset);
  const ciphertext = reader.bytes(reader.remaining - TAG_LENGTH, 'ciphertext');
  const tag = reader.bytes(TAG_LENGTH, 'tag');
  return { kekId: encodeHex(id), header: wrapped.subarray(0, 1 + ID_LENGTH), nonce, ciphertext, tag };
}

export function wrapKey(kek: Kek, dek: Uint8Array, context: Uint8Array, nonce: Uint8Array): Uint8Array {
  const header = concatBytes(Uint8Array.of(VERSION), new Uint8Array(Buffer.from(kek.id, 'hex')));
  const cipher = createCipheriv('aes-256-gcm', kek.key, nonce, { authTagLength: TAG_LENGTH });
  cipher.setAAD(concatBytes(LABEL, header, context));
  return concatBytes(header, nonce, cipher.update(dek), cipher.final(), cipher.getAuthTag());
}

/** The key, or undefined if it does not authenticate under this KEK and context. */
export function unwrapKey(kek: Kek, wrapped: WrappedKey, context: Uint8Array): Uint8Array | undefined {
  const decipher = createDecipheriv('aes-256-gcm', kek.key, wrapped.nonce, { authTagLength: TAG_LENGTH });
  decipher.setAAD(concatBytes(LABEL, wrapped.header, context));
  decipher.setAuthTag(wrapped.tag);
  const dek = decipher.update(wrapped.ciphertext);
  try {
    decipher.final();
    return new Uint8Array(dek);
  } catch {
    return undefined;
  } finally {
    dek.fill(0);
  }
}

export const WRAP_NONCE_LENGTH = NONCE_LENGTH;
