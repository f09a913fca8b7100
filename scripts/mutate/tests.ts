// Test processes: started, watched, ended when they hang.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { lastNote, note, notes } from './journal.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
/** After this long without a word, a test under a change counts as hung: milliseconds. */
const silence = 40_000;
/** For a process that runs whole test files under one change: milliseconds. */
const patience = 180_000;

let current: ChildProcess | undefined;
process.once('exit', () => current !== undefined && end(current));

/** Runs test files, each test under each change it reaches, until all were; what they tell is in the journal. */
export async function runUnderChanges(plan: string, journal: string, files: readonly string[]): Promise<void> {
  for (let left = [...files]; left.length > 0; ) {
    note(journal, { kind: 'started' });
    const child = vitest(left, { MUTATE_PLAN: plan, MUTATE_JOURNAL: journal });
    const closed = once(child, 'close') as Promise<[number | null]>;
    let running = true;
    let stopped = false;
    void closed.then(() => {
      running = false;
    });
    while (running) {
      await pause(50);
      const kind = (await lastNote(journal))?.kind;
      if (kind !== 'spoiled' && !(kind === 'try' && Date.now() - statSync(journal).mtimeMs > silence)) continue;
      stopped = true;
      end(child);
    }
    const last = await lastNote(journal);
    if (last?.kind === 'try') note(journal, { kind: 'killed', change: last.change, by: `${last.test} (hung or died)` });
    const done = new Set(notes(journal).flatMap((entry) => (entry.kind === 'file done' ? [entry.file] : [])));
    const undone = left.filter((file) => !done.has(file));
    if (undone.length === left.length && !stopped && last?.kind !== 'try') {
      const [code] = await closed;
      if (code !== 0) throw new Error(`no test runs in ${left.join(', ')}`);
      // Files whose tests are all skipped, as without vectors, say nothing.
      return;
    }
    left = undone;
  }
}

/** Whether whole test files are green with one change switched on from the start. */
export async function greenUnder(plan: string, change: number, files: readonly string[]): Promise<boolean> {
  const child = vitest([...files, '--bail', '1'], { MUTATE_PLAN: plan, MUTATE_CHANGE: String(change) });
  const closed = once(child, 'close');
  const timer = setTimeout(() => end(child), patience);
  const [code] = (await closed) as [number | null];
  clearTimeout(timer);
  return code === 0;
}

function vitest(rest: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
  const program = join(repository, 'node_modules', 'vitest', 'vitest.mjs');
  const config = join(repository, 'scripts', 'mutate', 'vitest.config.ts');
  // A group of its own, so that a hung worker can be ended with it.
  current = spawn(process.execPath, [program, 'run', '--config', config, ...rest], {
    cwd: repository,
    env: { ...process.env, ...environment, ASSAY_FUZZ_RUNS: '25' },
    stdio: 'ignore',
    detached: true,
  });
  return current;
}

function end(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // ended by itself meanwhile
  }
}
