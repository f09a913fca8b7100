/** Rules of the owner for TPMs. */
import type { TpmVerifierOptions } from '@assay/evidence/tpm';
import Type, { type Static } from 'typebox';
import { section, Texts } from '../field.js';
import { certificatesOf } from './certificates.js';
import type { Loosened } from './loosened.js';
import { pcrNumbers, requiredPcrs } from './pcrs.js';
import { enrolmentSettings } from './tpm-enrolment.js';

export const TpmSettings = section('TPMs: which attestation keys are trusted, and how they are enrolled.', {
  ak_roots: Texts(
    'Certificates of CAs (PEM or DER) that certify attestation keys, root or not. What they issue must name the usage 2.23.133.8.3, or be of an instance of Google Compute Engine.',
  ),
  untrusted_ak: Type.Enum(['refuse', 'policy'], {
    description:
      '`refuse`: an attestation key that is neither enrolled nor certified is not accepted. `policy`: it is, with a warning and the claim `ak_trust` = `policy`, and the attestation policy has to compare `ak_public`; anybody can make such a key.',
    default: 'refuse',
  }),
  required_pcrs: requiredPcrs,
  ...enrolmentSettings,
});

export type TpmSection = Static<typeof TpmSettings>;

/** What the verifier of `@assay/evidence` takes; files are read here, once. @throws AssayError `config.file.form` */
export function tpmRules(settings: TpmSection): TpmVerifierOptions {
  return {
    akRoots: certificatesOf('tpm.ak_roots', settings.ak_roots),
    untrustedAk: settings.untrusted_ak,
    requiredPcrs: pcrNumbers(settings.required_pcrs),
  };
}

export function loosenedTpm({ untrusted_ak: untrusted }: TpmSection): readonly Loosened[] {
  if (untrusted === 'refuse') return [];
  const why = 'quotes under keys that nothing vouches for are accepted, unless policy compares `ak_public`';
  return [{ key: 'untrusted_ak', actual: untrusted, why }];
}
