/** `@assay/evidence/tpm`: TPM 2.0. Structures, quotes with their keys, the verifier of TEE `tpm`. */
export { pcrClaims, tpmClaims as claims } from './claims.js';
export { readTpmEvidence, type TpmEvidence } from './evidence.js';
export { readPcrFile, type TpmFileOptions, type TpmFileResult, verifyTpmFiles } from './files.js';
export { INIT_DATA_PCR, initDataPcr } from './init-data.js';
export { type AkIdentity, type AkReading, type AttestationKey, attestationKey, readAk, readAkParts } from './key/ak.js';
export { checkAttributes } from './key/attributes.js';
export { type AkRoots, akRootsOf, examineAkCertificate, parseAkCertificates } from './key/certificate.js';
export { type AkTrust, type TrustedAk, type TrustedAks, trustedAkList, vouchForAk } from './key/trust.js';
export { type PcrBank, type PcrValues, pcrDigest, pcrList } from './quote/pcrs.js';
export { rawRsassa, readQuoteSignature } from './quote/signature.js';
export {
  type AuthenticTpmQuote,
  type PcrUse,
  type TpmQuoteInput,
  type TpmQuoteVerification,
  verifyTpmQuote as authenticate,
  verifyTpmQuote,
} from './quote/verify.js';
export * from './structures/index.js';
export { createTpmVerifier, type TpmVerifierOptions, tpmVerifier } from './verifier.js';
