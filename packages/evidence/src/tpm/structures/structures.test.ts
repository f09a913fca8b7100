import { createHash, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { concatBytes, DecodeError, decodeHex, encodeHex } from '@assay/bytes';
import { fuzzRuns, vectorsArea } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  curveOf,
  decodeAttributes,
  encodeAttributes,
  HIERARCHY,
  hashOf,
  hierarchyName,
  marshalPublic,
  marshalQuote,
  marshalSignature,
  nameOf,
  OBJECT_ATTRIBUTES,
  type PublicArea,
  parsePublic,
  parseQuote,
  parseSignature,
  publicKeyOf,
  qualifiedNameOf,
  selectPcrs,
  spkiOf,
  TPM_ALG,
  type TpmCurve,
  type TpmHash,
  TpmWriter,
  UnservedSchemeError,
} from './index.js';

const SIGNING = ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'userWithAuth', 'restricted', 'sign'] as const;

function eccArea(): PublicArea & { readonly type: 'ecc' } {
  const { x = '', y = '' } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  return {
    type: 'ecc',
    nameAlg: 'sha256',
    attributes: new Set(SIGNING),
    authPolicy: new Uint8Array(),
    symmetric: undefined,
    scheme: { algorithm: TPM_ALG.ecdsa, hash: 'sha256' },
    curve: 'P-256',
    kdf: undefined,
    x: new Uint8Array(Buffer.from(x, 'base64url')),
    y: new Uint8Array(Buffer.from(y, 'base64url')),
  };
}

const QUOTE = {
  type: 0x8018,
  qualifiedSigner: concatBytes(Uint8Array.of(0, 0x0b), new Uint8Array(32).fill(7)),
  extraData: Uint8Array.of(1, 2, 3),
  clockInfo: { clock: 2n ** 60n, resetCount: 3, restartCount: 4, safe: true },
  firmwareVersion: 0x2020031200120003n,
  pcrSelection: [selectPcrs('sha1', []), selectPcrs('sha256', [0, 7, 8, 23])],
  pcrDigest: new Uint8Array(32).fill(9),
} as const;

describe('TPMS_ATTEST', () => {
  test('has the layout of the specification', () => {
    const hex = encodeHex(marshalQuote(QUOTE));
    expect(hex).toBe(
      [
        'ff544347 8018',
        `0022 000b ${'07'.repeat(32)}`,
        '0003 010203',
        '1000000000000000 00000003 00000004 01',
        '2020031200120003',
        '00000002 0004 03 000000 000b 03 810180',
        `0020 ${'09'.repeat(32)}`,
      ]
        .join('')
        .replaceAll(' ', ''),
    );
    expect(parseQuote(decodeHex(hex))).toEqual(QUOTE);
  });

  test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['magic', (bytes) => bytes.with(0, 0xfe)],
    ['type', (bytes) => bytes.with(5, 0x17)],
    ['safe is', (bytes) => bytes.with(4 + 2 + 36 + 5 + 16, 2)],
    ['bytes too many', (bytes) => concatBytes(bytes, Uint8Array.of(0))],
    ['needs', (bytes) => bytes.subarray(0, bytes.length - 1)],
    ['is 16162 bytes long', (bytes) => bytes.with(6, 0x3f)],
    ['banks', (bytes) => bytes.with(72, 1)],
    ['twice', (bytes) => bytes.with(77, 0x0b)],
    ['no hash', (bytes) => bytes.with(77, 0x14)],
    ['bitmap of 0', (bytes) => bytes.with(78, 0)],
    ['bitmap of 5', (bytes) => bytes.with(78, 5)],
  ])('refuses another %s', (reason, change) => {
    expect(() => parseQuote(change(marshalQuote(QUOTE)))).toThrow(DecodeError);
    expect(() => parseQuote(change(marshalQuote(QUOTE)))).toThrow(reason);
  });

  test('a selection names registers that exist, once and in order', () => {
    expect(selectPcrs('sha256', [8, 0, 8]).indexes).toEqual([0, 8]);
    expect(() => selectPcrs('sha256', [24])).toThrow(RangeError);
    expect(() => selectPcrs('sha256', [-1])).toThrow(RangeError);
  });
});

describe('TPMT_SIGNATURE', () => {
  test.each([
    ['0014 000b 0002 aabb', { scheme: 'rsassa', hash: 'sha256', signature: Uint8Array.of(0xaa, 0xbb) }],
    ['0016 000c 0001 aa', { scheme: 'rsapss', hash: 'sha384', signature: Uint8Array.of(0xaa) }],
    ['0018 0004 0001 01 0002 0203', { scheme: 'ecdsa', hash: 'sha1', r: Uint8Array.of(1), s: Uint8Array.of(2, 3) }],
  ])('%s', (hex, signature) => {
    const bytes = decodeHex(hex.replaceAll(' ', ''));
    expect(parseSignature(bytes)).toEqual(signature);
    expect(marshalSignature(parseSignature(bytes))).toEqual(bytes);
    expect(() => parseSignature(concatBytes(bytes, Uint8Array.of(0)))).toThrow('1 bytes too many');
    expect(() => parseSignature(bytes.subarray(0, bytes.length - 1))).toThrow(DecodeError);
  });

  test('says which scheme is not served', () => {
    expect(() => parseSignature(decodeHex('001b000b0000'))).toThrow(UnservedSchemeError);
    expect(() => parseSignature(decodeHex('001b000b0000'))).toThrow('scheme is SM2');
    expect(() => parseSignature(decodeHex('0099000b0000'))).toThrow('scheme is algorithm 0x99');
  });
});

describe('TPMT_PUBLIC', () => {
  test('of an ECC key gives the key, its Name and its Qualified Name', () => {
    const area = eccArea();
    const bytes = marshalPublic(area);
    expect(parsePublic(bytes)).toEqual(area);
    const digest = createHash('sha256').update(bytes).digest('hex');
    expect(encodeHex(nameOf(area))).toBe(`000b${digest}`);
    const qualified = createHash('sha256')
      .update(decodeHex(`4000000b000b${digest}`))
      .digest('hex');
    expect(encodeHex(qualifiedNameOf(area, hierarchyName(HIERARCHY.endorsement)))).toBe(`000b${qualified}`);
    expect(publicKeyOf(area).export({ format: 'jwk' })).toMatchObject({
      crv: 'P-256',
      x: Buffer.from(area.x).toString('base64url'),
      y: Buffer.from(area.y).toString('base64url'),
    });
  });

  test('a point off the curve is no key', () => {
    const area = eccArea();
    expect(() => publicKeyOf({ ...area, y: area.y.with(31, (area.y[31] ?? 0) ^ 1) })).toThrow();
  });

  test('coordinates without leading zeros are the same key', () => {
    const short = { ...eccArea(), x: Uint8Array.of(5), y: Uint8Array.of(6) };
    expect(encodeHex(spkiOf(short)).endsWith(`04${'5'.padStart(64, '0')}${'6'.padStart(64, '0')}`)).toBe(true);
    expect(parsePublic(marshalPublic(short))).toEqual(short);
  });

  test('of an RSA storage key has its symmetric algorithm and exponent', () => {
    const area: PublicArea = {
      type: 'rsa',
      nameAlg: 'sha384',
      attributes: new Set(['restricted', 'decrypt']),
      authPolicy: new Uint8Array(48).fill(1),
      symmetric: { algorithm: TPM_ALG.aes, keyBits: 128, mode: TPM_ALG.cfb },
      scheme: undefined,
      keyBits: 2048,
      exponent: 3,
      modulus: new Uint8Array(256).fill(0xc1),
    };
    expect(parsePublic(marshalPublic(area))).toEqual(area);
    expect(publicKeyOf(area).asymmetricKeyDetails?.publicExponent).toBe(3n);
    expect(publicKeyOf({ ...area, exponent: 0 }).asymmetricKeyDetails?.publicExponent).toBe(65537n);
  });

  const rsaHead = '0001 000b 00050072 0000';
  test.each([
    ['type is KEYEDHASH', '0008 000b 00050072 0000 0010 0010'],
    ['reserved bit', '0001 000b 80050072 0000 0010 0010 0800 00000000 0000'],
    ['no digest of sha256', `0001 000b 00050072 0001 00 0010 0010 0800 00000000 0000`],
    ['symmetric is RSASSA', `${rsaHead} 0014`],
    ['scheme is SHA256', `${rsaHead} 0010 000b`],
    ['RSA key of 512 bits', `${rsaHead} 0010 0010 0200 00000000 0000`],
    ['modulus of 0 bytes', `${rsaHead} 0010 0010 0800 00000000 0000`],
    ['modulus is 257 bytes', `${rsaHead} 0010 0010 0800 00000000 0101 ${'aa'.repeat(257)}`],
    ['curve 0x10', '0023 000b 00050072 0000 0010 0010 0010 0010 0000 0000'],
    ['without coordinates', '0023 000b 00050072 0000 0010 0010 0003 0010 0000 0001 01'],
    ['kdf is RSASSA', '0023 000b 00050072 0000 0010 0010 0003 0014 000b 0001 01 0001 01'],
  ])('refuses: %s', (reason, hex) => {
    const bytes = decodeHex(hex.replaceAll(' ', ''));
    expect(() => parsePublic(bytes)).toThrow(DecodeError);
    expect(() => parsePublic(bytes)).toThrow(reason);
  });

  test('attributes keep their bits', () => {
    expect(encodeAttributes(['fixedTPM', 'fixedParent', 'sensitiveDataOrigin'])).toBe(0x32);
    expect(encodeAttributes(['restricted', 'decrypt', 'sign'])).toBe(0x70000);
    expect(decodeAttributes(encodeAttributes(OBJECT_ATTRIBUTES))).toEqual(new Set(OBJECT_ATTRIBUTES));
  });
});

test('schemes of every form keep their bytes', () => {
  const rsaes: PublicArea = {
    type: 'rsa',
    nameAlg: 'sha256',
    attributes: new Set(['decrypt']),
    authPolicy: new Uint8Array(),
    symmetric: undefined,
    scheme: { algorithm: TPM_ALG.rsaes },
    keyBits: 2048,
    exponent: 0,
    modulus: new Uint8Array(256).fill(0xc1),
  };
  expect(parsePublic(marshalPublic(rsaes))).toEqual(rsaes);
  const ecdaa: PublicArea = { ...eccArea(), scheme: { algorithm: TPM_ALG.ecdaa, hash: 'sha256', count: 7 } };
  expect(parsePublic(marshalPublic(ecdaa))).toEqual(ecdaa);
  const derived: PublicArea = { ...eccArea(), kdf: { algorithm: 0x0020, hash: 'sha384' } };
  expect(parsePublic(marshalPublic(derived))).toEqual(derived);
});

test('names that are none have no algorithm', () => {
  expect(() => hashOf('md5' as TpmHash)).toThrow(RangeError);
  expect(() => curveOf('P-192' as TpmCurve)).toThrow(RangeError);
});

test('a writer refuses numbers that do not fit', () => {
  expect(() => new TpmWriter().u16(0x10000)).toThrow(RangeError);
  expect(() => new TpmWriter().u8(-1)).toThrow(RangeError);
  expect(() => new TpmWriter().sized(new Uint8Array(0x10000))).toThrow(RangeError);
});

describe('fuzz: readers refuse, or give what is written as the same bytes', () => {
  const seeds = [
    marshalQuote(QUOTE),
    marshalPublic(eccArea()),
    marshalSignature({ scheme: 'rsassa', hash: 'sha256', signature: new Uint8Array(256).fill(3) }),
    marshalSignature({ scheme: 'ecdsa', hash: 'sha256', r: Uint8Array.of(1), s: Uint8Array.of(2) }),
  ];
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(3))
      .map(([seed, changes, cut]) => {
        const changed = Uint8Array.from(seed.subarray(0, seed.length - cut));
        for (const [at, value] of changes) changed[at % changed.length] = value;
        return changed;
      }),
  );
  const kinds = {
    quote: (input: Uint8Array) => marshalQuote(parseQuote(input)),
    signature: (input: Uint8Array) => marshalSignature(parseSignature(input)),
    public: (input: Uint8Array) => marshalPublic(parsePublic(input)),
  };
  test.each(Object.entries(kinds))('%s', (_, roundTrip) => {
    fc.assert(
      fc.property(bytes, (input) => {
        let again: Uint8Array;
        try {
          again = roundTrip(input);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
          return;
        }
        expect(encodeHex(again)).toBe(encodeHex(input));
      }),
      { numRuns: fuzzRuns(1000) },
    );
  });
});

const folder = vectorsArea('tpm');
describe.skipIf(folder === undefined)('structures of real TPMs', () => {
  const file = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder ?? '', 'tpm-gce-cos85', name)));

  test('quote, signature and public area are written as they were read', () => {
    expect(marshalQuote(parseQuote(file('quote.msg')))).toEqual(file('quote.msg'));
    expect(marshalSignature(parseSignature(file('quote.sig')))).toEqual(file('quote.sig'));
    const area = parsePublic(file('ak-public.bin'));
    expect(marshalPublic(area)).toEqual(file('ak-public.bin'));
    expect(spkiOf(area)).toEqual(file('ak-spki.der'));
    expect(encodeHex(nameOf(area))).toBe('000bf175bdb57297b2b289973f819863d6c9d09c236725676914f4248c9a2404c2a4');
    // The signer is a primary key of the endorsement hierarchy.
    expect(qualifiedNameOf(area, hierarchyName(HIERARCHY.endorsement))).toEqual(
      parseQuote(file('quote.msg')).qualifiedSigner,
    );
  });
});
