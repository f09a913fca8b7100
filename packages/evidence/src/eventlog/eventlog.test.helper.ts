/** Event logs for tests, with any defect. */
import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { algorithmOf, type Bank, bankDigest } from './algorithm.js';
import { EVENT } from './event-type.js';

export interface TestEvent {
  readonly index: number;
  readonly type: number;
  readonly data: Uint8Array;
  /** Digest of these bytes instead of the data. */
  readonly measured?: Uint8Array;
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

export function specId(banks: readonly Bank[], vendor: Uint8Array = new Uint8Array()): Uint8Array {
  const data = concatBytes(
    encodeUtf8('Spec ID Event03\0'),
    u32(0),
    Uint8Array.of(0, 2, 0, 2),
    u32(banks.length),
    ...banks.map((bank) => concatBytes(u16(algorithmOf(bank).id), u16(algorithmOf(bank).size))),
    Uint8Array.of(vendor.length),
    vendor,
  );
  return sha1Record(0, EVENT.noAction, new Uint8Array(20), data);
}

export function sha1Record(index: number, type: number, digest: Uint8Array, data: Uint8Array): Uint8Array {
  return concatBytes(u32(index), u32(type), digest, u32(data.length), data);
}

export function record(event: TestEvent, banks: readonly Bank[]): Uint8Array {
  const digests = banks.map((bank) =>
    concatBytes(u16(algorithmOf(bank).id), bankDigest(bank, event.measured ?? event.data)),
  );
  return concatBytes(
    u32(event.index),
    u32(event.type),
    u32(banks.length),
    ...digests,
    u32(event.data.length),
    event.data,
  );
}

export function logOf(events: readonly TestEvent[], banks: readonly Bank[] = ['sha384']): Uint8Array {
  return concatBytes(specId(banks), ...events.map((event) => record(event, banks)));
}

/** What the registers hold after the events. */
export function extended(events: readonly TestEvent[], index: number, bank: Bank = 'sha384'): Uint8Array {
  return events
    .filter((event) => event.index === index && event.type !== EVENT.noAction)
    .reduce<Uint8Array>(
      (state, event) => bankDigest(bank, state, bankDigest(bank, event.measured ?? event.data)),
      new Uint8Array(algorithmOf(bank).size),
    );
}

/** An agent's event as the Attestation Agent writes it. */
export function agentEvent(text: string, changes: Partial<TestEvent> = {}): TestEvent {
  const bytes = encodeUtf8(text);
  const data = concatBytes(u32(0x4141454c), u32(bytes.length), bytes);
  return { index: 4, type: EVENT.eventTag, data, ...changes };
}
