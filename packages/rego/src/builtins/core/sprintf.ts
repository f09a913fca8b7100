/** `sprintf`: Go's formatting verbs, whose mismatches are marked in the output instead of failing. */
import { display, isNumber, MAX_TEXT_LENGTH, toDouble, type Value } from '../../value/index.js';
import { arrayOperand, stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, failure, T } from '../types.js';
import { formatFloat } from './float-format.js';
import {
  attempt,
  formatOne,
  type GoValue,
  MAX_WIDTH,
  pad,
  plainSpec,
  type Spec,
  toGo,
  truncated,
} from './go-format.js';
import { chargeText } from './strings.js';

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
      sharpV: false,
      plusV: false,
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
