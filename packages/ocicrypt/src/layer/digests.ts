/**
 * Digests of what streams through a layer's encryption or decryption. Each is a pass over all of it, longer than that of the cipher:
 * callers may have them counted elsewhere.
 */
import { createHash, createHmac } from 'node:crypto';

/** A digest of a stream; with a key an HMAC. */
export interface Counted {
  readonly algorithm: string;
  readonly key?: Uint8Array;
}

/** Digests of several streams at once. Whoever makes one closes it, whatever happens. */
export interface Digests {
  /**
   * Takes in the next bytes of a stream; they may be overwritten as soon as it is over.
   *
   * @returns what to wait for before it is over; undefined when there is nothing to wait for
   */
  update(stream: number, bytes: Uint8Array): Promise<void> | undefined;
  /** @returns of each stream, in the order in which they were asked for */
  finish(): Promise<readonly (readonly Uint8Array[])[]>;
  close(): void;
}

/** Makes the digests of one layer. @param streams what is wanted of each */
export type CountDigests = (streams: readonly (readonly Counted[])[]) => Digests;

/** Counts in the thread of the caller. */
export const countHere: CountDigests = (streams) => new DigestsHere(streams);

class DigestsHere implements Digests {
  readonly #streams;

  constructor(streams: readonly (readonly Counted[])[]) {
    this.#streams = streams.map((counted) =>
      counted.map(({ algorithm, key }) => (key === undefined ? createHash(algorithm) : createHmac(algorithm, key))),
    );
  }

  update(stream: number, bytes: Uint8Array): undefined {
    for (const hash of this.#streams[stream] ?? []) hash.update(bytes);
  }

  async finish(): Promise<readonly (readonly Uint8Array[])[]> {
    return this.#streams.map((hashes) => hashes.map((hash) => hash.digest()));
  }

  close(): void {
    // Nothing is held.
  }
}
