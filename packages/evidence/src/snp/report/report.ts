/** Attestation report of AMD SEV-SNP firmware (AMD 56860, ATTESTATION_REPORT), versions 2 to 5. */
import { ByteReader } from '@assay/bytes';

export const REPORT_SIZE = 0x4a0;
/** The signature covers everything before it. */
export const SIGNED_SIZE = 0x2a0;
export const KNOWN_VERSIONS: readonly number[] = [2, 3, 4, 5];

/** Fields of a report as they stand. Byte strings are views of the report. */
export interface ReportFields {
  readonly bytes: Uint8Array;
  readonly version: number;
  readonly guestSvn: number;
  readonly policy: bigint;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  readonly vmpl: number;
  readonly signatureAlgorithm: number;
  readonly currentTcb: Uint8Array;
  readonly platformInfo: bigint;
  readonly keyInfo: number;
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: Uint8Array;
  readonly reportIdMa: Uint8Array;
  readonly reportedTcb: Uint8Array;
  /** Combined family and model, stepping; undefined in version 2, which has no such fields. */
  readonly cpuid: { readonly family: number; readonly model: number; readonly stepping: number } | undefined;
  readonly chipId: Uint8Array;
  readonly committedTcb: Uint8Array;
  readonly current: FirmwareVersion;
  readonly committed: FirmwareVersion;
  readonly launchTcb: Uint8Array;
  /** Undefined before version 5. */
  readonly mitigations: { readonly launch: bigint; readonly current: bigint } | undefined;
}

export interface FirmwareVersion {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

declare const parsed: unique symbol;
/** A report whose form is right: known version, algorithm and key, reserved bytes zero, policy well formed. */
export type ParsedReport = ReportFields & { readonly [parsed]: true };

/** Reads the fields of exactly 1184 bytes; what they may hold is judged elsewhere. @throws DecodeError for another length */
export function readReport(bytes: Uint8Array): ReportFields {
  const reader = new ByteReader(bytes, 'SNP report');
  const version = reader.u32le('VERSION');
  const fields = {
    bytes,
    version,
    guestSvn: reader.u32le('GUEST_SVN'),
    policy: reader.u64le('POLICY'),
    familyId: reader.bytes(16, 'FAMILY_ID'),
    imageId: reader.bytes(16, 'IMAGE_ID'),
    vmpl: reader.u32le('VMPL'),
    signatureAlgorithm: reader.u32le('SIGNATURE_ALGO'),
    currentTcb: reader.bytes(8, 'CURRENT_TCB'),
    platformInfo: reader.u64le('PLATFORM_INFO'),
    keyInfo: reader.u32le('KEY_INFO'),
    ...skip(reader, 4),
    reportData: reader.bytes(64, 'REPORT_DATA'),
    measurement: reader.bytes(48, 'MEASUREMENT'),
    hostData: reader.bytes(32, 'HOST_DATA'),
    idKeyDigest: reader.bytes(48, 'ID_KEY_DIGEST'),
    authorKeyDigest: reader.bytes(48, 'AUTHOR_KEY_DIGEST'),
    reportId: reader.bytes(32, 'REPORT_ID'),
    reportIdMa: reader.bytes(32, 'REPORT_ID_MA'),
    reportedTcb: reader.bytes(8, 'REPORTED_TCB'),
    cpuid: readCpuid(reader, version),
    ...skip(reader, 21),
    chipId: reader.bytes(64, 'CHIP_ID'),
    committedTcb: reader.bytes(8, 'COMMITTED_TCB'),
    current: readVersion(reader),
    committed: readVersion(reader),
    launchTcb: reader.bytes(8, 'LAUNCH_TCB'),
    mitigations: readMitigations(reader, version),
  };
  reader.skip(SIGNED_SIZE - reader.position, 'reserved');
  reader.skip(REPORT_SIZE - SIGNED_SIZE, 'SIGNATURE');
  reader.end();
  return fields;
}

/** Steps over reserved bytes in the middle of an object literal that is read in order. */
function skip(reader: ByteReader, length: number): object {
  reader.skip(length, 'reserved');
  return {};
}

function readCpuid(reader: ByteReader, version: number): ReportFields['cpuid'] {
  const cpuid = {
    family: reader.u8('CPUID_FAM_ID'),
    model: reader.u8('CPUID_MOD_ID'),
    stepping: reader.u8('CPUID_STEP'),
  };
  return version >= 3 ? cpuid : undefined;
}

function readVersion(reader: ByteReader): FirmwareVersion {
  const version = { build: reader.u8('build'), minor: reader.u8('minor'), major: reader.u8('major') };
  reader.skip(1, 'reserved');
  return version;
}

function readMitigations(reader: ByteReader, version: number): ReportFields['mitigations'] {
  const vectors = { launch: reader.u64le('LAUNCH_MIT_VECTOR'), current: reader.u64le('CURRENT_MIT_VECTOR') };
  return version >= 5 ? vectors : undefined;
}

/** `1.55.29`. */
export function versionText({ major, minor, build }: FirmwareVersion): string {
  return `${major}.${minor}.${build}`;
}

/** KEY_INFO in parts (AMD 56860, table of ATTESTATION_REPORT). */
export function keyInfo(value: number): {
  readonly authorKeyEnabled: boolean;
  readonly chipKeyMasked: boolean;
  readonly signingKey: number;
  readonly reserved: number;
} {
  return {
    authorKeyEnabled: (value & 1) !== 0,
    chipKeyMasked: (value & 2) !== 0,
    signingKey: (value >>> 2) & 7,
    reserved: value >>> 5,
  };
}

export function allZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
