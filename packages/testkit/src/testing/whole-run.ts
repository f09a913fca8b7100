// Vitest's global setup: one temporary folder for the run, below which each test file has its own (each-file.ts). It goes
// with the run, whatever became of the test processes.
import { chmodSync, rmSync } from 'node:fs';
import { temporaryFolder } from '../temporary.js';

/** @returns what ends it */
export function setup(): () => void {
  const before = process.env['TMPDIR'];
  // A short name: the paths of sockets below it have 107 bytes at most.
  const folder = temporaryFolder('t-');
  // As /tmp is: PostgreSQL runs as another user, and works below it.
  chmodSync(folder, 0o1777);
  process.env['TMPDIR'] = folder;
  // Its cache would be in the temporary folder of a test file, and serve nobody.
  process.env['TSX_DISABLE_CACHE'] = '1';
  return () => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    rmSync(folder, { recursive: true, force: true });
  };
}
