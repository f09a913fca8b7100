/**
 * Rego benchmark: `npx tsx --conditions=@assay/source bench/rego/bench.ts [--json] [--seconds N]`.
 *
 * One thread. For each program: time to parse and compile, a cold evaluation (parse, compile, evaluate once), and warm
 * evaluations per second of the prepared entry point. Figures are medians of several rounds.
 */
import { cpus } from 'node:os';
import { compile, type PreparedEntrypoint } from '../../packages/rego/src/index.js';
import { type Workload, workloads } from './workloads.js';

interface Metrics {
  readonly title: string;
  readonly warmPerSecond: number;
  readonly warmMicroseconds: number;
  readonly coldMicroseconds: number;
  readonly compileMicroseconds: number;
}

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
    title: load.title,
    warmPerSecond: Math.round(1_000_000 / warm),
    warmMicroseconds: round(warm),
    coldMicroseconds: round(cold),
    compileMicroseconds: round(compiled),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(name);
  const value = Number(at < 0 ? fallback : process.argv[at + 1]);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${name} needs a positive number`);
  return value;
}

const seconds = Math.min(option('--seconds', 12), 24);
const loads = workloads();
const results = loads.map((load) => [load, bench(load, (seconds * 1_000) / loads.length / 1.25)] as const);
const metrics = Object.fromEntries(results.map(([load, metric]) => [load.id, metric]));
const ratios = Object.fromEntries(
  results.map(([load, metric]) => [
    `${load.id}.warmOverCold`,
    round(metric.coldMicroseconds / metric.warmMicroseconds),
  ]),
);
const cpu = cpus()[0]?.model ?? 'unknown';
const machine = { cpu, cores: cpus().length, node: process.version, platform: `${process.platform} ${process.arch}` };

if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ name: 'rego', machine, metrics, ratios }, undefined, 2));
} else {
  console.log(`Rego, one thread, ${machine.cpu}, Node ${machine.node}`);
  for (const [load, metric] of results) {
    console.log(`\n${load.title}`);
    console.log(
      `  warm     ${metric.warmPerSecond.toLocaleString('en')} evaluations/s (${metric.warmMicroseconds} µs)`,
    );
    console.log(`  compile  ${metric.compileMicroseconds} µs (parse and compile)`);
    console.log(
      `  cold     ${metric.coldMicroseconds} µs (parse, compile, evaluate), ${ratios[`${load.id}.warmOverCold`]} times warm`,
    );
    if (load.aim !== undefined) {
      console.log(
        `  aim      ${load.aim.perSecond.toLocaleString('en')} evaluations/s, ${load.aim.warmOverCold} times faster than cold`,
      );
    }
  }
}
