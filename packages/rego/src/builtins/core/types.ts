/** Type tests, `type_name`, `to_number`, and the casts of v0. */
import {
  isArray,
  isNumber,
  isObject,
  normalizeInteger,
  numberFromText,
  RegoSet,
  typeName,
  type Value,
} from '../../value/index.js';
import { operand } from '../operands.js';
import { type Builtin, type BuiltinContext, failure, T, type TypeSpec, wrongType } from '../types.js';

const test = (name: string, holds: (v: Value) => boolean): Builtin => ({
  name,
  args: [T.any],
  result: T.boolean,
  impl: (args) => holds(operand(args, 1)),
});

const DECIMAL = /^([+-]?)(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** A decimal number in Go's spelling; neither `Inf`, `NaN`, hexadecimal nor digit separators. */
export function parseDecimal(text: string): Value | undefined {
  const m = DECIMAL.exec(text);
  if (m === null) return undefined;
  const mantissa = (m[2] ?? '').replace(/^\./, '0.').replace(/\.$/, '');
  const sign = m[1] === '-' ? '-' : '';
  // Leading zeros are no JSON; integers go through BigInt, which drops them.
  if (/^\d+$/.test(mantissa) && m[3] === undefined) return normalizeInteger(BigInt(`${sign}${mantissa}`));
  return numberFromText(`${sign}${mantissa.replace(/^0+(?=\d)/, '')}${m[3] ?? ''}`);
}

function toNumber(args: readonly Value[], ctx: BuiltinContext): Value {
  const v = operand(args, 1);
  if (v === null || v === false) return 0;
  if (v === true) return 1;
  if (isNumber(v)) return v;
  if (typeof v !== 'string') throw wrongType(1, ['null', 'boolean', 'number', 'string'], v);
  ctx.budget.step(v.length >> 2);
  const n = v.length <= 100_000 ? parseDecimal(v) : undefined;
  if (n === undefined) {
    if (ctx.mode === 'opa' && /^[+-]*(?:inf|infinity|nan)$/i.test(v)) throw wrongType(1, 'valid number string', v);
    if (ctx.mode === 'regorus') throw failure('could not parse string as number');
    throw failure(`strconv.ParseFloat: parsing ${JSON.stringify(v.slice(0, 100))}: invalid syntax`);
  }
  return n;
}

const cast = (name: string, want: string, type: TypeSpec, holds: (v: Value) => boolean): Builtin => ({
  name,
  args: [T.any],
  result: type,
  deprecated: true,
  impl: (args) => {
    const v = operand(args, 1);
    if (!holds(v)) throw wrongType(1, want, v);
    return v;
  },
});

function castArray(args: readonly Value[], ctx: BuiltinContext): Value {
  const v = operand(args, 1);
  if (isArray(v)) return v;
  if (!(v instanceof RegoSet)) throw wrongType(1, ['array', 'set'], v);
  ctx.budget.alloc(v.size);
  return v.values();
}

function castSet(args: readonly Value[], ctx: BuiltinContext): Value {
  const v = operand(args, 1);
  if (v instanceof RegoSet) return v;
  if (!isArray(v)) throw wrongType(1, ['array', 'set'], v);
  ctx.budget.alloc(v.length);
  return RegoSet.of(v);
}

const isBoolean = (v: Value): boolean => typeof v === 'boolean';
const isString = (v: Value): boolean => typeof v === 'string';
const isNull = (v: Value): boolean => v === null;

export const typeBuiltins: readonly Builtin[] = [
  test('is_array', isArray),
  test('is_boolean', isBoolean),
  test('is_null', isNull),
  test('is_number', isNumber),
  test('is_object', isObject),
  test('is_set', (v) => v instanceof RegoSet),
  test('is_string', isString),
  { name: 'type_name', args: [T.any], result: T.string, impl: (args) => typeName(operand(args, 1)) },
  {
    name: 'to_number',
    args: [T.union(T.number, T.string, T.boolean, T.null)],
    result: T.number,
    impl: toNumber,
  },
  { name: 'cast_array', args: [T.any], result: T.array(), deprecated: true, impl: castArray },
  { name: 'cast_set', args: [T.any], result: T.set(), deprecated: true, impl: castSet },
  cast('cast_string', 'string', T.string, isString),
  cast('cast_boolean', 'boolean', T.boolean, isBoolean),
  cast('cast_null', 'null', T.null, isNull),
  cast('cast_object', 'object', T.object(), isObject),
];
