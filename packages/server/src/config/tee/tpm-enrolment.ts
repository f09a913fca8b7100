/** Settings of the owner for the enrolment of attestation keys; part of the section `tpm`. */
import type { Certificate } from '@assay/evidence/x509';
import Type, { type Static } from 'typebox';
import { Count, Texts } from '../field.js';
import { certificatesOf } from './certificates.js';

export const enrolmentSettings = {
  enrolment: Type.Enum(['off', 'public', 'admin'], {
    description:
      'Who may enrol an attestation key: `off`, `public` (any guest whose TPM is certified or listed), `admin` (with an admin token).',
    default: 'off',
  }),
  ek_roots: Texts('Certificates of CAs (PEM or DER) that certify the endorsement keys of your TPMs, root or not.'),
  trusted_eks: Type.Array(
    Type.String({ pattern: '^[0-9a-f]{64}$', examples: ['SHA-256 in 64 hex digits, lower case'] }),
    {
      description:
        'SHA-256 of the DER of public keys (SubjectPublicKeyInfo) of endorsement keys that are trusted without a certificate.',
      default: [],
    },
  ),
  enrolment_days: Count('Days after which an attestation key has to be enrolled again.', 365, 1, 36500),
  aks_per_ek: Count('Most attestation keys that are enrolled for one endorsement key.', 16, 1, 1000),
};

type EnrolmentSettings = Static<Type.TObject<typeof enrolmentSettings>>;

/** The owner's CAs of TPM makers. @throws AssayError `config.file.form` */
export function ekRoots({ ek_roots: paths }: Pick<EnrolmentSettings, 'ek_roots'>): readonly Certificate[] {
  return certificatesOf('tpm.ek_roots', paths);
}
