/** AMD SEV-SNP: attestation reports, AMD's endorsements, appraisal, claims. */
export type { SnpRules } from './appraise/rules.js';
export { type AuthenticReport, authenticate } from './authenticate.js';
export { reportMembers, snpClaims, snpClaims as claims } from './claims.js';
export {
  CERTIFICATE_GUIDS,
  type CertificateKind,
  readCertificateTable,
  type SuppliedCertificates,
} from './endorsement/certificate-table.js';
export {
  type AmdCertificates,
  type ChainExamination,
  type CurrentAmdChain,
  examineChain,
  judgeDates,
  type VerifiedAmdChain,
} from './endorsement/chain.js';
export { type AmdLeaf, type LeafKind, readLeaf } from './endorsement/leaf.js';
export { type AmdTrust, amdTrust, amdTrustIn } from './endorsement/roots.js';
export { readSnpEvidence, type SnpEvidence } from './evidence.js';
export { type SnpFileOptions, type SnpFileResult, verifySnpFiles } from './files.js';
export { reportNeeds, type SnpNeeds, snpNeeds } from './needs.js';
export { PRODUCTS, type Product, productOfCpuid } from './product.js';
export { checkForm, checkForm as parse } from './report/form.js';
export { PLATFORM_FLAGS, type PlatformFlag, POLICY_FLAGS, type PolicyFlag } from './report/policy.js';
export { type ParsedReport, REPORT_SIZE, type ReportFields, readReport } from './report/report.js';
export { readTcb, TCB_COMPONENTS, type Tcb, type TcbComponent, tcbEntries } from './tcb.js';
export { createSnpVerifier, type SnpVerifierOptions, snpVerifier } from './verifier.js';
export { type SnpInput, type SnpVerification, verifySnpReport, verifySnpReport as verify } from './verify.js';
