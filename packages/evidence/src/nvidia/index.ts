/** NVIDIA GPUs and NVSwitches: reports, certificate chains, reference manifests, revocation, remote attestation. */
export type { DeviceAppraisal } from './appraise.js';
export { type AuthenticReport, authenticateDevice, authenticateDevice as authenticate } from './authenticate.js';
export { type NvidiaTrust, nvidiaTrust, nvidiaTrustIn } from './chain/roots.js';
export { deviceClaims, deviceClaims as claims } from './claims.js';
export { ARCHITECTURES, type Architecture } from './device.js';
export { readNvidiaEvidence } from './evidence.js';
export { type NvidiaFileOptions, type NvidiaFileResult, verifyNvidiaFiles } from './files.js';
export {
  type NrasQuestion,
  type NvidiaNeeds,
  nrasQuestions,
  nvidiaNeeds,
  type RevocationQuestion,
  revocationQuestions,
} from './needs.js';
export { NRAS_KEYS, type RemoteOptions } from './nras/verify.js';
export { type ParsedReport, parseReport, parseReport as parse } from './report/report.js';
export { ocspNames } from './revocation.js';
export { manifestCertificates, verifyManifest } from './rim/manifest.js';
export type { Demand, NvidiaRules } from './rules.js';
export { createNvidiaVerifier, type NvidiaVerifierOptions, nvidiaVerifier } from './verifier.js';
