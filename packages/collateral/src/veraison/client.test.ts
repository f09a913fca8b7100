import { decodeUtf8, encodeUtf8 } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { Budget } from '../http/budget.js';
import { Fetcher } from '../http/fetcher.js';
import { type TransportAnswer, TransportError, type TransportRequest } from '../http/transport.js';
import type { Timing } from '../timing.js';
import { type VeraisonAnswer, VeraisonClient } from './client.js';

const BASE = 'https://veraison.example:8080';
const DISCOVERY = 'GET /.well-known/veraison/verification';
const NEW = 'POST /challenge-response/v1/newSession';
const SESSION = '/challenge-response/v1/session/1';
const NONCE = new Uint8Array(64).fill(0xfb);

const json = (status: number, value: unknown, headers: Record<string, string> = {}): TransportAnswer => ({
  status,
  headers,
  body: encodeUtf8(JSON.stringify(value)),
});

/** A service that behaves: answers by method and path, each a list of answers in turn, the last one for ever. */
function service(changes: Readonly<Record<string, readonly (TransportAnswer | TransportError)[]>> = {}) {
  const answers: Record<string, readonly (TransportAnswer | TransportError)[]> = {
    [DISCOVERY]: [json(200, { 'api-endpoints': { newChallengeResponseSession: '/challenge-response/v1/newSession' } })],
    [NEW]: [json(201, { status: 'waiting' }, { location: SESSION })],
    [`POST ${SESSION}`]: [json(200, { status: 'complete', result: 'a.b.c' })],
    ...changes,
  };
  const requests: TransportRequest[] = [];
  const counts = new Map<string, number>();
  let time = 0;
  const timing: Timing = {
    now: () => time,
    random: () => 0,
    sleep: async (ms: number) => {
      time += ms;
    },
  } as Timing;
  const fetcher = new Fetcher({
    transport: async (request) => {
      requests.push(request);
      const name = `${request.body === undefined ? 'GET' : 'POST'} ${request.url.pathname}`;
      const list = answers[name] ?? [json(404, {})];
      const at = counts.get(name) ?? 0;
      counts.set(name, at + 1);
      const answer = list[Math.min(at, list.length - 1)] ?? json(404, {});
      if (answer instanceof TransportError) throw answer;
      return answer;
    },
    timing,
    budget: new Budget({ requests: 1000, intervalMs: 1000 }, timing.now),
    policy: { attempts: 1 },
  });
  return { client: new VeraisonClient({ url: BASE, fetcher, timing }), requests, time: () => time };
}

const resultOf = (answer: VeraisonAnswer): string | undefined =>
  'result' in answer ? decodeUtf8(answer.result) : undefined;
const said = (answer: VeraisonAnswer): string => ('finding' in answer ? (answer.finding.title ?? '') : '');

test('discovers the interface once, opens a session for the challenge, sends the token', async () => {
  const { client, requests } = service();
  const token = Uint8Array.of(1, 2, 3);
  for (let n = 0; n < 2; n += 1) expect(resultOf(await client.verifyCca(token, NONCE))).toBe('a.b.c');
  expect(requests.map(({ url }) => url.pathname)).toEqual([
    '/.well-known/veraison/verification',
    ...Array(2).fill(['/challenge-response/v1/newSession', SESSION]).flat(),
  ]);
  const nonce = requests[1]?.url.searchParams.get('nonce') ?? '';
  expect(nonce).toMatch(/^[A-Za-z0-9_-]+==$/);
  expect(Buffer.from(nonce, 'base64url')).toEqual(Buffer.from(NONCE));
  expect(requests[2]?.body).toEqual(token);
  expect(requests[2]?.headers?.['content-type']).toBe(
    'application/eat-collection; profile="http://arm.com/CCA-SSD/1.0.0"',
  );
});

describe('a service that takes its time', () => {
  test('is asked again', async () => {
    const { client, time } = service({
      [`POST ${SESSION}`]: [json(202, { status: 'processing' })],
      [`GET ${SESSION}`]: [json(200, { status: 'processing' }), json(200, { status: 'complete', result: 'x.y.z' })],
    });
    expect(resultOf(await client.verifyCca(new Uint8Array(1), NONCE))).toBe('x.y.z');
    expect(time()).toBe(1000);
  });

  test('but not for ever', async () => {
    const { client, requests } = service({
      [`POST ${SESSION}`]: [json(202, { status: 'processing' })],
      [`GET ${SESSION}`]: [json(200, { status: 'processing' })],
    });
    expect(said(await client.verifyCca(new Uint8Array(1), NONCE))).toContain('does not come to an end');
    expect(requests.filter(({ url, body }) => url.pathname === SESSION && body === undefined)).toHaveLength(10);
  });
});

test.each<[string, string, TransportAnswer | TransportError, string]>([
  ['discovery refused', DISCOVERY, json(403, {}), 'discovery: status 403'],
  [
    'discovery that is no JSON',
    DISCOVERY,
    { status: 200, headers: {}, body: encodeUtf8('<html>') },
    'discovery: no JSON',
  ],
  ['discovery as a list', DISCOVERY, json(200, []), 'discovery: no JSON object'],
  ['no endpoints', DISCOVERY, json(200, {}), 'no newChallengeResponseSession'],
  ['another endpoint', DISCOVERY, json(200, { 'api-endpoints': { other: '/x' } }), 'no newChallengeResponseSession'],
  [
    'an endpoint elsewhere',
    DISCOVERY,
    json(200, { 'api-endpoints': { newChallengeResponseSession: 'https://evil.example/x' } }),
    'on another host',
  ],
  [
    'an endpoint on another port',
    DISCOVERY,
    json(200, { 'api-endpoints': { newChallengeResponseSession: '//veraison.example:1/x' } }),
    'on another host',
  ],
  [
    'an endpoint that is none',
    DISCOVERY,
    json(200, { 'api-endpoints': { newChallengeResponseSession: 'http://[' } }),
    'an address that is none',
  ],
  ['no session', NEW, json(400, {}), 'session: status 400'],
  ['a session that was not made', NEW, json(200, {}, { location: SESSION }), 'session: status 200'],
  ['a session without a place', NEW, json(201, {}), 'session: no Location'],
  [
    'a session elsewhere',
    NEW,
    json(201, {}, { location: 'http://veraison.example:8080/x' }),
    'session: an address on another host',
  ],
  ['a token refused', `POST ${SESSION}`, json(415, {}), 'result: status 415'],
  ['a session that failed', `POST ${SESSION}`, json(200, { status: 'failed' }), 'ended without a result'],
  [
    'a result that is no text',
    `POST ${SESSION}`,
    json(200, { status: 'complete', result: {} }),
    'ended without a result',
  ],
  [
    'no connection',
    `POST ${SESSION}`,
    new TransportError('connection', 'connection refused'),
    'result: connection refused',
  ],
  [
    'quiet',
    NEW,
    { status: 429, headers: { 'retry-after': '600' }, body: new Uint8Array() },
    'session: asked for quiet',
  ],
])('%s is told', async (_, route, answer, why) => {
  const { client } = service({ [route]: [answer] });
  const told = await client.verifyCca(new Uint8Array(1), NONCE);
  expect(resultOf(told)).toBeUndefined();
  expect('finding' in told && told.finding).toMatchObject({ id: 'collateral.answer.form', outcome: 'fail' });
  expect(said(told)).toContain(why);
});

test('discovery that failed is tried again with the next token', async () => {
  const { client } = service({
    [DISCOVERY]: [
      json(503, {}),
      json(200, { 'api-endpoints': { newChallengeResponseSession: '/challenge-response/v1/newSession' } }),
    ],
  });
  expect(resultOf(await client.verifyCca(new Uint8Array(1), NONCE))).toBeUndefined();
  expect(resultOf(await client.verifyCca(new Uint8Array(1), NONCE))).toBe('a.b.c');
});
