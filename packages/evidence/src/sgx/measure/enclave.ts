/** What hardware will report of an enclave, from the artifacts of its build. */
import { constantTimeEqual, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { measureSgxs } from './sgxs.js';
import { type AuthenticSigstruct, readSigstruct, type Sigstruct } from './sigstruct.js';

export interface EnclaveArtifacts {
  readonly sigstruct: Uint8Array;
  /** The load itself; its measurement is then compared with what was signed. */
  readonly sgxs?: Uint8Array;
}

export interface MeasuredEnclave {
  readonly findings: readonly FindingDraft[];
  readonly sigstruct: Sigstruct | undefined;
  /** Present when every check holds: then its fields may become reference values. */
  readonly authentic: AuthenticSigstruct | undefined;
  /** Measured from the load; absent without one. */
  readonly mrEnclave: Uint8Array | undefined;
}

/** @throws DecodeError for a load that is none */
export function measureEnclave({ sigstruct, sgxs }: EnclaveArtifacts): MeasuredEnclave {
  const reading = readSigstruct(sigstruct);
  if (sgxs === undefined) return { ...reading, mrEnclave: undefined };
  const { mrEnclave } = measureSgxs(sgxs);
  const signed = reading.sigstruct?.enclaveHash;
  if (signed === undefined) return { ...reading, mrEnclave };
  const subject = 'MRENCLAVE';
  const facts = { expected: encodeHex(signed), actual: encodeHex(mrEnclave) };
  if (constantTimeEqual(signed, mrEnclave))
    return {
      ...reading,
      mrEnclave,
      findings: [...reading.findings, passed('sgx.enclave.measurement', subject, facts.actual)],
    };
  const finding = failed('sgx.enclave.measurement', {
    params: facts,
    subject,
    ...facts,
    source: 'ENCLAVEHASH of the SIGSTRUCT',
  });
  return { ...reading, mrEnclave, findings: [...reading.findings, finding], authentic: undefined };
}

const DEBUG = 2;

/** ATTRIBUTES.DEBUG is set and demanded: the enclave can only run in debug. */
export function isDebugEnclave({ attributes, attributesMask }: Sigstruct): boolean {
  return ((attributes[0] ?? 0) & (attributesMask[0] ?? 0) & DEBUG) !== 0;
}

/** The enclave may be launched in debug: the bit is not among those that EINIT compares. */
export function mayDebug({ attributes, attributesMask }: Sigstruct): boolean {
  return ((attributesMask[0] ?? 0) & DEBUG) === 0 || ((attributes[0] ?? 0) & DEBUG) !== 0;
}
