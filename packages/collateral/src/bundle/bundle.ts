import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import {
  canonicalJson,
  concatBytes,
  DecodeError,
  decodeBase64,
  encodeBase64,
  encodeBase64url,
  encodeHex,
  encodeUtf8,
  isJsonArray,
  isJsonObject,
  parseJsonStrict,
} from '@assay/bytes';
import { type FindingDraft, failed, listInLine, passed, utc } from '@assay/bytes/findings';
import { parseItemKey } from '../item/parse-key.js';
import { type CollateralRecord, readRecord, recordJson, time } from '../item/record.js';

/** What is signed begins with this, so that the key's signatures mean nothing elsewhere. */
const DOMAIN = encodeUtf8('assay collateral bundle v1\n');
const FORMAT = 'collateral bundle';
const LIMITS = { maxBytes: 64 * 1024 * 1024, maxDepth: 8 };
const MOST_RECORDS = 10_000;

/** An exporter whose bundles are taken. */
export interface KnownExporter {
  readonly name: string;
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
}

export interface Bundle {
  readonly exportedAt: Date;
  /** Name of the exporter whose key signed. */
  readonly exporter: string;
  readonly records: readonly CollateralRecord[];
}

/**
 * Writes a bundle: `{"format","key","payload","signature"}`, where the payload is base64 of the canonical JSON of the records
 * and the signature is Ed25519 over a fixed line and the payload's bytes. See the package's README for the format.
 * PCK certificates stay behind: each is of one machine, and their quotes are rare.
 *
 * @param key Ed25519 private key of the exporter
 */
export function exportBundle(records: readonly CollateralRecord[], key: KeyObject, exportedAt: Date): Uint8Array {
  const payload = encodeUtf8(
    canonicalJson({
      version: 1,
      exported_at: utc(exportedAt),
      // Sorted, so that two exports of the same records differ in their date alone.
      records: records
        .filter(({ key }) => parseItemKey(key) !== undefined)
        .sort((a, b) => (a.key < b.key ? -1 : 1))
        .map(recordJson),
    }),
  );
  const document = {
    format: 'assay-collateral-bundle',
    key: encodeBase64url(rawPublicKey(key)),
    payload: encodeBase64(payload),
    signature: encodeBase64(Uint8Array.from(sign(null, concatBytes(DOMAIN, payload), key))),
  };
  return encodeUtf8(`${canonicalJson(document)}\n`);
}

/**
 * Reads a bundle of a known exporter. The records are not believed for it: they are verified like fetched ones.
 *
 * @param file name for the finding
 * @throws DecodeError for what is no bundle, before or behind the signature
 */
export function importBundle(
  bytes: Uint8Array,
  exporters: readonly KnownExporter[],
  file: string,
): { readonly finding: FindingDraft; readonly bundle: Bundle | undefined } {
  const document = parseJsonStrict(bytes, LIMITS);
  if (!isJsonObject(document) || document['format'] !== 'assay-collateral-bundle') {
    throw new DecodeError(FORMAT, 'format is not assay-collateral-bundle');
  }
  const publicKey = decodeBase64url32(document['key']);
  const payload = base64(document['payload'], 'payload');
  const signature = base64(document['signature'], 'signature');
  const exporter = exporters.find((known) => Buffer.compare(known.publicKey, publicKey) === 0);
  const holds = exporter !== undefined && holdsUnder(exporter, concatBytes(DOMAIN, payload), signature);
  if (!holds) {
    const finding = failed('collateral.bundle.signature', {
      subject: file,
      params: { file, actual: encodeHex(publicKey), list: listInLine(exporters.map(({ name }) => name)) },
      expected: exporters.map((known) => encodeHex(known.publicKey)),
      actual: encodeHex(publicKey),
      ...(exporter === undefined ? {} : { causes: [{ text: 'edited after it was signed' }] }),
    });
    return { finding, bundle: undefined };
  }
  return {
    finding: passed('collateral.bundle.signature', file, exporter.name),
    bundle: readPayload(payload, exporter.name),
  };
}

/** Raw 32 bytes of an Ed25519 key, for {@link KnownExporter}. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  if (publicKey.asymmetricKeyType !== 'ed25519') throw new TypeError('bundles are signed with Ed25519 keys');
  return Uint8Array.from(Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'));
}

function readPayload(payload: Uint8Array, exporter: string): Bundle {
  const value = parseJsonStrict(payload, LIMITS);
  if (!isJsonObject(value) || value['version'] !== 1) throw new DecodeError(FORMAT, 'payload version is not 1');
  const { exported_at: exportedAt, records } = value;
  if (typeof exportedAt !== 'string') throw new DecodeError(FORMAT, 'exported_at');
  if (records === undefined || !isJsonArray(records) || records.length > MOST_RECORDS) {
    throw new DecodeError(FORMAT, `records is not a list of at most ${MOST_RECORDS}`);
  }
  const from = `bundle of ${exporter}`;
  return {
    exportedAt: time(exportedAt),
    exporter,
    records: records.map((record) => ({ ...readRecord(record), fetchedFrom: from })),
  };
}

function holdsUnder(exporter: KnownExporter, message: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({
    format: 'jwk',
    key: { kty: 'OKP', crv: 'Ed25519', x: encodeBase64url(exporter.publicKey) },
  });
  return signature.length === 64 && verify(null, message, key, signature);
}

function decodeBase64url32(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(value)) throw new DecodeError(FORMAT, 'key');
  return Uint8Array.from(Buffer.from(value, 'base64url'));
}

function base64(value: unknown, member: string): Uint8Array {
  if (typeof value !== 'string') throw new DecodeError(FORMAT, member);
  return decodeBase64(value);
}
