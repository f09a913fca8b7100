/** `@assay/evidence/sgx`: SGX quotes. `parse` → `authenticate` → `claims`; `verify` does all three, and binds. */
import { type Authentication, authenticateQuote, type DcapOptions } from '../dcap/authenticate.js';
import type { VerifiedCollateral } from '../dcap/collateral/verify.js';
import type { SgxQuote } from '../dcap/quote/model.js';
import { parseQuote, type QuoteParse } from '../dcap/quote/parse.js';
import type { VerifierResult, VerifyInput } from '../verifier.js';
import { sgxVerifier } from './verifier.js';

export { sgxClaims as claims } from './claims.js';
export { verifySgxFiles } from './files.js';
export {
  type EnclaveArtifacts,
  isDebugEnclave,
  type MeasuredEnclave,
  mayDebug,
  measureEnclave,
} from './measure/enclave.js';
export { quotients, toLittleEndian } from './measure/rsa3.js';
export {
  type EnclaveLayout,
  type EnclavePage,
  encodeSgxs,
  type MeasuredLoad,
  measureSgxs,
  PAGE_ACCESS,
  PAGE_KIND,
} from './measure/sgxs.js';
export {
  type AuthenticSigstruct,
  readSigstruct,
  SIGSTRUCT_BYTES,
  type Sigstruct,
  type SigstructReading,
} from './measure/sigstruct.js';
export { createSgxVerifier, sgxVerifier } from './verifier.js';

/** Reads a quote that must be one of SGX. */
export function parse(bytes: Uint8Array): QuoteParse<SgxQuote> {
  const { findings, quote } = parseQuote(bytes, 'sgx');
  return { findings, quote: quote?.tee === 'sgx' ? quote : undefined };
}

/** Verifies a quote against collateral that was verified before. */
export function authenticate(
  quote: SgxQuote,
  collateral: VerifiedCollateral,
  now: Date,
  options?: DcapOptions,
): Authentication<SgxQuote> {
  return authenticateQuote(quote, collateral, now, options);
}

/** Parses, authenticates, appraises, binds and makes claims, with Intel's root and every check on. */
export function verify(input: VerifyInput): VerifierResult {
  return sgxVerifier.verify(input);
}
