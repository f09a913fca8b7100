import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@assay/testkit';
import { transformSync } from 'esbuild';
import { expect, test } from 'vitest';

const folder = temporaryFolder('run-');
const at = (name: string): string => join(folder, name);
const source = readFileSync(fileURLToPath(new URL('run.ts', import.meta.url)), 'utf8');
writeFileSync(at('run.mjs'), transformSync(source, { loader: 'ts', format: 'esm' }).code);
writeFileSync(
  at('program.mjs'),
  `import { runBundle } from './run.mjs';
const before = process.eventNames().length;
const code = await runBundle(process.argv[2], '/the/bundle', 'name').catch((error) => error.code);
console.log(code, process.eventNames().length - before);`,
);

/** Runs a shell script as runtime in a process of its own, which gets a signal when the script has said `ready`. */
async function run(script: string, signal?: NodeJS.Signals): Promise<string> {
  writeFileSync(at('runtime'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const child = spawn(process.execPath, [at('program.mjs'), at('runtime')], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    if (signal !== undefined && text.includes('ready')) child.kill(signal);
  });
  await once(child, 'close');
  return out;
}

test('a runtime gets the bundle and a name; its exit code or its signal is that of the run', async () => {
  expect(await run('echo "$@"; exit 7')).toBe('run --bundle /the/bundle name\n7 0\n');
  expect(await run('kill -KILL $$')).toBe('137 0\n');
  expect(await run('kill -INT $$')).toBe('130 0\n');
});

test('a runtime that cannot be started is an error', async () => {
  const child = spawn(process.execPath, [at('program.mjs'), at('none')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [out] = (await once(child.stdout, 'data')) as [Buffer];
  expect(out.toString()).toBe('ENOENT 0\n');
});

const waiting = (trap: string): string => `${trap}\necho ready\nfor i in $(seq 100); do sleep 0.05; done; exit 9`;

test.each(['SIGTERM', 'SIGHUP'] as const)(
  '%s is handed on, and the end of the container is waited for',
  async (signal) => {
    const trap = `trap 'echo told; sleep 0.2; exit 3' ${signal.slice(3)}`;
    expect(await run(waiting(trap), signal)).toBe('ready\ntold\n3 0\n');
  },
);

test('SIGINT is the terminal’s to hand on: the end of the container is waited for', async () => {
  const script = "trap 'echo told' INT\necho ready\nsleep 0.5\nexit 4";
  expect(await run(script, 'SIGINT')).toBe('ready\n4 0\n');
});
