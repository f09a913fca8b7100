import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Measurement, turn } from './measure.js';
import { percentile } from './report.js';

/** What a process is told: how long its turn is. It answers with calls per second. */
interface Turn {
  readonly warmUps: number;
  readonly milliseconds: number;
}

/**
 * As `measure`, with a process for each function: what one leaves behind (garbage, types seen by the compiler) is nobody else's cost.
 *
 * @param worker a script that calls {@link takeTurns}; it is given `parameters` and the name
 */
export async function measureApart<Name extends string>(
  worker: URL,
  parameters: readonly string[],
  names: readonly Name[],
  { milliseconds, rounds, warmUps }: Measurement,
): Promise<Record<Name, number>> {
  const workers = names.map((name) => ({
    name,
    child: fork(fileURLToPath(worker), [...parameters, name], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
    rates: [] as number[],
  }));
  try {
    for (const { child } of workers) await ask(child, { warmUps, milliseconds: 0 });
    for (let round = 0; round < rounds; round += 1) {
      for (const { child, rates } of workers) rates.push(await ask(child, { warmUps: 0, milliseconds }));
    }
  } finally {
    for (const { child } of workers) child.kill();
  }
  return Object.fromEntries(workers.map(({ name, rates }) => [name, percentile(rates, 0.5)])) as Record<Name, number>;
}

/** Serves turns of one function until the parent ends this process. */
export function takeTurns(run: () => void): void {
  process.on('message', ({ milliseconds, warmUps }: Turn) => {
    for (let call = 0; call < warmUps; call += 1) run();
    process.send?.(milliseconds === 0 ? 0 : turn(run, milliseconds));
  });
}

async function ask(child: ChildProcess, message: Turn): Promise<number> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('a contender ended early');
  });
  child.send(message);
  const [rate] = (await Promise.race([once(child, 'message'), ended])) as [number];
  return rate;
}
