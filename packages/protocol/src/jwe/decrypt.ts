import { createDecipheriv, createPublicKey, diffieHellman } from 'node:crypto';
import {
  concatBytes,
  DecodeError,
  decodeBase64url,
  decodeUtf8,
  encodeUtf8,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { type FlattenedJwe, ResponseSchema } from '../kbs/schemas.js';
import type { JweForm } from '../kbs/version.js';
import { ProtocolError } from '../protocol-error.js';
import { shape } from '../shape.js';
import { ECDH_CURVES } from './curve.js';
import type { TeePrivateKey } from './key-pair.js';
import { ecdhWrappingKey, unwrapKey } from './key-wrap.js';
import { ML_KEM_768, mlKemWrappingKey } from './ml-kem.js';
import type { RandomSource } from './random.js';
import { decryptOaep256, decryptPkcs1Key } from './rsa.js';

export interface DecryptJweOptions {
  /** Of the protocol version that the client speaks: the other form is refused. */
  readonly form: JweForm;
  readonly random: RandomSource;
}

const TAG_LENGTH = 16;
const responseShape = shape(ResponseSchema, 'response.body.form', 'Response');

/** Checks the members of an encrypted answer. @throws ProtocolError `response.body.form` */
export function parseResponse(body: JsonValue): FlattenedJwe {
  return responseShape(body);
}

/**
 * Opens an encrypted answer with the guest's key.
 *
 * @throws ProtocolError `response.body.form` for what is not a JWE of this form; `response.jwe.opened`, without saying which step failed,
 *   when it is not for this key or was changed
 */
export function decryptJwe(jwe: FlattenedJwe, key: TeePrivateKey, options: DecryptJweOptions): Uint8Array {
  const header = readHeader(jwe, options.form);
  if (header['alg'] !== key.alg || header['enc'] !== 'A256GCM') {
    throw malformed(`header asks for other algorithms than ${key.alg} with A256GCM`);
  }
  // Neither compression nor an extension is part of the protocol.
  if (Object.hasOwn(header, 'zip') || Object.hasOwn(header, 'crit')) throw malformed('header asks for an extension');
  const parts = readParts(jwe, options.form);
  const agreed = readAgreement(header, key);
  try {
    const cek = contentKey(key, parts.encryptedKey, agreed, options.random);
    const decipher = createDecipheriv('aes-256-gcm', cek, parts.iv, { authTagLength: TAG_LENGTH });
    if (options.form === 2) decipher.setAAD(encodeUtf8(jwe.protected));
    decipher.setAuthTag(parts.tag);
    return concatBytes(decipher.update(parts.ciphertext), decipher.final());
  } catch {
    // One answer for every step, and no cause: which step failed is what an attacker would ask for.
    throw new ProtocolError('response.jwe.opened', 'answer cannot be decrypted with this key');
  }
}

function readHeader(jwe: FlattenedJwe, form: JweForm): JsonObject {
  let header: JsonValue;
  try {
    header = parseJsonStrict(form === 1 ? jwe.protected : decodeUtf8(decodeBase64url(jwe.protected)));
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw malformed(`protected header: ${cause.message}`, cause);
  }
  if (!isJsonObject(header)) throw malformed('protected header is not an object');
  return header;
}

function readParts(jwe: FlattenedJwe, form: JweForm) {
  const iv = member(jwe, 'iv');
  if (iv.length !== 12) throw malformed(`iv has ${iv.length} bytes, 12 are due`);
  const encryptedKey = member(jwe, 'encrypted_key');
  const sealed = member(jwe, 'ciphertext');
  if (form === 2) {
    const tag = member(jwe, 'tag');
    if (tag.length !== TAG_LENGTH) throw malformed(`tag has ${tag.length} bytes, ${TAG_LENGTH} are due`);
    return { iv, encryptedKey, ciphertext: sealed, tag };
  }
  if (sealed.length < TAG_LENGTH) throw malformed('ciphertext is shorter than its tag');
  const split = sealed.length - TAG_LENGTH;
  return { iv, encryptedKey, ciphertext: sealed.subarray(0, split), tag: sealed.subarray(split) };
}

/** What the header gives to the key agreement: nothing for RSA, the ephemeral point's JWK, or the KEM ciphertext. */
type Agreement =
  | undefined
  | { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
  | Uint8Array;

function readAgreement(header: JsonObject, key: TeePrivateKey): Agreement {
  if (key.alg === 'ECDH-ES+A256KW') {
    const epk = header['epk'];
    if (!isJsonObject(epk) || epk['kty'] !== 'EC' || epk['crv'] !== key.curve) {
      throw malformed(`epk is not an ephemeral key on ${key.curve}`);
    }
    if (Object.hasOwn(header, 'apu') || Object.hasOwn(header, 'apv')) throw malformed('header names parties');
    const { x, y } = epk;
    if (typeof x !== 'string' || typeof y !== 'string') throw malformed('epk has no coordinates');
    const { width } = ECDH_CURVES[key.curve];
    if (bytesOf(x, 'epk').length !== width || bytesOf(y, 'epk').length !== width) {
      throw malformed('epk has coordinates of another length');
    }
    return { kty: 'EC', crv: key.curve, x, y };
  }
  if (key.alg !== 'ML-KEM-768+A192KW') return undefined;
  const ek = header['ek'];
  const ciphertext = typeof ek === 'string' ? bytesOf(ek, 'ek') : new Uint8Array();
  if (ciphertext.length !== ML_KEM_768.ciphertextLength) throw malformed('ek is not an ML-KEM-768 ciphertext');
  return ciphertext;
}

function contentKey(key: TeePrivateKey, encryptedKey: Uint8Array, agreed: Agreement, random: RandomSource): Uint8Array {
  switch (key.alg) {
    case 'RSA1_5':
      return decryptPkcs1Key(key.key, encryptedKey, random(32));
    case 'RSA-OAEP-256':
      return decryptOaep256(key.key, encryptedKey);
    case 'ECDH-ES+A256KW': {
      if (agreed === undefined || agreed instanceof Uint8Array) throw new TypeError('no ephemeral key');
      const publicKey = createPublicKey({ key: agreed, format: 'jwk' });
      return unwrapKey(ecdhWrappingKey(diffieHellman({ privateKey: key.key, publicKey })), encryptedKey);
    }
    case 'ML-KEM-768+A192KW': {
      if (!(agreed instanceof Uint8Array)) throw new TypeError('no KEM ciphertext');
      return unwrapKey(mlKemWrappingKey(ML_KEM_768.decapsulate(agreed, key.decapsulationKey)), encryptedKey);
    }
  }
}

function member(jwe: FlattenedJwe, name: 'iv' | 'encrypted_key' | 'ciphertext' | 'tag'): Uint8Array {
  return bytesOf(jwe[name], name);
}

function bytesOf(text: string, name: string): Uint8Array {
  try {
    return decodeBase64url(text);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw malformed(`${name}: ${cause.message}`, cause);
  }
}

function malformed(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError('response.body.form', `Response: ${what}`, { cause });
}
