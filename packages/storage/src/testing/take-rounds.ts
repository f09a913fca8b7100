/*
 * Child of the two-process test: `take-rounds DATABASE CALLERS`. For each key read from stdin it takes that key as
 * often at once, and answers with the number of callers that got it.
 */
import { createInterface } from 'node:readline';
import { openSqliteStorage } from '../sqlite/open.js';

const [path, callers] = process.argv.slice(2);
const storage = await openSqliteStorage({ path: path as string, now: Date.now });
process.stdout.write('ready\n');
for await (const key of createInterface({ input: process.stdin })) {
  const takes = await Promise.all(
    Array.from({ length: Number(callers) }, () => storage.take('kbs_protocol_session', key)),
  );
  process.stdout.write(`${takes.filter((entry) => entry !== undefined).length}\n`);
}
await storage.close();
