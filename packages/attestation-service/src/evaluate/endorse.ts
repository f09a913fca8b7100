/** What verifiers need of hardware vendors: fetched before verification, which itself reaches nothing. */
import type { JsonValue } from '@assay/bytes';
import { asAssayError, type CollateralUse, type FindingDraft } from '@assay/bytes/findings';
import type { Endorsements } from '@assay/evidence';
import type { EvidenceEntry } from '../contract.js';

export interface EndorsementRequest {
  /** Canonical name: `tdx`, `snp` … */
  readonly tee: string;
  readonly evidence: JsonValue;
  readonly now: Date;
}

/** Vendor statements for one piece of evidence, and how they were come by. */
export interface Endorsed {
  readonly endorsements: Endorsements;
  /** Of the fetching: stale, throttled, unreachable … */
  readonly findings: readonly FindingDraft[];
  readonly collateral: readonly CollateralUse[];
}

/** Gets vendor statements from a cache, a bundle or the vendor. */
export interface EndorsementSource {
  /** What could not be had is a finding and left out; the verifier then says that the verification is incomplete. */
  endorse(request: EndorsementRequest): Promise<Endorsed>;
}

const NOTHING: Endorsed = { endorsements: {}, findings: [], collateral: [] };

/** Endorsements of every entry, in order. A source that throws leaves the entry without, and says so. */
export function endorseEntries(
  entries: readonly EvidenceEntry[],
  teeOf: (entry: EvidenceEntry) => string,
  source: EndorsementSource | undefined,
  now: Date,
): Promise<readonly Endorsed[]> {
  return Promise.all(
    entries.map(async (entry) => {
      if (source === undefined) return NOTHING;
      try {
        return await source.endorse({ tee: teeOf(entry), evidence: entry.evidence, now });
      } catch (thrown) {
        return { ...NOTHING, findings: [asAssayError(thrown).finding] };
      }
    }),
  );
}
