import { RegexSyntaxError } from './errors.js';
import { clean, negate, type Ranges } from './ranges.js';
import { classOf, foldRanges, PERL_CLASSES, POSIX_CLASSES, unicodeClass } from './unicode.js';

/** Parses `[...]` starting at `start`; returns the class and the index behind it. */
export function parseClass(text: string, start: number, fold: boolean): [Ranges, number] {
  let at = start + 1;
  const negated = text[at] === '^';
  if (negated) at++;
  const ranges: number[] = [];
  // `]` stands for itself as the first character.
  for (let first = true; at >= text.length || text[at] !== ']' || first; first = false) {
    if (text[at] === '[' && text[at + 1] === ':') {
      const end = text.indexOf(':]', at + 2);
      if (end >= 0) {
        pushAll(ranges, posixClass(text.slice(at, end + 2), fold));
        at = end + 2;
        continue;
      }
    }
    const named = parseNamedEscape(text, at, fold);
    if (named !== undefined) {
      pushAll(ranges, named[0]);
      at = named[1];
      continue;
    }
    const rangeStart = at;
    let lo: number;
    [lo, at] = classChar(text, at, start);
    let hi = lo;
    if (text[at] === '-' && at + 1 < text.length && text[at + 1] !== ']') {
      [hi, at] = classChar(text, at + 1, start);
      if (hi < lo) throw new RegexSyntaxError('charRange', text.slice(rangeStart, at));
    }
    pushAll(ranges, fold ? foldRanges([lo, hi]) : [lo, hi]);
  }
  const set = clean(ranges);
  return [negated ? negate(set) : set, at + 1];
}

function pushAll(target: number[], source: Ranges): void {
  for (const value of source) target.push(value);
}

function classChar(text: string, at: number, classStart: number): [number, number] {
  if (at >= text.length) throw new RegexSyntaxError('missingBracket', text.slice(classStart));
  if (text[at] === '\\') return parseEscape(text, at);
  const cp = text.codePointAt(at) as number;
  return [cp, at + (cp > 0xffff ? 2 : 1)];
}

function posixClass(name: string, fold: boolean): Ranges {
  const negated = name[2] === '^';
  const ranges = POSIX_CLASSES.get(name.slice(negated ? 3 : 2, -2));
  if (ranges === undefined) throw new RegexSyntaxError('charRange', name);
  return classOf(ranges, negated, fold);
}

/** `\d \s \w` and `\p{...}` with their complements; undefined when another escape (or none) stands here. */
export function parseNamedEscape(text: string, at: number, fold: boolean): [Ranges, number] | undefined {
  if (text[at] !== '\\') return undefined;
  const letter = text[at + 1];
  if (letter === undefined) return undefined;
  const perl = PERL_CLASSES.get(letter);
  if (perl !== undefined) return [classOf(perl.ranges, perl.negated, fold), at + 2];
  if (letter !== 'p' && letter !== 'P') return undefined;
  let name: string;
  let next: number;
  if (text[at + 2] === '{') {
    const end = text.indexOf('}', at);
    if (end < 0) throw new RegexSyntaxError('charRange', text.slice(at));
    name = text.slice(at + 3, end);
    next = end + 1;
  } else {
    const cp = text.codePointAt(at + 2);
    name = cp === undefined ? '' : String.fromCodePoint(cp);
    next = at + 2 + name.length;
  }
  let negated = letter === 'P';
  if (name.startsWith('^')) {
    negated = !negated;
    name = name.slice(1);
  }
  const ranges = unicodeClass(name);
  if (ranges === undefined) throw new RegexSyntaxError('charRange', text.slice(at, next));
  return [classOf(ranges, negated, fold), next];
}

const CONTROL_ESCAPES: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** A backslash escape that denotes one code point; returns it and the index behind it. */
export function parseEscape(text: string, at: number): [number, number] {
  const cp = text.codePointAt(at + 1);
  if (cp === undefined) throw new RegexSyntaxError('trailingBackslash', '');
  const char = String.fromCodePoint(cp);
  const next = at + 1 + char.length;
  // A single non-zero digit would be a back-reference, which no linear-time engine has.
  const octal = /^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(text.slice(at + 1, at + 4));
  if (octal !== null) return [Number.parseInt(octal[0], 8), at + 1 + octal[0].length];
  if (char === 'x') return parseHex(text, at);
  const control = Object.hasOwn(CONTROL_ESCAPES, char) ? CONTROL_ESCAPES[char] : undefined;
  if (control !== undefined) return [control, next];
  if (cp < 0x80 && !/[A-Za-z0-9]/.test(char)) return [cp, next];
  throw new RegexSyntaxError('escape', text.slice(at, next));
}

function parseHex(text: string, at: number): [number, number] {
  if (text[at + 2] === '{') {
    let value = 0;
    let i = at + 3;
    for (; /^[0-9A-Fa-f]$/.test(text[i] ?? '') && value <= 0x10ffff; i++) {
      value = value * 16 + Number.parseInt(text[i] as string, 16);
    }
    if (text[i] === '}' && i > at + 3 && value <= 0x10ffff) return [value, i + 1];
    throw new RegexSyntaxError('escape', text.slice(at, value > 0x10ffff ? i : i + 1));
  }
  const digits = /^[0-9A-Fa-f]{2}/.exec(text.slice(at + 2, at + 4));
  if (digits === null) throw new RegexSyntaxError('escape', text.slice(at, at + 4));
  return [Number.parseInt(digits[0], 16), at + 4];
}
