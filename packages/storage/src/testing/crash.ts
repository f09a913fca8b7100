import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSqliteDriver } from '../sqlite/driver.js';
import { openSqliteStorage } from '../sqlite/open.js';
import { startChild } from './child.js';
import { CRASH_NAMESPACE, contentAfter, stepValue } from './crash-model.js';

export interface CrashFigures {
  rounds: number;
  /** Writes that the storage had acknowledged before the kill. */
  acknowledged: number;
  /** Writes found although the kill came before their acknowledgement; allowed. */
  unacknowledgedButThere: number;
  /** Acknowledged writes that were not found. */
  lost: number;
  /** Entries whose content, partner or presence fits no step. */
  torn: number;
  /** Rounds after which `PRAGMA integrity_check` did not say ok. */
  damaged: number;
}

const WRITERS = 6;

/**
 * Kills a process that writes to one database, again and again, at random moments, and looks each time at what it left.
 * Every round goes on with the database that the last one left behind.
 */
export async function crashRounds(path: string, rounds: number): Promise<CrashFigures> {
  const figures: CrashFigures = {
    rounds,
    acknowledged: 0,
    unacknowledgedButThere: 0,
    lost: 0,
    torn: 0,
    damaged: 0,
  };
  const last = new Array<number>(WRITERS).fill(-1);
  for (let round = 0; round < rounds; round++) {
    const acknowledged = await writeAndKill(path, last);
    for (const [writer, step] of acknowledged.entries()) {
      figures.acknowledged += step - (last[writer] as number);
      last[writer] = step;
    }
    if (!(await isIntact(path))) figures.damaged++;
    const storage = await openSqliteStorage({ path, now: Date.now });
    try {
      for (const [writer, step] of last.entries()) {
        const entries = await storage.list(CRASH_NAMESPACE, { prefix: `${writer}/`, limit: 1000, values: true });
        const found = new Map(entries.map((entry) => [entry.key, entry.value as Uint8Array]));
        // A step that was under way when the kill came may be there or not, but nothing in between.
        const state = [step, step + 1].find((candidate) => isContent(found, writer, candidate));
        if (state === undefined) {
          if (earlierState(found, writer, step) === undefined) figures.torn++;
          else figures.lost++;
          return figures; // what follows would only repeat it
        }
        figures.unacknowledgedButThere += state - step;
        last[writer] = state;
      }
    } finally {
      await storage.close();
    }
  }
  return figures;
}

/** Runs the writers from the step after `last` and kills them. @returns last acknowledged step of each. */
async function writeAndKill(path: string, last: readonly number[]): Promise<number[]> {
  const child = startChild('./crash-writer.ts', [path, ...last.map((step) => `${step + 1}`)]);
  let output = '';
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk;
  });
  const closed = once(child, 'close');
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
      resolve();
    });
    child.once('close', () => resolve());
  });
  await sleep(Math.random() * 60);
  child.kill('SIGKILL');
  const [, signal] = await closed;
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself: ${errors}`);
  const acknowledged = [...last];
  for (const line of output.slice(0, output.lastIndexOf('\n')).split('\n')) {
    const [writer, step] = line.split(' ').map(Number) as [number, number];
    acknowledged[writer] = step;
  }
  return acknowledged;
}

function isContent(found: ReadonlyMap<string, Uint8Array>, writer: number, step: number): boolean {
  const expected = contentAfter(writer, step);
  if (found.size !== expected.size) return false;
  return [...expected].every(([key, from]) => {
    const value = found.get(key);
    return value !== undefined && Buffer.from(value).equals(stepValue(writer, from));
  });
}

function earlierState(found: ReadonlyMap<string, Uint8Array>, writer: number, step: number): number | undefined {
  for (let earlier = step - 1; earlier >= -1; earlier--) if (isContent(found, writer, earlier)) return earlier;
  return undefined;
}

async function isIntact(path: string): Promise<boolean> {
  const db = (await loadSqliteDriver()).open(path);
  try {
    return db.prepare('PRAGMA integrity_check').get()?.['integrity_check'] === 'ok';
  } finally {
    db.close();
  }
}
