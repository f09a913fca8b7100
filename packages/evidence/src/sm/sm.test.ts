import { createHmac, createPublicKey, createVerify, getCurves, getHashes, randomBytes } from 'node:crypto';
import { decodeHex, derBitString, derOid, derSequence, derUnsignedInteger, encodeHex } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  SM2_ORDER,
  Sm2Point,
  type Sm2PublicKey,
  sm2MessageNumber,
  sm2PublicKey,
  sm2UserDigest,
  sm2Verify,
  sm2VerifyNumber,
} from './sm2.js';
import { hmacSm3, sm3, sm3OfLibrary } from './sm3.js';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const native = getHashes().includes('sm3');

describe('SM3', () => {
  // GB/T 32905-2016, annex A.
  test.each([
    ['abc', '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0'],
    ['abcd'.repeat(16), 'debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732'],
  ])('%s', async (text, digest) => {
    expect(encodeHex(sm3(utf8(text)))).toBe(digest);
    const library = await sm3OfLibrary();
    expect(encodeHex(library(utf8(text)))).toBe(digest);
    // The parts count, not how they are cut.
    expect(encodeHex(library(utf8(text.slice(0, 2)), utf8(text.slice(2))))).toBe(digest);
  });

  test.skipIf(!native)('the library and OpenSSL say the same, for lengths around the block', async () => {
    const library = await sm3OfLibrary();
    for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 127, 128, 1000]) {
      const bytes = new Uint8Array(randomBytes(length));
      expect(encodeHex(library(bytes))).toBe(encodeHex(sm3(bytes)));
    }
  });

  test.skipIf(!native)('HMAC is that of OpenSSL, for keys around the block', () => {
    for (const length of [0, 16, 63, 64, 65, 200]) {
      const [key, text] = [new Uint8Array(randomBytes(length)), new Uint8Array(randomBytes(100))];
      const wanted = createHmac('sm3', key).update(text).digest('hex');
      expect(encodeHex(hmacSm3(key, text.subarray(0, 33), text.subarray(33)))).toBe(wanted);
    }
  });
});

/** GB/T 32918.5-2017, annex A.2. */
const EXAMPLE = {
  userId: utf8('1234567812345678'),
  message: utf8('message digest'),
  x: 0x09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020n,
  y: 0xccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13n,
  r: 0xf5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3n,
  s: 0xb1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aan,
  z: 'b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3',
  e: 0xf0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640n,
};
const key = sm2PublicKey(EXAMPLE.x, EXAMPLE.y) as Sm2PublicKey;

/** Signs with a chosen k; with e wanted, the edge cases can be made. */
function signWith(d: bigint, k: bigint, e: bigint): { r: bigint; s: bigint } {
  const mod = (value: bigint): bigint => ((value % SM2_ORDER) + SM2_ORDER) % SM2_ORDER;
  const r = mod(e + Sm2Point.BASE.multiply(k).toAffine().x);
  return { r, s: mod(Sm2Point.Fn.inv(mod(1n + d)) * mod(k - r * d)) };
}

describe('SM2', () => {
  test('the example of the standard', () => {
    const { userId, message, r, s, z, e } = EXAMPLE;
    expect(encodeHex(sm2UserDigest(key, userId))).toBe(z);
    expect(sm2MessageNumber(key, userId, message)).toBe(e);
    expect(sm2Verify(key, userId, message, r, s)).toBe(true);
  });

  const { userId, message, r, s } = EXAMPLE;
  test.each<[string, Uint8Array, Uint8Array, bigint, bigint]>([
    ['another message', userId, utf8('message digesT'), r, s],
    ['another user id', utf8('1234567812345679'), message, r, s],
    ['no user id', new Uint8Array(), message, r, s],
    ['another r', userId, message, r + 1n, s],
    ['another s', userId, message, r, s + 1n],
    ['r = 0', userId, message, 0n, s],
    ['s = 0', userId, message, r, 0n],
    ['r = n', userId, message, SM2_ORDER, s],
    ['s = n', userId, message, r, SM2_ORDER],
    ['r beyond n', userId, message, r + SM2_ORDER, s],
    ['s beyond n', userId, message, r, s + SM2_ORDER],
    ['negative r', userId, message, r - SM2_ORDER, s],
    ['negative s', userId, message, r, s - SM2_ORDER],
    ['r + s = n', userId, message, r, SM2_ORDER - r],
  ])('does not verify: %s', (_, id, text, r1, s1) => {
    expect(sm2Verify(key, id, text, r1, s1)).toBe(false);
  });

  test('r + s = n does not verify although the equation would hold', () => {
    // t = 0 leaves [s]G, whatever the key: an e can be found for every s so that e + x is r.
    for (let chosen = 1n; chosen < 4n; chosen += 1n) {
      const { x } = Sm2Point.BASE.multiply(chosen).toAffine();
      const e = (((SM2_ORDER - chosen - x) % SM2_ORDER) + SM2_ORDER) % SM2_ORDER;
      expect((e + x) % SM2_ORDER).toBe(SM2_ORDER - chosen);
      expect(sm2VerifyNumber(key, e, SM2_ORDER - chosen, chosen)).toBe(false);
    }
  });

  test('a sum at infinity does not verify, and does not throw', () => {
    const d = 7n;
    const own = Sm2Point.BASE.multiply(d).toAffine();
    const mine = sm2PublicKey(own.x, own.y) as Sm2PublicKey;
    // [s]G + [t]P is infinity where s + d·(r + s) = 0, that is s = -d·r / (1 + d).
    const anyR = 12345n;
    const sAtInfinity = Sm2Point.Fn.mul(Sm2Point.Fn.neg(Sm2Point.Fn.mul(d, anyR)), Sm2Point.Fn.inv(d + 1n));
    expect(sm2Verify(mine, userId, message, anyR, sAtInfinity)).toBe(false);
    // Infinity has no x; taken for zero, it would verify this one.
    expect(sm2VerifyNumber(mine, anyR, anyR, sAtInfinity)).toBe(false);
  });

  test.each<[string, bigint, bigint]>([
    ['not on the curve', EXAMPLE.x, EXAMPLE.y + 1n],
    ['infinity', 0n, 0n],
    [
      'a coordinate beyond p',
      EXAMPLE.x + 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
      EXAMPLE.y,
    ],
    ['a negative coordinate', -1n, EXAMPLE.y],
    [
      'the other coordinate beyond p',
      EXAMPLE.x,
      EXAMPLE.y + 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
    ],
    ['the other coordinate negative', EXAMPLE.x, -EXAMPLE.y],
  ])('no public key: %s', (_, x, y) => expect(sm2PublicKey(x, y)).toBeUndefined());

  test('a user id that cannot be counted is refused', () => {
    expect(() => sm2UserDigest(key, new Uint8Array(8192))).toThrow(RangeError);
    expect(sm2UserDigest(key, new Uint8Array(8191))).toHaveLength(32);
  });

  test.skipIf(!native || !getCurves().includes('SM2'))(
    'fuzz: OpenSSL, which verifies SM2 by itself, says the same',
    () => {
      fc.assert(
        fc.property(
          fc.bigInt({ min: 1n, max: SM2_ORDER - 2n }),
          fc.bigInt({ min: 1n, max: SM2_ORDER - 1n }),
          fc.uint8Array({ maxLength: 40 }),
          fc.uint8Array({ maxLength: 100 }),
          fc.constantFrom(0n, 0n, 1n),
          (d, k, id, text, spoil) => {
            const point = Sm2Point.BASE.multiply(d).toAffine();
            const mine = sm2PublicKey(point.x, point.y) as Sm2PublicKey;
            const signature = signWith(d, k, sm2MessageNumber(mine, id, text));
            const wrong = { ...signature, s: signature.s + spoil };
            const own = sm2Verify(mine, id, text, wrong.r, wrong.s);
            expect(own).toBe(spoil === 0n);
            expect(own).toBe(byOpenssl(mine, sm2UserDigest(mine, id), text, wrong));
          },
        ),
        { numRuns: fuzzRuns(20) },
      );
    },
  );
});

/** Node hashes Z and the message, OpenSSL verifies the digest under a key of the SM2 curve. */
function byOpenssl(
  publicKey: Sm2PublicKey,
  z: Uint8Array,
  text: Uint8Array,
  { r, s }: { r: bigint; s: bigint },
): boolean {
  const bytes = (value: bigint): Uint8Array => decodeHex(value.toString(16).padStart(64, '0'));
  const point = Uint8Array.from([4, ...bytes(publicKey.x), ...bytes(publicKey.y)]);
  const spki = derSequence(
    derSequence(derOid('1.2.840.10045.2.1'), derOid('1.2.156.10197.1.301')),
    derBitString(point),
  );
  const signature = derSequence(derUnsignedInteger(bytes(r)), derUnsignedInteger(bytes(s)));
  const opensslKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  return createVerify('sm3').update(z).update(text).verify(opensslKey, signature);
}
