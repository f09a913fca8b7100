import { ProtocolError, quoteBriefly } from './protocol-error.js';

/** TEE names as the KBS protocol spells them today (kbs-types 0.18), and `nitro`, which is Assay's own. */
export const TEES = [
  'az-snp-vtpm',
  'az-tdx-vtpm',
  'cca',
  'csv',
  'hygondcu',
  'nitro',
  'nvidia',
  'nvidiadpu',
  'sample',
  'sampledevice',
  'se',
  'sgx',
  'snp',
  // Assay's own: SEV-SNP without attestation, for development; no peer of other makers serves it.
  'snp-no-attestation',
  'tdx',
  'tpm',
] as const;

export type Tee = (typeof TEES)[number];

/** Spellings that older or other peers send: Azure names up to kbs-types 0.12, the DPU's name in the claims document. */
const OTHER_SPELLINGS: Readonly<Record<string, Tee>> = {
  azsnpvtpm: 'az-snp-vtpm',
  aztdxvtpm: 'az-tdx-vtpm',
  'nvidia-dpu': 'nvidiadpu',
};

const KNOWN: ReadonlySet<string> = new Set(TEES);

export function isTee(name: string): name is Tee {
  return KNOWN.has(name);
}

/**
 * The TEE of a name, in any version's spelling. Case-sensitive, as in every peer.
 *
 * @throws ProtocolError `request.tee.known`
 */
export function parseTee(name: string): Tee {
  if (isTee(name)) return name;
  const tee = Object.hasOwn(OTHER_SPELLINGS, name) ? OTHER_SPELLINGS[name] : undefined;
  if (tee !== undefined) return tee;
  throw new ProtocolError('request.tee.known', `TEE ${quoteBriefly(name)} is unknown; known are ${TEES.join(', ')}`, {
    path: '/tee',
    expected: TEES.join(', '),
    actual: quoteBriefly(name),
  });
}
