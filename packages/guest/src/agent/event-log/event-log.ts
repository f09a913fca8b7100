import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { concatBytes, constantTimeEqual } from '@assay/bytes';
import { digest, HASH_ALGORITHMS } from '@assay/protocol';
import type { MeasurementRegisters } from '../../attester/attester.js';
import { EventError, encodeEntry, eventDigest, eventText, type MeasuredEvent } from './entry.js';
import { type PendingEvent, readPending, removePending, writePending } from './write-ahead.js';

export interface EventLogOptions {
  readonly registers: MeasurementRegisters;
  /** PCR of events that name none. */
  readonly initPcr: number;
  /** The log; the write-ahead file stands beside it. */
  readonly path: string;
}

const HIGHEST_PCR = 23;
/** Largest log, in bytes. Anything that runs in the guest may add to it, and each piece of evidence carries it. */
const MAX_LOG = 1024 * 1024;

/**
 * The event log of the Attestation Agent (AAEL). Events are measured one after the other: what is about to happen is written
 * down, the register is extended, the entry is appended, the note is removed.
 */
export class EventLog {
  readonly #options: EventLogOptions;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: EventLogOptions) {
    this.#options = options;
  }

  /** Opens the log, and ends what a crash interrupted. @throws EventError when register and log cannot be brought together */
  static async open(options: EventLogOptions): Promise<EventLog> {
    await mkdir(dirname(options.path), { recursive: true, mode: 0o755 });
    const log = new EventLog(options);
    await log.#recover();
    return log;
  }

  /** Measures an event. @param pcr register to extend; default: the configured one. @throws EventError */
  extend(event: MeasuredEvent, pcr: number = this.#options.initPcr): Promise<void> {
    return this.undisturbed(() => this.#extend(event, pcr));
  }

  /** Does something while no event is being measured: what reads registers and the log then finds them of one moment. */
  undisturbed<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #extend(event: MeasuredEvent, pcr: number): Promise<void> {
    if (!Number.isInteger(pcr) || pcr < 0 || pcr > HIGHEST_PCR)
      throw new EventError(`the register index is not 0 to ${HIGHEST_PCR}`);
    const { registers, path } = this.#options;
    const text = eventText(event);
    const entry = encodeEntry(registers.logIndex(pcr), registers.algorithm, text);
    const offset = await sizeOf(path);
    if (offset + entry.length > MAX_LOG) throw new EventError(`the event log is full (${MAX_LOG} bytes)`);
    const measured = eventDigest(registers.algorithm, text);
    const expected = extended(registers, await registers.read(pcr), measured);
    await writePending(this.#pendingPath, { offset, expected, text });
    await registers.extend(pcr, measured);
    await writeAt(path, offset, entry);
    await removePending(this.#pendingPath);
  }

  /** The note does not name the register; the values tell which one it was. */
  async #recover(): Promise<void> {
    const { registers, initPcr, path } = this.#options;
    const pending = await readPending(this.#pendingPath, HASH_ALGORITHMS[registers.algorithm]);
    if (pending !== undefined) {
      if ((await sizeOf(path)) < pending.offset)
        throw new EventError('an event was interrupted, and the log is shorter than it was then');
      const pcr = await this.#finish(pending, initPcr);
      await writeAt(path, pending.offset, encodeEntry(registers.logIndex(pcr), registers.algorithm, pending.text));
    }
    await removePending(this.#pendingPath);
  }

  async #finish({ expected, text }: PendingEvent, initPcr: number): Promise<number> {
    const { registers } = this.#options;
    const measured = eventDigest(registers.algorithm, text);
    const pcrs = candidates(registers, initPcr);
    // First whether it was extended: registers that are equal before would otherwise be taken for one another.
    for (const pcr of pcrs) if (constantTimeEqual(await registers.read(pcr), expected)) return pcr;
    for (const pcr of pcrs) {
      if (!constantTimeEqual(extended(registers, await registers.read(pcr), measured), expected)) continue;
      await registers.extend(pcr, measured);
      return pcr;
    }
    throw new EventError('an event was interrupted, and no register holds the value from before or after it');
  }

  get #pendingPath(): string {
    return join(dirname(this.#options.path), '.wal_event_entry');
  }
}

/** One PCR for each register, the configured one first. */
function candidates(registers: MeasurementRegisters, initPcr: number): readonly number[] {
  const byIndex = new Map<number, number>([[registers.logIndex(initPcr), initPcr]]);
  for (let pcr = 0; pcr <= HIGHEST_PCR; pcr += 1) {
    const index = registers.logIndex(pcr);
    if (!byIndex.has(index)) byIndex.set(index, pcr);
  }
  return [...byIndex.values()];
}

function extended({ algorithm }: MeasurementRegisters, value: Uint8Array, measured: Uint8Array): Uint8Array {
  return digest(algorithm, concatBytes(value, measured));
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return 0;
      throw error;
    },
  );
}

/** Writes an entry over whatever a crash left from there on. */
async function writeAt(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, (await sizeOf(path)) === 0 ? 'w' : 'r+', 0o644);
  try {
    await file.truncate(offset);
    await file.write(bytes, 0, bytes.length, offset);
    await file.sync();
  } finally {
    await file.close();
  }
}
