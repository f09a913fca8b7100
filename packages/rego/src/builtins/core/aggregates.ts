/** Aggregates over collections. */
import {
  codePointLength,
  compare,
  isArray,
  isNumber,
  isObject,
  objectSize,
  type RegoNumber,
  RegoSet,
  typeName,
  type Value,
} from '../../value/index.js';
import { collectionOperand, operand } from '../operands.js';
import { type Builtin, type BuiltinContext, operandError, T, wrongType } from '../types.js';
import { add, multiply } from './arithmetic.js';

function count(args: readonly Value[]): Value {
  const v = operand(args, 1);
  if (typeof v === 'string') return codePointLength(v);
  if (isArray(v)) return v.length;
  if (v instanceof RegoSet) return v.size;
  if (isObject(v)) return objectSize(v);
  throw wrongType(1, ['array', 'object', 'set', 'string'], v);
}

function fold(
  args: readonly Value[],
  ctx: BuiltinContext,
  start: RegoNumber,
  combine: (a: RegoNumber, b: RegoNumber, ctx: BuiltinContext) => RegoNumber,
): Value {
  const items = collectionOperand(args, 1);
  ctx.budget.step(items.length);
  let total = start;
  for (const item of items) {
    if (!isNumber(item)) {
      const v = operand(args, 1);
      const kind = typeName(v);
      throw operandError(1, `${kind} of numbers`, `${kind} containing ${typeName(item)}`, v);
    }
    total = combine(total, item, ctx);
  }
  return total;
}

function extreme(args: readonly Value[], ctx: BuiltinContext, sign: number): Value | undefined {
  const items = collectionOperand(args, 1);
  ctx.budget.step(items.length);
  let best = items[0];
  if (best === undefined) return undefined;
  for (const item of items) if (compare(item, best) * sign > 0) best = item;
  return best;
}

function sort(args: readonly Value[], ctx: BuiltinContext): Value {
  const v = operand(args, 1);
  const items = collectionOperand(args, 1);
  ctx.budget.alloc(items.length);
  ctx.budget.step(items.length * 4);
  return v instanceof RegoSet ? items : [...items].sort(compare);
}

const collection = T.union(T.set(), T.array());
const numbers = T.union(T.set(T.number), T.array(T.number));

export const aggregateBuiltins: readonly Builtin[] = [
  { name: 'count', args: [T.union(T.set(), T.array(), T.object(), T.string)], result: T.number, impl: count },
  { name: 'sum', args: [numbers], result: T.number, impl: (args, ctx) => fold(args, ctx, 0, add) },
  { name: 'product', args: [numbers], result: T.number, impl: (args, ctx) => fold(args, ctx, 1, multiply) },
  { name: 'max', args: [collection], result: T.any, impl: (args, ctx) => extreme(args, ctx, 1) },
  { name: 'min', args: [collection], result: T.any, impl: (args, ctx) => extreme(args, ctx, -1) },
  { name: 'sort', args: [collection], result: T.array(), impl: sort },
  {
    name: 'all',
    args: [collection],
    result: T.boolean,
    deprecated: true,
    impl: (args) => collectionOperand(args, 1, ['array', 'set']).every((item) => item === true),
  },
  {
    name: 'any',
    args: [collection],
    result: T.boolean,
    deprecated: true,
    impl: (args) => collectionOperand(args, 1, ['array', 'set']).some((item) => item === true),
  },
];
