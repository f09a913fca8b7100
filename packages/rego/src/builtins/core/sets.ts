/** Set algebra. Difference by `-` is `minus`, in `arithmetic.ts`. */
import {
  EMPTY_SET,
  RegoSet,
  SetBuilder,
  setDifference,
  setIntersection,
  setUnion,
  typeName,
  type Value,
} from '../../value/index.js';
import { setOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, operandError, T } from '../types.js';

function pair(name: string, combine: (a: RegoSet, b: RegoSet) => RegoSet, deprecated = false): Builtin {
  return {
    name,
    args: [T.set(), T.set()],
    result: T.set(),
    ...(deprecated ? { deprecated: true as const } : {}),
    impl: (args, ctx) => {
      const a = setOperand(args, 1);
      const b = setOperand(args, 2);
      ctx.budget.step(a.size + b.size);
      const out = combine(a, b);
      ctx.budget.alloc(out.size);
      return out;
    },
  };
}

function members(args: readonly Value[]): readonly RegoSet[] {
  const outer = setOperand(args, 1);
  const out: RegoSet[] = [];
  for (const item of outer.values()) {
    if (!(item instanceof RegoSet)) {
      throw operandError(1, 'set of sets', `set containing ${typeName(item)}`, outer);
    }
    out.push(item);
  }
  return out;
}

function intersection(args: readonly Value[], ctx: BuiltinContext): Value {
  const sets = members(args);
  let out = sets[0];
  if (out === undefined) return EMPTY_SET;
  for (const next of sets.slice(1)) {
    ctx.budget.step(Math.min(out.size, next.size));
    out = setIntersection(out, next);
  }
  return out;
}

function union(args: readonly Value[], ctx: BuiltinContext): Value {
  const builder = new SetBuilder();
  for (const set of members(args)) {
    ctx.budget.alloc(set.size);
    builder.addAll(set);
  }
  return builder.build();
}

const setOfSets = T.set(T.set());

export const setBuiltins: readonly Builtin[] = [
  pair('and', setIntersection),
  pair('or', setUnion),
  pair('set_diff', setDifference, true),
  { name: 'intersection', args: [setOfSets], result: T.set(), impl: intersection },
  { name: 'union', args: [setOfSets], result: T.set(), impl: union },
];
