/** Members of JSON documents that others wrote: each is of the kind that is wanted, or an error. */
import {
  DecodeError,
  decodeBase64,
  decodeUtf8,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { malformed } from './failure.js';

/** Most bytes of a bundle, an entry or a statement. */
const LARGEST_DOCUMENT = 4 * 1024 * 1024;

/** @throws AssayError `signature.bundle.form` */
export function readObject(bytes: Uint8Array, what: string): JsonObject {
  try {
    return objectOf(parseJsonStrict(decodeUtf8(bytes), { maxBytes: LARGEST_DOCUMENT }), what);
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(`${what} is no JSON: ${error.message}`);
    throw error;
  }
}

export function objectOf(value: JsonValue | undefined, what: string): JsonObject {
  if (value !== undefined && isJsonObject(value)) return value;
  throw malformed(`${what} is no object`);
}

export function listOf(value: JsonValue | undefined, what: string, most: number): readonly JsonValue[] {
  if (value === undefined || !isJsonArray(value)) throw malformed(`${what} is no list`);
  if (value.length > most) throw malformed(`${what} has more than ${most} members`);
  return value;
}

export function textOf(value: JsonValue | undefined, what: string): string {
  if (typeof value === 'string') return value;
  throw malformed(`${what} is no text`);
}

/** Standard base64. */
export function bytesOf(value: JsonValue | undefined, what: string): Uint8Array {
  try {
    return decodeBase64(textOf(value, what));
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(`${what} is no base64`);
    throw error;
  }
}

/** A number of 64 bits, which protobuf's JSON writes as a text: not negative, and none that a double cannot hold. */
export function countOf(value: JsonValue | undefined, what: string): number {
  const number = typeof value === 'string' && /^(0|[1-9]\d{0,15})$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
  throw malformed(`${what} is no number from 0`);
}

/** What is not known could mean something else than what is read. */
export function onlyMembers(value: JsonObject, known: readonly string[], what: string): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw malformed(`${what} has an unknown member \`${unknown.slice(0, 40)}\``);
}
