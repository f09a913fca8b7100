/**
 * Reader of firmware event logs: the crypto-agile format of the TCG PC Client Platform Firmware Profile (sections 10.2 and
 * 10.4.5), which CC event logs (ACPI table CCEL, UEFI 2.11 section 38) share, and the SHA-1 format of TPM 1.2.
 */
import { ByteReader, constantTimeEqual, DecodeError, encodeUtf8 } from '@assay/bytes';
import { algorithmById, algorithmOf, type Bank, type BankAlgorithm, SHA1_SIZE } from './algorithm.js';
import { EVENT } from './event-type.js';

/** `cc`: register index 0 is MRTD, 1 to 4 are RTMR0 to RTMR3 (or their peers). `tpm`: the index is the PCR. */
export type LogKind = 'cc' | 'tpm';

/** One record. Byte strings are views of the log. */
export interface EventRecord {
  /** Position in the log, from 1; the Spec ID record is not counted. */
  readonly number: number;
  /** Offset of the record in the log. */
  readonly offset: number;
  readonly index: number;
  readonly type: number;
  /** In the order of the record. */
  readonly digests: readonly { readonly algorithm: BankAlgorithm; readonly digest: Uint8Array }[];
  readonly data: Uint8Array;
}

/** A log that is well formed; nothing is known yet about whether it is true. */
export interface ParsedEventlog {
  readonly kind: LogKind;
  readonly format: 'crypto-agile' | 'sha1';
  /** Banks in the order of the Spec ID record. */
  readonly algorithms: readonly BankAlgorithm[];
  readonly records: readonly EventRecord[];
  /** Initial last byte of PCR0, from a StartupLocality record (TPM logs). */
  readonly startupLocality: number;
}

const FORMAT = 'event log';
/** Log areas in the field are up to 1 MiB; agents append a few kilobytes per image. */
export const LARGEST_LOG = 8 * 1024 * 1024;
const MOST_RECORDS = 65_536;
const SPEC_ID = encodeUtf8('Spec ID Event03\0');
const STARTUP_LOCALITY = encodeUtf8('StartupLocality\0');

/** @throws DecodeError with the offset of what is wrong. */
export function parseEventlog(log: Uint8Array, kind: LogKind): ParsedEventlog {
  if (log.length > LARGEST_LOG) throw new DecodeError(FORMAT, `${log.length} bytes are too many`, 0);
  const end = endOfRecords(log);
  const reader = new ByteReader(log, FORMAT);
  const first = readSha1Record(reader, 1);
  const algorithms =
    kind === 'cc' && isAgentHeader(first)
      ? [agentAlgorithm(log.subarray(reader.position, Math.max(end, reader.position)), reader.position)]
      : readSpecId(first);
  if (algorithms === undefined) {
    if (kind === 'cc') throw new DecodeError(FORMAT, 'the first record is not a Spec ID Event03', 0);
    return parseSha1Log(log, end);
  }
  const records: EventRecord[] = [];
  while (reader.position < end) {
    if (records.length === MOST_RECORDS) throw tooMany(reader);
    records.push(readAgileRecord(reader, algorithms, records.length + 1));
  }
  return { kind, format: 'crypto-agile', algorithms, records, startupLocality: kind === 'tpm' ? locality(records) : 0 };
}

function parseSha1Log(log: Uint8Array, end: number): ParsedEventlog {
  const reader = new ByteReader(log, FORMAT);
  const records: EventRecord[] = [];
  while (reader.position < end) {
    if (records.length === MOST_RECORDS) throw tooMany(reader);
    records.push(readSha1Record(reader, records.length + 1));
  }
  return {
    kind: 'tpm',
    format: 'sha1',
    algorithms: [algorithmOf('sha1')],
    records,
    startupLocality: locality(records),
  };
}

/**
 * Where the padding begins: a log area is filled up with 00 or with FF. A record may itself end in such bytes, so this is
 * the lowest offset at which records may end, and the log ends at the first record boundary at or after it.
 */
function endOfRecords(log: Uint8Array): number {
  const filler = log.at(-1);
  if (filler !== 0x00 && filler !== 0xff) return log.length;
  let end = log.length;
  while (end > 0 && log[end - 1] === filler) end -= 1;
  return end;
}

/** TCG_PCR_EVENT. */
function readSha1Record(reader: ByteReader, number: number): EventRecord {
  const offset = reader.position;
  const index = reader.u32le('register index');
  const type = reader.u32le('event type');
  const digest = reader.bytes(SHA1_SIZE, 'digest');
  const size = reader.u32le('event size');
  const data = reader.bytes(size, 'event data');
  return { number, offset, index, type, digests: [{ algorithm: algorithmOf('sha1'), digest }], data };
}

/** TCG_PCR_EVENT2: every bank of the Spec ID record once, nothing else. */
export function readAgileRecord(reader: ByteReader, algorithms: readonly BankAlgorithm[], number: number): EventRecord {
  const offset = reader.position;
  const index = reader.u32le('register index');
  const type = reader.u32le('event type');
  const count = reader.u32le('digest count');
  if (count !== algorithms.length) {
    throw new DecodeError(FORMAT, `${count} digests; the header lists ${algorithms.length} algorithms`, offset);
  }
  const digests: { readonly algorithm: BankAlgorithm; readonly digest: Uint8Array }[] = [];
  const seen = new Set<Bank>();
  for (let n = 0; n < count; n += 1) {
    const at = reader.position;
    const id = reader.u16le('digest algorithm');
    const algorithm = algorithms.find((candidate) => candidate.id === id);
    if (algorithm === undefined) {
      throw new DecodeError(FORMAT, `digest algorithm 0x${id.toString(16)} is not in the header`, at);
    }
    if (seen.has(algorithm.bank)) throw new DecodeError(FORMAT, `two ${algorithm.bank} digests in one record`, at);
    seen.add(algorithm.bank);
    digests.push({ algorithm, digest: reader.bytes(algorithm.size, 'digest') });
  }
  const size = reader.u32le('event size');
  const data = reader.bytes(size, 'event data');
  return { number, offset, index, type, digests, data };
}

/** TCG_EfiSpecIdEvent. @returns undefined when the record is none: then the log is of the SHA-1 format. */
function readSpecId(record: EventRecord): readonly BankAlgorithm[] | undefined {
  if (record.type !== EVENT.noAction || !startsWith(record.data, SPEC_ID)) return undefined;
  const base = 32;
  const reader = new ByteReader(record.data, FORMAT, base);
  reader.skip(SPEC_ID.length, 'signature');
  reader.u32le('platform class');
  reader.bytes(4, 'version and uintn size');
  const count = reader.u32le('number of algorithms');
  const algorithms: BankAlgorithm[] = [];
  // Every entry takes four bytes of a bounded buffer, so the count cannot make this loop long.
  for (let n = 0; n < count; n += 1) {
    const at = reader.offset;
    const id = reader.u16le('algorithm');
    const size = reader.u16le('digest size');
    const algorithm = algorithmById(id);
    if (algorithm === undefined) throw new DecodeError(FORMAT, `algorithm 0x${id.toString(16)} is not known`, at);
    if (algorithm.size !== size) {
      throw new DecodeError(FORMAT, `digests of ${algorithm.bank} are declared as ${size} bytes`, at);
    }
    if (algorithms.includes(algorithm)) throw new DecodeError(FORMAT, `${algorithm.bank} is declared twice`, at);
    algorithms.push(algorithm);
  }
  if (algorithms.length === 0) throw new DecodeError(FORMAT, 'the header lists no algorithm', base);
  reader.skip(reader.u8('vendor size'), 'vendor data');
  reader.end();
  return algorithms;
}

/**
 * Header that guests of Confidential Containers put before events of their agent when no firmware has begun a log: as a Spec ID record with
 * nothing in its signature, which lists SHA-384 and SM3. The records behind it have one digest each, all of one algorithm.
 */
const AGENT_HEADER = Uint8Array.of(...new Array<number>(24).fill(0), 2, 0, 0, 0, 0x0c, 0, 48, 0, 0x12, 0, 32, 0, 0);

function isAgentHeader({ index, type, data }: EventRecord): boolean {
  return (
    index === 0 && type === EVENT.noAction && data.length === AGENT_HEADER.length && startsWith(data, AGENT_HEADER)
  );
}

/** Algorithm of the first record behind an agent's header: register, type and count come before it. */
function agentAlgorithm(records: Uint8Array, offset: number): BankAlgorithm {
  if (records.length === 0) return algorithmOf('sha384');
  const reader = new ByteReader(records, FORMAT, offset);
  reader.skip(12, 'register index, event type and digest count');
  const id = reader.u16le('digest algorithm');
  const algorithm = algorithmById(id);
  if (algorithm?.bank === 'sha384' || algorithm?.bank === 'sm3') return algorithm;
  throw new DecodeError(FORMAT, `digest algorithm 0x${id.toString(16)} is not in the header`, offset + 12);
}

/** A StartupLocality record says where PCR0 started: 0, 3, or 4 after an H-CRTM (PFP section 10.4.5.3). */
function locality(records: readonly EventRecord[]): number {
  for (const { type, index, data, offset } of records) {
    if (type !== EVENT.noAction || index !== 0 || !startsWith(data, STARTUP_LOCALITY)) continue;
    const value = data[STARTUP_LOCALITY.length];
    if (data.length !== STARTUP_LOCALITY.length + 1 || value === undefined || value > 4) {
      throw new DecodeError(FORMAT, 'StartupLocality record is not of 17 bytes with a locality of 0 to 4', offset);
    }
    return value;
  }
  return 0;
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && constantTimeEqual(bytes.subarray(0, prefix.length), prefix);
}

function tooMany(reader: ByteReader): DecodeError {
  return new DecodeError(FORMAT, `more than ${MOST_RECORDS} records`, reader.position);
}
