import {
  canonicalJson,
  DecodeError,
  decodeBase64,
  encodeBase64,
  encodeUtf8,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { utc } from '@assay/bytes/findings';

/** One issue of an item, as it was fetched: bytes, nothing believed. */
export interface CollateralRecord {
  /** `itemKey` of the item. */
  readonly key: string;
  /** Bytes by the names that endorsements have (`tcb_info`, `tcb_info_signature` …). */
  readonly pieces: { readonly [name: string]: Uint8Array };
  /** Absent where the item says nothing of time (VCEK, chains). */
  readonly issued?: Date;
  readonly nextUpdate?: Date;
  readonly fetchedAt: Date;
  /** Host of the source, or `bundle of <exporter>`. */
  readonly fetchedFrom: string;
}

const FORMAT = 'collateral record';
const LIMITS = { maxBytes: 16 * 1024 * 1024, maxDepth: 4 };
const MEMBERS = new Set(['version', 'key', 'pieces', 'issued', 'next_update', 'fetched_at', 'fetched_from']);

export function encodeRecord(record: CollateralRecord): Uint8Array {
  return encodeUtf8(canonicalJson(recordJson(record)));
}

export function recordJson(record: CollateralRecord): JsonObject {
  const pieces = Object.entries(record.pieces).map(([name, bytes]): [string, string] => [name, encodeBase64(bytes)]);
  return {
    version: 1,
    key: record.key,
    pieces: Object.fromEntries(pieces),
    ...(record.issued === undefined ? {} : { issued: utc(record.issued) }),
    ...(record.nextUpdate === undefined ? {} : { next_update: utc(record.nextUpdate) }),
    fetched_at: utc(record.fetchedAt),
    fetched_from: record.fetchedFrom,
  };
}

/** @throws DecodeError */
export function decodeRecord(bytes: Uint8Array): CollateralRecord {
  return readRecord(parseJsonStrict(bytes, LIMITS));
}

/** @throws DecodeError */
export function readRecord(value: JsonValue): CollateralRecord {
  if (!isJsonObject(value)) throw new DecodeError(FORMAT, 'not an object');
  for (const member of Object.keys(value)) {
    if (!MEMBERS.has(member)) throw new DecodeError(FORMAT, 'unknown member');
  }
  if (value['version'] !== 1) throw new DecodeError(FORMAT, 'version is not 1');
  const issued = optionalTime(value, 'issued');
  const nextUpdate = optionalTime(value, 'next_update');
  return {
    key: text(value, 'key'),
    pieces: readPieces(value['pieces']),
    ...(issued === undefined ? {} : { issued }),
    ...(nextUpdate === undefined ? {} : { nextUpdate }),
    fetchedAt: time(text(value, 'fetched_at')),
    fetchedFrom: text(value, 'fetched_from'),
  };
}

function readPieces(value: JsonValue | undefined): CollateralRecord['pieces'] {
  if (value === undefined || !isJsonObject(value)) throw new DecodeError(FORMAT, 'pieces is not an object');
  const pieces: Record<string, Uint8Array> = {};
  for (const [name, base64] of Object.entries(value)) {
    if (!/^[a-z][a-z_]{0,63}$/.test(name) || typeof base64 !== 'string') throw new DecodeError(FORMAT, 'piece');
    pieces[name] = decodeBase64(base64);
  }
  if (Object.keys(pieces).length === 0) throw new DecodeError(FORMAT, 'no pieces');
  return pieces;
}

function text(value: JsonObject, member: string): string {
  const found = value[member];
  if (typeof found !== 'string' || found === '' || found.length > 512) throw new DecodeError(FORMAT, `${member}`);
  return found;
}

function optionalTime(value: JsonObject, member: string): Date | undefined {
  return value[member] === undefined ? undefined : time(text(value, member));
}

/** RFC 3339 in UTC, as vendors' documents and records write it. @throws DecodeError */
export function time(value: string): Date {
  const date = new Date(value);
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z$/.test(value) || Number.isNaN(date.getTime())) {
    throw new DecodeError(FORMAT, 'time is not RFC 3339 in UTC');
  }
  // Date carries 31 February over into March.
  if (date.toISOString().slice(0, 19) !== value.slice(0, 19)) throw new DecodeError(FORMAT, 'time does not exist');
  return date;
}
