/** The firmware's event log beside a quote: believed as far as the quoted registers vouch for it. */
import type { FindingDraft } from '@assay/bytes/findings';
import {
  type AuthenticEventlog,
  type ParsedEventlog,
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

/** Replays a log against the quoted registers; registers that the quote leaves out are not judged. */
export function verifyTpmLog(log: Uint8Array, selection: PcrSelectionList, values: PcrValues): TpmLog {
  const registers = quotedRegisters(selection, values);
  const { authentic, findings, parsed } = verifyEventlog({ log, kind: 'tpm', registers, unquoted: 'omit' });
  return { findings, authentic, parsed };
}

/** Values that a log leads to, where it has the bank. */
export function replayOf(log: ParsedEventlog, bank: TpmHash): RegisterValues | undefined {
  return log.algorithms.some((algorithm) => algorithm.bank === bank) ? replay(log, bank) : undefined;
}
