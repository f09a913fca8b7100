import { networkInterfaces } from 'node:os';
import { fuzzRuns } from '@assay/testkit';
import { StatusError } from '@assay/ttrpc';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestGuest, type TestGuest } from '../guest.test.helper.js';
import { type ApiBackend, ttrpcBackend } from './backend.js';
import { type ApiAnswer, type ApiFeature, answerApi } from './router.js';
import { type ApiServer, isLoopback, serveApi } from './server.js';

let failures: unknown[];
beforeEach(() => {
  failures = [];
});
const bytes = (text: string): Uint8Array => Buffer.from(text);
const backend = (change: Partial<ApiBackend> = {}): ApiBackend => ({
  getResource: async (uri) => bytes(`resource ${uri}`),
  getToken: async (type) => bytes(`token ${type}`),
  getEvidence: async (data) => bytes(`evidence ${Buffer.from(data).toString('hex')}`),
  getAdditionalEvidence: async (data) => bytes(`devices ${Buffer.from(data).toString('hex')}`),
  extend: async () => 'measured',
  teeType: async () => 'tdx',
  additionalTees: async () => [],
  ...change,
});
const ask = async (
  line: string,
  { feature = 'all', body = '', ...change }: Partial<ApiBackend> & { feature?: ApiFeature; body?: string } = {},
): Promise<readonly [status: number, text: string, type: string]> => {
  const [method = '', target = ''] = line.split(' ');
  const options = {
    backend: backend(change),
    feature,
    version: '1.2.3',
    onFailure: (error: unknown) => void failures.push(error),
  };
  const answer: ApiAnswer = await answerApi({ method, target, body: bytes(body) }, options);
  return [answer.status, Buffer.from(answer.body).toString(), answer.contentType];
};
const BYTES = 'application/octet-stream';

describe('requests', () => {
  test.each([
    ['GET /aa/token?token_type=kbs', 200, 'token kbs'],
    ['GET /aa/evidence?runtime_data=ab', 200, 'evidence 6162'],
    ['GET /aa/evidence?runtime_data=', 200, 'evidence '],
    ['GET /aa/evidence?runtime_data=_-8&encoding=base64', 200, 'evidence ffef'],
    ['GET /aa/additional-evidence?runtime_data=a%20b', 200, 'devices 612062'],
    ['GET /cdh/resource/default/key/1', 200, 'resource kbs:///default/key/1'],
    ['POST /cdh/resource/default/key/1?x=y', 200, 'resource kbs:///default/key/1'],
  ])('%s', async (line, status, text) => {
    expect(await ask(line)).toEqual([status, text, BYTES]);
  });

  test.each([
    ['GET /aa/token', 400, 'BAD REQUEST'],
    ['GET /aa/evidence', 400, 'BAD REQUEST'],
    ['GET /aa/evidence?runtime_data=/+==&encoding=base64', 400, 'BAD REQUEST'],
    ['GET /aa/evidence?runtime_data=YQ==&encoding=base64', 400, 'BAD REQUEST'],
    ['GET /aa/evidence?runtime_data=a&encoding=hex', 400, 'BAD REQUEST'],
    ['GET /aa/additional-evidence?encoding=base64', 400, 'BAD REQUEST'],
    ['POST /aa/token?token_type=kbs', 404, 'URL NOT FOUND'],
    ['GET /aa/aael', 404, 'URL NOT FOUND'],
    ['GET /aa/other', 404, 'URL NOT FOUND'],
    ['GET /aa', 404, 'URL NOT FOUND'],
    ['GET /cdh/resource', 404, 'URL NOT FOUND'],
    ['GET /cdh/resource/', 404, 'URL NOT FOUND'],
    ['GET /cdh/other', 404, 'URL NOT FOUND'],
    ['GET /', 404, 'URL NOT FOUND'],
    ['GET /aaa/token?token_type=kbs', 404, 'URL NOT FOUND'],
    ['POST /info', 405, 'Method Not Allowed'],
  ])('%s is refused', async (line, status, text) => {
    expect((await ask(line)).slice(0, 2)).toEqual([status, text]);
  });

  test('what is not enabled is not served', async () => {
    expect((await ask('GET /aa/token?token_type=kbs', { feature: 'resource' })).slice(0, 2)).toEqual([
      404,
      'Attestation Feature Not Enabled',
    ]);
    expect((await ask('GET /cdh/resource/a/b/c', { feature: 'attestation' })).slice(0, 2)).toEqual([
      404,
      'Resource Feature Not Enabled',
    ]);
    expect((await ask('GET /cdh/resource/a/b/c', { feature: 'resource' }))[0]).toBe(200);
    expect((await ask('GET /aa/token?token_type=kbs', { feature: 'attestation' }))[0]).toBe(200);
  });

  test('/info tells the TEE where the agent does', async () => {
    const json = 'application/json';
    expect(await ask('GET /info')).toEqual([200, '{"version":"1.2.3","tee":"tdx","feature":"all"}', json]);
    expect(await ask('GET /info', { additionalTees: async () => ['nvidia'], feature: 'attestation' })).toEqual([
      200,
      '{"version":"1.2.3","tee":"tdx","additional_tees":["nvidia"],"feature":"attestation"}',
      json,
    ]);
    const asked = () => Promise.reject(new Error('asked'));
    expect(await ask('GET /info', { teeType: asked, feature: 'resource' })).toEqual([
      200,
      '{"version":"1.2.3","feature":"resource"}',
      json,
    ]);
    expect((await ask('GET /info', { feature: 'resource' }))[1]).toBe('{"version":"1.2.3","feature":"resource"}');
    const away = () => Promise.reject(new Error('away'));
    expect((await ask('GET /info', { teeType: away }))[1]).toBe('{"version":"1.2.3","feature":"all"}');
    expect((await ask('GET /info', { additionalTees: away }))[1]).toBe(
      '{"version":"1.2.3","tee":"tdx","feature":"all"}',
    );
  });

  test('events are measured; the answers where they are not have upstream’s bytes', async () => {
    const body = '{"domain":"d","operation":"o","content":"c"}';
    let seen: unknown;
    const extend: ApiBackend['extend'] = async (event) => {
      seen = event;
      return 'measured';
    };
    expect(await ask('POST /aa/aael', { body, extend })).toEqual([200, '{"success":"true"}', 'application/json']);
    expect(seen).toEqual({ domain: 'd', operation: 'o', content: 'c' });
    expect((await ask('POST /aa/aael', { body, extend: async () => 'not-supported' }))[1]).toBe(
      '{"success":"false","message": "The platform does not support runtime measurement"}',
    );
    expect((await ask('POST /aa/aael', { body, extend: async () => 'not-enabled' }))[1]).toBe(
      '{"success":"false","message": "Attestation Agent does not enable eventlog recording"}',
    );
    for (const bad of ['', '{', '[]', '{"domain":"d","operation":"o"}', '{"domain":1,"operation":"o","content":"c"}'])
      expect((await ask('POST /aa/aael', { body: bad }))[0]).toBe(500);
  });

  test('failures of the services are told in their words, others not at all; the owner hears both', async () => {
    const refuse = (error: Error) => ({ getResource: () => Promise.reject(error) });
    expect((await ask('GET /cdh/resource/a/b/c', refuse(new StatusError(13, 'why')))).slice(0, 2)).toEqual([
      500,
      'why',
    ]);
    expect((await ask('GET /cdh/resource/a/b/c', refuse(new Error('secret')))).slice(0, 2)).toEqual([
      500,
      'internal error',
    ]);
    expect(failures).toHaveLength(2);
  });
});

test('fuzz: any request has an answer', async () => {
  const target = fc.oneof(
    fc.string(),
    fc
      .tuple(fc.constantFrom('/aa/evidence?', '/aa/token?', '/cdh/resource/', '/aa/aael', '/info'), fc.string())
      .map(([a, b]) => a + b),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('GET', 'POST'), target, fc.json(), async (method, path, body) => {
      const options = { backend: backend(), feature: 'all' as const, version: '1', onFailure: () => undefined };
      const answer = await answerApi({ method, target: path, body: bytes(body) }, options);
      expect([200, 400, 404, 405, 500]).toContain(answer.status);
    }),
    { numRuns: fuzzRuns(200) },
  );
});

describe('served', () => {
  let server: ApiServer | undefined;
  let guest: TestGuest | undefined;
  afterEach(async () => {
    await server?.close();
    await guest?.stop();
    server = undefined;
    guest = undefined;
  });
  const options = { backend: backend(), feature: 'all' as const, version: '1', onFailure: () => undefined };

  test('the services behind answer over their sockets', async () => {
    guest = await startTestGuest({ broker: { secrets: { 'default/key/1': 'the secret' } } });
    const sockets = ttrpcBackend(`unix://${guest.agentPath}`, `unix://${guest.hubPath}`);
    server = await serveApi('127.0.0.1:0', { ...options, backend: sockets });
    const get = async (path: string, init: RequestInit = {}) => {
      const answer = await fetch(`http://${server?.address}${path}`, init);
      return [answer.status, await answer.text()];
    };
    expect(await get('/cdh/resource/default/key/1')).toEqual([200, 'the secret']);
    expect(await get('/cdh/resource/default/key/2')).toEqual([500, '[CDH] [ERROR]: Get Resource failed']);
    expect(await get('/aa/evidence?runtime_data=a')).toEqual([200, '{"svn":"1","report_data":"YQ=="}']);
    expect(await get('/aa/additional-evidence?runtime_data=a')).toEqual([200, '']);
    const body = '{"domain":"d","operation":"o","content":"c"}';
    expect(await get('/aa/aael', { method: 'POST', body })).toEqual([
      200,
      '{"success":"false","message": "Attestation Agent does not enable eventlog recording"}',
    ]);
    expect(await get('/info')).toEqual([200, '{"version":"1","tee":"sample","feature":"all"}']);
    expect((await get('/aa/token?token_type=kbs'))[0]).toBe(200);
    expect(await get('/aa/token?token_type=x')).toEqual([500, '[ERROR:attestation-agent] AA-KBC get token failed']);
    sockets.close();
  });

  test('whoever is not on this machine is refused', async () => {
    expect(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'].map(isLoopback)).toEqual([true, true, true, true]);
    expect(['10.0.0.1', '::ffff:10.0.0.1', '128.0.0.1', 'fe80::1', '', '1127.0.0.1'].map(isLoopback)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((at) => at !== undefined && !at.internal && at.family === 'IPv4');
    if (outside === undefined) return;
    server = await serveApi('0.0.0.0:0', options);
    const answer = await fetch(`http://${outside.address}:${server.address.split(':')[1]}/info`);
    expect([answer.status, await answer.text()]).toEqual([403, 'Forbidden']);
  });

  test('a body beyond the limit is not taken', async () => {
    server = await serveApi('127.0.0.1:0', options);
    const answer = await fetch(`http://${server.address}/aa/aael`, {
      method: 'POST',
      body: 'x'.repeat(1024 * 1024 + 1),
    });
    expect(answer.status).toBe(413);
  });

  test('IPv6, and addresses that are none', async () => {
    server = await serveApi('[::1]:0', options).catch(() => undefined);
    if (server !== undefined) expect(server.address).toMatch(/^\[::1\]:\d+$/);
    for (const address of ['127.0.0.1', ':80', '127.0.0.1:99999', 'http://x:1'])
      await expect(serveApi(address, options)).rejects.toThrow(RangeError);
  });
});
