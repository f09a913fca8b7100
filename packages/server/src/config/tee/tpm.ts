/** Rules of the owner for TPMs. */
import type { Static } from 'typebox';
import { section } from '../field.js';
import { enrolmentSettings } from './tpm-enrolment.js';

export const TpmSettings = section('TPMs: which attestation keys are trusted, and how they are enrolled.', {
  ...enrolmentSettings,
});

export type TpmSection = Static<typeof TpmSettings>;
