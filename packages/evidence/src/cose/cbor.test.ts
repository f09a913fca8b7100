import { DecodeError } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import { encode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CborLimits, CborTagged, type CborValue, decodeCbor, describeCbor } from './cbor.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const read = (text: string, limits: Partial<CborLimits> = {}): CborValue =>
  decodeCbor(hex(text), { maxBytes: 1024, ...limits });

describe('what is read', () => {
  test.each<[string, string, CborValue, Partial<CborLimits>?]>([
    ['numbers', '83 17 20 1b001fffffffffffff', [23, -1, 2 ** 53 - 1]],
    ['texts and bytes', '82 63 616263 42 0102', ['abc', Uint8Array.of(1, 2)]],
    ['null and booleans', '83 f6 f5 f4', [null, true, false]],
    [
      'a map with number and text keys',
      'a3 01 02 20 03 61 78 04',
      new Map<number | string, number>([
        [1, 2],
        [-1, 3],
        ['x', 4],
      ]),
    ],
    [
      'an empty map inside a map',
      'a2 01 a0 02 80',
      new Map<number, CborValue>([
        [1, new Map()],
        [2, []],
      ]),
    ],
    ['an indefinite map', 'bf 01 02 ff', new Map([[1, 2]]), { indefinite: true }],
    ['indefinite inside indefinite', '9f bf 01 9f ff ff 03 ff', [new Map([[1, []]]), 3], { indefinite: true }],
    ['a tag around the whole', 'd2 80', new CborTagged(18, []), { tag: 18 }],
  ])('%s', (_, text, value, limits) => {
    expect(read(text, limits)).toEqual(value);
  });

  test('a Buffer gives copies, not views of its pool', () => {
    const bytes = Buffer.from('420102', 'hex');
    const value = decodeCbor(bytes, { maxBytes: 10 }) as Uint8Array;
    bytes.fill(0);
    expect(value).toEqual(Uint8Array.of(1, 2));
    expect(Buffer.isBuffer(value)).toBe(false);
  });
});

describe('what is refused', () => {
  test.each<[string, string, Partial<CborLimits>?]>([
    ['nothing', ''],
    ['bytes after the item', '01 00'],
    ['a cut item', '42 01'],
    ['a cut list', '82 01'],
    ['a key without a value', 'a1 01'],
    ['the same key twice', 'a2 01 02 01 03'],
    ['the same text key twice', 'a2 61 78 02 61 78 03'],
    ['a byte string as key', 'a1 41 00 01'],
    ['a list as key', 'a1 80 01'],
    ['null as key', 'a1 f6 01'],
    ['a number in more bytes than it needs', '18 01'],
    ['a length in more bytes than it needs', '58 01 00'],
    ['a number beyond 2^53', '1b0020000000000000'],
    ['a negative number beyond 2^53', '3b0020000000000000'],
    ['a floating-point number', 'f9 3c00'],
    ['a double', 'fb 3ff0000000000000'],
    ['undefined', 'f7'],
    ['a simple value', 'e0'],
    ['a simple value of two bytes', 'f8 ff'],
    ['a text that is not UTF-8', '61 ff'],
    ['a long text that is not UTF-8', `78 28 ${'61'.repeat(39)}ff`],
    ['a key that is not UTF-8', 'a1 61 ff 01'],
    ['a tag', 'd2 80'],
    ['another tag', 'd3 80', { tag: 18 }],
    ['a tag twice', 'd2 d2 80', { tag: 18 }],
    ['a tag further inside', '81 d2 80', { tag: 18 }],
    ['a tag around nothing', 'd2', { tag: 18 }],
    ['a tag around a break', 'd2 ff', { tag: 18, indefinite: true }],
    ['an indefinite map', 'bf 01 02 ff'],
    ['an indefinite list', '9f ff'],
    ['an indefinite byte string', '5f 41 00 ff', { indefinite: true }],
    ['an indefinite text', '7f 61 61 ff', { indefinite: true }],
    ['a break alone', 'ff', { indefinite: true }],
    ['a break in a list of known length', '82 01 ff', { indefinite: true }],
    ['a break in place of a value', 'a1 01 ff', { indefinite: true }],
    ['a break after a key', 'bf 01 ff', { indefinite: true }],
    ['a break after a key, and another one', 'bf 01 ff ff', { indefinite: true }],
    ['an indefinite map without its break', 'bf 01 02', { indefinite: true }],
    ['more bytes than the limit', '82 01 02', { maxBytes: 2 }],
    ['nested deeper than the limit', '81 81 81 01', { maxDepth: 2 }],
    ['nested deeper than any stack', '81'.repeat(1000)],
    ['indefinite lists deeper than any stack', '9f'.repeat(1000), { indefinite: true }],
    ['more items than the limit', '83 01 02 03', { maxItems: 3 }],
    ['a list that promises four billion items', '9a ffffffff 01'],
    ['a byte string that promises 2^63 bytes', '5b 7fffffffffffffff'],
  ])('%s', (_, text, limits) => {
    expect(() => read(text, limits)).toThrow(DecodeError);
  });

  test('the limits are the largest that are read', () => {
    expect(read('81 81 01', { maxDepth: 2, maxBytes: 3, maxItems: 3 })).toEqual([[1]]);
  });
});

test('what a value is, never what it holds', () => {
  const said = [undefined, null, hex('0102'), [1], new Map(), new CborTagged(9, 1), 'abc', 5, true].map(describeCbor);
  expect(said).toEqual([
    'absent',
    'null',
    '2 bytes',
    'a list of 1',
    'a map of 0',
    'under tag 9',
    'a text of 3',
    '5',
    'true',
  ]);
});

describe('fuzz: CBOR', () => {
  const limits = { maxBytes: 4096, tag: 18, indefinite: true };
  const settled = (bytes: Uint8Array): CborValue | undefined => {
    try {
      return decodeCbor(bytes, limits);
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError);
      return undefined;
    }
  };

  test('any bytes are a value or a DecodeError', () => {
    const structured = fc
      .array(
        fc.constantFrom(0x00, 0x20, 0x40, 0x41, 0x61, 0x80, 0x81, 0x82, 0x9f, 0xa0, 0xa1, 0xbf, 0xd2, 0xf5, 0xf6, 0xff),
        {
          maxLength: 40,
        },
      )
      .map((octets) => Uint8Array.from(octets));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), structured), (bytes) => {
        const value = settled(bytes);
        expect(JSON.stringify([value], (_, one) => (typeof one === 'symbol' ? 'BREAK' : one))).not.toContain('BREAK');
      }),
      { numRuns: fuzzRuns(2000) },
    );
  });

  test('what was written is read', () => {
    const { value } = fc.letrec<{ value: CborValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.integer(),
        fc.string(),
        fc.boolean(),
        fc.uint8Array({ maxLength: 40 }),
        fc.array(tie('value'), { maxLength: 5 }),
        fc
          .uniqueArray(fc.tuple(fc.oneof(fc.integer(), fc.string()), tie('value')), {
            selector: ([key]) => key,
            maxLength: 5,
          })
          .map((entries) => new Map(entries)),
      ),
    }));
    fc.assert(
      fc.property(value, (one) => {
        expect(decodeCbor(encode(one), { maxBytes: 1 << 20 })).toEqual(one);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});
