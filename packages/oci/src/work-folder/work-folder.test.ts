import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@assay/testkit';
import { transformSync } from 'esbuild';
import { beforeEach, describe, expect, test } from 'vitest';
import { removeTree, workFolder } from './work-folder.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const listeners = (): readonly number[] => ['exit', ...SIGNALS].map((event) => process.listenerCount(event));

test('a folder is its owner’s alone, and nothing listens once the last one is removed', async () => {
  const before = listeners();
  const place = temporaryFolder('work-');
  const [one, other] = [await workFolder(join(place, 'a-')), await workFolder(join(place, 'a-'))];
  expect(statSync(one.path).mode & 0o777).toBe(0o700);
  expect(listeners()).toEqual(before.map((count) => count + 1));
  mkdirSync(join(one.path, 'deep'));
  await one.remove();
  expect(readdirSync(place)).toHaveLength(1);
  expect(listeners()).toEqual(before.map((count) => count + 1));
  await other.remove();
  await other.remove();
  expect(readdirSync(place)).toEqual([]);
  expect(listeners()).toEqual(before);
});

/** As an image may have it: neither its owner nor a link in it matters. */
function lock(folder: string, outside: string): void {
  mkdirSync(join(folder, 'a/b'), { recursive: true });
  writeFileSync(join(folder, 'a/b/file'), 'secret');
  symlinkSync(outside, join(folder, 'a/b/link'));
  for (const path of ['a/b', 'a', '']) chmodSync(join(folder, path), 0o100);
}

test('folders that let nobody in go too, and what links in them lead to stays as it is', async () => {
  const place = temporaryFolder('work-');
  const outside = temporaryFolder('work-');
  chmodSync(outside, 0o500);
  const work = await workFolder(join(place, 'a-'));
  lock(work.path, outside);
  await work.remove();
  expect([readdirSync(place), statSync(outside).mode & 0o777]).toEqual([[], 0o500]);
  await removeTree(join(place, 'none'));
});

describe('a process that ends in the middle of its work', () => {
  const place = temporaryFolder('work-');
  const module = join(place, 'work-folder.mjs');
  const source = fileURLToPath(new URL('work-folder.ts', import.meta.url));
  writeFileSync(module, transformSync(readFileSync(source, 'utf8'), { loader: 'ts', format: 'esm' }).code);
  let below: string;
  let count = 0;
  beforeEach(() => {
    count += 1;
    below = join(place, `${count}`);
    mkdirSync(below);
  });

  /** Runs a program that has two folders with a file each, and sends it a signal when it has them. */
  async function end({ before = '', after = '' }, signal?: NodeJS.Signals): Promise<unknown> {
    const program = join(place, `${count}.mjs`);
    const prefix = JSON.stringify(join(below, 'w-'));
    writeFileSync(
      program,
      `import fs, { writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { workFolder } from './work-folder.mjs';
const below = ${JSON.stringify(below)};
setTimeout(() => process.exit(99), 20_000);
${before}
const folders = [await workFolder(${prefix}), await workFolder(${prefix})];
for (const { path } of folders) writeFileSync(path + '/key', 'secret');
process.stdout.write('ready');
${after}`,
    );
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    expect(readdirSync(below)).toHaveLength(2);
    if (signal !== undefined) child.kill(signal);
    return await ended;
  }
  const exitSoon = 'setTimeout(() => process.exit(7), 200);';

  test.each(SIGNALS)('by %s leaves nothing, and dies of the signal', async (signal) => {
    expect(await end({}, signal)).toEqual([null, signal]);
    expect(readdirSync(below)).toEqual([]);
  });

  test('by itself, or by a fault, leaves nothing', async () => {
    expect(await end({ after: exitSoon })).toEqual([7, null]);
    expect(readdirSync(below)).toEqual([]);
    expect(await end({ after: 'setTimeout(() => { throw new Error(); }, 200);' })).toEqual([1, null]);
    expect(readdirSync(below)).toEqual([]);
  });

  const listen = `process.once('SIGTERM', () => setTimeout(() => {
  writeFileSync(below + '/told', '');
  process.exit(5);
}, 100));`;
  test.each([
    ['before', { before: listen }],
    ['after', { after: listen }],
  ])('is ended by the program that listens to the signal since %s', async (_, program) => {
    expect(await end(program, 'SIGTERM')).toEqual([5, null]);
    expect(readdirSync(below)).toEqual(['told']);
  });

  test('by itself leaves no folders that let nobody in', async () => {
    const after = `fs.mkdirSync(folders[0].path + '/a');
writeFileSync(folders[0].path + '/a/file', 'secret');
fs.chmodSync(folders[0].path + '/a', 0o500);
${exitSoon}`;
    expect(await end({ after })).toEqual([7, null]);
    expect(readdirSync(below)).toEqual([]);
  });

  test('keeps what is to stay', async () => {
    expect(await end({ after: `folders[1].keep(); ${exitSoon}` })).toEqual([7, null]);
    expect(readdirSync(below)).toHaveLength(1);
  });

  test('leaves the one folder only that cannot be removed', async () => {
    const after = `const real = fs.rmSync;
fs.rmSync = (path, options) => {
  if (path === folders[0].path) throw new Error('busy');
  real(path, options);
};
syncBuiltinESMExports();
${exitSoon}`;
    expect(await end({ after })).toEqual([7, null]);
    expect(readdirSync(below)).toHaveLength(1);
  });
});
