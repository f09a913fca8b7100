/** Hygon CSV: attestation reports of versions 1 and 2, Hygon's certificates, appraisal, claims. */
export { type AuthenticCsvReport, authenticate } from './authenticate.js';
export {
  CA_SIZE,
  CSV_SIZE,
  type CsvCertificate,
  type CsvSignature,
  HSK_CEK_SIZE,
  parseCaCertificate,
  parseCsvCertificate,
  SM2_SA,
  signedBy,
  USAGE,
} from './certificate/certificate.js';
export { type CsvChainExamination, examineChain, type VerifiedCsvChain } from './chain.js';
export type { CsvKeyName, CsvLinks } from './chain-keys.js';
export { csvClaims, csvClaims as claims, reportMembers } from './claims.js';
export { endorsedHskCek, hskCekName, splitHskCek } from './endorsements.js';
export { type CsvEvidence, readCsvEvidence } from './evidence.js';
export { type CsvFileOptions, type CsvFileResult, verifyCsvFiles } from './files.js';
export { type CsvNeeds, csvNeeds } from './needs.js';
export { checkForm, checkForm as parse } from './report/form.js';
export { CSV_POLICY_FLAGS, type CsvPolicy, type CsvPolicyFlag, readCsvPolicy } from './report/policy.js';
export { type CsvReport, guessVersion, isSerial, REPORT_PAGE, REPORT_V1_SIZE, readReport } from './report/report.js';
export { type CsvRoot, type CsvTrust, csvTrust, csvTrustIn } from './roots.js';
export type { CsvRules } from './rules.js';
export { type CsvVerifierOptions, createCsvVerifier, csvVerifier } from './verifier.js';
export { type CsvInput, type CsvVerification, verifyCsvReport, verifyCsvReport as verify } from './verify.js';
