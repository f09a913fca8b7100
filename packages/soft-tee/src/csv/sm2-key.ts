import { encodeUtf8 } from '@assay/bytes';
import { SM2_ORDER, Sm2Point, type Sm2PublicKey, sm2MessageNumber, sm2PublicKey, sm3 } from '@assay/evidence/sm';
import type { KeyStore } from '../keys/key-store.js';

/** An SM2 key pair with the user id that its holder signs under. */
export interface Sm2Key {
  readonly d: bigint;
  readonly publicKey: Sm2PublicKey;
  readonly userId: Uint8Array;
}

/** The key of a label: the same seed gives the same one. */
export function sm2Key(keys: KeyStore, label: string, userId: string): Sm2Key {
  // 1 to n - 2: the standard leaves n - 1 out, whose successor has no inverse.
  const d = (numberOf(keys.bytes(`sm2/${label}`, 48)) % (SM2_ORDER - 2n)) + 1n;
  const { x, y } = Sm2Point.BASE.multiply(d).toAffine();
  return { d, publicKey: sm2PublicKey(x, y) as Sm2PublicKey, userId: encodeUtf8(userId) };
}

/** Signs with a number that follows from key and message: emulated reports are the same every time. */
export function sm2Sign(
  { d, publicKey, userId }: Sm2Key,
  message: Uint8Array,
): { readonly r: bigint; readonly s: bigint } {
  const { Fn } = Sm2Point;
  const e = sm2MessageNumber(publicKey, userId, message);
  const k = (numberOf(sm3(encodeUtf8(`${d}`), message)) % (SM2_ORDER - 1n)) + 1n;
  const r = Fn.create(e + Sm2Point.BASE.multiply(k).toAffine().x);
  const s = Fn.mul(Fn.inv(Fn.create(1n + d)), Fn.create(k - r * d));
  return { r, s };
}

/** Little-endian in 72 bytes, as Hygon writes numbers. */
export function number72(value: bigint): Uint8Array {
  const bytes = new Uint8Array(72);
  for (let at = 0, rest = value; at < 72; at += 1, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  return bytes;
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}
