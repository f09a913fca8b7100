/** What the log says the registers hold, and what in it is bound by them. */
import { constantTimeEqual } from '@assay/bytes';
import { type Bank, bankAvailable, bankDigest } from './algorithm.js';
import { digestBindsData, EVENT } from './event-type.js';
import type { EventRecord, ParsedEventlog } from './parse.js';

/** Register index to its value after all events; only registers that were extended. */
export type RegisterValues = ReadonlyMap<number, { readonly value: Uint8Array; readonly events: number }>;

/** Extends the registers of one bank as the log says. EV_NO_ACTION is never extended. @throws RangeError for a bank that the log has not */
export function replay(log: ParsedEventlog, bank: Bank): RegisterValues {
  if (!log.algorithms.some((algorithm) => algorithm.bank === bank)) throw new RangeError(`the log has no bank ${bank}`);
  const registers = new Map<number, { value: Uint8Array; events: number }>();
  for (const { index, type, digests } of log.records) {
    if (type === EVENT.noAction) continue;
    const extension = digests.find(({ algorithm }) => algorithm.bank === bank);
    if (extension === undefined) continue;
    const { size } = extension.algorithm;
    const before = registers.get(index) ?? { value: initialValue(log, index, size), events: 0 };
    registers.set(index, {
      value: bankDigest(bank, before.value, extension.digest),
      events: before.events + 1,
    });
  }
  return registers;
}

/** PCRs 17 to 22 start with all bits set (dynamic launch), PCR0 with the startup locality, everything else at zero. */
export function initialValue(log: ParsedEventlog, index: number, size: number): Uint8Array {
  const value = new Uint8Array(size);
  if (log.kind !== 'tpm') return value;
  if (index >= 17 && index <= 22) value.fill(0xff);
  if (index === 0) value[size - 1] = log.startupLocality;
  return value;
}

/** Whether the digests of a record are those of its data. */
export interface DataComparison {
  readonly record: EventRecord;
  readonly bank: Bank;
  readonly digest: Uint8Array;
  /** Digest of the data. */
  readonly computed: Uint8Array;
  readonly equal: boolean;
  readonly required: boolean;
}

/** Compares digests with data for the types where the one is the hash of the other, in every bank. */
export function compareData(log: ParsedEventlog): DataComparison[] {
  return log.records.flatMap((record) => {
    const binds = digestBindsData(record.type);
    if (binds === 'never') return [];
    return record.digests.flatMap(({ algorithm: { bank }, digest }): DataComparison[] => {
      if (!bankAvailable(bank)) return [];
      const computed = bankDigest(bank, record.data);
      const equal = constantTimeEqual(computed, digest);
      return [{ record, bank, digest, computed, equal, required: binds === 'always' }];
    });
  });
}

/** Every digest is the hash of the data, in banks that this runtime can compute; false where it cannot. */
export function digestsMatchData(data: Uint8Array, digests: EventRecord['digests']): boolean {
  return digests.every(
    ({ algorithm: { bank }, digest }) => bankAvailable(bank) && constantTimeEqual(bankDigest(bank, data), digest),
  );
}

/** Second and later separators of a register, in the order of the log. */
export function duplicateSeparators(log: ParsedEventlog): EventRecord[] {
  const seen = new Set<number>();
  return log.records.filter(({ type, index }) => {
    if (type !== EVENT.separator) return false;
    if (seen.has(index)) return true;
    seen.add(index);
    return false;
  });
}
