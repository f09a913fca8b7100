import type { ChildProcess } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, describe, expect, test } from 'vitest';
import { assay, printed, start } from './support/cli.js';
import { within } from './support/wait.js';

// Servers as processes of their own, started by the command.
const root = temporaryFolder('assay-processes-');
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

interface Served {
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
  readonly child: ChildProcess;
  /** All that it printed so far. */
  readonly output: () => string;
  run(...args: string[]): ReturnType<typeof assay>;
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>;
}

async function serve(
  name: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const home = join(root, name);
  const env = { ASSAY_CONFIG_HOME: join(home, 'config'), HOME: home, ...more };
  const child = start(['serve', '--data-dir', join(home, 'data'), ...args], env);
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const [, url = ''] = await printed(child, /ready\s+(https?:\/\/\S+)/);
  return {
    url,
    env,
    child,
    output: () => output,
    run: (...command) => assay(command, { env }),
    stop: () => {
      child.kill('SIGTERM');
      return exit;
    },
  };
}

function open(url: string, method: string, headers: Record<string, string>): [ClientRequest, Promise<IncomingMessage>] {
  const call = request(url, { method, headers, agent: new Agent({ keepAlive: false }) });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    call.on('response', resolve);
    call.on('error', reject);
  });
  return [call, answer];
}

const alive = (url: string): Promise<boolean> =>
  fetch(`${url}/healthz`, { headers: { connection: 'close' } }).then(
    () => true,
    () => false,
  );

describe('SIGTERM', () => {
  test('a request under way finishes, new connections are refused, the exit code is 0', async () => {
    const server = await serve('drain', ['--insecure-http', '--listen', '127.0.0.1:0']);
    const body = '{"version":"0.4.0","tee":"sample","extra-params":{}}';
    const [slow, answered] = open(`${server.url}/kbs/v0/auth`, 'POST', { 'content-length': String(body.length) });
    slow.write(body.slice(0, 10));
    await within(2000, async () =>
      /^kbs_http_active_connections 1/m.test(await (await fetch(`${server.url}/metrics`)).text()),
    );
    const code = server.stop();
    expect(await within(5000, async () => !(await alive(server.url)))).toBe(true);
    expect(server.child.exitCode).toBeNull();
    slow.end(body.slice(10));
    expect((await answered).statusCode).toBe(200);
    expect(await code).toBe(0);
    expect(server.output()).toContain('requests under way may finish');
  }, 60_000);

  test('a request that never finishes is cut after the drain time', async () => {
    const server = await serve('cut', ['--insecure-http', '--listen', '127.0.0.1:0'], {
      ASSAY_HTTP_DRAIN_TIMEOUT: '1',
    });
    const [slow, answered] = open(`${server.url}/kbs/v0/auth`, 'POST', { 'content-length': '100' });
    slow.write('{');
    const cut = answered.catch((error: NodeJS.ErrnoException) => error.code);
    await within(2000, async () =>
      /^kbs_http_active_connections 1/m.test(await (await fetch(`${server.url}/metrics`)).text()),
    );
    const begun = Date.now();
    expect(await server.stop()).toBe(0);
    expect(Date.now() - begun).toBeGreaterThanOrEqual(900);
    expect(await cut).toBe('ECONNRESET');
  }, 60_000);
});

test('two workers on one SQLite file: one admin token, one policy, any worker answers, all stop', async () => {
  const port = 20_000 + (process.pid % 20_000);
  const server = await serve('workers', ['--insecure-http', '--listen', `127.0.0.1:${port}`], {
    ASSAY_HTTP_WORKERS: '2',
    ASSAY_LOG_LEVEL: 'warn',
  });
  expect(await within(20_000, () => alive(server.url))).toBe(true);
  const policy = join(root, 'allow.rego');
  writeFileSync(policy, 'package policy\n\nallow := true\n');
  const key = join(root, 'key.bin');
  writeFileSync(key, 'shared by workers');
  expect(await server.run('policy', 'set', 'resource', policy)).toMatchObject({ code: 0 });
  expect(await server.run('secret', 'set', 'default/key/1', '--file', key)).toMatchObject({ code: 0 });
  // Each handshake makes new connections, which the operating system hands to either worker.
  const got = async (): Promise<boolean> =>
    (await server.run('client', 'get-resource', 'default/key/1')).out === 'shared by workers';
  expect(await within(2000, got)).toBe(true);
  for (let n = 0; n < 3; n++) expect(await got()).toBe(true);
  expect(await server.stop()).toBe(0);
  expect(await alive(server.url)).toBe(false);
}, 120_000);

test('the minimal configuration of a Trustee KBS is served as it stands, and what has no effect is named', async () => {
  const config = join(root, 'kbs-config.toml');
  writeFileSync(
    config,
    `[http_server]
insecure_http = true
sockets = ["127.0.0.1:0"]
worker_count = 4
[admin]
authorization_mode = "InsecureAllowAll"
[attestation_token]
insecure_header_jwk = true
[attestation_service]
type = "coco_as_builtin"
[attestation_service.rvps_config]
type = "BuiltIn"
[storage_backend]
storage_type = "LocalFs"
[storage_backend.backends.local_fs]
dir_path = "/opt/confidential-containers/storage"
[[plugins]]
name = "resource"
storage_backend_type = "kvstorage"
`,
  );
  const server = await serve('trustee', ['--config', config]);
  const said = server.output();
  expect(said).toMatch(/warning +kbs-config\.toml:4: `http_server\.worker_count` has no effect here/);
  expect(said).toMatch(/warning +kbs-config\.toml:14: `storage_backend\.storage_type` has no effect here/);
  for (const key of ['http.insecure_http', 'admin.authorization_mode', 'attestation_token.insecure_header_jwk'])
    expect(said).toMatch(new RegExp(`warning +settings: \`${key.replaceAll('.', '\\.')}\` = `));
  expect(said.match(/^warning/gm)).toHaveLength(5);
  const client = (...args: string[]) => server.run('kbs-client', '--url', server.url, ...args);
  const key = join(root, 'trustee.bin');
  writeFileSync(key, 'shhhhhhh');
  expect(await client('config', 'set-resource', '--path', 'default/test/secret', '--resource-file', key)).toMatchObject(
    { code: 0 },
  );
  expect((await client('get-resource', '--path', 'default/test/secret')).code).toBe(1);
  expect(await client('config', 'set-resource-policy', '--allow-all')).toMatchObject({ code: 0 });
  expect((await client('get-resource', '--path', 'default/test/secret')).out).toBe('c2hoaGhoaGg=\n');
  expect(await server.stop()).toBe(0);
}, 90_000);

test('a configuration with a fault starts nothing', async () => {
  const config = join(root, 'fault.toml');
  writeFileSync(config, '[http]\nlisten = ["127.0.0.1:0"]\nlisen = 1\n');
  const { code, err } = await assay(['serve', '--config', config, '--data-dir', join(root, 'nothing')], {
    env: { HOME: root },
  });
  expect(code).toBe(2);
  expect(err).toContain('fault.toml:3: `http.lisen` is not a setting; nearest is `http.listen`');
  expect(() => readFileSync(join(root, 'nothing', 'assay.db'))).toThrow('ENOENT');
});
