import type { Verdict } from '@assay/bytes/findings';

/** A verdict with the members that describe this kind of evidence beside it. */
export type EvidenceResult = Verdict & { readonly [member: string]: unknown };

export interface EvidenceOptions {
  readonly at: Date;
  /** The time was chosen by the caller. */
  readonly asOf: boolean;
  /** Replace the built-in trust anchors for this call: certificates, PEM or DER. */
  readonly roots?: readonly Uint8Array[];
  /** What the evidence is to be bound to. */
  readonly reportData?: Uint8Array;
  readonly initDataDigest?: Uint8Array;
}

/** Evidence that `assay verify` and `assay conformance` can judge. */
export interface EvidenceKind {
  /** Roles of files, as in the vectors: the first one is the evidence itself. */
  readonly roles: readonly string[];
  /** Roles of which at least one must be given; absent: the first role. */
  readonly needs?: readonly string[];
  /** Name under which policies see the claims (`input.<tee>`); absent for what no policy is asked about. */
  readonly tee?: string;
  /** The same, where the evidence itself decides it. */
  readonly teeOf?: (result: EvidenceResult) => string;
  verify(
    files: Readonly<Record<string, Uint8Array>>,
    options: EvidenceOptions,
  ): EvidenceResult | Promise<EvidenceResult>;
}

/** Kinds by name: the name of their folder in the vectors. */
export const evidenceKinds: Readonly<Record<string, EvidenceKind>> = {
  tdx: {
    roles: ['quote', 'collateral', 'pck_chain', 'root'],
    tee: 'tdx',
    verify: async (files, options) => (await import('@assay/evidence/tdx')).verifyTdxFiles(files, options),
  },
  sgx: {
    roles: ['quote', 'collateral', 'pck_chain', 'root'],
    tee: 'sgx',
    verify: async (files, options) => (await import('@assay/evidence/sgx')).verifySgxFiles(files, options),
  },
  snp: {
    roles: ['report', 'leaf', 'ask', 'ark', 'crl', 'auxblob'],
    tee: 'snp',
    verify: async (files, options) => (await import('@assay/evidence/snp')).verifySnpFiles(files, options),
  },
  sev: {
    roles: ['pdh', 'pek', 'oca', 'cek', 'ask', 'ark', 'chain', 'input'],
    needs: ['chain', 'pdh', 'input'],
    verify: async (files, options) => (await import('@assay/evidence/sev')).verifySevFiles(files, options),
  },
  csv: {
    roles: ['report', 'hsk_cek', 'hrk', 'pek'],
    tee: 'csv',
    verify: async (files, options) => (await import('@assay/evidence/csv')).verifyCsvFiles(files, options),
  },
  nvidia: {
    roles: ['evidence', 'cert_chain', 'driver_rim', 'vbios_rim', 'root'],
    tee: 'nvidia',
    verify: async (files, options) => (await import('@assay/evidence/nvidia')).verifyNvidiaFiles(files, options),
  },
  cca: {
    roles: ['token', 'cpak'],
    tee: 'cca',
    verify: async (files, options) => (await import('@assay/evidence/cca')).verifyCcaFiles(files, options),
  },
  nitro: {
    roles: ['document', 'root'],
    tee: 'nitro',
    verify: async (files, options) => (await import('@assay/evidence/nitro')).verifyNitroFiles(files, options),
  },
  tpm: {
    roles: ['quote_msg', 'quote_sig', 'pcrs', 'ak_spki', 'ak_public', 'ak_cert', 'event_log'],
    tee: 'tpm',
    verify: async (files, options) => (await import('@assay/evidence/tpm')).verifyTpmFiles(files, options),
  },
  az: {
    roles: [
      'hcl_report',
      'tpm_quote_msg',
      'tpm_quote_sig',
      'pcrs',
      'vcek',
      'ask',
      'ark',
      'crl',
      'td_quote',
      'collateral',
      'ak_cert',
      'ak_intermediates',
    ],
    teeOf: ({ kind }) => kind,
    verify: async (files, options) => (await import('@assay/evidence/az')).verifyAzFiles(files, options),
  },
  se: {
    roles: [
      'input',
      'host_key_document',
      'ibm_signing_key',
      'intermediate_ca',
      'root_ca',
      'ibm_crl',
      'inter_crl',
      'root_crl',
    ],
    tee: 'se',
    verify: async (files, options) => (await import('@assay/evidence/se')).verifySeFiles(files, options),
  },
  eventlog: {
    roles: ['event_log', 'quote'],
    verify: async (files, options) => (await import('@assay/evidence/eventlog')).verifyEventlogFiles(files, options),
  },
};
