/** The predefined functions of Go's `text/template`. */
import {
  codePointLength,
  codePoints,
  compareNumbers,
  compareStrings,
  display,
  equals,
  formatNumber,
  isArray,
  isNumber,
  isObject,
  objectEntries,
  objectGet,
  objectSize,
  toSafeInteger,
  typeName,
  type Value,
} from '../../../value/index.js';
import { escapeQuery } from '../../core/encoding.js';
import { TemplateFailure } from './lex.js';

export type TemplateFunction = (args: readonly Value[]) => Value;

/** A value as `{{.}}` prints it: strings raw, lists as `[a b]`, maps as `map[k:v]`, nothing as `<no value>`. */
export function printed(value: Value): string {
  return value === null ? '<no value>' : inner(value);
}

function inner(value: Value): string {
  if (value === null) return '<nil>';
  if (isNumber(value)) return formatNumber(value);
  if (isArray(value)) return `[${value.map(inner).join(' ')}]`;
  if (isObject(value)) {
    return `map[${objectEntries(value)
      .map(({ key, value: member }) => `${display(key)}:${inner(member)}`)
      .join(' ')}]`;
  }
  return display(value);
}

/** Empty things, zero, false and nothing are false. */
export function truth(value: Value): boolean {
  if (value === null || value === false || value === '') return false;
  if (isNumber(value)) return compareNumbers(value, 0) !== 0;
  if (isArray(value)) return value.length > 0;
  return isObject(value) ? objectSize(value) > 0 : true;
}

function wrong(name: string, text: string): TemplateFailure {
  return new TemplateFailure(`error calling ${name}: ${text}`);
}

function argument(args: readonly Value[], i: number, name: string): Value {
  const value = args[i];
  if (value === undefined) throw new TemplateFailure(`wrong number of args for ${name}`);
  return value;
}

function position(value: Value, limit: number, name: string): number {
  const index = isNumber(value) ? toSafeInteger(value) : undefined;
  if (index === undefined) throw wrong(name, `cannot index slice/array with type ${typeName(value)}`);
  if (index < 0 || index > limit) throw wrong(name, `index out of range: ${index}`);
  return index;
}

function index(args: readonly Value[]): Value {
  let current = argument(args, 0, 'index');
  for (const key of args.slice(1)) {
    if (isArray(current)) current = current[position(key, current.length - 1, 'index')] as Value;
    else if (isObject(current)) current = objectGet(current, key) ?? null;
    else if (typeof current === 'string') {
      const points: readonly string[] = codePoints(current);
      current = (points[position(key, points.length - 1, 'index')] as string).codePointAt(0) as number;
    } else throw wrong('index', `can't index item of type ${typeName(current)}`);
  }
  return current;
}

function slice(args: readonly Value[]): Value {
  const item = argument(args, 0, 'slice');
  const list = typeof item === 'string' ? codePoints(item) : item;
  if (!isArray(list)) throw wrong('slice', `can't slice item of type ${typeName(item)}`);
  const from = args.length > 1 ? position(argument(args, 1, 'slice'), list.length, 'slice') : 0;
  const to = args.length > 2 ? position(argument(args, 2, 'slice'), list.length, 'slice') : list.length;
  if (from > to) throw wrong('slice', `invalid slice index: ${from} > ${to}`);
  const part = list.slice(from, to);
  return typeof item === 'string' ? part.join('') : part;
}

function length(args: readonly Value[]): Value {
  const item = argument(args, 0, 'len');
  if (typeof item === 'string') return codePointLength(item);
  if (isArray(item)) return item.length;
  if (isObject(item)) return objectSize(item);
  throw wrong('len', `len of type ${typeName(item)}`);
}

function comparable(value: Value, name: string): Value {
  if (isArray(value) || isObject(value)) throw wrong(name, 'non-comparable type');
  return value;
}

function equal(args: readonly Value[], name: string): boolean {
  const first = comparable(argument(args, 0, name), name);
  if (args.length < 2) throw wrong(name, 'missing argument for comparison');
  return args.slice(1).some((other) => {
    const value = comparable(other, name);
    if (first !== null && value !== null && typeName(first) !== typeName(value)) {
      throw wrong(name, 'incompatible types for comparison');
    }
    return equals(first, value);
  });
}

function order(args: readonly Value[], name: string): number {
  const [a, b] = [argument(args, 0, name), argument(args, 1, name)];
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b);
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  throw wrong(
    name,
    isNumber(a) || typeof a === 'string' ? 'incompatible types for comparison' : 'invalid type for comparison',
  );
}

/** Go's Sprint: a space between operands when neither is a string. */
function sprint(args: readonly Value[]): string {
  return args
    .map((value, i) => {
      const before = args[i - 1];
      return (i > 0 && typeof before !== 'string' && typeof value !== 'string' ? ' ' : '') + inner(value);
    })
    .join('');
}

const HTML: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&#34;',
  "'": '&#39;',
  '\u0000': '\ufffd',
};
const JS: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};

/** `and`, `or` and `printf` are the interpreter's own: the first two do not evaluate what they need not. */
export const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['not', (args) => !truth(argument(args, 0, 'not'))],
  ['len', length],
  ['index', index],
  ['slice', slice],
  ['print', sprint],
  ['println', (args) => `${args.map(inner).join(' ')}\n`],
  ['eq', (args) => equal(args, 'eq')],
  ['ne', (args) => !equal(args.slice(0, 2), 'ne')],
  ['lt', (args) => order(args, 'lt') < 0],
  ['le', (args) => order(args, 'le') <= 0],
  ['gt', (args) => order(args, 'gt') > 0],
  ['ge', (args) => order(args, 'ge') >= 0],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is among the escaped characters
  ['html', (args) => sprint(args).replace(/[<>&"'\u0000]/g, (c) => HTML[c] as string)],
  [
    'js',
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are escaped
    (args) => sprint(args).replace(/[\\'"<>&=\u0000-\u001f]/g, (c) => JS[c] ?? `\\u${hex4(c)}`),
  ],
  ['urlquery', (args) => escapeQuery(sprint(args))],
]);

function hex4(char: string): string {
  return char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
}
