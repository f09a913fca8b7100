import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EXIT } from '../exit.js';
import { emulatedGuest, keepWorld, openWorld } from './emulated.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder('assay-emulated-');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('one file is one world: vendors and guests of several commands have the same roots', async () => {
  const file = join(folder, 'world.json');
  const vendors = openWorld(file);
  const root = vendors.intel.pki.rootKey;
  keepWorld(file, vendors);
  const kept = readFileSync(file, 'utf8');

  await emulatedGuest('tdx', file).getEvidence(new Uint8Array(64));
  const keys = (text: string): object => (JSON.parse(text) as { keys: object }).keys;
  expect(keys(readFileSync(file, 'utf8'))).toMatchObject(keys(kept));
  expect(openWorld(file).intel.pki.rootKey.equals(root)).toBe(true);
  expect(openWorld(join(folder, 'other.json')).intel.pki.rootKey.equals(root)).toBe(false);
});

test('a file that is no world is refused, and stays as it is', () => {
  const file = join(folder, 'world.json');
  writeFileSync(file, 'not JSON');
  expect(() => openWorld(file)).toThrowError(expect.objectContaining({ exit: EXIT.malformed }));
  expect(readFileSync(file, 'utf8')).toBe('not JSON');
});
