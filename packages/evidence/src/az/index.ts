/** `@assay/evidence/az`: Azure confidential VMs, whose hardware report vouches for a vTPM. */
export { azClaims as claims } from './claims.js';
export { type AzEvidence, readAzEvidence } from './evidence.js';
export { type AzFileOptions, type AzFileResult, verifyAzFiles } from './files.js';
export { boundReportData, examineHcl, type HclExamination } from './hcl/examine.js';
export { type AzKind, type HclReport, parseHclReport, parseHclReport as parse } from './hcl/report.js';
export { azSnpNeeds, azTdxNeeds } from './needs.js';
export {
  type AzVerifierOptions,
  azSnpVtpmVerifier,
  azTdxVtpmVerifier,
  createAzSnpVtpmVerifier,
  createAzTdxVtpmVerifier,
} from './verifier.js';
export {
  type AuthenticAz,
  type AzInput,
  type AzVerification,
  type TpmPart,
  verifyAz,
  verifyAz as authenticate,
} from './verify.js';
