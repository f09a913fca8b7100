import type { Timing } from '../timing.js';
import type { Budget } from './budget.js';
import { retryAfterMs } from './retry-after.js';
import { type Transport, type TransportAnswer, TransportError, type TransportRequest } from './transport.js';

export interface RetryPolicy {
  /** Tries in all. */
  readonly attempts: number;
  /** The first pause is up to this long, the next up to twice as long … with full jitter. */
  readonly baseMs: number;
  readonly maxPauseMs: number;
  /** Longest wait for the budget or for `Retry-After`; beyond it the request fails with the time of the next try. */
  readonly maxWaitMs: number;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 3,
  baseMs: 250,
  maxPauseMs: 5_000,
  maxWaitMs: 15_000,
  timeoutMs: 10_000,
  maxBytes: 4 * 1024 * 1024,
};

/** How one request ended. */
export type FetchOutcome =
  | { readonly kind: 'answer'; readonly answer: TransportAnswer; readonly ms: number }
  | { readonly kind: 'fault'; readonly error: TransportError; readonly ms: number }
  | { readonly kind: 'throttled'; readonly nextAt: number }
  | { readonly kind: 'budget'; readonly nextAt: number };

export interface FetcherOptions {
  readonly transport: Transport;
  readonly timing: Timing;
  readonly budget: Budget;
  readonly policy?: Partial<RetryPolicy>;
}

/** Sends requests within a vendor's budget; tries again what may pass by itself. */
export class Fetcher {
  readonly #transport: Transport;
  readonly #timing: Timing;
  readonly #budget: Budget;
  readonly #policy: RetryPolicy;
  /** By host: no request before this time, because the host said so. */
  readonly #quiet = new Map<string, number>();

  constructor(options: FetcherOptions) {
    this.#transport = options.transport;
    this.#timing = options.timing;
    this.#budget = options.budget;
    this.#policy = { ...DEFAULT_RETRY, ...options.policy };
  }

  get budget(): Budget {
    return this.#budget;
  }

  /** Never throws for what a peer does. */
  get(url: URL, headers: Readonly<Record<string, string>> = {}): Promise<FetchOutcome> {
    return this.#send(url, { headers });
  }

  /** A question with a body. Sent again like a GET: nothing that vendors are asked here changes anything. */
  post(url: URL, body: Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<FetchOutcome> {
    return this.#send(url, { headers, body });
  }

  async #send(url: URL, what: Pick<TransportRequest, 'headers' | 'body'>): Promise<FetchOutcome> {
    const { attempts, maxWaitMs, timeoutMs, maxBytes } = this.#policy;
    const request: TransportRequest = { url, ...what, timeoutMs, maxBytes };
    for (let attempt = 1; ; attempt += 1) {
      const quiet = (this.#quiet.get(url.host) ?? 0) - this.#timing.now();
      if (quiet > maxWaitMs) return { kind: 'throttled', nextAt: this.#timing.now() + quiet };
      if (quiet > 0) await this.#timing.sleep(quiet);
      const wait = this.#budget.book(maxWaitMs);
      if (wait === undefined) return { kind: 'budget', nextAt: this.#timing.now() + this.#budget.wait() };
      if (wait > 0) await this.#timing.sleep(wait);

      const outcome = await this.#once(request);
      if (attempt >= attempts || !worthRetrying(outcome)) return this.#final(url, outcome);
      const pause = this.#pause(attempt, outcome);
      if (pause > maxWaitMs) return this.#final(url, outcome, pause);
      await this.#timing.sleep(pause);
    }
  }

  async #once(request: TransportRequest): Promise<FetchOutcome> {
    const start = this.#timing.now();
    try {
      const answer = await this.#transport(request);
      return { kind: 'answer', answer, ms: this.#timing.now() - start };
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      return { kind: 'fault', error, ms: this.#timing.now() - start };
    }
  }

  #pause(attempt: number, outcome: FetchOutcome): number {
    const asked = outcome.kind === 'answer' ? this.#asked(outcome.answer) : undefined;
    const limit = Math.min(this.#policy.maxPauseMs, this.#policy.baseMs * 2 ** (attempt - 1));
    return asked ?? Math.floor(this.#timing.random() * limit);
  }

  /** A 429 that stays is remembered for the host, so that other items do not run into it too. */
  #final(url: URL, outcome: FetchOutcome, pause?: number): FetchOutcome {
    if (outcome.kind !== 'answer' || outcome.answer.status !== 429) return outcome;
    const wait = pause ?? this.#asked(outcome.answer) ?? this.#policy.maxPauseMs;
    const nextAt = this.#timing.now() + wait;
    this.#quiet.set(url.host, nextAt);
    return { kind: 'throttled', nextAt };
  }

  #asked(answer: TransportAnswer): number | undefined {
    return retryAfterMs(answer.headers['retry-after'], this.#timing.now());
  }
}

const FAULTS_WORTH_RETRYING = new Set(['name', 'connection', 'timeout', 'incomplete']);

function worthRetrying(outcome: FetchOutcome): boolean {
  if (outcome.kind === 'fault') return FAULTS_WORTH_RETRYING.has(outcome.error.fault);
  if (outcome.kind !== 'answer') return false;
  const { status } = outcome.answer;
  return status === 429 || status === 408 || status >= 500;
}
