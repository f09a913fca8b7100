/** What an attestation key must be: TPM 2.0 Library, Part 1, section 31 (attestation) and Part 2, section 8.3. */
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import { OBJECT_ATTRIBUTES, type ObjectAttribute } from '../structures/attributes.js';
import type { AttestationKey } from './ak.js';

/** A restricted signing key signs what the TPM made; one that is fixed was made in this TPM and stays there. */
const WANTED: readonly ObjectAttribute[] = ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'sign'];
const UNWANTED: readonly ObjectAttribute[] = ['decrypt'];

/** Judges the public area of a key; without one there is nothing to judge. */
export function checkAttributes({ area }: AttestationKey): FindingDraft {
  const subject = 'AK';
  if (area === undefined) {
    return notChecked('tpm.key.attributes', 'not checked: the AK came without its public area', { subject });
  }
  const { attributes } = area;
  const missing = WANTED.filter((name) => !attributes.has(name));
  const excess = UNWANTED.filter((name) => attributes.has(name));
  const set = OBJECT_ATTRIBUTES.filter((name) => attributes.has(name)).join(', ');
  if (missing.length === 0 && excess.length === 0) return passed('tpm.key.attributes', subject, set);
  const what = [
    ...(missing.length === 0 ? [] : [`lacks ${missing.join(', ')}`]),
    ...(excess.length === 0 ? [] : [`has ${excess.join(', ')}`]),
  ].join(' and ');
  return failed('tpm.key.attributes', {
    subject,
    params: { what },
    expected: WANTED.join(', '),
    actual: set,
    compare: { relation: 'rule', type: 'flags' },
    source: 'TPM 2.0 Library, Part 1: restricted signing keys',
    origin: { kind: 'spec', document: 'TPM 2.0 Library, Part 2', clause: '8.3' },
  });
}
