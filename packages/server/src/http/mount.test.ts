import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guard, raw, startFace, type TestFace, testRoutes } from './mount.test.helper.js';

let face: TestFace;
beforeAll(async () => {
  face = await startFace({ rate_limit: 0 }, { admin: guard });
});
afterAll(() => face.close());

const send = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${face.url}${path}`, init);
const status = async (path: string, init: RequestInit = {}): Promise<number> => (await send(path, init)).status;

describe('what a handler is given', () => {
  test('method, parameters, query, body, cookie, caller', async () => {
    const answer = await send('/api/v1/things/a%20b?x=1&y=2&x=3&empty=', {
      method: 'PUT',
      body: 'bytes',
      headers: { cookie: 'kbs-session-id=abc', authorization: 'Bearer t', 'user-agent': 'u'.repeat(300) },
    });
    expect(await answer.json()).toEqual({
      method: 'PUT',
      params: { id: 'a b' },
      query: { x: '3', y: '2', empty: '' },
      uri: '/api/v1/things/a%20b?x=1&y=2&x=3&empty=',
      body: 'bytes',
      session: 'abc',
      authorization: 'Bearer t',
      caller: { address: '127.0.0.1', userAgent: 'u'.repeat(200) },
    });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test.each([
    ['/kbs/v0/resource/a/b/c', 'resource/a/b/c'],
    ['/kbs/v0/resource/a%2Fb/c', 'resource/a/b/c'],
    ['/kbs/v0/resource//a/b', 'resource//a/b'],
    ['/kbs/v0/resource/a/b/', 'resource/a/b/'],
    ['/kbs/v0/resource/%61', 'resource/a'],
    // Decoded once: what is still encoded stays so.
    ['/kbs/v0/resource/%252e', 'resource/%2e'],
    ['/kbs/v0/resource/%C3%A4', 'resource/ä'],
    ['/kbs/v0/', ''],
  ])('%s has the rest of the path %j', async (path, rest) => {
    const text = await raw(face.port, [`GET ${path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n`]);
    const body = JSON.parse(Buffer.from(text, 'latin1').toString('utf8').split('\r\n\r\n')[1] ?? '') as {
      params: { path: string };
    };
    expect(body.params.path).toBe(rest);
  });

  test.each(['/kbs/v0/resource/%', '/kbs/v0/resource/%zz', '/kbs/v0/resource/%ff', '/api/v1/things/%c3'])(
    '%s is no percent-encoding of UTF-8 and is refused',
    async (path) => {
      const text = await raw(face.port, [`GET ${path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n`]);
      expect(text).toMatch(path.startsWith('/kbs') ? /^HTTP\/1\.1 401 / : /^HTTP\/1\.1 400 /);
      expect(text).toContain(path.startsWith('/kbs') ? '"code":"request.malformed"' : '"code":"request.body.form"');
    },
  );
});

describe('who may call', () => {
  test('an admin route lets through whom the guard lets through, and tells the handler who it is', async () => {
    expect(await status('/api/v1/admin/1', { method: 'PUT' })).toBe(401);
    const answer = await send('/api/v1/admin/1', { method: 'PUT', headers: { authorization: 'Bearer right' } });
    expect(await answer.json()).toMatchObject({ principal: { subject: 'ana', role: 'admin' } });
  });

  test('an admin route without a guard refuses everybody', async () => {
    const open = await startFace();
    const answer = await fetch(`${open.url}/api/v1/admin/1`, {
      method: 'PUT',
      headers: { authorization: 'Bearer right' },
    });
    expect(answer.status).toBeGreaterThanOrEqual(401);
    expect(answer.status).toBeLessThan(500);
    expect(await answer.json()).toMatchObject({ code: 'admin.mode.open' });
    await open.close();
  });

  test('the guard is asked before the body is looked at', async () => {
    const answer = await send('/api/v1/admin/1', { method: 'PUT', body: 'no JSON' });
    expect(await answer.json()).toMatchObject({ code: 'admin.credential.present' });
  });
});

describe('refusals', () => {
  test('under /api are problem documents of RFC 9457', async () => {
    const answer = await send('/api/v1/fail/unknown', { method: 'POST' });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('assay-attempt')).toBe('an-attempt');
    expect(await answer.json()).toMatchObject({
      type: '/docs/findings#audit.attempt.known',
      status: answer.status,
      code: 'audit.attempt.known',
      attempt: 'an-attempt',
      detail: expect.any(String),
      remedy: expect.any(String),
    });
  });

  test('under /kbs are upstream’s type and detail with code and attempt', async () => {
    const answer = await send('/kbs/v0/fail/unknown', { method: 'POST' });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(Object.keys((await answer.json()) as object)).toEqual(['type', 'detail', 'code', 'attempt']);
  });

  test('of the Attestation Service are text', async () => {
    const answer = await send('/policy/outage', { method: 'POST' });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await answer.text()).toContain('storage.backend.answers');
  });

  test('for an outage say when to come back, and a guest learns no address', async () => {
    const api = await send('/api/v1/fail/outage', { method: 'POST' });
    expect([api.status, api.headers.get('retry-after')]).toEqual([503, '30']);
    const kbs = await send('/kbs/v0/fail/outage', { method: 'POST' });
    expect([kbs.status, kbs.headers.get('retry-after')]).toEqual([503, '30']);
    expect(await kbs.text()).not.toContain('db.internal');
  });

  test.each(['defect', 'text'])('for a %s tell nothing, and the log tells', async (how) => {
    for (const path of [`/api/v1/fail/${how}`, `/kbs/v0/fail/${how}`, `/policy/${how}`]) {
      face.log.length = 0;
      const answer = await send(path, { method: 'POST' });
      expect(answer.status).toBe(500);
      expect(await answer.text()).not.toContain('a secret');
      expect(face.log.join('')).toContain('"level":"error"');
    }
  });

  test.each([
    ['/nothing', 404, 'problem'],
    ['/api/v1/nothing', 404, 'problem'],
    ['/kbs', 404, 'kbs'],
    ['/kbs/v0', 404, 'kbs'],
    ['/kbs/v1/auth', 404, 'kbs'],
    ['/attestation/x', 404, 'text'],
  ])('for %s: %i in the form of its neighbours', async (path, code, form) => {
    const answer = await send(path, { method: 'GET' });
    const types = { problem: 'application/problem+json', kbs: 'application/json', text: 'text/plain; charset=utf-8' };
    expect(answer.headers.get('content-type')).toBe(types[form as keyof typeof types]);
    expect(answer.status).toBe(code);
  });
});

test.each([
  ['/kbs', 'Plugin not found'],
  ['/kbs/', 'Plugin not found'],
  ['/kbs/v0', 'Plugin not found'],
  ['/kbs/v1/auth?a=b', 'Plugin v1 not found'],
])('%s is answered: %s', async (path, detail) => {
  expect(await (await send(path, { method: 'GET' })).json()).toMatchObject({ detail });
});

describe('methods that are not served', () => {
  test.each(['HEAD', 'OPTIONS', 'DELETE', 'PATCH', 'POST'])('%s answers 405 and which are', async (method) => {
    const answer = await send('/api/v1/things/1', { method });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, PUT']);
    const text = await answer.text();
    if (method === 'HEAD') expect(text).toBe('');
    else expect(JSON.parse(text)).toMatchObject({ status: 405, code: 'request.path.known' });
  });

  test('under /kbs likewise, in its form', async () => {
    const answer = await send('/kbs/v0/resource/a/b/c', { method: 'OPTIONS' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST']);
    expect(await answer.json()).toMatchObject({
      type: expect.stringContaining('/errors/PluginNotFound'),
      detail: 'Plugin resource not found',
      code: 'request.malformed',
    });
    expect(await status('/attestation', { method: 'DELETE' })).toBe(405);
  });

  test('a HEAD request never reaches a handler', async () => {
    face.log.length = 0;
    await send('/kbs/v0/resource/a/b/c', { method: 'HEAD' });
    expect(face.log.join('')).toContain('"route":"unknown"');
  });

  test.each(['BREW', 'get', 'G\x00T'])('%j is no method', async (method) => {
    const text = await raw(face.port, [`${method} / HTTP/1.1\r\nhost: h\r\n\r\n`]);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('limits', () => {
  test('a body over the limit is refused, with or without a declared length', async () => {
    const small = await send('/api/v1/small', { method: 'POST', body: 'x'.repeat(11) });
    expect(small.status).toBe(413);
    expect(await small.json()).toMatchObject({ code: 'request.body.size', detail: expect.stringContaining('11') });
    expect(await status('/api/v1/small', { method: 'POST', body: 'x'.repeat(10) })).toBe(200);
    const chunked = await raw(face.port, [
      'POST /kbs/v0/auth HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n',
      `300000\r\n${'x'.repeat(0x300000)}\r\n0\r\n\r\n`,
    ]);
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
    expect(chunked).toContain('request.malformed');
  });

  test('a body of 2 MiB is taken, one byte more is not', async () => {
    const body = Buffer.alloc(2 * 1024 * 1024, 'x');
    expect(await status('/kbs/v0/auth', { method: 'POST', body })).toBe(200);
    expect(await status('/kbs/v0/auth', { method: 'POST', body: Buffer.concat([body, Buffer.from('x')]) })).toBe(413);
  });

  test('a token of more than 256 KiB fits into a header; a head beyond the limit is 431', async () => {
    const token = `Bearer ${'t'.repeat(300 * 1024)}`;
    const answer = await send('/api/v1/public', { headers: { authorization: token } });
    expect(((await answer.json()) as { authorization: string }).authorization).toBe(token);
    const over = await raw(face.port, [
      `GET /api/v1/public HTTP/1.1\r\nhost: h\r\nauthorization: ${'t'.repeat(600 * 1024)}\r\n\r\n`,
    ]);
    expect(over).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('a request that does not arrive whole in time is 408', async () => {
    const slow = await startFace({ request_timeout: 1 });
    const text = await raw(
      slow.port,
      ['POST /kbs/v0/auth HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n12345'],
      5000,
    );
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    await slow.close();
  }, 60_000);

  test.each(['text', 'a/b/c', '/', 'application/'])('%j is no content type', async (type) => {
    const text = await raw(face.port, [
      `POST /api/v1/small HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: ${type}\r\ncontent-length: 2\r\n\r\n{}`,
    ]);
    expect(text).toMatch(/^HTTP\/1\.1 415 /);
    expect(text).toContain('request.content.type');
  });

  test.each(['application/json', 'application/octet-stream', 'text/plain; charset=utf-8', undefined])(
    'content type %s reaches the handler as bytes',
    async (type) => {
      const answer = await send('/api/v1/small', {
        method: 'POST',
        body: Buffer.from('{"a":1}'),
        ...(type === undefined ? {} : { headers: { 'content-type': type } }),
      });
      expect(await answer.json()).toMatchObject({ body: '{"a":1}' });
    },
  );

  test('a path of more than 4 KiB in one segment is refused', async () => {
    expect(await status(`/api/v1/things/${'x'.repeat(4000)}`)).toBe(200);
    expect(await status(`/api/v1/things/${'x'.repeat(5000)}`)).toBeGreaterThanOrEqual(400);
  });

  test.each([
    'GET /api/v1/public HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'GET /api/v1/public HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!',
    'GET /api/v1/public HTTP/1.1\r\nhost: h\r\nx: a\nb: c\x00\r\n\r\n',
    'nonsense\r\n\r\n',
  ])('%j is no request', async (text) => {
    expect(await raw(face.port, [text])).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('many requests of one address are told to wait; administrators are not counted', async () => {
    const strict = await startFace({ rate_limit: 3 }, { admin: guard });
    const codes: number[] = [];
    for (let n = 0; n < 5; n++) codes.push((await fetch(`${strict.url}/api/v1/public`)).status);
    expect(codes).toEqual([200, 200, 200, 429, 429]);
    const busy = await fetch(`${strict.url}/api/v1/public`);
    expect(busy.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await busy.json()).toMatchObject({ code: 'request.rate.limit' });
    for (let n = 0; n < 5; n++)
      expect(
        (await fetch(`${strict.url}/api/v1/admin/1`, { method: 'PUT', headers: { authorization: 'Bearer right' } }))
          .status,
      ).toBe(200);
    await strict.close();
  });
});

describe('the log', () => {
  test('has one line for each request, with the route and never the path, query, cookie or token', async () => {
    face.log.length = 0;
    await send('/kbs/v0/resource/marked-path/b/c?q=marked-query', {
      headers: { cookie: 'kbs-session-id=marked-cookie', authorization: 'Bearer marked-token' },
    });
    const lines = face.log.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 'info', method: 'GET', route: 't.rest', status: 200, msg: 'request' });
    expect(face.log.join('')).not.toContain('marked');
  });

  test('metrics count requests under /kbs and no path is in them', async () => {
    await send('/kbs/v0/resource/marked-path/b/c');
    const text = await face.metrics();
    expect(text).toMatch(/^kbs_http_requests_total [1-9]/m);
    expect(text).not.toContain('marked');
    // A client that goes away counts down too.
    await raw(face.port, ['POST /kbs/v0/auth HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n1'], 50);
  });
});

test('every route of the test is reached by its template and nothing else', async () => {
  for (const route of testRoutes)
    for (const method of route.methods) {
      const path = route.path.replace(/\{[a-z_]+\*\}/, 'a/b').replaceAll(/\{[a-z_]+\}/g, 'defect');
      const code = await status(path, { method });
      expect(code, `${method} ${path}`).not.toBe(404);
    }
});
