/** Guards that no spoiled evidence alone reaches: each of these goes red when its `if` no longer decides. */
import { DecodeError, decodeBase64 } from '@assay/bytes';
import { expect, test } from 'vitest';
import { CA_SIZE, HSK_CEK_SIZE, parseCaCertificate } from './certificate/certificate.js';
import { splitHskCek } from './endorsements.js';
import { verifyCsvFiles } from './files.js';
import { HYGON_HRK } from './hrk.js';
import { member } from './json.js';
import { guessVersion, REPORT_PAGE, REPORT_V1_SIZE, readReport } from './report/report.js';

const hrk = decodeBase64(HYGON_HRK.replace(/\s/g, ''));
const put = (at: number, ...values: readonly number[]): Uint8Array => {
  const copy = Uint8Array.from(hrk);
  copy.set(values, at);
  return copy;
};

test('a root names its curve, and a user id that fits', () => {
  expect(hrk).toHaveLength(CA_SIZE);
  expect(parseCaCertificate(hrk, 'HRK').userId).toHaveLength(13);
  expect(() => parseCaCertificate(put(64, 1), 'HRK')).toThrow('curve 1; SM2 is 3');
  expect(() => parseCaCertificate(put(212, 255, 0), 'HRK')).toThrow('user id of 255 bytes; at most 254 fit');
});

test('HSK and CEK are of one length', () => {
  expect(splitHskCek(new Uint8Array(HSK_CEK_SIZE)).hsk).toHaveLength(CA_SIZE);
  for (const length of [0, HSK_CEK_SIZE - 1, HSK_CEK_SIZE + 1])
    expect(() => splitHskCek(new Uint8Array(length))).toThrow(DecodeError);
});

test.each([0, REPORT_V1_SIZE - 1, REPORT_V1_SIZE + 1, REPORT_PAGE + 4])(
  'a report of %i bytes is none of version 1',
  (length) => {
    const bytes = new Uint8Array(length);
    expect(() => readReport(bytes, 1)).toThrow(`version 1 has ${REPORT_V1_SIZE} or ${REPORT_PAGE}`);
    expect(guessVersion(bytes)).toBe(1);
    const { verdict, ...told } = verifyCsvFiles({ report: bytes }, { at: new Date('2026-06-01T00:00:00Z') });
    expect(verdict).toBe('reject');
    expect(told).not.toHaveProperty('version');
  },
);

test.each<[string, number, number]>([
  ['a number in the place of a list', 1, 16],
  ['half a number', 1.5, 4],
  ['a number below zero', -1, 4],
  ['a number that is too large', 2 ** 32, 4],
  ['a number that is too large for two bytes', 2 ** 16, 2],
])('%s is no member', (_, value, size) => {
  expect(() => member({ path: 'report', value: { field: value } }, 'field', size)).toThrow(`report.field is ${value}`);
  const sound = member({ path: 'report', value: { field: 2 ** 16 - 1 } }, 'field', 2);
  expect([...sound]).toEqual([255, 255]);
});
