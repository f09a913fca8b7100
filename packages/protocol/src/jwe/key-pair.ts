import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { encodeBase64url, type JsonObject } from '@assay/bytes';
import { parseTeePubkey, type TeePubkey } from '../kbs/tee-pubkey.js';
import { type EcdhCurve, isEcdhCurve } from './curve.js';
import { ML_KEM_768 } from './ml-kem.js';
import type { RandomSource } from './random.js';

/** Names of key kinds in client configuration (`tee_key_algorithm`); `RSA1_5` for playing a client of 0.1.x. */
export const TEE_KEY_ALGORITHMS = [
  'ECDH-ES+A256KW-P256',
  'ECDH-ES+A256KW-P521',
  'RSA-OAEP-256',
  'ML-KEM-768+A192KW',
  'RSA1_5',
] as const;

export type TeeKeyAlgorithm = (typeof TEE_KEY_ALGORITHMS)[number];

/** The guest's private half. */
export type TeePrivateKey =
  | { readonly alg: 'RSA-OAEP-256' | 'RSA1_5'; readonly key: KeyObject }
  | { readonly alg: 'ECDH-ES+A256KW'; readonly curve: EcdhCurve; readonly key: KeyObject }
  | { readonly alg: 'ML-KEM-768+A192KW'; readonly decapsulationKey: Uint8Array };

/** A guest's key pair: `publicKey.asReceived` is the `tee-pubkey` to send. */
export interface TeeKeyPair {
  readonly publicKey: TeePubkey;
  readonly privateKey: TeePrivateKey;
}

/**
 * Makes a fresh key pair.
 *
 * @param random for ML-KEM; RSA and EC keys are made by OpenSSL from its own generator
 */
export function generateTeeKeyPair(algorithm: TeeKeyAlgorithm, random: RandomSource): TeeKeyPair {
  switch (algorithm) {
    case 'ECDH-ES+A256KW-P256':
      return teeKeyPair(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    case 'ECDH-ES+A256KW-P521':
      return teeKeyPair(generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey);
    case 'RSA-OAEP-256':
    case 'RSA1_5':
      return teeKeyPair(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, algorithm);
    case 'ML-KEM-768+A192KW': {
      const { encapsulationKey, decapsulationKey } = ML_KEM_768.generate(random);
      const publicKey = parseTeePubkey({ kty: 'AKP', alg: algorithm, pub: encodeBase64url(encapsulationKey) });
      return { publicKey, privateKey: { alg: algorithm, decapsulationKey } };
    }
  }
}

/**
 * The key pair of a private key.
 *
 * @param rsaAlgorithm what an RSA key is used with
 * @throws RangeError for other keys than RSA, P-256 and P-521
 */
export function teeKeyPair(key: KeyObject, rsaAlgorithm: 'RSA-OAEP-256' | 'RSA1_5' = 'RSA-OAEP-256'): TeeKeyPair {
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  if (jwk.kty === 'RSA' && jwk.n !== undefined && jwk.e !== undefined) {
    const publicKey = parseTeePubkey({ kty: 'RSA', alg: rsaAlgorithm, n: jwk.n, e: jwk.e } satisfies JsonObject);
    return { publicKey, privateKey: { alg: rsaAlgorithm, key } };
  }
  const { crv, x, y } = jwk;
  if (jwk.kty === 'EC' && isEcdhCurve(crv) && x !== undefined && y !== undefined) {
    const alg = 'ECDH-ES+A256KW';
    const publicKey = parseTeePubkey({ kty: 'EC', crv, alg, x, y } satisfies JsonObject);
    return { publicKey, privateKey: { alg, curve: crv, key } };
  }
  throw new RangeError('a TEE key is RSA, or EC on P-256 or P-521');
}

/** The key pair of a PEM text: PKCS#8, PKCS#1 or SEC 1, as `--tee-key-file` takes it. @throws Error */
export function teeKeyPairFromPem(pem: string): TeeKeyPair {
  return teeKeyPair(createPrivateKey(pem));
}

/** The private key as peers write it: PKCS#1 for RSA, PKCS#8 for EC. @throws RangeError for ML-KEM, which has no PEM here */
export function teePrivateKeyToPem(privateKey: TeePrivateKey): string {
  if (privateKey.alg === 'ML-KEM-768+A192KW') throw new RangeError('an ML-KEM key has no PEM form');
  const type = privateKey.alg === 'ECDH-ES+A256KW' ? 'pkcs8' : 'pkcs1';
  return privateKey.key.export({ format: 'pem', type }) as string;
}
