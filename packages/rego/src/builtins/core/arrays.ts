/** `array.*`. */
import { isArray, type Value } from '../../value/index.js';
import { arrayOperand, intOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, T } from '../types.js';

function concat(args: readonly Value[], ctx: BuiltinContext): Value {
  const a = arrayOperand(args, 1);
  const b = arrayOperand(args, 2);
  ctx.budget.alloc(a.length + b.length);
  return [...a, ...b];
}

function reverse(args: readonly Value[], ctx: BuiltinContext): Value {
  const a = arrayOperand(args, 1);
  ctx.budget.alloc(a.length);
  return [...a].reverse();
}

/** Bounds are clamped to the array; an empty or inverted range gives the empty array. */
function slice(args: readonly Value[], ctx: BuiltinContext): Value {
  const a = arrayOperand(args, 1);
  const from = Math.max(intOperand(args, 2), 0);
  const to = Math.min(intOperand(args, 3), a.length);
  if (from >= to) return [];
  ctx.budget.alloc(to - from);
  return a.slice(from, to);
}

/** Splices element arrays into the result, one level deep. */
function flatten(args: readonly Value[], ctx: BuiltinContext): Value {
  const out: Value[] = [];
  for (const item of arrayOperand(args, 1)) {
    ctx.budget.alloc(isArray(item) ? item.length + 1 : 1);
    if (!isArray(item)) out.push(item);
    else for (const inner of item) out.push(inner);
  }
  return out;
}

export const arrayBuiltins: readonly Builtin[] = [
  { name: 'array.concat', args: [T.array(), T.array()], result: T.array(), impl: concat },
  { name: 'array.reverse', args: [T.array()], result: T.array(), impl: reverse },
  { name: 'array.slice', args: [T.array(), T.number, T.number], result: T.array(), impl: slice },
  { name: 'array.flatten', args: [T.array()], result: T.array(), impl: flatten },
];
