/** Operand checks with OPA's texts. `pos` counts from 1. */
import {
  type AnyObject,
  isArray,
  isIntegral,
  isNumber,
  isObject,
  type RegoNumber,
  RegoSet,
  toBigInt,
  toSafeInteger,
  typeName,
  type Value,
} from '../value/index.js';
import { operandError, wrongType } from './types.js';

/** The operand at a position, counted from 1. */
export function operand(args: readonly Value[], pos: number): Value {
  const v = args[pos - 1];
  if (v === undefined) throw new RangeError(`built-in called without its operand ${pos}`);
  return v;
}

export function stringOperand(args: readonly Value[], pos: number): string {
  const v = operand(args, pos);
  if (typeof v !== 'string') throw wrongType(pos, 'string', v);
  return v;
}

export function numberOperand(args: readonly Value[], pos: number): RegoNumber {
  const v = operand(args, pos);
  if (!isNumber(v)) throw wrongType(pos, 'number', v);
  return v;
}

/** An integer of any size; `3.0` counts. */
export function bigIntOperand(args: readonly Value[], pos: number): bigint {
  const n = numberOperand(args, pos);
  const big = isIntegral(n) ? toBigInt(n) : undefined;
  if (big === undefined) throw operandError(pos, 'integer number', 'floating-point number', n);
  return big;
}

/** An integer within the safe range; larger ones are clamped to it, which no caller can tell from the true value. */
export function intOperand(args: readonly Value[], pos: number): number {
  const n = numberOperand(args, pos);
  const safe = toSafeInteger(n);
  if (safe !== undefined) return safe;
  const big = bigIntOperand(args, pos);
  return big < 0n ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
}

export function arrayOperand(args: readonly Value[], pos: number): readonly Value[] {
  const v = operand(args, pos);
  if (!isArray(v)) throw wrongType(pos, 'array', v);
  return v;
}

export function setOperand(args: readonly Value[], pos: number): RegoSet {
  const v = operand(args, pos);
  if (!(v instanceof RegoSet)) throw wrongType(pos, 'set', v);
  return v;
}

export function objectOperand(args: readonly Value[], pos: number): AnyObject {
  const v = operand(args, pos);
  if (!isObject(v)) throw wrongType(pos, 'object', v);
  return v;
}

/** Elements of an array (as they stand) or a set (in order). `kinds` is the list the error names. */
export function collectionOperand(
  args: readonly Value[],
  pos: number,
  kinds: readonly string[] = ['set', 'array'],
): readonly Value[] {
  const v = operand(args, pos);
  if (isArray(v)) return v;
  if (v instanceof RegoSet) return v.values();
  throw wrongType(pos, kinds, v);
}

/** As {@link collectionOperand}, every element a string. */
export function stringsOperand(
  args: readonly Value[],
  pos: number,
  kinds: readonly string[] = ['set', 'array'],
): readonly string[] {
  const v = operand(args, pos);
  const items = collectionOperand(args, pos, kinds);
  for (const item of items) {
    if (typeof item !== 'string') {
      const kind = v instanceof RegoSet ? 'set' : 'array';
      throw operandError(pos, `${kind} of strings`, `${kind} containing ${typeName(item)}`, v);
    }
  }
  return items as readonly string[];
}
