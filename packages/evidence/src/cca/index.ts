/** `@assay/evidence/cca`: attestation tokens of Arm CCA. */
export { ccaClaims, ccaClaims as claims } from './claims.js';
export { type CcaEvidence, readCcaEvidence } from './evidence.js';
export { type CcaFileOptions, type CcaFileResult, verifyCcaFiles } from './files.js';
export { type CcaNeeds, ccaNeeds } from './needs.js';
export type { CcaRules } from './rules.js';
export {
  type CcaAnchor,
  type CcaTrust,
  ccaTrust,
  parseTrustAnchors,
  type TrustedKey,
  trustInKey,
} from './stores/anchors.js';
export {
  type CcaReferences,
  type PlatformReference,
  parseReferenceValues,
  type RealmReference,
} from './stores/references.js';
export { type ParsedToken, parseToken, parseToken as parse, type TokenParse } from './token/parse.js';
export type { PlatformClaims, SoftwareComponent } from './token/platform.js';
export type { RealmClaims } from './token/realm.js';
export type { TrustTier, VeraisonResult } from './veraison/judge.js';
export { type CcaVerifierOptions, createCcaVerifier, trustOf, VERAISON_EAR } from './verifier.js';
export {
  type AuthenticToken,
  type CcaInput,
  type CcaVerification,
  verifyCcaToken,
  verifyCcaToken as verify,
} from './verify.js';
