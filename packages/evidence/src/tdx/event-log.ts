/** Event logs of a TD: believed only as far as the quote's RTMRs vouch for them. */
import type { JsonObject } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import type { QuoteEvidence } from '../dcap/evidence.js';
import type { TdxQuote } from '../dcap/quote/model.js';
import {
  type EventRules,
  eventlogClaims,
  judgeEvents,
  type QuotedRegister,
  verifyAgentText,
  verifyEventlog,
} from '../eventlog/index.js';

/** RTMR3 is what guest software extends. */
const RUNTIME_REGISTER = 4;

/**
 * Replays the CC event log against RTMR0 to RTMR3, which are its registers 1 to 4.
 *
 * Releases 0.10 to 0.14 of the guest sent the agent's events as text beside it: then the text accounts for RTMR3, and the CC event
 * log for the others.
 */
export function tdxEventLogs(
  { agentLog, eventLog }: Pick<QuoteEvidence, 'eventLog' | 'agentLog'>,
  { body }: TdxQuote,
  rules: EventRules = {},
): { readonly findings: readonly FindingDraft[]; readonly claims: JsonObject } {
  const registers = body.rtmrs.map(
    (value, index): QuotedRegister => ({ bank: 'sha384', index: index + 1, name: `RTMR${index}`, value }),
  );
  const [runtime] = registers.filter(({ index }) => index === RUNTIME_REGISTER);
  const agent = agentLog === undefined || runtime === undefined ? undefined : verifyAgentText(agentLog, runtime);
  if (eventLog === undefined) {
    // The agent's text is of what happened after the boot.
    return { findings: [...(agent?.findings ?? []), ...judgeEvents(undefined, false, rules, 'tdx')], claims: {} };
  }
  const judged = agent === undefined ? registers : registers.filter(({ index }) => index !== RUNTIME_REGISTER);
  const { authentic, findings } = verifyEventlog({ log: eventLog, kind: 'cc', registers: judged });
  return {
    findings: [...(agent?.findings ?? []), ...findings, ...judgeEvents(authentic, true, rules, 'tdx')],
    claims: authentic === undefined ? {} : { uefi_event_logs: eventlogClaims(authentic) },
  };
}
