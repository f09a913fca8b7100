import { createPrivateKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { encodeBase64url, encodeUtf8, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { parseSealedPayload } from './payload.js';
import { SealedSecretError } from './sealed-secret-error.js';

/**
 * Seals a payload: `sealed.<header>.<payload>.<signature>`, signed with ES256.
 *
 * @param payload as `parseSealedPayload` reads it
 * @param kid name of the signing key: a KBS resource URI, or a local name
 * @param jwk document of the private key
 * @throws SealedSecretError `malformed`, `key-invalid`
 */
export function sealSecret(payload: JsonObject, kid: string, jwk: Uint8Array): string {
  if (kid === '') throw new SealedSecretError('malformed', 'it names no key');
  const bytes = encodeUtf8(JSON.stringify(payload));
  // What nobody can unseal is not sealed.
  parseSealedPayload(bytes);
  const header = encodeUtf8(JSON.stringify({ alg: 'ES256', kid }));
  const text = `${encodeBase64url(header)}.${encodeBase64url(bytes)}`;
  const signature = sign('sha256', encodeUtf8(text), { key: privateKey(jwk), dsaEncoding: 'ieee-p1363' });
  return `sealed.${text}.${encodeBase64url(signature)}`;
}

function privateKey(jwk: Uint8Array): KeyObject {
  try {
    const value = parseJsonStrict(jwk, { maxBytes: 64 * 1024 });
    const { kty, crv, x, y, d } = isJsonObject(value) ? value : {};
    if (kty === 'EC' && crv === 'P-256' && typeof x === 'string' && typeof y === 'string' && typeof d === 'string')
      return createPrivateKey({ format: 'jwk', key: { kty, crv, x, y, d } satisfies JsonWebKey });
  } catch {
    // Not the cause: it may quote the key.
  }
  throw new SealedSecretError('key-invalid', 'the signing key is not a private P-256 key as JWK');
}
