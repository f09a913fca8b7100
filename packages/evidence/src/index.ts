export {
  type AzVerifierOptions,
  azSnpVtpmVerifier,
  azTdxVtpmVerifier,
  createAzSnpVtpmVerifier,
  createAzTdxVtpmVerifier,
} from './az/verifier.js';
export { compareInitData, type InitDataComparison } from './binding/init-data.js';
export { compareReportData, type FieldSize, fit, type ReportDataComparison } from './binding/report-data.js';
export { createCcaVerifier } from './cca/verifier.js';
export { type CsvVerifierOptions, createCsvVerifier, csvVerifier } from './csv/verifier.js';
export type { DcapVerifierOptions } from './dcap/verifier.js';
export * as eventlog from './eventlog/index.js';
export { type EventlogFileResult, verifyEventlogFiles } from './eventlog/index.js';
export { createHygonDcuVerifier } from './hygon-dcu/verifier.js';
export { createNitroVerifier, nitroVerifier } from './nitro/verifier.js';
export { createNvidiaVerifier, type NvidiaVerifierOptions, nvidiaVerifier } from './nvidia/verifier.js';
export { createDpuVerifier, type DpuVerifierOptions } from './nvidia-dpu/verifier.js';
export { sampleDeviceVerifier, sampleVerifier } from './sample/verifier.js';
export { createSeVerifier, type SeMaterials } from './se/verifier.js';
export { createSgxVerifier, sgxVerifier } from './sgx/verifier.js';
export * as snp from './snp/index.js';
export {
  createSnpVerifier,
  type SnpFileResult,
  type SnpNeeds,
  type SnpRules,
  snpNeeds,
  snpVerifier,
  verifySnpFiles,
} from './snp/index.js';
export { createTdxVerifier, tdxVerifier } from './tdx/verifier.js';
export { createTpmVerifier, type TpmVerifierOptions, tpmVerifier } from './tpm/verifier.js';
export { isUnattested, UNATTESTED_TEE, unattestedVerifier } from './unattested/verifier.js';
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
