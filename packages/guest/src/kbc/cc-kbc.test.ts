import { encodeUtf8 } from '@assay/bytes';
import {
  generateTeeKeyPair,
  HASH_ALGORITHMS,
  kbsErrorBody,
  PROTOCOL_VERSIONS,
  type ProtocolVersion,
  parseResourceUri,
  TEE_KEY_ALGORITHMS,
  type TeeKeyAlgorithm,
} from '@assay/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sampleAttester, sampleDeviceAttester } from '../attester/sample.js';
import { CcKbc, type CcKbcOptions } from './cc-kbc.js';
import { FakeBroker, type FakeBrokerOptions } from './fake-broker.test.helper.js';
import { KbcError } from './kbc-error.js';
import type { TransportAnswer } from './transport.js';

const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));
const keys = new Map(TEE_KEY_ALGORITHMS.map((name) => [name, generateTeeKeyPair(name, random)]));
const key = (name: TeeKeyAlgorithm = 'ECDH-ES+A256KW-P256') => keys.get(name) ?? generateTeeKeyPair(name, random);
const uri = parseResourceUri('kbs:///default/key/1');
const start = Date.parse('2026-11-21T10:00:00Z');

function setup(options: Partial<FakeBrokerOptions> = {}, client: Partial<CcKbcOptions> = {}) {
  const clock = { at: start };
  const now = (): Date => new Date(clock.at);
  const broker = new FakeBroker({ now, secrets: { 'default/key/1': 'open sesame' }, ...options });
  const kbc = new CcKbc({
    transport: broker.transport,
    attester: sampleAttester(),
    keyPair: key(),
    random,
    now,
    ...client,
  });
  return { clock, broker, kbc };
}

const refused = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: unknown) => error,
  );
const versions = Object.keys(PROTOCOL_VERSIONS) as ProtocolVersion[];

describe('a handshake and a secret', () => {
  test.each(versions)('in version %s', async (version) => {
    const old = version.startsWith('0.1');
    const { kbc, broker } = setup({}, { version, keyPair: key(old ? 'RSA1_5' : 'ECDH-ES+A256KW-P256') });
    expect(Buffer.from(await kbc.getResource(uri)).toString()).toBe('open sesame');
    expect(broker.requests.map((r) => `${r.method} ${r.path}`)).toEqual([
      'POST /kbs/v0/auth',
      'POST /kbs/v0/attest',
      'GET /kbs/v0/resource/default/key/1',
    ]);
    expect(JSON.parse(Buffer.from(broker.requests[0]?.body ?? []).toString())).toMatchObject({
      version,
      tee: 'sample',
    });
    expect(kbc.lastAttempt).toMatch(/^attempt-of-/);
  });

  test.each(TEE_KEY_ALGORITHMS)('to a key for %s', async (algorithm) => {
    const { kbc } = setup({}, { keyPair: key(algorithm) });
    expect(Buffer.from(await kbc.getResource(uri)).toString()).toBe('open sesame');
  });

  test.each(Object.keys(HASH_ALGORITHMS) as (keyof typeof HASH_ALGORITHMS)[])(
    'with the %s that the broker selects',
    async (hash) => {
      const { kbc } = setup({ hash });
      expect(Buffer.from(await kbc.getResource(uri)).toString()).toBe('open sesame');
    },
  );

  test.each(['0.3.0', '0.4.0'] as const)(
    'with devices in version %s, which the CPU’s evidence covers',
    async (version) => {
      const { kbc, broker } = setup({}, { version, devices: [sampleDeviceAttester()] });
      await kbc.attest();
      expect(Buffer.from(broker.requests[1]?.body ?? []).toString()).toContain('sampledevice');
    },
  );

  test('with init-data in 0.4.0, which older versions cannot carry', async () => {
    for (const version of ['0.3.0', '0.4.0'] as const) {
      const { kbc, broker } = setup({}, { version, initDataToml: 'version = "0.1.0"\n' });
      await kbc.attest();
      const sent = Buffer.from(broker.requests[1]?.body ?? []).toString();
      expect(sent.includes('"format":"toml"'), version).toBe(version === '0.4.0');
    }
  });

  test('several secrets take one handshake', async () => {
    const { kbc, broker } = setup({ secrets: { 'default/key/1': 'one', 'a/b/c': 'two' } });
    await kbc.getResource(uri);
    expect(Buffer.from(await kbc.getResource(parseResourceUri('kbs:///a/b/c'))).toString()).toBe('two');
    expect(broker.count('/auth')).toBe(1);
  });

  test('a broker that answers attest of 0.1.0 with nothing still opens its resources', async () => {
    const { kbc } = setup(
      { change: (answer, { path }) => (path.endsWith('/attest') ? { ...answer, body: new Uint8Array() } : answer) },
      { version: '0.1.0', keyPair: key('RSA1_5') },
    );
    expect(Buffer.from(await kbc.getResource(uri)).toString()).toBe('open sesame');
    expect(await refused(kbc.getToken())).toMatchObject({ reason: 'protocol' });
  });
});

describe('cookies', () => {
  test('the session cookie goes back as it came, others do not, and the first request has none', async () => {
    const { kbc, broker } = setup();
    await kbc.getResource(uri);
    const [auth, attest, resource] = broker.requests;
    expect(auth?.headers['cookie']).toBeUndefined();
    expect(attest?.headers['cookie']).toMatch(/^kbs-session-id=[0-9a-f]{32}$/);
    expect(resource?.headers['cookie']).toBe(attest?.headers['cookie']);
    expect(resource?.headers['authorization']).toBeUndefined();
  });

  test('a new handshake forgets the cookie before', async () => {
    const { kbc, broker } = setup();
    await kbc.attest();
    await kbc.attest();
    expect(broker.requests[2]?.path).toBe('/kbs/v0/auth');
    expect(broker.requests[2]?.headers['cookie']).toBeUndefined();
    expect(broker.requests[3]?.headers['cookie']).not.toBe(broker.requests[1]?.headers['cookie']);
  });
});

describe('a session that has ended', () => {
  test.each([1, 2])('%i times: attests again and gets the secret', async (endedSessions) => {
    const { kbc, broker } = setup({ endedSessions });
    expect(Buffer.from(await kbc.getResource(uri)).toString()).toBe('open sesame');
    expect(broker.count('/auth')).toBe(endedSessions + 1);
  });

  test('for ever: gives up after three handshakes, with the broker’s words', async () => {
    const { kbc, broker } = setup({ endedSessions: 1000 });
    expect(await refused(kbc.getResource(uri))).toMatchObject({
      reason: 'refused',
      status: 401,
      code: 'session.invalid',
      attempt: 'attempt-in-body',
    });
    expect(broker.count('/auth')).toBe(3);
    expect(broker.count('/resource/default/key/1')).toBe(3);
  });

  test.each([
    ['with its code', { code: 'resource.refused' }],
    ['of a broker without codes', {}],
  ])('a policy’s refusal %s ends it: once attested in this call, not again', async (_, more) => {
    let refusing = true;
    const body = encodeUtf8(JSON.stringify(kbsErrorBody('PolicyDeny', 'Access denied by policy', more)));
    const { kbc, broker } = setup({
      change: (answer, { path }) =>
        refusing && path.includes('/resource/') ? { status: 401, setCookie: [], body } : answer,
    });
    expect(await refused(kbc.getResource(uri))).toMatchObject({ reason: 'refused', status: 401, decided: true });
    expect([broker.count('/auth'), broker.count('/resource/default/key/1')]).toEqual([1, 1]);
    // The session is an older one now: the evidence may be worth more today, so it is shown once more.
    expect(await refused(kbc.getResource(uri))).toMatchObject({ decided: true });
    expect([broker.count('/auth'), broker.count('/resource/default/key/1')]).toEqual([2, 3]);
    refusing = false;
    expect(Buffer.from(await kbc.getResource(uri)).toString()).toBe('open sesame');
    expect(broker.count('/auth')).toBe(2);
  });

  test('a refusal with another code of the same kind is none of the policy', async () => {
    const body = encodeUtf8(JSON.stringify(kbsErrorBody('PolicyDeny', 'no', { code: 'token.refused' })));
    const { kbc, broker } = setup({
      change: (answer, { path }) => (path.includes('/resource/') ? { status: 401, setCookie: [], body } : answer),
    });
    expect(await refused(kbc.getResource(uri))).toMatchObject({ decided: false });
    expect(broker.count('/auth')).toBe(3);
  });

  test('evidence that is refused is not sent again', async () => {
    const attester = { tee: 'sample' as const, getEvidence: async () => ({ svn: '1', report_data: 'AAAA' }) };
    const { kbc, broker } = setup({}, { attester });
    expect(await refused(kbc.getResource(uri))).toMatchObject({ reason: 'refused', code: 'evidence.refused' });
    expect(broker.count('/attest')).toBe(1);
  });
});

describe('tokens', () => {
  test('one is kept until it ends, then the guest attests again', async () => {
    const { kbc, broker, clock } = setup({ tokenSeconds: 60 });
    const first = await kbc.getToken();
    clock.at += 59_000;
    expect(await kbc.getToken()).toBe(first);
    clock.at += 1_000;
    expect(await kbc.getToken()).not.toBe(first);
    expect(broker.count('/auth')).toBe(2);
  });

  test('one that is not valid yet is replaced', async () => {
    const { kbc, broker, clock } = setup();
    const future = await kbc.getToken();
    const [header = '', , signature = ''] = future.split('.');
    const claims = Buffer.from(JSON.stringify({ nbf: clock.at / 1000 + 60 })).toString('base64url');
    const early = new CcKbc({
      transport: broker.transport,
      attester: sampleAttester(),
      keyPair: key(),
      random,
      now: () => new Date(clock.at),
      token: `${header}.${claims}.${signature}`,
    });
    expect(await early.getToken()).not.toContain(claims);
  });

  test('a token from before (passport) is shown instead of attesting, and is not retried', async () => {
    const { kbc, broker, clock } = setup();
    const token = await kbc.attest();
    const passport = new CcKbc({
      transport: broker.transport,
      attester: sampleAttester(),
      keyPair: key(),
      random,
      now: () => new Date(clock.at),
      token,
    });
    expect(Buffer.from(await passport.getResource(uri)).toString()).toBe('open sesame');
    expect(broker.requests.at(-1)?.headers).toEqual({ authorization: `Bearer ${token}` });
    expect(broker.count('/auth')).toBe(1);
    const stranger = new CcKbc({
      transport: broker.transport,
      attester: sampleAttester(),
      keyPair: key(),
      random,
      now: () => new Date(clock.at),
      token: 'e30.e30.e30',
    });
    expect(await refused(stranger.getResource(uri))).toMatchObject({ reason: 'refused', code: 'token.refused' });
    expect(broker.count('/resource/default/key/1')).toBe(2);
  });

  test('a secret for another key does not open', async () => {
    const { kbc, broker, clock } = setup();
    const token = await kbc.attest();
    const thief = new CcKbc({
      transport: broker.transport,
      attester: sampleAttester(),
      keyPair: generateTeeKeyPair('ECDH-ES+A256KW-P256', random),
      random,
      now: () => new Date(clock.at),
      token,
    });
    expect(await refused(thief.getResource(uri))).toMatchObject({ reason: 'protocol' });
  });
});

describe('answers that are no secret', () => {
  const failing = (status: number, body: string) =>
    setup({
      change: (answer, { path }) =>
        path.includes('/resource/') ? { status, setCookie: [], body: encodeUtf8(body), attempt: 'in-header' } : answer,
    });
  const told = '{"type":"https://example.org/errors/X","detail":"words"}';

  test.each([
    [404, told, { reason: 'missing', status: 404, attempt: 'in-header' }],
    [404, 'not found', { reason: 'protocol', status: 404 }],
    [413, told, { reason: 'refused', status: 413 }],
    [429, told, { reason: 'unavailable', status: 429 }],
    [500, told, { reason: 'unavailable', status: 500 }],
    [503, told, { reason: 'unavailable', status: 503 }],
    // A proxy in front of the broker has no error body of the protocol.
    [502, '<html>Bad Gateway</html>', { reason: 'unavailable', status: 502 }],
    [503, '', { reason: 'unavailable', status: 503 }],
    [204, '', { reason: 'protocol', status: 204 }],
    [302, '', { reason: 'protocol', status: 302 }],
    [200, '{}', { reason: 'protocol' }],
    [200, '', { reason: 'protocol' }],
  ])('status %i with %j', async (status, body, expected) => {
    const { kbc } = failing(status, body);
    const error = await refused(kbc.getResource(uri));
    expect(error).toBeInstanceOf(KbcError);
    expect(error).toMatchObject(expected);
  });

  test('a resource that is not there is named by the broker’s code', async () => {
    const { kbc } = setup({ secrets: {} });
    expect(await refused(kbc.getResource(uri))).toMatchObject({ reason: 'missing', code: 'resource.missing' });
  });

  test('neither token nor cookie nor secret stands in an error', async () => {
    const { kbc, broker } = setup({ endedSessions: 1000 });
    const error = (await refused(kbc.getResource(uri))) as KbcError;
    const cookie = broker.requests.at(-1)?.headers['cookie']?.split('=')[1] ?? 'none';
    const text = JSON.stringify({ ...error, message: error.message, stack: error.stack });
    expect(cookie).toMatch(/^[0-9a-f]{32}$/);
    expect(text).not.toContain(cookie);
    expect(text).not.toContain(await kbc.getToken());
  });
});

describe('whatever a broker answers', () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json({ maxDepth: 3 }).map(encodeUtf8),
    fc
      .record(
        {
          nonce: fc.oneof(fc.string(), fc.constant(null)),
          'extra-params': fc.oneof(fc.string(), fc.dictionary(fc.string(), fc.string())),
          token: fc.oneof(fc.string(), fc.constant('a.b.c'), fc.integer()),
          protected: fc.oneof(fc.string(), fc.constant('eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIsImVuYyI6IkEyNTZHQ00ifQ')),
          encrypted_key: fc.string(),
          iv: fc.string(),
          ciphertext: fc.string(),
          tag: fc.string(),
          type: fc.string(),
          detail: fc.string(),
        },
        { requiredKeys: [] },
      )
      .map((value) => encodeUtf8(JSON.stringify(value))),
  );
  const answer: fc.Arbitrary<Partial<TransportAnswer>> = fc.record(
    {
      status: fc.constantFrom(200, 200, 200, 401, 404, 500),
      body,
      setCookie: fc.array(fc.oneof(fc.string(), fc.constant('kbs-session-id='), fc.constant('kbs-session-id=a;b'))),
      attempt: fc.string(),
    },
    { requiredKeys: ['body'] },
  );

  test.each(['/auth', '/attest', '/resource/default/key/1'])('to %s: a secret or a KbcError', async (step) => {
    await fc.assert(
      fc.asyncProperty(answer, fc.constantFrom(...versions), async (changed, version) => {
        const { kbc } = setup(
          { change: (right, { path }) => (path.endsWith(step) ? { ...right, ...changed } : right) },
          { version, keyPair: key(version.startsWith('0.1') ? 'RSA1_5' : 'ECDH-ES+A256KW-P256'), attempts: 1 },
        );
        const result = await kbc.getResource(uri).catch((error: unknown) => error);
        if (result instanceof Uint8Array) expect(Buffer.from(result).toString()).toBe('open sesame');
        else expect(result).toBeInstanceOf(KbcError);
        const token = await kbc.getToken().catch((error: unknown) => error);
        if (typeof token !== 'string') expect(token).toBeInstanceOf(KbcError);
      }),
      { numRuns: 150 },
    );
  });
});
