/** Public EC keys in the encodings of evidence: JWK, COSE_Key, and the uncompressed point. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  DecodeError,
  decodeBase64url,
  encodeBase64url,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '@assay/bytes';
import type { CoseCurve } from './algorithm.js';
import { type CborValue, decodeCbor, describeCbor, isCborMap } from './cbor.js';

/** A public key on a curve that signatures are verified with. */
export interface CoseKey {
  readonly curve: CoseCurve;
  readonly key: KeyObject;
}

/** Bytes of one coordinate. */
const COORDINATE: Readonly<Record<CoseCurve, number>> = { 'P-256': 32, 'P-384': 48, 'P-521': 66 };
/** Labels of COSE_Key (RFC 9053 section 7.1): key type, curve, x, y. */
const KTY = 1;
const CRV = -1;
const X = -2;
const Y = -3;
const EC2 = 2;
const CURVES: ReadonlyMap<unknown, CoseCurve> = new Map<unknown, CoseCurve>([
  [1, 'P-256'],
  [2, 'P-384'],
  [3, 'P-521'],
]);
const LARGEST_COSE_KEY = 256;

/** Reads a public EC key (RFC 7517, RFC 7518 section 6.2.1). @throws DecodeError */
export function keyFromJwk(jwk: JsonValue): CoseKey {
  const fail = (reason: string): never => {
    throw new DecodeError('JWK', reason);
  };
  if (!isJsonObject(jwk)) return fail('not an object');
  if (own(jwk, 'kty') !== 'EC') return fail('`kty` is not EC');
  if (own(jwk, 'd') !== undefined) return fail('a private key; give the public one alone');
  const crv = own(jwk, 'crv');
  const curve = (['P-256', 'P-384', 'P-521'] as const).find((name) => name === crv);
  if (curve === undefined) return fail('`crv` is not P-256, P-384 or P-521');
  const coordinate = (member: 'x' | 'y'): Uint8Array => {
    const text = own(jwk, member);
    return typeof text === 'string' ? decodeBase64url(text) : fail(`\`${member}\` is not a text`);
  };
  return importKey('JWK', curve, coordinate('x'), coordinate('y'));
}

/** Reads a COSE_Key with the members kty, crv, x and y and no others (RFC 9053 section 7.1.1). @throws DecodeError */
export function keyFromCoseKey(bytes: Uint8Array): CoseKey {
  const map = decodeCbor(bytes, { maxBytes: LARGEST_COSE_KEY, maxDepth: 1 });
  if (!isCborMap(map)) throw new DecodeError('COSE_Key', `${describeCbor(map)} instead of a map`);
  const curve = CURVES.get(map.get(CRV));
  if (map.size !== 4 || map.get(KTY) !== EC2 || curve === undefined) {
    throw new DecodeError('COSE_Key', 'not an EC2 key of kty, crv, x and y on a known curve');
  }
  return importKey('COSE_Key', curve, byteString(map.get(X)), byteString(map.get(Y)));
}

/** Reads `04 ‖ x ‖ y` on P-384. @throws DecodeError */
export function keyFromPoint(point: Uint8Array): CoseKey {
  const size = COORDINATE['P-384'];
  if (point.length !== 1 + 2 * size || point[0] !== 0x04) {
    throw new DecodeError('EC point', `${point.length} bytes; ${1 + 2 * size} that begin with 04 are right`);
  }
  return importKey('EC point', 'P-384', point.subarray(1, 1 + size), point.subarray(1 + size));
}

function importKey(format: string, curve: CoseCurve, x: Uint8Array, y: Uint8Array): CoseKey {
  const size = COORDINATE[curve];
  if (x.length !== size || y.length !== size) {
    throw new DecodeError(format, `coordinates of ${x.length} and ${y.length} bytes; ${size} are right on ${curve}`);
  }
  const jwk = { kty: 'EC', crv: curve, x: encodeBase64url(x), y: encodeBase64url(y) };
  try {
    return { curve, key: createPublicKey({ format: 'jwk', key: jwk }) };
  } catch (error) {
    throw new DecodeError(format, `not a point on ${curve}`, undefined, { cause: error });
  }
}

function byteString(value: CborValue | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new DecodeError('COSE_Key', `coordinate is ${describeCbor(value)}; a byte string is due`);
  }
  return value;
}

function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
