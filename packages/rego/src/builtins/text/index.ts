/** Regular expressions and globs as built-ins. */
import { codePointLength, typeName, type Value } from '../../value/index.js';
import { arrayOperand, intOperand, operand, stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, type BuiltinError, failure, operandError, T } from '../types.js';
import { compileGlob, GlobSyntaxError, quoteGlob } from './glob.js';
import { compileRegex } from './regex/cache.js';
import { RegexSyntaxError } from './regex/errors.js';
import type { Regex } from './regex/regex.js';
import { compileTemplate, TemplateError } from './template.js';

/** The engine counts visited instructions; a unit of the budget is worth about four of them. */
function charger(ctx: BuiltinContext): (steps: number) => void {
  return (steps) => ctx.budget.step(1 + (steps >> 2));
}

function asFailure(error: unknown): BuiltinError | Error {
  if (error instanceof RegexSyntaxError || error instanceof GlobSyntaxError || error instanceof TemplateError) {
    return failure(error.message);
  }
  return error as Error;
}

function attempt<R>(run: () => R): R {
  try {
    return run();
  } catch (error) {
    throw asFailure(error);
  }
}

function patternOperand(args: readonly Value[], pos: number, ctx: BuiltinContext): Regex {
  const pattern = stringOperand(args, pos);
  ctx.budget.step(1 + (pattern.length >> 4));
  return attempt(() => compileRegex(pattern, charger(ctx)));
}

function match(args: readonly Value[], ctx: BuiltinContext): Value {
  const regex = patternOperand(args, 1, ctx);
  return regex.test(stringOperand(args, 2), charger(ctx));
}

function isValid(args: readonly Value[], ctx: BuiltinContext): Value {
  const pattern = operand(args, 1);
  if (typeof pattern !== 'string') return false;
  try {
    ctx.budget.step(1 + (pattern.length >> 4));
    compileRegex(pattern, charger(ctx));
    return true;
  } catch (error) {
    if (error instanceof RegexSyntaxError) return false;
    throw error;
  }
}

function split(args: readonly Value[], ctx: BuiltinContext): Value {
  const parts = patternOperand(args, 1, ctx).split(stringOperand(args, 2), charger(ctx));
  ctx.budget.alloc(parts.length);
  return parts;
}

function findN(args: readonly Value[], ctx: BuiltinContext): Value {
  const regex = patternOperand(args, 1, ctx);
  const text = stringOperand(args, 2);
  const found = regex.execAll(text, intOperand(args, 3), charger(ctx), 1);
  ctx.budget.alloc(found.length);
  return found.map((m) => text.slice(m[0], m[1]));
}

function findAllSubmatchN(args: readonly Value[], ctx: BuiltinContext): Value {
  const regex = patternOperand(args, 1, ctx);
  const text = stringOperand(args, 2);
  const found = regex.execAll(text, intOperand(args, 3), charger(ctx));
  ctx.budget.alloc(found.length * regex.groupNames.length);
  return found.map((m) => {
    const groups: string[] = [];
    for (let i = 0; i < m.length; i += 2) {
      const start = m[i] as number;
      groups.push(start < 0 ? '' : text.slice(start, m[i + 1]));
    }
    return groups;
  });
}

function replace(args: readonly Value[], ctx: BuiltinContext): Value {
  const text = stringOperand(args, 1);
  const regex = patternOperand(args, 2, ctx);
  // Every match may insert the whole template, so memory is charged while the text grows.
  return regex.replace(text, stringOperand(args, 3), charger(ctx), (n) => ctx.budget.alloc(n));
}

function templateMatch(args: readonly Value[], ctx: BuiltinContext): Value {
  const template = stringOperand(args, 1);
  const text = stringOperand(args, 2);
  const open = delimiter(stringOperand(args, 3), 'start');
  const close = delimiter(stringOperand(args, 4), 'end');
  return attempt(() => compileTemplate(template, open, close)).test(text, charger(ctx));
}

function delimiter(text: string, which: string): string {
  if (text.length !== 1) {
    throw failure(`${which} delimiter has to be exactly one character long but is ${codePointLength(text)} long`);
  }
  return text;
}

function globMatch(args: readonly Value[], ctx: BuiltinContext): Value {
  const pattern = stringOperand(args, 1);
  const delimiters = operand(args, 2) === null ? [] : delimitersOperand(args);
  const text = stringOperand(args, 3);
  ctx.budget.step(1 + (pattern.length >> 4));
  return attempt(() => compileGlob(pattern, delimiters)).test(text, charger(ctx));
}

function delimitersOperand(args: readonly Value[]): readonly string[] {
  const given = operand(args, 2);
  if (!Array.isArray(given)) throw operandError(2, ['array', 'null'], typeName(given));
  const list = arrayOperand(args, 2).map((item) => {
    if (typeof item !== 'string') throw operandError(2, 'array of strings', `array containing ${typeName(item)}`);
    if (codePointLength(item) !== 1) throw operandError(2, 'array of characters', 'array containing string');
    return item;
  });
  return list.length === 0 ? ['.'] : list;
}

function quoteMeta(args: readonly Value[], ctx: BuiltinContext): Value {
  const text = stringOperand(args, 1);
  ctx.budget.step(1 + (text.length >> 4));
  return quoteGlob(text);
}

/** `regex.*` and `glob.*`. All are pure and linear in the text. */
export const textBuiltins: readonly Builtin[] = [
  { name: 'regex.match', args: [T.string, T.string], result: T.boolean, impl: match },
  { name: 're_match', args: [T.string, T.string], result: T.boolean, deprecated: true, impl: match },
  { name: 'regex.is_valid', args: [T.string], result: T.boolean, impl: isValid },
  { name: 'regex.split', args: [T.string, T.string], result: T.array(T.string), impl: split },
  { name: 'regex.find_n', args: [T.string, T.string, T.number], result: T.array(T.string), impl: findN },
  {
    name: 'regex.find_all_string_submatch_n',
    args: [T.string, T.string, T.number],
    result: T.array(T.array(T.string)),
    impl: findAllSubmatchN,
  },
  { name: 'regex.replace', args: [T.string, T.string, T.string], result: T.string, impl: replace },
  {
    name: 'regex.template_match',
    args: [T.string, T.string, T.string, T.string],
    result: T.boolean,
    impl: templateMatch,
  },
  {
    name: 'glob.match',
    args: [T.string, T.union(T.null, T.array(T.string)), T.string],
    result: T.boolean,
    impl: globMatch,
  },
  { name: 'glob.quote_meta', args: [T.string], result: T.string, impl: quoteMeta },
];
