/** Modes for development that no production server has. */
import type { Static } from 'typebox';
import { Flag, section } from '../field.js';
import type { Loosened } from './loosened.js';

export const DevelopmentSettings = section(
  'Modes for development. Never set them on a server that keeps real secrets.',
  {
    snp_without_attestation: Flag(
      'Let SEV-SNP guests that were started without attestation (TEE `snp-no-attestation`) make a handshake, so that their components start. Nothing is ever released to them, whatever policies say; tokens, log, `/readyz` and `assay doctor` are marked.',
      false,
    ),
  },
);

type DevelopmentSection = Static<typeof DevelopmentSettings>;

/** Names of the modes that are on, for `/readyz`. */
export function developmentModes(settings: DevelopmentSection): readonly string[] {
  return settings.snp_without_attestation ? ['snp-no-attestation'] : [];
}

export function loosenedDevelopment(settings: DevelopmentSection): readonly Loosened[] {
  if (!settings.snp_without_attestation) return [];
  const why = 'guests without attestation get tokens; nothing is released to them';
  return [{ key: 'snp_without_attestation', actual: true, why }];
}
