import {
  canonicalJson,
  DecodeError,
  encodeUtf8,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import type { ReferenceValue, ReferenceValueChange } from './contract.js';

/*
 * Stored form: the record of the CoCo RVPS (`version`, `name`, `expiration`, `value`) and what Assay adds to it.
 * `expiration` is absent for a value that never ends.
 */
const RECORD_VERSION = '0.1.0';

export function encodeRecord(value: ReferenceValue): Uint8Array {
  return encodeUtf8(
    canonicalJson({
      version: RECORD_VERSION,
      name: value.name,
      value: value.value,
      ...(value.expires === undefined ? {} : { expiration: formatExpiration(value.expires) }),
      publisher: wellFormed(value.publisher),
      registered_at: new Date(value.registeredAt).toISOString(),
      change: value.version,
      source: value.source,
    }),
  );
}

/** @throws AssayError `storage.record.intact`: an unreadable value must not pass for an absent one. */
export function decodeRecord(bytes: Uint8Array, ns: string, key: string): ReferenceValue {
  const record = storedObject(bytes, ns, key);
  const { value, expiration } = record;
  if (record['version'] !== RECORD_VERSION || value === undefined) throw notIntact(ns, key);
  return {
    name: text(record['name'], ns, key),
    value: deepFreeze(value),
    expires: expiration === undefined ? undefined : time(expiration, ns, key),
    publisher: text(record['publisher'], ns, key),
    registeredAt: time(record['registered_at'], ns, key),
    version: count(record['change'], ns, key),
    source: text(record['source'], ns, key),
  };
}

export function encodeChange(change: ReferenceValueChange): Uint8Array {
  const { by, at, expires, attempt, reason, ...rest } = change;
  return encodeUtf8(
    canonicalJson({
      ...rest,
      by: { subject: wellFormed(by.subject), method: by.method },
      ...(attempt === undefined ? {} : { attempt: wellFormed(attempt) }),
      ...(reason === undefined ? {} : { reason: wellFormed(reason) }),
      at: new Date(at).toISOString(),
      ...(expires === undefined ? {} : { expiration: formatExpiration(expires) }),
    }),
  );
}

/** @throws AssayError `storage.record.intact` */
export function decodeChange(bytes: Uint8Array, ns: string, key: string): ReferenceValueChange {
  const record = storedObject(bytes, ns, key);
  const { by, change, value, expiration, attempt, reason } = record;
  if (!isJsonObject(by) || (change !== 'set' && change !== 'delete')) throw notIntact(ns, key);
  return {
    name: text(record['name'], ns, key),
    version: count(record['version'], ns, key),
    change,
    at: time(record['at'], ns, key),
    by: { subject: text(by['subject'], ns, key), method: text(by['method'], ns, key) },
    source: text(record['source'], ns, key),
    ...(value === undefined ? {} : { value: deepFreeze(value) }),
    ...(expiration === undefined ? {} : { expires: time(expiration, ns, key) }),
    ...(attempt === undefined ? {} : { attempt: text(attempt, ns, key) }),
    ...(reason === undefined ? {} : { reason: text(reason, ns, key) }),
  };
}

/** People's words may hold halves of characters, which no JSON text can. */
function wellFormed(words: string): string {
  return words.replace(/\p{Cs}/gu, '\ufffd');
}

/** `YYYY-MM-DDTHH:MM:SSZ` */
function formatExpiration(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}

function storedObject(bytes: Uint8Array, ns: string, key: string): JsonObject {
  try {
    const record = parseJsonStrict(bytes);
    if (isJsonObject(record)) return record;
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw notIntact(ns, key, cause);
  }
  throw notIntact(ns, key);
}

function text(value: JsonValue | undefined, ns: string, key: string): string {
  if (typeof value !== 'string') throw notIntact(ns, key);
  return value;
}

function count(value: JsonValue | undefined, ns: string, key: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) throw notIntact(ns, key);
  return value;
}

function time(value: JsonValue | undefined, ns: string, key: string): number {
  const parsed = Date.parse(text(value, ns, key));
  if (Number.isNaN(parsed)) throw notIntact(ns, key);
  return parsed;
}

function notIntact(namespace: string, key: string, cause?: unknown): Error {
  return assayError('storage.record.intact', { params: { namespace, key }, cause });
}

/** Snapshots are shared by all evaluations, so what is in them cannot be changed. */
export function deepFreeze(value: JsonValue): JsonValue {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
