import { expect, test } from 'vitest';
import { ByteReader } from './byte-reader.js';
import { concatBytes, constantTimeEqual } from './bytes.js';
import { DecodeError } from './decode-error.js';

test('reads integers of both byte orders', () => {
  const reader = new ByteReader(
    Uint8Array.from({ length: 31 }, (_, index) => index + 1),
    'sample',
  );
  expect(reader.u8('a')).toBe(0x01);
  expect(reader.u16le('b')).toBe(0x0302);
  expect(reader.u16be('c')).toBe(0x0405);
  expect(reader.u32le('d')).toBe(0x09080706);
  expect(reader.u32be('e')).toBe(0x0a0b0c0d);
  expect(reader.u64le('f')).toBe(0x1514131211100f0en);
  expect(reader.u64be('g')).toBe(0x161718191a1b1c1dn);
  expect(reader.peek()).toBe(0x1e);
  expect(reader.rest()).toEqual(Uint8Array.of(0x1e, 0x1f));
  reader.end();
});

test('says where input ends too early, in the outermost input', () => {
  const outer = new ByteReader(new Uint8Array(8), 'quote');
  outer.skip(2, 'head');
  const inner = outer.sub(4, 'body');
  inner.u16le('version');
  expect(() => inner.u32le('size')).toThrow(new DecodeError('quote body', 'size needs 4 bytes, 2 are left', 4));
  expect(() => outer.bytes(-1, 'data')).toThrow('no valid length');
  expect(() => outer.bytes(1.5, 'data')).toThrow('no valid length');
});

test('refuses trailing bytes and reserved bytes that are not zero', () => {
  const reader = new ByteReader(Uint8Array.of(0, 0, 1), 'quote');
  expect(() => reader.end()).toThrow('3 bytes too many at offset 0');
  expect(() => reader.zeros(3, 'reserved')).toThrow('reserved is reserved and not zero at offset 2');
});

test('respects the bounds of a view', () => {
  const whole = Uint8Array.of(9, 1, 2, 9);
  const reader = new ByteReader(whole.subarray(1, 3), 'view');
  expect(reader.u16be('value')).toBe(0x0102);
  expect(() => reader.u8('more')).toThrow(DecodeError);
});

test('compares secrets and joins bytes', () => {
  expect(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0))).toBe(false);
  expect(concatBytes(Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2, 3))).toEqual(Uint8Array.of(1, 2, 3));
});
