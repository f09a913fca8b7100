/**
 * The one register of everything that can be checked or go wrong.
 *
 * Error codes of HTTP problems, gRPC details and exit diagnostics are ids of this register; there is no second list.
 * An area of evidence brings its rows with its verifier: add a part, spread it here.
 */
import { AMD } from './amd.js';
import { AZURE } from './azure.js';
import { CCA } from './cca.js';
import { COLLATERAL } from './collateral.js';
import { CSV } from './csv.js';
import { ENCLAVE_CC } from './enclave-cc.js';
import { ENROLMENT } from './enrolment.js';
import type { RegisterEntry } from './entry.js';
import { EVENTLOG } from './eventlog.js';
import { IMAGE_PROVIDERS } from './image-providers.js';
import { IMAGES } from './images.js';
import { INTEL } from './intel.js';
import { NITRO } from './nitro.js';
import { NVIDIA } from './nvidia.js';
import { OPERATION } from './operation.js';
import { POLICY } from './policy.js';
import { PROTOCOL } from './protocol.js';
import { REFERENCE_VALUES } from './reference-values.js';
import { SE } from './se.js';
import { SERVICES } from './services.js';
import { SEV } from './sev.js';
import { SGX_SIGNING } from './sgx-signing.js';
import { SIGNATURES } from './signatures.js';
import { SIGSTORE } from './sigstore.js';
import { TPM } from './tpm.js';

export const REGISTER = {
  ...PROTOCOL,
  ...POLICY,
  ...REFERENCE_VALUES,
  ...SERVICES,
  ...OPERATION,
  ...INTEL,
  ...COLLATERAL,
  ...AMD,
  ...EVENTLOG,
  ...TPM,
  ...ENROLMENT,
  ...AZURE,
  ...NVIDIA,
  ...CCA,
  ...NITRO,
  ...SEV,
  ...IMAGES,
  ...IMAGE_PROVIDERS,
  ...SIGNATURES,
  ...SIGSTORE,
  ...CSV,
  ...SE,
  ...SGX_SIGNING,
  ...ENCLAVE_CC,
} as const;

/** An unregistered id does not compile. */
export type FindingId = keyof typeof REGISTER;

const ORDER: ReadonlyMap<string, number> = new Map(Object.keys(REGISTER).map((id, index) => [id, index]));

/** The row of an id. */
export function registerEntry(id: FindingId): RegisterEntry {
  return REGISTER[id];
}

/** Position in the register, the last criterion of order among roots. */
export function registerOrder(id: FindingId): number {
  return ORDER.get(id) ?? ORDER.size;
}

/** Whether a text (from a stored verdict, a neighbour) is an id of this release's register. */
export function isFindingId(text: string): text is FindingId {
  return Object.hasOwn(REGISTER, text);
}

export const FINDING_IDS: readonly FindingId[] = Object.keys(REGISTER).filter(isFindingId);
