import { constants, createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { SignatureAlgorithm, SubjectPublicKey } from './algorithm.js';
import { LruMap } from './lru.js';

/**
 * Imported public keys by their coordinates, or the digest of their encoding: the import costs more than a verification.
 *
 * Bounded, and about keys only: no result of a verification is kept.
 */
export class KeyCache {
  readonly #keys: LruMap<KeyObject>;
  /** Keys that ship with the product: few, and neither pushed out nor cleared. */
  readonly #builtIn = new Map<string, KeyObject>();

  constructor(limit: number) {
    this.#keys = new LruMap(limit);
  }

  /** A P-256 or P-384 key of its uncompressed coordinates. @returns undefined when they are not a point on the curve. */
  ec(curve: 'P-256' | 'P-384', x: Uint8Array, y: Uint8Array): KeyObject | undefined {
    return this.#cached(ecName(curve, x, y), () =>
      // A JWK is imported without OpenSSL's decoder search, in half the time that a SubjectPublicKeyInfo takes.
      createPublicKey({
        format: 'jwk',
        key: { kty: 'EC', crv: curve, x: base64url(x), y: base64url(y) },
      }),
    );
  }

  /** @returns undefined for a type that is not served, or a key that does not import. */
  key(publicKey: SubjectPublicKey): KeyObject | undefined {
    const { type, key, der } = publicKey;
    if (type === 'ec-p256') return this.ec('P-256', key.subarray(1, 33), key.subarray(33));
    if (type === 'ec-p384') return this.ec('P-384', key.subarray(1, 49), key.subarray(49));
    if (type !== 'rsa') return undefined;
    return this.#cached(nameOf(publicKey), () =>
      createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' }),
    );
  }

  /** Imports the key of a built-in trust anchor for good. @throws when it does not import: a defect of the release */
  keep(publicKey: SubjectPublicKey): void {
    const key = this.key(publicKey);
    if (key === undefined) throw new Error('a built-in key does not import');
    this.#builtIn.set(nameOf(publicKey), key);
  }

  clear(): void {
    this.#keys.clear();
  }

  #cached(name: string, make: () => KeyObject): KeyObject | undefined {
    const known = this.#builtIn.get(name) ?? this.#keys.get(name);
    if (known !== undefined) return known;
    try {
      const key = make();
      this.#keys.set(name, key);
      return key;
    } catch {
      return undefined;
    }
  }
}

/** Keys of vendors' certificates, shared by all verifiers of a process. */
export const vendorKeys = new KeyCache(512);

/**
 * Verifies a signature of a certificate or CRL (ECDSA signatures in DER) with a certificate's key.
 *
 * @returns false also where algorithm and key do not fit each other or are not served.
 */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  signed: Uint8Array,
  signature: Uint8Array,
  publicKey: SubjectPublicKey,
  keys: KeyCache = vendorKeys,
): boolean {
  const [family, hash] = split(algorithm);
  if (hash === undefined || (family === 'ecdsa') === (publicKey.type === 'rsa')) return false;
  const key = keys.key(publicKey);
  if (key === undefined) return false;
  try {
    if (family === 'ecdsa') return verify(hash, signed, { key, dsaEncoding: 'der' }, signature);
    if (family === 'rsa-pkcs1') return verify(hash, signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
    return verify(hash, signed, options, signature);
  } catch {
    return false;
  }
}

/** Verifies an ECDSA signature `r ‖ s` in fixed width (IEEE P1363). Out-of-range values do not verify. */
export function verifyFixedWidth(
  hash: 'sha256' | 'sha384',
  signed: Uint8Array,
  signature: Uint8Array,
  key: KeyObject,
): boolean {
  try {
    return verify(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
  } catch {
    return false;
  }
}

function split(algorithm: SignatureAlgorithm): [family: string, hash: string | undefined] {
  const at = algorithm.lastIndexOf('-');
  return algorithm.startsWith('unknown') ? ['', undefined] : [algorithm.slice(0, at), algorithm.slice(at + 1)];
}

/** Under what a key is kept. */
function nameOf({ der, key, type }: SubjectPublicKey): string {
  if (type === 'ec-p256') return ecName('P-256', key.subarray(1, 33), key.subarray(33));
  if (type === 'ec-p384') return ecName('P-384', key.subarray(1, 49), key.subarray(49));
  return `RSA${createHash('sha256').update(der).digest('base64')}`;
}

function ecName(curve: 'P-256' | 'P-384', x: Uint8Array, y: Uint8Array): string {
  return `${curve}${latin1(x)}${latin1(y)}`;
}

/** One character per byte: the coordinates themselves name the key, which costs less than a digest of them. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}
