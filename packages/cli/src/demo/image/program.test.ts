import { spawnSync } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { isMachine, type Machine, program } from './program.js';

const folder = temporaryFolder('assay-program-');
const here: Machine | undefined = process.platform === 'linux' && isMachine(process.arch) ? process.arch : undefined;

test.each<[Machine, number]>([
  ['x64', 62],
  ['arm64', 183],
])('the program for %s is one segment of a static executable, and nothing beside it', (machine, id) => {
  const elf = Buffer.from(program(machine));
  expect(elf.subarray(0, 7)).toEqual(Buffer.from('\x7fELF\x02\x01\x01', 'latin1'));
  expect([elf.readUInt16LE(16), elf.readUInt16LE(18), elf.readUInt16LE(56)]).toEqual([2, id, 1]);
  expect(elf.readUInt32LE(64)).toBe(1);
  expect(elf.readBigUInt64LE(96)).toBe(BigInt(elf.length));
  expect(elf.readBigUInt64LE(24) - elf.readBigUInt64LE(80)).toBe(120n);
  expect(machine === 'arm64' ? elf.length % 4 : 0).toBe(0);
});

describe.skipIf(here === undefined)('the program', () => {
  const path = join(folder, 'tell');
  const file = join(folder, 'text');
  const text = 'a line\n'.repeat(3000);
  writeFileSync(path, program(here ?? 'x64'), { mode: 0o755 });
  writeFileSync(file, text);

  test('prints a file that is longer than what it reads at a time', () => {
    const { status, stdout } = spawnSync(path, [file], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, text]);
  });

  test.each([
    ['no file is named', []],
    ['there is no such file', [join(folder, 'none')]],
    ['it is a folder', [folder]],
  ])('fails where %s', (_, args) => {
    expect(spawnSync(path, args).status).toBe(1);
  });

  test('fails where nothing can be written', () => {
    expect(spawnSync(path, [file], { stdio: ['ignore', openSync('/dev/full', 'w'), 'ignore'] }).status).toBe(1);
  });
});
