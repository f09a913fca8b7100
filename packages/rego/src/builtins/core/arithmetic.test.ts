import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { print, ResourceLimitError, type Value } from '../../value/index.js';
import { caller, fixedContext, json } from '../testing.test.util.js';
import { coreBuiltins } from './index.js';

const call = caller(coreBuiltins);
const regorus = caller(coreBuiltins, () => fixedContext({ mode: 'regorus' }));
const show = (v: Value | undefined): string => (v === undefined ? 'undefined' : print(v));

describe('arithmetic', () => {
  test.each([
    ['plus', '1', '2', '3'],
    ['plus', '9007199254740991', '1', '9007199254740992'],
    ['plus', '0.1', '0.2', '0.3'],
    ['plus', '1234567', '0.5', '1.2345675e+06'],
    ['plus', '1.50', '0', '1.5'],
    ['minus', '28857836529306024611913', '1', '28857836529306024611912'],
    ['minus', '0.3', '0.1', '0.20000000000000000002'],
    ['mul', '1e6', '2', '2000000'],
    ['mul', '1e30', '1.5', '1500000000000000000000000000000'],
    ['mul', '4294967296', '4294967296', '18446744073709551616'],
    ['mul', '-1', '0', '0'],
    ['div', '1e109', '1e100', '1000000000'],
    ['div', '10', '2', '5'],
    ['div', '0', '5', '0'],
    ['div', '1', '3', '0.33333333333333333334'],
    ['div', '1', '10000000', '1e-07'],
    ['div', '7', '2', '3.5'],
    // Halves of the last digit go to the even one.
    ['div', '-9223372036854775808', '2.5', '-3.6893488147419103232e+18'],
    ['rem', '-7', '3', '-1'],
    ['rem', '10', '3.0', '1'],
  ])('%s(%s, %s) is %s', (name, a, b, want) => {
    expect(show(call(name, json(a), json(b)))).toBe(want);
  });

  test.each([
    ['div', '1', '0', 'divide by zero'],
    ['div', '1', '0.0', 'divide by zero'],
    ['rem', '1', '0', 'modulo by zero'],
    ['rem', '1.5', '1', 'modulo on floating-point number'],
    ['plus', '"a"', '1', 'operand 1 must be number but got string'],
    ['minus', '1', '"a"', 'operand 2 must be number but got string'],
    ['minus', '"a"', '1', 'operand 1 must be one of {number, set} but got string'],
  ])('%s(%s, %s) fails: %s', (name, a, b, message) => {
    expect(() => call(name, json(a), json(b))).toThrow(message);
  });

  test.each([
    ['round', '2.5', '3'],
    ['round', '-2.5', '-3'],
    ['round', '0.49999999999999999999', '0'],
    ['round', '12345678901234567890.5', '12345678901234567891'],
    ['ceil', '-1.2', '-1'],
    ['ceil', '1e-300', '1'],
    ['floor', '-0.5', '-1'],
    ['floor', '1e3', '1000'],
    ['abs', '-1.50', '1.5'],
    ['abs', '-18446744073709551616', '18446744073709551616'],
  ])('%s(%s) is %s', (name, n, want) => {
    expect(show(call(name, json(n)))).toBe(want);
  });

  test('integers are exact at any size', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
        const [x, y] = [json(String(a)), json(String(b))];
        expect(show(call('plus', x, y))).toBe(String(a + b));
        expect(show(call('minus', x, y))).toBe(String(a - b));
        expect(show(call('mul', x, y))).toBe(String(a * b));
        if (b !== 0n) expect(show(call('rem', x, y))).toBe(String(a % b));
        if (b !== 0n) expect(show(call('div', call('mul', x, y) as Value, y))).toBe(String(a));
      }),
    );
  });

  test('fractions are as precise as doubles', () => {
    const double = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 });
    fc.assert(
      fc.property(double, double, (a, b) => {
        const near = (got: Value | undefined, want: number): void => {
          const error = Math.abs(Number(show(got)) - want);
          // Half a unit for each operand, which is computed with as the decimal that stands for it, and for each result.
          expect(error).toBeLessThanOrEqual(Math.abs(want) * 2 ** -50 + Number.MIN_VALUE);
        };
        if (Math.abs(a * b) > 1e-300) near(call('mul', a, b), a * b);
        if (Math.abs(b) > 1e-100 && Math.abs(a) > 1e-100) near(call('div', a, b), a / b);
      }),
    );
  });

  test('regorus computes fractions as doubles and leaves large floats alone', () => {
    expect(regorus('div', 1, 3)).toBe(1 / 3);
    expect(regorus('plus', 0.1, 0.2)).toBe(0.1 + 0.2);
    expect(() => regorus('rem', json('100000000000000000e-1'), 2)).toThrow('modulo on floating-point number');
    expect(() => regorus('plus', 'a', 1)).toThrow('`add` expects numeric argument. Got `"a"` instead');
  });

  test('repeated squaring ends with the limit', () => {
    expect(() => {
      let n: Value = 3;
      for (let i = 0; i < 100; i++) n = call('mul', n, n) as Value;
    }).toThrow(ResourceLimitError);
    expect(() => {
      let n: Value = 1.5e-300;
      for (let i = 0; i < 100; i++) n = call('mul', n, n) as Value;
    }).toThrow(ResourceLimitError);
  });
});

describe('numbers, bits', () => {
  test.each([
    ['numbers.range', [1, 3], '[1, 2, 3]'],
    ['numbers.range', [3, 1], '[3, 2, 1]'],
    ['numbers.range', [2, 2], '[2]'],
    ['numbers.range_step', [0, 10, 3], '[0, 3, 6, 9]'],
    ['numbers.range_step', [10, 0, 3], '[10, 7, 4, 1]'],
    ['bits.and', [6, 3], '2'],
    ['bits.or', [6, 3], '7'],
    ['bits.xor', [6, 3], '5'],
    ['bits.negate', [5], '-6'],
    ['bits.lsh', [1, 70], '1180591620717411303424'],
    ['bits.rsh', [-8, 1], '-4'],
    ['bits.rsh', [5, 1e9], '0'],
  ] as const)('%s(%j) is %s', (name, args, want) => {
    expect(show(call(name, ...args))).toBe(want);
  });

  test.each([
    ['numbers.range', [1.5, 3], 'operand 1 must be integer number but got floating-point number'],
    ['numbers.range_step', [0, 1, 0], 'step must be a positive integer'],
    ['bits.rsh', [1, -1], 'operand 2 must be an unsigned integer number but got a negative integer'],
    ['bits.and', [1, 'x'], 'operand 2 must be number but got string'],
  ] as const)('%s(%j) fails: %s', (name, args, message) => {
    expect(() => call(name, ...args)).toThrow(message);
  });

  test('ranges around 2^53 are exact', () => {
    expect(show(call('numbers.range', json('9007199254740991'), json('9007199254740993')))).toBe(
      '[9007199254740991, 9007199254740992, 9007199254740993]',
    );
  });

  test('huge ranges and shifts end with the limit before they are built', () => {
    expect(() => call('numbers.range', 0, json('1e15'))).toThrow(ResourceLimitError);
    const poor = caller(coreBuiltins, () => fixedContext({}, 1_000));
    expect(() => poor('numbers.range', 0, 2_000)).toThrow('budget is used up');
    expect(() => call('bits.lsh', 1, json('1e15'))).toThrow(ResourceLimitError);
  });

  test('rand.intn is stable per seed and bound within a query, and stays in range', () => {
    const context = fixedContext();
    const draw = caller(coreBuiltins, () => context);
    expect(draw('rand.intn', 'a', 1_000_000)).toBe(draw('rand.intn', 'a', 1_000_000));
    expect(draw('rand.intn', 'a', 0)).toBe(0);
    for (let i = 0; i < 50; i++)
      expect(draw('rand.intn', `s${i}`, -7)).toSatisfy((n) => Number(n) >= 0 && Number(n) < 7);
    expect(() => draw('rand.intn', 'a', 1.5)).toThrow('operand 2 must be integer number');
    expect(regorus('rand.intn', 'a', 1.5)).toBeUndefined();
  });
});
