import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import {
  canonicalJson,
  DecodeError,
  decodeBase64url,
  encodeBase64url,
  encodeUtf8,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '@assay/bytes';
import { ProtocolError } from '../protocol-error.js';
import { defaultAlgorithm, isJwsAlgorithm, type JwsAlgorithm, keyFits } from './algorithms.js';

/** A public signature key out of a JWK (RFC 7517), imported once. */
export interface VerificationKey {
  readonly key: KeyObject;
  /** `alg` of the JWK, or what the key is used with where it has none. */
  readonly algorithm: JwsAlgorithm;
  readonly kid: string | undefined;
  /** RFC 7638 thumbprint, SHA-256, base64url. */
  readonly thumbprint: string;
}

/** Members that make the key, by type (RFC 7638 section 3.2, RFC 8037 section 2). */
const KEY_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
};
const MAX_KEYS = 64;

/**
 * Imports a JWK for verification. Symmetric keys (`oct`) and keys whose `alg` does not fit them are refused: this is where algorithm
 * confusion would begin.
 *
 * @throws ProtocolError `token.algorithm.allowed`, `token.form.valid`
 */
export function importJwk(jwk: JsonValue | undefined): VerificationKey {
  const members = publicMembers(jwk);
  const { alg, kid, use } = jwk as JsonObject;
  if (use !== undefined && use !== 'sig') throw refuse('is not for signatures');
  const key = importMembers(members);
  const algorithm = alg === undefined ? defaultAlgorithm(key) : alg;
  if (!isJwsAlgorithm(algorithm) || !keyFits(algorithm, key)) {
    throw new ProtocolError(
      'token.algorithm.allowed',
      'JWK is for an algorithm that is not served, or does not fit it',
      {
        path: '/alg',
      },
    );
  }
  if (kid !== undefined && typeof kid !== 'string') throw refuse('has a kid that is not a string');
  return { key, algorithm, kid, thumbprint: thumbprintOf(members) };
}

/**
 * Imports a JWK set (RFC 7517 section 5). Keys of other types or uses are left out, as the RFC asks; a set without any usable key is an error.
 *
 * @throws ProtocolError `token.form.valid`
 */
export function importJwkSet(set: JsonValue | undefined): VerificationKey[] {
  const keys = isJsonObject(set) ? set['keys'] : undefined;
  if (!isJsonArray(keys)) throw new ProtocolError('token.form.valid', 'JWK set has no keys array', { path: '/keys' });
  if (keys.length > MAX_KEYS) throw new ProtocolError('token.form.valid', `JWK set has more than ${MAX_KEYS} keys`);
  const imported = keys.flatMap((jwk) => {
    try {
      return [importJwk(jwk)];
    } catch (error) {
      if (error instanceof ProtocolError) return [];
      throw error;
    }
  });
  if (imported.length === 0)
    throw new ProtocolError('token.form.valid', 'JWK set has no key that can verify signatures');
  return imported;
}

/** RFC 7638 thumbprint (SHA-256, base64url) of an EC, OKP or RSA JWK. @throws ProtocolError `token.form.valid` */
export function jwkThumbprint(jwk: JsonValue): string {
  return thumbprintOf(publicMembers(jwk));
}

/** The public JWK of a key, key members alone, in the order `kty`, `crv`, `x`, `y` or `kty`, `n`, `e`. */
export function exportPublicJwk(key: KeyObject): JsonObject {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const jwk = publicKey.export({ format: 'jwk' });
  const order = ['kty', 'crv', 'n', 'e', 'x', 'y'] as const;
  return Object.fromEntries(
    order.flatMap((member) => (typeof jwk[member] === 'string' ? [[member, jwk[member]]] : [])),
  );
}

function publicMembers(jwk: JsonValue | undefined): Readonly<Record<string, string>> {
  if (!isJsonObject(jwk)) throw refuse('is not an object');
  const kty = jwk['kty'];
  const names = typeof kty === 'string' && Object.hasOwn(KEY_MEMBERS, kty) ? KEY_MEMBERS[kty] : undefined;
  if (names === undefined) throw refuse('is of another type than EC, OKP and RSA');
  return Object.fromEntries(
    names.map((name) => {
      const value = jwk[name];
      if (typeof value !== 'string' || value === '') throw refuse(`has no text ${name}`);
      return [name, value];
    }),
  );
}

function importMembers(members: Readonly<Record<string, string>>): KeyObject {
  try {
    // node:crypto would skip foreign characters: only one text per number is a key.
    for (const name of ['x', 'y', 'n', 'e']) if (members[name] !== undefined) decodeBase64url(members[name]);
    return createPublicKey({ key: members as JsonWebKey, format: 'jwk' });
  } catch (cause) {
    throw refuse(cause instanceof DecodeError ? 'has a member that is not base64url' : 'is not a usable key', cause);
  }
}

function thumbprintOf(members: Readonly<Record<string, string>>): string {
  return encodeBase64url(
    createHash('sha256')
      .update(encodeUtf8(canonicalJson(members)))
      .digest(),
  );
}

function refuse(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError('token.form.valid', `JWK ${what}`, { cause });
}
