import { DecodeError, type JsonObject, type JsonValue } from '@assay/bytes';
import { parse, TomlDate, TomlError, type TomlValue } from 'smol-toml';

const MAX_DEPTH = 32;

/**
 * A TOML document as JSON: tables become objects, times their RFC 3339 text. Integers beyond ±(2^53 − 1), infinities and NaN have no exact
 * JSON here and are an error.
 *
 * @throws DecodeError
 */
export function tomlToJson(text: string): JsonObject {
  try {
    return tableToJson(parse(text, { maxDepth: MAX_DEPTH }), 1);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The library's message goes on with lines of the document: only its first line is about the fault.
    const [reason = ''] = error.message.replace('Invalid TOML document: ', '').split('\n', 1);
    throw new DecodeError('TOML', `${reason} (line ${error.line}, column ${error.column})`);
  }
}

function toJson(value: TomlValue, depth: number): JsonValue {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new DecodeError('TOML', `${value} has no JSON`);
    return value;
  }
  if (typeof value === 'bigint') throw new DecodeError('TOML', 'integer is too large');
  if (value instanceof TomlDate) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => toJson(item, inside(depth)));
  return tableToJson(value as { [key: string]: TomlValue }, inside(depth));
}

/** The parser bounds brackets only: a key like `a.a.a…` nests as deep as it is long. */
function inside(depth: number): number {
  if (depth >= MAX_DEPTH) throw new DecodeError('TOML', `nesting is deeper than ${MAX_DEPTH}`);
  return depth + 1;
}

function tableToJson(table: { [key: string]: TomlValue }, depth: number): JsonObject {
  // fromEntries defines members: a key `__proto__` stays a key.
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, toJson(value, depth)]));
}
