import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { httpTransport } from './http-transport.js';
import { KbcError } from './kbc-error.js';

let handle: (request: IncomingMessage, response: ServerResponse) => void;
let connections: number;
const server = () => createServer((request, response) => handle(request, response));
let running: ReturnType<typeof server>;
let url = '';
beforeEach(async () => {
  connections = 0;
  running = server();
  running.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => running.listen(0, '127.0.0.1', resolve));
  const address = running.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterEach(() => {
  running.closeAllConnections();
  running.close();
});
const get = { method: 'GET', path: '/kbs/v0/x?y=1', headers: { a: 'b' } } as const;

test('a request goes out as it is, an answer comes back as it is', async () => {
  let seen: unknown;
  handle = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url: path, headers } = request;
      seen = {
        method,
        path,
        a: headers['a'],
        agent: headers['user-agent'],
        length: headers['content-length'],
        body: Buffer.concat(chunks).toString(),
      };
      response.writeHead(401, { 'set-cookie': ['k=1', 'l=2'], 'assay-attempt': 'att_1' });
      response.end('body');
    });
  };
  const answer = await httpTransport({ url: `${url}//` })({ ...get, method: 'POST', body: Buffer.from('ü') });
  expect(seen).toEqual({
    method: 'POST',
    path: '/kbs/v0/x?y=1',
    a: 'b',
    agent: 'attestation-agent-kbs-client/0.1.0',
    length: '2',
    body: 'ü',
  });
  expect({ ...answer, body: Buffer.from(answer.body).toString() }).toEqual({
    status: 401,
    setCookie: ['k=1', 'l=2'],
    body: 'body',
    attempt: 'att_1',
  });
});

test('many requests share a few connections', async () => {
  handle = (_, response) => void setTimeout(() => response.end('x'), 2);
  const send = httpTransport({ url, maxConnections: 4 });
  const answers = await Promise.all(Array.from({ length: 60 }, () => send(get)));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(connections).toBe(4);
});

test('redirects are not followed', async () => {
  handle = (_, response) => void response.writeHead(302, { location: `${url}/elsewhere` }).end();
  expect((await httpTransport({ url })(get)).status).toBe(302);
  expect(connections).toBe(1);
});

test('no answer in time, a broken one, one that is too long, and nobody there are outages', async () => {
  const outage = async (options: Partial<Parameters<typeof httpTransport>[0]> = {}): Promise<string> => {
    const error = await httpTransport({ url, ...options })(get).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(KbcError);
    expect((error as KbcError).reason).toBe('unavailable');
    return (error as KbcError).message;
  };
  handle = () => undefined;
  expect(await outage({ timeoutMs: 30 })).toContain('no answer in time');
  // The time is for the whole answer, not for its beginning.
  handle = (_, response) => void response.writeHead(200).write('x');
  expect(await outage({ timeoutMs: 60 })).not.toBe('');
  handle = (_, response) => void response.socket?.destroy();
  expect(await outage()).toContain('ECONNRESET');
  handle = (_, response) => void response.end(Buffer.alloc(16 * 1024 * 1024 + 1));
  expect(await outage()).toContain('longer');
  expect(await outage({ url: 'http://user:password@127.0.0.1:1/x' })).toBe('127.0.0.1:1: ECONNREFUSED');
});

test('other kinds of URL are none', () => {
  expect(() => httpTransport({ url: 'ftp://x' })).toThrow(RangeError);
});
