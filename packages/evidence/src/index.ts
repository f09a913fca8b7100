export { compareReportData, type FieldSize, fit, type ReportDataComparison } from './binding/report-data.js';
export { sampleDeviceVerifier, sampleVerifier } from './sample/verifier.js';
export type {
  ClaimClass,
  ClaimSet,
  Endorsements,
  ExpectedInitData,
  ExpectedReportData,
  Verifier,
  VerifierResult,
  VerifyInput,
} from './verifier.js';
