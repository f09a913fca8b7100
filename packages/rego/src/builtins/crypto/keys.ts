/** Private keys: PEM in, Go's JSON forms and JWKs out. Needs `node:crypto`. */
import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { normalizeInteger, type Value } from '../../value/index.js';
import { decodeBase64Url, encodeBase64 } from './base64.js';
import { type PemBlock, pemBlocks } from './pem.js';

const TYPES: Readonly<Record<string, 'pkcs1' | 'pkcs8' | 'sec1'>> = {
  'RSA PRIVATE KEY': 'pkcs1',
  'PRIVATE KEY': 'pkcs8',
  'EC PRIVATE KEY': 'sec1',
};

/** A PEM block that says it holds a private key, but does not. Carries nothing of the key. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

/** Every private key of a PEM text; other blocks are skipped. */
export function privateKeysFromPem(text: string): KeyObject[] {
  return pemBlocks(text)
    .filter(({ type }) => Object.hasOwn(TYPES, type))
    .map(loadPrivateKey);
}

export function loadPrivateKey(block: PemBlock): KeyObject {
  const type = TYPES[block.type];
  if (type === undefined) throw new KeyError(`x509: PEM block ${block.type} is no private key`);
  try {
    return createPrivateKey({ key: Buffer.from(block.der), format: 'der', type });
  } catch {
    throw new KeyError(`x509: failed to parse private key (PEM block ${block.type})`);
  }
}

/** The key as a JWK value (RFC 7517), private members included. */
export function jwkValue(key: KeyObject): Value {
  const jwk = exportJwk(key);
  const value: Record<string, Value> = {};
  for (const [name, member] of Object.entries(jwk)) if (typeof member === 'string') value[name] = member;
  return value;
}

function exportJwk(key: KeyObject): JsonWebKey {
  try {
    return key.export({ format: 'jwk' });
  } catch {
    throw new KeyError('jwk: invalid key type');
  }
}

function integer(text: string | undefined): bigint {
  const hex = Buffer.from(decodeBase64Url(text ?? '')).toString('hex');
  return BigInt(`0x${hex === '' ? '0' : hex}`);
}

/** The key in the JSON form of Go's `rsa.PrivateKey`, `ecdsa.PrivateKey` or `ed25519.PrivateKey`. */
export function goPrivateKey(key: KeyObject): Value {
  const jwk = exportJwk(key);
  const number = (text: string | undefined): Value => normalizeInteger(integer(text));
  if (jwk.kty === 'RSA') {
    return {
      N: number(jwk.n),
      E: number(jwk.e),
      D: number(jwk.d),
      Primes: [number(jwk.p), number(jwk.q)],
      Precomputed: { Dp: number(jwk.dp), Dq: number(jwk.dq), Qinv: number(jwk.qi), CRTValues: [] },
    };
  }
  if (jwk.kty === 'EC') return { Curve: {}, X: number(jwk.x), Y: number(jwk.y), D: number(jwk.d) };
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') {
    const seed = decodeBase64Url(jwk.d ?? '');
    return encodeBase64(Uint8Array.from([...seed, ...decodeBase64Url(jwk.x ?? '')]));
  }
  throw new KeyError('x509: unsupported private key type');
}
