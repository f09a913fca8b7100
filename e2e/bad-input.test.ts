import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guestOf, prepareSample, startTestServer, type TestServer } from './support/assay.js';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ http: { body_limit: 64 * 1024 } });
  await prepareSample(server, 'marked-secret-9f1c');
});

afterAll(() => server.stop());

const auth = '{"version":"0.4.0","tee":"sample","extra-params":""}';

interface KbsError {
  readonly type: string;
  readonly detail: string;
  readonly code: string;
  readonly attempt?: string;
}

async function refused(
  method: string,
  path: string,
  body?: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<KbsError & { readonly status: number }> {
  const answer = await server.send(method, path, { headers, ...(body === undefined ? {} : { body }) });
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.text).not.toContain('marked-secret');
  expect(answer.text).not.toMatch(/node_modules|\bat \w+ \(|\/src\//);
  return { ...(answer.json() as KbsError), status: answer.status };
}

describe('auth', () => {
  test.each([
    ['nothing', ''],
    ['not JSON', '{'],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['an array', '[]'],
    ['a duplicate member', '{"version":"0.4.0","version":"0.1.0","tee":"sample","extra-params":""}'],
    ['a missing member', '{"version":"0.4.0","tee":"sample"}'],
    ['a number for a text', '{"version":4,"tee":"sample","extra-params":""}'],
    ['text after the document', `${auth} x`],
    ['deep nesting', `{"version":"0.4.0","tee":"sample","extra-params":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
    ['a lone surrogate', '{"version":"0.4.0","tee":"sample","extra-params":"\\ud800"}'],
  ])('%s is malformed', async (_what, body) => {
    expect(await refused('POST', '/kbs/v0/auth', body)).toMatchObject({ status: 401, code: 'request.malformed' });
  });

  test.each(['0.5.0', '1.0.0', '0.4.0-rc1', 'x', '0.4'])(
    'version %s is not served, and it says what is',
    async (version) => {
      const error = await refused(
        'POST',
        '/kbs/v0/auth',
        JSON.stringify({ version, tee: 'sample', 'extra-params': '' }),
      );
      expect(error).toMatchObject({ status: 401, code: 'request.unsupported' });
      expect(error.detail).toContain('0.4.0');
    },
  );

  test('an unknown TEE is not served', async () => {
    expect(await refused('POST', '/kbs/v0/auth', '{"version":"0.4.0","tee":"abacus","extra-params":""}')).toMatchObject(
      { code: 'request.unsupported' },
    );
  });

  test('a body over the limit is refused before it is read', async () => {
    expect(await refused('POST', '/kbs/v0/auth', 'x'.repeat(65 * 1024))).toMatchObject({
      status: 413,
      code: 'request.malformed',
    });
  });

  test('any content type is read: old clients send none', async () => {
    for (const type of ['application/json', 'text/plain', 'application/octet-stream']) {
      expect(
        (await server.send('POST', '/kbs/v0/auth', { body: auth, headers: { 'content-type': type } })).status,
      ).toBe(200);
    }
  });
});

test('a content type that is none is a clear error', async () => {
  const error = await refused('POST', '/kbs/v0/auth', auth, { 'content-type': 'nonsense' });
  expect(error).toMatchObject({ status: 401, code: 'request.malformed' });
});

describe('attest', () => {
  test.each([
    ['without a cookie', {}],
    ['with an unknown session', { cookie: `kbs-session-id=${'0'.repeat(32)}` }],
    ['with a strange cookie', { cookie: 'kbs-session-id=../../etc/passwd' }],
    ['with an endless cookie', { cookie: `kbs-session-id=${'a'.repeat(10_000)}` }],
  ] as const)('%s: one answer for all', async (_what, headers) => {
    expect(await refused('POST', '/kbs/v0/attest', '{"runtime-data":{}}', headers)).toMatchObject({
      status: 401,
      code: expect.stringMatching(/^(session\.invalid|request\.malformed)$/),
    });
  });

  test('a nonce is good for one attempt, also a failed one', async () => {
    const challenge = await server.send('POST', '/kbs/v0/auth', { body: auth });
    const { nonce } = challenge.json() as { nonce: string };
    const cookie = String(challenge.headers['set-cookie']).split(';', 1)[0] ?? '';
    const key = {
      kty: 'EC',
      crv: 'P-256',
      alg: 'ECDH-ES+A256KW',
      x: 'axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY',
      y: 'T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU',
    };
    const body = JSON.stringify({
      'init-data': null,
      'runtime-data': { nonce, 'tee-pubkey': key },
      'tee-evidence': { primary_evidence: { svn: '1', report_data: 'AAAA' }, additional_evidence: '' },
    });
    expect(await refused('POST', '/kbs/v0/attest', body, { cookie })).toMatchObject({ code: 'evidence.refused' });
    expect(await refused('POST', '/kbs/v0/attest', body, { cookie })).toMatchObject({ code: 'session.invalid' });
  });
});

describe('resources', () => {
  test.each([
    ['dots', '/kbs/v0/resource/..%2F..%2Fetc/x/y'],
    ['a leading dot', '/kbs/v0/resource/default/key/.hidden'],
    ['an empty segment', '/kbs/v0/resource/default//1'],
    ['too many segments', '/kbs/v0/resource/a/b/c/d'],
    ['NUL', '/kbs/v0/resource/default/key/a%00b'],
    ['a bad percent-encoding', '/kbs/v0/resource/default/key/%zz'],
    ['an unknown plug-in', '/kbs/v0/plugin-x/y'],
    ['no path', '/kbs/v0/'],
  ])('%s is refused', async (_what, path) => {
    const error = await refused('GET', path);
    expect([401, 404]).toContain(error.status);
  });

  test('nobody without session or token gets anything', async () => {
    expect(await refused('GET', '/kbs/v0/resource/default/key/1')).toMatchObject({
      status: 401,
      code: 'token.refused',
    });
  });

  test('HEAD is not GET', async () => {
    expect((await server.send('HEAD', '/kbs/v0/resource/default/key/1')).status).toBe(405);
  });
});

describe('tokens', () => {
  const json = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const bearer = (token: string) =>
    refused('GET', '/kbs/v0/resource/default/key/1', undefined, { authorization: `Bearer ${token}` });

  test('altered, truncated, unsigned, symmetric and self-keyed tokens are refused', async () => {
    const good = await guestOf(server).attest();
    const [header = '', payload = '', signature = ''] = good.split('.');
    const jwk = (JSON.parse(Buffer.from(header, 'base64url').toString()) as { jwk: Record<string, string> }).jwk;
    const spki = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'pem', type: 'spki' });
    const hs = `${json({ alg: 'HS256', typ: 'JWT' })}.${payload}`;
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const ownHeader = json({
      alg: 'ES256',
      typ: 'JWT',
      jwk: { ...own.publicKey.export({ format: 'jwk' }), alg: 'ES256' },
    });
    const { sign } = await import('node:crypto');
    const ownSigned = `${ownHeader}.${payload}`;
    const attempts: Record<string, string> = {
      truncated: good.slice(0, -10),
      'two parts': `${header}.${payload}`,
      'four parts': `${good}.x`,
      empty: '.',
      'padded base64': `${header}=.${payload}.${signature}`,
      'changed payload': `${header}.${json({ submods: {} })}.${signature}`,
      'alg none': `${json({ alg: 'none' })}.${payload}.`,
      'HS256 with the public key': `${hs}.${createHmac('sha256', spki).update(hs).digest('base64url')}`,
      'a key of its own': `${ownSigned}.${sign('sha256', Buffer.from(ownSigned), { key: own.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`,
      'a huge one': `${'a'.repeat(200_000)}.b.c`,
    };
    for (const [what, token] of Object.entries(attempts)) {
      expect(await bearer(token), what).toMatchObject({ status: 401, code: 'token.refused' });
    }
    expect(
      (await server.send('GET', '/kbs/v0/resource/default/key/1', { headers: { authorization: `Bearer ${good}` } }))
        .status,
    ).toBe(200);
  });

  test('a token of 300 KB in the head is read, not refused by the parser', async () => {
    expect(await bearer(`${'a'.repeat(300_000)}.b.c`)).toMatchObject({ status: 401, code: 'token.refused' });
  });
});

describe('administration', () => {
  const admin = (method: string, path: string, body?: string) =>
    server.send(method, path, {
      headers: { authorization: `Bearer ${server.token}` },
      ...(body === undefined ? {} : { body }),
    });

  test('a policy that does not compile changes nothing and says where', async () => {
    const before = (await admin('GET', '/api/v1/resource-policy')).text;
    const answer = await admin(
      'PUT',
      '/api/v1/resource-policy',
      JSON.stringify({ text: 'package policy\n\nallow { true }\n' }),
    );
    expect(answer.status).toBe(422);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({
      code: 'policy.file.parse',
      detail: expect.stringMatching(/3:\d+.*rego_parse_error/),
    });
    expect((await admin('GET', '/api/v1/resource-policy')).text).toBe(before);
  });

  test.each([
    ['PUT', '/api/v1/resource-policy', '{"text":1}', 400],
    ['PUT', '/api/v1/resource-policy', '{"text":"","text":""}', 400],
    ['PUT', '/api/v1/resource-policy', '{"txet":"package policy"}', 400],
    ['PUT', '/api/v1/reference-values/a%00b', '{"value":1}', 403],
    ['PUT', '/api/v1/reference-values/x', '{"value":1,"expires":"soon"}', 400],
    ['GET', '/api/v1/attestations?limit=0', undefined, 400],
    ['GET', '/api/v1/attestations?since=yesterday', undefined, 400],
    ['GET', '/api/v1/attestations/nope', undefined, 404],
    ['GET', '/api/v1/nothing', undefined, 404],
    ['DELETE', '/api/v1/reference-values/never', undefined, 404],
    ['GET', '/api/v1/attestation-policies/never_cpu', undefined, 404],
    ['PUT', '/api/v1/resources/a/b/..', 'x', 404],
  ])('%s %s %s is a clear error', async (method, path, body, status) => {
    const answer = await admin(method, path, body);
    expect(answer.status, answer.text).toBe(status);
    expect(answer.json()).toMatchObject({ code: expect.any(String), remedy: expect.any(String) });
  });

  test('without a credential every admin route answers 401', async () => {
    const table = (await server.send('GET', '/api/openapi.json')).json() as {
      paths: Record<string, Record<string, { security: object[]; operationId: string }>>;
    };
    let asked = 0;
    for (const [path, item] of Object.entries(table.paths)) {
      for (const [method, { security, operationId }] of Object.entries(item)) {
        if (!security.some((s) => 'admin' in s) || operationId.startsWith('kbs.plugin')) continue;
        const url = path.replaceAll(/\{[a-z]+\}/g, 'x');
        expect((await server.send(method.toUpperCase(), url)).status, `${method} ${url}`).toBe(401);
        asked += 1;
      }
    }
    expect(asked).toBeGreaterThan(20);
  });
});

test('a request that never ends is cut', async () => {
  const slow = await startTestServer({ http: { request_timeout: 1 } });
  const { port } = new URL(slow.url);
  const begun = Date.now();
  const text = await new Promise<string>((resolve) => {
    let got = '';
    const socket = connect(Number(port), '127.0.0.1', () =>
      socket.write('POST /kbs/v0/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{'),
    );
    socket.on('data', (chunk) => {
      got += chunk.toString();
    });
    socket.on('close', () => resolve(got));
  });
  expect(Date.now() - begun).toBeLessThan(20_000);
  expect(text).toMatch(/^(HTTP\/1\.1 408|$)/);
  await slow.stop();
});

test('the rate limit answers 429 with Retry-After', async () => {
  const limited = await startTestServer({ http: { rate_limit: 3 } });
  const statuses: number[] = [];
  for (let n = 0; n < 5; n++) statuses.push((await limited.send('POST', '/kbs/v0/auth', { body: auth })).status);
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
  const answer = await limited.send('POST', '/kbs/v0/auth', { body: auth });
  expect(answer.headers['retry-after']).toMatch(/^\d+$/);
  expect(answer.json()).toMatchObject({ code: 'busy', type: expect.stringContaining('errors/') });
  await limited.stop();
});
