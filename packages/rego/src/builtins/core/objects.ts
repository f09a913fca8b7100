/** `object.*`. */
import {
  type AnyObject,
  equals,
  isArray,
  isObject,
  isSubset,
  lookup,
  ObjectBuilder,
  objectEntries,
  objectGet,
  objectKeys,
  objectSize,
  RegoSet,
  typeName,
  type Value,
} from '../../value/index.js';
import { checkDepth } from '../../value/limits.js';
import { arrayOperand, objectOperand, operand } from '../operands.js';
import { type Builtin, type BuiltinContext, operandError, T, typeFailure, wrongType } from '../types.js';

function get(args: readonly Value[], ctx: BuiltinContext): Value {
  const o = objectOperand(args, 1);
  const path = operand(args, 2);
  const fallback = operand(args, 3);
  if (!isArray(path)) return objectGet(o, path) ?? fallback;
  ctx.budget.step(path.length);
  return lookup(o, path) ?? fallback;
}

function keys(args: readonly Value[], ctx: BuiltinContext): Value {
  const o = objectOperand(args, 1);
  ctx.budget.alloc(objectSize(o));
  return RegoSet.of(objectKeys(o));
}

/** Objects under the same key are merged; anything else of `b` replaces what `a` has. */
function merge(a: AnyObject, b: AnyObject, ctx: BuiltinContext, depth: number): AnyObject {
  checkDepth(depth);
  ctx.budget.alloc(objectSize(a) + objectSize(b));
  const builder = ObjectBuilder.from(a);
  for (const { key, value } of objectEntries(b)) {
    const old = builder.get(key);
    const both = old !== undefined && isObject(old) && isObject(value);
    builder.set(key, both ? merge(old, value, ctx, depth + 1) : value);
  }
  return builder.build();
}

function unionN(args: readonly Value[], ctx: BuiltinContext): Value {
  let out: AnyObject = {};
  for (const item of arrayOperand(args, 1)) {
    if (!isObject(item)) {
      throw operandError(1, 'array of objects', `array containing ${typeName(item)}`, operand(args, 1));
    }
    out = merge(out, item, ctx, 0);
  }
  return out;
}

/** The keys that an object, set or array of keys names. */
function keyOperand(args: readonly Value[], pos: number): RegoSet {
  const v = operand(args, pos);
  if (v instanceof RegoSet) return v;
  if (isArray(v)) return RegoSet.of(v);
  if (isObject(v)) return RegoSet.of(objectKeys(v));
  throw wrongType(pos, ['object', 'set', 'array'], v);
}

function select(args: readonly Value[], ctx: BuiltinContext, keep: boolean): Value {
  const o = objectOperand(args, 1);
  const wanted = keyOperand(args, 2);
  ctx.budget.step(wanted.size);
  ctx.budget.alloc(objectSize(o));
  const builder = new ObjectBuilder();
  for (const { key, value } of objectEntries(o)) if (wanted.has(key) === keep) builder.set(key, value);
  return builder.build();
}

function objectSubset(sup: AnyObject, sub: AnyObject, ctx: BuiltinContext, depth: number): boolean {
  checkDepth(depth);
  ctx.budget.step(objectSize(sub));
  return objectEntries(sub).every(({ key, value }) => {
    const other = objectGet(sup, key);
    if (other === undefined) return false;
    return subset(other, value, ctx, depth + 1) ?? equals(other, value);
  });
}

/** A contiguous run of `sup` equals `sub`. */
function arraySubset(sup: readonly Value[], sub: readonly Value[], ctx: BuiltinContext): boolean {
  for (let start = 0; start + sub.length <= sup.length; start++) {
    let same = 0;
    while (same < sub.length && equals(sup[start + same] as Value, sub[same] as Value)) same++;
    ctx.budget.step(same + 1);
    if (same === sub.length) return true;
  }
  return false;
}

/** Undefined when the two kinds cannot be compared. */
function subset(sup: Value, sub: Value, ctx: BuiltinContext, depth: number): boolean | undefined {
  if (sup instanceof RegoSet && sub instanceof RegoSet) {
    ctx.budget.step(sub.size);
    return isSubset(sub, sup);
  }
  if (isArray(sup)) {
    if (isArray(sub)) return arraySubset(sup, sub, ctx);
    if (!(sub instanceof RegoSet)) return undefined;
    ctx.budget.step(sup.length + sub.size);
    return isSubset(sub, RegoSet.of(sup));
  }
  return isObject(sup) && isObject(sub) ? objectSubset(sup, sub, ctx, depth) : undefined;
}

function subsetOperands(args: readonly Value[], ctx: BuiltinContext): Value {
  const result = subset(operand(args, 1), operand(args, 2), ctx, 0);
  if (result === undefined) {
    throw typeFailure('both arguments object.subset must be of the same type or array and set');
  }
  return result;
}

const keyList = T.union(T.array(), T.set(), T.object());
const subsetOf = T.union(T.object(), T.set(), T.array());

export const objectBuiltins: readonly Builtin[] = [
  { name: 'object.get', args: [T.object(), T.any, T.any], result: T.any, impl: get },
  { name: 'object.keys', args: [T.object()], result: T.set(), impl: keys },
  {
    name: 'object.union',
    args: [T.object(), T.object()],
    result: T.object(),
    impl: (args, ctx) => merge(objectOperand(args, 1), objectOperand(args, 2), ctx, 0),
  },
  { name: 'object.union_n', args: [T.array(T.object())], result: T.object(), impl: unionN },
  {
    name: 'object.remove',
    args: [T.object(), keyList],
    result: T.object(),
    impl: (args, ctx) => select(args, ctx, false),
  },
  {
    name: 'object.filter',
    args: [T.object(), keyList],
    result: T.object(),
    impl: (args, ctx) => select(args, ctx, true),
  },
  { name: 'object.subset', args: [subsetOf, subsetOf], result: T.boolean, impl: subsetOperands },
];
