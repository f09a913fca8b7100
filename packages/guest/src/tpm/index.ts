/** `@assay/guest/tpm`: a TPM 2.0 client, as far as attestation needs one. */
export { type AttestationKeyChoice, withAttestationKey } from './attestation-key.js';
export {
  handles,
  type PcrBank,
  pcrBanks,
  type TpmProperties,
  tpmProperties,
} from './commands/capability.js';
export { flushContext, flushing } from './commands/context.js';
export {
  activateCredential,
  type Credential,
  policySecret,
  startPolicySession,
} from './commands/credential.js';
export { defineNv, type NvPublic, readNv, readNvPublic, writeNv } from './commands/nv.js';
export {
  create,
  createPrimary,
  evictControl,
  type LoadedKey,
  load,
  readPublicKey,
  type WrappedKey,
} from './commands/object.js';
export { type BankDigest, extendPcr, readPcrs } from './commands/pcr.js';
export { LONGEST_QUALIFYING_DATA, type Quote, quote } from './commands/quote.js';
export { random } from './commands/random.js';
export { startup } from './commands/startup.js';
export { NV, RH } from './constants.js';
export { type Enrolled, type EnrolOptions, enrol } from './enrol.js';
export { EVENT_LOG, readEventLog } from './event-log.js';
export { ALL_PCRS, type QuotedPcrs, quotePcrs, quoteReportData } from './quoted.js';
export { type ResponseMeaning, responseMeaning } from './response-code.js';
export type { Authorization } from './session.js';
export { NO_PASSWORD } from './session.js';
export { akTemplate, EK_POLICY, ekTemplate, type KeyKind, signingTemplate, storageTemplate } from './templates.js';
export { Tpm, type TpmAnswer, type TpmCommand } from './tpm.js';
export { TpmError, type TpmErrorReason } from './tpm-error.js';
export { openTransport } from './transport/open.js';
export type { TpmTransport } from './transport/transport.js';
