/** Event logs beside a quote, the firmware's and the agent's: believed as far as the quoted registers vouch for them. */
import { DecodeError } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import {
  type AuthenticEventlog,
  type ParsedEventlog,
  parseAgentLog,
  type QuotedRegister,
  type RegisterValues,
  replay,
  verifyEventlog,
} from '../../eventlog/index.js';
import type { PcrValues } from '../quote/pcrs.js';
import { selectedValues } from '../quote/pcrs.js';
import type { TpmHash } from '../structures/algorithm.js';
import type { PcrSelectionList } from '../structures/pcr-selection.js';

export interface TpmLog {
  readonly findings: readonly FindingDraft[];
  readonly authentic: AuthenticEventlog | undefined;
  readonly parsed: ParsedEventlog | undefined;
}

/** Registers of a quote under the names that findings use. */
export function quotedRegisters(selection: PcrSelectionList, values: PcrValues): QuotedRegister[] {
  return [...selectedValues(selection, values)].flatMap(([bank, registers]) =>
    [...registers].map(([index, value]): QuotedRegister => ({ bank, index, name: `PCR ${index}`, value })),
  );
}

/** What a guest sends beside its quote, as far as it does. */
export interface TpmLogs {
  readonly firmware: Uint8Array | undefined;
  readonly agent: Uint8Array | undefined;
}

/**
 * Replays logs against the quoted registers; registers that the quote leaves out are not judged. Without the firmware's log only those
 * are that the agent extended: nothing is said about the others.
 *
 * @returns undefined without any log
 */
export function verifyTpmLogs(
  { agent, firmware }: TpmLogs,
  selection: PcrSelectionList,
  values: PcrValues,
): TpmLog | undefined {
  if (agent === undefined && firmware === undefined) return undefined;
  const quoted = quotedRegisters(selection, values);
  const registers = firmware === undefined ? extendedBy(agent ?? new Uint8Array(), quoted) : quoted;
  const { authentic, findings, parsed } = verifyEventlog({
    log: firmware,
    ...(agent === undefined ? {} : { agentLog: agent }),
    kind: 'tpm',
    registers,
    unquoted: 'omit',
  });
  return { findings, authentic, parsed };
}

/** Registers that an agent's log extends; all of them where it cannot be read, which is told elsewhere. */
function extendedBy(agent: Uint8Array, quoted: readonly QuotedRegister[]): readonly QuotedRegister[] {
  try {
    const indexes = new Set(parseAgentLog(agent).map(({ index }) => index));
    return quoted.filter(({ bank, index }) => bank === 'sha256' && indexes.has(index));
  } catch (error) {
    if (error instanceof DecodeError) return quoted;
    throw error;
  }
}

/** Values that a log leads to, where it has the bank. */
export function replayOf(log: ParsedEventlog, bank: TpmHash): RegisterValues | undefined {
  return log.algorithms.some((algorithm) => algorithm.bank === bank) ? replay(log, bank) : undefined;
}
