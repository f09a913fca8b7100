/*
 * Child of the crash test: `crash-writer DATABASE STEP…`, one first step per writer. Writes until it is killed, and
 * tells each step on stdout after the storage has acknowledged it.
 */
import { writeSync } from 'node:fs';
import { openSqliteStorage } from '../sqlite/open.js';
import { performStep } from './crash-model.js';

const [path, ...steps] = process.argv.slice(2);
const storage = await openSqliteStorage({ path: path as string, now: Date.now });
await Promise.all(
  steps.map(async (first, writer) => {
    for (let step = Number(first); ; step++) {
      await performStep(storage, writer, step);
      acknowledge(`${writer} ${step}\n`);
    }
  }),
);

/** Out of this process before the next step begins: what a stream of Node still held would be lost with the process. */
function acknowledge(line: string): void {
  for (let rest = line; rest !== ''; ) {
    try {
      rest = rest.slice(writeSync(1, rest));
    } catch (error) {
      // The other end reads too slowly: a step that is not told is not acknowledged, so wait.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
}
