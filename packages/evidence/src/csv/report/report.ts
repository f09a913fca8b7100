/** CSV attestation reports of versions 1 and 2 (HYGON CSV API, `TeeInfo` and `TeeInfoSigner`). */
import { ByteReader, constantTimeEqual, DecodeError } from '@assay/bytes';
import { hmacSm3 } from '../../sm/index.js';
import { CSV_SIZE, readSignature, SM2_SA, USAGE } from '../certificate/certificate.js';

/** What the firmware writes in version 1. */
export const REPORT_V1_SIZE = 2548;
/** What guest libraries hand on, in both versions: a page, the rest of it zero. */
export const REPORT_PAGE = 4096;
const REPORT_V2_SIZE = 3380;

const SIGNED_V1 = 180;
const SIGNED_V2 = 1024;
/** Version 1 masks everything up to here; what follows is the mask itself. */
const MASKED = 188;
const MAC_SIZE = 32;
const FORMAT = 'CSV report';

/**
 * How PEK and serial number came: `masked` as the firmware wrote them, with a MAC that can be computed; `restored` by the guest's
 * library, which checked the MAC, took the mask off and zeroed the reserved bytes, so that it cannot be computed any more.
 */
export type CsvReportForm = 'masked' | 'restored';

/** A report of right length and layout, unmasked. Nothing in it is believed yet. */
export interface CsvReport {
  readonly version: 1 | 2;
  readonly form: CsvReportForm;
  /** Whether the MAC over PEK and serial number holds; null in the restored form. */
  readonly mac: boolean | null;
  /** The signed bytes as they were transmitted: version 1 signs what is masked. */
  readonly signed: Uint8Array;
  readonly signature: { readonly r: bigint; readonly s: bigint };
  readonly userPubkeyDigest: Uint8Array;
  readonly vmId: Uint8Array;
  readonly vmVersion: Uint8Array;
  readonly reportData: Uint8Array;
  readonly mnonce: Uint8Array;
  readonly measure: Uint8Array;
  readonly policy: number;
  readonly sigUsage: number;
  readonly sigAlgo: number;
  /** The mask, in version 1. It is not signed. */
  readonly anonce: Uint8Array | undefined;
  /** Version 2. */
  readonly extension: CsvReportExtension | undefined;
  /** Certificate of the key that signed, 2084 bytes, unmasked. */
  readonly pek: Uint8Array;
  /** Serial number of the chip: text without its NULs. */
  readonly serial: string;
}

export interface CsvReportExtension {
  readonly build: number;
  readonly rtmrVersion: number;
  readonly reserved0: Uint8Array;
  /** RTMR0 is the measurement of the launch; 1 to 4 are extended by the guest. SM3. */
  readonly rtmrs: readonly Uint8Array[];
  readonly reserved1: Uint8Array;
}

/** Reads a report. @throws DecodeError */
export function readReport(bytes: Uint8Array, version: 1 | 2): CsvReport {
  const size = version === 1 ? REPORT_V1_SIZE : REPORT_V2_SIZE;
  if (bytes.length !== REPORT_PAGE && bytes.length !== size) {
    throw new DecodeError(FORMAT, `${bytes.length} bytes; version ${version} has ${size} or ${REPORT_PAGE}`, 0);
  }
  const padding = new ByteReader(bytes, FORMAT);
  padding.skip(size, 'report');
  padding.zeros(padding.remaining, 'padding');
  const whole = bytes.subarray(0, size);
  return version === 1 ? readV1(whole) : readV2(whole);
}

/**
 * Which version a page is of, where no wrapper says it: version 2 has usage and algorithm in clear, and a PEK where version 1 has
 * the reserved bytes of one.
 */
export function guessVersion(bytes: Uint8Array): 1 | 2 {
  if (bytes.length !== REPORT_PAGE && bytes.length !== REPORT_V2_SIZE) return 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const clear = view.getUint32(180, true) === USAGE.pek && view.getUint32(184, true) === SM2_SA;
  return clear && view.getUint32(REPORT_V2_SIZE - SIGNER, true) === 1 ? 2 : 1;
}

const SERIAL = 64;
const RESERVED = 32;
/** PEK, serial number, reserved bytes, MAC. */
const SIGNER = CSV_SIZE + SERIAL + RESERVED + MAC_SIZE;

function readV1(bytes: Uint8Array): CsvReport {
  const anonce = bytes.slice(MASKED, MASKED + 4);
  const reader = new ByteReader(unmask(bytes.subarray(0, MASKED), anonce), FORMAT);
  const fields = readFields(reader);
  reader.end();
  const rest = new ByteReader(bytes.subarray(MASKED + 4), FORMAT, MASKED + 4);
  const signature = readSignature(rest);
  const signer = rest.bytes(SIGNER, 'signer');
  const mac = macHolds(signer, fields.mnonce);
  const form = mac ? 'masked' : transport(signer, [1, 0, 0, 0]);
  const clear = form === 'masked' ? unmask(signer.subarray(0, CSV_SIZE + SERIAL), anonce) : signer;
  return {
    version: 1,
    form,
    mac: form === 'masked' ? mac : null,
    signed: bytes.subarray(0, SIGNED_V1),
    signature,
    ...fields,
    anonce,
    extension: undefined,
    ...readSigner(clear),
  };
}

function readV2(bytes: Uint8Array): CsvReport {
  const reader = new ByteReader(bytes, FORMAT);
  const fields = readFields(reader);
  const build = reader.u32le('build');
  const rtmrVersion = reader.u16le('RTMR version');
  const reserved0 = reader.bytes(14, 'reserved0');
  const rtmrs = Array.from({ length: 5 }, (_, index) => reader.bytes(32, `RTMR${index}`));
  const reserved1 = reader.bytes(SIGNED_V2 - reader.position, 'reserved1');
  const signature = readSignature(reader);
  const signer = reader.bytes(SIGNER, 'signer');
  const mac = macHolds(signer, fields.mnonce);
  // Nothing is masked in this version: a MAC that does not hold over zeroed reserved bytes is one that the library took the input of.
  const form = mac ? 'masked' : transport(signer, []);
  return {
    version: 2,
    form,
    mac: form === 'masked' ? mac : null,
    signed: bytes.subarray(0, SIGNED_V2),
    signature,
    ...fields,
    anonce: undefined,
    extension: { build, rtmrVersion, reserved0, rtmrs, reserved1 },
    ...readSigner(signer),
  };
}

type Fields = Pick<
  CsvReport,
  'userPubkeyDigest' | 'vmId' | 'vmVersion' | 'reportData' | 'mnonce' | 'measure' | 'policy' | 'sigUsage' | 'sigAlgo'
>;

function readFields(reader: ByteReader): Fields {
  return {
    userPubkeyDigest: reader.bytes(32, 'user_pubkey_digest'),
    vmId: reader.bytes(16, 'vm_id'),
    vmVersion: reader.bytes(16, 'vm_version'),
    reportData: reader.bytes(64, 'report_data'),
    mnonce: reader.bytes(16, 'mnonce'),
    measure: reader.bytes(32, 'measure'),
    policy: reader.u32le('policy'),
    sigUsage: reader.u32le('sig_usage'),
    sigAlgo: reader.u32le('sig_algo'),
  };
}

/** MAC over PEK, serial number and reserved bytes as they stand, under the nonce of the guest: integrity on the way, no origin. */
function macHolds(signer: Uint8Array, mnonce: Uint8Array): boolean {
  const at = SIGNER - MAC_SIZE;
  return constantTimeEqual(hmacSm3(mnonce, signer.subarray(0, at)), signer.subarray(at));
}

/** The restored form begins with a PEK in clear, and has zeros where the library wiped. */
function transport(signer: Uint8Array, start: readonly number[]): CsvReportForm {
  const clear = start.every((byte, index) => signer[index] === byte);
  const wiped = signer.subarray(CSV_SIZE + SERIAL, CSV_SIZE + SERIAL + RESERVED).every((byte) => byte === 0);
  return clear && wiped ? 'restored' : 'masked';
}

function readSigner(signer: Uint8Array): Pick<CsvReport, 'pek' | 'serial'> {
  const serial = signer.subarray(CSV_SIZE, CSV_SIZE + SERIAL);
  return { pek: signer.subarray(0, CSV_SIZE), serial: readSerial(serial) };
}

/** Text up to the first NUL, nothing but NULs after it; anything else is shown with its bytes as `\xNN`. */
export function readSerial(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  return text.replace(/\0+$/, '').replace(/[^\x21-\x7e]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** Serial numbers that may be asked for: they become part of a URL and of a path. */
export function isSerial(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(text);
}

function unmask(bytes: Uint8Array, anonce: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => byte ^ (anonce[index % anonce.length] ?? 0));
}
