import { encodeHex, type JsonObject } from '@assay/bytes';
import { defaultSgxReport, emulatedDigest, SGX_FLAG, type SgxReportFields } from './sgx-report.js';
import { type IntelTee, type SvnLevel, seconds, svnLevel } from './tcb-info.js';

/** Product ids of Intel's quoting enclaves. */
const PRODUCT: Readonly<Record<IntelTee, number>> = { sgx: 1, tdx: 2 };

export interface QeIdentityFields {
  readonly tee: IntelTee;
  /** 1 is the document of PCS API v1 (SGX only), 2 that of all others. */
  readonly version: 1 | 2;
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

/** What the signed object is called, by its version. */
export function qeIdentityName(version: 1 | 2): 'qeIdentity' | 'enclaveIdentity' {
  return version === 1 ? 'qeIdentity' : 'enclaveIdentity';
}

/** The `enclaveIdentity` or `qeIdentity` object, members in the order of Intel's service. */
export function qeIdentityDocument(fields: QeIdentityFields): JsonObject {
  const { issued, levels, nextUpdate, tee, version } = fields;
  const dates = { issueDate: seconds(issued), nextUpdate: seconds(nextUpdate) };
  if (version === 1) return { version, ...dates, ...enclave(fields), isvsvn: levels[0]?.isvSvn ?? 0 };
  return {
    id: tee === 'sgx' ? 'QE' : 'TD_QE',
    version,
    ...dates,
    tcbEvaluationDataNumber: fields.evaluation,
    ...enclave(fields),
    tcbLevels: levels.map(svnLevel),
  };
}

function enclave(fields: QeIdentityFields): JsonObject {
  return {
    miscselect: '00000000',
    miscselectMask: 'FFFFFFFF',
    attributes: '11000000000000000000000000000000',
    attributesMask: 'FBFFFFFFFFFFFFFF0000000000000000',
    mrsigner: encodeHex(fields.mrSigner).toUpperCase(),
    isvprodid: PRODUCT[fields.tee],
  };
}
