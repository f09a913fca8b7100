import { describe, expect, test } from 'vitest';
import { ResourceLimitError, type Value } from '../../value/index.js';
import { caller, fixedContext, json } from '../testing.test.util.js';
import { formatFloat } from './float-format.js';
import { coreBuiltins } from './index.js';

const call = caller(coreBuiltins);
const regorus = caller(coreBuiltins, () => fixedContext({ mode: 'regorus' }));
const BIG = '1180591620717411303424';

describe('sprintf', () => {
  test.each([
    ['%v %d %s', '[1, 2, "x"]', '1 2 x'],
    ['%5d|%-5d|%05d|%+d|% d', '[3, 4, -5, 6, 7]', '    3|4    |-0005|+6| 7'],
    ['%x %X %#x %o %O %#o %b %#b', '[255, 255, 255, 8, 8, 8, 5, 5]', 'ff FF 0xff 10 0o10 010 101 0b101'],
    ['%c %q %U %#U', '[65, 65, 65, 128512]', "A 'A' U+0041 U+1F600 '😀'"],
    ['%.3d|%8.3d|%-8.3d|%08.3d', '[7, 7, 7, 7]', '007|     007|007     |     007'],
    ['%v %v %v %v', '[1.5, 1234567.5, 0.00001, 1.0]', '1.5 1.2345675e+06 1e-05 1'],
    ['%f %.2f %e %g %G', '[3.14159, 2.675, 123456.789, 1e-7, 1e-7]', '3.141590 2.67 1.234568e+05 1e-07 1E-07'],
    ['%8.3f|%-8.1f|%+.1f|%08.3f', '[3.14159, 2.25, 2.5, -3.14159]', '   3.142|2.2     |+2.5|-003.142'],
    ['%.0f %.0f %.0f %.1f', '[0.5, 1.5, 2.5, 0.25]', '0 2 2 0.2'],
    ['%#g %#.3g %b %x', '[1.5, 2.5, 1.5, 1.5]', '1.50000 2.50 6755399441055744p-52 0x1.8p+00'],
    ['%#x %#x %#g', '[1.5, 7752.5, -0.0]', '0x1.8000p+00 0x1.e488p+12 -0.00000'],
    [
      '%+v %#v %#x|%+d|%06d|%-8dx',
      `[5, 5, ${BIG}, ${BIG}, ${BIG}, 7]`,
      `5 5 0x400000000000000000|+${BIG}|${BIG}|7       x`,
    ],
    ['%.3g %.10g %g', '[1234.5, 1234.5, 1e20]', '1.23e+03 1234.5 1e+20'],
    ['%.3s|%10s|%-10s', '["héllo", "é", "x"]', 'hél|         é|x         '],
    ['%q %#q %+q', '["a\\"b\\n", "a`", "é"]', '"a\\"b\\n" "a`" "\\u00e9"'],
    ['%x|% x|%#x|%# x|%X', '["hi", "hi", "hi", "hi", "hi"]', '6869|68 69|0x6869|0x68 0x69|6869'],
    ['%v %s', '[{"a": [1, null, true]}, [1]]', '{"a": [1, null, true]} [1]'],
    ['%T %T %T %T', `[1, "x", 1.5, ${BIG}]`, 'int string float64 *big.Int'],
    ['%s %d %x', `[${BIG}, ${BIG}, ${BIG}]`, `${BIG} ${BIG} 400000000000000000`],
    ['%v %s', '[2e308, 2e308]', '2e308 2e308'],
    ['%#v %+v %5v', '["s", 5, null]', '"s" 5  null'],
    ['%[2]d %[1]d', '[1, 2]', '2 1'],
    ['%[2]*[1]d', '[7, 4]', '   7'],
    ['%*d|%-*d|%.*f', '[5, 1, 5, 2, 2, 3.14159]', '    1|2    |3.14'],
    ['100%%', '[]', '100%'],
    // What Go marks instead of failing.
    ['%d %s %t %d', '["x", 5, true, 1.5]', '%!d(string=x) %!s(int=5) %!t(string=true) %!d(float64=1.5)'],
    ['%c', `[${BIG}]`, `%!c(big.Int=${BIG})`],
    ['%6s %+t', '[5, 2.5]', '%!s(int=     5) %!t(float64=+2.5)'],
    ['%d', '[]', '%!d(MISSING)'],
    ['a', '[1, "b", 1.5]', 'a%!(EXTRA int=1, string=b, float64=1.5)'],
    ['100%', '[]', '100%!(NOVERB)'],
    ['%[5]d', '[1]', '%!d(BADINDEX)'],
    ['%[x]d', '[1]', '%!d(BADINDEX)'],
    ['%*d', '["x", 1]', '%!(BADWIDTH)1'],
    ['%.*d', '["x", 1]', '%!(BADPREC)1'],
  ])('%j of %s', (format, args, want) => {
    expect(call('sprintf', format, json(args) as Value)).toBe(want);
  });

  test('wide fields charge the budget and are bounded', () => {
    const poor = caller(coreBuiltins, () => fixedContext({}, 1_000));
    expect(() => poor('sprintf', '%900000d', [1])).toThrow(ResourceLimitError);
    expect(call('sprintf', '%1000001d', [1])).toBe('%!(NOVERB)%!(EXTRA int=1)');
    expect(() =>
      call(
        'sprintf',
        '%1000000d'.repeat(200),
        Array.from({ length: 200 }, () => 1),
      ),
    ).toThrow(ResourceLimitError);
  });

  test('regorus fails on mismatches and prints digits for %s', () => {
    expect(regorus('sprintf', '%s %f %o %05d %.2f', [5, 3.25, 64, 42, 3.4567])).toBe('5 3.25 0O100 00042 3.46');
    expect(() => regorus('sprintf', '%s %d', ['x'])).toThrow('no argument specified for format verb 1');
    expect(() => regorus('sprintf', '%d', ['x'])).toThrow('invalid value for format verb d');
  });

  test('operands are checked', () => {
    expect(() => call('sprintf', 1, [])).toThrow('operand 1 must be string but got number');
    expect(() => call('sprintf', '', 'x')).toThrow('operand 2 must be array but got string');
  });
});

describe('floats as Go prints them', () => {
  test.each([
    [0, 'g', undefined, '0'],
    [-0, 'f', 1, '-0.0'],
    [5e-324, 'e', undefined, '5e-324'],
    [1e23, 'f', 0, '99999999999999991611392'],
    [0.1, 'f', 20, '0.10000000000000000555'],
    [9.995, 'f', 2, '9.99'],
    [0.05, 'f', 1, '0.1'],
    [0.5, 'e', 0, '5e-01'],
    [999999.5, 'g', 6, '1e+06'],
    [100000, 'g', 3, '1e+05'],
    [123, 'f', undefined, '123'],
    [0.75, 'x', 0, '0x1p+00'],
    [0, 'x', undefined, '0x0p+00'],
  ] as const)('%d as %%%s with precision %s is %s', (x, verb, precision, want) => {
    expect(formatFloat(x, verb, precision)).toBe(want);
  });
});
