/** Digests of large layers, counted in threads beside: with the cipher they would hold the event loop for seconds. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type CountDigests, type Counted, countHere, type Digests } from '@assay/ocicrypt';

/** From this size on threads are worth their start, about 15 ms. */
const LARGE_LAYER = 16 * 1024 * 1024;

/** Threads of all layers: with one for each processor, the main one beside them never waits for long. */
const MOST_THREADS = availableParallelism() === 1 ? 0 : availableParallelism();
let threads = 0;

/** @param size bytes that are expected of each stream */
export function countBeside(size: number): CountDigests {
  return (streams) => {
    if (size >= LARGE_LAYER && threads < MOST_THREADS) {
      try {
        return new DigestsBeside(streams, MOST_THREADS - threads);
      } catch {
        // Threads may be forbidden, or none is left; the digests are the same without.
      }
    }
    return countHere(streams);
  };
}

/** Bytes that go to a thread at once: telling it costs as much as a few thousand of them. */
const SLOT = 1024 * 1024;
const SLOTS = 6;

/** What a thread is told: bytes of a stream, or that there are no more. */
type Order = { readonly stream: number; readonly at: number; readonly length: number } | 'finish';
/** What it answers: a slot can be used again, or the digests of its streams. */
type Answer =
  | { readonly free: number }
  | { readonly digests: readonly { readonly stream: number; readonly of: readonly Uint8Array[] }[] };

/** Who waits for an answer. */
interface Waiting {
  readonly resolve: () => void;
  readonly reject: (failure: Error) => void;
}

/**
 * The threads' program. It is a text so that bundled programs have it too: a file beside would be missing. Bytes come from another
 * processor's cache, where SHA-256 waits for them: small pieces are fetched with one copy, which is faster than its reading.
 */
const PROGRAM = `
const { createHash, createHmac } = require('node:crypto');
const { parentPort, workerData: { streams, memory } } = require('node:worker_threads');
const made = ({ algorithm, key }) => (key === undefined ? createHash(algorithm) : createHmac(algorithm, key));
const counted = new Map(streams.map(({ stream, digests }) => [stream, digests.map(made)]));
const PIECE = 32 * 1024;
const near = new Uint8Array(PIECE);
parentPort.on('message', (order) => {
  if (order === 'finish') {
    const digests = [...counted].map(([stream, hashes]) => ({ stream, of: hashes.map((hash) => hash.digest()) }));
    parentPort.postMessage({ digests });
    return;
  }
  const hashes = counted.get(order.stream);
  const end = order.at + order.length;
  for (let at = order.at; at < end; at += PIECE) {
    const far = new Uint8Array(memory, at, Math.min(PIECE, end - at));
    const piece = near.subarray(0, far.length);
    piece.set(far);
    for (const hash of hashes) hash.update(piece);
  }
  parentPort.postMessage({ free: order.at });
});`;

/** Shares a few slots of memory with the threads: bytes are copied into one, and it comes back when they are counted. */
class DigestsBeside implements Digests {
  readonly #memory = new Uint8Array(new SharedArrayBuffer(SLOTS * SLOT));
  readonly #free = Array.from({ length: SLOTS }, (_, index) => index * SLOT);
  /** Slots that are not full yet, by stream. */
  readonly #filling: ({ readonly at: number; length: number } | undefined)[];
  readonly #workers: Worker[] = [];
  /** Digests that have come back, by stream. */
  readonly #digests: (readonly Uint8Array[] | undefined)[];
  #failure: Error | undefined;
  #waiting: Waiting | undefined;
  #closed = false;

  /** @param most threads; each counts all digests of its streams, as they are of the same bytes */
  constructor(streams: readonly (readonly Counted[])[], most: number) {
    this.#filling = streams.map(() => undefined);
    this.#digests = streams.map(() => undefined);
    const numbered = streams.map((digests, stream) => ({ stream, digests }));
    const count = Math.min(most, streams.length);
    try {
      for (let worker = 0; worker < count; worker += 1) {
        this.#workers.push(this.#start(numbered.filter(({ stream }) => stream % count === worker)));
        threads += 1;
      }
    } catch (error) {
      // Those that did start would keep the process from its end.
      this.close();
      throw error;
    }
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
    for (const worker of this.#workers) order(worker, 'finish');
    while (this.#digests.includes(undefined)) await this.#answer();
    return this.#digests.map((digests) => digests ?? []);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    threads -= this.#workers.length;
    for (const worker of this.#workers) void worker.terminate();
  }

  #start(streams: readonly { readonly stream: number; readonly digests: readonly Counted[] }[]): Worker {
    const workerData = { streams, memory: this.#memory.buffer };
    // The parent's own options, loaders for instance, are not needed and slow down the start.
    const worker = new Worker(PROGRAM, { eval: true, execArgv: [], workerData });
    worker.on('message', (answer: Answer) => {
      if ('free' in answer) this.#free.push(answer.free);
      else for (const { stream, of } of answer.digests) this.#digests[stream] = of;
      this.#settle((waiting) => waiting.resolve());
    });
    worker.on('error', (failure: Error) => this.#fail(failure));
    worker.on('exit', () => this.#fail(new Error('the thread that counts digests has ended')));
    return worker;
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
    const worker = this.#workers[stream % this.#workers.length];
    if (slot !== undefined && worker !== undefined) order(worker, { stream, ...slot });
    this.#filling[stream] = undefined;
  }

  /** The next answer of a thread. @throws Error when one has failed */
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

function order(worker: Worker, what: Order): void {
  worker.postMessage(what);
}
