/** Digests of large layers, counted in a thread beside: with the cipher they would hold the event loop for seconds. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type CountDigests, type Counted, countHere, type Digests } from '@assay/ocicrypt';

/** From this size on a thread is worth its start, about 15 ms. */
const LARGE_LAYER = 16 * 1024 * 1024;

/** A thread more than there are processors helps nobody. */
const MOST_THREADS = availableParallelism() - 1;
let threads = 0;

/** @param size bytes that are expected of each stream */
export function countBeside(size: number): CountDigests {
  return (streams) => {
    if (size >= LARGE_LAYER && threads < MOST_THREADS) {
      try {
        return new DigestsBeside(streams);
      } catch {
        // Threads may be forbidden, or none is left; the digests are the same without.
      }
    }
    return countHere(streams);
  };
}

/** Bytes that go to the thread at once: telling it costs as much as a few thousand of them. */
const SLOT = 1024 * 1024;
const SLOTS = 6;

/** What the thread is told: bytes of a stream, or that there are no more. */
type Order = { readonly stream: number; readonly at: number; readonly length: number } | 'finish';
/** What it answers: a slot can be used again, or the digests. */
type Answer = { readonly free: number } | { readonly digests: readonly (readonly Uint8Array[])[] };

/** Who waits for an answer. */
interface Waiting {
  readonly resolve: () => void;
  readonly reject: (failure: Error) => void;
}

/** The thread's program. It is a text so that bundled programs have it too: a file beside would be missing. */
const PROGRAM = `
const { createHash, createHmac } = require('node:crypto');
const { parentPort, workerData: { streams, memory } } = require('node:worker_threads');
const made = ({ algorithm, key }) => (key === undefined ? createHash(algorithm) : createHmac(algorithm, key));
const counted = streams.map((digests) => digests.map(made));
parentPort.on('message', (order) => {
  if (order === 'finish') {
    parentPort.postMessage({ digests: counted.map((hashes) => hashes.map((hash) => hash.digest())) });
    return;
  }
  const bytes = new Uint8Array(memory, order.at, order.length);
  for (const hash of counted[order.stream]) hash.update(bytes);
  parentPort.postMessage({ free: order.at });
});`;

/** Shares a few slots of memory with the thread: bytes are copied into one, and it comes back when they are counted. */
class DigestsBeside implements Digests {
  readonly #memory = new Uint8Array(new SharedArrayBuffer(SLOTS * SLOT));
  readonly #free = Array.from({ length: SLOTS }, (_, index) => index * SLOT);
  /** Slots that are not full yet, by stream. */
  readonly #filling: ({ readonly at: number; length: number } | undefined)[];
  readonly #thread: Worker;
  #digests: readonly (readonly Uint8Array[])[] | undefined;
  #failure: Error | undefined;
  #waiting: Waiting | undefined;
  #closed = false;

  constructor(streams: readonly (readonly Counted[])[]) {
    this.#filling = streams.map(() => undefined);
    const workerData = { streams, memory: this.#memory.buffer };
    // The parent's own options, loaders for instance, are not needed and slow down the start.
    this.#thread = new Worker(PROGRAM, { eval: true, execArgv: [], workerData });
    threads += 1;
    this.#thread.on('message', (answer: Answer) => {
      if ('free' in answer) this.#free.push(answer.free);
      else this.#digests = answer.digests;
      this.#settle((waiting) => waiting.resolve());
    });
    this.#thread.on('error', (failure: Error) => this.#fail(failure));
    this.#thread.on('exit', () => this.#fail(new Error('the thread that counts digests has ended')));
  }

  update(stream: number, bytes: Uint8Array): Promise<void> | undefined {
    for (let at = 0; at < bytes.length; ) {
      const slot = this.#slotOf(stream);
      if (slot === undefined) return this.#answer().then(() => this.update(stream, bytes.subarray(at)));
      const part = bytes.subarray(at, at + SLOT - slot.length);
      this.#memory.set(part, slot.at + slot.length);
      slot.length += part.length;
      at += part.length;
      if (slot.length === SLOT) this.#send(stream);
    }
    return undefined;
  }

  async finish(): Promise<readonly (readonly Uint8Array[])[]> {
    for (const stream of this.#filling.keys()) this.#send(stream);
    this.#order('finish');
    while (this.#digests === undefined) await this.#answer();
    return this.#digests;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    threads -= 1;
    void this.#thread.terminate();
  }

  #slotOf(stream: number): { readonly at: number; length: number } | undefined {
    const filling = this.#filling[stream];
    if (filling !== undefined) return filling;
    const at = this.#free.pop();
    const slot = at === undefined ? undefined : { at, length: 0 };
    this.#filling[stream] = slot;
    return slot;
  }

  #send(stream: number): void {
    const slot = this.#filling[stream];
    if (slot !== undefined) this.#order({ stream, ...slot });
    this.#filling[stream] = undefined;
  }

  #order(order: Order): void {
    this.#thread.postMessage(order);
  }

  /** The next answer of the thread. @throws Error when it has failed */
  #answer(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #fail(failure: Error): void {
    this.#failure ??= failure;
    this.#settle((waiting) => waiting.reject(failure));
  }

  #settle(how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) how(waiting);
  }
}
