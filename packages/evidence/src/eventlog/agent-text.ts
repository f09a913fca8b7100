/**
 * The agent's event log as guests 0.10 to 0.14 of Confidential Containers sent it: text, beside the binary log.
 *
 * First line `INIT <hash>/<hex>`, the register's value when the log was begun; then one event per line. Every line, the first
 * included, extends the register with the hash of its text.
 */
import { constantTimeEqual, DecodeError, decodeHex, encodeHex, encodeUtf8 } from '@assay/bytes';
import { type FindingDraft, notChecked, passed } from '@assay/bytes/findings';
import { type AgentEvent, splitAgentEvent } from './aael.js';
import { algorithmOf, type Bank, bankAvailable, bankDigest } from './algorithm.js';
import { holds, malformedAgentEvent, replayDiffers, unlogged } from './findings.js';

const LARGEST_TEXT = 4 * 1024 * 1024;
const MOST_LINES = 65_536;
const INIT = /^INIT (sha256|sha384|sha512|sm3)\/([0-9a-f]+)$/;

export interface AgentTextResult {
  readonly accepted: boolean;
  readonly findings: readonly FindingDraft[];
  /** Only when the replay reached the register. */
  readonly events?: readonly AgentEvent[];
}

/** Verifies the text against the register that it extends (RTMR3 of TDX). Never throws for what a text may hold. */
export function verifyAgentText(
  text: string,
  register: { readonly name: string; readonly bank: Bank; readonly value: Uint8Array },
): AgentTextResult {
  const parsed = parseAgentText(text, register.bank);
  if ('what' in parsed) {
    const why = `not compared: the agent's event log was not read`;
    const unread = notChecked('eventlog.register.replay', why, { subject: register.name });
    return { accepted: false, findings: [malformedAgentEvent(parsed.line, parsed.what), unread] };
  }
  const { name, bank, value } = register;
  const state = parsed.lines.reduce(
    (before, line) => bankDigest(bank, before, bankDigest(bank, encodeUtf8(line))),
    parsed.initial,
  );
  if (!constantTimeEqual(state, value)) {
    const differs = replayDiffers(name, state, value, parsed.lines.length, []);
    return { accepted: false, findings: [holds('eventlog.aael.form'), differs] };
  }
  const findings = [holds('eventlog.aael.form'), passed('eventlog.register.replay', name, encodeHex(value))];
  // What was extended before the log was begun is not in it.
  if (parsed.initial.some((byte) => byte !== 0)) findings.push(unlogged(name, parsed.initial, 0));
  return { accepted: true, findings, events: parsed.events };
}

type ParsedText =
  | { readonly initial: Uint8Array; readonly lines: readonly string[]; readonly events: readonly AgentEvent[] }
  | { readonly line: number; readonly what: string };

function parseAgentText(text: string, bank: Bank): ParsedText {
  if (text.length > LARGEST_TEXT)
    return { line: 1, what: `${text.length} characters; at most ${LARGEST_TEXT} are read` };
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length > MOST_LINES) return { line: MOST_LINES, what: 'too many lines' };
  const [first = '', ...others] = lines;
  const [, hash, hex = ''] = INIT.exec(first) ?? [];
  if (hash === undefined) return { line: 1, what: 'no first line `INIT <hash>/<hex>`' };
  if (hash !== bank || !bankAvailable(bank)) return { line: 1, what: `hash ${hash}; the register is of ${bank}` };
  if (hex.length !== 2 * algorithmOf(bank).size) return { line: 1, what: `a start value of ${hex.length} hex digits` };
  const events: AgentEvent[] = [];
  for (const [index, line] of others.entries()) {
    try {
      events.push(splitAgentEvent(line));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return { line: index + 2, what: error.reason };
    }
  }
  return { initial: decodeHex(hex), lines, events };
}
