/**
 * Text to tokens, in one pass, without backtracking.
 *
 * A lexical error becomes an `illegal` token that carries its message, so that the parser can report it where it matters and
 * go on with the next rule.
 */
import type { Comment } from '../ast/types.js';
import type { Punctuation, Token, TokenKind } from './tokens.js';

export interface LexResult {
  /** Ends with an `eof` token. */
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
}

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const DOLLAR = 36;
const BACKSLASH = 92;
const BACKQUOTE = 96;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const BOM = 0xfeff;

const twoCharacters: ReadonlySet<string> = new Set([':=', '==', '!=', '<=', '>=']);
const oneCharacter: ReadonlySet<string> = new Set([...'=<>+-*/%&|,;:.()[]{}']);

const isLetter = (c: number): boolean => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95;
const isDigit = (c: number): boolean => c >= 48 && c <= 57;

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

interface Literal {
  readonly value: string;
  readonly error?: string;
}

/** Lone surrogates stand for no character: they become U+FFFD, as in Go. */
const loneSurrogate = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

export class Lexer {
  readonly #text: string;
  readonly #file: string;
  readonly #tokens: Token[] = [];
  readonly #comments: Comment[] = [];
  /** One entry per open template hole: how many braces are open in it, and whether its template is raw. */
  readonly #holes: { depth: number; raw: boolean }[] = [];
  readonly #hasAstral: boolean;
  #at = 0;
  #row = 1;
  #lineStart = 0;
  #space = false;
  #newline = false;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
    this.#hasAstral = /[\uD800-\uDFFF]/.test(text);
  }

  run(): LexResult {
    if (this.#text.charCodeAt(0) === BOM) {
      this.#at = 1;
      this.#lineStart = 1;
    }
    while (this.#step());
    return { tokens: this.#tokens, comments: this.#comments };
  }

  /** Reads white space, a comment, or one token; false at the end of the text. */
  #step(): boolean {
    const text = this.#text;
    const start = this.#at;
    if (start >= text.length) {
      const open = this.#holes.length > 0;
      if (open) this.#push('illegal', start, 'non-terminated string');
      this.#push('eof', start, '');
      return false;
    }
    const c = text.charCodeAt(start);
    if (c === SPACE || c === TAB || c === CR) {
      this.#at++;
      this.#space = true;
    } else if (c === LF) {
      this.#at++;
      this.#lineBreak();
      this.#space = true;
      this.#newline = true;
    } else if (c === HASH) {
      this.#comment();
    } else if (isLetter(c)) {
      while (this.#wordFollows()) this.#at++;
      this.#push('ident', start, text.slice(start, this.#at));
    } else if (isDigit(c)) {
      this.#number();
    } else if (c === QUOTE) {
      this.#string();
    } else if (c === BACKQUOTE) {
      this.#rawString();
    } else if (c === DOLLAR && (text.charCodeAt(start + 1) === QUOTE || text.charCodeAt(start + 1) === BACKQUOTE)) {
      this.#at += 2;
      this.#template('template-start', start, text.charCodeAt(start + 1) === BACKQUOTE);
    } else if (c === CLOSE_BRACE && this.#holes.at(-1)?.depth === 0) {
      const hole = this.#holes.pop();
      this.#at++;
      this.#template('template-continue', start, hole?.raw === true);
    } else {
      this.#punctuation(c);
    }
    return true;
  }

  #wordFollows(): boolean {
    const c = this.#text.charCodeAt(this.#at);
    return isLetter(c) || isDigit(c);
  }

  #lineBreak(): void {
    this.#row++;
    this.#lineStart = this.#at;
  }

  #column(offset: number, lineStart: number): number {
    if (!this.#hasAstral) return offset - lineStart + 1;
    let col = 1;
    for (let i = lineStart; i < offset; i++) {
      const c = this.#text.charCodeAt(i);
      if (c < 0xdc00 || c > 0xdfff) col++;
    }
    return col;
  }

  #push(kind: TokenKind, start: number, text: string, options: { raw?: boolean; hole?: boolean } = {}): void {
    this.#pushAt(kind, start, this.#row, this.#lineStart, text, options);
  }

  #pushAt(
    kind: TokenKind,
    start: number,
    row: number,
    lineStart: number,
    text: string,
    options: { raw?: boolean; hole?: boolean } = {},
  ): void {
    this.#tokens.push({
      kind,
      start,
      end: this.#at,
      row,
      col: this.#column(start, lineStart),
      text,
      spaceBefore: this.#space,
      newlineBefore: this.#newline,
      raw: options.raw === true,
      hole: options.hole === true,
    });
    this.#space = false;
    this.#newline = false;
  }

  #comment(): void {
    const start = this.#at;
    let end = this.#text.indexOf('\n', start);
    if (end < 0) end = this.#text.length;
    this.#at = end;
    const last = this.#text.charCodeAt(end - 1) === CR ? end - 1 : end;
    this.#comments.push({
      kind: 'comment',
      text: this.#text.slice(start + 1, last),
      loc: { file: this.#file, row: this.#row, col: this.#column(start, this.#lineStart), offset: start, end: last },
    });
    this.#space = true;
  }

  #digits(): boolean {
    const start = this.#at;
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#at > start;
  }

  #number(): void {
    const text = this.#text;
    const start = this.#at;
    let error: string | undefined;
    this.#digits();
    if (text[this.#at] === '.') {
      this.#at++;
      if (!this.#digits()) error = 'expected fraction';
    }
    if (error === undefined && (text[this.#at] === 'e' || text[this.#at] === 'E')) {
      this.#at++;
      if (text[this.#at] === '+' || text[this.#at] === '-') this.#at++;
      if (!this.#digits()) error = 'expected exponent';
    }
    if (isLetter(text.charCodeAt(this.#at))) {
      error ??= 'illegal number format';
      while (this.#wordFollows()) this.#at++;
    }
    if (error !== undefined) this.#push('illegal', start, error);
    else this.#push('number', start, text.slice(start, this.#at));
  }

  #string(): void {
    const text = this.#text;
    const start = this.#at;
    for (this.#at++; ; this.#at++) {
      const c = text.charCodeAt(this.#at);
      if (this.#at >= text.length || c === LF) {
        this.#push('illegal', start, 'non-terminated string');
        return;
      }
      if (c === QUOTE) break;
      if (c === BACKSLASH && text.charCodeAt(this.#at + 1) !== LF) this.#at++;
    }
    const inner = text.slice(start + 1, this.#at);
    this.#at++;
    const literal = resolveEscapes(inner, false);
    if (literal.error !== undefined) this.#push('illegal', start, literal.error);
    else this.#push('string', start, literal.value);
  }

  #rawString(): void {
    const start = this.#at;
    const { row, lineStart } = this.#place();
    const end = this.#text.indexOf('`', start + 1);
    this.#at = end < 0 ? this.#text.length : end + 1;
    this.#countLines(start);
    if (end < 0) {
      this.#pushAt('illegal', start, row, lineStart, 'non-terminated string');
      return;
    }
    const literal = checkRaw(this.#text.slice(start + 1, end));
    if (literal.error !== undefined) this.#pushAt('illegal', start, row, lineStart, literal.error);
    else this.#pushAt('string', start, row, lineStart, literal.value, { raw: true });
  }

  #place(): { row: number; lineStart: number } {
    return { row: this.#row, lineStart: this.#lineStart };
  }

  #countLines(from: number): void {
    for (let i = this.#text.indexOf('\n', from); i >= 0 && i < this.#at; i = this.#text.indexOf('\n', i + 1)) {
      this.#row++;
      this.#lineStart = i + 1;
    }
  }

  /** Reads the literal text after `$"` or after the `}` of a hole, up to the closing quote or the next `{`. */
  #template(kind: 'template-start' | 'template-continue', start: number, raw: boolean): void {
    const text = this.#text;
    const { row, lineStart } = this.#place();
    const from = this.#at;
    const quote = raw ? BACKQUOTE : QUOTE;
    for (; ; this.#at++) {
      const c = text.charCodeAt(this.#at);
      if (this.#at >= text.length || (c === LF && !raw)) {
        this.#countLines(start);
        this.#pushAt('illegal', start, row, lineStart, 'non-terminated string');
        return;
      }
      if (c === quote || c === OPEN_BRACE) break;
      if (c === BACKSLASH) {
        const next = text.charCodeAt(this.#at + 1);
        if (raw ? next === OPEN_BRACE : next !== LF) this.#at++;
      }
    }
    const hole = text.charCodeAt(this.#at) === OPEN_BRACE;
    const inner = text.slice(from, this.#at);
    this.#at++;
    this.#countLines(start);
    const literal = raw ? checkRaw(inner.replaceAll('\\{', '{')) : resolveEscapes(inner, true);
    if (hole) this.#holes.push({ depth: 0, raw });
    if (literal.error !== undefined) this.#pushAt('illegal', start, row, lineStart, literal.error);
    else this.#pushAt(kind, start, row, lineStart, literal.value, { raw, hole });
  }

  #punctuation(c: number): void {
    const start = this.#at;
    const two = this.#text.slice(start, start + 2);
    if (twoCharacters.has(two)) {
      this.#at += 2;
      this.#push(two as Punctuation, start, two);
      return;
    }
    const one = two.charAt(0);
    if (oneCharacter.has(one)) {
      this.#at++;
      const hole = this.#holes.at(-1);
      if (hole && c === OPEN_BRACE) hole.depth++;
      if (hole && c === CLOSE_BRACE) hole.depth--;
      this.#push(one as Punctuation, start, one);
      return;
    }
    this.#at += (this.#text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1;
    this.#push('illegal', start, illegalCharacter(c, one));
  }
}

function illegalCharacter(c: number, text: string): string {
  if (c === 0) return 'illegal null character';
  if (c === BOM) return 'illegal byte-order mark';
  return text === '!' || text === '$' ? `illegal ${text} character` : 'illegal token';
}

function checkRaw(inner: string): Literal {
  if (inner.includes('\0')) return { value: '', error: 'illegal null character' };
  return { value: inner.replace(loneSurrogate, '\uFFFD') };
}

/** Resolves the escapes of a quoted string; `\{` only in templates. */
function resolveEscapes(inner: string, template: boolean): Literal {
  if (inner.includes('\0')) return { value: '', error: 'illegal null character' };
  if (!inner.includes('\\')) return { value: inner.replace(loneSurrogate, '\uFFFD') };
  let value = '';
  for (let i = 0; i < inner.length; i++) {
    const c = inner.charAt(i);
    if (c !== '\\') {
      value += c;
      continue;
    }
    i++;
    const code = inner.charAt(i);
    const simple = escapes[code];
    if (simple !== undefined) {
      value += simple;
    } else if (code === '{' && template) {
      value += '{';
    } else if (code === 'u') {
      const hex = inner.slice(i + 1, i + 5);
      if (!/^[0-9A-Fa-f]{4}$/.test(hex)) return { value: '', error: 'illegal escape sequence' };
      value += String.fromCharCode(Number.parseInt(hex, 16));
      i += 4;
    } else {
      return { value: '', error: 'illegal escape sequence' };
    }
  }
  return { value: value.replace(loneSurrogate, '\uFFFD') };
}

export function lex(text: string, file = ''): LexResult {
  return new Lexer(text, file).run();
}
