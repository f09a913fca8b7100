/** A JSON reader that keeps numbers exact and words its errors as Go's encoding/json does. */
import { numberFromText } from './number.js';
import { wellFormed } from './strings.js';
import { utf8Encode } from './utf8.js';
import type { Value } from './value.js';

interface JsonLimits {
  /** Nesting, default 1000. */
  readonly maxDepth?: number;
  /** UTF-16 units of text, default 64 Mi. */
  readonly maxLength?: number;
}

/** The text is not JSON, or beyond a limit; `offset` counts UTF-16 units. */
export class JsonSyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = 'JsonSyntaxError';
    this.offset = offset;
  }
}

/**
 * Parses one JSON document (RFC 8259). Duplicate keys: the last wins. Lone surrogates become U+FFFD.
 * @throws JsonSyntaxError
 */
export function parseJson(text: string, limits: JsonLimits = {}): Value {
  if (text.length > (limits.maxLength ?? 64 * 1024 * 1024)) throw new JsonSyntaxError('document is too long', 0);
  const parser = new Parser(text, limits.maxDepth ?? 1_000);
  return parser.document();
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const NUMBER_PREFIX = /-?(?:(?:0|[1-9]\d*)(?:\.(?:\d+(?:[eE][+-]?)?)?|[eE][+-]?)?)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters end a run of ordinary ones
const PLAIN_RUN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Parser {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  document(): Value {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected('after top-level value');
    return value;
  }

  #space(): void {
    for (;;) {
      const c = this.#text.charCodeAt(this.#at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
      this.#at++;
    }
  }

  #unexpected(where: string, at = this.#at): JsonSyntaxError {
    const cp = this.#text.codePointAt(at);
    if (cp === undefined) return new JsonSyntaxError('unexpected end of JSON input', at);
    return new JsonSyntaxError(`invalid character ${goByte(cp)} ${where}`, at);
  }

  #value(depth: number): Value {
    if (depth > this.#maxDepth) throw new JsonSyntaxError('exceeded max depth', this.#at);
    this.#space();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #word(word: string, value: Value): Value {
    for (let i = 0; i < word.length; i++) {
      if (this.#text[this.#at + i] !== word[i]) {
        throw this.#unexpected(`in literal ${word} (expecting '${word[i] ?? ''}')`, this.#at + i);
      }
    }
    this.#at += word.length;
    return value;
  }

  #number(): Value {
    NUMBER.lastIndex = this.#at;
    const m = NUMBER.exec(this.#text);
    if (m === null) {
      NUMBER_PREFIX.lastIndex = this.#at;
      const prefix = NUMBER_PREFIX.exec(this.#text)?.[0] ?? '';
      if (prefix === '') throw this.#unexpected('looking for beginning of value');
      throw this.#unexpected('in numeric literal', this.#at + prefix.length);
    }
    const end = this.#at + m[0].length;
    const next = this.#text[end];
    // The pattern stops before a broken fraction or exponent; Go reports the character after it.
    if (next === '.' && !/[.eE]/.test(m[0])) throw this.#unexpected('after decimal point in numeric literal', end + 1);
    if ((next === 'e' || next === 'E') && !/[eE]/.test(m[0])) {
      const sign = /[+-]/.test(this.#text[end + 1] ?? '') ? 1 : 0;
      throw this.#unexpected('in exponent of numeric literal', end + 1 + sign);
    }
    const value = numberFromText(m[0]);
    if (value === undefined) throw new JsonSyntaxError('number is out of range', this.#at);
    this.#at = end;
    return value;
  }

  #string(): string {
    this.#at++;
    let out = '';
    let escaped = false;
    for (;;) {
      PLAIN_RUN.lastIndex = this.#at;
      const run = PLAIN_RUN.exec(this.#text)?.[0] ?? '';
      out += run;
      this.#at += run.length;
      const c = this.#text[this.#at];
      if (c === '"') {
        this.#at++;
        return escaped ? wellFormed(out) : out;
      }
      if (c !== '\\') throw this.#unexpected('in string literal');
      escaped = true;
      out += this.#escape();
    }
  }

  #escape(): string {
    const c = this.#text[this.#at + 1] ?? '';
    if (c === 'u') {
      for (let i = 2; i < 6; i++) {
        if (!/[0-9a-fA-F]/.test(this.#text[this.#at + i] ?? '')) {
          throw this.#unexpected('in \\u hexadecimal character escape', this.#at + i);
        }
      }
      const unit = Number.parseInt(this.#text.slice(this.#at + 2, this.#at + 6), 16);
      this.#at += 6;
      return String.fromCharCode(unit);
    }
    const plain = ESCAPES[c];
    if (plain === undefined) throw this.#unexpected('in string escape code', this.#at + 1);
    this.#at += 2;
    return plain;
  }

  #array(depth: number): Value {
    this.#at++;
    const out: Value[] = [];
    this.#space();
    if (this.#text[this.#at] === ']') {
      this.#at++;
      return out;
    }
    for (;;) {
      out.push(this.#value(depth + 1));
      this.#space();
      const c = this.#text[this.#at];
      if (c === ']') {
        this.#at++;
        return out;
      }
      if (c !== ',') throw this.#unexpected('after array element');
      this.#at++;
    }
  }

  #object(depth: number): Value {
    this.#at++;
    const out: Record<string, Value> = {};
    this.#space();
    if (this.#text[this.#at] === '}') {
      this.#at++;
      return out;
    }
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') throw this.#unexpected('looking for beginning of object key string');
      const key = this.#string();
      this.#space();
      if (this.#text[this.#at] !== ':') throw this.#unexpected('after object key');
      this.#at++;
      const value = this.#value(depth + 1);
      if (key === '__proto__') {
        Object.defineProperty(out, key, { value, enumerable: true, writable: true, configurable: true });
      } else {
        out[key] = value;
      }
      this.#space();
      const c = this.#text[this.#at];
      if (c === '}') {
        this.#at++;
        return out;
      }
      if (c !== ',') throw this.#unexpected('after object key:value pair');
      this.#at++;
    }
  }
}

/** A character as Go's error texts show it: by the first byte of its UTF-8 form, read as Latin-1. */
function goByte(point: number): string {
  const cp = utf8Encode(String.fromCodePoint(point))[0] ?? point;
  const ch = String.fromCodePoint(cp);
  if (ch === "'") return "'\\''";
  if (ch === '\\') return "'\\\\'";
  const short = ({ 7: 'a', 8: 'b', 9: 't', 10: 'n', 11: 'v', 12: 'f', 13: 'r' } as Record<number, string>)[cp];
  if (short !== undefined) return `'\\${short}'`;
  if (cp < 0x20 || cp === 0x7f) return `'\\x${cp.toString(16).padStart(2, '0')}'`;
  return `'${ch}'`;
}
