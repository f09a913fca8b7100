import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { assay, printed, start } from './support/cli.js';

const root = temporaryFolder('assay-marked-');

/** Arguments of every process of this machine that this test may read. */
function allArguments(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      } catch {
        return '';
      }
    })
    .join('\n');
}

test('a whole round leaves no secret, token or cookie in log, files, arguments or errors', async () => {
  const env = { ASSAY_CONFIG_HOME: join(root, 'config'), HOME: root, ASSAY_LOG_LEVEL: 'debug' };
  const dataDir = join(root, 'data');
  const server = start(['serve', '--insecure-http', '--data-dir', dataDir, '--listen', '127.0.0.1:0'], env);
  let log = '';
  for (const stream of [server.stdout, server.stderr]) stream?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const [, url = ''] = await printed(server, /ready\s+(http:\/\/\S+)/);
  const said: string[] = [];
  let seenArguments = '';
  const run = async (args: readonly string[], input?: string) => {
    const running = assay(args, { env, ...(input === undefined ? {} : { input }) });
    const watch = setInterval(() => {
      seenArguments += allArguments();
    }, 50);
    const result = await running;
    clearInterval(watch);
    if (args[1] !== 'get-resource' || result.code !== 0) said.push(result.err, args[1] === 'attest' ? '' : result.out);
    return result;
  };
  try {
    const secret = 'MARKED-secret-that-must-stay';
    const allow = join(root, 'allow.rego');
    writeFileSync(allow, 'package policy\n\nallow := true\n');
    expect((await run(['login'])).code).toBe(0);
    expect((await run(['secret', 'set', 'marked/key/1', '--file', '-'], secret)).code).toBe(0);
    const refused = await run(['client', 'get-resource', 'marked/key/1']);
    expect(refused.code).toBe(1);
    expect((await run(['policy', 'set', 'resource', allow])).code).toBe(0);
    expect((await run(['client', 'get-resource', 'marked/key/1'])).out).toBe(secret);
    const token = ((await run(['client', 'attest', '--json'])).json() as { token: string }).token;
    const attempt = /audit show (\w+)/.exec(refused.err)?.[1] ?? 'none';
    for (const args of [
      ['audit', 'show', attempt, '--all', '--full'],
      ['audit', 'show', attempt, '--json'],
      ['secret', 'show', 'marked/key/1'],
      ['secret', 'leases', 'marked/key/1'],
      ['audit', 'acts'],
      ['audit', 'refused'],
      ['doctor'],
    ])
      await run(args);
    expect((await run(['secret', 'list'])).code).toBe(0);
    // Wrong calls with credentials: refusals must not repeat them.
    const { servers } = JSON.parse(readFileSync(join(root, 'config', 'credentials.json'), 'utf8')) as {
      servers: Record<string, { token: string }>;
    };
    const admin = servers[url]?.token ?? '';
    expect(admin).toMatch(/^ey/);
    const auth = await fetch(`${url}/kbs/v0/auth`, {
      method: 'POST',
      body: '{"version":"0.4.0","tee":"sample","extra-params":""}',
    });
    const cookie = /kbs-session-id=([0-9a-f]+)/.exec(auth.headers.get('set-cookie') ?? '')?.[1] ?? '';
    const { nonce } = (await auth.json()) as { nonce: string };
    for (const [path, init] of [
      [
        '/kbs/v0/attest',
        { method: 'POST', body: `{"MARKED":"${secret}"}`, headers: { cookie: `kbs-session-id=${cookie}` } },
      ],
      ['/kbs/v0/resource/marked/key/1', { headers: { authorization: `Bearer ${token}x` } }],
      [
        '/kbs/v0/resource/marked/key/1',
        { method: 'POST', body: secret, headers: { authorization: `Bearer ${admin}x` } },
      ],
      [`/api/v1/resources/marked/key/1?x=${secret}`, { method: 'PUT', body: secret }],
      [
        '/api/v1/resource-policy',
        { method: 'PUT', body: `{"text":"${secret}`, headers: { authorization: `Bearer ${admin}` } },
      ],
      [`/nothing/${secret}`, { method: 'PATCH', body: secret }],
    ] as const) {
      const answer = await fetch(`${url}${path}`, init);
      expect(answer.status, path).toBeGreaterThanOrEqual(400);
      said.push(path.includes(secret) ? '' : await answer.text());
    }
    server.kill('SIGTERM');
    await new Promise((resolve) => server.on('exit', resolve));

    expect(log).toMatch(/"route":"kbs\.attest","status":200,"ms":[\d.]+,"attempt":"[0-9a-z]{26}"/);
    expect(log).toContain(attempt);
    const places: Record<string, string> = {
      log,
      'what commands and answers said': said.join('\n'),
      arguments: seenArguments,
    };
    for (const name of readdirSync(dataDir)) places[name] = readFileSync(join(dataDir, name), 'latin1');
    const [, , signature = 'none'] = token.split('.');
    const [, , adminSignature = 'none'] = admin.split('.');
    for (const [place, text] of Object.entries(places)) {
      expect(text.includes(secret), `the secret in ${place}`).toBe(false);
      expect(text.includes(Buffer.from(secret).toString('base64')), `the secret in base64 in ${place}`).toBe(false);
      expect(text.includes(adminSignature), `the admin token in ${place}`).toBe(false);
      expect(text.includes('PRIVATE KEY'), `a private key in ${place}`).toBe(false);
      if (!place.startsWith('assay.db')) {
        expect(text.includes(signature), `the attestation token in ${place}`).toBe(false);
        expect(text.includes(cookie), `a session cookie in ${place}`).toBe(false);
        expect(text.includes(nonce), `a live nonce in ${place}`).toBe(false);
      }
    }
  } finally {
    server.kill('SIGKILL');
  }
}, 120_000);
