import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, describe, expect, test } from 'vitest';
import type { Role } from './compose/services.js';
import { defaultSettings } from './config/load.js';
import type { Settings } from './config/schema.js';
import { createLogger } from './logging.js';
import { type RunningServer, startServer } from './start.js';

const root = temporaryFolder('assay-start-');
const running: RunningServer[] = [];
afterAll(async () => {
  for (const server of running) await server.close();
  rmSync(root, { recursive: true, force: true });
});

type Change = { readonly [S in keyof Settings]?: Partial<Settings[S]> };

function settings(change: Change = {}): Settings {
  const base = defaultSettings();
  return {
    ...base,
    ...change,
    http: { ...base.http, listen: ['127.0.0.1:0'], insecure_http: true, ...change.http },
    log: { level: 'silent' },
  } as Settings;
}

async function start(change: Change = {}, more: { dataDir?: string; role?: Role } = {}): Promise<RunningServer> {
  const dataDir = more.dataDir ?? mkdtempSync(join(root, 'd-'));
  const server = await startServer({ settings: settings(change), dataDir, ...(more.role ? { role: more.role } : {}) });
  running.push(server);
  return server;
}

const get = async (server: RunningServer, path: string, token?: string) => {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`${server.urls[0]}${path}`, { headers });
  const text = await answer.text();
  return { status: answer.status, text, headers: answer.headers };
};

describe('readiness', () => {
  test('ready while everything answers, 503 with the id of what is out; alive all the same', async () => {
    const server = await start();
    expect(JSON.parse((await get(server, '/readyz')).text)).toEqual({ ready: true, out: [] });
    await server.services.storage.close();
    const out = await get(server, '/readyz');
    expect(out.status).toBe(503);
    expect((JSON.parse(out.text) as { out: string[] }).out).toContain('storage.backend.answers');
    // A public route: no path, no address of a neighbour.
    expect(out.text).not.toContain(root);
    expect((await get(server, '/healthz')).status).toBe(200);
    const guest = await fetch(`${server.urls[0]}/kbs/v0/auth`, {
      method: 'POST',
      body: '{"version":"0.4.0","tee":"sample","extra-params":{}}',
    });
    expect(guest.status).toBe(503);
    expect(guest.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await guest.json()).toMatchObject({ code: 'unavailable' });
  });

  test.each(['attestation-service', 'rvps'] as const)('of %s alone', async (role) => {
    const server = await start({}, { role });
    expect((await get(server, '/readyz')).status).toBe(200);
    await server.services.storage.close();
    expect((await get(server, '/readyz')).status).toBe(503);
  });
});

describe('a first start', () => {
  test('that fails leaves no administrator whose token nobody has', async () => {
    const dataDir = mkdtempSync(join(root, 'failed-'));
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    await expect(start({ http: { listen: [`127.0.0.1:${port}`] } }, { dataDir })).rejects.toMatchObject({
      code: 'net.port.free',
    });
    taken.close();
    await expect(start({ plugins: [{ name: 'nothing' }] }, { dataDir })).rejects.toMatchObject({
      code: 'config.file.form',
    });
    const server = await start({}, { dataDir });
    expect((await get(server, '/api/v1/session', server.adminToken)).status).toBe(200);
  });

  test('that listens nowhere makes what the workers after it use', async () => {
    const dataDir = mkdtempSync(join(root, 'quiet-'));
    const http = { insecure_http: false, listen: ['127.0.0.2:0'] };
    const change = { http, grpc: { listen: '127.0.0.2:0' } };
    const first = await startServer({ settings: settings(change), dataDir, quiet: true });
    expect([first.urls, first.grpc, first.adminToken !== undefined]).toEqual([[], undefined, true]);
    await first.close();
    const worker = await start(change, { dataDir });
    expect(worker.adminToken).toBeUndefined();
    expect(worker.certificate?.fingerprint).toBe(first.certificate?.fingerprint);
  });

  test('whose token could not be kept is taken back', async () => {
    const dataDir = mkdtempSync(join(root, 'abandoned-'));
    await (await start({}, { dataDir })).abandon();
    const second = await start({}, { dataDir });
    expect(second.adminToken).toMatch(/^ey/);
    // Later ones have nothing to take back.
    await second.close();
    await (await start({}, { dataDir })).abandon();
    const last = await start({}, { dataDir });
    expect(last.adminToken).toBeUndefined();
    expect((await get(last, '/api/v1/session', second.adminToken)).status).toBe(200);
  });

  test('makes an admin token, a second one does not; both let the same token in', async () => {
    const dataDir = mkdtempSync(join(root, 'first-'));
    const first = await start({}, { dataDir });
    const token = first.adminToken ?? '';
    expect(token).toMatch(/^ey/);
    expect((await get(first, '/api/v1/session', token)).status).toBe(200);
    await first.close();
    await first.close();
    const second = await start({}, { dataDir });
    expect(second.adminToken).toBeUndefined();
    expect((await get(second, '/api/v1/session', token)).status).toBe(200);
    for (const name of readdirSync(dataDir)) expect(statSync(join(dataDir, name)).mode & 0o777, name).toBe(0o600);
  });

  test('with TLS, an address that is taken, and an address that is none', async () => {
    const server = await start({ http: { insecure_http: false } });
    expect(server.urls[0]).toMatch(/^https:/);
    expect(server.certificate?.selfSigned).toBe(true);
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    await expect(start({ http: { listen: [`127.0.0.1:${port}`] } })).rejects.toMatchObject({ code: 'net.port.free' });
    taken.close();
    for (const address of ['localhost', '127.0.0.1:99999', ''])
      await expect(start({ http: { listen: [address] } }), address).rejects.toMatchObject({ code: 'config.file.form' });
  });
});

describe('the audit', () => {
  const page = (text: string) => JSON.parse(text) as { items: { [key: string]: unknown }[]; next?: string };

  test('lists refused administrative calls, newest first, to administrators only', async () => {
    const server = await start();
    const token = server.adminToken ?? '';
    expect(page((await get(server, '/api/v1/audit/refused', token)).text).items).toEqual([]);
    expect((await get(server, '/api/v1/audit/refused')).status).toBe(401);
    expect((await get(server, '/api/v1/attestations?tee=x', 'nonsense')).status).toBe(401);
    const both = page((await get(server, '/api/v1/audit/refused', token)).text);
    expect(both.items).toMatchObject([
      { code: 'admin.token.trust', method: 'GET', path: '/api/v1/attestations', address: '127.0.0.1' },
      { code: 'admin.credential.present', method: 'GET', path: '/api/v1/audit/refused' },
    ]);
    const first = page((await get(server, '/api/v1/audit/refused?limit=1', token)).text);
    expect(first.items).toEqual(both.items.slice(0, 1));
    const second = page((await get(server, `/api/v1/audit/refused?limit=1&after=${first.next}`, token)).text);
    expect(second.items).toEqual(both.items.slice(1));
    expect((await get(server, '/api/v1/audit/refused?limit=0', token)).status).toBe(400);
  });

  test('keeps as many attempts as are configured', async () => {
    const server = await start({ audit: { ...defaultSettings().audit, attempts: 2 } });
    for (let i = 0; i < 4; i += 1)
      await fetch(`${server.urls[0]}/kbs/v0/auth`, {
        method: 'POST',
        body: '{"version":"0.4.0","tee":"sample","extra-params":{}}',
      });
    await server.services.broker?.sweep();
    expect(page((await get(server, '/api/v1/attestations', server.adminToken)).text).items).toHaveLength(2);
  });
});

describe('which routes are served', () => {
  const statuses = async (server: RunningServer, paths: readonly string[]) =>
    Promise.all(paths.map(async (path) => (await get(server, path)).status));
  const paths = ['/kbs/v0/resource/a/b/c', '/api/v1/attestations', '/policy', '/healthz', '/api/docs', '/'];

  test('all: the broker and its administration, not the Attestation Service’s own face', async () => {
    expect(await statuses(await start(), paths)).toEqual([401, 401, 404, 200, 200, 200]);
  });

  test('the Attestation Service alone: its REST face', async () => {
    expect(await statuses(await start({}, { role: 'attestation-service' }), paths)).toEqual([
      404, 404, 200, 200, 200, 200,
    ]);
  });

  test('RVPS alone: operations only', async () => {
    expect(await statuses(await start({}, { role: 'rvps' }), paths)).toEqual([404, 404, 404, 200, 200, 200]);
  });

  test('pages cannot be framed and run nothing', async () => {
    const server = await start();
    for (const path of ['/', '/api/docs']) {
      const policy = (await get(server, path)).headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
    }
  });

  test('OpenID discovery leads to the keys', async () => {
    const server = await start();
    const { jwks_uri: uri } = JSON.parse((await get(server, '/.well-known/openid-configuration')).text) as {
      jwks_uri: string;
    };
    expect(uri).toBe(`${server.urls[0]}/.well-known/jwks.json`);
    expect(((await (await fetch(uri)).json()) as { keys: unknown[] }).keys).toHaveLength(1);
  });
});

test('no path of a resource is ever in the metrics', async () => {
  const server = await start();
  const headers = { authorization: `Bearer ${server.adminToken}` };
  const url = `${server.urls[0]}/kbs/v0/resource/marked-repository/marked-type/marked-tag`;
  expect((await fetch(url, { method: 'POST', headers, body: 'x' })).status).toBe(200);
  expect((await fetch(url)).status).toBe(401);
  expect((await fetch(`${server.urls[0]}/kbs/v0/marked-plugin/x`)).status).toBe(404);
  const { text } = await get(server, '/metrics');
  expect(text).toMatch(/^kbs_resource_writes_total 1$/m);
  expect(text).toMatch(/^kbs_http_requests_total 3$/m);
  expect(text).not.toContain('marked');
});

test('a logger redacts what should never be given to it', () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info' }, {
    write: (line: string) => lines.push(line),
  } as unknown as NodeJS.WritableStream);
  log.info(
    { token: 'marked', cookie: 'marked', request: { authorization: 'marked', secret: 'marked', password: 'marked' } },
    'x',
  );
  expect(lines.join('')).not.toContain('marked');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', token: '[redacted]', msg: 'x' });
});
