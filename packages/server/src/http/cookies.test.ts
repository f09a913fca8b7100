import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCookie } from './cookies.js';

const id = '0123456789abcdef0123456789abcdef';

test.each([
  [`kbs-session-id=${id}`, id],
  [`  kbs-session-id = ${id} `, id],
  [`a=1; kbs-session-id=${id}; b=2`, id],
  [`a=1;kbs-session-id=${id};b=2`, id],
  // The first of two counts: a second one, added by somebody on the way, does not replace it.
  [`kbs-session-id=${id}; kbs-session-id=other`, id],
  [`xkbs-session-id=${id}`, undefined],
  [`kbs-session-idx=${id}`, undefined],
  [`KBS-SESSION-ID=${id}`, undefined],
  ['kbs-session-id', undefined],
  [`=${id}`, undefined],
  ['kbs-session-id=', ''],
  ['kbs-session-id=a=b', 'a=b'],
  ['kbs-session-id="quoted"', '"quoted"'],
  ['kbs-session-id=%30', '%30'],
  ['', undefined],
  [undefined, undefined],
  [`kbs-session-id=${id}; ${'x'.repeat(8200)}=1`, undefined],
])('%j', (header, value) => {
  expect(readCookie(header, 'kbs-session-id')).toBe(value);
});

test('any header gives nothing, or a text that stands in it', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a; =]{0,30}$/)), (header) => {
      const value = readCookie(header, 'a');
      expect(value === undefined || header.includes(value)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
