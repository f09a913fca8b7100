import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalKey,
  compare,
  equals,
  formatNumber,
  isObject,
  JsonSyntaxError,
  numberFromText,
  ObjectBuilder,
  objectEntries,
  objectFrom,
  objectGet,
  objectHas,
  parseJson,
  print,
  RegoDecimal,
  RegoObject,
  RegoSet,
  ResourceLimitError,
  resetValueCaches,
  toJson,
  toJsonText,
  typeName,
  utf8Decode,
  utf8Encode,
  type Value,
} from './index.js';

const num = (text: string): Value => {
  const n = numberFromText(text);
  if (n === undefined) throw new Error(`not a number: ${text}`);
  return n;
};

/** Values of every kind, nested; numbers in several spellings. */
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<Value>(null, true, false, 0, 1, -1, 1.5, 'a', '', '\u0000', 'é', '😀', '\uffee'),
    fc
      .constantFrom('1.0', '1.50', '1e2', '100', '2e308', '0.1', '18446744073709551616', '1844674407370955161.6e1')
      .map(num),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt().map((n) => num(String(n))),
    fc.string({ maxLength: 4, unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => RegoSet.of(items)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((pairs) => objectFrom(pairs)),
    fc.dictionary(fc.string({ maxLength: 2 }), tie('value'), { maxKeys: 3 }) as fc.Arbitrary<Value>,
  ),
})).value;

describe('numbers', () => {
  test.each([
    '0',
    '7',
    '-7',
    '0.1',
    '1.50',
    '1e2',
    '2e308',
    '1E5',
    '-0.0',
    '28857836529306024611913',
    '1e-400',
    '12345678901234567890.5',
  ])('%s keeps its text', (text) => {
    expect(print(num(text))).toBe(text);
  });

  test('equal values are one key whatever their spelling', () => {
    const ones = ['1', '1.0', '10e-1', '0.1e1', '1.000'].map(num);
    for (const a of ones) {
      expect(equals(a, 1)).toBe(true);
      expect(canonicalKey(a)).toBe(canonicalKey(1));
    }
    expect(equals(num('0'), num('-0.0'))).toBe(true);
    expect(RegoSet.of([1, ...ones]).size).toBe(1);
    expect(equals(num('28857836529306024611913'), num('28857836529306024611912'))).toBe(false);
    expect(equals(num('1e22'), num('10000000000000000000000'))).toBe(true);
    expect(equals(0.1, num('0.10'))).toBe(true);
    expect(equals(num('0.1000000000000000055'), 0.1)).toBe(false);
  });

  test('order goes by exact value', () => {
    const sorted = [
      '-1e400',
      '-10',
      '-2.5',
      '-2',
      '0',
      '1e-400',
      '0.5',
      '1',
      '1.0000000000000000001',
      '9007199254740993',
      '1e16',
      '2e308',
      '3e308',
    ];
    const shuffled = [...sorted].reverse().map(num);
    expect(shuffled.sort(compare).map(print)).toEqual(sorted);
  });

  test('texts that are no numbers, and exponents out of reason, are refused', () => {
    for (const text of ['', '-', 'x', '1e', '0x10', 'Infinity', 'NaN', ' 1', '1 ', '1e1000000000000', '1_0']) {
      expect(numberFromText(text)).toBeUndefined();
    }
  });

  test('integers of the safe range are plain numbers, larger ones bigint', () => {
    expect(numberFromText('9007199254740991')).toBe(9007199254740991);
    expect(numberFromText('9007199254740992')).toBe(9007199254740992n);
    expect(numberFromText('1e2')).toBeInstanceOf(RegoDecimal);
    expect(formatNumber(1e21)).toBe('1000000000000000000000');
  });
});

describe('order and keys', () => {
  test('types are ordered', () => {
    const ordered: Value[] = [null, false, true, -1, 1.5, 'a', [], [null], {}, RegoSet.of([])];
    for (let i = 0; i < ordered.length; i++) {
      for (let j = 0; j < ordered.length; j++) {
        expect(compare(ordered[i] as Value, ordered[j] as Value)).toBe(Math.sign(i - j));
      }
    }
  });

  test('strings are ordered by code point, not by UTF-16 unit', () => {
    expect(compare('\uffee', '😀')).toBe(-1);
    expect(compare('a\uffee', 'a😀')).toBe(-1);
    expect(compare('😀', '😁')).toBe(-1);
    expect(compare('ab', 'a')).toBe(1);
  });

  test('objects compare by sorted pairs, then by size', () => {
    expect(compare({ a: 1 }, { a: 1, b: 1 })).toBe(-1);
    expect(compare({ a: 2 }, { a: 1, b: 1 })).toBe(1);
    expect(compare({ b: 1 }, { a: 9 })).toBe(1);
  });

  test('compare, equals and canonical keys agree, and the order is total', () => {
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        const ab = compare(a, b);
        expect(compare(b, a)).toBe(ab === 0 ? 0 : -ab);
        expect(compare(a, a)).toBe(0);
        expect(equals(a, b)).toBe(ab === 0);
        expect(canonicalKey(a) === canonicalKey(b)).toBe(ab === 0);
        if (ab <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 600 },
    );
  });

  test('what was remembered of a host document is forgotten on request', () => {
    const document = { list: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] };
    const before = canonicalKey(document);
    document.list.push(11);
    resetValueCaches();
    expect(canonicalKey(document)).not.toBe(before);
  });
});

describe('objects and sets', () => {
  test('only own properties count', () => {
    const o = JSON.parse('{"__proto__": 1, "a": 2}') as Value;
    if (!isObject(o)) throw new Error('not an object');
    expect(objectGet(o, '__proto__')).toBe(1);
    expect(objectHas(o, 'toString')).toBe(false);
    expect(objectGet(new ObjectBuilder().set('__proto__', 5).build(), '__proto__')).toBe(5);
    expect(objectEntries(o).map((entry) => entry.key)).toEqual(['__proto__', 'a']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('a builder stays plain until a key is no string', () => {
    const plain = new ObjectBuilder().set('a', 1).set('b', 2);
    expect(plain.size).toBe(2);
    expect(plain.build()).toEqual({ a: 1, b: 2 });
    const mixed = new ObjectBuilder().set('a', 1).set(num('1.0'), 2).set(1, 3);
    expect(mixed.size).toBe(2);
    const built = mixed.build();
    expect(built).toBeInstanceOf(RegoObject);
    expect(print(built)).toBe('{1.0: 3, "a": 1}');
  });

  test('setUnique tells conflicts from repetitions', () => {
    const builder = new ObjectBuilder();
    expect(builder.setUnique('k', [1])).toBe(true);
    expect(builder.setUnique('k', [num('1.0')])).toBe(true);
    expect(builder.setUnique('k', [2])).toBe(false);
  });

  test('a set iterates in order', () => {
    expect(print(RegoSet.of(['b', 1, null, [1], 'a', 1]))).toBe('{null, 1, "a", "b", [1]}');
  });
});

describe('text forms', () => {
  test('printing', () => {
    expect(print([1, 'a', { k: true }])).toBe('[1, "a", {"k": true}]');
    expect(print(RegoSet.of([]))).toBe('set()');
    expect(print({})).toBe('{}');
  });

  test('JSON: sets become arrays, keys become texts', () => {
    const v = objectFrom([
      [[1, 'a'], RegoSet.of([2, 1])],
      ['b', num('18446744073709551616')],
    ]);
    expect(toJsonText(v)).toBe('{"[1,\\"a\\"]":[1,2],"b":18446744073709551616}');
    expect(toJson(v)).toEqual({ '[1,"a"]': [1, 2], b: 18446744073709551616n });
    expect(toJsonText('<a & b>\u2028', { goEscapes: true })).toBe('"\\u003ca \\u0026 b\\u003e\\u2028"');
    expect(toJsonText('<')).toBe('"<"');
  });

  test('what JSON text holds survives parsing and writing', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (document) => {
        const text = JSON.stringify(document);
        expect(JSON.parse(toJsonText(parseJson(text)))).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['', 'unexpected end of JSON input'],
    ['plain', "invalid character 'p' looking for beginning of value"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['01', "invalid character '1' after top-level value"],
    ['1.', 'unexpected end of JSON input'],
    ['[1.]', "invalid character ']' after decimal point in numeric literal"],
    ['"\n"', "invalid character '\\n' in string literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
    ['trux', "invalid character 'x' in literal true (expecting 'e')"],
    ['1e1000000000', 'number is out of range'],
  ])('refuses %j', (text, message) => {
    expect(() => parseJson(text)).toThrow(JsonSyntaxError);
    expect(() => parseJson(text)).toThrow(message);
  });

  test('parsing arbitrary text gives a value or a syntax error', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '1', '.', 'e', '\\', 'u', ' ', 't') }),
    );
    fc.assert(
      fc.property(text, (input) => {
        let ours: unknown;
        try {
          ours = toJson(parseJson(input));
        } catch (error) {
          expect(error).toBeInstanceOf(JsonSyntaxError);
          expect(() => JSON.parse(input)).toThrow();
          return;
        }
        expect(JSON.stringify(ours, (_, v: unknown) => (typeof v === 'bigint' ? Number(v) : v))).toBeDefined();
        expect(() => JSON.parse(input)).not.toThrow();
      }),
      { numRuns: 600 },
    );
  });

  test('nesting beyond the limit is refused, not a stack overflow', () => {
    expect(() => parseJson('['.repeat(100_000))).toThrow('exceeded max depth');
    let deep: Value = 1;
    for (let i = 0; i < 5_000; i++) deep = [deep];
    const other: Value = [deep];
    for (const walk of [
      () => print(deep),
      () => canonicalKey(deep),
      () => compare(deep, other),
      () => toJsonText(deep),
      () => toJson(deep),
    ]) {
      expect(walk).toThrow(ResourceLimitError);
    }
  });

  test('shared structure of exponential size ends with an error', () => {
    let wide: Value = ['x'];
    for (let i = 0; i < 60; i++) wide = [wide, wide];
    expect(() => print(wide)).toThrow(ResourceLimitError);
    expect(() => canonicalKey(wide)).toThrow(ResourceLimitError);
  });
});

describe('bytes in strings', () => {
  test('bytes that are no UTF-8 survive and count one each', () => {
    const bytes = Uint8Array.of(0x68, 0xff, 0xe2, 0x82, 0xc3, 0xa9);
    const text = utf8Decode(bytes);
    expect([...text]).toHaveLength(5);
    expect(utf8Encode(text)).toEqual(bytes);
    expect(toJson(text)).toBe('h\ufffd\ufffd\ufffdé');
  });

  test('any bytes return', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(utf8Encode(utf8Decode(bytes))).toEqual(bytes);
      }),
      { numRuns: 600 },
    );
  });
});

test('type names', () => {
  const all: Value[] = [null, true, 1, 1n, num('1.50'), 's', [], {}, objectFrom([[1, 1]]), RegoSet.of([])];
  expect(all.map(typeName)).toEqual([
    'null',
    'boolean',
    'number',
    'number',
    'number',
    'string',
    'array',
    'object',
    'object',
    'set',
  ]);
});
