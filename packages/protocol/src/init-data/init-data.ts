import { createHash } from 'node:crypto';
import { DecodeError, isJsonObject, type JsonObject } from '@assay/bytes';
import { digest, HASH_ALGORITHMS, type HashAlgorithm } from '../hash-algorithm.js';
import { ProtocolError, quoteBriefly } from '../protocol-error.js';
import { initDataClaims } from './claims.js';
import { tomlToJson } from './toml.js';

/** An init-data document: configuration that the host hands to the guest at launch, bound to the launch by its digest. */
export interface InitData {
  readonly version: string;
  readonly algorithm: HashAlgorithm;
  /** File name → content, in document order. */
  readonly data: ReadonlyMap<string, string>;
  /** `algorithm` over the exact bytes of the document. */
  readonly digest: Uint8Array;
  /** What policies see as `init_data_claims`. */
  readonly claims: JsonObject;
}

/**
 * Largest accepted document. It comes from whoever attests and goes into claims, token and audit, so it is bounded here; a pod's
 * annotations, which carry it compressed, hold 256 KiB altogether.
 */
const MAX_BYTES = 512 * 1024;

/**
 * Reads an init-data document.
 *
 * @param toml the text exactly as given to the launch; it is hashed as it stands
 * @throws ProtocolError `binding.init-data.form`
 */
export function parseInitData(toml: string): InitData {
  if (Buffer.byteLength(toml) > MAX_BYTES) throw refuse('', `document is larger than ${MAX_BYTES} bytes`);
  const document = readToml(toml);
  const version = textMember(document, 'version');
  if (version !== '0.1.0') throw refuse('version', `version ${quoteBriefly(version)} is unknown`, '0.1.0');
  const algorithm = algorithmMember(document);
  const data = dataMember(document);
  return { version, algorithm, data, digest: digest(algorithm, toml), claims: initDataClaims(data) };
}

/**
 * What PCR 8 of a vTPM holds when init-data was measured into it: SHA-256(32 zero bytes ‖ digest).
 *
 * @throws ProtocolError `binding.init-data.form` when the digest is not 32 bytes, which a SHA-256 PCR bank demands
 */
export function initDataPcr8(initDataDigest: Uint8Array): Uint8Array {
  if (initDataDigest.length !== 32) {
    throw refuse('algorithm', `digest has ${initDataDigest.length} bytes; PCR 8 needs 32`, 'sha256');
  }
  return Uint8Array.from(createHash('sha256').update(new Uint8Array(32)).update(initDataDigest).digest());
}

function readToml(toml: string): JsonObject {
  try {
    return tomlToJson(toml);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw refuse('', cause.message, undefined, cause);
  }
}

function textMember(document: JsonObject, member: string): string {
  const value = Object.hasOwn(document, member) ? document[member] : undefined;
  if (typeof value !== 'string') throw refuse(member, `${member} must be a string`);
  return value;
}

function algorithmMember(document: JsonObject): HashAlgorithm {
  const name = textMember(document, 'algorithm');
  // Lower case without a dash is the only spelling that peers take, although the written specification shows others.
  if (Object.hasOwn(HASH_ALGORITHMS, name)) return name as HashAlgorithm;
  throw refuse('algorithm', `algorithm ${quoteBriefly(name)} is unknown`, Object.keys(HASH_ALGORITHMS).join(', '));
}

function dataMember(document: JsonObject): ReadonlyMap<string, string> {
  const table = document['data'];
  if (!isJsonObject(table)) throw refuse('data', 'data must be a table');
  const data = new Map<string, string>();
  for (const [name, content] of Object.entries(table)) {
    if (typeof content !== 'string') throw refuse('data', `data.${quoteBriefly(name)} must be a string`);
    data.set(name, content);
  }
  return data;
}

function refuse(member: string, reason: string, expected?: string, cause?: unknown): ProtocolError {
  return new ProtocolError('binding.init-data.form', `init-data: ${reason}`, {
    path: member === '' ? '/init-data/body' : `/init-data/body/${member}`,
    ...(expected === undefined ? {} : { expected }),
    cause,
  });
}
