import { createHash } from 'node:crypto';
import { concatBytes } from '@assay/bytes';
import { exactly, u16, u32, u64 } from '../fixed.js';

/** ATTRIBUTES.FLAGS (Intel SDM volume 3D, section 35.7.1). */
export const SGX_FLAG = {
  init: 1n,
  debug: 2n,
  mode64bit: 4n,
  provisionKey: 0x10n,
  einittokenKey: 0x20n,
  kss: 0x80n,
} as const;

/** SGX report body, 384 bytes: the enclave's own and the quoting enclave's. */
export interface SgxReportFields {
  readonly cpuSvn: Uint8Array;
  readonly miscSelect: number;
  readonly isvExtProdId: Uint8Array;
  readonly attributes: bigint;
  readonly xfrm: bigint;
  readonly mrEnclave: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly configId: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly configSvn: number;
  readonly isvFamilyId: Uint8Array;
  readonly reportData: Uint8Array;
}

export function encodeSgxReport(fields: SgxReportFields): Uint8Array {
  return concatBytes(
    exactly(fields.cpuSvn, 16, 'CPUSVN'),
    u32(fields.miscSelect),
    new Uint8Array(12),
    exactly(fields.isvExtProdId, 16, 'ISVEXTPRODID'),
    u64(fields.attributes),
    u64(fields.xfrm),
    exactly(fields.mrEnclave, 32, 'MRENCLAVE'),
    new Uint8Array(32),
    exactly(fields.mrSigner, 32, 'MRSIGNER'),
    new Uint8Array(32),
    exactly(fields.configId, 64, 'CONFIGID'),
    u16(fields.isvProdId),
    u16(fields.isvSvn),
    u16(fields.configSvn),
    new Uint8Array(42),
    exactly(fields.isvFamilyId, 16, 'ISVFAMILYID'),
    exactly(fields.reportData, 64, 'REPORTDATA'),
  );
}

/** Digest that stands for a thing that was never measured. */
export function emulatedDigest(algorithm: 'sha256' | 'sha384', what: string): Uint8Array {
  return Uint8Array.from(createHash(algorithm).update(`Assay emulated ${what}`).digest());
}

/** An enclave that is set up for production. */
export function defaultSgxReport(): SgxReportFields {
  return {
    cpuSvn: Uint8Array.from([0x0f, 0x0f, 2, 5, 1, 0x80, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    miscSelect: 0,
    isvExtProdId: new Uint8Array(16),
    attributes: SGX_FLAG.init | SGX_FLAG.mode64bit,
    xfrm: 0xe7n,
    mrEnclave: emulatedDigest('sha256', 'enclave'),
    mrSigner: emulatedDigest('sha256', 'enclave signer'),
    configId: new Uint8Array(64),
    isvProdId: 1,
    isvSvn: 1,
    configSvn: 0,
    isvFamilyId: new Uint8Array(16),
    reportData: new Uint8Array(64),
  };
}
