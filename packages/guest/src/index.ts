export type { Attester } from './attester/attester.js';
export { AttesterError } from './attester/attester-error.js';
export { AZURE, type AzureAttesterOptions, azureAttester, azureKind } from './attester/azure.js';
export { type AzureMetadata, azureMetadata } from './attester/azure-metadata.js';
export { type SampleClaims, sampleAttester, sampleDeviceAttester } from './attester/sample.js';
export { type TpmAttesterOptions, tpmAttester } from './attester/tpm.js';
export { unattestedAttester } from './attester/unattested.js';
export { CcKbc, type CcKbcOptions } from './kbc/cc-kbc.js';
export type { AttestingKbc, Kbc } from './kbc/kbc.js';
export { KbcError, type KbcErrorReason } from './kbc/kbc-error.js';
export { OfflineFsKbc, type OfflineFsKbcOptions } from './kbc/offline-fs-kbc.js';
export { OfflineSevKbc, type OfflineSevKbcOptions } from './kbc/offline-sev-kbc.js';
export {
  type OnlineSecretTransport,
  OnlineSevKbc,
  type OnlineSevKbcOptions,
  refusalOfText,
} from './kbc/online-sev-kbc.js';
export { SampleKbc } from './kbc/sample-kbc.js';
export { SEV_SECRET_FOLDER, type SecretFiles } from './kbc/secret-files.js';
export type { Transport, TransportAnswer, TransportRequest } from './kbc/transport.js';
