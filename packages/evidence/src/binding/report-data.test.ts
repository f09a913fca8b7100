import { describe, expect, test } from 'vitest';
import { compareReportData, fit, likeness } from './report-data.js';

const digest = Uint8Array.from({ length: 48 }, (_, index) => index + 1);
const expected = [{ bytes: digest, algorithm: 'sha384', members: 'nonce' }];

describe('fit', () => {
  test('pads on the right, or cuts', () => {
    expect(fit(new Uint8Array([1, 2]), 4)).toEqual(new Uint8Array([1, 2, 0, 0]));
    expect(fit(new Uint8Array([1, 2, 3]), 2)).toEqual(new Uint8Array([1, 2]));
    expect(fit(digest, 'exact')).toBe(digest);
  });
});

describe('comparison', () => {
  test('a field of 64 bytes holds the padded digest', () => {
    expect(compareReportData(fit(digest, 64), expected, 64, 'quote')).toMatchObject({ matched: 0, holds: true });
    expect(compareReportData(digest, expected, 64, 'quote').holds).toBe(false);
    expect(compareReportData(fit(digest, 64).with(63, 1), expected, 64, 'quote').holds).toBe(false);
  });

  test('nothing asked holds, and says so', () => {
    expect(compareReportData(digest, undefined, 64, 'quote').finding.outcome).toBe('not-checked');
  });
});

describe('likeness', () => {
  test.each<[string, Uint8Array, string | undefined]>([
    ['empty', new Uint8Array(), 'report data is empty'],
    ['zero', new Uint8Array(48), 'report data is all zero: it was not set'],
    ['hex text', new TextEncoder().encode(Buffer.from(digest).toString('hex')), 'equal-after-decoding: hex'],
    ['base64 text', new TextEncoder().encode(Buffer.from(digest).toString('base64')), 'equal-after-decoding: base64'],
    ['padded', fit(digest, 64), 'equal but for zero padding: 64 and 48 bytes'],
    ['cut', digest.subarray(0, 32), 'the first 32 bytes are equal, lengths are 32 and 48'],
    ['unrelated', digest.map((byte) => byte ^ 0xff), undefined],
  ])('%s', (_, actual, says) => {
    expect(likeness(actual, digest)[0]).toBe(says);
  });
});
