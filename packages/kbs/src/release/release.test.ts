import { randomBytes } from 'node:crypto';
import { generateTeeKeyPair } from '@assay/protocol';
import { MemoryStorage } from '@assay/storage';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toKbsError } from '../errors.js';
import {
  ALLOW_ALL,
  type Bench,
  call,
  Guest,
  openBench,
  refusalOf,
  SECRET,
  SECRET_PATH,
} from '../testing/harness.test.helper.js';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const PATH = `resource/${SECRET_PATH}`;

async function attested(policy = ALLOW_ALL): Promise<Guest> {
  await bench.broker.resourcePolicies.set(policy, bench.admin);
  const guest = new Guest(bench);
  await guest.handshake();
  return guest;
}

describe('policies', () => {
  test('allow all, then deny all', async () => {
    const guest = await attested();
    expect(guest.open(await guest.get(PATH))).toBe('shhhhhhh');
    await bench.broker.resourcePolicies.set('package policy\nallow = false', bench.admin);
    const error = await refusalOf(guest.get(PATH));
    expect(error).toMatchObject({ code: 'resource.policy.allows' });
    expect(toKbsError(error)).toMatchObject({
      status: 401,
      body: {
        type: 'https://github.com/confidential-containers/kbs/errors/PolicyDeny',
        detail: 'Access denied by policy',
        code: 'resource.refused',
      },
    });
  });

  test.each([
    ['plugin name', 'data.plugin == "resource"', true],
    ['another plugin', 'data.plugin == "pkcs11"', false],
    ['path element', 'data["resource-path"][0] == "default"', true],
    ['another path', 'data["resource-path"][2] == "other"', false],
    ['query', 'data.query.k == "v"', true],
    ['claim', 'input.submods.cpu0["ear.status"] == "affirming"', true],
    ['another claim', 'input.submods.cpu0["ear.status"] == "warning"', false],
  ])('%s: %s is %s', async (_, condition, released) => {
    const guest = await attested(`package policy\ndefault allow = false\nallow if { ${condition} }`);
    const reply = guest.get(PATH, { k: 'v' });
    if (released) expect(guest.open(await reply)).toBe('shhhhhhh');
    else expect(await refusalOf(reply)).toMatchObject({ code: 'resource.policy.allows' });
  });

  test.each([
    ['no rule', 'package policy\npermit = true', 'policy.rule.present'],
    ['undefined', 'package policy\nallow if { input.nothing }', 'policy.claim.present'],
    ['a text', 'package policy\nallow = "true"', 'policy.rule.unmet'],
    ['a number', 'package policy\nallow = 1', 'policy.rule.unmet'],
    ['false', 'package policy\nallow = false', 'policy.rule.unmet'],
  ])('anything but true denies: %s', async (_, text, root) => {
    const guest = await attested(text);
    const error = await refusalOf(guest.get(PATH));
    expect(error).toMatchObject({ code: 'resource.policy.allows' });
    const detail = await bench.broker.attempts.get(toKbsError(error).body.attempt ?? '');
    const release = detail?.releases[0];
    expect(release?.decision).toBe('refused');
    expect(release?.findings.find((one) => one.role === 'root')?.id).toBe(root);
    expect(release?.findings.find((one) => one.id === 'resource.policy.allows')?.role).toBe('consequence');
  });

  test('an evaluation that ends in an error denies, and is a defect of the policy', async () => {
    const guest = await attested('package policy\nallow = true\nallow = false');
    const error = await refusalOf(guest.get(PATH));
    expect(error).toMatchObject({ code: 'policy.eval.completes' });
    expect(toKbsError(error)).toMatchObject({ status: 500, body: { detail: 'Policy engine error', code: 'internal' } });
  });

  test('a policy that never ends is ended', async () => {
    const guest = await attested(
      'package policy\nallow if { some i in numbers.range(1, 100000)\nsome j in numbers.range(1, 100000)\ni + j == 0 }',
    );
    expect(await refusalOf(guest.get(PATH))).toMatchObject({ code: 'policy.eval.completes' });
  });

  test('the default policy refuses sample evidence, emulated evidence, and other plug-ins', async () => {
    const { tryOut } = bench.broker.resourcePolicies;
    const asked = (claims: object, plugin = 'resource') =>
      tryOut.call(bench.broker.resourcePolicies, { claims, plugin, path: ['a', 'b', 'c'] });
    const evidence = (inner: object) => ({ submods: { cpu0: { 'ear.veraison.annotated-evidence': inner } } });
    expect((await asked(evidence({ sample: { svn: '1' } }))).allow).toBe(false);
    expect((await asked(evidence({ sample: false }))).allow).toBe(false);
    expect((await asked(evidence({ tdx: { emulated: true } }))).allow).toBe(false);
    expect((await asked(evidence({ tdx: {} }))).allow).toBe(true);
    expect((await asked(evidence({ tdx: {} }), 'pkcs11')).allow).toBe(false);
    const guest = new Guest(bench);
    await guest.handshake();
    expect(await refusalOf(guest.get(PATH))).toMatchObject({ code: 'resource.policy.allows' });
  });
});

describe('guests are told nothing that lets them search', () => {
  test('a secret that exists and one that does not look the same to whom the policy refuses', async () => {
    const guest = await attested('package policy\nallow = false');
    const there = toKbsError(await refusalOf(guest.get(PATH)));
    const nowhere = toKbsError(await refusalOf(guest.get('resource/default/test/nothing')));
    expect({ ...there, body: { ...there.body, attempt: '' } }).toEqual({
      ...nowhere,
      body: { ...nowhere.body, attempt: '' },
    });
  });

  test('whom the policy allows hears 404, and the owner which names are near', async () => {
    const guest = await attested();
    const error = await refusalOf(guest.get('resource/default/test/secre'));
    expect(toKbsError(error)).toMatchObject({ status: 404, body: { code: 'resource.missing' } });
    expect(JSON.stringify(toKbsError(error))).not.toContain('secret');
    const detail = await bench.broker.attempts.get(toKbsError(error).body.attempt ?? '');
    expect(detail?.releases[0]).toMatchObject({ decision: 'missing' });
    expect(error.message).toContain('nearest default/test/secret');
  });

  test('no answer holds policy text, digests or paths', async () => {
    const guest = await attested('package policy\ndefault allow = false\nallow if { input.magic == "xyzzy" }');
    const answer = JSON.stringify(toKbsError(await refusalOf(guest.get(PATH))));
    for (const hidden of ['xyzzy', 'rego', 'policy:', 'default/test', 'magic']) expect(answer).not.toContain(hidden);
  });
});

describe('paths', () => {
  test.each([
    ['one empty segment after the name (trustee-attester --path)', `resource//${SECRET_PATH}`],
    ['two segments mean repository default', 'resource/test/secret'],
  ])('%s', async (_, path) => {
    const guest = await attested();
    expect(guest.open(await guest.get(path))).toBe('shhhhhhh');
  });

  test.each([
    'resource/a/b/',
    'resource///default/test/secret',
    'resource/.a/b/c',
    'resource/../b/c',
    'resource/a/b/c/d',
    'resource/a/b/c%00',
    'resource/ä/b/c',
    'resource/a',
    'resource',
    'resource/',
  ])('%s is refused as malformed', async (path) => {
    const guest = await attested();
    const error = await refusalOf(guest.get(path));
    expect(error).toMatchObject({ code: 'resource.name.form' });
    expect(toKbsError(error).body.type).toContain('PluginInternalError');
  });

  test('the policy is asked about the secret that would be released, however its name is written', async () => {
    await bench.broker.resources.set('default/team-a/key', SECRET, bench.admin);
    const guest = await attested('package policy\nallow if { data["resource-path"][0] == "team-a" }');
    expect(await refusalOf(guest.get('resource/team-a/key'))).toMatchObject({ code: 'resource.policy.allows' });
    const whole = await attested('package policy\nallow if { data["resource-path"] == ["default", "team-a", "key"] }');
    const reply = await whole.get('resource/team-a/key');
    expect(whole.open(reply)).toBe('shhhhhhh');
    const detail = await bench.broker.attempts.get(reply.attempt ?? '');
    expect(detail?.releases[0]?.resource).toBe('resource/default/team-a/key');
  });

  test('names with dots are fine', async () => {
    await bench.broker.resources.set('1.ok/2ok./3...', SECRET, bench.admin);
    const guest = await attested();
    expect(guest.open(await guest.get('resource/1.ok/2ok./3...'))).toBe('shhhhhhh');
  });

  test('an unknown plug-in is 404', async () => {
    const error = await refusalOf(call(bench, 'GET', 'nothing/x'));
    expect(toKbsError(error)).toMatchObject({
      status: 404,
      body: {
        type: 'https://github.com/confidential-containers/kbs/errors/PluginNotFound',
        detail: 'Plugin nothing not found',
      },
    });
  });

  test('PUT reaches nothing', async () => {
    const guest = await attested();
    expect(await refusalOf(call(bench, 'PUT', PATH, { session: guest.session }))).toMatchObject({
      code: 'request.path.known',
    });
  });
});

describe('credentials', () => {
  test.each<[string, { session?: string; authorization?: string }, string]>([
    ['nothing', {}, 'token.header.present'],
    ['an unknown session', { session: 'b'.repeat(32) }, 'token.header.present'],
    ['another scheme', { authorization: 'Basic YTpi' }, 'token.header.present'],
    ['no JWS', { authorization: 'Bearer abc' }, 'token.form.valid'],
    ['two parts', { authorization: 'Bearer YQ.YQ' }, 'token.form.valid'],
    ['alg none', { authorization: `Bearer ${unsigned('none')}` }, 'token.algorithm.allowed'],
    ['HS256', { authorization: `Bearer ${unsigned('HS256')}` }, 'token.algorithm.allowed'],
  ])('%s', async (_, credentials, code) => {
    const error = await refusalOf(call(bench, 'GET', PATH, credentials));
    expect(error).toMatchObject({ code });
    const answer = toKbsError(error);
    expect(answer).toMatchObject({ status: 401, body: { code: 'token.refused' } });
    const kind = code === 'token.header.present' ? 'TokenNotFound' : 'TokenVerifierError';
    expect(answer.body.type).toMatch(new RegExp(`${kind}$`));
    const detail = await bench.broker.attempts.get(answer.body.attempt ?? '');
    expect(detail).toMatchObject({ kind: 'token', state: 'refused' });
    expect(detail?.codes[0]).toBe(credentials.session === undefined ? code : 'session.id.known');
  });

  test('a session that is not attested belongs to its attempt', async () => {
    const guest = new Guest(bench);
    const { attempt } = await guest.auth();
    const error = await refusalOf(guest.get(PATH));
    expect(toKbsError(error).body).toMatchObject({ attempt, code: 'token.refused' });
    const detail = await bench.broker.attempts.get(attempt);
    expect(detail?.releases[0]?.findings.map((one) => one.id)).toEqual(['session.state.order', 'token.header.present']);
  });

  test('a stale cookie beside a good token: the token counts', async () => {
    const guest = await attested();
    const reply = await call(bench, 'GET', PATH, { session: 'c'.repeat(32), authorization: `bearer ${guest.token}` });
    expect(guest.open(reply)).toBe('shhhhhhh');
  });

  test('a token ends, though it was verified before', async () => {
    const guest = await attested();
    await guest.getWithToken(PATH);
    bench.clock.now = new Date(bench.clock.now.getTime() + 359_000);
    await guest.getWithToken(PATH);
    bench.clock.now = new Date(bench.clock.now.getTime() + 1_000);
    expect(await refusalOf(guest.getWithToken(PATH))).toMatchObject({ code: 'token.time.left' });
  });

  test('one byte changed', async () => {
    const guest = await attested();
    await guest.getWithToken(PATH);
    const [header, payload, signature = ''] = guest.token.split('.');
    const flipped = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
    const error = await refusalOf(guest.getWithToken(PATH, `${header}.${payload}.${flipped}`));
    expect(error).toMatchObject({ code: 'token.signature.valid' });
  });

  test('a token signed by somebody else', async () => {
    const guest = await attested();
    const stranger = await openBench();
    const forged = stranger.backend.token({ submods: {} });
    await stranger.close();
    expect(await refusalOf(guest.getWithToken(PATH, forged))).toMatchObject({ code: 'token.issuer.trust' });
  });

  test('a trusted token without a key cannot get what must be encrypted', async () => {
    await bench.broker.resourcePolicies.set(ALLOW_ALL, bench.admin);
    const token = bench.backend.token({ submods: {} });
    expect(await refusalOf(new Guest(bench).getWithToken(PATH, token))).toMatchObject({ code: 'token.key.present' });
  });

  test('a passport of this signer with an RSA1_5 key gets the old form; its uses share one attempt', async () => {
    await bench.broker.resourcePolicies.set(ALLOW_ALL, bench.admin);
    const guest = new Guest(bench, '0.1.1', { keys: generateTeeKeyPair('RSA1_5', randomBytes) });
    const token = bench.backend.token({ 'tee-pubkey': guest.keys.publicKey.asReceived });
    const first = await guest.getWithToken(PATH, token);
    expect(guest.open(first)).toBe('shhhhhhh');
    const second = await guest.getWithToken(PATH, token);
    expect(second.attempt).toBe(first.attempt);
    const detail = await bench.broker.attempts.get(first.attempt ?? '');
    expect(detail).toMatchObject({ kind: 'token', state: 'attested' });
    expect(detail?.releases).toHaveLength(2);
  });

  test('a session record that was changed to another key releases nothing', async () => {
    const guest = await attested();
    const entry = await bench.storage.get('kbs_protocol_session', guest.session ?? '');
    const record = JSON.parse(Buffer.from(entry?.value ?? []).toString()) as { attested: { key: string } };
    record.attested.key = 'A'.repeat(43);
    await bench.storage.put('kbs_protocol_session', guest.session ?? '', Buffer.from(JSON.stringify(record)));
    const error = await refusalOf(guest.get(PATH));
    expect(error).toMatchObject({ code: 'session.key.bound' });
    expect(toKbsError(error).body.code).toBe('token.refused');
  });
});

describe('records', () => {
  test('a release names the attempt, the key, the version, the policy', async () => {
    const guest = await attested();
    const reply = await guest.get(PATH);
    const { items } = await bench.broker.resources.leases(SECRET_PATH);
    expect(items).toMatchObject([{ path: SECRET_PATH, version: 1, attempt: reply.attempt }]);
    const detail = await bench.broker.attempts.get(reply.attempt ?? '');
    expect(items[0]?.key).toBe(detail?.key);
    const { digest } = await bench.broker.resourcePolicies.current();
    expect(detail?.releases).toMatchObject([{ decision: 'released', resource: PATH, version: 1, policy: { digest } }]);
    expect(detail?.releases[0]?.findings.map((one) => one.id)).toEqual([
      'token.header.present',
      'token.signature.valid',
      'token.time.left',
      'token.key.present',
      'session.key.bound',
      'resource.policy.allows',
      'resource.object.present',
    ]);
  });

  test('nothing is released that cannot be recorded', async () => {
    const guest = await attested();
    bench.storage.transact = async () => {
      throw new Error('disk full');
    };
    await expect(guest.get(PATH)).rejects.toMatchObject({ code: 'internal.defect.none' });
  });

  test('no secret, token, cookie or nonce in any attempt record', async () => {
    const guest = await attested();
    await guest.get(PATH);
    await refusalOf(guest.get('resource/default/test/other'));
    await refusalOf(call(bench, 'GET', PATH, { authorization: `Bearer ${guest.token}x` }));
    const { items } = await bench.broker.attempts.list();
    const details = await Promise.all(items.map(({ attempt }) => bench.broker.attempts.get(attempt)));
    const text = JSON.stringify(details);
    for (const hidden of ['shhhhhhh', guest.token, guest.session ?? '', guest.nonce])
      expect(text).not.toContain(hidden);
  });
});

describe('plug-ins', () => {
  test('sample answers administrators alone', async () => {
    const other = await openBench({
      config: { plugins: [{ name: 'Sample', item: 'x' }, { name: 'ResourceStorage' }] },
    });
    const reply = await call(other, 'GET', 'sample/anything');
    expect(Buffer.from(reply.body).toString()).toBe('sample plugin response');
    expect(reply.contentType).toBe('text/xml');
    expect(other.broker.plugins).toEqual(['sample', 'resource']);
    await other.close();
    const closed = await openBench({
      config: { admin: { authorization_mode: 'DenyAll' }, plugins: [{ name: 'sample' }, { name: 'resource' }] },
    });
    expect(await refusalOf(call(closed, 'GET', 'sample/x'))).toMatchObject({ code: 'admin.mode.open' });
    await closed.close();
  });

  test.each([
    [[{ name: 'external', backends: [] }], /the plug-in external/],
    [[{ name: 'NebulaCaPlugin' }], /the plug-in nebula-ca/],
    [[{ name: 'pkcs11' }], /the plug-in pkcs11/],
    [[{ name: 'whatever' }], /whatever/],
    [[{ name: 'resource', storage_backend_type: 'Vault' }], /Vault/],
  ])('what is not served is a clear error, never left out: %j', async (plugins, words) => {
    await expect(openBench({ config: { plugins } })).rejects.toThrowError(words);
  });
});

test('two replicas on one store: a policy set here is in force there within a second', async () => {
  const storage = new MemoryStorage({ now: () => Date.parse('2026-11-21T10:00:00Z') });
  const one = await openBench({ storage });
  const two = await openBench({ storage });
  const guest = new Guest(two);
  await guest.handshake();
  expect(await refusalOf(guest.get(PATH))).toMatchObject({ code: 'resource.policy.allows' });
  await one.broker.resourcePolicies.set(ALLOW_ALL, one.admin);
  two.clock.now = new Date(two.clock.now.getTime() + 1000);
  expect(await two.broker.resourcePolicies.current()).toMatchObject({ text: ALLOW_ALL });
  await one.close();
});

function unsigned(alg: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg, typ: 'JWT' })}.${part({ exp: 9_999_999_999 })}.${alg === 'none' ? '' : 'AAAA'}`;
}
