/** Evidence JSON of the Confidential Containers attesters: a quote in base64, for TDX with an event log. */
import { decodeBase64, isJsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import type { Tee } from './quote/model.js';

export interface QuoteEvidence {
  readonly quote: Uint8Array;
  /** CC event log; undefined: none was sent. TDX only. */
  readonly eventLog: Uint8Array | undefined;
  /** Text log of the agent, as releases 0.10 to 0.14 sent it beside the CC event log. TDX only. */
  readonly agentLog: string | undefined;
}

export type ReadEvidence =
  | { readonly evidence: QuoteEvidence; readonly finding: FindingDraft }
  | { readonly evidence: undefined; readonly finding: FindingDraft };

/** Characters of base64: quotes are 5 to 8 KB, a bound for those of a platform with long chains. */
const LONGEST_QUOTE = 256 * 1024;
const LONGEST_LOG = 12 * 1024 * 1024;

/** Reads `{"quote": b64, "cc_eventlog": b64 | null, "aa_eventlog": text | null}`. Other members are left alone. */
export function readQuoteEvidence(value: JsonValue, tee: Tee): ReadEvidence {
  if (!isJsonObject(value)) return malformed(tee, 'evidence', describe(value), 'an object');
  const quote = decoded(Object.hasOwn(value, 'quote') ? value['quote'] : undefined, LONGEST_QUOTE);
  if (typeof quote === 'string') return malformed(tee, 'quote', quote, 'base64 of the quote is due');
  if (quote.length === 0) return malformed(tee, 'quote', 'empty', 'base64 of the quote is due');
  const optional = (member: string): JsonValue | undefined =>
    tee === 'tdx' && Object.hasOwn(value, member) ? value[member] : null;
  const log = optional('cc_eventlog');
  const agent = optional('aa_eventlog');
  if (agent !== null && typeof agent !== 'string')
    return malformed(tee, 'aa_eventlog', describe(agent), 'a text is due');
  const agentLog = agent === null || agent === '' ? undefined : agent;
  const finding = passed('evidence.json.form', tee);
  // Attesters without a log send nothing, null or an empty text.
  if (log === null || log === '') return { evidence: { quote, eventLog: undefined, agentLog }, finding };
  const eventLog = decoded(log, LONGEST_LOG);
  if (typeof eventLog === 'string') return malformed(tee, 'cc_eventlog', eventLog, 'base64 of the log is due');
  return { evidence: { quote, eventLog, agentLog }, finding };
}

/** The bytes, or what the member is instead. */
function decoded(value: JsonValue | undefined, longest: number): Uint8Array | string {
  if (typeof value !== 'string') return describe(value);
  if (value.length > longest) return `${value.length} characters long`;
  try {
    return decodeBase64(value);
  } catch {
    return 'not base64';
  }
}

function malformed(tee: Tee, member: string, actual: string, expected: string): ReadEvidence {
  const finding = failed('evidence.json.form', {
    subject: tee,
    params: { member, actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'json' },
    source: `evidence format of the ${tee} attester`,
  });
  return { evidence: undefined, finding };
}

function describe(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
