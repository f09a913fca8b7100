/** Where a log and a quoted register part: which event was added, taken away at the end, changed or moved, if one alone was. */
import { constantTimeEqual } from '@assay/bytes';
import type { Cause } from '@assay/bytes/findings';
import { type Bank, bankDigest } from './algorithm.js';
import { EVENT, eventTypeName } from './event-type.js';
import type { EventRecord, ParsedEventlog } from './parse.js';
import { initialValue } from './replay.js';

interface Extension {
  readonly record: EventRecord;
  readonly digest: Uint8Array;
}

/** Trying each event in turn takes the square of their number; logs of one register beyond this are not searched. */
const MOST_SEARCHED = 64;

/**
 * Explains a difference by one event, from what is in the log alone. An event that is missing from its middle cannot be
 * found: its digest is known to nobody.
 *
 * @returns what the digests prove; empty when more than one event differs, or one is missing
 */
export function explainDifference(
  log: ParsedEventlog,
  bank: Bank,
  index: number,
  quoted: Uint8Array,
): readonly Cause[] {
  const extensions = log.records.flatMap((record): Extension[] => {
    if (record.index !== index || record.type === EVENT.noAction) return [];
    const found = record.digests.find(({ algorithm }) => algorithm.bank === bank);
    return found === undefined ? [] : [{ record, digest: found.digest }];
  });
  const reach = search(extensions, initialValue(log, index, quoted.length), bank, quoted);
  return reach === undefined ? [] : [{ text: reach, confirmed: true }];
}

function search(
  extensions: readonly Extension[],
  initial: Uint8Array,
  bank: Bank,
  quoted: Uint8Array,
): string | undefined {
  const states = [initial];
  for (const [n, { digest, record }] of extensions.entries()) {
    const state = states[n] ?? initial;
    if (constantTimeEqual(state, quoted)) {
      const total = `after ${n} of the ${extensions.length} events`;
      return `the quote is equal to the replay ${total}: ${nameOf(record)} and what follows are not in it`;
    }
    states.push(bankDigest(bank, state, digest));
  }
  if (extensions.length > MOST_SEARCHED) return undefined;
  const reaches = (from: Uint8Array, rest: readonly Uint8Array[]): boolean =>
    constantTimeEqual(
      rest.reduce((state, digest) => bankDigest(bank, state, digest), from),
      quoted,
    );
  for (const [n, { record }] of extensions.entries()) {
    const before = states[n] ?? initial;
    const [next, ...others] = extensions.slice(n + 1).map(({ digest }) => digest);
    const rest = next === undefined ? [] : [next, ...others];
    if (reaches(before, rest)) return `the quote is equal to the replay without ${nameOf(record)}`;
    if (reaches(before, [bankDigest(bank, record.data), ...rest])) {
      return `the quote is equal to the replay with the hash of the data of ${nameOf(record)} as its digest`;
    }
    const own = extensions[n]?.digest;
    if (next !== undefined && own !== undefined && reaches(before, [next, own, ...others])) {
      return `the quote is equal to the replay with ${nameOf(record)} and the next one in the other order`;
    }
  }
  return undefined;
}

function nameOf({ number, type }: EventRecord): string {
  return `event ${number} (${eventTypeName(type)})`;
}
