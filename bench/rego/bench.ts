/**
 * Rego, one thread. For each program: time to parse and compile, a cold evaluation (parse, compile, evaluate once), and warm
 * evaluations per second of the prepared entry point. Figures are medians of several rounds.
 */
import { compile, type PreparedEntrypoint } from '../../packages/rego/src/index.js';
import { machine, type Report } from '../lib/report.js';
import { type Workload, workloads } from './workloads.js';

interface Metrics {
  readonly warm_per_second: number;
  readonly warm_us: number;
  readonly cold_us: number;
  readonly compile_us: number;
}

/** Of all programs together. */
const SECONDS = 12;
const ROUNDS = 7;

function prepare(load: Workload): PreparedEntrypoint {
  return compile([{ file: load.file, text: load.text }], { hostFunctions: load.hostFunctions }).prepare(
    load.entrypoint,
  );
}

function evaluate(prepared: PreparedEntrypoint, load: Workload): void {
  const outcome = prepared.evaluate(load.input, { data: load.data });
  if (outcome.kind !== 'value') throw new Error(`${load.id}: ${load.entrypoint} is ${outcome.kind}`);
}

/** Microseconds per call: as many calls as fill `milliseconds`, in rounds, of which the median counts. */
function measure(run: () => void, milliseconds: number): number {
  const samples: number[] = [];
  let calls = 1;
  for (let round = 0; round < ROUNDS; round++) {
    const budget = milliseconds / ROUNDS;
    const begin = performance.now();
    let done = 0;
    let elapsed = 0;
    do {
      for (let i = 0; i < calls; i++) run();
      done += calls;
      elapsed = performance.now() - begin;
      if (elapsed < budget / 20) calls *= 2;
    } while (elapsed < budget);
    samples.push((elapsed * 1_000) / done);
  }
  return samples.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
}

function bench(load: Workload, milliseconds: number): Metrics {
  const warmed = prepare(load);
  measure(() => evaluate(warmed, load), milliseconds / 4);
  const warm = measure(() => evaluate(warmed, load), milliseconds / 2);
  const cold = measure(() => evaluate(prepare(load), load), milliseconds / 4);
  const compiled = measure(() => void prepare(load), milliseconds / 4);
  return {
    warm_per_second: Math.round(1_000_000 / warm),
    warm_us: round(warm),
    cold_us: round(cold),
    compile_us: round(compiled),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export async function benchRego(): Promise<Report> {
  const metrics: Record<string, number> = {};
  const ratios: Record<string, number> = {};
  const loads = workloads();
  for (const load of loads) {
    const measured = bench(load, (SECONDS * 1_000) / loads.length / 1.25);
    for (const [name, value] of Object.entries(measured)) metrics[`${load.id}.${name}`] = value;
    ratios[`${load.id}.warm_over_cold`] = round(measured.cold_us / measured.warm_us);
  }
  return { name: 'rego', machine: machine(), metrics, ratios };
}
