/** `@assay/evidence/nitro`: attestation documents of AWS Nitro Enclaves. */
export { nitroClaims, nitroClaims as claims } from './claims.js';
export { type DocumentParse, type ParsedDocument, parseDocument, parseDocument as parse } from './document.js';
export { type NitroEvidence, readNitroEvidence } from './evidence.js';
export { type NitroFileOptions, type NitroFileResult, verifyNitroFiles } from './files.js';
export { AWS_NITRO_ROOT, type NitroTrust, nitroTrust, nitroTrustIn } from './roots.js';
export type { NitroRules, ReportDataField } from './rules.js';
export { createNitroVerifier, type NitroVerifierOptions, nitroVerifier } from './verifier.js';
export {
  type AuthenticDocument,
  type NitroInput,
  type NitroVerification,
  verifyNitroDocument,
  verifyNitroDocument as verify,
} from './verify.js';
