import { randomBytes } from 'node:crypto';
import { AssayError } from '@assay/bytes/findings';
import { generateTeeKeyPair, PROTOCOL_VERSIONS, type ProtocolVersion } from '@assay/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toKbsError } from '../errors.js';
import { type Bench, Guest, json, openBench, refusalOf } from '../testing/harness.test.helper.js';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const VERSIONS = Object.keys(PROTOCOL_VERSIONS) as ProtocolVersion[];

/** Roots of the attempt that a refusal names. */
async function codesOf(error: Error): Promise<readonly string[]> {
  const { attempt } = toKbsError(error).body;
  const detail = await bench.broker.attempts.get(attempt ?? '');
  return detail?.codes ?? [];
}

describe('auth', () => {
  test('answers with a nonce of 44 characters and a cookie of name, value and end', async () => {
    const guest = new Guest(bench);
    const { cookie, body } = await guest.auth();
    expect(JSON.parse(body)).toEqual({ nonce: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/), 'extra-params': '' });
    expect(cookie.value).toMatch(/^[0-9a-f]{32}$/);
    expect(cookie.setCookie).toBe(`kbs-session-id=${cookie.value}; Expires=Sat, 21 Nov 2026 10:05:00 GMT`);
    const { nonce } = guest;
    await guest.auth();
    expect(guest.nonce).not.toBe(nonce);
  });

  test.each([
    ['1.0.0', 'request.version.served'],
    ['0.4.0-alpha', 'request.version.served'],
    ['', 'request.body.form'],
  ])('version %s: %s', async (version, code) => {
    const error = await refusalOf(bench.broker.auth({ body: json({ version, tee: 'sample', 'extra-params': '' }) }));
    expect(error).toMatchObject({ code });
    const answer = toKbsError(error);
    expect(answer.status).toBe(401);
    expect(answer.body.type).toBe('https://github.com/confidential-containers/kbs/errors/AttestationError');
    expect(answer.body.detail).toMatch(/^Attestation error: RCAR handshake Auth failed: /);
    if (code === 'request.version.served') expect(answer.body.detail).toContain('KBS Client Protocol Version Mismatch');
    expect(await codesOf(error)).toEqual([code]);
  });

  test('a version that is switched off, a TEE that is not served, one that does not exist', async () => {
    const other = await openBench({ config: { versions: ['0.4.0'] } });
    const old = await refusalOf(new Guest(other, '0.3.0').auth());
    expect(old).toMatchObject({ code: 'request.version.served' });
    await other.close();
    for (const tee of ['tpm', 'enigma']) {
      const error = await refusalOf(bench.broker.auth({ body: json({ version: '0.4.0', tee, 'extra-params': '' }) }));
      expect(error).toMatchObject({ code: 'request.tee.known' });
      expect(toKbsError(error).body.code).toBe('request.unsupported');
    }
  });

  test('old spellings of Azure names are taken', async () => {
    const body = json({ version: '0.4.0', tee: 'azsnpvtpm', 'extra-params': '' });
    const { attempt } = await bench.broker.auth({ body });
    expect(await bench.broker.attempts.get(attempt)).toMatchObject({ tee: 'az-snp-vtpm', state: 'challenged' });
  });

  test('se: the challenge is the verifier’s, and selects SHA-512 where the client lists it', async () => {
    bench.backend.challenges.set('se', '{"se":"challenge"}');
    const ask = (extra: object) =>
      bench.broker.auth({ body: json({ version: '0.4.0', tee: 'se', 'extra-params': extra as never }) });
    const { body } = await ask({ 'supported-hash-algorithms': ['SHA256', 'Sha512'] });
    expect(JSON.parse(body)).toEqual({
      nonce: '{"se":"challenge"}',
      'extra-params': { 'selected-hash-algorithm': 'sha512' },
    });
    expect(JSON.parse((await ask({})).body)).toMatchObject({ 'extra-params': '' });
    expect(await refusalOf(ask({ 'supported-hash-algorithms': ['sha256'] }))).toMatchObject({
      code: 'request.body.form',
    });
    expect(await refusalOf(ask({ 'supported-hash-algorithms': 'sha512' }))).toMatchObject({
      code: 'request.body.form',
    });
  });
});

describe('every protocol version', () => {
  test.each(VERSIONS)('%s: handshake, secret with session and with token, answer opens', async (version) => {
    await bench.broker.resourcePolicies.set('package policy\nallow = true', bench.admin);
    const guest = new Guest(bench, version);
    const reply = await guest.handshake();
    expect(reply.cookie.value).toBe(guest.session);
    expect(guest.open(await guest.get('resource/default/test/secret'))).toBe('shhhhhhh');
    // The token's protocol version is known here, so a Bearer request gets the same JWE form.
    expect(guest.open(await guest.getWithToken('resource/default/test/secret'))).toBe('shhhhhhh');
    const detail = await bench.broker.attempts.get(reply.attempt);
    expect(detail).toMatchObject({ state: 'attested', protocol: version, tee: 'sample', codes: [] });
    expect(detail?.releases.map((release) => release.decision)).toEqual(['released', 'released']);
  });

  test('0.1.0: the other hash form, and keys without kty', async () => {
    const guest = new Guest(bench, '0.1.0');
    await guest.auth();
    expect(guest.reportData('', 0)).not.toBe(guest.reportData('', 1));
    await guest.attest(guest.attestationBody({ reportData: guest.reportData('', 1) }));
    expect(guest.token).not.toBe('');
  });

  test('a 0.1.x client cannot be answered on an EC key: it hears so at attest', async () => {
    const keys = generateTeeKeyPair('ECDH-ES+A256KW-P256', randomBytes);
    const guest = new Guest(bench, '0.1.1', { keys });
    const error = await refusalOf(guest.handshake());
    expect(error).toMatchObject({ code: 'request.key.supported' });
    expect(bench.backend.evaluations).toHaveLength(0);
  });

  test.each(['ECDH-ES+A256KW-P521', 'RSA-OAEP-256', 'ML-KEM-768+A192KW', 'RSA1_5'] as const)(
    'key %s',
    async (algorithm) => {
      await bench.broker.resourcePolicies.set('package policy\nallow = true', bench.admin);
      const guest = new Guest(bench, '0.4.0', { keys: generateTeeKeyPair(algorithm, randomBytes) });
      await guest.handshake();
      expect(guest.open(await guest.get('resource/default/test/secret'))).toBe('shhhhhhh');
    },
  );

  test('evidence list: primary first, devices in the order of the text, bound without themselves', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    const additional = JSON.stringify({ sampledevice: { report_data: 'x' }, nvidia: { y: 1 } });
    await refusalOf(guest.attest(guest.attestationBody({ additional })));
    const [request] = bench.backend.evaluations;
    expect(request?.policyIds).toEqual(['default']);
    expect(request?.entries.map((entry) => entry.tee)).toEqual(['sample', 'sampledevice', 'nvidia']);
    const key = guest.keys.publicKey.asReceived;
    expect(request?.entries.map((entry) => entry.runtimeData)).toEqual([
      {
        form: 'structured',
        value: { 'tee-pubkey': key, nonce: guest.nonce, 'additional-evidence': additional },
      },
      { form: 'structured', value: { 'tee-pubkey': key, nonce: guest.nonce } },
      { form: 'structured', value: { 'tee-pubkey': key, nonce: guest.nonce } },
    ]);
    expect(request?.entries.map((entry) => entry.hashAlgorithm)).toEqual(['sha384', 'sha384', 'sha384']);
  });

  test('init-data goes to the primary alone, as sent', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    const text = 'algorithm = "sha256"\nversion = "0.1.0"\n\n[data]\n';
    const additional = JSON.stringify({ sampledevice: {} });
    const body = { ...guest.attestationBody({ additional }), 'init-data': { format: 'toml', body: text } };
    await refusalOf(guest.attest(body));
    expect(bench.backend.evaluations[0]?.entries.map((entry) => entry.initData)).toEqual([
      { form: 'toml', text },
      { form: 'none' },
    ]);
  });
});

describe('one nonce, one attempt', () => {
  test('a second attest after a refusal finds the nonce used, and changes nothing of the record', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    const refused = await refusalOf(
      guest.attest(guest.attestationBody({ reportData: Buffer.alloc(48).toString('base64') })),
    );
    expect(refused).toMatchObject({ code: 'binding.report-data.match' });
    expect(toKbsError(refused)).toMatchObject({ status: 401, body: { code: 'evidence.refused' } });
    const replay = await refusalOf(guest.attest());
    expect(replay).toMatchObject({ code: 'session.nonce.single' });
    expect(toKbsError(replay).body).toMatchObject({ code: 'session.invalid' });
    expect(bench.backend.evaluations).toHaveLength(1);
    const detail = await bench.broker.attempts.get(toKbsError(replay).body.attempt ?? '');
    expect(detail).toMatchObject({ state: 'refused', codes: ['binding.report-data.match'] });
    expect(detail?.releases).toMatchObject([{ decision: 'refused', resource: 'attest' }]);
    expect(detail?.releases[0]?.findings.some((one) => one.id === 'session.nonce.single')).toBe(true);
  });

  test.each([
    ['no JSON at all', Buffer.from('{'), 'request.body.form'],
    ['duplicate member', Buffer.from('{"init-data":null,"init-data":null}'), 'request.body.form'],
    ['wrong shape', Buffer.from('{}'), 'request.body.form'],
  ])('a malformed body uses it up too: %s', async (_, body, code) => {
    const guest = new Guest(bench);
    await guest.auth();
    const error = await refusalOf(bench.broker.attest({ session: guest.session, body }));
    expect(error).toMatchObject({ code });
    expect(toKbsError(error).body.code).toBe('request.malformed');
    expect(await refusalOf(guest.attest())).toMatchObject({ code: 'session.nonce.single' });
    expect(bench.backend.evaluations).toHaveLength(0);
  });

  test('fifty at once on one session: exactly one evaluation, one token', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    bench.backend.delayMs = 20;
    const body = json(guest.attestationBody());
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, () => bench.broker.attest({ session: guest.session, body })),
    );
    expect(bench.backend.evaluations).toHaveLength(1);
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'session.nonce.single' });
    }
  });

  test('evidence captured in one session is refused in another', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    const captured = guest.attestationBody();
    await guest.attest(captured);
    const thief = new Guest(bench);
    await thief.auth();
    const error = await refusalOf(thief.attest(captured));
    expect(error).toMatchObject({ code: 'session.nonce.match' });
    expect(toKbsError(error).body.code).toBe('evidence.refused');
    // The evaluation ran all the same: the time of the answer says nothing.
    expect(bench.backend.evaluations).toHaveLength(2);
    // With the nonce corrected, the evidence itself is bound to another one.
    await thief.auth();
    const corrected = {
      ...captured,
      'runtime-data': { nonce: thief.nonce, 'tee-pubkey': guest.keys.publicKey.asReceived },
    };
    expect(await refusalOf(thief.attest(corrected))).toMatchObject({ code: 'binding.report-data.match' });
  });

  test('another key than the one the evidence binds is refused', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    const keys = generateTeeKeyPair('ECDH-ES+A256KW-P256', randomBytes);
    const error = await refusalOf(guest.attest(guest.attestationBody({ keys })));
    expect(error).toMatchObject({ code: 'binding.report-data.match' });
    expect(await codesOf(error)).toEqual(['binding.report-data.match']);
  });
});

describe('sessions', () => {
  test.each<[string, string | undefined, string]>([
    ['no cookie', undefined, 'session.cookie.present'],
    ['a made-up id', 'a'.repeat(32), 'session.id.known'],
    ['an id of another form', '../../nonce', 'session.id.known'],
  ])('%s', async (_, session, code) => {
    const error = await refusalOf(bench.broker.attest({ session, body: json({}) }));
    expect(error).toMatchObject({ code });
    expect(toKbsError(error)).toMatchObject({ status: 401, body: { code: 'session.invalid' } });
    expect(toKbsError(error).body.detail).toBe('Attestation error: RCAR handshake Attest failed');
    expect(await codesOf(error)).toEqual([code]);
  });

  test('a body is not read for a session that is unknown or has ended', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    let touched = 0;
    const body = new Proxy(new Uint8Array(1), {
      get: (target, member) => {
        touched += 1;
        const value: unknown = Reflect.get(target, member, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const attest = (session: string | undefined) => refusalOf(bench.broker.attest({ session, body }));
    expect(await attest('0'.repeat(32))).toMatchObject({ code: 'session.id.known' });
    bench.clock.now = new Date(bench.clock.now.getTime() + 300_000);
    expect(await attest(guest.session)).toMatchObject({ code: 'session.time.left' });
    expect(touched).toBe(0);
    await guest.auth();
    expect(await attest(guest.session)).toMatchObject({ code: 'request.body.form' });
    expect(touched).toBeGreaterThan(0);
  });

  test('an ended session is known as ended', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    bench.clock.now = new Date(bench.clock.now.getTime() + 300_000);
    const error = await refusalOf(guest.attest());
    expect(error).toMatchObject({ code: 'session.time.left' });
    expect(error.message).toBe('session ended 2026-11-21T10:05:00Z, 0 seconds ago; lifetime 5 minutes');
  });

  test('the deadline is never extended', async () => {
    const guest = new Guest(bench);
    const { cookie } = await guest.auth();
    bench.clock.now = new Date(bench.clock.now.getTime() + 299_000);
    expect((await guest.attest()).cookie.expires).toEqual(cookie.expires);
    bench.clock.now = new Date(bench.clock.now.getTime() + 1_000);
    expect(await refusalOf(guest.get('resource/default/test/secret'))).toMatchObject({ code: 'token.header.present' });
    expect(await refusalOf(guest.attest())).toMatchObject({ code: 'session.time.left' });
  });

  test('a sweep frees the nonce at the deadline, and the session ten minutes later', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    const keys = async () => (await bench.storage.list('kbs_protocol_session', { limit: 10 })).map((one) => one.key);
    expect(await keys()).toEqual([guest.session, `${guest.session}.nonce`]);
    bench.clock.now = new Date(bench.clock.now.getTime() + 300_000);
    await bench.broker.sweep();
    expect(await keys()).toEqual([guest.session]);
    bench.clock.now = new Date(bench.clock.now.getTime() + 600_000);
    await bench.broker.sweep();
    expect(await keys()).toEqual([]);
  });

  test('asked again by the same client, an attested session gives the same token without an evaluation', async () => {
    const guest = new Guest(bench);
    await guest.handshake();
    const { token } = guest;
    bench.clock.now = new Date(bench.clock.now.getTime() + 1_000);
    const again = await guest.attest(guest.attestationBody({ reportData: 'whatever' }));
    expect(guest.token).toBe(token);
    expect(again.cookie.value).toBe(guest.session);
    expect(bench.backend.evaluations).toHaveLength(1);
  });

  test('who took the cookie and has another key gets nothing, and the owner sees it', async () => {
    const guest = new Guest(bench);
    const { attempt } = await guest.handshake();
    const thief = new Guest(bench);
    thief.session = guest.session;
    thief.nonce = guest.nonce;
    const error = await refusalOf(thief.attest());
    expect(error).toMatchObject({ code: 'session.key.bound' });
    expect(toKbsError(error).body).toMatchObject({ code: 'session.invalid', attempt });
    const detail = await bench.broker.attempts.get(attempt);
    expect(detail).toMatchObject({ state: 'attested' });
    expect(detail?.releases[0]?.findings.map((one) => one.id)).toContain('session.key.bound');
    // The session of the honest guest is unharmed.
    await guest.attest();
  });

  test('an answer for a taken cookie is encrypted to the attested key', async () => {
    await bench.broker.resourcePolicies.set('package policy\nallow = true', bench.admin);
    const guest = new Guest(bench);
    await guest.handshake();
    const thief = new Guest(bench);
    thief.session = guest.session;
    const reply = await thief.get('resource/default/test/secret');
    expect(() => thief.open(reply)).toThrow();
    expect(guest.open(reply)).toBe('shhhhhhh');
  });
});

describe('what the Attestation Service answers', () => {
  test('a token for another key than the presented one is not issued', async () => {
    const other = new Guest(bench);
    const guest = new Guest(bench);
    bench.backend.misbehave = async (request) => {
      bench.backend.misbehave = undefined;
      const evaluation = await bench.backend.evaluate(request);
      const entries = request.entries.map((entry) => ({
        ...entry,
        runtimeData: { form: 'structured' as const, value: { 'tee-pubkey': other.keys.publicKey.asReceived } },
      }));
      return { ...evaluation, token: bench.backend.token(bench.backend.claims({ ...request, entries })) };
    };
    const error = await refusalOf(guest.handshake());
    expect(error).toMatchObject({ code: 'session.key.bound' });
    expect(toKbsError(error).body.code).toBe('evidence.refused');
    expect(await codesOf(error)).toEqual(['session.key.bound']);
    expect(await refusalOf(guest.get('resource/default/test/secret'))).toMatchObject({ code: 'token.header.present' });
  });

  test('an outage is no refusal: 503, undecided', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    bench.backend.misbehave = async () => {
      throw new AssayError({
        id: 'storage.backend.answers',
        outcome: 'fail',
        severity: 'high',
        stage: 'operate',
        title: 'sqlite store: locked',
        guest_code: 'unavailable',
      });
    };
    const error = await refusalOf(guest.attest());
    const answer = toKbsError(error);
    expect(answer).toMatchObject({ status: 503, retryAfter: 30, body: { code: 'unavailable' } });
    expect(answer.body.detail).not.toContain('sqlite');
    expect(await bench.broker.attempts.get(answer.body.attempt ?? '')).toMatchObject({ state: 'undecided' });
  });

  test('a defect is answered as internal, without its words', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    bench.backend.misbehave = async () => {
      throw new TypeError('secret detail');
    };
    const answer = toKbsError(await refusalOf(guest.attest()));
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(JSON.stringify(answer)).not.toContain('secret detail');
  });
});
