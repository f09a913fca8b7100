/** Go's `fmt` verbs for one operand. */
import {
  codePointLength,
  codePoints,
  display,
  formatNumber,
  isIntegerText,
  isNumber,
  toBigInt,
  toDouble,
  utf8Encode,
  type Value,
  wellFormed,
} from '../../value/index.js';
import { formatFloat } from './float-format.js';
import { canBackquote, goQuote, goQuoteRune, isPrintable } from './unicode.js';

/** An operand as Go sees it. */
export type GoValue =
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: '*big.Int'; readonly value: bigint }
  | { readonly type: 'float64'; readonly value: number }
  | { readonly type: 'string'; readonly value: string };

export interface Spec {
  plus: boolean;
  minus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  /** `%#v` and `%+v`, which ask for more detail of structures, not for prefixes and signs. */
  sharpV: boolean;
  plusV: boolean;
  width: number | undefined;
  precision: number | undefined;
}

const MAX_INT = 2n ** 63n - 1n;
/** Widths and precisions beyond this are no numbers to Go. */
export const MAX_WIDTH = 1_000_000;

export function toGo(v: Value): GoValue {
  if (typeof v === 'string') return { type: 'string', value: wellFormed(v) };
  if (!isNumber(v)) return { type: 'string', value: display(v) };
  if (isIntegerText(v)) {
    const value = toBigInt(v) ?? 0n;
    return { type: value >= -MAX_INT - 1n && value <= MAX_INT ? 'int' : '*big.Int', value };
  }
  const double = toDouble(v);
  return Number.isFinite(double) ? { type: 'float64', value: double } : { type: 'string', value: formatNumber(v) };
}

export function pad(text: string, spec: Spec, zero = spec.zero && !spec.minus): string {
  const missing = (spec.width ?? 0) - codePointLength(text);
  if (missing <= 0) return text;
  return spec.minus ? text + ' '.repeat(missing) : (zero ? '0' : ' ').repeat(missing) + text;
}

function formatInteger(value: bigint, base: number, verb: string, spec: Spec): string {
  const negative = value < 0n;
  let digits = (negative ? -value : value).toString(base);
  if (verb === 'X') digits = digits.toUpperCase();
  let least = spec.precision ?? 0;
  if (spec.precision === 0 && value === 0n) return ' '.repeat(spec.width ?? 0);
  if (spec.precision === undefined && spec.zero && !spec.minus && spec.width !== undefined) {
    least = spec.width - (negative || spec.plus || spec.space ? 1 : 0);
  }
  digits = digits.padStart(least, '0');
  if (spec.sharp) {
    if (base === 2) digits = `0b${digits}`;
    else if (base === 8 && !digits.startsWith('0')) digits = `0${digits}`;
    else if (base === 16) digits = `0${verb}${digits}`;
  }
  if (verb === 'O') digits = `0o${digits}`;
  const sign = negative ? '-' : spec.plus ? '+' : spec.space ? ' ' : '';
  return pad(sign + digits, spec, false);
}

function runeOf(value: bigint): string {
  const valid = value >= 0n && value <= 0x10ffffn && !(value >= 0xd800n && value <= 0xdfffn);
  return valid ? String.fromCodePoint(Number(value)) : '\ufffd';
}

function formatUnicode(value: bigint, spec: Spec): string {
  const magnitude = BigInt.asUintN(64, value).toString(16).toUpperCase();
  let text = `U+${magnitude.padStart(Math.max(4, spec.precision ?? 0), '0')}`;
  const ch = runeOf(value);
  if (spec.sharp && value >= 0n && value <= 0x10ffffn && isPrintable(ch)) text += ` '${ch}'`;
  return pad(text, spec, false);
}

function formatInt(value: bigint, verb: string, spec: Spec): string | undefined {
  switch (verb) {
    case 'v':
    case 'd':
      return formatInteger(value, 10, verb, spec);
    case 'b':
      return formatInteger(value, 2, verb, spec);
    case 'o':
    case 'O':
      return formatInteger(value, 8, verb, spec);
    case 'x':
    case 'X':
      return formatInteger(value, 16, verb, spec);
    case 'c':
      return pad(runeOf(value), spec);
    case 'q':
      return pad(goQuoteRune(runeOf(value), spec.plus), spec);
    case 'U':
      return formatUnicode(value, spec);
    default:
      return undefined;
  }
}

const BIG_BASES: Readonly<Record<string, number>> = { v: 10, d: 10, s: 10, b: 2, o: 8, O: 8, x: 16, X: 16 };
const BIG_PREFIXES: Readonly<Record<string, string>> = { b: '0b', o: '0', x: '0x', X: '0X' };

/** `math/big` formats itself: `%s` prints digits, `%c`, `%q` and `%U` do not exist, padding differs in corners. */
function formatBig(value: bigint, verb: string, spec: Spec): string | undefined {
  const base = BIG_BASES[verb];
  if (base === undefined) return undefined;
  let digits = (value < 0n ? -value : value).toString(base);
  if (verb === 'X') digits = digits.toUpperCase();
  const sign = value < 0n ? '-' : spec.plus || spec.plusV ? '+' : spec.space ? ' ' : '';
  const prefix = verb === 'O' ? '0o' : spec.sharp || spec.sharpV ? (BIG_PREFIXES[verb] ?? '') : '';
  digits = digits.padStart(spec.precision ?? 0, '0');
  const missing = (spec.width ?? 0) - sign.length - prefix.length - digits.length;
  if (missing <= 0) return sign + prefix + digits;
  if (spec.minus) return sign + prefix + digits + ' '.repeat(missing);
  if (spec.zero && spec.precision === undefined) return sign + prefix + '0'.repeat(missing) + digits;
  return ' '.repeat(missing) + sign + prefix + digits;
}

/** The `#` flag: a decimal point always, and for `%g` and `%x` trailing zeros up to the precision. */
function keepPoint(text: string, verb: string, precision: number | undefined): string {
  if (verb === 'b') return text;
  const m = /^(-?(?:0[xX])?)([0-9a-fA-F]*?)(\.[0-9a-fA-F]*?)?([eEpP][+-]\d+)?$/.exec(text);
  if (m === null) return text;
  const [, sign = '', whole = '', point = '.', tail = ''] = m;
  if (verb !== 'g' && verb !== 'G' && verb !== 'v' && verb !== 'x') return sign + whole + point + tail;
  // Zeros in front do not count, unless there is nothing else.
  const all = whole + point.slice(1);
  // Go counts the `x` of the prefix as a digit.
  const digits = verb === 'x' ? all.length + 1 : all.replace(/^0+(?=.)/, '').length;
  return sign + whole + point + '0'.repeat(Math.max((precision ?? 6) - digits, 0)) + tail;
}

function formatDouble(value: number, verb: string, spec: Spec): string | undefined {
  if (!'vbgGxXfFeE'.includes(verb)) return undefined;
  const precision = spec.precision ?? ('fFeE'.includes(verb) ? 6 : undefined);
  let text = formatFloat(value, verb, precision);
  if (spec.sharp) text = keepPoint(text, verb, spec.precision);
  const sign = text.startsWith('-') ? '-' : spec.plus ? '+' : spec.space ? ' ' : '';
  const magnitude = text.startsWith('-') ? text.slice(1) : text;
  if (sign !== '' && spec.zero && !spec.minus && (spec.width ?? 0) > sign.length + magnitude.length) {
    return sign + magnitude.padStart((spec.width ?? 0) - 1, '0');
  }
  return pad(sign + magnitude, spec);
}

function formatHexText(text: string, verb: string, spec: Spec): string {
  const bytes = utf8Encode(text).subarray(0, spec.precision);
  const prefix = spec.sharp ? `0${verb}` : '';
  let parts = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
  if (verb === 'X') parts = parts.map((part) => part.toUpperCase());
  if (parts.length === 0) return pad('', spec);
  return pad(spec.space ? parts.map((part) => prefix + part).join(' ') : prefix + parts.join(''), spec);
}

export function truncated(text: string, spec: Spec): string {
  return spec.precision === undefined ? text : codePoints(text).slice(0, spec.precision).join('');
}

function formatText(text: string, verb: string, spec: Spec): string | undefined {
  switch (verb) {
    case 's':
      return pad(truncated(text, spec), spec);
    case 'v':
      return pad(spec.sharpV ? goQuote(truncated(text, spec)) : truncated(text, spec), spec);
    case 'q': {
      const cut = truncated(text, spec);
      return pad(spec.sharp && canBackquote(cut) ? `\`${cut}\`` : goQuote(cut, spec.plus), spec);
    }
    case 'x':
    case 'X':
      return formatHexText(text, verb, spec);
    default:
      return undefined;
  }
}

export function plainSpec(): Spec {
  return {
    plus: false,
    minus: false,
    sharp: false,
    space: false,
    zero: false,
    sharpV: false,
    plusV: false,
    width: undefined,
    precision: undefined,
  };
}

/** One operand by one verb; what does not fit is marked, shown with the same flags. */
export function formatOne(arg: GoValue, verb: string, spec: Spec): string {
  if (verb === 'T') return pad(truncated(arg.type, spec), spec);
  if (verb === 'v' || verb === 'w') {
    spec.sharpV = spec.sharp;
    spec.plusV = spec.plus;
    spec.sharp = false;
    spec.plus = false;
  }
  const text = attempt(arg, verb, spec);
  if (text !== undefined) return text;
  if (arg.type === '*big.Int') return `%!${verb}(big.Int=${arg.value})`;
  return `%!${verb}(${arg.type}=${attempt(arg, 'v', spec) ?? ''})`;
}

/** The operand's text, undefined when the verb does not exist for its type. */
export function attempt(arg: GoValue, verb: string, spec: Spec): string | undefined {
  switch (arg.type) {
    case 'int':
      return formatInt(arg.value, verb, spec);
    case '*big.Int':
      return formatBig(arg.value, verb, spec);
    case 'float64':
      return formatDouble(arg.value, verb, spec);
    case 'string':
      return formatText(arg.value, verb, spec);
  }
}
