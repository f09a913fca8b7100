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
