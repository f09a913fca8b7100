/** A log against the registers that vouch for it: findings for every question, and the proof when all answers are good. */
import { constantTimeEqual, DecodeError, encodeHex } from '@assay/bytes';
import { type FindingDraft, notChecked, passed } from '@assay/bytes/findings';
import { isAgentEvent, readAgentEvent } from './aael.js';
import { parseAgentLog, withAgentRecords } from './agent-log.js';
import { type Bank, bankAvailable } from './algorithm.js';
import type { AuthenticEventlog } from './claims.js';
import { explainDifference } from './difference.js';
import {
  dataDiffer,
  duplicateSeparator,
  holds,
  malformedAgentEvent,
  malformedLog,
  replayDiffers,
  unlogged,
  unquotedRegister,
} from './findings.js';
import { type LogKind, type ParsedEventlog, parseEventlog } from './parse.js';
import { compareData, digestsMatchData, duplicateSeparators, type RegisterValues, replay } from './replay.js';

/** A register of a signed quote. */
export interface QuotedRegister {
  readonly bank: Bank;
  /** Index in the log: 1 for RTMR0 of TDX; the PCR's number for a TPM. */
  readonly index: number;
  /** `RTMR0`, `PCR 7`. */
  readonly name: string;
  readonly value: Uint8Array;
}

export interface EventlogInput {
  /** Undefined: there is only the agent's. */
  readonly log: Uint8Array | undefined;
  /** Log of a guest's agent that stands apart, as beside a TPM's: its records come after those of the log. */
  readonly agentLog?: Uint8Array;
  readonly kind: LogKind;
  /** Undefined: no quote is at hand, so the log can be read and not believed. */
  readonly registers: readonly QuotedRegister[] | undefined;
  /**
   * Registers of the log that the quote does not have: `refuse` where a quote always has all of them (RTMRs), `omit` where
   * the quote selects some (PCRs). Default `refuse`.
   */
  readonly unquoted?: 'refuse' | 'omit';
}

export interface EventlogResult {
  /** Nothing speaks against the log. */
  readonly accepted: boolean;
  readonly findings: readonly FindingDraft[];
  readonly parsed?: ParsedEventlog;
  /** Only when it was compared with registers and everything held. */
  readonly authentic?: AuthenticEventlog;
}

/** A log may repeat one fault a thousand times; this many are told. */
const MOST_ALIKE = 8;

/** Verifies a log. Never throws for what a log may hold. */
export function verifyEventlog(input: EventlogInput): EventlogResult {
  let log: ParsedEventlog;
  try {
    log = parsed(input);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const why = 'not compared: the event log was not read';
    return { accepted: false, findings: [malformedLog(error), notChecked('eventlog.register.replay', why)] };
  }
  const missing = missingBank(log, input.registers ?? []);
  if (missing !== undefined)
    return { accepted: false, findings: [malformedLog({ reason: missing, offset: 0 })], parsed: log };
  const findings = [
    holds('eventlog.log.form'),
    ...compareRegisters(log, input),
    ...judgeData(log),
    ...judgeSeparators(log, input.registers ?? []),
    ...judgeAgentEvents(log),
  ];
  const accepted = findings.every(({ outcome }) => outcome !== 'fail');
  if (!accepted || input.registers === undefined) return { accepted, findings, parsed: log };
  return { accepted, findings, parsed: log, authentic: proven(log, input.registers) };
}

/** @throws DecodeError */
function parsed({ agentLog, kind, log }: EventlogInput): ParsedEventlog {
  const firmware = log === undefined ? undefined : parseEventlog(log, kind);
  return withAgentRecords(firmware, agentLog === undefined ? [] : parseAgentLog(agentLog));
}

/** The only place that says that a log is authentic. */
function proven(log: ParsedEventlog, registers: readonly QuotedRegister[]): AuthenticEventlog {
  const bound = new Map<Bank, Set<number>>();
  for (const { bank, index } of registers) bound.set(bank, (bound.get(bank) ?? new Set()).add(index));
  return { log, bound } as unknown as AuthenticEventlog;
}

/** A bank that is compared must be in the log, and this runtime must be able to compute it. */
function missingBank(log: ParsedEventlog, registers: readonly QuotedRegister[]): string | undefined {
  const banks = new Set(registers.map(({ bank }) => bank));
  const absent = [...banks].find((bank) => !log.algorithms.some((algorithm) => algorithm.bank === bank));
  if (absent !== undefined) return `the header lists no ${absent}, which the quote's registers use`;
  const unusable = [...banks].find((bank) => !bankAvailable(bank));
  return unusable === undefined ? undefined : `${unusable} is not in the OpenSSL of this runtime`;
}

function compareRegisters(log: ParsedEventlog, { registers, unquoted = 'refuse' }: EventlogInput): FindingDraft[] {
  if (registers === undefined) {
    return [notChecked('eventlog.register.replay', 'not compared: no quote was given', { subject: 'event log' })];
  }
  const replays = new Map<Bank, RegisterValues>();
  for (const { bank } of registers) if (!replays.has(bank)) replays.set(bank, replay(log, bank));
  const findings = registers.map((register) => compareRegister(log, register, replays.get(register.bank)));
  if (unquoted === 'omit') return findings;
  const covered = new Set(registers.map(({ bank, index }) => `${bank} ${index}`));
  for (const [bank, values] of replays) {
    for (const [index, { value, events }] of values) {
      if (!covered.has(`${bank} ${index}`)) findings.push(unquotedRegister(index, value, events));
    }
  }
  return findings.slice(0, registers.length + MOST_ALIKE);
}

/** The last register that is extended at boot alone: RTMR2 (index 3 of a CCEL) and PCR 7. */
const LAST_OF_BOOT = { cc: 3, tpm: 7 } as const;

function compareRegister(
  log: ParsedEventlog,
  { bank, index, name, value }: QuotedRegister,
  values: RegisterValues | undefined,
): FindingDraft {
  const replayed = values?.get(index);
  if (replayed === undefined) {
    if (isInitial(log, index, value)) return passed('eventlog.register.unlogged', name);
    // Extended from elsewhere: the running system may, but what the firmware measures has a log entry.
    if (index > LAST_OF_BOOT[log.kind]) return unlogged(name, value, 0);
    return replayDiffers(name, new Uint8Array(value.length), value, 0, []);
  }
  if (constantTimeEqual(replayed.value, value)) return passed('eventlog.register.replay', name, encodeHex(value));
  return replayDiffers(name, replayed.value, value, replayed.events, explainDifference(log, bank, index, value));
}

/** Whether a register has the value that no event leaves: all zero, or all ones for the PCRs of dynamic launch. */
function isInitial(log: ParsedEventlog, index: number, value: Uint8Array): boolean {
  const dynamic = log.kind === 'tpm' && index >= 17 && index <= 22;
  return value.every((byte) => byte === 0) || (dynamic && value.every((byte) => byte === 0xff));
}

function judgeData(log: ParsedEventlog): FindingDraft[] {
  const unequal = compareData(log).filter(({ equal }) => !equal);
  const told = (required: boolean): FindingDraft[] => {
    const alike = unequal.filter((comparison) => comparison.required === required);
    const shown = alike.slice(0, MOST_ALIKE);
    return shown.map((comparison, n) =>
      dataDiffer(comparison, n === shown.length - 1 ? alike.length - shown.length : 0),
    );
  };
  const findings = [...told(true), ...told(false)];
  return findings.some(({ outcome }) => outcome === 'fail') ? findings : [holds('eventlog.event.digest'), ...findings];
}

function judgeSeparators(log: ParsedEventlog, registers: readonly QuotedRegister[]): FindingDraft[] {
  const repeated = duplicateSeparators(log).slice(0, MOST_ALIKE);
  if (repeated.length === 0) return [holds('eventlog.event.order')];
  const nameOf = (index: number): string =>
    registers.find((register) => register.index === index)?.name ?? `register ${index}`;
  return repeated.map((record) => duplicateSeparator(record, nameOf(record.index)));
}

/** Agents write three fields and the digest of the whole tagged data: anything else is a forgery of policy input. */
function judgeAgentEvents(log: ParsedEventlog): FindingDraft[] {
  const events = log.records.filter(isAgentEvent);
  if (events.length === 0) return [];
  const findings: FindingDraft[] = [];
  for (const record of events) {
    if (findings.length === MOST_ALIKE) break;
    try {
      readAgentEvent(record);
      if (!digestsMatchData(record.data, record.digests)) {
        findings.push(malformedAgentEvent(record.number, 'a digest that is not of its tagged data'));
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      findings.push(malformedAgentEvent(record.number, error.reason));
    }
  }
  return findings.length === 0 ? [holds('eventlog.aael.form')] : findings;
}
