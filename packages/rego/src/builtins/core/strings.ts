/** String functions. Positions and lengths count code points. */
import {
  codePointLength,
  codePoints,
  compareStrings,
  isArray,
  isFlat,
  isIntegral,
  MAX_TEXT_LENGTH,
  objectEntries,
  RegoSet,
  ResourceLimitError,
  toBigInt,
  typeName,
  type Value,
} from '../../value/index.js';
import { intOperand, numberOperand, objectOperand, operand, stringOperand, stringsOperand } from '../operands.js';
import {
  type Builtin,
  type BuiltinContext,
  failure,
  operandError,
  STRINGS,
  T,
  type TypeSpec,
  typeFailure,
  wrongType,
} from '../types.js';
import { toInteger } from './arithmetic.js';
import { lowerCase, SPACE, upperCase } from './unicode.js';

/** Charges for a text about to be built; fails before anything large is allocated. */
export function chargeText(ctx: BuiltinContext, length: number): void {
  if (length > MAX_TEXT_LENGTH) throw new ResourceLimitError(`text is longer than ${MAX_TEXT_LENGTH} characters`);
  ctx.budget.alloc(length >> 4);
  ctx.budget.step(length >> 4);
}

function concat(args: readonly Value[], ctx: BuiltinContext): Value {
  const separator = stringOperand(args, 1);
  const parts = stringsOperand(args, 2);
  let length = separator.length * Math.max(parts.length - 1, 0);
  for (const part of parts) length += part.length;
  chargeText(ctx, length);
  return parts.join(separator);
}

/** Code point index of a UTF-16 offset. */
function pointOffset(text: string, offset: number): number {
  return isFlat(text) ? offset : codePointLength(text.slice(0, offset));
}

function search(args: readonly Value[], ctx: BuiltinContext): readonly [string, string] {
  const text = stringOperand(args, 1);
  const wanted = stringOperand(args, 2);
  ctx.budget.step(text.length >> 4);
  return [text, wanted];
}

function indexOf(args: readonly Value[], ctx: BuiltinContext): Value {
  const [text, wanted] = search(args, ctx);
  if (wanted === '') {
    if (ctx.mode === 'regorus') return -1;
    throw failure('empty search character');
  }
  const at = text.indexOf(wanted);
  return at < 0 ? -1 : pointOffset(text, at);
}

/** Every position, overlapping ones included. */
function indexOfN(args: readonly Value[], ctx: BuiltinContext): Value {
  const [text, wanted] = search(args, ctx);
  if (wanted === '') throw failure('empty search character');
  const out: Value[] = [];
  let points = 0;
  let scanned = 0;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    ctx.budget.alloc(1);
    ctx.budget.step(1);
    points += pointOffset(text.slice(scanned, at), at - scanned);
    scanned = at;
    out.push(points);
  }
  return out;
}

function countOccurrences(text: string, wanted: string): number {
  if (wanted === '') return codePointLength(text) + 1;
  let n = 0;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) n++;
  return n;
}

function replace(args: readonly Value[], ctx: BuiltinContext): Value {
  const text = stringOperand(args, 1);
  const old = stringOperand(args, 2);
  const fresh = stringOperand(args, 3);
  const n = countOccurrences(text, old);
  chargeText(ctx, text.length + n * Math.max(fresh.length - old.length, 0));
  if (old === '') return codePoints(text).reduce((out, ch) => out + ch + fresh, fresh);
  return text.replaceAll(old, () => fresh);
}

/** One pass; at each position the patterns are tried in sorted order. */
function replaceN(args: readonly Value[], ctx: BuiltinContext): Value {
  const patterns: (readonly [string, string])[] = [];
  for (const { key, value } of objectEntries(objectOperand(args, 1))) {
    if (typeof key !== 'string') throw typeFailure('operand 1 non-string key found in pattern object');
    if (typeof value !== 'string') throw typeFailure('operand 1 non-string value found in pattern object');
    patterns.push([key, value]);
  }
  const text = stringOperand(args, 2);
  patterns.sort((a, b) => compareStrings(a[0], b[0]));
  const byFirst = new Map<string, (readonly [string, string])[]>();
  let empty: string | undefined;
  for (const pattern of patterns) {
    const first = pattern[0][0];
    if (first === undefined) empty = pattern[1];
    else byFirst.set(first, [...(byFirst.get(first) ?? []), pattern]);
  }
  return replaceAt(text, byFirst, empty, ctx);
}

function replaceAt(
  text: string,
  byFirst: ReadonlyMap<string, readonly (readonly [string, string])[]>,
  empty: string | undefined,
  ctx: BuiltinContext,
): string {
  let out = '';
  let matchedBefore = false;
  for (let at = 0; at <= text.length; ) {
    // The empty pattern sorts first, so it wins wherever it may match: not right behind another match.
    const inPair = at > 0 && /[\udc00-\udfff]/.test(text[at] ?? '') && /[\ud800-\udbff]/.test(text[at - 1] ?? '');
    if (empty !== undefined && !matchedBefore && !inPair) {
      chargeText(ctx, empty.length);
      out += empty;
    }
    const candidates = empty === undefined ? byFirst.get(text[at] ?? '') : undefined;
    const hit = candidates?.find(([old]) => text.startsWith(old, at));
    ctx.budget.step(1);
    if (hit === undefined) {
      out += text[at] ?? '';
      at++;
      matchedBefore = false;
    } else {
      chargeText(ctx, hit[1].length);
      out += hit[1];
      at += hit[0].length;
    }
    if (out.length > MAX_TEXT_LENGTH) chargeText(ctx, out.length);
  }
  return out;
}

function split(args: readonly Value[], ctx: BuiltinContext): Value {
  const text = stringOperand(args, 1);
  const separator = stringOperand(args, 2);
  ctx.budget.step(text.length >> 4);
  const parts = separator === '' ? codePoints(text) : text.split(separator);
  ctx.budget.alloc(parts.length);
  return parts;
}

function substring(args: readonly Value[], ctx: BuiltinContext): Value {
  const text = stringOperand(args, 1);
  const from = intOperand(args, 2);
  const length = intOperand(args, 3);
  if (from < 0) throw failure('negative offset');
  ctx.budget.step(text.length >> 4);
  const end = length < 0 ? undefined : from + length;
  return isFlat(text) ? text.slice(from, end) : codePoints(text).slice(from, end).join('');
}

/** Removes characters of the set from either end. */
function trimSet(text: string, cutset: string, left: boolean, right: boolean): string {
  const set = new Set(codePoints(cutset));
  const points = codePoints(text);
  let start = 0;
  let end = points.length;
  if (left) while (start < end && set.has(points[start] as string)) start++;
  if (right) while (end > start && set.has(points[end - 1] as string)) end--;
  return points.slice(start, end).join('');
}

const LEADING_SPACE = new RegExp(`^[${SPACE}]+`, 'u');

function trimSpace(text: string): string {
  const start = text.replace(LEADING_SPACE, '');
  let end = start.length;
  const space = new RegExp(`[${SPACE}]`, 'u');
  while (end > 0 && space.test(start[end - 1] as string)) end--;
  return start.slice(0, end);
}

/** A string, or an array or set of strings, as a list. */
function stringOrStrings(args: readonly Value[], pos: number): readonly string[] {
  const v = operand(args, pos);
  if (typeof v === 'string') return [v];
  if (!isArray(v) && !(v instanceof RegoSet)) throw wrongType(pos, ['string', 'set', 'array'], v);
  return stringsOperand(args, pos);
}

const anyMatch = (name: string, matches: (text: string, part: string) => boolean): Builtin => ({
  name,
  args: [T.union(T.string, STRINGS), T.union(T.string, STRINGS)],
  result: T.boolean,
  impl: (args, ctx) => {
    const texts = stringOrStrings(args, 1);
    const parts = stringOrStrings(args, 2);
    return texts.some((text) => {
      ctx.budget.step(parts.length);
      return parts.some((part) => matches(text, part));
    });
  },
});

const BASES = new Map([
  ['2', 2],
  ['8', 8],
  ['10', 10],
  ['16', 16],
]);

function formatInt(args: readonly Value[], ctx: BuiltinContext): Value {
  const n = numberOperand(args, 1);
  const wanted = numberOperand(args, 2);
  const base = isIntegral(wanted) ? BASES.get(String(toBigInt(wanted))) : undefined;
  if (base === undefined) throw operandError(2, ['2', '8', '10', '16'], typeName(wanted), wanted);
  const whole = toBigInt(toInteger(n, 'truncate')) ?? 0n;
  ctx.budget.step(whole.toString(16).length >> 4);
  return whole.toString(base);
}

type Unary = (text: string) => Value;
type Binary = (a: string, b: string) => Value;

const unary = (name: string, compute: Unary, result: TypeSpec = T.string): Builtin => ({
  name,
  args: [T.string],
  result,
  impl: (args, ctx) => {
    const text = stringOperand(args, 1);
    chargeText(ctx, text.length);
    return compute(text);
  },
});

const binary = (name: string, compute: Binary, result: TypeSpec = T.string): Builtin => ({
  name,
  args: [T.string, T.string],
  result,
  impl: (args, ctx) => {
    const text = stringOperand(args, 1);
    const other = stringOperand(args, 2);
    ctx.budget.step((text.length + other.length) >> 4);
    return compute(text, other);
  },
});

const ternary = (name: string, impl: (args: readonly Value[], ctx: BuiltinContext) => Value): Builtin => ({
  name,
  args: [T.string, T.string, T.string],
  result: T.string,
  impl,
});

export const stringBuiltins: readonly Builtin[] = [
  { name: 'concat', args: [T.string, STRINGS], result: T.string, impl: concat },
  binary('contains', (text, part) => text.includes(part), T.boolean),
  binary('startswith', (text, part) => text.startsWith(part), T.boolean),
  binary('endswith', (text, part) => text.endsWith(part), T.boolean),
  { name: 'indexof', args: [T.string, T.string], result: T.number, impl: indexOf },
  { name: 'indexof_n', args: [T.string, T.string], result: T.array(T.number), impl: indexOfN },
  binary('strings.count', countOccurrences, T.number),
  unary('lower', lowerCase),
  unary('upper', upperCase),
  ternary('replace', replace),
  {
    name: 'strings.replace_n',
    args: [T.object(T.string, T.string), T.string],
    result: T.string,
    impl: replaceN,
  },
  { name: 'split', args: [T.string, T.string], result: T.array(T.string), impl: split },
  { name: 'substring', args: [T.string, T.number, T.number], result: T.string, impl: substring },
  binary('trim', (text, cutset) => trimSet(text, cutset, true, true)),
  binary('trim_left', (text, cutset) => trimSet(text, cutset, true, false)),
  binary('trim_right', (text, cutset) => trimSet(text, cutset, false, true)),
  binary('trim_prefix', (text, prefix) => (text.startsWith(prefix) ? text.slice(prefix.length) : text)),
  binary('trim_suffix', (text, suffix) => (text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text)),
  unary('trim_space', trimSpace),
  unary('strings.reverse', (text) => codePoints(text).reverse().join('')),
  anyMatch('strings.any_prefix_match', (text, prefix) => text.startsWith(prefix)),
  anyMatch('strings.any_suffix_match', (text, suffix) => text.endsWith(suffix)),
  { name: 'format_int', args: [T.number, T.number], result: T.string, impl: formatInt },
];
