/** `sprintf`: Go's formatting verbs, whose mismatches are marked in the output instead of failing. */
import {
  codePointLength,
  codePoints,
  display,
  formatNumber,
  isIntegerText,
  isNumber,
  MAX_TEXT_LENGTH,
  toBigInt,
  toDouble,
  utf8Encode,
  type Value,
  wellFormed,
} from '../../value/index.js';
import { arrayOperand, stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, failure, T } from '../types.js';
import { formatFloat } from './float-format.js';
import { chargeText } from './strings.js';
import { canBackquote, goQuote, goQuoteRune, isPrintable } from './unicode.js';

/** An operand as Go sees it. */
type GoValue =
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: '*big.Int'; readonly value: bigint }
  | { readonly type: 'float64'; readonly value: number }
  | { readonly type: 'string'; readonly value: string };

interface Spec {
  plus: boolean;
  minus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  width: number | undefined;
  precision: number | undefined;
}

const MAX_INT = 2n ** 63n - 1n;
const MAX_WIDTH = 1_000_000;

function toGo(v: Value): GoValue {
  if (typeof v === 'string') return { type: 'string', value: wellFormed(v) };
  if (!isNumber(v)) return { type: 'string', value: display(v) };
  if (isIntegerText(v)) {
    const value = toBigInt(v) ?? 0n;
    return { type: value >= -MAX_INT - 1n && value <= MAX_INT ? 'int' : '*big.Int', value };
  }
  const double = toDouble(v);
  return Number.isFinite(double) ? { type: 'float64', value: double } : { type: 'string', value: formatNumber(v) };
}

function pad(text: string, spec: Spec, zero = spec.zero && !spec.minus): string {
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

/** `math/big` formats itself: `%s` prints digits, `%c`, `%q` and `%U` do not exist. */
function formatBig(value: bigint, verb: string, spec: Spec): string | undefined {
  if (verb === 's') return formatInteger(value, 10, verb, spec);
  return 'vdboOxX'.includes(verb) ? formatInt(value, verb, spec) : undefined;
}

/** The `#` flag: a decimal point always, and for `%g` trailing zeros up to the precision. */
function keepPoint(text: string, verb: string, precision: number | undefined): string {
  if (verb === 'b') return text;
  const m = /^(-?(?:0[xX])?)([0-9a-fA-F]*?)(\.\d*)?([eEpP][+-]\d+)?$/.exec(text);
  if (m === null) return text;
  const [, sign = '', whole = '', point = '.', tail = ''] = m;
  if (verb !== 'g' && verb !== 'G' && verb !== 'v') return sign + whole + point + tail;
  const digits = (whole + point.slice(1)).replace(/^0+/, '').length;
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

function truncated(text: string, spec: Spec): string {
  return spec.precision === undefined ? text : codePoints(text).slice(0, spec.precision).join('');
}

function formatText(text: string, verb: string, spec: Spec): string | undefined {
  switch (verb) {
    case 's':
      return pad(truncated(text, spec), spec);
    case 'v':
      return pad(spec.sharp ? goQuote(text) : truncated(text, spec), spec);
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

function plainSpec(): Spec {
  return { plus: false, minus: false, sharp: false, space: false, zero: false, width: undefined, precision: undefined };
}

function formatOne(arg: GoValue, verb: string, spec: Spec): string {
  if (verb === 'T') return pad(truncated(arg.type, spec), spec);
  const text = attempt(arg, verb, spec);
  if (text !== undefined) return text;
  const plain = attempt(arg, 'v', plainSpec()) ?? '';
  const type = arg.type === '*big.Int' ? 'big.Int' : arg.type;
  return `%!${verb}(${type}=${plain})`;
}

function attempt(arg: GoValue, verb: string, spec: Spec): string | undefined {
  // `%+v` and `%#v` ask for more detail of structures, not for signs and prefixes of numbers.
  const numeric = verb === 'v' ? { ...spec, plus: false, sharp: false } : spec;
  switch (arg.type) {
    case 'int':
      return formatInt(arg.value, verb, numeric);
    case '*big.Int':
      return formatBig(arg.value, verb, spec);
    case 'float64':
      return formatDouble(arg.value, verb, numeric);
    case 'string':
      return formatText(arg.value, verb, spec);
  }
}

/** Walks one format text. */
class Formatter {
  readonly #format: string;
  readonly #args: readonly GoValue[];
  readonly #ctx: BuiltinContext;
  #at = 0;
  #arg = 0;
  #reordered = false;
  #goodIndex = true;
  #out = '';

  constructor(format: string, args: readonly GoValue[], ctx: BuiltinContext) {
    this.#format = format;
    this.#args = args;
    this.#ctx = ctx;
  }

  run(): string {
    for (;;) {
      const next = this.#format.indexOf('%', this.#at);
      this.#write(this.#format.slice(this.#at, next < 0 ? undefined : next));
      if (next < 0) break;
      this.#at = next + 1;
      this.#directive();
    }
    if (!this.#reordered && this.#arg < this.#args.length) {
      const extra = this.#args.slice(this.#arg).map((arg) => `${arg.type}=${attempt(arg, 'v', plainSpec()) ?? ''}`);
      this.#write(`%!(EXTRA ${extra.join(', ')})`);
    }
    return this.#out;
  }

  #write(text: string): void {
    chargeText(this.#ctx, text.length);
    this.#out += text;
    if (this.#out.length > MAX_TEXT_LENGTH) chargeText(this.#ctx, this.#out.length);
  }

  #directive(): void {
    const spec = plainSpec();
    this.#goodIndex = true;
    this.#flags(spec);
    let afterIndex = this.#index();
    afterIndex = this.#width(spec, afterIndex);
    afterIndex = this.#precision(spec, afterIndex);
    if (!afterIndex) this.#index();
    const cp = this.#format.codePointAt(this.#at);
    if (cp === undefined) {
      this.#write('%!(NOVERB)');
      return;
    }
    const verb = String.fromCodePoint(cp);
    this.#at += verb.length;
    if (verb === '%') this.#write('%');
    else if (!this.#goodIndex) this.#write(`%!${verb}(BADINDEX)`);
    else this.#operand(verb, spec);
  }

  #operand(verb: string, spec: Spec): void {
    const arg = this.#args[this.#arg];
    if (arg === undefined) {
      this.#write(`%!${verb}(MISSING)`);
      return;
    }
    this.#arg++;
    this.#ctx.budget.alloc(((spec.width ?? 0) + (spec.precision ?? 0)) >> 4);
    this.#write(formatOne(arg, verb, spec));
  }

  #flags(spec: Spec): void {
    for (; ; this.#at++) {
      const c = this.#format[this.#at];
      if (c === '+') spec.plus = true;
      else if (c === '-') spec.minus = true;
      else if (c === '#') spec.sharp = true;
      else if (c === ' ') spec.space = true;
      else if (c === '0') spec.zero = true;
      else return;
    }
  }

  /** `[n]`: the next operand by its number. */
  #index(): boolean {
    if (this.#format[this.#at] !== '[') return false;
    this.#reordered = true;
    const end = this.#format.indexOf(']', this.#at);
    const text = end < 0 ? '' : this.#format.slice(this.#at + 1, end);
    const n = /^\d{1,7}$/.test(text) ? Number(text) : 0;
    this.#at = end < 0 ? this.#at + 1 : end + 1;
    if (n >= 1 && n <= this.#args.length) this.#arg = n - 1;
    else this.#goodIndex = false;
    return end >= 0;
  }

  #digits(): number | undefined {
    const m = /^\d+/.exec(this.#format.slice(this.#at, this.#at + 16));
    if (m === null) return undefined;
    this.#at += m[0].length;
    const n = Number(m[0]);
    if (n <= MAX_WIDTH) return n;
    // Go gives up on the directive here.
    this.#at = this.#format.length;
    return undefined;
  }

  /** The operand a `*` stands for, or undefined when it is no usable integer. */
  #star(): number | undefined {
    this.#at++;
    const arg = this.#args[this.#arg];
    if (arg !== undefined) this.#arg++;
    if (arg?.type !== 'int') return undefined;
    const n = Number(arg.value);
    return Math.abs(n) <= MAX_WIDTH ? n : undefined;
  }

  #width(spec: Spec, afterIndex: boolean): boolean {
    if (this.#format[this.#at] === '*') {
      const n = this.#star();
      if (n === undefined) this.#write('%!(BADWIDTH)');
      else {
        spec.width = Math.abs(n);
        if (n < 0) spec.minus = true;
      }
      return false;
    }
    spec.width = this.#digits();
    if (afterIndex && spec.width !== undefined) this.#goodIndex = false;
    return afterIndex;
  }

  #precision(spec: Spec, afterIndex: boolean): boolean {
    if (this.#format[this.#at] !== '.') return afterIndex;
    this.#at++;
    if (afterIndex) this.#goodIndex = false;
    const indexed = this.#index();
    if (this.#format[this.#at] === '*') {
      const n = this.#star();
      if (n === undefined || n < 0) this.#write('%!(BADPREC)');
      else spec.precision = n;
      return false;
    }
    spec.precision = this.#digits() ?? 0;
    return indexed;
  }
}

/** regorus' reading: numbers print their digits for `%s`, a mismatch or a missing operand fails. */
function strictFormat(format: string, args: readonly Value[], ctx: BuiltinContext): string {
  const pattern = /%([+\-# 0]*)(\d{1,6})?(?:\.(\d{1,6}))?(.|$)/gsu;
  let used = 0;
  const text = format.replace(pattern, (_, flags: string, width: string, precision: string, verb: string) => {
    if (verb === '%') return '%';
    if (verb === '') throw failure('missing format verb');
    const value = args[used];
    if (value === undefined) throw failure(`no argument specified for format verb ${used}`);
    used++;
    const spec: Spec = {
      plus: flags.includes('+'),
      minus: flags.includes('-'),
      sharp: flags.includes('#'),
      space: flags.includes(' '),
      zero: flags.includes('0'),
      width: width === undefined ? undefined : Number(width),
      precision: precision === undefined ? undefined : Number(precision),
    };
    ctx.budget.alloc(((spec.width ?? 0) + (spec.precision ?? 0)) >> 4);
    return strictOne(value, verb, spec);
  });
  if (used < args.length) throw failure('extra arguments specified for format string');
  chargeText(ctx, text.length);
  return text;
}

function strictOne(value: Value, verb: string, spec: Spec): string {
  if (verb === 's' || verb === 'v') return pad(truncated(display(value), spec), spec);
  if (verb === 't' && typeof value === 'boolean') return pad(String(value), spec);
  const arg = toGo(value);
  if (verb === 'o' && (arg.type === 'int' || arg.type === '*big.Int')) {
    return pad(`0O${arg.value.toString(8)}`, spec);
  }
  if ((verb === 'f' || verb === 'F') && isNumber(value)) {
    return pad(formatFloat(toDouble(value), 'f', spec.precision), spec);
  }
  const text = attempt(arg, verb, spec);
  if (text === undefined) throw failure(`invalid value for format verb ${verb}`);
  return text;
}

function sprintf(args: readonly Value[], ctx: BuiltinContext): Value {
  const format = stringOperand(args, 1);
  const operands = arrayOperand(args, 2);
  ctx.budget.step(format.length >> 4);
  if (ctx.mode === 'regorus') return strictFormat(format, operands, ctx);
  // The commonest use needs none of the machinery.
  if (format === '%s' && operands.length === 1 && typeof operands[0] === 'string') return operands[0];
  return new Formatter(format, operands.map(toGo), ctx).run();
}

export const sprintfBuiltins: readonly Builtin[] = [
  { name: 'sprintf', args: [T.string, T.array()], result: T.string, impl: sprintf },
];
