/*
 * `npm run crash -- [--rounds N]`: kills a writing process N times (default 200) and prints what was found.
 * Exit code 1 if an acknowledged write was lost or anything was torn.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { crashRounds } from '../src/testing/crash.js';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '200' } } });
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  process.stderr.write('--rounds takes a whole number from 1\n');
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'assay-crash-'));
try {
  const figures = await crashRounds(join(folder, 'assay.db'), rounds);
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  process.exitCode = figures.lost + figures.torn + figures.damaged === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
