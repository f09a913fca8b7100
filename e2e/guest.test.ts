import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ttrpcCaller } from '../packages/guest/src/rpc/independent-clients.test.helper.js';
import { prepareSample, startTestServer, type TestServer } from './support/assay.js';
import { assay, printed, start } from './support/cli.js';

// Each run of the command starts a process of its own.
vi.setConfig({ testTimeout: 120_000 });

/** A broker, and a guest of three services with sockets in a folder of its own. */
const folder = temporaryFolder('assay-guest-');
const hubSocket = `unix://${join(folder, 'cdh.sock')}`;
const agentSocket = `unix://${join(folder, 'aa.sock')}`;
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
let server: TestServer;
let guest: ChildProcess;
let api = '';

const sealed = (payload: object, kid = 'signer'): string => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'ES256', kid })}.${part(payload)}`;
  const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `sealed.${text}.${signature.toString('base64url')}`;
};
const pointer = (name: string) => ({
  version: '0.1.0',
  type: 'vault',
  name,
  provider: 'kbs',
  provider_settings: {},
  annotations: {},
});

beforeAll(async () => {
  server = await startTestServer();
  await prepareSample(server, 'the secret');
  mkdirSync(join(folder, 'hub/sealed-secret'), { recursive: true });
  writeFileSync(join(folder, 'hub/sealed-secret/signer'), JSON.stringify(publicKey.export({ format: 'jwk' })));
  writeFileSync(join(folder, 'aa.toml'), `[token_configs.kbs]\nurl = "${server.url}"\n`);
  writeFileSync(
    join(folder, 'cdh.yaml'),
    `socket: ${hubSocket}\naa:\n  aa_socket: ${agentSocket}\nkbc:\n  name: cc_kbc\n  url: ${server.url}\n`,
  );
  const early = ['-g', `unix://${join(folder, 'resource.sock')}`, '-k', `unix://${join(folder, 'key.sock')}`];
  const args = ['-a', agentSocket, ...early, '-c', join(folder, 'aa.toml'), '--tee', 'sample'];
  const hub = ['--data-hub-config', join(folder, 'cdh.yaml'), '--folder', join(folder, 'hub')];
  guest = start(['agent', 'serve', ...args, ...hub, '-b', '127.0.0.1:0', '--features', 'all']);
  [, api = ''] = await printed(guest, /listening on (http:\/\/\S+)/);
}, 60_000);

afterAll(async () => {
  guest.kill('SIGTERM');
  const code = await new Promise((resolve) => guest.on('exit', resolve));
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
  expect(code).toBe(0);
});

test('a container gets its secret over the loopback interface, and nothing beside it', async () => {
  const found = await fetch(`${api}/cdh/resource/default/key/1`);
  expect([found.status, found.headers.get('content-type'), await found.text()]).toEqual([
    200,
    'application/octet-stream',
    'the secret',
  ]);
  expect((await fetch(`${api}/cdh/resource/default/key/2`)).status).toBe(500);
  expect(await (await fetch(`${api}/info`)).json()).toEqual({ version: '0.1.0', tee: 'sample', feature: 'all' });
  const evidence = await fetch(`${api}/aa/evidence?runtime_data=AAECAw&encoding=base64`);
  expect(await evidence.json()).toEqual({ svn: '1', report_data: 'AAECAw==' });
  const token = (await (await fetch(`${api}/aa/token?token_type=kbs`)).json()) as { token: string };
  expect(token.token.split('.')).toHaveLength(3);
});

test('a runtime of the time when the agent gave resources and keys has its sockets', async () => {
  const resources = await ttrpcCaller(join(folder, 'resource.sock'));
  const asked = { ResourcePath: '/default/key/1', KbcName: 'cc_kbc', KbsUri: server.url };
  const { code, response } = await resources.call('getresource.GetResourceService', 'GetResource', asked);
  resources.close();
  expect([code, String(response['Resource'])]).toEqual([0, 'the secret']);
  const keys = await ttrpcCaller(join(folder, 'key.sock'));
  const input = { KeyProviderKeyWrapProtocolInput: Buffer.from('{}') };
  const refused = await keys.call('keyprovider.KeyProviderService', 'UnWrapKey', input);
  keys.close();
  expect(refused).toMatchObject({ code: 13, message: '[ERROR:attestation-agent] Parse request failed' });
});

test('a thousand calls at once are answered over real sockets, with one attestation and bounded memory', async () => {
  const attested = async (): Promise<number> =>
    ((await server.admin('GET', '/api/v1/attestations?limit=500')) as { items: unknown[] }).items.length;
  const caller = await ttrpcCaller(join(folder, 'cdh.sock'));
  const ask = () => caller.call('api.GetResourceService', 'GetResource', { ResourcePath: 'kbs:///default/key/1' });
  await ask();
  const before = await attested();
  const answers = await Promise.all(Array.from({ length: 1000 }, ask));
  caller.close();
  expect(
    answers.filter(({ code, response }) => code === 0 && String(response['Resource']) === 'the secret'),
  ).toHaveLength(1000);
  expect(await attested()).toBe(before);
  const resident = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${guest.pid}/status`, 'utf8'))?.[1];
  expect(Number(resident)).toBeLessThan(256 * 1024);
});

test('a program is started with its secrets unsealed', async () => {
  const target = join(folder, 'out/secret');
  writeFileSync(join(folder, 'sealed-file'), sealed(pointer('kbs:///default/key/1')));
  const run = await assay(
    [
      ...['agent', 'inject', '-c', hubSocket, '--file', `${join(folder, 'sealed-file')}=${target}`],
      ...['--', 'sh', '-c', 'echo "$PASSWORD/$PLAIN"; exit 7'],
    ],
    { env: { PASSWORD: sealed(pointer('kbs:///default/key/1')), PLAIN: 'unsealed.is.plain' } },
  );
  expect(run).toMatchObject({ code: 7, out: 'the secret/unsealed.is.plain\n', err: '' });
  expect([readFileSync(target, 'utf8'), statSync(target).mode & 0o777]).toEqual(['the secret', 0o600]);
});

const badly: readonly (readonly [string, string])[] = [
  ['that points to nothing', sealed(pointer('kbs:///default/key/2'))],
  ['signed with a key that is not there', sealed(pointer('kbs:///default/key/1'), 'other')],
  ['changed after it was signed', sealed(pointer('kbs:///default/key/1')).replace(/.{6}$/, 'AAAAAA')],
  ['that is none', 'sealed.x'],
];
test.each(badly)('with a secret %s the program is not started', async (_, value) => {
  const proof = join(folder, 'started');
  const run = await assay(['agent', 'inject', '-c', hubSocket, '--', 'touch', proof], { env: { PASSWORD: value } });
  expect(run.code).toBe(1);
  expect(run.err).toContain('PASSWORD does not unseal');
  expect(existsSync(proof)).toBe(false);
  expect(run.err + run.out).not.toContain('the secret');
});

test('a file that does not unseal stops the program too, and no other file is written', async () => {
  const [good, bad] = [join(folder, 'good'), join(folder, 'bad')];
  writeFileSync(good, sealed(pointer('kbs:///default/key/1')));
  writeFileSync(bad, 'sealed.x');
  const [one, two, proof] = [join(folder, 'one'), join(folder, 'two'), join(folder, 'started')];
  const files = ['--file', `${good}=${one}`, '--file', `${bad}=${two}`];
  const run = await assay(['agent', 'inject', '-c', hubSocket, ...files, '--', 'touch', proof]);
  expect(run.code).toBe(1);
  expect([one, two, proof].map(existsSync)).toEqual([false, false, false]);
});

test('one call of the data hub, without its socket', async () => {
  const config = join(folder, 'cdh.yaml');
  const oneShot = (...args: string[]) =>
    assay(['agent', 'cdh-oneshot', '-c', config, '--folder', join(folder, 'hub'), ...args]);
  const base64 = `${Buffer.from('the secret').toString('base64')}\n`;
  expect(await oneShot('get-resource', '-r', 'kbs:///default/key/1')).toMatchObject({ code: 0, out: base64 });
  const file = join(folder, 'one-shot');
  writeFileSync(file, sealed(pointer('kbs:///default/key/1')));
  const unsealed = await oneShot('unseal-secret', '-s', file, '--json');
  expect(unsealed.json()).toEqual({ secret: base64.trim() });
  expect(await oneShot('get-resource', '-r', 'kbs:///default/key/2')).toMatchObject({ code: 1, out: '' });
  writeFileSync(file, '{"volume_type":"nfs","options":{},"flags":[],"mount_point":"/mnt"}');
  const mount = await oneShot('secure-mount', '-s', file);
  expect([mount.code, mount.err]).toEqual([1, expect.stringContaining('volume_type must be block-device')]);
  writeFileSync(file, '{"volume_type":"nfs","options":{"a":true},"mount_point":"/mnt"}');
  expect((await oneShot('secure-mount', '-s', file)).code).toBe(3);
  expect((await oneShot('--retry', 'x', 'get-resource', '-r', 'kbs:///default/key/1')).code).toBe(2);
  expect((await oneShot('get-resource')).code).toBe(2);
});

test('one call to a broker that is not there is made again as often as was asked', async () => {
  const config = join(folder, 'nowhere.json');
  writeFileSync(
    config,
    JSON.stringify({ kbc: { name: 'cc_kbc', url: 'http://127.0.0.1:9' }, aa: { aa_socket: agentSocket } }),
  );
  const run = await assay([
    'agent',
    'cdh-oneshot',
    '-c',
    config,
    '-r',
    '1',
    '--folder',
    join(folder, 'hub'),
    'get-resource',
    '-r',
    'kbs:///a/b/c',
  ]);
  expect([run.code, run.err.match(/asked again/g)?.length]).toEqual([4, 1]);
});

test('the guest’s own file has no emulated hardware, and is each of the three programs by its name', async () => {
  const { bundleGuest } = await import('../scripts/bundle-guest.js');
  const file = await bundleGuest(join(folder, 'assay-guest.mjs'));
  expect(readFileSync(file).includes('Emulated firmware')).toBe(false);
  const link = join(folder, 'attestation-agent');
  symlinkSync(file, link);
  const socket = `unix://${join(folder, 'other.sock')}`;
  const agent = spawn(process.execPath, [link, '--attestation_sock', socket, '-c', join(folder, 'aa.toml')]);
  try {
    await printed(agent, /listening on unix:/);
  } finally {
    agent.kill('SIGTERM');
  }
  expect(await new Promise((resolve) => agent.on('exit', resolve))).toBe(0);
  const unknown = spawn(process.execPath, [link, '--tee', 'emulated-tdx']);
  expect(await new Promise((resolve) => unknown.on('exit', resolve))).toBe(2);
});

test('without a broker of its own a guest reads the files of its image, and an unknown client is no guest', async () => {
  const run = await assay(
    ['agent', 'confidential-data-hub', '--folder', join(folder, 'x'), '--socket', 'unix:///nowhere/x'],
    {
      env: { AA_KBC_PARAMS: 'none_kbc::x' },
    },
  );
  expect([run.code, run.err]).toEqual([2, expect.stringContaining('offline_fs_kbc')]);
  const socket = `unix://${join(folder, 'offline.sock')}`;
  const hub = start(['agent', 'confidential-data-hub', '--folder', join(folder, 'x'), '--socket', socket]);
  await printed(hub, /listening on unix:/);
  const sealedRun = await assay(['agent', 'inject', '-c', socket, '--', 'true'], {
    env: { PASSWORD: sealed(pointer('kbs:///default/key/1')) },
  });
  expect(sealedRun.code).toBe(1);
  hub.kill('SIGTERM');
  expect(await new Promise((resolve) => hub.on('exit', resolve))).toBe(0);
});
