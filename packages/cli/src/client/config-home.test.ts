import { chmodSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { beforeEach, expect, test } from 'vitest';
import { configHome, readCredentials, rememberServer, writePrivately } from './config-home.js';

const root = temporaryFolder('assay-home-');
let home: string;
beforeEach(() => {
  home = join(mkdtempSync(join(root, 'x-')), 'deep', 'assay');
});
const mode = (path: string): number => statSync(path).mode & 0o777;

test.each([
  [{ ASSAY_CONFIG_HOME: '/a' }, '/a'],
  [{ XDG_CONFIG_HOME: '/x' }, '/x/assay'],
  [{ ASSAY_CONFIG_HOME: '', XDG_CONFIG_HOME: '' }, join(homedir(), '.config', 'assay')],
  [{}, join(homedir(), '.config', 'assay')],
])('with %j the folder is %s', (env, path) => {
  expect(configHome(env)).toBe(path);
});

test('nothing is remembered before the first server', () => {
  expect(readCredentials(home)).toEqual({ servers: {} });
});

test('servers are remembered side by side, the last one is current, a later entry adds to an earlier one', () => {
  rememberServer(home, 'https://a', { token: 'ta' });
  rememberServer(home, 'https://b', { token: 'tb' });
  rememberServer(home, 'https://a', { ca: 'ca' });
  expect(readCredentials(home)).toEqual({
    current: 'https://a',
    servers: { 'https://a': { token: 'ta', ca: 'ca' }, 'https://b': { token: 'tb' } },
  });
});

test('folder and file are the owner’s alone, also where a wider file was there, and nothing temporary stays', () => {
  rememberServer(home, 'https://a', { token: 't' });
  expect([mode(home), mode(join(home, 'credentials.json'))]).toEqual([0o700, 0o600]);
  chmodSync(join(home, 'credentials.json'), 0o666);
  rememberServer(home, 'https://a', { token: 'u' });
  expect(mode(join(home, 'credentials.json'))).toBe(0o600);
  expect(readdirSync(home)).toEqual(['credentials.json']);
  const path = writePrivately(home, 'other.pem', 'x');
  expect([mode(path), readFileSync(path, 'utf8')]).toEqual([0o600, 'x\n']);
});

test('a file that is not one of credentials is not overwritten', () => {
  writePrivately(home, 'credentials.json', '[]');
  expect(() => rememberServer(home, 'https://a', {})).toThrow('not a credentials file');
  writeFileSync(join(home, 'credentials.json'), 'nonsense');
  expect(() => readCredentials(home)).toThrow();
});
