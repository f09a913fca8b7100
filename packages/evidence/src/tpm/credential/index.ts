/** `@assay/evidence/tpm/credential`: what a privacy CA does to enrol an attestation key. Nothing here asks whom to trust. */
export {
  type EkCertificateInput,
  type EkCertificateResult,
  type EkProblem,
  verifyEkCertificate,
} from './ek-certificate.js';
export { type KdfHash, kdfA, kdfE } from './kdf.js';
export { attestationKeyFaults, endorsementKeyFaults } from './keys.js';
export { type Credential, CredentialError, type CredentialInput, makeCredential } from './make-credential.js';
