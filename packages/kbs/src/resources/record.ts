/**
 * How a secret stands in the store: four bytes of header length, the header as JSON, the sealed bytes. Everything that may be
 * read without the key-encryption key is in the header; the sealed part is bound to path and version, so that no record
 * can stand for another one.
 */
import { assayError } from '@assay/bytes/findings';
import type { RecordName } from '@assay/kms';

export interface ResourceHeader {
  readonly version: number;
  /** Length of the secret. */
  readonly bytes: number;
  readonly written_at: string;
  readonly written_by: string;
  /** The secret was deleted; the record only keeps the version from being used again. */
  readonly deleted?: true;
}

export interface ResourceRecord {
  readonly header: ResourceHeader;
  /** Empty in the record of a deletion. */
  readonly sealed: Uint8Array;
}

const NS = 'repository';
const MAX_HEADER = 4096;

export function encodeRecord(record: ResourceRecord): Uint8Array {
  const header = Buffer.from(JSON.stringify(record.header));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, header, record.sealed]);
}

/** @throws AssayError `storage.record.intact` */
export function decodeRecord(key: string, value: Uint8Array): ResourceRecord {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.length < 4) throw torn(key);
  const length = bytes.readUInt32BE(0);
  if (length > MAX_HEADER || 4 + length > bytes.length) throw torn(key);
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8', 4, 4 + length));
  } catch (cause) {
    throw torn(key, cause);
  }
  if (!isHeader(header)) throw torn(key);
  return { header, sealed: new Uint8Array(bytes.subarray(4 + length)) };
}

/** What the sealed part is bound to: it opens as this version of this path and as nothing else, wherever it is stored. */
export function recordName(path: string, version: number): RecordName {
  return { ns: NS, key: path, version };
}

function isHeader(value: unknown): value is ResourceHeader {
  if (typeof value !== 'object' || value === null) return false;
  const { version, bytes, written_at, written_by, deleted } = value as Record<string, unknown>;
  return (
    Number.isSafeInteger(version) &&
    (version as number) >= 1 &&
    Number.isSafeInteger(bytes) &&
    typeof written_at === 'string' &&
    typeof written_by === 'string' &&
    (deleted === undefined || deleted === true)
  );
}

function torn(key: string, cause?: unknown): Error {
  return assayError('storage.record.intact', { params: { namespace: NS, key }, cause });
}
