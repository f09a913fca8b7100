/** IBM Secure Execution: challenges for the ultravisor, its measurements, host-key documents. */
export { type AuthenticSeEvidence, authenticate } from './authenticate.js';
export { makeChallenge } from './challenge.js';
export { seClaims, seClaims as claims } from './claims.js';
export { readSeEvidence, type SeEvidence } from './evidence.js';
export { type SeFileOptions, type SeFileResult, verifySeFiles } from './files.js';
export { type Authorities, type AuthorityFiles, readAuthorities } from './host-key/authorities.js';
export { examineHostKey, type HostKeyExamination, judgeDates, type TrustedHostKey } from './host-key/document.js';
export { IMAGE_TAGS_SIZE, imageTags } from './image-header.js';
export { type MeasuredItems, measure } from './measurement.js';
export { type HostPublicKey, hostKeyOfPoint } from './request/key.js';
export { buildRequest, REQUEST_VERSION, type RequestParts, slotKey } from './request/request.js';
export { MeasurementSeal, type RequestSecrets } from './request/sealing.js';
export { createSeVerifier, type SeMaterials } from './verifier.js';
