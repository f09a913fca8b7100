import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Budget } from './budget.js';
import { Fetcher } from './fetcher.js';
import { nodeTransport } from './node-transport.js';
import { retryAfterMs } from './retry-after.js';
import { type TransportAnswer, TransportError } from './transport.js';

describe('budget', () => {
  test('counts over any window, and queues', () => {
    let now = 0;
    const budget = new Budget({ requests: 1, intervalMs: 10_000 }, () => now);
    expect([budget.book(15_000), budget.book(15_000), budget.book(15_000)]).toEqual([0, 10_000, undefined]);
    expect(budget.wait()).toBe(20_000);
    now = 10_000;
    expect(budget.book(15_000)).toBe(10_000);
    now = 60_000;
    expect(budget.book(0)).toBe(0);
  });

  test('several per window', () => {
    let now = 0;
    const budget = new Budget({ requests: 2, intervalMs: 1000 }, () => now);
    expect(budget.book(0)).toBe(0);
    now = 600;
    expect(budget.book(0)).toBe(0);
    expect(budget.book(0)).toBeUndefined();
    now = 1000;
    expect(budget.book(0)).toBe(0);
    expect(budget.wait()).toBe(600);
  });

  test('of nothing is a mistake', () => {
    expect(() => new Budget({ requests: 0, intervalMs: 1 }, () => 0)).toThrow(RangeError);
  });
});

test.each([
  ['7', 7_000],
  ['0', 0],
  ['999999999', 86_400_000],
  ['Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
  ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
  ['Sun, 01 Mar 2099 11:00:00 GMT', 86_400_000],
  ['-1', undefined],
  ['soon', undefined],
  ['1.5', undefined],
  ['Xxx, 99 Xxx 2026 12:00:30 GMT', undefined],
  [undefined, undefined],
])('Retry-After %s', (value, ms) => {
  expect(retryAfterMs(value, Date.parse('2026-03-01T12:00:00Z'))).toBe(ms);
});

describe('fetcher', () => {
  const url = new URL('https://vendor.example/x');
  const answer = (status: number, headers: Record<string, string> = {}): TransportAnswer => ({
    status,
    headers,
    body: new Uint8Array(),
  });
  const script = (steps: readonly (TransportAnswer | TransportError)[], random = 0.5) => {
    const slept: number[] = [];
    let now = 0;
    let calls = 0;
    const timing = {
      now: () => now,
      sleep: async (ms: number) => {
        slept.push(ms);
        now += ms;
      },
      random: () => random,
    };
    const transport = async (): Promise<TransportAnswer> => {
      const step = steps[Math.min(calls, steps.length - 1)];
      calls += 1;
      if (step === undefined || step instanceof Error) throw step ?? new Error('no step');
      return step;
    };
    const budget = new Budget({ requests: 100, intervalMs: 1000 }, timing.now);
    return { fetcher: new Fetcher({ transport, timing, budget }), slept, calls: () => calls };
  };

  test('pauses grow, with full jitter, and end', async () => {
    const { fetcher, slept, calls } = script([answer(503)], 0.999);
    expect(await fetcher.get(url)).toMatchObject({ kind: 'answer', answer: { status: 503 } });
    expect([slept, calls()]).toEqual([[249, 499], 3]);
  });

  test.each(['tls', 'too-large', 'not-allowed'] as const)('%s is not tried again', async (fault) => {
    const { fetcher, calls } = script([new TransportError(fault, 'x')]);
    expect(await fetcher.get(url)).toMatchObject({ kind: 'fault', error: { fault } });
    expect(calls()).toBe(1);
  });

  test('a host that asked for quiet is not asked before', async () => {
    const { fetcher, slept, calls } = script([answer(429, { 'retry-after': '60' }), answer(200)]);
    expect(await fetcher.get(url)).toEqual({ kind: 'throttled', nextAt: 60_000 });
    expect(await fetcher.get(new URL('/other', url))).toEqual({ kind: 'throttled', nextAt: 60_000 });
    expect(calls()).toBe(1);
    expect(await fetcher.get(new URL('https://another.example/'))).toMatchObject({ kind: 'answer' });
    expect(slept).toEqual([]);
  });

  test('a defect of the transport is not taken for a fault of the peer', async () => {
    const { fetcher } = script([new TypeError('defect') as never]);
    await expect(fetcher.get(url)).rejects.toThrow('defect');
  });
});

describe('node transport', () => {
  let server: Server;
  let base: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/cut') {
        response.writeHead(200, { 'content-length': '100' });
        return response.write('half', () => response.destroy());
      }
      if (request.url === '/echo') {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const { 'content-type': type = '', 'content-length': length = '' } = request.headers;
          response.writeHead(200).end(`${request.method} ${type} ${length} ${Buffer.concat(chunks).toString()}`);
        });
        return response;
      }
      if (request.url === '/redirect') return response.writeHead(302, { location: '/' }).end();
      if (request.url === '/chunks') {
        response.writeHead(200);
        for (let at = 0; at < 100; at += 1) response.write('x'.repeat(1000));
        return response.end();
      }
      return response.writeHead(200, { 'X-Long': 'y'.repeat(40_000) }).end('hello');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const get = (path: string, maxBytes = 10_000, transport = nodeTransport({ allowHttp: true })) =>
    transport({ url: new URL(path, base), timeoutMs: 2_000, maxBytes });

  test('reads an answer with long headers', async () => {
    const { status, headers, body } = await get('/');
    expect([status, headers['x-long']?.length, Buffer.from(body).toString()]).toEqual([200, 40_000, 'hello']);
  });

  test('sends a question with POST', async () => {
    const timing = { now: Date.now, sleep: async () => undefined, random: () => 0 };
    const fetcher = new Fetcher({
      transport: nodeTransport({ allowHttp: true }),
      timing,
      budget: new Budget({ requests: 9, intervalMs: 1 }, timing.now),
    });
    const outcome = await fetcher.post(new URL('/echo', base), Buffer.from('why?'), { 'content-type': 'text/why' });
    expect(outcome).toMatchObject({
      kind: 'answer',
      answer: { body: Uint8Array.from(Buffer.from('POST text/why 4 why?')) },
    });
  });

  test('follows no redirection', async () => {
    expect((await get('/redirect')).status).toBe(302);
  });

  test('stops at the size limit', async () => {
    await expect(get('/chunks')).rejects.toMatchObject({ fault: 'too-large' });
    expect((await get('/chunks', 100_000)).body).toHaveLength(100_000);
  });

  test('a cut answer is no answer', async () => {
    await expect(get('/cut')).rejects.toMatchObject({ fault: 'incomplete', message: 'connection ended after 4 bytes' });
  });

  test('plain HTTP only where it was allowed, other schemes never', async () => {
    await expect(get('/', 100, nodeTransport())).rejects.toMatchObject({ fault: 'not-allowed' });
    await expect(get('file:///etc/hostname')).rejects.toMatchObject({ fault: 'not-allowed' });
  });

  test('names and ports that do not answer', async () => {
    await expect(get('http://127.0.0.1:1/')).rejects.toMatchObject({ fault: 'connection', message: 'ECONNREFUSED' });
    await expect(get('http://no-such-host.invalid/')).rejects.toMatchObject({ fault: 'name' });
  });

  test('a server without TLS is a fault of TLS', async () => {
    await expect(get(base.replace('http:', 'https:'))).rejects.toMatchObject({ fault: 'tls' });
    // A TLS server that has no certificate to show.
    const bare = createTlsServer();
    await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
    const { port } = bare.address() as AddressInfo;
    await expect(get(`https://127.0.0.1:${port}/`)).rejects.toMatchObject({ fault: 'tls' });
    bare.close();
  });
});
