import type { Timing } from '../timing.js';

/** At most `requests` per `intervalMs`, counted over any window of that length. */
export interface BudgetLimit {
  readonly requests: number;
  readonly intervalMs: number;
}

/** Outbound budget of one vendor: what an own bug or a flood of guests may cost the vendor, and us in throttling. */
export class Budget {
  readonly limit: BudgetLimit;
  readonly #now: Timing['now'];
  /** Times of the requests of the last interval, oldest first; may lie ahead for requests that are queued. */
  #spent: number[] = [];

  constructor(limit: BudgetLimit, now: Timing['now']) {
    if (!(limit.requests >= 1) || !(limit.intervalMs >= 0))
      throw new RangeError('a budget allows at least one request');
    this.limit = limit;
    this.#now = now;
  }

  /**
   * Books one request.
   *
   * @returns milliseconds to wait before it is sent; undefined where that is longer than `maxWaitMs`: then nothing is booked
   */
  book(maxWaitMs: number): number | undefined {
    const wait = this.wait();
    if (wait > maxWaitMs) return undefined;
    this.#spent.push(this.#now() + wait);
    return wait;
  }

  /** Milliseconds until a request booked now could be sent. */
  wait(): number {
    const { requests, intervalMs } = this.limit;
    const now = this.#now();
    this.#spent = this.#spent.filter((time) => time > now - intervalMs);
    const blocking = this.#spent[this.#spent.length - requests];
    return blocking === undefined ? 0 : Math.max(0, blocking + intervalMs - now);
  }
}
