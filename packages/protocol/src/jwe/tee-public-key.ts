import { createPublicKey, type KeyObject } from 'node:crypto';
import { concatBytes, DecodeError, decodeBase64, decodeBase64url, encodeBase64url } from '@assay/bytes';
import type { AkpTeePubkey, EcTeePubkey, RsaTeePubkey, TeePubkey } from '../kbs/tee-pubkey.js';
import { ProtocolError, quoteBriefly } from '../protocol-error.js';
import { ECDH_CURVES, type EcdhCurve, isEcdhCurve, isOnCurve, uncompressedPoint } from './curve.js';
import { ML_KEM_768 } from './ml-kem.js';

/** A usable encryption key of a guest: numbers checked, ready for `encryptJwe`. */
export type TeePublicKey =
  | { readonly alg: 'RSA-OAEP-256' | 'RSA1_5'; readonly key: KeyObject; readonly modulusLength: number }
  | {
      readonly alg: 'ECDH-ES+A256KW';
      readonly curve: EcdhCurve;
      readonly point: Uint8Array;
      readonly repaired: boolean;
    }
  | { readonly alg: 'ML-KEM-768+A192KW'; readonly encapsulationKey: Uint8Array };

const SERVED = 'ECDH-ES+A256KW with P-256 or P-521, RSA-OAEP-256, RSA1_5, ML-KEM-768+A192KW';
const RSA_BITS = { least: 2048, most: 8192 };
const PAD = 0x30;
/** Repairing more lost zero bytes than this (one key in 2^64) would be guessing. */
const MAX_REPAIR = 8;

/**
 * Makes a usable key of a `tee-pubkey`.
 *
 * @throws ProtocolError `request.key.supported` for another algorithm or curve, a point off the curve, wrong lengths, RSA outside 2048 to 8192 bits
 */
export function importTeePubkey(pubkey: TeePubkey): TeePublicKey {
  switch (pubkey.kind) {
    case 'RSA':
      return importRsa(pubkey);
    case 'EC':
      return importEc(pubkey);
    case 'AKP':
      return importAkp(pubkey);
  }
}

function importRsa(pubkey: RsaTeePubkey): TeePublicKey {
  const { alg } = pubkey;
  if (alg !== 'RSA-OAEP-256' && alg !== 'RSA1_5') throw unsupported(`RSA key for ${quoteBriefly(alg)}`);
  // Clients before guest-components v0.7 wrote the numbers in padded standard base64.
  const decode = pubkey.spelling === 'jwk' ? decodeBase64url : decodeBase64;
  const modulus = number(() => decode(pubkey.n), 'n');
  const n = encodeBase64url(modulus);
  const e = encodeBase64url(number(() => decode(pubkey.e), 'e'));
  let key: KeyObject;
  try {
    key = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
  } catch (cause) {
    throw unsupported('RSA key that does not load', cause);
  }
  const { modulusLength: bits = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (bits < RSA_BITS.least || bits > RSA_BITS.most) throw unsupported(`RSA key of ${bits} bits`);
  // No product of two odd primes, and OpenSSL would fail on it where the answer is encrypted.
  if ((modulus.at(-1) ?? 0) % 2 === 0) throw unsupported('RSA key with an even modulus');
  if (publicExponent < 3n || publicExponent % 2n === 0n || publicExponent >= 1n << 33n) {
    throw unsupported('RSA key with an unusual exponent');
  }
  return { alg, key, modulusLength: Math.ceil(bits / 8) };
}

function importEc(pubkey: EcTeePubkey): TeePublicKey {
  const { alg, crv } = pubkey;
  if (alg !== 'ECDH-ES+A256KW') throw unsupported(`EC key for ${quoteBriefly(alg)}`);
  if (!isEcdhCurve(crv)) throw unsupported(`EC key on ${quoteBriefly(crv)}`);
  const { width } = ECDH_CURVES[crv];
  const x = number(() => decodeBase64url(pubkey.x), 'x');
  const y = number(() => decodeBase64url(pubkey.y), 'y');
  if (x.length !== width || y.length !== width) {
    throw unsupported(`${crv} key with coordinates of ${x.length} and ${y.length} bytes, ${width} are due`);
  }
  const point = uncompressedPoint(x, y);
  if (isOnCurve(crv, point)) return { alg, curve: crv, point, repaired: false };
  const repaired = crv === 'P-256' ? repairPoint(x, y) : undefined;
  if (repaired === undefined) throw unsupported(`${crv} key with a point that is not on the curve`);
  return { alg, curve: crv, point: repaired, repaired: true };
}

/**
 * Clients built on OpenSSL (guest-components v0.12 to v0.18) dropped leading zero bytes of a coordinate and filled up with the character
 * `0` on the right. The curve equation tells which reading was meant.
 */
function repairPoint(x: Uint8Array, y: Uint8Array): Uint8Array | undefined {
  for (const candidateX of shifted(x)) {
    for (const candidateY of shifted(y)) {
      const point = uncompressedPoint(candidateX, candidateY);
      if (isOnCurve('P-256', point)) return point;
    }
  }
  return undefined;
}

/** The coordinate as it is, then with 1, 2 … trailing 0x30 moved to the front as zeros. */
function shifted(coordinate: Uint8Array): Uint8Array[] {
  const candidates = [coordinate];
  for (let count = 1; count <= MAX_REPAIR && coordinate[coordinate.length - count] === PAD; count += 1) {
    candidates.push(concatBytes(new Uint8Array(count), coordinate.subarray(0, coordinate.length - count)));
  }
  return candidates;
}

function importAkp(pubkey: AkpTeePubkey): TeePublicKey {
  const { alg } = pubkey;
  if (alg !== 'ML-KEM-768+A192KW') throw unsupported(`AKP key for ${quoteBriefly(alg)}`);
  const encapsulationKey = number(() => decodeBase64url(pubkey.pub), 'pub');
  if (!ML_KEM_768.isEncapsulationKey(encapsulationKey)) {
    throw unsupported(`ML-KEM-768 key of ${encapsulationKey.length} bytes that is not an encapsulation key`);
  }
  return { alg, encapsulationKey };
}

function number(decode: () => Uint8Array, member: string): Uint8Array {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw unsupported(`key whose member ${member} is not ${cause.format} (${cause.reason})`, cause);
  }
}

function unsupported(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError('request.key.supported', `tee-pubkey is not usable: ${what}; served are ${SERVED}`, {
    path: '/tee-pubkey',
    expected: SERVED,
    actual: what,
    cause,
  });
}
