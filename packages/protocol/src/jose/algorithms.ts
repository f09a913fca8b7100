import type { KeyObject } from 'node:crypto';

/** Signature algorithms that are accepted anywhere in this project. `none` and symmetric algorithms do not exist here. */
export const JWS_ALGORITHMS = [
  'ES256',
  'ES384',
  'EdDSA',
  'PS256',
  // Intel Trust Authority signs its tokens so; old attestation services signed RS384.
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
] as const;

export type JwsAlgorithm = (typeof JWS_ALGORITHMS)[number];

/** How node:crypto computes one algorithm, and which keys it takes. */
export interface JwsScheme {
  /** Digest name; undefined where the algorithm has its own (Ed25519). */
  readonly digest: 'sha256' | 'sha384' | 'sha512' | undefined;
  readonly keyType: 'ec' | 'rsa' | 'ed25519';
  readonly curve?: 'prime256v1' | 'secp384r1';
  /** RSASSA-PSS with a salt of this many bytes: as long as the digest (RFC 7518 section 3.5). */
  readonly pssSalt?: 32 | 48 | 64;
}

export const JWS_SCHEMES: Readonly<Record<JwsAlgorithm, JwsScheme>> = {
  ES256: { digest: 'sha256', keyType: 'ec', curve: 'prime256v1' },
  ES384: { digest: 'sha384', keyType: 'ec', curve: 'secp384r1' },
  EdDSA: { digest: undefined, keyType: 'ed25519' },
  PS256: { digest: 'sha256', keyType: 'rsa', pssSalt: 32 },
  PS384: { digest: 'sha384', keyType: 'rsa', pssSalt: 48 },
  PS512: { digest: 'sha512', keyType: 'rsa', pssSalt: 64 },
  RS256: { digest: 'sha256', keyType: 'rsa' },
  RS384: { digest: 'sha384', keyType: 'rsa' },
  RS512: { digest: 'sha512', keyType: 'rsa' },
};

/** RFC 7518 sections 3.3 and 3.5 demand 2048 bits; more than 8192 is a way to spend the verifier's time. */
const RSA_BITS = { least: 2048, most: 8192 };

export function isJwsAlgorithm(name: unknown): name is JwsAlgorithm {
  return typeof name === 'string' && Object.hasOwn(JWS_SCHEMES, name);
}

/** Whether a key may be used with an algorithm at all: type, curve and size. Symmetric keys never fit. */
export function keyFits(algorithm: JwsAlgorithm, key: KeyObject): boolean {
  const scheme = JWS_SCHEMES[algorithm];
  if (key.type === 'secret' || key.asymmetricKeyType !== scheme.keyType) return false;
  const details = key.asymmetricKeyDetails;
  if (scheme.curve !== undefined) return details?.namedCurve === scheme.curve;
  if (scheme.keyType !== 'rsa') return true;
  const bits = details?.modulusLength ?? 0;
  return bits >= RSA_BITS.least && bits <= RSA_BITS.most;
}

/** The algorithm that a key is used with where nothing names one; RSA keys sign RS256. */
export function defaultAlgorithm(key: KeyObject): JwsAlgorithm | undefined {
  return (['ES256', 'ES384', 'EdDSA', 'RS256'] as const).find((algorithm) => keyFits(algorithm, key));
}
