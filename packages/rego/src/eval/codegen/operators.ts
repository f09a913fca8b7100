/** Infix operators and membership, without the detour over an argument list. */
import { isMember } from '../../builtins/core/comparison.js';
import type { Builtin } from '../../builtins/types.js';
import { compare, compareStrings, equals, type Value } from '../../value/index.js';
import type { Pure } from '../state.js';
import type { Invoke } from './calls.js';

/** A specialised closure for the operator of that name, or undefined. */
export function operator(name: string, args: readonly Pure[], builtin: Builtin, invoke: Invoke): Pure | undefined {
  const [a, b] = args;
  if (a === undefined || b === undefined || args.length !== 2 || builtin.name !== name) return undefined;
  switch (name) {
    case 'equal':
      return binary(a, b, (x, y) => x === y || equals(x, y));
    case 'neq':
      return binary(a, b, (x, y) => x !== y && !equals(x, y));
    case 'lt':
      return binary(a, b, (x, y) => order(x, y) < 0);
    case 'lte':
      return binary(a, b, (x, y) => order(x, y) <= 0);
    case 'gt':
      return binary(a, b, (x, y) => order(x, y) > 0);
    case 'gte':
      return binary(a, b, (x, y) => order(x, y) >= 0);
    case 'internal.member_2':
      return binary(a, b, (x, y) => isMember(x, y));
    case 'plus':
      return arithmetic(a, b, (x, y) => x + y, invoke);
    case 'minus':
      return arithmetic(a, b, (x, y) => x - y, invoke);
    case 'mul':
      return arithmetic(a, b, (x, y) => x * y, invoke);
    default:
      return undefined;
  }
}

function binary(a: Pure, b: Pure, apply: (x: Value, y: Value) => boolean): Pure {
  return (c, s) => {
    const x = a(c, s);
    if (x === undefined) return undefined;
    const y = b(c, s);
    return y === undefined ? undefined : apply(x, y);
  };
}

/** Exact while operands and result are safe integers; the built-in does the rest. */
function arithmetic(a: Pure, b: Pure, apply: (x: number, y: number) => number, invoke: Invoke): Pure {
  return (c, s) => {
    const x = a(c, s);
    const y = x === undefined ? undefined : b(c, s);
    if (x === undefined || y === undefined) return undefined;
    if (Number.isSafeInteger(x) && Number.isSafeInteger(y)) {
      const result = apply(x as number, y as number);
      if (Number.isSafeInteger(result)) return result === 0 ? 0 : result;
    }
    return invoke(c, [x, y]);
  };
}

function order(x: Value, y: Value): number {
  if (typeof x === 'number' && typeof y === 'number') return x - y;
  if (typeof x === 'string' && typeof y === 'string') return compareStrings(x, y);
  return compare(x, y);
}
