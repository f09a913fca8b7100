/** Host keys and request keys: points of P-521, as the ultravisor reads them. */
import { createHash, createPublicKey, ECDH, type KeyObject } from 'node:crypto';
import { concatBytes } from '@assay/bytes';

/** Bytes of a coordinate of P-521, and of the field that holds one. */
const COORDINATE = 66;
const FIELD = 80;
export const CURVE = 'secp521r1';

/** A public key that is a point of P-521. Only {@link hostKeyOfPoint} makes one. */
export interface HostPublicKey {
  /** `04 ‖ x ‖ y`, 133 bytes. */
  readonly uncompressed: Uint8Array;
  /** x and y in fields of 80 bytes each. */
  readonly coordinates: Uint8Array;
  /** SHA-256 of the coordinates: the public host-key hash (PHKH). */
  readonly hash: Uint8Array;
}

/** @param point `04 ‖ x ‖ y`. @returns undefined for what is no point of the curve */
export function hostKeyOfPoint(point: Uint8Array): HostPublicKey | undefined {
  if (point.length !== 1 + 2 * COORDINATE || point[0] !== 0x04) return undefined;
  try {
    // The conversion checks that the point is on the curve.
    ECDH.convertKey(point, CURVE, undefined, undefined, 'uncompressed');
  } catch {
    return undefined;
  }
  const coordinates = fields(point);
  return {
    uncompressed: point,
    coordinates,
    hash: new Uint8Array(createHash('sha256').update(coordinates).digest()),
  };
}

/** Coordinates of an uncompressed point in fields of 80 bytes. */
export function fields(point: Uint8Array): Uint8Array {
  const padding = new Uint8Array(FIELD - COORDINATE);
  return concatBytes(padding, point.subarray(1, 1 + COORDINATE), padding, point.subarray(1 + COORDINATE));
}

/** Strength in bits of the RSA or EC key of a certificate; 0 for others. */
export function rsaBits(spki: Uint8Array): number {
  try {
    const key: KeyObject = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    return key.asymmetricKeyDetails?.modulusLength ?? 0;
  } catch {
    return 0;
  }
}
