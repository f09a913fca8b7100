import { encodeBase64, encodeUtf8, type JsonValue } from '@assay/bytes';
import { selfSigned, type TlsIdentity } from '@assay/bytes/testing';
import { MemoryStorage } from '@assay/storage';
import { Client, credentials, Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import type { ReferenceValueSource } from '../contract.js';
import { ReferenceValues } from '../reference-values.js';
import { bearerAuthentication, certificateAuthentication } from './authentication.js';
import { GrpcReferenceValueClient } from './client.js';
import { addReferenceService, type ReferenceHandlerOptions, referenceServiceDefinition } from './service.js';

const START = Date.UTC(2026, 10, 21);
const clock = { now: START };
const now = () => clock.now;
const ana = { subject: 'ana', method: 'admin-jwt' };
const token = 'a-token-of-sufficient-length';
const closing: (() => void)[] = [];
afterEach(() => {
  clock.now = START;
  for (const close of closing.splice(0)) close();
});

const message = (payload: JsonValue) =>
  JSON.stringify({ type: 'sample', payload: encodeBase64(encodeUtf8(JSON.stringify(payload))) });
const refusal = (code: string, title = /./) => expect.objectContaining({ code, message: expect.stringMatching(title) });
const local = () => new ReferenceValues({ storage: new MemoryStorage({ now }), now });

/** A server on a free port of this machine. @returns its address */
async function serve(
  source: ReferenceValueSource,
  options: Omit<ReferenceHandlerOptions, 'now'> = {},
): Promise<string> {
  const server = new Server();
  addReferenceService(server, source, { now, ...options });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  closing.push(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

function connect(address: string, options: { token?: string; timeoutMs?: number } = {}): GrpcReferenceValueClient {
  const client = new GrpcReferenceValueClient({ address, ...options });
  closing.push(() => client.close());
  return client;
}

/** The bytes of a call as another implementation would send and see them. */
async function raw(address: string, method: string, request: Buffer, metadata = new Metadata()) {
  const client = new Client(address, credentials.createInsecure());
  closing.push(() => client.close());
  return new Promise<{ code: number; details: string; bytes: Buffer; metadata?: Metadata }>((resolve) =>
    client.makeUnaryRequest(
      `/reference.ReferenceValueProviderService/${method}`,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      request,
      metadata,
      (error, bytes) =>
        resolve(
          error
            ? { code: error.code, details: error.details, bytes: Buffer.alloc(0), metadata: error.metadata }
            : { code: 0, details: '', bytes: bytes as Buffer },
        ),
    ),
  );
}

/** Field 1, text: the only field of every message of the service. */
const field1 = (text: string) => Buffer.concat([Buffer.from([0x0a, text.length]), Buffer.from(text)]);

describe('the wire', () => {
  test('queries: a value, none, and all for the empty id', async () => {
    const values = local();
    await values.set('svn', [1, 2], { by: ana });
    await values.set('ends', 1, { by: ana, expires: START + 1000 });
    const address = await serve(values);
    clock.now += 5000;
    expect(await raw(address, 'QueryReferenceValue', field1('svn'))).toMatchObject({ code: 0, bytes: field1('[1,2]') });
    for (const unknown of ['__healthcheck__', 'ends', 'a\0b'])
      expect(await raw(address, 'QueryReferenceValue', field1(unknown))).toMatchObject({
        code: 0,
        bytes: Buffer.alloc(0),
      });
    const all = await raw(address, 'QueryReferenceValue', Buffer.alloc(0));
    expect(all.bytes).toEqual(field1('{"svn":[1,2]}'));
    await values.set('null', null, { by: ana });
    expect((await raw(address, 'QueryReferenceValue', field1('null'))).bytes).toEqual(field1('null'));
  });

  test('failures: ABORTED with the prefix of the face, and the code beside it', async () => {
    const source = { ...silent(), query: () => Promise.reject(new TypeError('secret words')) };
    const defects: unknown[] = [];
    const rvps = await serve(source, { onDefect: (error) => defects.push(error) });
    expect(await raw(rvps, 'QueryReferenceValue', field1('x'))).toMatchObject({
      code: status.ABORTED,
      details: 'Query reference value: internal error',
    });
    expect(defects).toHaveLength(1);
    const as = await serve(source, { face: 'attestation-service' });
    expect((await raw(as, 'QueryReferenceValue', field1('x'))).details).toMatch(/^Failed to query reference values: /);
    const open = await serve(local(), { registration: 'insecure-allow-anyone' });
    const bad = await raw(open, 'RegisterReferenceValue', field1('{"type":"corim","payload":""}'));
    expect(bad).toMatchObject({
      code: status.ABORTED,
      details: expect.stringMatching(/^Register reference value: .*corim/),
    });
    expect(bad.metadata?.get('assay-code')).toEqual(['rv.message.type']);
    const malformed = await raw(open, 'RegisterReferenceValue', Buffer.from([0x0a, 0xff]));
    expect(malformed.code).not.toBe(status.OK);
  });
});

describe('registration', () => {
  const register = (address: string, metadata?: Metadata) =>
    raw(address, 'RegisterReferenceValue', field1(message({ svn: 1 })), metadata);
  const bearer = (...tokens: string[]) => {
    const metadata = new Metadata();
    for (const text of tokens) metadata.add('authorization', `Bearer ${text}`);
    return metadata;
  };

  test('is off unless asked for', async () => {
    const values = local();
    const address = await serve(values);
    const refused = await register(address, bearer(token));
    expect(refused).toMatchObject({
      code: status.UNAUTHENTICATED,
      details: expect.stringMatching(/^Register reference value: .*Registration over gRPC is off/),
    });
    expect(refused.metadata?.get('assay-code')).toEqual(['rv.publisher.trust']);
    expect(await values.list()).toEqual([]);
  });

  test('with a bearer token: the right one only, and only one', async () => {
    const values = local();
    const registration = bearerAuthentication([
      { token: 'another-token-of-length', subject: 'other' },
      { token, subject: 'release pipeline' },
    ]);
    const address = await serve(values, { registration });
    const wrong = [undefined, bearer(''), bearer(`${token}x`), bearer(token.slice(1))];
    for (const metadata of wrong) expect((await register(address, metadata)).code).toBe(status.UNAUTHENTICATED);
    expect((await register(address, bearer(token, token))).code).not.toBe(status.OK);
    expect(await values.list()).toEqual([]);
    expect((await register(address, bearer(token))).code).toBe(status.OK);
    expect(await values.get('svn')).toMatchObject({ value: 1, publisher: 'release pipeline', source: 'sample' });
    expect((await values.history('svn'))[0]?.by).toEqual({ subject: 'release pipeline', method: 'grpc-bearer' });
    expect(() => bearerAuthentication([{ token: 'short', subject: 'x' }])).toThrow(RangeError);
  });

  test('with a client certificate: of a trusted issuer, and an accepted name', async () => {
    const values = local();
    const server = new Server();
    addReferenceService(server, values, { now, registration: certificateAuthentication(['publisher']) });
    const [own, publisher, somebody, stranger] = ['localhost', 'publisher', 'somebody', 'publisher'].map((name) =>
      selfSigned(name),
    ) as [TlsIdentity, TlsIdentity, TlsIdentity, TlsIdentity];
    const trusted = Buffer.from(publisher.certificate + somebody.certificate);
    const identity = { private_key: Buffer.from(own.key), cert_chain: Buffer.from(own.certificate) };
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(trusted, [identity], true), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    closing.push(() => server.forceShutdown());
    const as = ({ key, certificate }: TlsIdentity) => {
      const client = new GrpcReferenceValueClient({
        address: `localhost:${port}`,
        credentials: credentials.createSsl(Buffer.from(own.certificate), Buffer.from(key), Buffer.from(certificate)),
        timeoutMs: 2000,
      });
      closing.push(() => client.close());
      return client.registerMessage(message({ svn: 1 }), { authenticated: ana });
    };
    await expect(as(stranger)).rejects.toEqual(refusal('rv.query.answers'));
    await expect(as(somebody)).rejects.toEqual(refusal('rv.publisher.trust', /credentials that this server accepts/));
    expect(await values.list()).toEqual([]);
    await as(publisher);
    expect((await values.history('svn'))[0]?.by).toEqual({ subject: 'publisher', method: 'grpc-mtls' });
  });

  test('of anyone, where that is asked for by name', async () => {
    const values = local();
    const address = await serve(values, { registration: 'insecure-allow-anyone' });
    expect((await register(address)).code).toBe(status.OK);
    expect((await values.get('svn'))?.publisher).toMatch(/^anyone at 127\.0\.0\.1:/);
  });
});

describe('client', () => {
  test('queries and registers as the local service does', async () => {
    const values = local();
    const registration = bearerAuthentication([{ token, subject: 'client' }]);
    const client = connect(`http://${await serve(values, { registration })}`, { token });
    await client.registerMessage(message({ a: ['x'], b: null }), { authenticated: ana });
    expect([await client.query('a'), await client.query('b'), await client.query('c')]).toEqual([
      ['x'],
      null,
      undefined,
    ]);
    expect(await client.query('')).toBeUndefined();
    const some = await client.snapshot(['a', 'c', 'a']);
    expect(some.names).toEqual(['a']);
    expect(some.lookup('a', now())).toMatchObject({ value: ['x'], publisher: expect.stringMatching(/^RVPS http/) });
    expect((await client.snapshot()).all(now()).map((fact) => fact.name)).toEqual(['a', 'b']);
    await values.delete('a', { by: ana });
    expect(await client.query('a')).toBeUndefined();
  });

  test('passes on what is wrong with a message', async () => {
    const client = connect(await serve(local(), { registration: 'insecure-allow-anyone' }));
    const authenticated = ana;
    await expect(client.registerMessage('{', { authenticated })).rejects.toEqual(refusal('rv.message.form', /JSON/));
    await expect(client.registerMessage(message({ '': 1 }), { authenticated })).rejects.toEqual(
      refusal('rv.name.form'),
    );
    await expect(client.registerMessage(message({ a: 1 }), {})).rejects.toEqual(refusal('rv.publisher.trust'));
    const closed = connect(await serve(local()));
    await expect(closed.registerMessage(message({ a: 1 }), { authenticated })).rejects.toEqual(
      refusal('rv.publisher.trust', /Registration over gRPC is off/),
    );
  });

  test('an outage is an error, and not "no value"', async () => {
    const nobody = connect('127.0.0.1:9', { timeoutMs: 500 });
    await expect(nobody.query('x')).rejects.toEqual(refusal('rv.query.answers', /UNAVAILABLE|DEADLINE/));
    await expect(nobody.snapshot(['x'])).rejects.toEqual(refusal('rv.query.answers'));
    const slow = connect(await serve({ ...silent(), query: () => new Promise(() => {}) }), { timeoutMs: 100 });
    await expect(slow.query('x')).rejects.toEqual(refusal('rv.query.answers', /within 100 ms: DEADLINE_EXCEEDED/));
    const broken = connect(await serve({ ...silent(), query: () => Promise.reject(new Error('storage is out')) }));
    await expect(broken.query('x')).rejects.toEqual(refusal('rv.query.answers', /ABORTED/));
  });

  test('an answer that is no JSON is an error', async () => {
    const server = new Server();
    const definition = {
      ...referenceServiceDefinition,
      queryReferenceValue: {
        ...referenceServiceDefinition.queryReferenceValue,
        responseSerialize: (b: unknown) => b as Buffer,
      },
    };
    server.addService(definition as never, {
      queryReferenceValue: (_: unknown, callback: (error: null, bytes: Buffer) => void) =>
        callback(null, field1('{"a":1')),
      registerReferenceValue: () => {},
    });
    const port = await new Promise<number>((resolve) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) => resolve(bound)),
    );
    closing.push(() => server.forceShutdown());
    const client = connect(`127.0.0.1:${port}`);
    await expect(client.query('x')).rejects.toEqual(refusal('rv.query.answers', /not JSON/));
  });

  test('a token does not go over a network in clear', () => {
    expect(() => new GrpcReferenceValueClient({ address: 'http://rvps.example:50003', token })).toThrow(/in clear/);
    new GrpcReferenceValueClient({ address: 'https://rvps.example:50003', token }).close();
    new GrpcReferenceValueClient({ address: 'unix:/run/rvps.sock', token }).close();
  });
});

/** A source of which only the members under test are replaced. */
function silent(): ReferenceValueSource {
  const nothing = () => Promise.reject(new Error('not used here'));
  return { query: nothing, snapshot: nothing, registerMessage: nothing };
}
