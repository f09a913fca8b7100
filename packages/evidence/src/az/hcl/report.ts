/**
 * The HCL ("paravisor") report of an Azure confidential VM, NV index 0x01400001 of its vTPM: a header, a hardware report, and
 * runtime data in JSON whose hash the hardware report binds. Nothing in the header is signed.
 */
import { ByteReader, DecodeError } from '@assay/bytes';

/** Which hardware is beneath the vTPM. */
export type AzKind = 'snp' | 'tdx';

/** Hashes that the header may name, by their number. */
const HASH_TYPES: ReadonlyMap<number, 'sha256' | 'sha384' | 'sha512'> = new Map([
  [1, 'sha256'],
  [2, 'sha384'],
  [3, 'sha512'],
]);

export interface HclReport {
  readonly version: number;
  /** 2: SEV-SNP, 4: TDX; others are known to nobody here. */
  readonly reportType: number;
  readonly hashType: number;
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  /** An SNP report, or a TDREPORT of 1024 bytes with zeros behind it. */
  readonly hardwareReport: Uint8Array;
  /** The JSON, byte for byte: its hash is what counts. */
  readonly runtimeData: Uint8Array;
}

const FORMAT = 'HCL report';
const MAGIC = 'HCLA';
const HEADER_SIZE = 32;
const HARDWARE_REPORT_SIZE = 1184;
/** Size, version, report type, hash type and variable size precede the JSON, and are counted with it. */
const RUNTIME_HEADER_SIZE = 20;
const VERSIONS: readonly number[] = [1, 2];
const REQUEST_ATTESTATION = 2;
/** The NV index holds 2600 bytes. */
const LARGEST = 8192;

/** Offset of the JSON in the report. */
export const RUNTIME_DATA_OFFSET = HEADER_SIZE + HARDWARE_REPORT_SIZE + RUNTIME_HEADER_SIZE;

/** Reads a report; what follows the runtime data is padding of the NV index. @throws DecodeError */
export function parseHclReport(bytes: Uint8Array): HclReport {
  if (bytes.length > LARGEST) throw new DecodeError(FORMAT, `${bytes.length} bytes are too many`, 0);
  const reader = new ByteReader(bytes, FORMAT);
  const { size, version } = readHeader(reader);
  const hardwareReport = reader.bytes(HARDWARE_REPORT_SIZE, 'hardware report');
  const at = reader.offset;
  const runtimeSize = reader.u32le('runtime data size');
  expect(reader, 'runtime data version', reader.u32le('runtime data version'), 1);
  const reportType = reader.u32le('report type');
  const hashType = reader.u32le('hash type');
  const hash = HASH_TYPES.get(hashType);
  if (hash === undefined) {
    throw new DecodeError(FORMAT, `hash type is ${hashType}; 1 (SHA-256), 2 or 3 is due`, reader.offset - 4);
  }
  const variableSize = reader.u32le('variable data size');
  if (runtimeSize !== variableSize + RUNTIME_HEADER_SIZE) {
    throw new DecodeError(FORMAT, `runtime data size ${runtimeSize}; variable data size ${variableSize} and 20`, at);
  }
  if (size !== HEADER_SIZE + HARDWARE_REPORT_SIZE + runtimeSize) {
    throw new DecodeError(FORMAT, `report size ${size}; its parts have ${at + runtimeSize} bytes`, 8);
  }
  const runtimeData = reader.bytes(variableSize, 'variable data');
  return { version, reportType, hashType, hash, hardwareReport, runtimeData };
}

function readHeader(reader: ByteReader): { readonly version: number; readonly size: number } {
  const magic = Buffer.from(reader.bytes(MAGIC.length, 'magic')).toString('latin1');
  if (magic !== MAGIC) throw new DecodeError(FORMAT, 'magic is not HCLA', 0);
  const version = reader.u32le('version');
  if (!VERSIONS.includes(version)) throw new DecodeError(FORMAT, `version is ${version}; 1 or 2 is due`, 4);
  const size = reader.u32le('report size');
  expect(reader, 'request type', reader.u32le('request type'), REQUEST_ATTESTATION);
  expect(reader, 'status', reader.u32le('status'), 0);
  reader.skip(12, 'reserved');
  return { version, size };
}

function expect(reader: ByteReader, field: string, actual: number, expected: number): void {
  if (actual === expected) return;
  throw new DecodeError(FORMAT, `${field} is ${actual}; ${expected} is due`, reader.offset - 4);
}

const TDREPORT_SIZE = 1024;
const TDREPORT_REPORT_DATA = 128;
const REPORT_DATA_SIZE = 64;

/** REPORTDATA of the TDREPORT inside. Its MAC can be checked on that machine alone: only a quote proves anything. @throws DecodeError */
export function tdReportData({ hardwareReport }: HclReport): Uint8Array {
  const reader = new ByteReader(hardwareReport, FORMAT, HEADER_SIZE);
  reader.skip(TDREPORT_REPORT_DATA, 'TDREPORT');
  const reportData = reader.bytes(REPORT_DATA_SIZE, 'REPORTDATA');
  reader.skip(TDREPORT_SIZE - TDREPORT_REPORT_DATA - REPORT_DATA_SIZE, 'TDREPORT');
  reader.zeros(HARDWARE_REPORT_SIZE - TDREPORT_SIZE, 'space behind the TDREPORT');
  return reportData;
}
