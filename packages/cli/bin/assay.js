#!/usr/bin/env node
// Committed shim: npm links it right after `npm ci`, before anything is built.
// A built tree runs from dist; a fresh checkout runs from the sources through tsx.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Node 22 announces its SQLite module as experimental on every start; the storage tests run on it, and users cannot act on it.
const { emitWarning } = process;
process.emitWarning = (warning, ...rest) => {
  if (!String(warning).startsWith('SQLite is an experimental feature')) emitWarning.call(process, warning, ...rest);
};

const built = new URL('../dist/main.js', import.meta.url);
const source = new URL('../src/main.ts', import.meta.url);

if (existsSync(built) && process.env.ASSAY_FROM_SOURCE !== '1') {
  await import(built.href);
} else {
  // `tsx` is looked up from here: the command may be run in any folder.
  const run = spawn(
    process.execPath,
    [
      '--conditions=@assay/source',
      '--import',
      import.meta.resolve('tsx'),
      fileURLToPath(source),
      ...process.argv.slice(2),
    ],
    { stdio: 'inherit' },
  );
  // A signal to this process is meant for the command: a server must drain, not be left behind.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => run.kill(signal));
  run.on('error', (error) => {
    process.stderr.write(`assay: cannot start: ${error.message}\n`);
    process.exitCode = 5;
  });
  run.on('exit', (code) => {
    process.exitCode = code ?? 5;
  });
}
