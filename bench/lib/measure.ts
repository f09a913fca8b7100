import { percentile } from './report.js';

export interface Measurement {
  readonly warmUps: number;
  readonly rounds: number;
  /** Processor time of a turn. */
  readonly milliseconds: number;
}

/**
 * Calls per second of processor time (other work on the machine counts for nobody), the median of the rounds. The functions
 * take turns, so that what the machine does hits all of them.
 */
export function measure(
  functions: Readonly<Record<string, () => void>>,
  { warmUps, rounds, milliseconds }: Measurement,
): Record<string, number> {
  const rates = new Map<string, number[]>(Object.keys(functions).map((name) => [name, []]));
  for (const run of Object.values(functions)) for (let warmUp = 0; warmUp < warmUps; warmUp += 1) run();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, run] of Object.entries(functions)) {
      rates.get(name)?.push(turn(run, milliseconds));
    }
  }
  return Object.fromEntries([...rates].map(([name, values]) => [name, percentile(values, 0.5)]));
}

/** Calls per second of this process's time on processors. */
export function turn(run: () => void, milliseconds: number): number {
  const start = process.cpuUsage();
  let calls = 0;
  let elapsed = 0;
  while (elapsed < milliseconds) {
    run();
    calls += 1;
    const { system, user } = process.cpuUsage(start);
    elapsed = (user + system) / 1000;
  }
  return (calls * 1000) / elapsed;
}
