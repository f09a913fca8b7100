import {
  createAzSnpVtpmVerifier,
  createAzTdxVtpmVerifier,
  createCcaVerifier,
  createCsvVerifier,
  createDpuVerifier,
  createHygonDcuVerifier,
  createNitroVerifier,
  createNvidiaVerifier,
  createSeVerifier,
  createSgxVerifier,
  createTdxVerifier,
  sampleDeviceVerifier,
  sampleVerifier,
  unattestedVerifier,
  type Verifier,
} from '@assay/evidence';
import { createSnpVerifier } from '@assay/evidence/snp';
import { createTpmVerifier, type TrustedAks } from '@assay/evidence/tpm';
import type { Settings } from '../config/schema.js';
import { azureRules } from '../config/tee/azure.js';
import { ccaOptions } from '../config/tee/cca.js';
import { csvOptions } from '../config/tee/csv.js';
import { nitroRules } from '../config/tee/nitro.js';
import { dpuOptions, nvidiaRules } from '../config/tee/nvidia.js';
import { seMaterials } from '../config/tee/se.js';
import { sgxRules } from '../config/tee/sgx.js';
import { snpRules } from '../config/tee/snp.js';
import { tdxRules } from '../config/tee/tdx.js';
import { tpmRules } from '../config/tee/tpm.js';
import { emulatedRoots } from './endorsements.js';

/**
 * The verifiers of this server, with the owner's rules for each TEE: a new TEE is one line here.
 *
 * @param trustedAks attestation keys of TPMs that are enrolled
 */
export function verifiersOf(settings: Settings, trustedAks?: TrustedAks): readonly Verifier[] {
  const roots = emulatedRoots(settings.trust);
  const emulated = roots.length === 0 ? {} : { emulatedRoots: roots };
  const { stale_if_error: hours } = settings.collateral;
  // The allowance with which the item was handed out is the one that its dates are read with.
  const grace = { milliseconds: hours * 3_600_000, setting: `collateral.stale_if_error = ${hours}h` };
  const intel = { ...emulated, ...(hours === 0 ? {} : { grace }) };
  const azure = azureRules(settings.azure);
  return [
    createTdxVerifier({ ...intel, ...tdxRules(settings.tdx) }),
    createSgxVerifier({ ...intel, ...sgxRules(settings.sgx) }),
    createSnpVerifier({ ...emulated, rules: snpRules(settings.snp) }),
    createTpmVerifier({
      ...emulated,
      ...tpmRules(settings.tpm),
      ...(trustedAks === undefined ? {} : { trustedAks }),
    }),
    createAzSnpVtpmVerifier({ ...azure, snp: { ...emulated, rules: snpRules(settings.snp) } }),
    createAzTdxVtpmVerifier({ ...azure, tdx: { ...intel, ...tdxRules(settings.tdx) } }),
    createCcaVerifier(ccaOptions(settings.cca)),
    createNitroVerifier({ ...emulated, rules: nitroRules(settings.nitro) }),
    createCsvVerifier(csvOptions(settings.csv)),
    createHygonDcuVerifier(csvOptions(settings.csv)),
    createSeVerifier(seMaterials(settings.se, roots)),
    createNvidiaVerifier({ ...emulated, ...nvidiaRules(settings.nvidia) }),
    createDpuVerifier(dpuOptions(settings.nvidiadpu, settings.trust.emulated_roots)),
    sampleVerifier,
    sampleDeviceVerifier,
    ...(settings.development.snp_without_attestation ? [unattestedVerifier] : []),
  ];
}
