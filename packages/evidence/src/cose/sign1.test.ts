import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { DecodeError } from '@assay/bytes';
import { encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import { coseAlgorithm } from './algorithm.js';
import { type CoseKey, keyFromCoseKey, keyFromJwk, keyFromPoint } from './key.js';
import { parseSign1, verifySign1 } from './sign1.js';

const pair = (namedCurve: string): { privateKey: KeyObject; jwk: JsonWebKey } => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  return { privateKey, jwk: publicKey.export({ format: 'jwk' }) };
};
const KEYS = { 'P-256': pair('P-256'), 'P-384': pair('P-384'), 'P-521': pair('P-521') };
const PAYLOAD = Uint8Array.of(0xa1, 1, 2);
const limits = { maxBytes: 4096 };
const keyOf = (curve: keyof typeof KEYS): CoseKey => keyFromJwk(KEYS[curve].jwk as never);
const coordinate = (jwk: JsonWebKey, member: 'x' | 'y'): Uint8Array =>
  Uint8Array.from(Buffer.from(jwk[member] ?? '', 'base64url'));

interface Spec {
  readonly label?: unknown;
  readonly curve?: keyof typeof KEYS;
  readonly hash?: string;
  readonly header?: Uint8Array;
  readonly unprotected?: unknown;
  readonly encoding?: 'ieee-p1363' | 'der';
}

function message({ label = -35, curve = 'P-384', hash = 'sha384', ...spec }: Spec = {}): unknown[] {
  const header = spec.header ?? encode(new Map([[1, label]]));
  const signed = encode(['Signature1', header, new Uint8Array(), PAYLOAD]);
  const key = { key: KEYS[curve].privateKey, dsaEncoding: spec.encoding ?? 'ieee-p1363' } as const;
  const signature = Uint8Array.from(sign(hash, signed, key));
  return [header, spec.unprotected ?? new Map(), PAYLOAD, signature];
}
const verifies = (parts: unknown[], curve: keyof typeof KEYS = 'P-384'): boolean =>
  verifySign1(parseSign1(encode(parts), limits), keyOf(curve));

describe('signatures', () => {
  test.each([
    [-7, 'P-256', 'sha256'],
    [-35, 'P-384', 'sha384'],
    [-36, 'P-521', 'sha512'],
  ] as const)('algorithm %i on %s', (label, curve, hash) => {
    expect(verifies(message({ label, curve, hash }), curve)).toBe(true);
    const changed = message({ label, curve, hash });
    changed[2] = Uint8Array.of(0xa1, 1, 3);
    expect(verifies(changed, curve)).toBe(false);
  });

  test('with and without the tag', () => {
    const plain = parseSign1(encode(message()), limits);
    const tagged = parseSign1(Uint8Array.from([0xd2, ...encode(message())]), limits);
    expect([plain.tagged, tagged.tagged]).toEqual([false, true]);
    expect(verifySign1(tagged, keyOf('P-384'))).toBe(true);
    expect(() => parseSign1(encode(message()), { ...limits, tag: 'required' })).toThrow('without tag 18');
  });

  test('the protected header is signed as it stands', () => {
    // The same map with one more member, and the empty header in both of its forms.
    const more = message({
      header: encode(
        new Map<number, unknown>([
          [1, -35],
          [4, Uint8Array.of(9)],
        ]),
      ),
    });
    expect(verifies(more)).toBe(true);
    const exchanged = [encode(new Map([[1, -35]])), ...more.slice(1)];
    expect(verifies(exchanged)).toBe(false);
  });

  test('the unprotected header is never believed', () => {
    const unprotected = new Map([[1, -35]]);
    expect(verifies(message({ header: new Uint8Array(), unprotected }))).toBe(false);
    expect(verifies(message({ header: encode(new Map()), unprotected }))).toBe(false);
    expect(verifies(message({ unprotected: new Map([[1, -7]]) }))).toBe(true);
  });

  test.each<[string, Spec]>([
    ['an unknown algorithm', { label: -8 }],
    ['algorithm 0', { label: 0 }],
    ['an algorithm as text', { label: 'ES384' }],
    ['ES256 in the header, P-384 and SHA-384 in truth', { label: -7 }],
    ['ES384 with SHA-256', { hash: 'sha256' }],
    ['ES384 on P-256', { curve: 'P-256' }],
    ['a signature in DER', { encoding: 'der' }],
  ])('%s does not verify', (_, spec) => {
    expect(verifies(message(spec), spec.curve)).toBe(false);
  });

  test('r and s have their size exactly', () => {
    for (const alter of [
      (signature: Uint8Array) => signature.subarray(0, 95),
      (signature: Uint8Array) => Uint8Array.from([...signature, 0]),
      (signature: Uint8Array) => Uint8Array.from([0, ...signature.subarray(0, 48), 0, ...signature.subarray(48)]),
      () => new Uint8Array(96),
      () => new Uint8Array(),
    ]) {
      const parts = message();
      parts[3] = alter(parts[3] as Uint8Array);
      expect(verifies(parts)).toBe(false);
    }
  });

  test('another key of the same curve does not verify', () => {
    const stranger = keyFromJwk(pair('P-384').jwk as never);
    expect(verifySign1(parseSign1(encode(message()), limits), stranger)).toBe(false);
  });
});

describe('form', () => {
  const [header, unprotected, payload, signature] = message();
  test.each<[string, unknown]>([
    ['three parts', [header, unprotected, payload]],
    ['five parts', [header, unprotected, payload, signature, null]],
    ['no list', new Map()],
    ['a detached payload', [header, unprotected, null, signature]],
    ['a text as payload', [header, unprotected, 'x', signature]],
    ['a protected header that is a map', [new Map([[1, -35]]), unprotected, payload, signature]],
    ['a protected header that holds a list', [encode([]), unprotected, payload, signature]],
    ['a protected header with bytes behind it', [Uint8Array.of(0xa0, 0), unprotected, payload, signature]],
    ['an unprotected header that is null', [header, null, payload, signature]],
    ['a signature that is a text', [header, unprotected, payload, 'x']],
    [
      'critical members',
      [
        encode(
          new Map<number, unknown>([
            [1, -35],
            [2, [9]],
          ]),
        ),
        unprotected,
        payload,
        signature,
      ],
    ],
  ])('%s is refused', (_, parts) => {
    expect(() => parseSign1(encode(parts), limits)).toThrow(DecodeError);
  });

  test('one byte behind the message is refused', () => {
    expect(() => parseSign1(Uint8Array.from([...encode(message()), 0]), limits)).toThrow(DecodeError);
  });

  test('labels of algorithms', () => {
    expect([-7, -35, -36].map((label) => coseAlgorithm(label)?.name)).toEqual(['ES256', 'ES384', 'ES512']);
    expect([-8, 0, -37, 5, 'ES256', undefined, null].map(coseAlgorithm)).toEqual(Array(7).fill(undefined));
  });
});

describe('keys', () => {
  const { jwk } = KEYS['P-384'];
  const x = coordinate(jwk, 'x');
  const y = coordinate(jwk, 'y');
  const point = Uint8Array.from([4, ...x, ...y]);
  const cose = (members: readonly (readonly [number, unknown])[]): Uint8Array => encode(new Map(members));

  test('the three encodings of a key are one key', () => {
    const wanted = keyOf('P-384');
    for (const key of [
      keyFromPoint(point),
      keyFromCoseKey(
        cose([
          [1, 2],
          [-1, 2],
          [-2, x],
          [-3, y],
        ]),
      ),
    ]) {
      expect(key.curve).toBe('P-384');
      expect(key.key.equals(wanted.key)).toBe(true);
    }
  });

  test.each<[string, unknown]>([
    ['not an object', 'x'],
    ['null', null],
    ['x with a leading zero', { ...jwk, x: Buffer.from([0, ...x]).toString('base64url') }],
    ['RSA', { ...jwk, kty: 'RSA' }],
    ['no curve', { ...jwk, crv: undefined }],
    ['another curve', { ...jwk, crv: 'secp256k1' }],
    ['the wrong curve', { ...jwk, crv: 'P-256' }],
    ['x absent', { ...jwk, x: undefined }],
    ['y as number', { ...jwk, y: 1 }],
    ['y short', { ...jwk, y: jwk.y?.slice(4) }],
    ['x with another alphabet', { ...jwk, x: `+${jwk.x?.slice(1)}` }],
    ['not on the curve', { ...jwk, x: jwk.y }],
    ['private', { ...jwk, d: jwk.x }],
    ['inherited', Object.create(jwk as object)],
  ])('a JWK that is %s is refused', (_, value) => {
    expect(() => keyFromJwk(value as never)).toThrow(DecodeError);
  });

  test.each<[string, Uint8Array]>([
    ['no map', encode([])],
    [
      'another key type',
      cose([
        [1, 1],
        [-1, 2],
        [-2, x],
        [-3, y],
      ]),
    ],
    [
      'another curve',
      cose([
        [1, 2],
        [-1, 6],
        [-2, x],
        [-3, y],
      ]),
    ],
    [
      'the wrong curve',
      cose([
        [1, 2],
        [-1, 1],
        [-2, x],
        [-3, y],
      ]),
    ],
    [
      'no y',
      cose([
        [1, 2],
        [-1, 2],
        [-2, x],
      ]),
    ],
    [
      'a compressed y',
      cose([
        [1, 2],
        [-1, 2],
        [-2, x],
        [-3, true],
      ]),
    ],
    [
      'a private key',
      cose([
        [1, 2],
        [-1, 2],
        [-2, x],
        [-3, y],
        [-4, x],
      ]),
    ],
    [
      'a short x',
      cose([
        [1, 2],
        [-1, 2],
        [-2, x.subarray(1)],
        [-3, y],
      ]),
    ],
    [
      'not on the curve',
      cose([
        [1, 2],
        [-1, 2],
        [-2, y],
        [-3, x],
      ]),
    ],
    [
      'bytes behind it',
      Uint8Array.from([
        ...cose([
          [1, 2],
          [-1, 2],
          [-2, x],
          [-3, y],
        ]),
        0,
      ]),
    ],
  ])('a COSE_Key with %s is refused', (_, bytes) => {
    expect(() => keyFromCoseKey(bytes)).toThrow(DecodeError);
  });

  test('a curve that is none is told as such, and so is a coordinate in text', () => {
    expect(() => keyFromJwk({ ...jwk, crv: 'P-999' } as never)).toThrow('`crv` is not P-256, P-384 or P-521');
    const text = cose([
      [1, 2],
      [-1, 2],
      [-2, 'x'.repeat(48)],
      [-3, y],
    ]);
    expect(() => keyFromCoseKey(text)).toThrow('a byte string is due');
  });

  test.each<[string, Uint8Array]>([
    ['96 bytes', point.subarray(1)],
    ['98 bytes', Uint8Array.from([...point, 0])],
    ['compressed', point.with(0, 2)],
    ['not on the curve', Uint8Array.from([4, ...y, ...x])],
  ])('a point that is %s is refused', (_, bytes) => {
    expect(() => keyFromPoint(bytes)).toThrow(DecodeError);
  });
});
