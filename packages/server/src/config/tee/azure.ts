/** Rules of the owner for Azure confidential VMs. */
import type { AzVerifierOptions } from '@assay/evidence';
import type { Static } from 'typebox';
import { Count, section, Texts } from '../field.js';
import { certificatesOf } from './certificates.js';
import { pcrNumbers, requiredPcrs } from './pcrs.js';

export const AzureSettings = section(
  'Rules for evidence of Azure confidential VMs (`az-snp-vtpm`, `az-tdx-vtpm`). The hardware beneath is judged by `[snp]` and `[tdx]`, and its report must be the paravisor’s (VMPL 0).',
  {
    ak_roots: Texts(
      'Certificates of Azure’s virtual TPM CAs (PEM or DER). With them an AK certificate that comes along must lead to one; without, it must only be of the key that the hardware binds.',
    ),
    required_pcrs: requiredPcrs,
    minimum_version: Count(
      'Least version of the evidence. From 2 on the guest has the nonce put into the hardware-bound report as well; 0 accepts guests of every release.',
      0,
      0,
      2,
    ),
  },
);

type AzureSection = Static<typeof AzureSettings>;

/** What both verifiers of `@assay/evidence` take; files are read here, once. @throws AssayError `config.file.form` */
export function azureRules(settings: AzureSection): AzVerifierOptions {
  return {
    akRoots: certificatesOf('azure.ak_roots', settings.ak_roots),
    requiredPcrs: pcrNumbers(settings.required_pcrs),
    leastVersion: settings.minimum_version as 0 | 1 | 2,
  };
}
