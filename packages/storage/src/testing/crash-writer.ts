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
      writeSync(1, `${writer} ${step}\n`);
    }
  }),
);
