import { createHash, type KeyObject, sign } from 'node:crypto';
import { concatBytes } from '@assay/bytes';
import { exactly, u8, u32, u64 } from '../fixed.js';
import { emulatedDigest } from '../intel/sgx-report.js';
import { type AmdProduct, type AmdTcb, CPUID, encodeTcb } from './tcb.js';

/** POLICY bits (AMD 56860, table 9). */
export const SNP_POLICY = {
  smt: 1n << 16n,
  reservedMustBeOne: 1n << 17n,
  migrateMa: 1n << 18n,
  debug: 1n << 19n,
  singleSocket: 1n << 20n,
} as const;

interface FirmwareVersion {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

/** ATTESTATION_REPORT (AMD 56860, table 23). */
export interface SnpReportFields {
  readonly version: number;
  readonly guestSvn: number;
  readonly policy: bigint;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  readonly vmpl: number;
  readonly signatureAlgorithm: number;
  readonly currentTcb: AmdTcb;
  readonly platformInfo: bigint;
  readonly keyInfo: number;
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: Uint8Array;
  readonly reportIdMa: Uint8Array;
  readonly reportedTcb: AmdTcb;
  /** Family, model, stepping; written from version 3 on. */
  readonly cpuid: readonly [number, number, number];
  readonly chipId: Uint8Array;
  readonly committedTcb: AmdTcb;
  readonly current: FirmwareVersion;
  readonly committed: FirmwareVersion;
  readonly launchTcb: AmdTcb;
  /** Written from version 5 on. */
  readonly launchMitVector: bigint;
  readonly currentMitVector: bigint;
}

export interface SnpReportSigning {
  readonly product: AmdProduct;
  readonly key: KeyObject;
  /** Changes the 672 signed bytes before they are signed. */
  readonly alterBody?: (body: Uint8Array) => Uint8Array;
  /** Changes the 512 bytes of the signature field. */
  readonly alterSignature?: (signature: Uint8Array) => Uint8Array;
}

/** Writes and signs a report: 1184 bytes. */
export function encodeSnpReport(fields: SnpReportFields, signing: SnpReportSigning): Uint8Array {
  const plain = encodeBody(fields, signing.product);
  const body = exactly(signing.alterBody?.(plain) ?? plain, 0x2a0, 'report body');
  const fixed = sign('sha384', body, { key: signing.key, dsaEncoding: 'ieee-p1363' });
  const signature = concatBytes(littleEndian72(fixed.subarray(0, 48)), littleEndian72(fixed.subarray(48)), zeros(368));
  return concatBytes(body, exactly(signing.alterSignature?.(signature) ?? signature, 512, 'signature field'));
}

/** A guest that is set up for production. */
export function defaultSnpReport(product: AmdProduct, tcb: AmdTcb, chipId: Uint8Array): SnpReportFields {
  const version = { major: 1, minor: 55, build: 29 };
  return {
    version: product === 'Turin' ? 5 : 3,
    guestSvn: 0,
    policy: SNP_POLICY.reservedMustBeOne | SNP_POLICY.smt,
    familyId: zeros(16),
    imageId: zeros(16),
    vmpl: 0,
    signatureAlgorithm: 1,
    currentTcb: tcb,
    platformInfo: 0x25n,
    keyInfo: 0,
    reportData: zeros(64),
    measurement: emulatedDigest('sha384', 'SNP launch'),
    hostData: zeros(32),
    idKeyDigest: zeros(48),
    authorKeyDigest: zeros(48),
    reportId: Uint8Array.from(createHash('sha256').update(chipId).digest()),
    reportIdMa: new Uint8Array(32).fill(0xff),
    reportedTcb: tcb,
    cpuid: CPUID[product],
    chipId,
    committedTcb: tcb,
    current: version,
    committed: version,
    launchTcb: tcb,
    launchMitVector: 3n,
    currentMitVector: 3n,
  };
}

function encodeBody(fields: SnpReportFields, product: AmdProduct): Uint8Array {
  const mitigations =
    fields.version >= 5 ? concatBytes(u64(fields.launchMitVector), u64(fields.currentMitVector)) : zeros(16);
  const cpuid = fields.version >= 3 ? concatBytes(...fields.cpuid.map(u8)) : zeros(3);
  return concatBytes(
    u32(fields.version),
    u32(fields.guestSvn),
    u64(fields.policy),
    exactly(fields.familyId, 16, 'FAMILY_ID'),
    exactly(fields.imageId, 16, 'IMAGE_ID'),
    u32(fields.vmpl),
    u32(fields.signatureAlgorithm),
    encodeTcb(fields.currentTcb, product),
    u64(fields.platformInfo),
    u32(fields.keyInfo),
    zeros(4),
    exactly(fields.reportData, 64, 'REPORT_DATA'),
    exactly(fields.measurement, 48, 'MEASUREMENT'),
    exactly(fields.hostData, 32, 'HOST_DATA'),
    exactly(fields.idKeyDigest, 48, 'ID_KEY_DIGEST'),
    exactly(fields.authorKeyDigest, 48, 'AUTHOR_KEY_DIGEST'),
    exactly(fields.reportId, 32, 'REPORT_ID'),
    exactly(fields.reportIdMa, 32, 'REPORT_ID_MA'),
    encodeTcb(fields.reportedTcb, product),
    cpuid,
    zeros(21),
    exactly(fields.chipId, 64, 'CHIP_ID'),
    encodeTcb(fields.committedTcb, product),
    firmware(fields.current),
    firmware(fields.committed),
    encodeTcb(fields.launchTcb, product),
    mitigations,
    zeros(0x98),
  );
}

function firmware({ major, minor, build }: FirmwareVersion): Uint8Array {
  return concatBytes(u8(build), u8(minor), u8(major), zeros(1));
}

function littleEndian72(bigEndian: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.from(bigEndian).reverse(), zeros(24));
}

function zeros(length: number): Uint8Array {
  return new Uint8Array(length);
}
