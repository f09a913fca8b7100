/** Arithmetic on exact numbers. Integers are exact at any size; fractions are 64-bit floats in OPA's mode, doubles in regorus'. */
import {
  addFloats,
  bigFloatToNumber,
  divideFloats,
  multiplyFloats,
  negateFloat,
  toBigFloat,
} from '../../value/bigfloat.js';
import {
  isIntegerText,
  isIntegral,
  isNumber,
  normalizeInteger,
  RegoDecimal,
  type RegoNumber,
  RegoSet,
  ResourceLimitError,
  setDifference,
  toBigInt,
  toDouble,
  type Value,
} from '../../value/index.js';
import { toParts } from '../../value/number.js';
import { numberOperand, operand } from '../operands.js';
import { type Builtin, type BuiltinContext, failure, T, wrongType } from '../types.js';

/** Bits of the largest integer arithmetic may produce. */
export const MAX_INTEGER_BITS = 1 << 20;

const MAX_EXPONENT = 2_000;

type Op = 'plus' | 'minus' | 'mul' | 'div';

/** Work and memory of a big integer operation, about one unit per 16 digits. */
function chargeBig(ctx: BuiltinContext, n: bigint | number): void {
  if (typeof n === 'number') return;
  const digits = n.toString(16).length;
  if (digits * 4 > MAX_INTEGER_BITS) throw new ResourceLimitError(`integer has more than ${MAX_INTEGER_BITS} bits`);
  ctx.budget.alloc(digits >> 4);
  ctx.budget.step(digits >> 4);
}

/** Both operands as integers, or undefined when one is a fraction (or, in regorus' reading, a float). */
function integers(a: RegoNumber, b: RegoNumber, ctx: BuiltinContext): readonly [bigint, bigint] | undefined {
  if (!isInteger(a, ctx) || !isInteger(b, ctx)) return undefined;
  const x = toBigInt(a);
  const y = toBigInt(b);
  if (x === undefined || y === undefined) return undefined;
  chargeBig(ctx, x);
  chargeBig(ctx, y);
  return [x, y];
}

/** regorus turns a float with a whole value into an integer only up to 2^53. */
function isInteger(n: RegoNumber, ctx: BuiltinContext): boolean {
  if (!isIntegral(n)) return false;
  return ctx.mode === 'opa' || isIntegerText(n) || Math.abs(toDouble(n)) <= 2 ** 53;
}

function guardExponent(n: RegoNumber): void {
  if (n instanceof RegoDecimal && Math.abs(n.parts.exp) > MAX_EXPONENT * 50) {
    throw new ResourceLimitError('number is too large or too small for arithmetic');
  }
}

function fractional(op: Op, a: RegoNumber, b: RegoNumber, ctx: BuiltinContext): RegoNumber {
  guardExponent(a);
  guardExponent(b);
  ctx.budget.step(4);
  if (ctx.mode === 'regorus') return doubles(op, toDouble(a), toDouble(b));
  const x = toBigFloat(a);
  const y = toBigFloat(b);
  switch (op) {
    case 'plus':
      return bigFloatToNumber(addFloats(x, y));
    case 'minus':
      return bigFloatToNumber(addFloats(x, negateFloat(y)));
    case 'mul':
      return bounded(bigFloatToNumber(multiplyFloats(x, y)));
    case 'div':
      return bounded(bigFloatToNumber(divideFloats(x, y)));
  }
}

/** Keeps the exponents of products and quotients within what later operations can handle. */
function bounded(n: RegoNumber): RegoNumber {
  guardExponent(n);
  return n;
}

function doubles(op: Op, a: number, b: number): RegoNumber {
  const n = op === 'plus' ? a + b : op === 'minus' ? a - b : op === 'mul' ? a * b : a / b;
  if (!Number.isFinite(n)) throw failure('result is not a finite number');
  return Number.isInteger(n) ? normalizeInteger(BigInt(n)) : n;
}

export function add(a: RegoNumber, b: RegoNumber, ctx: BuiltinContext): RegoNumber {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a) && Number.isSafeInteger(b)) {
    const n = a + b;
    if (Number.isSafeInteger(n)) return n;
  }
  const both = integers(a, b, ctx);
  return both === undefined ? fractional('plus', a, b, ctx) : normalizeInteger(both[0] + both[1]);
}

export function subtract(a: RegoNumber, b: RegoNumber, ctx: BuiltinContext): RegoNumber {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a) && Number.isSafeInteger(b)) {
    const n = a - b;
    if (Number.isSafeInteger(n)) return n;
  }
  const both = integers(a, b, ctx);
  return both === undefined ? fractional('minus', a, b, ctx) : normalizeInteger(both[0] - both[1]);
}

export function multiply(a: RegoNumber, b: RegoNumber, ctx: BuiltinContext): RegoNumber {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a) && Number.isSafeInteger(b)) {
    const n = a * b;
    if (Number.isSafeInteger(n)) return n + 0;
  }
  const both = integers(a, b, ctx);
  if (both === undefined) return fractional('mul', a, b, ctx);
  const n = normalizeInteger(both[0] * both[1]);
  chargeBig(ctx, n);
  return n;
}

export function divide(a: RegoNumber, b: RegoNumber, ctx: BuiltinContext): RegoNumber {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a) && Number.isSafeInteger(b) && b !== 0) {
    const n = a / b;
    if (Number.isSafeInteger(n) && n * b === a) return n + 0;
  }
  if (isZero(b)) throw failure('divide by zero');
  const both = integers(a, b, ctx);
  if (both !== undefined && both[0] % both[1] === 0n) return normalizeInteger(both[0] / both[1]);
  return fractional('div', a, b, ctx);
}

export function remainder(a: RegoNumber, b: RegoNumber, ctx: BuiltinContext): RegoNumber {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a) && Number.isSafeInteger(b) && b !== 0) {
    return (a % b) + 0;
  }
  const both = integers(a, b, ctx);
  if (both === undefined) throw failure('modulo on floating-point number');
  if (both[1] === 0n) throw failure('modulo by zero');
  return normalizeInteger(both[0] % both[1]);
}

function isZero(n: RegoNumber): boolean {
  return n instanceof RegoDecimal ? n.parts.digits === '' : n === 0 || n === 0n;
}

/** Splits a number into its integer part (toward zero), its sign, and whether the rest is nothing or at least one half. */
function split(n: RegoNumber): { whole: bigint; negative: boolean; half: boolean; exact: boolean } {
  guardExponent(n);
  const { negative, digits, exp } = toParts(n);
  const whole = exp <= 0 ? 0n : BigInt(digits.slice(0, exp).padEnd(exp, '0'));
  const rest = exp >= 0 ? digits.slice(exp) : '0';
  return { whole, negative, half: rest >= '5', exact: rest === '' };
}

type Rounding = 'round' | 'ceil' | 'floor' | 'truncate';

/** The integer a number rounds to; halves go away from zero. */
export function toInteger(n: RegoNumber, how: Rounding): RegoNumber {
  if (typeof n === 'bigint' || (typeof n === 'number' && Number.isSafeInteger(n))) return n;
  const { whole, negative, half, exact } = split(n);
  const up = !exact && (how === 'round' ? half : how === 'ceil' ? !negative : how === 'floor' && negative);
  const magnitude = up ? whole + 1n : whole;
  return normalizeInteger(negative ? -magnitude : magnitude);
}

function absolute(n: RegoNumber): RegoNumber {
  if (typeof n === 'number' && Number.isSafeInteger(n)) return Math.abs(n);
  if (typeof n === 'bigint') return n < 0n ? -n : n;
  guardExponent(n);
  const f = toBigFloat(n);
  return isIntegral(n)
    ? normalizeInteger(absBig(toBigInt(n) ?? 0n))
    : bigFloatToNumber({ negative: false, mant: f.mant, exp: f.exp });
}

function absBig(n: bigint): bigint {
  return n < 0n ? -n : n;
}

function minus(args: readonly Value[], ctx: BuiltinContext): Value {
  const a = operand(args, 1);
  const b = operand(args, 2);
  if (isNumber(a)) {
    if (!isNumber(b)) throw wrongType(2, 'number', b);
    return subtract(a, b, ctx);
  }
  if (!(a instanceof RegoSet)) throw wrongType(1, ['number', 'set'], a);
  if (!(b instanceof RegoSet)) throw wrongType(2, 'set', b);
  ctx.budget.alloc(a.size);
  return setDifference(a, b);
}

const binary = (name: string, compute: (a: RegoNumber, b: RegoNumber, ctx: BuiltinContext) => RegoNumber): Builtin => ({
  name,
  args: [T.number, T.number],
  result: T.number,
  impl: (args, ctx) => compute(numberOperand(args, 1), numberOperand(args, 2), ctx),
});

const unary = (name: string, compute: (n: RegoNumber) => RegoNumber): Builtin => ({
  name,
  args: [T.number],
  result: T.number,
  impl: (args) => compute(numberOperand(args, 1)),
});

const numberOrSet = T.union(T.number, T.set());

export const arithmeticBuiltins: readonly Builtin[] = [
  binary('plus', add),
  { name: 'minus', args: [numberOrSet, numberOrSet], result: numberOrSet, impl: minus },
  binary('mul', multiply),
  binary('div', divide),
  binary('rem', remainder),
  unary('round', (n) => toInteger(n, 'round')),
  unary('ceil', (n) => toInteger(n, 'ceil')),
  unary('floor', (n) => toInteger(n, 'floor')),
  unary('abs', absolute),
];
