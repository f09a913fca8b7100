/** JWS algorithms (RFC 7518, RFC 8037) over `node:crypto`. */
import { constants, createHmac, type KeyObject, sign, timingSafeEqual, verify } from 'node:crypto';

type Family = 'hmac' | 'rsa' | 'pss' | 'ecdsa' | 'eddsa';

interface Algorithm {
  readonly family: Family;
  readonly hash: string;
  /** ECDSA: the one curve the algorithm is defined for (RFC 7518 section 3.4), in OpenSSL's spelling. */
  readonly curve?: string;
}

const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ['HS256', { family: 'hmac', hash: 'sha256' }],
  ['HS384', { family: 'hmac', hash: 'sha384' }],
  ['HS512', { family: 'hmac', hash: 'sha512' }],
  ['RS256', { family: 'rsa', hash: 'sha256' }],
  ['RS384', { family: 'rsa', hash: 'sha384' }],
  ['RS512', { family: 'rsa', hash: 'sha512' }],
  ['PS256', { family: 'pss', hash: 'sha256' }],
  ['PS384', { family: 'pss', hash: 'sha384' }],
  ['PS512', { family: 'pss', hash: 'sha512' }],
  ['ES256', { family: 'ecdsa', hash: 'sha256', curve: 'prime256v1' }],
  ['ES384', { family: 'ecdsa', hash: 'sha384', curve: 'secp384r1' }],
  ['ES512', { family: 'ecdsa', hash: 'sha512', curve: 'secp521r1' }],
  ['EdDSA', { family: 'eddsa', hash: '' }],
]);

const MIN_RSA_BITS = 1024;

export function isKnownAlgorithm(name: string): boolean {
  return ALGORITHMS.has(name);
}

/** Whether two runs over the same data give different signatures. */
export function isRandomized(name: string): boolean {
  const family = ALGORITHMS.get(name)?.family;
  return family === 'pss' || family === 'ecdsa';
}

/** Key material: a key object, or the octets of a shared secret. */
export type SigningKey = KeyObject | Uint8Array;

/** Verifies; false also when algorithm and key do not belong together, so that no key serves for another purpose. */
export function verifySignature(name: string, key: SigningKey, data: Uint8Array, signature: Uint8Array): boolean {
  const algorithm = ALGORITHMS.get(name);
  if (algorithm === undefined) return false;
  if (algorithm.family === 'hmac') {
    if (!(key instanceof Uint8Array)) return false;
    const expected = createHmac(algorithm.hash, key).update(data).digest();
    return expected.length === signature.length && timingSafeEqual(expected, signature);
  }
  if (key instanceof Uint8Array || key.type !== 'public' || !fits(algorithm, key)) return false;
  try {
    return verify(algorithm.hash === '' ? null : algorithm.hash, data, parameters(algorithm, key), signature);
  } catch {
    // OpenSSL refuses some malformed signatures with an exception.
    return false;
  }
}

/** Signs; undefined when algorithm and key do not belong together, or the key is not sound. */
export function createSignature(name: string, key: SigningKey, data: Uint8Array): Uint8Array | undefined {
  const algorithm = ALGORITHMS.get(name);
  if (algorithm === undefined) return undefined;
  if (algorithm.family === 'hmac') {
    return key instanceof Uint8Array ? createHmac(algorithm.hash, key).update(data).digest() : undefined;
  }
  if (key instanceof Uint8Array || key.type !== 'private' || !fits(algorithm, key)) return undefined;
  try {
    return sign(algorithm.hash === '' ? null : algorithm.hash, data, parameters(algorithm, key));
  } catch {
    // A key whose numbers do not belong together is only noticed here.
    return undefined;
  }
}

function fits(algorithm: Algorithm, key: KeyObject): boolean {
  const details = key.asymmetricKeyDetails;
  switch (algorithm.family) {
    case 'rsa':
    case 'pss':
      return key.asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= MIN_RSA_BITS;
    case 'ecdsa':
      return key.asymmetricKeyType === 'ec' && details?.namedCurve === algorithm.curve;
    case 'eddsa':
      return key.asymmetricKeyType === 'ed25519';
    default:
      return false;
  }
}

interface SignatureParameters {
  key: KeyObject;
  padding?: number;
  saltLength?: number;
  dsaEncoding?: 'ieee-p1363';
}

function parameters(algorithm: Algorithm, key: KeyObject): SignatureParameters {
  switch (algorithm.family) {
    case 'pss':
      return {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: key.type === 'private' ? constants.RSA_PSS_SALTLEN_DIGEST : constants.RSA_PSS_SALTLEN_AUTO,
      };
    case 'ecdsa':
      return { key, dsaEncoding: 'ieee-p1363' };
    default:
      return { key };
  }
}
