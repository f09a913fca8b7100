/** Streams of loads that no loader makes: each is wrong in one thing. */
import { DecodeError } from '@assay/bytes';
import { expect, test } from 'vitest';
import { encodeSgxs, measureSgxs, PAGE_ACCESS, PAGE_KIND } from './sgxs.js';

const page = { flags: PAGE_ACCESS.read | PAGE_KIND.regular, data: new Uint8Array(4096).fill(1) };
const stream = (pages: Parameters<typeof encodeSgxs>[0]['pages'], size = 0x4000n): Uint8Array =>
  encodeSgxs({ size, ssaFrameSize: 1, pages });
const good = stream([
  { ...page, offset: 0n },
  { ...page, offset: 0x1000n, measured: false },
]);
const put = (at: number, ...values: readonly number[]): Uint8Array => {
  const copy = Uint8Array.from(good);
  copy.set(values, at);
  return copy;
};

test('a load is measured, but for the pages that processors do not measure', () => {
  expect(measureSgxs(good)).toMatchObject({ size: 0x4000n, ssaFrameSize: 1, pages: 2 });
  const { mrEnclave } = measureSgxs(good);
  expect(measureSgxs(put(good.length - 1, 2)).mrEnclave).toEqual(mrEnclave);
  expect(measureSgxs(put(64 + 64 + 64, 2)).mrEnclave).not.toEqual(mrEnclave);
});

test.each<[string, Uint8Array, string]>([
  ['nothing', new Uint8Array(), 'ECREATE'],
  ['another first record', put(0, 0x58), 'does not begin with ECREATE'],
  ['a size that is no power of two', stream([], 0x5000n), 'no power of two'],
  ['one page of address range', stream([], 0x1000n), 'no power of two'],
  ['reserved bytes of ECREATE', put(20, 1), 'reserved bytes of ECREATE'],
  ['ECREATE again', put(64, ...good.subarray(0, 8)), 'none of ECREATE'],
  ['a page beside the grid', put(64 + 8, 1), 'lies outside the enclave'],
  ['a page beyond the enclave', stream([{ ...page, offset: 0x4000n }]), 'lies outside the enclave'],
  ['two pages at one place', stream([0n, 0n].map((offset) => ({ ...page, offset }))), 'two pages at 0'],
  ['reserved bytes of SECINFO', put(64 + 24, 1), 'reserved bytes of SECINFO'],
  ['a chunk beside the grid', put(128 + 8, 1), 'lies outside the page'],
  ['a chunk of another page', put(128 + 9, 0x10), 'lies outside the page'],
  [
    'a chunk before any page',
    Uint8Array.from([...good.subarray(0, 64), ...good.subarray(128)]),
    'lies outside the page',
  ],
  ['reserved bytes of a chunk', put(128 + 16, 1), 'reserved bytes of a chunk'],
  ['a cut', good.subarray(0, -1), 'chunk'],
])('%s is refused', (_, bytes, words) => {
  expect(() => measureSgxs(bytes)).toThrow(words);
  expect(() => measureSgxs(bytes)).toThrow(DecodeError);
});

test('what is larger than a gibibyte is not looked at', () => {
  expect(() => measureSgxs({ length: 2 ** 30 + 1 } as Uint8Array)).toThrow('larger than');
});

test('a page has 4096 bytes', () => {
  expect(() => stream([{ ...page, offset: 0n, data: new Uint8Array(4095) }])).toThrow(RangeError);
});
