import { createHash } from 'node:crypto';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from './canonical.js';
import { parseJsonStrict } from './parse.js';
import type { JsonValue } from './value.js';

/** RFC 8785 appendix B: IEEE 754 bits and their text. */
const NUMBERS: readonly [string, string][] = [
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'],
  ['4340000000000000', '9007199254740992'],
  ['c340000000000000', '-9007199254740992'],
  ['4430000000000000', '295147905179352830000'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'],
  ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
];

describe('RFC 8785', () => {
  test.each(NUMBERS)('appendix B: %s is %s', (bits, text) => {
    expect(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE())).toBe(text);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('appendix B: %d is an error', (value) => {
    expect(() => canonicalJson(value)).toThrow('is not a JSON number');
  });

  test('section 3.2.2: primitive types', () => {
    const input = parseJsonStrict(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`);
    expect(canonicalJson(input)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  test('section 3.2.3: members sorted by UTF-16 code units', () => {
    const input = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\u{1f600}': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    const values = Object.values(JSON.parse(canonicalJson(input)) as Record<string, string>);
    // The object of JSON.parse moves the member "1" to the front: read the order in the text as well.
    expect(canonicalJson(input)).toMatch(/^\{"\\r":"Carriage Return","1":"One","\u0080":"Control"/);
    expect(values.slice(3)).toEqual([
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  test('lone surrogates are an error, in values and in names', () => {
    expect(() => canonicalJson('\udead')).toThrow('lone surrogate');
    expect(() => canonicalJson({ 'a\ud800': 1 })).toThrow('lone surrogate');
  });
});

test('hash of the attestation service example', () => {
  const text = canonicalJson({ b: 1, a: 'test', c: { d: 'e' } });
  expect(text).toBe('{"a":"test","b":1,"c":{"d":"e"}}');
  expect(createHash('sha384').update(text).digest('hex')).toBe(
    'e71ce8e70d814ba6639c3612ebee0ff1f76f650f8dbb5e47157e0f3f525cd22c4597480a186427c813ca941da78870c3',
  );
});

test('what is not JSON is an error', () => {
  const wrong: unknown[] = [
    undefined,
    1n,
    () => 0,
    { a: undefined },
    new Date(0),
    [undefined],
    new Map(),
    new Array(1),
  ];
  for (const value of wrong) expect(() => canonicalJson(value as JsonValue)).toThrow('canonical JSON');
});

test('depth is limited', () => {
  let value: JsonValue = 0;
  for (let depth = 0; depth < 512; depth += 1) value = [value];
  expect(canonicalJson(value)).toHaveLength(1025);
  expect(() => canonicalJson([value])).toThrow('deeper than 512');
});

const runs = { numRuns: fuzzRuns(300) };
const json = fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }) as fc.Arbitrary<JsonValue>;

test('property: parsing the text gives the value back, and the text is a fixed point', () => {
  fc.assert(
    fc.property(json, (value) => {
      const text = canonicalJson(value);
      // JSON has no -0, so compare through the platform's own writer.
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(parseJsonStrict(text, { unsafeIntegers: 'round' }))).toBe(text);
    }),
    runs,
  );
});

test('property: the order of members does not matter', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), json), (object) => {
      const reversed = Object.fromEntries(Object.entries(object).reverse());
      expect(canonicalJson(reversed)).toBe(canonicalJson(object));
    }),
    runs,
  );
});
