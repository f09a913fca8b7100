import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeUtf8 } from '../codec/utf8.js';
import { DecodeError } from '../decode-error.js';
import { type JsonLimits, parseJsonStrict } from './parse.js';

const runs = { numRuns: fuzzRuns(200) };

test.each([
  'null',
  ' true ',
  '-0.5e-3',
  '"\\u20ac\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\"\\\\"',
  '[]',
  '{}',
  '\t[1, {"a":[null,false]} ,\r\n"x"]',
  '{"toString":1,"":{"a":0}}',
])('reads %s as JSON.parse does', (text) => {
  expect(parseJsonStrict(text)).toEqual(JSON.parse(text));
  expect(parseJsonStrict(encodeUtf8(text))).toEqual(JSON.parse(text));
});

test.each([
  ['', 'text ends where a value is due', 0],
  ['{"a":1,"b":2,"a":3}', 'member name occurs twice', 13],
  ['{"a":1,"\\u0061":3}', 'member name occurs twice', 7],
  ['{"__proto__":1,"__proto__":2}', 'member name occurs twice', 15],
  ['[1,2,]', 'a value is due', 5],
  ['[1 2]', '"," or "]" is due', 3],
  ['{"a" 1}', '":" is due', 5],
  ['{a:1}', 'member name is due', 1],
  ['{"a":1,}', 'member name is due', 7],
  ['1 1', 'text goes on after the value', 2],
  ['\ufeff1', 'a value is due', 0],
  ['01', 'text goes on after the value', 1],
  ['+1', 'a value is due', 0],
  ['.5', 'a value is due', 0],
  ['1.', 'text goes on after the value', 1],
  ['NaN', 'a value is due', 0],
  ['nul', 'a value is due', 0],
  ['1e999', 'number is out of range', 0],
  ['9007199254740992', 'integer is beyond 2^53 - 1 and would lose digits', 0],
  ['"abc', 'text ends inside a string', 4],
  ['"a\nb"', 'control character inside a string', 2],
  ['"\\x"', 'unknown escape', 1],
  ['"\\u12g4"', '\\u needs four hexadecimal digits', 1],
  ['["\ud800"]', 'string holds a lone surrogate', 1],
  ['["\\ud800"]', 'string holds a lone surrogate', 1],
  ['["\\udc00\\ud800"]', 'string holds a lone surrogate', 1],
  ["'a'", 'a value is due', 0],
])('refuses %s', (text, reason, offset) => {
  expect(() => parseJsonStrict(text)).toThrow(new DecodeError('JSON', reason, offset));
});

test('limits depth and size', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  expect(() => parseJsonStrict(nested(64))).not.toThrow();
  expect(() => parseJsonStrict(nested(65))).toThrow('nesting is deeper than 64 at offset 64');
  expect(() => parseJsonStrict('{"a":{"b":1}}', { maxDepth: 1 })).toThrow('deeper than 1 at offset 5');
  expect(() => parseJsonStrict('"\u20ac"', { maxBytes: 4 })).toThrow('text is 5 bytes; at most 4');
  expect(() => parseJsonStrict(encodeUtf8('"\u20ac"'), { maxBytes: 4 })).toThrow('text is 5 bytes; at most 4');
});

test('bytes that are not UTF-8 are refused', () => {
  expect(() => parseJsonStrict(Uint8Array.of(0x22, 0xff, 0x22))).toThrow('UTF-8: not well-formed');
});

test('__proto__ is a member like any other', () => {
  const value = parseJsonStrict('{"__proto__":{"polluted":true}}') as object;
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(Object.keys(value)).toEqual(['__proto__']);
  expect('polluted' in value).toBe(false);
});

test('large integers are rounded only when asked', () => {
  expect(parseJsonStrict('9007199254740993', { unsafeIntegers: 'round' })).toBe(9007199254740992);
  expect(parseJsonStrict('-9007199254740991')).toBe(-9007199254740991);
  expect(parseJsonStrict('1e20')).toBe(1e20);
});

test('property: agrees with JSON.parse on what JSON.stringify writes', () => {
  const limits: JsonLimits = { unsafeIntegers: 'round' };
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(0, 2), (value, space) => {
      const text = JSON.stringify(value, undefined, space);
      expect(parseJsonStrict(text, limits)).toEqual(JSON.parse(text));
    }),
    runs,
  );
});

test('fuzz: never accepts what JSON.parse refuses, never throws anything but DecodeError', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    'u',
    'd800',
    'true',
    '-',
    '0',
    '1',
    '.',
    'e',
    ' ',
    'a',
    '\u0000',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 24 }).map((list) => list.join('')),
    // One change to a valid document.
    fc.tuple(fc.json(), fc.nat(), pieces).map(([json, at, piece]) => {
      const index = at % (json.length + 1);
      return json.slice(0, index) + piece + json.slice(index + 1);
    }),
  );
  fc.assert(
    fc.property(text, (input) => {
      try {
        parseJsonStrict(input);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
        return;
      }
      expect(() => JSON.parse(input)).not.toThrow();
    }),
    runs,
  );
});
