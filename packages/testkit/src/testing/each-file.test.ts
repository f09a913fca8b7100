import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary.js';

const repository = fileURLToPath(new URL('../../../../', import.meta.url));

/** Runs Vitest over one test file, set up as ours are, with a temporary folder of its own. */
function runOf(test: string): {
  readonly status: number | null;
  readonly out: string;
  readonly left: readonly string[];
} {
  const root = temporaryFolder('each-');
  const temporary = join(root, 'tmp');
  mkdirSync(temporary);
  const at = (name: string): string => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
  writeFileSync(
    join(root, 'vitest.config.mjs'),
    `export default { test: { include: ['*.test.mjs'], globalSetup: [${at('whole-run.ts')}], setupFiles: [${at('each-file.ts')}] }, server: { fs: { strict: false } } };`,
  );
  writeFileSync(
    join(root, 'one.test.mjs'),
    `import { chmodSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from ${JSON.stringify(join(repository, 'node_modules/vitest/dist/index.js'))};
import { temporaryFolder } from ${at('../temporary.ts')};
${test}`,
  );
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(repository, 'node_modules/vitest/vitest.mjs'), 'run', '--root', root],
    { cwd: root, env: { PATH: process.env['PATH'], TMPDIR: temporary, NO_COLOR: '1' }, encoding: 'utf8' },
  );
  return { status, out: stdout + stderr, left: readdirSync(temporary) };
}

test('a file whose folders go with it is green', () => {
  const { status, out, left } = runOf(`const folder = temporaryFolder('a-');
afterAll(() => writeFileSync(folder + '/late', 'by a server that is stopped'));
test('x', () => {
  expect(folder.startsWith(${JSON.stringify(tmpdir())} + '/')).toBe(true);
  expect(statSync(tmpdir()).mode & 0o7777).toBe(0o1777);
});`);
  expect([status, left], out).toEqual([0, []]);
});

test('a file that leaves something is red, and tells what; it goes all the same', () => {
  const { status, out, left } = runOf(`test('x', () => {
  writeFileSync(mkdtempSync(tmpdir() + '/forgotten-') + '/key', 'secret');
});`);
  expect(status, out).toBe(1);
  expect(out).toMatch(/left in the temporary folder: forgotten-\w{6}(, forgotten-\w{6}\/key)?\./);
  expect(left).toEqual([]);
});

test('what a test process left that ended early goes with the run', () => {
  const { status, out, left } = runOf(`test('x', () => {
  mkdtempSync(tmpdir() + '/left-');
  process.kill(process.pid, 'SIGKILL');
});`);
  expect([status, left], out).toEqual([1, []]);
});
