/** Plain scalars as go-yaml resolves them (YAML 1.1 booleans, Go's integer forms). */
import { normalizeInteger, numberFromText, type Value } from '../../../value/index.js';

const BOOLEANS: ReadonlyMap<string, boolean> = new Map(
  (['y', 'yes', 'true', 'on'] as const)
    .flatMap((word) => forms(word).map((form): [string, boolean] => [form, true]))
    .concat(['n', 'no', 'false', 'off'].flatMap((word) => forms(word).map((form): [string, boolean] => [form, false]))),
);
const NULLS: ReadonlySet<string> = new Set(['', '~', 'null', 'Null', 'NULL']);
const NOT_JSON = /^(?:[+-]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

function forms(word: string): string[] {
  const capital = (word[0] as string).toUpperCase() + word.slice(1);
  return word.length === 1 ? [word, word.toUpperCase()] : [word, capital, word.toUpperCase()];
}

/** A number with no JSON form. */
export class NotJsonError extends Error {
  override readonly name = 'NotJsonError';
}

/** The value of an unquoted scalar; a text that is nothing else is a string. Throws NotJsonError for infinities. */
export function resolvePlain(text: string): Value {
  if (NULLS.has(text)) return null;
  const truth = BOOLEANS.get(text);
  if (truth !== undefined) return truth;
  if (!/^[-+.0-9]/.test(text)) return text;
  if (NOT_JSON.test(text)) throw new NotJsonError(`json: unsupported value: ${text}`);
  return resolveNumber(text) ?? text;
}

/** Digits may be grouped by `_`; `0b`, `0x`, `0o` and a leading zero choose the base. */
export function resolveNumber(text: string): Value | undefined {
  const plain = text.replaceAll('_', '');
  const integer = /^([+-]?)(0b[01]+|0x[0-9a-fA-F]+|0o[0-7]+|0[0-7]+|0|[1-9][0-9]*)$/i.exec(plain);
  if (integer !== null) {
    const digits = integer[2] as string;
    const magnitude = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits.toLowerCase());
    return normalizeInteger(integer[1] === '-' ? -magnitude : magnitude);
  }
  if (!/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(plain)) return undefined;
  // Through a double, as Go does: the source text of a float is not kept.
  const double = Number(plain);
  return Number.isFinite(double) ? numberFromText(String(double).replace('e+', 'e')) : undefined;
}
