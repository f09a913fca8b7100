/** CC event log of a TD: believed only as far as the quote's RTMRs vouch for it. */
import type { JsonObject } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import type { TdxQuote } from '../dcap/quote/model.js';
import { eventlogClaims, verifyEventlog } from '../eventlog/index.js';

/** Replays the log against RTMR0 to RTMR3, which are registers 1 to 4 of the log. */
export function tdxEventLog(
  log: Uint8Array,
  { body }: TdxQuote,
): { readonly findings: readonly FindingDraft[]; readonly claims: JsonObject } {
  const registers = body.rtmrs.map((value, index) => ({
    bank: 'sha384' as const,
    index: index + 1,
    name: `RTMR${index}`,
    value,
  }));
  const { authentic, findings } = verifyEventlog({ log, kind: 'cc', registers });
  return { findings, claims: authentic === undefined ? {} : { uefi_event_logs: eventlogClaims(authentic) } };
}
