import { ECDH } from 'node:crypto';
import { concatBytes } from '@assay/bytes';

/** Curves of ECDH-ES here, with their OpenSSL name and the width of a field element in bytes. */
export const ECDH_CURVES = {
  'P-256': { openssl: 'prime256v1', width: 32, topBits: 0xff },
  'P-521': { openssl: 'secp521r1', width: 66, topBits: 0x01 },
} as const;

export type EcdhCurve = keyof typeof ECDH_CURVES;

export function isEcdhCurve(name: unknown): name is EcdhCurve {
  return typeof name === 'string' && Object.hasOwn(ECDH_CURVES, name);
}

/** Uncompressed point (SEC 1 section 2.3.3) of two full-width coordinates. */
export function uncompressedPoint(x: Uint8Array, y: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0x04), x, y);
}

export function isOnCurve(curve: EcdhCurve, point: Uint8Array): boolean {
  try {
    ECDH.convertKey(point, ECDH_CURVES[curve].openssl);
    return true;
  } catch {
    return false;
  }
}
