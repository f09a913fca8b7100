import { DecodeError } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOf, decodeFields, encodeFields } from './fields.js';

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex');

test('texts, bytes and flags; what is empty is left out', () => {
  const message = encodeFields([
    [1, 'ab'],
    [2, new Uint8Array()],
    [3, ''],
    [4, true],
    [5, false],
    [6, Uint8Array.of(0)],
    [16, 'x'.repeat(200)],
  ]);
  expect(Buffer.from(message).toString('hex')).toBe(`0a026162${'2001'}${'320100'}8201c801${'78'.repeat(200)}`);
  const fields = decodeFields(message);
  expect([...fields.keys()]).toEqual([1, 4, 6, 16]);
  expect(fields.get(4)).toBe(1n);
  expect(Buffer.from(bytesOf(fields, 1)).toString()).toBe('ab');
  // A number is no bytes, and a field that is not there is empty.
  expect([bytesOf(fields, 4).length, bytesOf(fields, 9).length]).toEqual([0, 0]);
});

test('the last of several counts', () => {
  expect(Buffer.from(bytesOf(decodeFields(hex('0a01610a0162')), 1)).toString()).toBe('b');
});

test.each([
  ['a field that is cut', '0a0261'],
  ['no value', '0a'],
  ['no number', '00'],
  ['a field number 0', '020161'],
  ['a field number that is too large', '828080801001'],
  ['a fixed64', '090000000000000000'],
  ['a group', '0b'],
  ['a fixed32', '0d00000000'],
  ['a length beyond memory', '0affffffffffffffff7f'],
  ['a number of more than 64 bits', '08ffffffffffffffffff02'],
  ['a number of eleven bytes', '08ffffffffffffffffffff01'],
  ['a number without an end', '08ff'],
  ['too many fields', '0a00'.repeat(257)],
])('%s is refused', (_, message) => {
  expect(() => decodeFields(hex(message))).toThrow(DecodeError);
});

test('the largest number', () => {
  expect(decodeFields(hex('08ffffffffffffffffff01')).get(1)).toBe(2n ** 64n - 1n);
  expect(decodeFields(hex('0a00'.repeat(256))).size).toBe(1);
});

test('fuzz: any bytes are a message or a DecodeError, and what is encoded is read back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ minLength: 1, maxLength: 300 }), (noise, value) => {
      expect(Buffer.from(bytesOf(decodeFields(encodeFields([[7, value]])), 7))).toEqual(Buffer.from(value));
      try {
        decodeFields(noise);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }),
    { numRuns: fuzzRuns(300) },
  );
});
