import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assay, printed, start } from './support/cli.js';

const folder = temporaryFolder('assay-cli-');
const dataDir = join(folder, 'data');
const env = { ASSAY_CONFIG_HOME: join(folder, 'home'), HOME: folder };
let server: ChildProcess;
let url = '';

const run = (...args: string[]) => assay(args, { env });

beforeAll(async () => {
  server = start(['serve', '--data-dir', dataDir, '--listen', '127.0.0.1:0'], env);
  [, url = ''] = await printed(server, /ready\s+(https:\/\/\S+)/);
}, 60_000);

afterAll(async () => {
  server.kill('SIGTERM');
  const code = await new Promise((resolve) => server.on('exit', resolve));
  expect(code).toBe(0);
  rmSync(folder, { recursive: true, force: true });
});

test('a first start leaves a database, a key and nothing else; the token is the owner’s alone', () => {
  const names = readdirSync(dataDir).filter((name) => !name.endsWith('-wal') && !name.endsWith('-shm'));
  expect(names.sort()).toEqual(['assay.db', 'kek-0001.key']);
  for (const name of readdirSync(dataDir)) expect(statSync(join(dataDir, name)).mode & 0o777, name).toBe(0o600);
  const credentials = join(env.ASSAY_CONFIG_HOME, 'credentials.json');
  expect(statSync(credentials).mode & 0o777).toBe(0o600);
  const { servers } = JSON.parse(readFileSync(credentials, 'utf8')) as { servers: Record<string, { token: string }> };
  const token = servers[url]?.token ?? 'none';
  for (const name of readdirSync(dataDir)) expect(readFileSync(join(dataDir, name)).includes(token), name).toBe(false);
});

test('the whole round: login, values, policy, secret, guest, audit', async () => {
  expect((await run('login')).out).toContain(`logged in to ${url} as admin`);
  for (const [name, ...value] of [
    ['launch_digest', 'abcde'],
    ['svn', '1'],
    ['major_version', '1', '--as-integer', '--as-single-value'],
    ['minimum_minor_version', '4', '--as-integer', '--as-single-value'],
  ] as const) {
    expect(await run('rv', 'set', name, ...value)).toMatchObject({ code: 0 });
  }
  expect(((await run('rv', 'list', '--json')).json() as { items: unknown[] }).items).toHaveLength(4);
  const policy = join(folder, 'release.rego');
  writeFileSync(
    policy,
    'package policy\n\ndefault allow := false\n\nallow if input.submods.cpu0["ear.status"] == "affirming"\n',
  );
  expect((await run('policy', 'set', 'resource', policy)).out).toContain('stored resource');
  const stored = await assay(['secret', 'set', 'default/key/1', '--file', '-'], { env, input: 'top secret' });
  expect(stored.out).toContain('version 1, 10 bytes');
  expect(await run('client', 'get-resource', 'default/key/1')).toMatchObject({ code: 0, out: 'top secret' });

  const refused = await run('client', 'get-resource', 'default/key/1', '--svn', '2');
  expect(refused.code).toBe(1);
  const attempt = /assay audit show (\w+)/.exec(refused.err)?.[1] ?? 'none';
  const shown = await run('audit', 'show', attempt);
  expect(shown.out).toContain('refused');
  expect(shown.out).toContain('svn');
  expect(shown.out.split('\n').every((line) => line.length <= 100)).toBe(true);
  const list = (await run('audit', 'list', '--json')).json() as { items: { attempt: string }[] };
  expect(list.items.map((item) => item.attempt)).toContain(attempt);
  expect((await run('secret', 'leases', 'default/key/1')).out).toContain('version 1');
}, 90_000);

test('upstream’s kbs-client works with its own flags', async () => {
  const key = join(folder, 'key.bin');
  writeFileSync(key, Buffer.from([0, 1, 2, 255]));
  const client = (...args: string[]) => run('kbs-client', '--url', url, ...args);
  expect((await client('config', 'set-resource', '--path', 'a/b/c', '--resource-file', key)).out).toContain(
    'Set resource success',
  );
  expect((await client('config', 'set-resource-policy', '--allow-all')).out).toContain('Set resource policy success');
  expect((await client('get-resource', '--path', 'a/b/c')).out).toBe('AAEC/w==\n');
  expect((await client('config', 'set-sample-reference-value', 'extra', '7', '--as-integer')).out).toBe(
    'Reference Values Updated\n',
  );
  expect((await client('config', 'get-reference-value', '--id', 'extra')).out).toBe('"[7]"\n');
  expect((await client('config', 'delete-resource', '--path', 'a/b/c')).out).toBe('Delete resource success\n');
  expect((await client('attest')).out).toMatch(/^ey[\w-]+\.[\w-]+\.[\w-]+\n$/);
}, 60_000);

test('doctor checks every hop', async () => {
  const { checks } = (await run('doctor', '--json')).json() as { checks: { part: string; outcome: string }[] };
  expect(checks.map(({ part, outcome }) => `${part} ${outcome}`)).toEqual([
    'network pass',
    'tls pass',
    'clock pass',
    'ready pass',
    'keys pass',
    'admin pass',
  ]);
  const nowhere = await run('doctor', '--server', 'https://127.0.0.1:1');
  expect(nowhere.code).toBe(4);
  expect(nowhere.out).toContain('ECONNREFUSED');
  expect(nowhere.out).toContain('not-checked');
});

describe('exit codes and output', () => {
  test.each([
    [['nope'], 2],
    [['secret', 'set', 'not-a-path', '--file', '/dev/null'], 2],
    [['secret', 'set', 'a/b/c', '--file', '/nonexistent'], 4],
    [['audit', 'list', '--server', 'http://127.0.0.1:1'], 4],
    [['audit', 'show', 'nope'], 1],
    [['rego', 'eval', 'x :='], 3],
    [['config', 'check', '/nonexistent.toml'], 3],
    [['--help'], 0],
  ] as const)('assay %j exits with %i', async (args, code) => {
    const result = await run(...args);
    expect(result.code, `${result.out}${result.err}`).toBe(code);
  });

  test('--json prints one document and nothing else on standard output', async () => {
    for (const args of [
      ['policy', 'list', '--json'],
      ['audit', 'list', '--json'],
      ['audit', 'show', 'nope', '--json'],
    ]) {
      expect(typeof (await run(...args)).json()).toBe('object');
    }
  });

  test('no colour without a terminal, colour where it is forced', async () => {
    const esc = String.fromCharCode(27);
    expect((await run('policy', 'list')).out).not.toContain(esc);
    expect((await assay(['policy', 'list'], { env: { ...env, NO_COLOR: '', FORCE_COLOR: '1' } })).out).toContain(esc);
  });
});

test('what the data directory holds is never the secret', () => {
  expect(existsSync(join(dataDir, 'assay.db'))).toBe(true);
  for (const name of readdirSync(dataDir))
    expect(readFileSync(join(dataDir, name)).includes('top secret'), name).toBe(false);
});
