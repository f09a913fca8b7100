/**
 * What a boot must have been like for rules about its events to mean anything.
 *
 * Registers vouch for digests and for their order in each register; the type and the data beside a digest are the word of whoever
 * handed the log in. Software that the owner does not know can extend registers with digests that the owner wants to see, after its
 * own were measured, and name both as it likes. So a rule asks what else is in the register, and what came first.
 */
import { decodeBase64, encodeUtf8, type JsonObject } from '@assay/bytes';
import { EVENT } from './event-type.js';
import type { EventRecord, LogKind } from './parse.js';
import { digestsMatchData } from './replay.js';

/** A record with those of its digests that registers vouch for. */
export interface BoundRecord {
  readonly record: EventRecord;
  readonly details: JsonObject;
  /** Hex, of banks that the quote has. */
  readonly digests: readonly string[];
}

/**
 * Registers by what is measured into them (UEFI 2.11, section 38.4.1; TCG PC Client Platform Firmware Profile, section 3.3.4): firmware
 * variables, applications and drivers that firmware loads, what the kernel's EFI stub measures.
 */
export const REGISTERS: Readonly<
  Record<LogKind, { readonly variables: number; readonly applications: number; readonly stub: number }>
> = {
  cc: { variables: 1, applications: 2, stub: 3 },
  tpm: { variables: 7, applications: 4, stub: 9 },
};

/** Records that extended a register, in their order. */
export function extensionsOf(records: readonly BoundRecord[], register: number): readonly BoundRecord[] {
  return records.filter(({ record: { index, type } }) => index === register && type !== EVENT.noAction);
}

/** What separators measure where nothing went wrong. */
const SEPARATORS = [new Uint8Array(4), new Uint8Array(4).fill(0xff)];

/**
 * Records before the first separator, which firmware measures before it runs anything that it did not bring. By its digest: the
 * record may be named otherwise. Undefined where there is none.
 */
export function beforeSeparator(records: readonly BoundRecord[]): readonly BoundRecord[] | undefined {
  const end = records.findIndex(({ record }) => SEPARATORS.some((data) => digestsMatchData(data, record.digests)));
  return end < 0 ? undefined : records.slice(0, end);
}

/** How files begin that firmware runs; it hashes them from their first byte on. */
const IMAGES = ['MZ', 'VZ', 'PE\0\0'].map(encodeUtf8);

/** Whether the log shows what was measured, and it is nothing that firmware would run. */
export function isHarmless({ details, record }: BoundRecord): boolean {
  const { data, digests } = record;
  const measured = [data, ...variableValue(details)].find((bytes) => digestsMatchData(bytes, digests));
  return measured !== undefined && !IMAGES.some((start) => startsWith(measured, start));
}

/** Of a boot variable the value alone is measured. */
function variableValue({ variable_data: value }: JsonObject): readonly Uint8Array[] {
  return typeof value === 'string' ? [decodeBase64(value)] : [];
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.every((octet, at) => bytes[at] === octet);
}
