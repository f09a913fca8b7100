/** Values to JSON: plain JavaScript data for hosts, exact text for policies. */
import { checkDepth } from './limits.js';
import { formatNumber, isIntegral, RegoDecimal, toBigInt } from './number.js';
import { objectGet } from './object.js';
import { quote, TextSink } from './print.js';
import { compareStrings, wellFormed } from './strings.js';
import { isObject, type JsonObject, objectEntries, RegoObject, RegoSet, type Value } from './value.js';

/** What {@link toJson} returns. Integers beyond 2^53 stay `bigint`; other decimals become the nearest double. */
export type JsonResult = null | boolean | number | bigint | string | JsonResult[] | { [key: string]: JsonResult };

/** Plain data for the host: sets become arrays in order, keys that are not strings their JSON text. */
export function toJson(v: Value): JsonResult {
  return toJsonAt(v, 0);
}

function toJsonAt(v: Value, depth: number): JsonResult {
  checkDepth(depth);
  if (v === null || typeof v === 'boolean' || typeof v === 'number' || typeof v === 'bigint') return v;
  if (typeof v === 'string') return wellFormed(v);
  if (v instanceof RegoDecimal) return decimalToJson(v);
  if (Array.isArray(v)) return v.map((item: Value) => toJsonAt(item, depth + 1));
  if (v instanceof RegoSet) return v.values().map((item) => toJsonAt(item, depth + 1));
  const out: { [key: string]: JsonResult } = {};
  for (const [key, value] of jsonEntries(v as JsonObject | RegoObject)) {
    Object.defineProperty(out, key, {
      value: toJsonAt(value, depth + 1),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return out;
}

function decimalToJson(v: RegoDecimal): number | bigint {
  const double = v.valueOf();
  if (Number.isSafeInteger(double) || !isIntegral(v)) return double;
  return toBigInt(v) ?? double;
}

/** Entries with text keys, in the order of those texts. */
function jsonEntries(o: JsonObject | RegoObject): (readonly [string, Value])[] {
  const entries = objectEntries(o).map(
    ({ key, value }) => [typeof key === 'string' ? wellFormed(key) : toJsonText(key), value] as const,
  );
  if (o instanceof RegoObject) entries.sort((a, b) => compareStrings(a[0], b[0]));
  return entries;
}

interface JsonTextOptions {
  /** Escape `<`, `>`, `&`, U+2028 and U+2029 as Go's encoding/json does. */
  readonly goEscapes?: boolean;
  /** One member per line: text before each line (not before the first) and per nesting level. */
  readonly pretty?: { readonly prefix: string; readonly indent: string };
}

const GO_ESCAPED = /[<>&\u2028\u2029]/g;

function goEscape(ch: string): string {
  return `\\u${ch.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** JSON text: compact, keys sorted, numbers exact. */
export function toJsonText(v: Value, options: JsonTextOptions = {}): string {
  const sink = new TextSink();
  writeJson(v, options, sink, 0);
  return sink.toString();
}

function writeString(text: string, options: JsonTextOptions, sink: TextSink): void {
  const quoted = quote(text);
  sink.push(options.goEscapes === true ? quoted.replace(GO_ESCAPED, goEscape) : quoted);
}

/** The number's text as JSON allows it: `.5` gains its zero. */
function jsonNumber(text: string): string {
  return text.replace(/^(-?)\./, '$10.').replace(/\.(?=$|[eE])/, '.0');
}

function writeJson(v: Value, options: JsonTextOptions, sink: TextSink, depth: number): void {
  checkDepth(depth);
  if (v === null || typeof v === 'boolean') sink.push(String(v));
  else if (typeof v === 'string') writeString(v, options, sink);
  else if (typeof v === 'number' || typeof v === 'bigint' || v instanceof RegoDecimal) {
    sink.push(jsonNumber(formatNumber(v)));
  } else if (Array.isArray(v)) writeList(v, options, sink, depth);
  else if (v instanceof RegoSet) writeList(v.values(), options, sink, depth);
  else if (isObject(v)) writeMembers(jsonEntries(v), options, sink, depth);
}

function breakLine(options: JsonTextOptions, sink: TextSink, depth: number): void {
  if (options.pretty !== undefined) sink.push(`\n${options.pretty.prefix}${options.pretty.indent.repeat(depth)}`);
}

function writeList(items: readonly Value[], options: JsonTextOptions, sink: TextSink, depth: number): void {
  sink.push('[');
  items.forEach((item, i) => {
    if (i > 0) sink.push(',');
    breakLine(options, sink, depth + 1);
    writeJson(item, options, sink, depth + 1);
  });
  if (items.length > 0) breakLine(options, sink, depth);
  sink.push(']');
}

function writeMembers(
  entries: readonly (readonly [string, Value])[],
  options: JsonTextOptions,
  sink: TextSink,
  depth: number,
): void {
  sink.push('{');
  entries.forEach(([key, value], i) => {
    if (i > 0) sink.push(',');
    breakLine(options, sink, depth + 1);
    writeString(key, options, sink);
    sink.push(options.pretty === undefined ? ':' : ': ');
    writeJson(value, options, sink, depth + 1);
  });
  if (entries.length > 0) breakLine(options, sink, depth);
  sink.push('}');
}

/** Follows object keys and array indices given as values; undefined when a step is missing. */
export function lookup(v: Value, path: readonly Value[]): Value | undefined {
  let at: Value | undefined = v;
  for (const step of path) {
    if (at === undefined) return undefined;
    if (Array.isArray(at)) at = typeof step === 'number' ? (at as readonly Value[])[step] : undefined;
    else if (at instanceof RegoSet) at = at.map.size > 0 && at.has(step) ? step : undefined;
    else at = isObject(at) ? objectGet(at, step) : undefined;
  }
  return at;
}
