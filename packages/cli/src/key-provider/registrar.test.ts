import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { decodeJwtUnverified, parseResourceUri, verifyJws } from '@assay/protocol';
import { temporaryFolder } from '@assay/testkit';
import { STATUS } from '@assay/ttrpc';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../exit.js';
import { registrarOf } from './registrar.js';

interface Asked {
  readonly line: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const folder = temporaryFolder('assay-registrar-');
const asked: Asked[] = [];
let status = 200;
let broker: Server;
let url = '';
beforeAll(async () => {
  broker = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push({
        line: `${request.method} ${request.url}`,
        headers: request.headers,
        body: Buffer.concat(chunks),
      });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(broker.address() as AddressInfo).port}`;
});
afterAll(() => broker.close());

const now = (): Date => new Date('2026-01-01T00:00:00Z');
const env = { ASSAY_CONFIG_HOME: folder, ASSAY_TOKEN: 'the-token' };
const uri = parseResourceUri('kbs:///default/key/1');
const kek = Buffer.alloc(32, 9);
const pemFile = (name: string, type: 'ed25519' | 'x25519'): { path: string; publicKey: KeyObject } => {
  const pair = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  const path = join(folder, name);
  writeFileSync(path, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return { path, publicKey: pair.publicKey };
};

test('puts the bytes of the key, with the token', async () => {
  status = 200;
  await registrarOf({ kbs: `${url}/` }, env, now).put(uri, kek);
  expect(asked.at(-1)).toMatchObject({
    line: 'POST /kbs/v0/resource/default/key/1',
    headers: { authorization: 'Bearer the-token', 'content-type': 'application/octet-stream' },
    body: kek,
  });
});

test('signs a token of two hours with the administrator’s key', async () => {
  const { path, publicKey } = pemFile('auth.pem', 'ed25519');
  await registrarOf({ kbs: url, authPrivateKey: path }, env, now).put(uri, kek);
  const token = asked.at(-1)?.headers.authorization?.replace('Bearer ', '') ?? '';
  const { header, claims } = decodeJwtUnverified(token);
  const iat = now().getTime() / 1000;
  expect([header['alg'], claims]).toEqual(['EdDSA', { iat, nbf: iat, exp: iat + 7200 }]);
  expect(verifyJws(decodeJwtUnverified(token), publicKey)).toBe(true);
});

test.each([400, 401, 403, 404, 500, 302])('status %i to a key is a refusal', async (answer) => {
  status = answer;
  const refused = { code: STATUS.failedPrecondition, message: expect.stringContaining(`(status ${answer})`) };
  await expect(registrarOf({ kbs: url }, env, now).put(uri, kek)).rejects.toMatchObject(refused);
});

test('asks what is there: yes, no, or no answer', async () => {
  const registrar = registrarOf({ kbs: url }, env, now);
  status = 200;
  expect(await registrar.has(uri)).toBe(true);
  status = 404;
  expect(await registrar.has(uri)).toBe(false);
  status = 401;
  await expect(registrar.has(uri)).rejects.toMatchObject({ code: STATUS.failedPrecondition });
  expect(asked.at(-1)?.line).toBe('GET /api/v1/resources/default/key/1');
});

test('a broker that is not there', async () => {
  await expect(registrarOf({ kbs: 'http://127.0.0.1:9' }, env, now).put(uri, kek)).rejects.toMatchObject({
    code: STATUS.unavailable,
  });
});

test('without credentials, or with a key of another kind, it does not start', () => {
  const none = { ASSAY_CONFIG_HOME: folder };
  expect(() => registrarOf({ kbs: url }, none, now)).toThrow(expect.objectContaining({ exit: EXIT.refused }));
  const { path } = pemFile('x.pem', 'x25519');
  expect(() => registrarOf({ kbs: url, authPrivateKey: path }, env, now)).toThrow(
    expect.objectContaining({ exit: EXIT.malformed }),
  );
});
