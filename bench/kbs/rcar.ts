import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAssay } from '../lib/build.js';
import { processorSeconds } from '../lib/cpu.js';
import { machine, percentile, type Report } from '../lib/report.js';
import { Guest } from './client.js';
import { startAssay, startEcho, type Target } from './servers.js';

/**
 * RCAR handshakes per second (auth, attest, resource) over 64 connections, on SQLite, by one server process and by two,
 * against a bare `node:http` server that answers the same three requests with as many bytes.
 *
 * The servers are loaded in turns, several times, and the median turn counts: other work on the machine hits all alike.
 */
const connections = 64;
const turns = 5;
const turnSeconds = 1.5;
/** V8 is still compiling during the first thousands of handshakes. */
const warmUpSeconds = 5;

interface Turn {
  /** Handshakes per second. */
  readonly rate: number;
  /** Milliseconds of each handshake (three requests). */
  readonly latencies: readonly number[];
  /** Processor time of the server, microseconds for one handshake. */
  readonly cpu: number;
}

const names = ['bare_node_echo', 'assay_1_process', 'assay_2_processes'] as const;
type Name = (typeof names)[number];

export async function benchRcar(): Promise<Report> {
  const program = await buildAssay();
  const targets = new Map<Name, Target>();
  try {
    targets.set('bare_node_echo', await startEcho());
    targets.set('assay_1_process', await startAssay(program, 1));
    targets.set('assay_2_processes', await startAssay(program, 2));
    for (const target of targets.values()) await turn(target, warmUpSeconds);
    const results = new Map<Name, Turn[]>(names.map((name) => [name, []]));
    for (let n = 0; n < turns; n++)
      for (const [name, target] of targets) results.get(name)?.push(await turn(target, turnSeconds));
    return report(results);
  } finally {
    await Promise.all([...targets.values()].map((target) => target.stop()));
  }
}

/** Loads a server with as many guests as there are connections, each in a loop. */
export async function turn(target: Target, seconds: number): Promise<Turn> {
  const guests = Array.from({ length: connections }, () => new Guest(target.port));
  try {
    await Promise.all(guests.map((guest) => guest.handshake()));
    const latencies: number[] = [];
    const cpu = processorSeconds(target.pid) ?? Number.NaN;
    const begun = performance.now();
    const end = begun + seconds * 1000;
    await Promise.all(
      guests.map(async (guest) => {
        for (let start = begun; start < end; ) {
          await guest.handshake();
          const now = performance.now();
          latencies.push(now - start);
          start = now;
        }
      }),
    );
    const elapsed = (performance.now() - begun) / 1000;
    const used = (processorSeconds(target.pid) ?? Number.NaN) - cpu;
    return { rate: latencies.length / elapsed, latencies, cpu: (used / latencies.length) * 1e6 };
  } finally {
    for (const guest of guests) guest.end();
  }
}

function report(results: ReadonlyMap<Name, readonly Turn[]>): Report {
  const metrics: Record<string, number> = { connections };
  const rates = new Map<Name, number>();
  for (const [name, list] of results) {
    const rate = median(list.map((one) => one.rate));
    const latencies = list.flatMap((one) => one.latencies);
    const cpu = median(list.map((one) => one.cpu));
    rates.set(name, rate);
    metrics[`${name}_handshakes_per_s`] = rate;
    metrics[`${name}_p50_ms`] = percentile(latencies, 0.5);
    metrics[`${name}_p99_ms`] = percentile(latencies, 0.99);
    if (!Number.isNaN(cpu)) metrics[`${name}_cpu_us_per_handshake`] = cpu;
  }
  metrics['fsync_p50_ms'] = fsyncMilliseconds();
  const ratio = (above: Name, below: Name): number => (rates.get(above) ?? 0) / (rates.get(below) ?? 0);
  return {
    name: 'rcar',
    machine: machine(),
    metrics,
    ratios: {
      assay_1_process_vs_bare_node_echo: ratio('assay_1_process', 'bare_node_echo'),
      assay_2_processes_vs_bare_node_echo: ratio('assay_2_processes', 'bare_node_echo'),
      assay_2_processes_vs_1: ratio('assay_2_processes', 'assay_1_process'),
    },
  };
}

function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** What one durable write costs where the databases are. */
function fsyncMilliseconds(): number {
  const folder = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  try {
    const file = openSync(join(folder, 'probe'), 'a');
    const block = new Uint8Array(4096);
    const times = Array.from({ length: 40 }, () => {
      const start = performance.now();
      writeSync(file, block);
      fsyncSync(file);
      return performance.now() - start;
    });
    closeSync(file);
    return median(times);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
