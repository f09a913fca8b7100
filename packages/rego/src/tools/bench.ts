/** How long one entry point or query takes. */
import type { EvaluateOptions, Policy } from '../eval/policy.js';

export interface BenchmarkOptions extends EvaluateOptions {
  /** Milliseconds that go up. */
  readonly clock: () => number;
  /** How long to measure. Default 1,000. */
  readonly milliseconds?: number;
}

export interface BenchmarkReport {
  readonly evaluations: number;
  readonly perSecond: number;
  /** Per evaluation, in microseconds: over rounds of equal length. */
  readonly microseconds: { readonly median: number; readonly fastest: number; readonly slowest: number };
}

const ROUNDS = 9;

/** Evaluates again and again; the first round warms up and is not counted. */
export function benchmark(policy: Policy, options: BenchmarkOptions): BenchmarkReport {
  const run = runner(policy, options);
  const share = (options.milliseconds ?? 1_000) / (ROUNDS + 1);
  round(run, options.clock, share);
  const samples: number[] = [];
  let evaluations = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const { calls, elapsed } = round(run, options.clock, share);
    evaluations += calls;
    samples.push((elapsed * 1_000) / calls);
  }
  samples.sort((a, b) => a - b);
  const median = samples[Math.floor(ROUNDS / 2)] ?? 0;
  return {
    evaluations,
    perSecond: median === 0 ? 0 : 1_000_000 / median,
    microseconds: { median, fastest: samples[0] ?? 0, slowest: samples.at(-1) ?? 0 },
  };
}

function runner(policy: Policy, options: BenchmarkOptions): () => void {
  if (options.entrypoint === undefined) return () => void policy.evaluate(options);
  const entry = policy.prepare(options.entrypoint);
  return () => void entry.evaluate(options.input, options);
}

/** Looks at the clock after batches that double until one lasts about a tenth of the round. */
function round(
  run: () => void,
  clock: () => number,
  milliseconds: number,
): { readonly calls: number; readonly elapsed: number } {
  const begin = clock();
  let calls = 0;
  let batch = 1;
  let elapsed = 0;
  do {
    for (let i = 0; i < batch; i++) run();
    calls += batch;
    elapsed = clock() - begin;
    if (elapsed < milliseconds / 10) batch *= 2;
  } while (elapsed < milliseconds);
  return { calls, elapsed };
}
