/** Compact JWS with ES384 (RFC 7515, RFC 7518), under a set of keys. */
import {
  DecodeError,
  decodeBase64url,
  decodeUtf8,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  parseJsonStrict,
} from '@assay/bytes';
import { KeyCache, verifyFixedWidth } from '../../x509/index.js';

const FORMAT = 'JWS';
const LONGEST = 256 * 1024;
const LARGEST_SET = 256 * 1024;
const MOST_KEYS = 64;

/** P-384 keys by key id. */
export type KeySet = ReadonlyMap<string, { readonly x: Uint8Array; readonly y: Uint8Array }>;

/** Reads the P-384 keys of a JWK set; others are passed over. @throws DecodeError */
export function readKeySet(bytes: Uint8Array): KeySet {
  if (bytes.length > LARGEST_SET) throw new DecodeError('JWK set', `${bytes.length} bytes are too many`);
  const whole = parseJsonStrict(decodeUtf8(bytes));
  const list = isJsonObject(whole) ? whole['keys'] : undefined;
  if (list === undefined || !isJsonArray(list) || list.length > MOST_KEYS) throw new DecodeError('JWK set', 'keys');
  const keys = new Map<string, { readonly x: Uint8Array; readonly y: Uint8Array }>();
  for (const jwk of list) {
    if (!isJsonObject(jwk) || jwk['kty'] !== 'EC' || jwk['crv'] !== 'P-384') continue;
    const { kid, x, y } = jwk;
    if (typeof kid !== 'string' || typeof x !== 'string' || typeof y !== 'string') continue;
    if (keys.has(kid)) throw new DecodeError('JWK set', 'two keys have one id');
    keys.set(kid, { x: decodeBase64url(x), y: decodeBase64url(y) });
  }
  return keys;
}

/** Payload of a token that one of the keys signed. @throws DecodeError */
export function verifyJws(token: string, keys: KeySet): JsonObject {
  if (token.length > LONGEST) throw new DecodeError(FORMAT, `${token.length} characters are too many`);
  const [header, payload, signature, ...others] = token.split('.');
  if (header === undefined || payload === undefined || signature === undefined || others.length > 0) {
    throw new DecodeError(FORMAT, 'token has not three parts');
  }
  const { alg, crit, kid } = objectOf(header);
  if (alg !== 'ES384') throw new DecodeError(FORMAT, 'token is not signed with ES384');
  if (crit !== undefined) throw new DecodeError(FORMAT, 'token has critical header members');
  const coordinates = typeof kid === 'string' ? keys.get(kid) : undefined;
  if (coordinates === undefined) throw new DecodeError(FORMAT, 'key id of the token is not in the key set');
  const key = new KeyCache(0).ec('P-384', coordinates.x, coordinates.y);
  const data = new TextEncoder().encode(`${header}.${payload}`);
  if (key === undefined || !verifyFixedWidth('sha384', data, decodeBase64url(signature), key)) {
    throw new DecodeError(FORMAT, 'signature of the token does not verify');
  }
  return objectOf(payload);
}

function objectOf(part: string): JsonObject {
  // Identifiers of devices are longer than a number is exact: they are texts, and anything else may be rounded.
  const value = parseJsonStrict(decodeUtf8(decodeBase64url(part)), { unsafeIntegers: 'round' });
  if (!isJsonObject(value)) throw new DecodeError(FORMAT, 'part of the token is no object');
  return value;
}
