import { encodeHex, type JsonObject } from '@assay/bytes';
import { defaultSgxReport, emulatedDigest, SGX_FLAG, type SgxReportFields } from './sgx-report.js';
import { type IntelTee, type SvnLevel, seconds, svnLevel } from './tcb-info.js';

/** Product ids of Intel's quoting enclaves. */
const PRODUCT: Readonly<Record<IntelTee, number>> = { sgx: 1, tdx: 2 };

export interface QeIdentityFields {
  readonly tee: IntelTee;
  readonly issued: Date;
  readonly nextUpdate: Date;
  readonly evaluation: number;
  readonly mrSigner: Uint8Array;
  readonly levels: readonly SvnLevel[];
}

export const DEFAULT_QE_LEVELS: readonly SvnLevel[] = [
  { isvSvn: 8, date: '2024-11-13T00:00:00Z', status: 'UpToDate' },
  { isvSvn: 4, date: '2023-08-09T00:00:00Z', status: 'OutOfDate', advisories: ['INTEL-SA-01036'] },
];

/** Signer of the emulated quoting enclave, which is not Intel's. */
export function quotingEnclaveSigner(tee: IntelTee): Uint8Array {
  return emulatedDigest('sha256', tee === 'sgx' ? 'quoting enclave signer' : 'TD quoting enclave signer');
}

/** The quoting enclave's own report, but for its report data. */
export function quotingEnclave(tee: IntelTee): SgxReportFields {
  return {
    ...defaultSgxReport(),
    attributes: SGX_FLAG.init | SGX_FLAG.mode64bit | SGX_FLAG.provisionKey,
    mrEnclave: emulatedDigest('sha256', tee === 'sgx' ? 'quoting enclave' : 'TD quoting enclave'),
    mrSigner: quotingEnclaveSigner(tee),
    isvProdId: PRODUCT[tee],
    isvSvn: 8,
  };
}

/** The `enclaveIdentity` object, members in the order of Intel's service. */
export function qeIdentityDocument(fields: QeIdentityFields): JsonObject {
  return {
    id: fields.tee === 'sgx' ? 'QE' : 'TD_QE',
    version: 2,
    issueDate: seconds(fields.issued),
    nextUpdate: seconds(fields.nextUpdate),
    tcbEvaluationDataNumber: fields.evaluation,
    miscselect: '00000000',
    miscselectMask: 'FFFFFFFF',
    attributes: '11000000000000000000000000000000',
    attributesMask: 'FBFFFFFFFFFFFFFF0000000000000000',
    mrsigner: encodeHex(fields.mrSigner).toUpperCase(),
    isvprodid: PRODUCT[fields.tee],
    tcbLevels: fields.levels.map(svnLevel),
  };
}
