/** The Rego-like text of values, as templates, `sprintf("%v")` and `print` show them. */
import { checkDepth, MAX_TEXT_LENGTH, MAX_WALK_NODES, ResourceLimitError } from './limits.js';
import { formatNumber, RegoDecimal } from './number.js';
import { wellFormed } from './strings.js';
import { isObject, objectEntries, RegoSet, type Value } from './value.js';

/** Pieces joined at a time: neither a list of millions nor a rope as deep. */
const CHUNK = 4_096;

/** A bounded text builder: shared structure may print exponentially long. */
export class TextSink {
  readonly #chunks: string[] = [];
  #pieces: string[] = [];
  #length = 0;
  #count = 0;

  push(text: string): void {
    this.#length += text.length;
    if (++this.#count > MAX_WALK_NODES || this.#length > MAX_TEXT_LENGTH) {
      throw new ResourceLimitError('value is too large to print');
    }
    this.#pieces.push(text);
    if (this.#pieces.length === CHUNK) {
      this.#chunks.push(this.#pieces.join(''));
      this.#pieces = [];
    }
  }

  toString(): string {
    return this.#chunks.join('') + this.#pieces.join('');
  }
}

/** A string with JSON escapes, in quotes. */
export function quote(text: string): string {
  return JSON.stringify(wellFormed(text));
}

/** `[1, "a", {"k": true}]`, `{1, 2}`, `set()`, `{}`; strings are quoted, at the top level too. */
export function print(v: Value): string {
  switch (typeof v) {
    case 'string':
      return quote(v);
    case 'number':
    case 'bigint':
      return formatNumber(v);
    case 'boolean':
      return v ? 'true' : 'false';
    default: {
      const sink = new TextSink();
      printInto(v, sink, 0);
      return sink.toString();
    }
  }
}

/** As {@link print}, but a bare string prints raw: templates, `%s`, `%v`, `print`. */
export function display(v: Value): string {
  return typeof v === 'string' ? v : print(v);
}

function printInto(v: Value, sink: TextSink, depth: number): void {
  checkDepth(depth);
  if (v === null || typeof v === 'boolean') sink.push(String(v));
  else if (typeof v === 'string') sink.push(quote(v));
  else if (typeof v === 'number' || typeof v === 'bigint' || v instanceof RegoDecimal) sink.push(formatNumber(v));
  else if (Array.isArray(v)) printList('[', v, ']', sink, depth);
  else if (v instanceof RegoSet) {
    if (v.size === 0) sink.push('set()');
    else printList('{', v.values(), '}', sink, depth);
  } else if (isObject(v)) {
    sink.push('{');
    let first = true;
    for (const { key, value } of objectEntries(v)) {
      if (!first) sink.push(', ');
      first = false;
      printInto(key, sink, depth + 1);
      sink.push(': ');
      printInto(value, sink, depth + 1);
    }
    sink.push('}');
  }
}

function printList(open: string, items: readonly Value[], close: string, sink: TextSink, depth: number): void {
  sink.push(open);
  items.forEach((item, i) => {
    if (i > 0) sink.push(', ');
    printInto(item, sink, depth + 1);
  });
  sink.push(close);
}
