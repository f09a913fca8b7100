/** Keys and certificates for layers, in the encodings that image tools take. */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { decodeUtf8, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';

/** Algorithms of RFC 7518 that wrap the options of a layer. */
export const JWE_ALGORITHMS = [
  'RSA-OAEP',
  'RSA-OAEP-256',
  'ECDH-ES+A256KW',
  'ECDH-ES+A192KW',
  'ECDH-ES+A128KW',
] as const;
export type JweAlgorithm = (typeof JWE_ALGORITHMS)[number];

export interface RecipientKey {
  readonly key: KeyObject;
  /** From the `alg` of a JWK, else what the kind of key asks for. */
  readonly algorithm: JweAlgorithm;
}

const LARGEST_KEY = 64 * 1024;

/**
 * A recipient's public key: PEM, DER (SubjectPublicKeyInfo) or JWK. A private key gives its public half.
 *
 * @param file name for errors
 * @throws AssayError `image.key.form`
 */
export function readPublicKey(bytes: Uint8Array, file: string): RecipientKey {
  checkSize(bytes, file);
  const jwk = jwkOf(bytes);
  const key = firstOf(
    jwk === undefined
      ? [
          () => createPublicKey(pemOf(bytes)),
          () => createPublicKey({ key: Buffer.from(bytes), format: 'der', type: 'spki' }),
        ]
      : [() => createPublicKey({ key: jwk as Record<string, string>, format: 'jwk' })],
  );
  if (key === undefined) throw unreadable(file, 'no public key in PEM, DER or JWK');
  return { key, algorithm: algorithmOf(key, jwk, file) };
}

/**
 * A private key: PEM (PKCS#8, PKCS#1, SEC 1, with a password where it is encrypted), DER or JWK.
 *
 * @throws AssayError `image.key.form`, which says nothing of the password
 */
export function readPrivateKey(bytes: Uint8Array, file: string, password?: string): KeyObject {
  checkSize(bytes, file);
  const jwk = jwkOf(bytes);
  const passphrase = password === undefined ? {} : { passphrase: password };
  const der = (type: 'pkcs8' | 'pkcs1' | 'sec1') => () =>
    createPrivateKey({ key: Buffer.from(bytes), format: 'der', type, ...(type === 'pkcs8' ? passphrase : {}) });
  const key = firstOf(
    jwk === undefined
      ? [
          () => createPrivateKey({ key: pemOf(bytes), format: 'pem', ...passphrase }),
          der('pkcs8'),
          der('pkcs1'),
          der('sec1'),
        ]
      : [() => createPrivateKey({ key: jwk as Record<string, string>, format: 'jwk' })],
  );
  if (key === undefined) {
    const encrypted = /ENCRYPTED/.test(Buffer.from(bytes.subarray(0, 512)).toString('latin1'));
    const why = encrypted
      ? password === undefined
        ? 'it is encrypted, and no password was given'
        : 'the password does not open it'
      : 'no private key in PEM, DER or JWK';
    throw unreadable(file, why);
  }
  algorithmOf(key, undefined, file);
  return key;
}

/** An X.509 certificate, PEM or DER. @returns undefined when it is none */
export function readCertificate(bytes: Uint8Array): X509Certificate | undefined {
  if (bytes.length > LARGEST_KEY) return undefined;
  try {
    return new X509Certificate(bytes);
  } catch {
    return undefined;
  }
}

function algorithmOf(key: KeyObject, jwk: JsonObject | undefined, file: string): JweAlgorithm {
  const kind = key.asymmetricKeyType;
  const usual = kind === 'rsa' ? 'RSA-OAEP' : kind === 'ec' ? 'ECDH-ES+A256KW' : undefined;
  if (usual === undefined) throw unreadable(file, `a key of kind ${kind ?? 'unknown'} wraps nothing`);
  const named = jwk?.['alg'];
  if (named === undefined) return usual;
  const fitting = JWE_ALGORITHMS.find((algorithm) => algorithm === named && algorithm.startsWith(usual.slice(0, 4)));
  if (fitting === undefined)
    throw unreadable(file, `the JWK asks for \`${String(named).slice(0, 40)}\`, which does not fit`);
  return fitting;
}

function jwkOf(bytes: Uint8Array): JsonObject | undefined {
  // White space, then an object: neither PEM nor DER starts so.
  if (!/^\s*\{/.test(Buffer.from(bytes.subarray(0, 64)).toString('latin1'))) return undefined;
  try {
    const value = parseJsonStrict(decodeUtf8(bytes));
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

function pemOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function firstOf(attempts: readonly (() => KeyObject)[]): KeyObject | undefined {
  for (const attempt of attempts) {
    try {
      return attempt();
    } catch {
      // The next encoding.
    }
  }
  return undefined;
}

function checkSize(bytes: Uint8Array, file: string): void {
  if (bytes.length > LARGEST_KEY) throw unreadable(file, `${bytes.length} bytes are no key`);
}

function unreadable(file: string, what: string): AssayError {
  return assayError('image.key.form', { params: { file, what }, subject: file });
}
