/** `@assay/soft-tee`: emulated TEE hardware and emulated vendor services, for development and tests. */
export { type AmdChip, type AmdOrders, EmulatedAmd } from './amd/amd.js';
export type { AmdLeafFields } from './amd/pki.js';
export { SNP_POLICY, type SnpReportFields } from './amd/report.js';
export type { AmdProduct, AmdTcb } from './amd/tcb.js';
export {
  type EmulatedAttester,
  type EmulatedOverrides,
  type EmulatedTee,
  emulatedAttester,
} from './attester/attester.js';
export {
  type AzSnpOverrides,
  type AzTdxOverrides,
  azSnpEvidence,
  azTdxEvidence,
  azureTpm,
} from './attester/azure.js';
export { type CcaOverrides, ccaEvidence, ccaToken } from './attester/cca.js';
export { CSV_BANK, type CsvOverrides, csvEvidence, csvReport, type DcuOverrides, dcuEvidence } from './attester/csv.js';
export { type NitroOverrides, nitroDocument, nitroEvidence } from './attester/nitro.js';
export {
  type DpuOverrides,
  dpuEvidence,
  type NvidiaDeviceOverrides,
  type NvidiaOverrides,
  nvidiaEvidence,
  nvidiaNonce,
  nvidiaReport,
} from './attester/nvidia.js';
export { type SeOverrides, seEvidence } from './attester/se.js';
export { type SgxOverrides, sgxEvidence, sgxQuote } from './attester/sgx.js';
export { type SnpOverrides, snpEvidence, snpReport } from './attester/snp.js';
export { type TdxOverrides, tdxEvidence, tdxQuote } from './attester/tdx.js';
export {
  type EmulatedTpmQuote,
  emulatedTpmBoot,
  type TpmOverrides,
  tpmEvidence,
  tpmQuote,
} from './attester/tpm.js';
export { encodeHclReport, type HclFields, type RuntimeJson, runtimeData, runtimeHash } from './azure/hcl.js';
export { type CcaMachine, EmulatedCca } from './cca/cca.js';
export { EmulatedHygon, type HygonChip, type HygonOrders } from './csv/hygon.js';
export { CSV_POLICY, type CsvReportFields } from './csv/report.js';
export {
  AZURE_DEFECTS,
  type AzureDefect,
  type AzureDefectName,
  type AzureHardware,
} from './defects/azure.js';
export { CCA_DEFECTS, type CcaDefect, type CcaDefectName } from './defects/cca.js';
export { CSV_DEFECTS, type CsvDefect, type CsvDefectName, csvCase } from './defects/csv.js';
export {
  type EmulatedIntelCase,
  INTEL_DEFECTS,
  type IntelDefect,
  type IntelDefectName,
  type IntelDefectParts,
  intelCase,
  sgxOverrides,
  tdxOverrides,
} from './defects/intel.js';
export { NITRO_DEFECTS, type NitroDefect, type NitroDefectName } from './defects/nitro.js';
export { SE_DEFECTS, type SeDefect, type SeDefectName, type SeFiles, seFiles } from './defects/se.js';
export {
  type EmulatedSnpCase,
  SNP_DEFECTS,
  type SnpDefect,
  type SnpDefectName,
  snpCase,
} from './defects/snp.js';
export { TPM_DEFECTS, type TpmDefect, type TpmDefectName } from './defects/tpm.js';
export { emulatedEnclave, enclaveSigningKey, encodeSigstruct, type SigstructFields } from './intel/enclave.js';
export {
  agentEvent,
  bootEvents,
  type EmulatedEventLog,
  emulatedEventLog,
  LOG_EVENT,
  type LogEvent,
} from './intel/event-log.js';
export {
  type CollateralRequest,
  type EmulatedCollateral,
  EmulatedIntel,
  EVALUATION,
  type IntelOrders,
  type SignedDocument,
} from './intel/intel.js';
export type { IntelPlatform, PckCa } from './intel/platform.js';
export type { CertificationData, QuoteFields, QuoteHeaderEdit } from './intel/quote.js';
export { defaultSgxReport, SGX_FLAG, type SgxReportFields } from './intel/sgx-report.js';
export type { IntelTee, SvnLevel, TcbLevel, TdxModuleIdentity } from './intel/tcb-info.js';
export { TD_ATTRIBUTE, type TdReportFields } from './intel/td-report.js';
export type { KeyPems } from './keys/key-store.js';
export { EmulatedNitro } from './nitro/nitro.js';
export { NITRO_LEVELS, type NitroLevel, type NitroOrders } from './nitro/pki.js';
export { goldenMeasurement, type NvidiaArch, type NvidiaDevice } from './nvidia/device.js';
export { encodeManifest, type GoldenMeasurement, type ManifestFields } from './nvidia/manifest.js';
export { EMULATED_NRAS_ISSUER, es384, type NrasOrders, nrasKeySet } from './nvidia/nras.js';
export { driverName, EmulatedNvidia, vbiosName } from './nvidia/nvidia.js';
export { answerOcsp, OCSP_TRY_LATER, type OcspOrders } from './nvidia/ocsp.js';
export { type NvidiaOrders, nvidiaName } from './nvidia/pki.js';
export {
  encodeNvidiaReport,
  type NvidiaReportFields,
  nvidiaBlock,
  nvidiaOpaque,
  nvidiaRequest,
} from './nvidia/report.js';
export type { SeImage } from './se/image.js';
export type { SeOrders } from './se/pki.js';
export { EmulatedSe } from './se/se.js';
export { type SeGuest, type SeMachine, UltravisorError } from './se/ultravisor.js';
export type { EmulatedService, ServiceAnswer, ServiceFailure, ServiceOptions } from './services/http.js';
export { startEmulatedHygonKds } from './services/hygon-kds.js';
export { startEmulatedKds } from './services/kds.js';
export { startEmulatedNvidia } from './services/nvidia.js';
export { encryptedPpid, type PcsOptions, startEmulatedPcs } from './services/pcs.js';
export { startEmulatedVeraison, type VeraisonServiceOptions } from './services/veraison.js';
export { EmulatedSevFirmware, EmulatedSevGuest, SevFirmwareError, type SevStatus } from './sev/firmware.js';
export { EmulatedSev, type SevFirmwareVersion, type SevPlatform, type SevPlatformOptions } from './sev/platform.js';
export {
  type LaunchOptions,
  launchWithSecrets,
  type SevKeyBrokerClient,
  type SevSecretDetails,
  type SevSecretRequest,
  type StartedLaunch,
  startLaunch,
} from './sev/shim.js';
export { type AgentTpmEvent, agentTpmLog } from './tpm/agent-log.js';
export {
  type BootedTpm,
  bootTpm,
  TPM_EVENT,
  type TpmEvent,
  type TpmExtension,
  tpmBootEvents,
  tpmLog,
} from './tpm/boot.js';
export { AK_ATTRIBUTES, akArea, signQuote } from './tpm/key.js';
export { emulatedAttest } from './tpm/quote.js';
export { akExtensions, type EmulatedTpm, EmulatedTpms, type TpmCertificateEdit, type TpmOrders } from './tpm/tpm.js';
export { createTestWorld, type TestWorld, type TestWorldOptions } from './world.js';
export { EMULATED_ORGANIZATION, EMULATED_UNIT } from './x509/emulated-name.js';
