import { concatBytes } from '@assay/bytes';
import { exactly, u64 } from '../fixed.js';
import { emulatedDigest } from './sgx-report.js';

/** TDATTRIBUTES bits (Intel TDX module ABI, TD_ATTRIBUTES). */
export const TD_ATTRIBUTE = {
  debug: 1n,
  septVeDisable: 1n << 28n,
  migratable: 1n << 29n,
  pks: 1n << 30n,
  perfmon: 1n << 63n,
} as const;

/** TD report body: 584 bytes (TD 1.0), 648 with the last two members (TD 1.5). */
export interface TdReportFields {
  readonly teeTcbSvn: Uint8Array;
  readonly mrSeam: Uint8Array;
  readonly mrSignerSeam: Uint8Array;
  readonly seamAttributes: bigint;
  readonly tdAttributes: bigint;
  readonly xfam: bigint;
  readonly mrTd: Uint8Array;
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  readonly reportData: Uint8Array;
  readonly teeTcbSvn2: Uint8Array;
  readonly mrServiceTd: Uint8Array;
}

export function encodeTdReport(fields: TdReportFields, version: '1.0' | '1.5'): Uint8Array {
  const common = concatBytes(
    exactly(fields.teeTcbSvn, 16, 'TEE_TCB_SVN'),
    exactly(fields.mrSeam, 48, 'MRSEAM'),
    exactly(fields.mrSignerSeam, 48, 'MRSIGNERSEAM'),
    u64(fields.seamAttributes),
    u64(fields.tdAttributes),
    u64(fields.xfam),
    exactly(fields.mrTd, 48, 'MRTD'),
    exactly(fields.mrConfigId, 48, 'MRCONFIGID'),
    exactly(fields.mrOwner, 48, 'MROWNER'),
    exactly(fields.mrOwnerConfig, 48, 'MROWNERCONFIG'),
    ...fields.rtmrs.map((rtmr, index) => exactly(rtmr, 48, `RTMR${index}`)),
    exactly(fields.reportData, 64, 'REPORTDATA'),
  );
  if (version === '1.0') return common;
  return concatBytes(
    common,
    exactly(fields.teeTcbSvn2, 16, 'TEE_TCB_SVN_2'),
    exactly(fields.mrServiceTd, 48, 'MRSERVICETD'),
  );
}

/** A TD that is set up for production, on a module of version 1. */
export function defaultTdReport(): TdReportFields {
  const svn = Uint8Array.from([6, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  return {
    teeTcbSvn: svn,
    mrSeam: emulatedDigest('sha384', 'TDX module'),
    mrSignerSeam: new Uint8Array(48),
    seamAttributes: 0n,
    tdAttributes: TD_ATTRIBUTE.septVeDisable,
    xfam: 0x602e7n,
    mrTd: emulatedDigest('sha384', 'TD firmware'),
    mrConfigId: new Uint8Array(48),
    mrOwner: new Uint8Array(48),
    mrOwnerConfig: new Uint8Array(48),
    rtmrs: [new Uint8Array(48), new Uint8Array(48), new Uint8Array(48), new Uint8Array(48)],
    reportData: new Uint8Array(64),
    teeTcbSvn2: svn,
    mrServiceTd: new Uint8Array(48),
  };
}
