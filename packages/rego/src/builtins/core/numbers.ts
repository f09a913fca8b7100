/** `numbers.*`, `rand.intn`, `bits.*`. */
import {
  canonicalKey,
  isIntegral,
  normalizeInteger,
  ResourceLimitError,
  toSafeInteger,
  type Value,
} from '../../value/index.js';
import { bigIntOperand, numberOperand, stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, failure, operandError, T } from '../types.js';
import { MAX_INTEGER_BITS } from './arithmetic.js';

/** Elements of one generated range, whatever the budget says. */
const MAX_RANGE = 20_000_000;

function range(from: bigint, to: bigint, step: bigint, ctx: BuiltinContext): Value {
  const span = from <= to ? to - from : from - to;
  const count = span / step + 1n;
  if (count > BigInt(MAX_RANGE)) throw new ResourceLimitError(`range has more than ${MAX_RANGE} elements`);
  ctx.budget.alloc(Number(count));
  ctx.budget.step(Number(count));
  const out: Value[] = new Array(Number(count));
  const signed = from <= to ? step : -step;
  const first = toSafeInteger(normalizeInteger(from));
  if (first !== undefined && toSafeInteger(normalizeInteger(to)) !== undefined && span <= 2n ** 52n) {
    // A step beyond the span leaves a single element.
    const add = count === 1n ? 0 : Number(signed);
    for (let i = 0; i < out.length; i++) out[i] = first + i * add;
  } else {
    for (let i = 0; i < out.length; i++) out[i] = normalizeInteger(from + BigInt(i) * signed);
  }
  return out;
}

function rangeStep(args: readonly Value[], ctx: BuiltinContext): Value {
  const from = bigIntOperand(args, 1);
  const to = bigIntOperand(args, 2);
  const step = bigIntOperand(args, 3);
  if (step <= 0n) throw failure('step must be a positive integer');
  return range(from, to, step, ctx);
}

/** A uniformly distributed integer in [0, n): draws again rather than folding the tail. */
function uniform(n: bigint, ctx: BuiltinContext): bigint {
  const bytes = Math.ceil(n.toString(16).length / 2) + 8;
  ctx.budget.step(bytes);
  const space = 1n << BigInt(8 * bytes);
  const limit = space - (space % n);
  for (;;) {
    const hex = Array.from(ctx.random(bytes), (byte) => byte.toString(16).padStart(2, '0'));
    const draw = BigInt(`0x${hex.join('')}`);
    if (draw < limit) return draw % n;
  }
}

function randIntn(args: readonly Value[], ctx: BuiltinContext): Value | undefined {
  const seed = stringOperand(args, 1);
  const bound = numberOperand(args, 2);
  if (ctx.mode === 'regorus' && !isIntegral(bound)) return undefined;
  let n = bigIntOperand(args, 2);
  if (n === 0n) return 0;
  if (n < 0n) n = -n;
  const key = `rand.intn ${canonicalKey([seed, normalizeInteger(n)])}`;
  const known = ctx.memo.get(key);
  if (known !== undefined) return known;
  const value = normalizeInteger(uniform(n, ctx));
  ctx.memo.set(key, value);
  return value;
}

function bitsOperand(args: readonly Value[], pos: number, ctx: BuiltinContext): bigint {
  const n = bigIntOperand(args, pos);
  if (typeof args[pos - 1] !== 'number') ctx.budget.step(n.toString(16).length >> 4);
  return n;
}

const bitwise = (name: string, compute: (a: bigint, b: bigint) => bigint): Builtin => ({
  name,
  args: [T.number, T.number],
  result: T.number,
  impl: (args, ctx) => normalizeInteger(compute(bitsOperand(args, 1, ctx), bitsOperand(args, 2, ctx))),
});

function shift(args: readonly Value[], ctx: BuiltinContext, left: boolean): Value {
  const n = bitsOperand(args, 1, ctx);
  const by = bigIntOperand(args, 2);
  if (by < 0n) throw operandError(2, 'an unsigned integer number', 'a negative integer', args[1] as Value);
  if (!left) return normalizeInteger(by > BigInt(MAX_INTEGER_BITS) ? (n < 0n ? -1n : 0n) : n >> by);
  if (n === 0n) return 0;
  if (by > BigInt(MAX_INTEGER_BITS)) throw new ResourceLimitError(`integer has more than ${MAX_INTEGER_BITS} bits`);
  ctx.budget.alloc(Number(by) >> 6);
  const out = n << by;
  if (out.toString(16).length * 4 > MAX_INTEGER_BITS) {
    throw new ResourceLimitError(`integer has more than ${MAX_INTEGER_BITS} bits`);
  }
  return normalizeInteger(out);
}

export const numberBuiltins: readonly Builtin[] = [
  {
    name: 'numbers.range',
    args: [T.number, T.number],
    result: T.array(T.number),
    impl: (args, ctx) => range(bigIntOperand(args, 1), bigIntOperand(args, 2), 1n, ctx),
  },
  {
    name: 'numbers.range_step',
    args: [T.number, T.number, T.number],
    result: T.array(T.number),
    impl: rangeStep,
  },
  { name: 'rand.intn', args: [T.string, T.number], result: T.number, nondeterministic: true, impl: randIntn },
  bitwise('bits.and', (a, b) => a & b),
  bitwise('bits.or', (a, b) => a | b),
  bitwise('bits.xor', (a, b) => a ^ b),
  {
    name: 'bits.negate',
    args: [T.number],
    result: T.number,
    impl: (args, ctx) => normalizeInteger(~bitsOperand(args, 1, ctx)),
  },
  { name: 'bits.lsh', args: [T.number, T.number], result: T.number, impl: (args, ctx) => shift(args, ctx, true) },
  { name: 'bits.rsh', args: [T.number, T.number], result: T.number, impl: (args, ctx) => shift(args, ctx, false) },
];
