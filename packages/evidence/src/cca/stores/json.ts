/** Members of the owner's JSON stores, read strictly: a store that is not as it has to be is refused as a whole. */
import {
  DecodeError,
  decodeHex,
  encodeHex,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';

/** @throws DecodeError */
export function parseStore(bytes: Uint8Array, maxBytes: number): JsonValue {
  return parseJsonStrict(bytes, { maxBytes, maxDepth: 8 });
}

export function objectAt(format: string, path: string, value: JsonValue | undefined): JsonObject {
  if (value === undefined || !isJsonObject(value)) throw new DecodeError(format, `${path} is not an object`);
  return value;
}

export function listAt(format: string, path: string, value: JsonValue | undefined): readonly JsonValue[] {
  if (value === undefined || !isJsonArray(value)) throw new DecodeError(format, `${path} is not a list`);
  return value;
}

export function member(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Hex of one of the sizes, as lower-case text: stores are compared by it. @throws DecodeError */
export function hexAt(format: string, path: string, value: JsonValue | undefined, sizes?: readonly number[]): string {
  if (typeof value !== 'string') throw new DecodeError(format, `${path} is not a text`);
  let bytes: Uint8Array;
  try {
    bytes = decodeHex(value.toLowerCase());
  } catch (error) {
    throw new DecodeError(format, `${path} is not hex`, undefined, { cause: error });
  }
  if (bytes.length === 0 || (sizes !== undefined && !sizes.includes(bytes.length))) {
    const due = sizes === undefined ? 'at least 1 is' : `${sizes.join(', ')} are`;
    throw new DecodeError(format, `${path} has ${bytes.length} bytes; ${due} due`);
  }
  return encodeHex(bytes);
}

/** @throws DecodeError */
export function optionalTextAt(format: string, path: string, value: JsonValue | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new DecodeError(format, `${path} is not a text`);
}
