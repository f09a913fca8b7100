/** TPMS_ATTEST: what an attestation key signs (TPM 2.0 Library, Part 2, section 10.12.12). */
import { ByteReader, DecodeError } from '@assay/bytes';
import { readSized, TpmWriter } from './marshal.js';
import { type PcrSelectionList, readPcrSelectionList, writePcrSelectionList } from './pcr-selection.js';

/** TPM_GENERATED_VALUE: a restricted key signs nothing from outside that begins with it. */
export const TPM_GENERATED = 0xff544347;

/** TPM_ST of the attestation structures. */
export const ATTEST_TYPE = {
  nv: 0x8014,
  commandAudit: 0x8015,
  sessionAudit: 0x8016,
  certify: 0x8017,
  quote: 0x8018,
  time: 0x8019,
  creation: 0x801a,
  nvDigest: 0x801c,
} as const;

const TYPE_NAMES = new Map<number, string>(Object.entries(ATTEST_TYPE).map(([name, id]) => [id, name]));

/** Name of a type for a line of text: `certify (0x8017)`, `0x1234`. */
export function attestTypeName(type: number): string {
  const name = TYPE_NAMES.get(type);
  const hex = `0x${type.toString(16).padStart(4, '0')}`;
  return name === undefined ? hex : `${name} (${hex})`;
}

/** TPMS_CLOCK_INFO. */
export interface ClockInfo {
  /** Milliseconds that the TPM was powered. */
  readonly clock: bigint;
  /** TPM resets (reboots) since the last clear. */
  readonly resetCount: number;
  /** Restarts and resumes since the last reset. */
  readonly restartCount: number;
  /** False: a higher clock value may have been reported before. */
  readonly safe: boolean;
}

/** Members that every attestation structure has. */
export interface AttestHeader {
  /** TPM_ST; {@link ATTEST_TYPE}. */
  readonly type: number;
  /** Qualified Name of the signing key; empty, a handle of 4 bytes, or algorithm and digest. */
  readonly qualifiedSigner: Uint8Array;
  /** What the caller gave to be signed: a nonce or a hash. */
  readonly extraData: Uint8Array;
  readonly clockInfo: ClockInfo;
  readonly firmwareVersion: bigint;
}

/** TPMS_ATTEST of TPM2_Quote. */
export interface QuoteAttest extends AttestHeader {
  readonly type: typeof ATTEST_TYPE.quote;
  readonly pcrSelection: PcrSelectionList;
  readonly pcrDigest: Uint8Array;
}

/** TPM2B_NAME and TPM2B_DATA: algorithm and digest of SHA-512. */
const LARGEST_NAME = 66;
const LARGEST_DIGEST = 64;

/** The structure's first members, and a reader that stands before the part that the type decides. @throws DecodeError */
export function readAttestHeader(reader: ByteReader): AttestHeader {
  const at = reader.offset;
  const magic = reader.u32be('magic');
  if (magic !== TPM_GENERATED) {
    throw new DecodeError('TPMS_ATTEST', `magic is 0x${magic.toString(16)}; 0xff544347 is due`, at);
  }
  const type = reader.u16be('type');
  const qualifiedSigner = readSized(reader, 'qualifiedSigner', LARGEST_NAME);
  const extraData = readSized(reader, 'extraData', LARGEST_NAME);
  return {
    type,
    qualifiedSigner,
    extraData,
    clockInfo: readClockInfo(reader),
    firmwareVersion: reader.u64be('firmwareVersion'),
  };
}

function readClockInfo(reader: ByteReader): ClockInfo {
  const clock = reader.u64be('clock');
  const resetCount = reader.u32be('resetCount');
  const restartCount = reader.u32be('restartCount');
  const at = reader.offset;
  const safe = reader.u8('safe');
  // TPMI_YES_NO has two values.
  if (safe > 1) throw new DecodeError('TPMS_ATTEST', `safe is ${safe}; 0 or 1 is due`, at);
  return { clock, resetCount, restartCount, safe: safe === 1 };
}

/** Reads the structure of a quote; bytes after it stay in the reader. @throws DecodeError */
export function readQuote(reader: ByteReader): QuoteAttest {
  const at = reader.offset;
  const header = readAttestHeader(reader);
  if (header.type !== ATTEST_TYPE.quote) {
    throw new DecodeError('TPMS_ATTEST', `type is ${attestTypeName(header.type)}; quote (0x8018) is due`, at + 4);
  }
  const pcrSelection = readPcrSelectionList(reader);
  const pcrDigest = readSized(reader, 'pcrDigest', LARGEST_DIGEST);
  return { ...header, type: ATTEST_TYPE.quote, pcrSelection, pcrDigest };
}

/** Reads the TPMS_ATTEST of a quote, to its last byte. @throws DecodeError */
export function parseQuote(bytes: Uint8Array): QuoteAttest {
  const reader = new ByteReader(bytes, 'TPMS_ATTEST');
  const quote = readQuote(reader);
  reader.end();
  return quote;
}

/** Magic and common members; the part of the type follows. */
export function writeAttestHeader(writer: TpmWriter, header: AttestHeader): TpmWriter {
  const { clock, resetCount, restartCount, safe } = header.clockInfo;
  return writer
    .u32(TPM_GENERATED)
    .u16(header.type)
    .sized(header.qualifiedSigner)
    .sized(header.extraData)
    .u64(clock)
    .u32(resetCount)
    .u32(restartCount)
    .u8(safe ? 1 : 0)
    .u64(header.firmwareVersion);
}

export function marshalQuote(quote: QuoteAttest): Uint8Array {
  const writer = writeAttestHeader(new TpmWriter(), quote);
  return writePcrSelectionList(writer, quote.pcrSelection).sized(quote.pcrDigest).finish();
}
