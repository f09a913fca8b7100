import { decodeUtf8 } from '../codec/utf8.js';
import { DecodeError } from '../decode-error.js';
import type { JsonValue } from './value.js';

export interface JsonLimits {
  /** Nesting of arrays and objects; default 64. */
  readonly maxDepth?: number;
  /** Size of the text in UTF-8 bytes; default 8 MiB. */
  readonly maxBytes?: number;
  /**
   * Integers beyond ±(2^53 − 1) lose digits as JavaScript numbers: `reject` (default) refuses them, `round` keeps the nearest double as
   * JSON.parse does. Evidence is compared bit by bit, so nothing is rounded unless the caller asks.
   */
  readonly unsafeIntegers?: 'reject' | 'round';
}

export const JSON_DEFAULT_MAX_DEPTH = 64;
export const JSON_DEFAULT_MAX_BYTES = 8 * 1024 * 1024;

/**
 * Parses one JSON text (RFC 8259, restricted to I-JSON, RFC 7493): no duplicate members, no lone surrogates, no byte order mark, nothing
 * after the value, bounded size and depth. `__proto__` is an ordinary member.
 *
 * @param input the text, or its UTF-8 bytes
 * @throws DecodeError with the UTF-16 index of the fault.
 */
export function parseJsonStrict(input: string | Uint8Array, limits: JsonLimits = {}): JsonValue {
  const maxBytes = limits.maxBytes ?? JSON_DEFAULT_MAX_BYTES;
  const size = typeof input === 'string' ? Buffer.byteLength(input) : input.length;
  if (size > maxBytes) throw new DecodeError('JSON', `text is ${size} bytes; at most ${maxBytes}`);
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  return new Parser(text, limits.maxDepth ?? JSON_DEFAULT_MAX_DEPTH, limits.unsafeIntegers ?? 'reject').document();
}

const QUOTE = 0x22;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
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
  readonly #unsafeIntegers: 'reject' | 'round';
  #at = 0;

  constructor(text: string, maxDepth: number, unsafeIntegers: 'reject' | 'round') {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#unsafeIntegers = unsafeIntegers;
  }

  document(): JsonValue {
    this.#space();
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#text.length) throw this.#fault('text goes on after the value');
    return value;
  }

  #value(depth: number): JsonValue {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth + 1);
      case '[':
        return this.#array(depth + 1);
      case '"':
        return this.#string();
      case 't':
        return this.#literal('true', true);
      case 'f':
        return this.#literal('false', false);
      case 'n':
        return this.#literal('null', null);
      case undefined:
        throw this.#fault('text ends where a value is due');
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonValue {
    this.#enter(depth);
    const object: Record<string, JsonValue> = {};
    if (this.#closes('}')) return object;
    for (;;) {
      const memberAt = this.#at;
      if (this.#text[this.#at] !== '"') throw this.#fault('member name is due');
      const member = this.#string();
      if (Object.hasOwn(object, member)) throw new DecodeError('JSON', 'member name occurs twice', memberAt);
      this.#space();
      if (this.#text[this.#at] !== ':') throw this.#fault('":" is due');
      this.#at += 1;
      this.#space();
      const value = this.#value(depth);
      if (member === '__proto__') {
        // Assignment would set the prototype.
        Object.defineProperty(object, member, { value, writable: true, enumerable: true, configurable: true });
      } else {
        object[member] = value;
      }
      if (this.#separates('}')) return object;
    }
  }

  #array(depth: number): JsonValue {
    this.#enter(depth);
    const array: JsonValue[] = [];
    if (this.#closes(']')) return array;
    for (;;) {
      array.push(this.#value(depth));
      if (this.#separates(']')) return array;
    }
  }

  #enter(depth: number): void {
    if (depth > this.#maxDepth) throw this.#fault(`nesting is deeper than ${this.#maxDepth}`);
    this.#at += 1;
    this.#space();
  }

  #closes(bracket: string): boolean {
    if (this.#text[this.#at] !== bracket) return false;
    this.#at += 1;
    return true;
  }

  /** Reads `,` (false) or the closing bracket (true) after an element. */
  #separates(bracket: string): boolean {
    this.#space();
    if (this.#closes(bracket)) return true;
    if (this.#text[this.#at] !== ',') throw this.#fault(`"," or "${bracket}" is due`);
    this.#at += 1;
    this.#space();
    return false;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at;
    let result = '';
    let chunk = start + 1;
    let at = chunk;
    let surrogates = false;
    for (;;) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) break;
      if (unit === 0x5c) {
        result += text.slice(chunk, at);
        this.#at = at;
        result += this.#escape();
        surrogates = true;
        at = this.#at;
        chunk = at;
      } else if (unit >= 0x20) {
        surrogates ||= unit >= 0xd800 && unit <= 0xdfff;
        at += 1;
      } else {
        this.#at = at;
        throw this.#fault(Number.isNaN(unit) ? 'text ends inside a string' : 'control character inside a string');
      }
    }
    result += text.slice(chunk, at);
    this.#at = at + 1;
    // Pairing is judged on the whole string, and only where an escape or a surrogate makes it a question.
    if (surrogates && /\p{Surrogate}/u.test(result))
      throw new DecodeError('JSON', 'string holds a lone surrogate', start);
    return result;
  }

  /** One escape sequence; `\uD83D\uDE00` is two of them, whose pairing the caller checks. */
  #escape(): string {
    const kind = this.#text[this.#at + 1] ?? '';
    if (kind === 'u') {
      HEX4.lastIndex = this.#at + 2;
      const digits = HEX4.exec(this.#text)?.[0];
      if (digits === undefined) throw this.#fault('\\u needs four hexadecimal digits');
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const character = Object.hasOwn(SIMPLE_ESCAPES, kind) ? SIMPLE_ESCAPES[kind] : undefined;
    if (character === undefined) throw this.#fault('unknown escape');
    this.#at += 2;
    return character;
  }

  #number(): number {
    return this.#digits() ?? this.#anyNumber();
  }

  /** An integer of at most 15 digits without a sign, which most numbers are; undefined for everything else, faults included. */
  #digits(): number | undefined {
    const text = this.#text;
    const start = this.#at;
    let at = start;
    let value = 0;
    for (let unit = text.charCodeAt(at) - 0x30; unit >= 0 && unit <= 9; unit = text.charCodeAt(at) - 0x30) {
      value = value * 10 + unit;
      at += 1;
    }
    const length = at - start;
    if (length === 0 || length > 15 || (length > 1 && text.charCodeAt(start) === 0x30)) return undefined;
    const next = text.charCodeAt(at);
    // A fraction or an exponent follows.
    if (next === 0x2e || next === 0x65 || next === 0x45) return undefined;
    this.#at = at;
    return value;
  }

  #anyNumber(): number {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#fault('a value is due');
    const value = Number(match[0]);
    if (!Number.isFinite(value)) throw this.#fault('number is out of range');
    const integer = match[1] === undefined && match[2] === undefined;
    if (integer && this.#unsafeIntegers === 'reject' && !Number.isSafeInteger(value)) {
      throw this.#fault('integer is beyond 2^53 - 1 and would lose digits');
    }
    this.#at += match[0].length;
    return value;
  }

  #literal<T extends boolean | null>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#fault('a value is due');
    this.#at += word.length;
    return value;
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at += 1;
    }
  }

  #fault(reason: string): DecodeError {
    return new DecodeError('JSON', reason, this.#at);
  }
}
