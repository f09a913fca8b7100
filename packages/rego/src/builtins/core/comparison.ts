/** Comparison in the total order of values, and membership. */
import {
  compare,
  equals,
  isArray,
  isObject,
  objectEntries,
  objectGet,
  RegoSet,
  type Value,
} from '../../value/index.js';
import { operand } from '../operands.js';
import { type Builtin, T } from '../types.js';

const relation = (name: string, holds: (a: Value, b: Value) => boolean): Builtin => ({
  name,
  args: [T.any, T.any],
  result: T.boolean,
  impl: (args) => holds(operand(args, 1), operand(args, 2)),
});

/** `x in c`: some value of the collection equals x; false for anything that is no collection. */
export function isMember(x: Value, c: Value): boolean {
  if (isArray(c)) return c.some((item) => equals(item, x));
  if (c instanceof RegoSet) return c.has(x);
  return isObject(c) && objectEntries(c).some((entry) => equals(entry.value, x));
}

/** `k, v in c`: the collection has exactly this pair; for a set both must be the same member. */
function isPairMember(key: Value, value: Value, c: Value): boolean {
  if (isArray(c)) {
    const item = typeof key === 'number' ? c[key] : undefined;
    return item !== undefined && equals(item, value);
  }
  if (c instanceof RegoSet) return equals(key, value) && c.has(value);
  if (!isObject(c)) return false;
  const found = objectGet(c, key);
  return found !== undefined && equals(found, value);
}

export const comparisonBuiltins: readonly Builtin[] = [
  relation('equal', equals),
  relation('neq', (a, b) => !equals(a, b)),
  relation('lt', (a, b) => compare(a, b) < 0),
  relation('lte', (a, b) => compare(a, b) <= 0),
  relation('gt', (a, b) => compare(a, b) > 0),
  relation('gte', (a, b) => compare(a, b) >= 0),
  relation('internal.member_2', isMember),
  {
    name: 'internal.member_3',
    args: [T.any, T.any, T.any],
    result: T.boolean,
    impl: (args) => isPairMember(operand(args, 1), operand(args, 2), operand(args, 3)),
  },
];
