/** Verification and signing keys from PEM or JSON Web Keys. Needs `node:crypto`. */
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject, X509Certificate } from 'node:crypto';
import {
  type AnyObject,
  isArray,
  isObject,
  JsonSyntaxError,
  objectEntries,
  objectGet,
  parseJson,
} from '../../../value/index.js';
import { failure } from '../../types.js';
import { decodeBase64Url } from '../base64.js';
import { nextPemBlock } from '../pem.js';
import { isKnownAlgorithm, type SigningKey } from './algorithms.js';

export interface VerificationKey {
  readonly key: SigningKey;
  /** '' when the key does not say. */
  readonly alg: string;
  readonly kid: string;
}

/** Keys from a PEM certificate, a PEM public key, a JWK or a JWK set. */
export function verificationKeys(text: string): VerificationKey[] {
  const pem = nextPemBlock(text);
  if (pem !== undefined) {
    if (pem.end < text.length) throw failure('extra data after a PEM certificate block');
    return [{ key: publicKeyFromPem(pem.block.type, pem.block.der), alg: '', kid: '' }];
  }
  const out: VerificationKey[] = [];
  for (const jwk of parseKeySet(text)) {
    const key = jwkToKey(jwk, false);
    const alg = textMember(jwk, 'alg');
    // Keys for algorithms outside JWS (encryption, above all) are not for us.
    if (alg !== '' && !isKnownAlgorithm(alg)) continue;
    out.push({ key, alg, kid: textMember(jwk, 'kid') });
  }
  return out;
}

function publicKeyFromPem(type: string, der: Uint8Array): KeyObject {
  if (type === 'CERTIFICATE') {
    try {
      return new X509Certificate(der).publicKey;
    } catch {
      throw failure('failed to parse a PEM certificate');
    }
  }
  if (type === 'PUBLIC KEY') {
    try {
      return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
    } catch {
      throw failure('failed to parse a PEM public key');
    }
  }
  throw failure('failed to extract a Key from the PEM certificate');
}

/** First key of a JWK or JWK set, for signing. */
export function signingKey(text: string): SigningKey {
  const [jwk] = parseKeySet(text);
  if (jwk === undefined) throw failure('no keys found in JWK set');
  return jwkToKey(jwk, true);
}

function parseKeySet(text: string): AnyObject[] {
  let value: ReturnType<typeof parseJson>;
  try {
    value = parseJson(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw badKey(error.message);
    throw error;
  }
  if (!isObject(value)) throw badKey('not a JSON object');
  const keys = objectGet(value, 'keys');
  if (keys === undefined) return [value];
  if (!isArray(keys) || !keys.every(isObject)) throw badKey('"keys" is not a list of objects');
  return [...keys];
}

function badKey(reason: string): Error {
  return failure(`failed to parse a JWK key (set): ${reason}`);
}

function textMember(jwk: AnyObject, name: string): string {
  const value = objectGet(jwk, name);
  return typeof value === 'string' ? value : '';
}

function jwkToKey(jwk: AnyObject, isPrivate: boolean): SigningKey {
  const kty = textMember(jwk, 'kty');
  if (kty === 'oct') {
    try {
      return decodeBase64Url(textMember(jwk, 'k'));
    } catch {
      throw badKey('member "k" is not base64url');
    }
  }
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') throw badKey(`unknown key type ${JSON.stringify(kty)}`);
  const members: Record<string, string> = {};
  for (const { key, value } of objectEntries(jwk)) {
    if (typeof key === 'string' && typeof value === 'string') members[key] = value;
  }
  try {
    const source = { key: members as JsonWebKey, format: 'jwk' as const };
    return isPrivate ? createPrivateKey(source) : createPublicKey(source);
  } catch {
    // The reason would quote key material.
    throw badKey(`members of a ${kty} key are missing or wrong`);
  }
}
