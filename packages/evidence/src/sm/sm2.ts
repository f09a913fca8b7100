/**
 * SM2 signatures with SM3 (GB/T 32918.2-2016) on the recommended curve (GB/T 32918.5-2017).
 *
 * Points and their arithmetic are `@noble/curves`'; what stands here is the equation of the signature. Only public data
 * go in: nothing needs to take the same time for every value. See decision 0011.
 */
import { type WeierstrassOpts, type WeierstrassPoint, weierstrass } from '@noble/curves/abstract/weierstrass.js';
import { sm3 } from './sm3.js';

const CURVE: WeierstrassOpts<bigint> = {
  p: 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
  n: 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n,
  h: 1n,
  a: 0xfffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffcn,
  b: 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n,
  Gx: 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
  Gy: 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
};

/** Points of the curve; for those who sign. */
export const Sm2Point = weierstrass(CURVE);

/** Order of the base point. */
export const SM2_ORDER: bigint = CURVE.n;

/** Size of a coordinate in bytes. */
const SIZE = 32;
/** The standard counts the bits of the user id in 16 bits. */
const LONGEST_USER_ID = 8191;

declare const onCurve: unique symbol;
/** A point of the curve other than infinity. Only {@link sm2PublicKey} makes one. */
export interface Sm2PublicKey {
  readonly [onCurve]: true;
  readonly x: bigint;
  readonly y: bigint;
  readonly point: WeierstrassPoint<bigint>;
}

/** @returns undefined when the coordinates are no point of the curve */
export function sm2PublicKey(x: bigint, y: bigint): Sm2PublicKey | undefined {
  try {
    // Coordinates outside of the field are refused here as well.
    const point = Sm2Point.fromAffine({ x, y });
    point.assertValidity();
    return { x, y, point } as Sm2PublicKey;
  } catch {
    return undefined;
  }
}

/**
 * Z, the digest of user id, curve and public key that goes before every signed message (GB/T 32918.2 section 5.5).
 *
 * @throws RangeError for a user id whose bits do not count in 16 bits
 */
export function sm2UserDigest(key: Pick<Sm2PublicKey, 'x' | 'y'>, userId: Uint8Array): Uint8Array {
  if (userId.length > LONGEST_USER_ID) throw new RangeError(`user id of ${userId.length} bytes`);
  const bits = userId.length * 8;
  const { a, b, Gx, Gy } = CURVE;
  return sm3(Uint8Array.of(bits >> 8, bits & 0xff), userId, ...[a, b, Gx, Gy, key.x, key.y].map(bigEndian));
}

/** The number e that is signed: SM3 of Z and the message. */
export function sm2MessageNumber(key: Pick<Sm2PublicKey, 'x' | 'y'>, userId: Uint8Array, message: Uint8Array): bigint {
  return numberOf(sm3(sm2UserDigest(key, userId), message));
}

/** Verifies (r, s) over a message (GB/T 32918.2 section 7). */
export function sm2Verify(key: Sm2PublicKey, userId: Uint8Array, message: Uint8Array, r: bigint, s: bigint): boolean {
  return sm2VerifyNumber(key, sm2MessageNumber(key, userId, message), r, s);
}

/** The same for the number e that was signed. */
export function sm2VerifyNumber({ point }: Sm2PublicKey, e: bigint, r: bigint, s: bigint): boolean {
  if (r < 1n || r >= SM2_ORDER || s < 1n || s >= SM2_ORDER) return false;
  const t = (r + s) % SM2_ORDER;
  // Without it anybody could choose s, and an e to fit, for every key.
  if (t === 0n) return false;
  const sum = Sm2Point.BASE.multiplyUnsafe(s).add(point.multiplyUnsafe(t));
  if (sum.is0()) return false;
  return (e + sum.toAffine().x) % SM2_ORDER === r;
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function bigEndian(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * SIZE, '0'), 'hex'));
}
