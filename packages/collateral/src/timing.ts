/** Time and chance, as arguments: a test runs a day of retries in a millisecond. */
export interface Timing {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 ≤ x < 1, for jitter. Needs no cryptographic quality. */
  readonly random: () => number;
}

export const systemTiming: Timing = {
  now: Date.now,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: Math.random,
};
