import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Value } from '../../value/index.js';
import { caller, fixedContext, json, termText } from '../testing.test.util.js';
import { civilFromDays, daysFromCivil } from './civil.js';
import { coreBuiltins } from './index.js';

const call = caller(coreBuiltins);
const regorus = caller(coreBuiltins, () => fixedContext({ mode: 'regorus' }));
const show = (name: string, ...args: readonly Value[]): string => termText(call(name, ...args));
const NS = json('1670006453141828752');

describe('calendar', () => {
  test('days and dates agree with the host over the whole range', () => {
    fc.assert(
      fc.property(fc.integer({ min: -110_000, max: 110_000 }), (days) => {
        const date = new Date(days * 86_400_000);
        const civil = civilFromDays(days);
        expect([civil.year, civil.month, civil.day]).toEqual([
          date.getUTCFullYear(),
          date.getUTCMonth() + 1,
          date.getUTCDate(),
        ]);
        expect(daysFromCivil(civil.year, civil.month, civil.day)).toBe(days);
      }),
      { numRuns: 1_000 },
    );
  });

  test('months and days beyond their ranges carry over', () => {
    expect(daysFromCivil(2021, 14, 1)).toBe(daysFromCivil(2022, 2, 1));
    expect(daysFromCivil(2021, 1, 32)).toBe(daysFromCivil(2021, 2, 1));
    expect(daysFromCivil(2021, -1, 0)).toBe(daysFromCivil(2020, 10, 31));
  });
});

describe('time', () => {
  test.each([
    [[NS], '2022-12-02T18:40:53.141828752Z'],
    [[NS, 'Asia/Kolkata'], '2022-12-03T00:10:53.141828752+05:30'],
    [[NS, '', 'RFC1123Z'], 'Fri, 02 Dec 2022 18:40:53 +0000'],
    [[NS, 'Asia/Kolkata', 'Mon Jan 02 15:04:05 -0700 2006'], 'Sat Dec 03 00:10:53 +0530 2022'],
    [
      [0, 'America/New_York', 'Monday, January _2 3:04:05.000 pm MST 06'],
      'Wednesday, December 31 7:00:00.000 pm EST 69',
    ],
    [[NS, 'UTC', '2006-002 __2 .999999 ,000 Z07:00'], '2022-336 336 .141828 ,141 Z'],
    [[0, 'UTC', '01/1 02/2 03/3 04/4 05/5 15 PM'], '01/1 01/1 12/12 00/0 00/0 00 AM'],
    [[0, 'Europe/Berlin', 'MST -07 Z0700'], 'CET +01 +0100'],
    [[0, 'UTC', 'Janu Monk'], 'Janu Monk'],
    [[NS, 'Australia/Lord_Howe', 'MST'], '+11'],
    [[json('-5657551789042040832'), 'Europe/Berlin', 'MST -07:00:00'], 'LMT +00:53:28'],
  ] as const)('time.format(%o) is %s', (operand, want) => {
    expect(call('time.format', operand as Value)).toBe(want);
  });

  test.each([
    ['2006-01-02T15:04:05Z07:00', '1677-09-21T00:12:43.145224192-00:00', '-9223372036854775808'],
    ['2006-01-02T15:04:05Z07:00', '2262-04-11T23:47:16.854775807Z', '9223372036854775807'],
    ['RFC1123', 'Mon, 02 Jan 2006 15:04:05 MST', '1136214245000000000'],
    ['RFC822Z', '02 Jan 06 15:04 -0700', '1136239440000000000'],
    ['ANSIC', 'Mon Jan  2 15:04:05 2006', '1136214245000000000'],
    ['2006-01-02 3:04 PM', '2020-02-29 12:30 AM', '1582936200000000000'],
    ['2006-002', '2020-060', '1582934400000000000'],
    ['02 january 2006', '29 FEBRUARY 2020', 'undefined'],
    ['02 January 2006', '29 FEBRUARY 2020', '1582934400000000000'],
    ['2006 MST', '2020 GMT+2', '1577836800000000000'],
    ['2006 MST', '2020 -0700', 'undefined'],
  ])('time.parse_ns(%j, %j) is %s', (layout, text, want) => {
    if (want === 'undefined') expect(() => call('time.parse_ns', layout, text)).toThrow('cannot parse');
    else expect(show('time.parse_ns', layout, text)).toBe(want);
  });

  test.each([
    ['time.parse_rfc3339_ns', ['2262-04-11T23:47:16.854775808Z'], 'time outside of valid range'],
    ['time.parse_rfc3339_ns', ['2020-02-30T00:00:00Z'], 'day out of range'],
    ['time.parse_rfc3339_ns', ['2020-01-01T24:00:00Z'], 'hour out of range'],
    ['time.parse_rfc3339_ns', ['2020-01-01T00:00:00'], 'cannot parse "" as "Z07:00"'],
    ['time.parse_rfc3339_ns', ['2020-01-01T00:00:00Zx'], 'extra text: "x"'],
    ['time.parse_ns', ['15:04', '10:00'], 'time outside of valid range'],
    ['time.format', [[0, 'Mars/Base']], 'unknown time zone Mars/Base'],
    ['time.format', [[0, '+05:30']], 'unknown time zone +05:30'],
    ['time.date', [json('9223372036854775808')], 'timestamp too big'],
    ['time.date', [1.5], 'timestamp too big'],
    ['time.date', ['x'], 'operand 1 must be either number (ns) or [number (ns), string (tz)] but got string'],
    ['time.date', [[]], 'operand 1 must be either number (ns) or [number (ns), string (tz)] but got array'],
    ['time.diff', [0, ['x']], 'operand 1 must be number but got string'],
    ['time.date', [[0, 1]], 'operand 1 must be string but got number'],
    ['time.add_date', [0, 2262, 1, 1], 'time outside of valid range'],
    ['time.add_date', [0, json('1e30'), 0, 0], 'time outside of valid range'],
    ['time.parse_duration_ns', ['5'], 'missing unit in duration "5"'],
    ['time.parse_duration_ns', ['5x'], 'unknown unit "x" in duration "5x"'],
    ['time.parse_duration_ns', ['9999999999h'], 'invalid duration'],
    ['time.parse_duration_ns', [''], 'invalid duration'],
    ['time.parse_duration_ns', ['.s'], 'invalid duration'],
  ] as const)('%s(%o) fails: %s', (name, args, message) => {
    expect(() => call(name, ...(args as readonly Value[]))).toThrow(message);
  });

  test.each([
    ['time.parse_duration_ns', ['1h2m3.5s'], '3723500000000'],
    ['time.parse_duration_ns', ['-1.5h'], '-5400000000000'],
    ['time.parse_duration_ns', ['1us2µs3ns'], '3003'],
    ['time.parse_duration_ns', ['0'], '0'],
    ['time.date', [[0, 'America/New_York']], '[1969, 12, 31]'],
    ['time.clock', [[0, 'Asia/Kathmandu']], '[5, 30, 0]'],
    ['time.weekday', [NS], '"Friday"'],
    ['time.add_date', [json('1706659200000000000'), 0, 1, 0], '1709337600000000000'],
    ['time.diff', [json('1709164800000000000'), json('1706659200000000000')], '[0, 0, 29, 0, 0, 0]'],
    ['time.diff', [0, json('1709164800000000000')], '[54, 1, 28, 0, 0, 0]'],
    ['time.now_ns', [], '1700000000000000000'],
  ] as const)('%s(%o) is %s', (name, args, want) => {
    expect(show(name, ...(args as readonly Value[]))).toBe(want);
  });

  test('dates are added on the clock of the zone, across a change to summer time', () => {
    // 2024-03-30 12:00 in Berlin is 11:00 UTC; a day later the same clock time is 10:00 UTC.
    const noon = call('time.parse_rfc3339_ns', '2024-03-30T12:00:00+01:00') as Value;
    const next = call('time.add_date', [noon, 'Europe/Berlin'], 0, 0, 1) as Value;
    expect(call('time.format', [next, 'Europe/Berlin'])).toBe('2024-03-31T12:00:00+02:00');
  });

  test('formatting and parsing return to the same moment', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.constantFrom('UTC', 'Asia/Tokyo', 'America/St_Johns'),
        (ns, zone) => {
          // Offsets before about 1920 have seconds, which RFC 3339 cannot write.
          const moment = zone === 'UTC' ? ns : ns < 0n ? -ns - 1n : ns;
          const v = json(String(moment));
          let text: Value;
          try {
            text = call('time.format', [v, zone]) as Value;
            expect(termText(call('time.parse_rfc3339_ns', text))).toBe(String(moment));
          } catch (error) {
            // The last hours of the range lie beyond it on another clock only while printing; parsing must not fail.
            throw new Error(`${moment} in ${zone}`, { cause: error });
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('regorus: fractions in groups of three, out of range undefined, its own wording', () => {
    expect(regorus('time.format', json('1703444325734390000'))).toBe('2023-12-24T18:58:45.734390Z');
    expect(regorus('time.format', json('1703444325000000000'))).toBe('2023-12-24T18:58:45Z');
    expect(regorus('time.add_date', json('1703444325734390000'), 2147483647, 0, 0)).toBeUndefined();
    expect(() => regorus('time.weekday', 'x')).toThrow(
      '`time.weekday` expects `ns` to be a `number` or `array[number, string]`. Got `"x"` instead',
    );
    expect(() => regorus('time.format', [0, 'UTC', 42])).toThrow(
      '`time.format` expects 3rd element of `ns` to be a `string`. Got `42` instead',
    );
  });
});
