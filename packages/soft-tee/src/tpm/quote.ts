import {
  ATTEST_TYPE,
  HIERARCHY,
  hierarchyName,
  type PcrSelectionList,
  type PublicArea,
  pcrDigest,
  pcrList,
  type QuoteAttest,
  qualifiedNameOf,
  selectPcrs,
  type TpmHash,
} from '@assay/evidence/tpm';

const ALL = Array.from({ length: 24 }, (_, index) => index);

/** What TPM2_Quote would sign: the registers as they are. */
export function emulatedAttest(options: {
  readonly ak: PublicArea;
  readonly extraData: Uint8Array;
  readonly pcrs: readonly Uint8Array[];
  readonly selection?: PcrSelectionList;
  /** Hash of the signing scheme. */
  readonly hash?: TpmHash;
  readonly attest?: Partial<QuoteAttest>;
}): QuoteAttest {
  const selection = options.selection ?? [selectPcrs('sha256', ALL)];
  return {
    type: ATTEST_TYPE.quote,
    qualifiedSigner: qualifiedNameOf(options.ak, hierarchyName(HIERARCHY.endorsement)),
    extraData: options.extraData,
    clockInfo: { clock: 86_400_000n, resetCount: 3, restartCount: 0, safe: true },
    firmwareVersion: 0x2026_0101_0000_0000n,
    pcrSelection: selection,
    pcrDigest: pcrDigest(options.hash ?? 'sha256', selection, pcrList('sha256', options.pcrs)),
    ...options.attest,
  };
}
