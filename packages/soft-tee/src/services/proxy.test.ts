import { randomBytes } from 'node:crypto';
import { createServer as createPlainServer, type Server as PlainServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { contextTag, derElement, derSequence, encodeUtf8 } from '@assay/bytes';
import { nodeTransport, parseProxy } from '@assay/collateral';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KeyStore } from '../keys/key-store.js';
import { startTestProxy, type TestProxy, type TestProxyOptions } from '../testing/proxy.js';
import { makeCertificate } from '../x509/certificate.js';
import { basicConstraints } from '../x509/extension.js';

const DAY = 86_400_000;
const keys = new KeyStore(randomBytes(32));
const dates = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + DAY) };
const CA = [['CN', 'authority']] as const;
const common = { ...dates, issuer: CA, signer: keys.ec('ca', 'P-256'), algorithm: 'ecdsa-sha256' } as const;
const extensions = [basicConstraints(true)];
const authority = makeCertificate({ ...common, serial: 1n, subject: CA, key: keys.ec('ca', 'P-256'), extensions });
const subjectAltName = derSequence(
  derElement(contextTag(2, false), encodeUtf8('vendor.test')),
  derElement(contextTag(7, false), Uint8Array.of(127, 0, 0, 1)),
);
const leaf = makeCertificate({
  ...common,
  serial: 2n,
  subject: [['CN', 'vendor']],
  key: keys.ec('leaf', 'P-256'),
  extensions: [{ oid: '2.5.29.17', value: subjectAltName }],
});
const tls = { key: keys.ec('leaf', 'P-256').export({ type: 'pkcs8', format: 'pem' }).toString(), cert: leaf.pem };

let secure: Server;
let plain: PlainServer;
const bodies: string[] = [];
const portOf = (server: Server | PlainServer): number => (server.address() as AddressInfo).port;

beforeAll(async () => {
  const answer: Parameters<typeof createPlainServer>[1] = async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    bodies.push(Buffer.concat(chunks).toString());
    outgoing.end(`${incoming.headers.host ?? ''} ${incoming.headers['proxy-authorization'] ?? 'none'}`);
  };
  secure = createServer(tls, answer);
  plain = createPlainServer(answer);
  for (const server of [secure, plain]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  secure.close();
  plain.close();
});

const proxies: TestProxy[] = [];
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});
async function proxy(options: TestProxyOptions = {}): Promise<TestProxy> {
  const started = await startTestProxy({ names: { 'vendor.test': '127.0.0.1' }, ...options });
  proxies.push(started);
  return started;
}

function through(url: string, noProxy: readonly string[] = []) {
  const parsed = parseProxy(url, noProxy);
  if (parsed === undefined) throw new Error('no proxy');
  return nodeTransport({ ca: [authority.pem], allowHttp: true, proxy: parsed });
}
const limits = { timeoutMs: 2_000, maxBytes: 1_000 };
const text = (body: Uint8Array): string => Buffer.from(body).toString();
const vendor = (path = '/x?y=1'): URL => new URL(`https://vendor.test:${portOf(secure)}${path}`);

describe('by way of a proxy', () => {
  test('TLS goes end to end: the proxy sees host and port, the vendor sees no credentials', async () => {
    const way = await proxy({ credentials: 'me:p@ss' });
    const send = through(`http://me:p%40ss@${way.host}`);
    const answer = await send({ url: vendor(), ...limits });
    expect([answer.status, text(answer.body)]).toEqual([200, `vendor.test:${portOf(secure)} none`]);
    expect(way.asked).toEqual([`CONNECT vendor.test:${portOf(secure)}`]);
    await send({ url: vendor(), body: encodeUtf8('question'), ...limits });
    expect(bodies.at(-1)).toBe('question');
  });

  test('of TLS itself, under the same authorities', async () => {
    const way = await proxy({ tls });
    expect((await through(`https://${way.host}`)({ url: vendor(), ...limits })).status).toBe(200);
    const parsed = parseProxy(`https://${way.host}`);
    if (parsed === undefined) throw new Error('no proxy');
    const strange = nodeTransport({ proxy: parsed });
    await expect(strange({ url: vendor(), ...limits })).rejects.toMatchObject({ fault: 'tls' });
  });

  test('plain HTTP is asked for as a whole URL', async () => {
    const way = await proxy({ credentials: 'me:secret' });
    const url = new URL(`http://vendor.test:${portOf(plain)}/x`);
    const answer = await through(`http://me:secret@${way.host}/`)({ url, ...limits });
    expect(text(answer.body)).toBe(`vendor.test:${portOf(plain)} none`);
    expect(way.asked).toEqual([`GET ${url.href}`]);
  });

  test('the certificate is asked of the vendor, not of the proxy', async () => {
    const way = await proxy({ names: { 'other.test': '127.0.0.1' } });
    const url = new URL(`https://other.test:${portOf(secure)}/`);
    await expect(through(`http://${way.host}`)({ url, ...limits })).rejects.toMatchObject({
      fault: 'tls',
      message: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  test.each([
    ['other credentials', { credentials: 'me:right' }, /^proxy 127\.0\.0\.1:\d+ wants other credentials \(407\)$/],
    ['a refusal', { mode: 'refusing' }, /^proxy 127\.0\.0\.1:\d+ does not connect \(502\)$/],
    ['bytes before the handshake', { mode: 'chatty' }, /does not connect/],
  ] as const)('%s: said without the credentials', async (_, options, message) => {
    const way = await proxy(options);
    const fault = await through(`http://me:wrong-secret@${way.host}`)({ url: vendor(), ...limits }).catch(
      (e: unknown) => e,
    );
    expect(fault).toMatchObject({ fault: 'connection', message: expect.stringMatching(message) });
    expect(JSON.stringify(fault) + String(fault)).not.toContain('wrong-secret');
  });

  test('a proxy that says nothing ends at the time limit; one that is not there, at once', async () => {
    const way = await proxy({ mode: 'silent' });
    const send = through(`http://${way.host}`);
    await expect(send({ url: vendor(), ...limits, timeoutMs: 100 })).rejects.toMatchObject({ fault: 'timeout' });
    await way.close();
    proxies.length = 0;
    await expect(send({ url: vendor(), ...limits })).rejects.toMatchObject({
      fault: 'connection',
      message: 'ECONNREFUSED',
    });
  });
});

test.each([
  [['127.0.0.1'], true],
  [['*'], true],
  [['other.test', '127.0.0.1:PORT'], true],
  [['127.0.0.1:1'], false],
  [['0.0.1'], false],
  [[], false],
])('NO_PROXY %j: straight %s', async (rules, straight) => {
  const way = await proxy();
  const port = String(portOf(secure));
  const send = through(
    `http://${way.host}`,
    rules.map((rule) => rule.replace('PORT', port)),
  );
  await send({ url: new URL(`https://127.0.0.1:${port}/`), ...limits });
  expect(way.asked).toHaveLength(straight ? 0 : 1);
});

test.each([
  [['vendor.test'], 'vendor.test', true],
  [['vendor.test'], 'eu.vendor.test', true],
  [['.vendor.test'], 'eu.vendor.test', true],
  [['*.vendor.test'], 'eu.vendor.test', true],
  [['Vendor.TEST '], 'vendor.test', true],
  [['vendor.test'], 'myvendor.test', false],
  [['[::1]:443'], '[::1]', true],
  [['::1'], '[::1]', true],
  [['', ' '], 'vendor.test', false],
])('rules %j for %s', (rules, host, straight) => {
  expect(parseProxy('http://proxy:3128', rules)?.bypass(new URL(`https://${host}/`))).toBe(straight);
});

test.each(['proxy:3128', 'socks5://proxy', 'http://', 'http://proxy/path', 'http://proxy?x', 'http://a%zz@proxy', ''])(
  'is no proxy: %s',
  (url) => {
    expect(parseProxy(url)).toBeUndefined();
  },
);
