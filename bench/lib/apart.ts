import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { turn } from './measure.js';
import { percentile } from './report.js';

/** In milliseconds of processor time. */
export interface Turns {
  /** Before anything counts: V8 goes on compiling for the first thousand calls. */
  readonly warmUp: number;
  readonly rounds: number;
  readonly each: number;
}

/**
 * As `measure`, with a process for each function: what one leaves behind (garbage, types seen by the compiler) is nobody else's cost.
 *
 * @param worker a file of plain JavaScript that calls {@link takeTurns}; it is given `parameters` and the name
 */
export async function measureApart<Name extends string>(
  worker: string,
  parameters: readonly string[],
  names: readonly Name[],
  { each, rounds, warmUp }: Turns,
): Promise<Record<Name, number>> {
  const workers = names.map((name) => ({
    name,
    child: fork(worker, [...parameters, name], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
    rates: [] as number[],
  }));
  try {
    for (const { child } of workers) await ask(child, warmUp);
    for (let round = 0; round < rounds; round += 1) {
      for (const { child, rates } of workers) rates.push(await ask(child, each));
    }
  } finally {
    for (const { child } of workers) child.kill();
  }
  return Object.fromEntries(workers.map(({ name, rates }) => [name, percentile(rates, 0.5)])) as Record<Name, number>;
}

/** Serves turns of one function until the parent ends this process. */
export function takeTurns(run: () => void): void {
  process.on('message', (milliseconds: number) => {
    process.send?.(turn(run, milliseconds));
  });
}

/** @param milliseconds of its turn. @returns calls per second */
async function ask(child: ChildProcess, milliseconds: number): Promise<number> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('a contender ended early');
  });
  child.send(milliseconds);
  const [rate] = (await Promise.race([once(child, 'message'), ended])) as [number];
  return rate;
}
