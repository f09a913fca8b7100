import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecodeError } from '../decode-error.js';
import { decodeBase64, decodeBase64url, encodeBase64, encodeBase64url } from './base64.js';
import { decodeHex, encodeHex } from './hex.js';
import { decodeUtf8, encodeUtf8 } from './utf8.js';

const runs = { numRuns: fuzzRuns(300) };
const anyBytes = fc.uint8Array({ maxLength: 64 });

describe.each([
  { name: 'hex', encode: encodeHex, decode: (text: string) => decodeHex(text) },
  { name: 'base64', encode: encodeBase64, decode: decodeBase64 },
  { name: 'base64url', encode: encodeBase64url, decode: decodeBase64url },
])('$name', ({ encode, decode }) => {
  test('gives back what was encoded', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(decode(encode(bytes))).toEqual(bytes);
      }),
      runs,
    );
  });

  test('fuzz: accepts a text only if it is the one text of its bytes', () => {
    const alphabet = fc.constantFrom(...'ABab01+/-_= \n=='.split(''));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(alphabet, { maxLength: 12 }).map((a) => a.join('')),
        ),
        (text) => {
          let bytes: Uint8Array;
          try {
            bytes = decode(text);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
            return;
          }
          expect(encode(bytes)).toBe(text);
        },
      ),
      runs,
    );
  });
});

test.each([
  ['odd number of digits', () => decodeHex('abc'), 'hex: odd number of digits at offset 3'],
  ['upper case', () => decodeHex('aB'), 'hex: character outside the alphabet at offset 1'],
  ['missing padding', () => decodeBase64('QQ'), 'base64: padding is missing at offset 2'],
  ['padding of base64url', () => decodeBase64url('QQ=='), 'base64url: misplaced padding at offset 2'],
  ['other alphabet', () => decodeBase64('-_-_'), 'base64: character outside the alphabet at offset 0'],
  ['other alphabet', () => decodeBase64url('+/+/'), 'base64url: character outside the alphabet at offset 0'],
  ['line break', () => decodeBase64('QUFB\nQUFB'), 'base64: character outside the alphabet at offset 4'],
  ['single digit', () => decodeBase64url('QUFBQ'), 'base64url: length is not that of whole bytes at offset 5'],
  [
    'trailing bits',
    () => decodeBase64('QR=='),
    'base64: unused trailing bits are not zero, or padding is wrong at offset 2',
  ],
  [
    'trailing bits',
    () => decodeBase64url('QR'),
    'base64url: unused trailing bits are not zero, or padding is wrong at offset 2',
  ],
])('refuses %s', (_, decode, message) => {
  expect(decode).toThrow(DecodeError);
  expect(decode).toThrow(message);
});

test('hex of any case only when asked', () => {
  expect(decodeHex('aBCd', { case: 'any' })).toEqual(Uint8Array.of(0xab, 0xcd));
  expect(() => decodeHex('aBCg', { case: 'any' })).toThrow('offset 3');
});

test('UTF-8 is well-formed both ways and keeps a byte order mark', () => {
  expect(decodeUtf8(encodeUtf8('a\u20ac\u{1f600}'))).toBe('a\u20ac\u{1f600}');
  expect(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa');
  expect(() => decodeUtf8(Uint8Array.of(0xc0, 0x80))).toThrow(DecodeError);
  expect(() => encodeUtf8('a\ud800')).toThrow('lone surrogate at offset 1');
});
