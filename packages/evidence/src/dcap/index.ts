/**
 * `@assay/evidence/dcap`: Intel DCAP quotes of SGX and TDX.
 *
 * `parseQuote` → `authenticateQuote` (with `verifyCollateral`, once per issue) → claims of `@assay/evidence/sgx` or `/tdx`.
 */
export { type Appraisal, appraise, isDebug, SGX_FLAG_BITS } from './appraisal.js';
export {
  type Authentication,
  type AuthenticQuote,
  authenticateQuote,
  type CollateralDates,
  type DcapOptions,
  isSgx,
  isTdx,
} from './authenticate.js';
export { dcapClaims } from './claims.js';
export {
  type EvaluationNumber,
  type EvaluationNumbers,
  verifyEvaluationNumbers,
} from './collateral/evaluation-numbers.js';
export type { QeIdentity } from './collateral/qe-identity.js';
export {
  COLLATERAL_NAMES,
  collateralFromEndorsements,
  parseCollateralBundle,
  type RawCollateral,
} from './collateral/raw.js';
export { splitSignedAnswer } from './collateral/signed-json.js';
export type { TcbInfo, TcbLevel } from './collateral/tcb-info.js';
export { type VerifiedCollateral, verifyCollateral } from './collateral/verify.js';
export type { Grace } from './dates.js';
export type { QuoteFileOptions, QuoteFileResult } from './files.js';
export { type CollateralNeeds, collateralNeeds, type PckCertificateNeeds } from './needs.js';
export type { PckPlatform } from './pck/extension.js';
export type { PckCa } from './pck/names.js';
export type { ParsedQuote, SgxQuote, TdxQuote, Tee } from './quote/model.js';
export { parseQuote, type QuoteParse } from './quote/parse.js';
export type { SgxReport, TdReport } from './quote/report.js';
export { type DcapTrust, dcapTrust, INTEL_SGX_ROOT, intelTrust } from './roots.js';
export { TCB_STATUSES, type TcbStatus } from './tcb/status.js';
export type { DcapVerifierOptions } from './verifier.js';
