/** Event logs of a CSV guest: believed only as far as the RTMRs of a version 2 report vouch for them. */
import type { JsonObject } from '@assay/bytes';
import { type FindingDraft, notChecked } from '@assay/bytes/findings';
import { eventlogClaims, type QuotedRegister, verifyEventlog } from '../eventlog/index.js';
import type { CsvReport } from './report/report.js';

/** Replays the CC event log against RTMR1 to RTMR4, which have their own numbers in the log. RTMR0 is the launch's measurement. */
export function csvEventLog(
  log: Uint8Array | undefined,
  { extension }: CsvReport,
): { readonly findings: readonly FindingDraft[]; readonly claims: JsonObject } {
  if (log === undefined) return { findings: [], claims: {} };
  if (extension === undefined) {
    const why = 'not compared: reports of version 1 have no registers';
    return { findings: [notChecked('eventlog.register.replay', why, { subject: 'event log' })], claims: {} };
  }
  const registers = extension.rtmrs
    .map((value, index): QuotedRegister => ({ bank: 'sm3', index, name: `RTMR${index}`, value }))
    .slice(1);
  const { authentic, findings } = verifyEventlog({ log, kind: 'cc', registers, unquoted: 'omit' });
  return { findings, claims: authentic === undefined ? {} : { uefi_event_logs: eventlogClaims(authentic) } };
}
