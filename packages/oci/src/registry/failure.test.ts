/** What a person is told to do about a registry that gives nothing: about its cause, and nothing else. */
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import type { AssayError } from '@assay/bytes/findings';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../../ocicrypt/src/certificate.test.helper.js';
import { parseReference, registrySource } from '../index.js';
import { answerFailure, statusFailure, thrownFailure } from './failure.js';

const HOST = 'registry.example:5000';
const CREDENTIALS = /credentials|account/;
const at = (server: Server): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;
const listening = (server: Server): Promise<void> => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

async function refusal(reference: string, options: object = {}): Promise<AssayError> {
  const asked = registrySource(parseReference(reference), { attempts: 1, timeout: 2000, ...options });
  return asked.then(
    () => {
      throw new Error('it answered');
    },
    (error: AssayError) => error,
  );
}

describe('what is to be done', () => {
  test.each<[string, { readonly code: string }, RegExp, RegExp]>([
    ['is refused', { code: 'ECONNREFUSED' }, /nothing listens there \(ECONNREFUSED\)/, /Start the registry at reg/],
    ['has no such host', { code: 'ENOTFOUND' }, /no such host/, /Correct the host/],
    ['has no name server', { code: 'EAI_AGAIN' }, /name servers/, /name servers of this machine/],
    ['gets no answer', { code: 'UND_ERR_CONNECT_TIMEOUT' }, /no answer/, /may connect to registry.example:5000/],
    ['is cut', { code: 'ECONNRESET' }, /closed/, /Try again/],
    ['meets an unknown authority', { code: 'SELF_SIGNED_CERT_IN_CHAIN' }, /unknown authority/, /--registry-ca/],
    ['meets an old certificate', { code: 'CERT_HAS_EXPIRED' }, /has expired/, /renew its certificate/],
    ['meets another name', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }, /another name/, /for this name/],
    ['meets plain HTTP', { code: 'ERR_SSL_WRONG_VERSION_NUMBER' }, /no TLS is spoken/, /insecure/],
    ['meets TLS', { code: 'HPE_INVALID_CONSTANT' }, /no HTTP is spoken/, /Reach it over TLS/],
    ['fails by what is not known', { code: 'EWHAT' }, /^EWHAT$/, /may connect/],
  ])('about a connection that %s', (_, cause, reason, remedy) => {
    const failure = thrownFailure(Object.assign(new TypeError('fetch failed'), { cause }), HOST);
    expect(failure.reason).toMatch(reason);
    expect(failure.facts.remedy).toMatch(remedy);
    expect(failure.facts.remedy).not.toMatch(CREDENTIALS);
    expect(failure.facts.causes?.map(({ text }) => text).join()).not.toMatch(CREDENTIALS);
  });

  test.each<[number, RegExp, string]>([
    [400, /over TLS/, 'after-change'],
    [401, /^Add credentials for registry.example:5000/, 'after-change'],
    [403, /^Let the account read/, 'after-change'],
    [404, /^Correct repository and tag/, 'after-change'],
    [405, /is a registry/, 'after-change'],
    [407, /^Correct the proxy/, 'after-change'],
    [429, /^Wait, then try again/, 'later'],
    [500, /^Try again later/, 'later'],
    [503, /^Try again later/, 'later'],
  ])('about status %i', (status, remedy, retry) => {
    const { facts, reason } = statusFailure(status, HOST);
    expect(reason).toContain(String(status));
    expect(facts.remedy).toMatch(remedy);
    expect(facts.retry).toBe(retry);
  });

  test('about a tunnel that a proxy does not open, an answer that is none, and an error without a code', () => {
    const tunnel = { cause: { code: 'UND_ERR_ABORTED', message: 'Proxy response (403) !== 200 when HTTP Tunneling' } };
    expect(thrownFailure(tunnel, HOST)).toMatchObject({
      reason: 'the proxy answers 403',
      facts: { remedy: expect.stringContaining('Correct the proxy') },
    });
    expect(answerFailure('no token in its answer', HOST).facts.remedy).toContain('speaks the OCI distribution API');
    expect(thrownFailure(new Error(`more than 5 redirects\n${'x'.repeat(500)}`), HOST).reason).toBe(
      'more than 5 redirects',
    );
    expect(thrownFailure({}, HOST).reason).toBe('no answer');
  });
});

describe('a registry that', () => {
  let status = 200;
  const plain = createHttpServer((_, response) => void response.writeHead(status).end());
  const { certificate, key } = selfSigned('registry');
  const pem = { cert: certificate.toString(), key: key.export({ type: 'pkcs8', format: 'pem' }) };
  const secured = createHttpsServer(pem, (_, response) => void response.writeHead(200).end());
  const silent = createTcpServer(() => undefined);
  const closed = createTcpServer(() => undefined);
  let gone = '';

  beforeAll(async () => {
    await Promise.all([plain, secured, silent, closed].map(listening));
    gone = at(closed);
    await new Promise((resolve) => closed.close(resolve));
  });
  afterAll(() => {
    plain.close();
    secured.close();
    silent.close();
  });

  test('does not run is to be started: credentials are no part of it', async () => {
    const error = await refusal(`${gone}/a/b:v1`);
    expect(error).toMatchObject({ code: 'image.registry.answers', finding: { retry: 'after-change' } });
    expect(error.title).toBe(`${gone}: nothing listens there (ECONNREFUSED)`);
    expect(error.remedy).toBe(`Start the registry at ${gone}, or correct host and port of the reference.`);
  });

  test('is asked for at a port that is never asked has a wrong reference', async () => {
    const error = await refusal('127.0.0.1:1/a/b:v1');
    expect(error.title).toBe('127.0.0.1:1: this port belongs to another protocol');
    expect(error.remedy).toContain('correct host and port');
  });

  test('speaks plain HTTP, or TLS with an authority of its own, is told apart', async () => {
    expect((await refusal(`${at(plain)}/a/b:v1`)).remedy).toContain('mark it insecure');
    const unknown = await refusal(`${at(secured)}/a/b:v1`);
    expect(unknown.title).toContain('unknown authority');
    expect(unknown.remedy).toContain('--registry-ca');
  });

  test('does not answer at all may be behind a proxy', async () => {
    const error = await refusal(`${at(silent)}/a/b:v1`, { insecure: true, timeout: 300 });
    expect(error.title).toContain('connected, and no answer (UND_ERR_HEADERS_TIMEOUT)');
    expect(error.remedy).toContain('--proxy');
  });

  test.each([
    [401, 'image.registry.answers', 'Add credentials'],
    [403, 'image.registry.answers', 'Let the account'],
    [404, 'image.content.present', 'Correct repository and tag'],
    [429, 'image.registry.answers', 'Wait'],
    [502, 'image.registry.answers', 'Try again later'],
  ])('answers %i is told so', async (answer, code, remedy) => {
    status = answer;
    const error = await refusal(`${at(plain)}/a/b:v1`, { insecure: true });
    expect(error).toMatchObject({ code, remedy: expect.stringContaining(remedy) });
  });

  test('is one of several gets the remedies of all places, each once', async () => {
    const mirrors = `[[registry]]\nprefix = "r.example"\nlocation = "${gone}/x"\n[[registry.mirror]]\nlocation = "${at(plain)}/y"\ninsecure = true\n`;
    const { readRegistryConfig } = await import('./config.js');
    status = 401;
    const error = await refusal('r.example/a:v1', { registries: readRegistryConfig(mirrors, 'f') });
    expect(error.remedy).toContain(`Add credentials for ${at(plain)}`);
    expect(error.remedy).toContain(`Start the registry at ${gone}`);
  });
});
