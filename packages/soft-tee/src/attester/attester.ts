import type { JsonObject } from '@assay/bytes';
import type { TestWorld } from '../world.js';
import { type AzSnpOverrides, type AzTdxOverrides, azSnpEvidence, azTdxEvidence } from './azure.js';
import { type CcaOverrides, ccaEvidence } from './cca.js';
import { type CsvOverrides, csvEvidence, type DcuOverrides, dcuEvidence } from './csv.js';
import { type NitroOverrides, nitroEvidence } from './nitro.js';
import { type DpuOverrides, dpuEvidence, type NvidiaOverrides, nvidiaEvidence } from './nvidia.js';
import { type SeOverrides, seEvidence } from './se.js';
import { type SgxOverrides, sgxEvidence } from './sgx.js';
import { type SnpOverrides, snpEvidence } from './snp.js';
import { type TdxOverrides, tdxEvidence } from './tdx.js';
import { type TpmOverrides, tpmEvidence } from './tpm.js';

/** Overrides by TEE. */
export interface EmulatedOverrides {
  readonly tdx: TdxOverrides;
  readonly sgx: SgxOverrides;
  readonly snp: SnpOverrides;
  readonly nitro: NitroOverrides;
  readonly nvidia: NvidiaOverrides;
  readonly nvidiadpu: DpuOverrides;
  readonly cca: CcaOverrides;
  readonly csv: CsvOverrides;
  readonly hygondcu: DcuOverrides;
  readonly se: SeOverrides;
  readonly tpm: TpmOverrides;
  readonly 'az-snp-vtpm': AzSnpOverrides;
  readonly 'az-tdx-vtpm': AzTdxOverrides;
}

export type EmulatedTee = keyof EmulatedOverrides;

/** Fits `Attester` of `@assay/guest` without knowing it. */
export interface EmulatedAttester<Tee extends EmulatedTee = EmulatedTee> {
  readonly tee: Tee;
  /**
   * @param reportData digest of the runtime data, at most 64 bytes; padded with zeros
   * @param challenge the broker's nonce, which some TEEs answer
   */
  getEvidence(reportData: Uint8Array, challenge?: string): Promise<JsonObject>;
}

/** An attester of emulated hardware. Its evidence is accepted only where the world's roots were added by name. */
export function emulatedAttester<Tee extends EmulatedTee>(
  tee: Tee,
  world: TestWorld,
  overrides?: EmulatedOverrides[Tee],
): EmulatedAttester<Tee> {
  const make = EVIDENCE[tee];
  return { tee, getEvidence: async (reportData, challenge) => make(world, reportData, overrides, challenge) };
}

type Maker<Tee extends EmulatedTee> = (
  world: TestWorld,
  reportData: Uint8Array,
  overrides?: EmulatedOverrides[Tee],
  challenge?: string,
) => JsonObject;

const EVIDENCE: { readonly [Tee in EmulatedTee]: Maker<Tee> } = {
  tdx: tdxEvidence,
  sgx: sgxEvidence,
  snp: snpEvidence,
  nitro: nitroEvidence,
  nvidia: nvidiaEvidence,
  nvidiadpu: dpuEvidence,
  cca: ccaEvidence,
  csv: csvEvidence,
  hygondcu: dcuEvidence,
  se: seEvidence,
  tpm: tpmEvidence,
  'az-snp-vtpm': azSnpEvidence,
  'az-tdx-vtpm': azTdxEvidence,
};
