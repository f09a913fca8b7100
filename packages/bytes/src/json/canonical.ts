import { DecodeError } from '../decode-error.js';
import { isJsonArray, type JsonValue } from './value.js';

/** Deeper values than this are refused before the call stack is at risk. */
const MAX_DEPTH = 512;

/**
 * The canonical text of a JSON value, RFC 8785 (JCS): no white space, members sorted by UTF-16 code units at every level, numbers and
 * string escapes as ECMAScript writes them. Hash its UTF-8 bytes.
 *
 * @throws DecodeError for what RFC 8785 section 3.2 has no text for: lone surrogates, NaN, infinities, values that are not JSON,
 *   nesting beyond 512.
 */
export function canonicalJson(value: JsonValue): string {
  return write(value, 0);
}

function write(value: JsonValue, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      if (!Number.isFinite(value)) throw refuse(`${value} is not a JSON number`);
      // ECMAScript Number::toString is the number format of RFC 8785 section 3.2.2.3, and -0 prints as 0 in both.
      return String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : writeComposite(value, depth + 1);
    default:
      throw refuse(`a ${typeof value} is not a JSON value`);
  }
}

function writeComposite(value: JsonValue & object, depth: number): string {
  if (depth > MAX_DEPTH) throw refuse(`nesting is deeper than ${MAX_DEPTH}`);
  if (isJsonArray(value)) return `[${Array.from(value, (element) => write(element, depth)).join(',')}]`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw refuse('an instance of a class is not a JSON value');
  // Default sort order of ECMAScript is by UTF-16 code units, which is what section 3.2.3 asks for.
  const members = Object.keys(value).sort();
  const texts = members.map((member) => {
    const element = value[member];
    if (element === undefined) throw refuse('an undefined member is not a JSON value');
    return `${writeString(member)}:${write(element, depth)}`;
  });
  return `{${texts.join(',')}}`;
}

function writeString(text: string): string {
  // JSON.stringify would write a lone surrogate as an escape; RFC 8785 section 3.2.2.2 wants an error.
  if (/\p{Surrogate}/u.test(text)) throw refuse('a string holds a lone surrogate');
  return JSON.stringify(text);
}

function refuse(reason: string): DecodeError {
  return new DecodeError('canonical JSON', reason);
}
