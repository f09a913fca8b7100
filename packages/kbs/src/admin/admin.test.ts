import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonValue } from '@assay/bytes';
import { exportPublicJwk, type JwsAlgorithm, signJwt } from '@assay/protocol';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { toKbsError } from '../errors.js';
import { call, openBench, refusalOf, SECRET_PATH } from '../testing/harness.test.helper.js';
import type { AdminGuard, KbsSources } from '../types.js';
import type { AdminConfig, IdentityProvider } from './config.js';
import { createAdminCredentials, writeAdminToken } from './credentials.js';
import { openAdminGuard } from './guard.js';

const NOW = new Date('2026-11-21T10:00:00Z');
const SECONDS = NOW.getTime() / 1000;
const ed25519 = generateKeyPairSync('ed25519');
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** Claims of upstream's own tests. */
const CLAIMS = { iss: 'TrusteeInDocker', sub: 'admin', aud: ['KBS'], role: 'tester', iat: SECONDS, exp: SECONDS + 600 };

function pem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

function config(provider: IdentityProvider, endpoints = '^/kbs/v0/.*$'): AdminConfig {
  return {
    authorization_mode: 'AuthenticatedAuthorization',
    authentication: { bearer_jwt: { identity_providers: [provider] } },
    authorization: { regex_acl: { acls: [{ role: 'tester', allowed_endpoints: endpoints }] } },
  };
}

function open(settings: AdminConfig, sources?: KbsSources): Promise<AdminGuard> {
  return openAdminGuard({ config: settings, sources, now: () => NOW, warn: () => {} });
}

function ask(guard: AdminGuard, token: string | undefined, uri = '/kbs/v0/resource-policy') {
  const authorization = token === undefined ? undefined : `Bearer ${token}`;
  return guard.authorize({ method: 'POST', uri, authorization });
}

function token(
  claims: { readonly [name: string]: JsonValue } = CLAIMS,
  key = ed25519.privateKey,
  alg: JwsAlgorithm = 'EdDSA',
  header = {},
) {
  return signJwt(claims, key, alg, header);
}

const provider: IdentityProvider = {
  issuer: 'TrusteeInDocker',
  audience: 'KBS',
  public_keys: [pem(ed25519.publicKey)],
};

describe('upstream behaviours, at each administrative endpoint', () => {
  const endpoints = ['/kbs/v0/resource-policy', '/kbs/v0/attestation-policy', '/kbs/v0/resource/a/b/c'];

  test.each(endpoints)('the right key and role: %s', async (uri) => {
    expect(await ask(await open(config(provider)), token(), uri)).toMatchObject({
      subject: 'admin',
      role: 'tester',
      issuer: 'TrusteeInDocker',
    });
  });

  test.each(endpoints)('an unrelated key: %s', async (uri) => {
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const error = await refusalOf(ask(await open(config(provider)), token(CLAIMS, stranger), uri));
    expect(error).toMatchObject({ code: 'admin.token.trust' });
    expect(toKbsError(error)).toMatchObject({
      status: 401,
      body: { type: expect.stringMatching(/AdminAuthAccess$/), code: 'admin.token.trust' },
    });
    expect(toKbsError(error).body.detail).toContain(`admin access denied for endpoint ${uri}: `);
    expect(toKbsError(error).body.detail).toContain('Cannot verify token with any of the issuers');
  });

  test.each(endpoints)('DenyAll: %s', async (uri) => {
    const error = await refusalOf(ask(await open({ authorization_mode: 'DenyAll' }), token(), uri));
    expect(toKbsError(error).body.detail).toContain('DenyAll authorization_mode is enabled');
    expect(toKbsError(error).status).toBe(401);
  });

  test.each(endpoints)('an ACL for something else: %s', async (uri) => {
    const guard = await open(config(provider, '^/kbs/v0/reference-value/[a-zA-Z0-9]+$'));
    const error = await refusalOf(ask(guard, token(), uri));
    expect(error).toMatchObject({ code: 'admin.role.allowed' });
    expect(toKbsError(error).body.detail).toContain(`Role tester not allowed for path ${uri}`);
  });
});

describe('a role for one repository', () => {
  test.each<[string, string | undefined]>([
    ['team-a/key/1', undefined],
    ['/team-a/key/1', 'admin.role.allowed'],
    ['team-b/key/1', 'admin.role.allowed'],
    // Two segments mean repository `default`.
    ['team-a/key', 'admin.role.allowed'],
    ['key/1', 'admin.role.allowed'],
  ])('storing %s: %s', async (path, code) => {
    const bench = await openBench({ config: { admin: config(provider, '^/kbs/v0/resource/team-a/.*$') } });
    bench.clock.now = NOW;
    const stored = call(bench, 'POST', `resource/${path}`, {
      authorization: `Bearer ${token()}`,
      body: Buffer.from('x'),
    });
    if (code === undefined) await stored;
    else expect(await refusalOf(stored)).toMatchObject({ code });
    await bench.close();
  });

  test('a name in short form is stored where its role may write both', async () => {
    const bench = await openBench({ config: { admin: config(provider, '^/kbs/v0/resource/.*$') } });
    bench.clock.now = NOW;
    await call(bench, 'POST', 'resource/key/1', { authorization: `Bearer ${token()}`, body: Buffer.from('x') });
    expect(await bench.broker.resources.describe('default/key/1')).toMatchObject({ bytes: 1 });
    await bench.close();
  });
});

describe('tokens', () => {
  test.each<[string, { readonly [name: string]: JsonValue }, string]>([
    ['another issuer', { ...CLAIMS, iss: 'other' }, 'admin.token.trust'],
    ['another audience', { ...CLAIMS, aud: 'other' }, 'admin.token.trust'],
    ['no audience', { iss: CLAIMS.iss, role: 'tester', exp: CLAIMS.exp }, 'admin.token.trust'],
    ['no role', { iss: CLAIMS.iss, aud: 'KBS', exp: CLAIMS.exp }, 'admin.token.trust'],
    ['ended beyond the leeway', { ...CLAIMS, exp: SECONDS - 60 }, 'admin.token.time'],
    ['no end', { iss: CLAIMS.iss, aud: 'KBS', role: 'tester' }, 'admin.token.time'],
    ['not begun', { ...CLAIMS, nbf: SECONDS + 61 }, 'admin.token.time'],
    ['another role', { ...CLAIMS, role: 'stranger' }, 'admin.role.allowed'],
  ])('%s', async (_, claims, code) => {
    expect(await refusalOf(ask(await open(config(provider)), token(claims)))).toMatchObject({ code });
  });

  test('ended within the leeway, audience as a text', async () => {
    await ask(await open(config(provider)), token({ ...CLAIMS, exp: SECONDS - 59, aud: 'KBS' }));
  });

  test('missing role says so', async () => {
    const error = await refusalOf(ask(await open(config(provider)), token({ iss: CLAIMS.iss, exp: CLAIMS.exp })));
    expect(toKbsError(error).body.detail).toContain('Missing required `role` claim in JWT');
  });

  test.each([undefined, ''])('no credential: %s', async (missing) => {
    const guard = await open(config(provider));
    const error = await refusalOf(ask(guard, missing));
    expect(error).toMatchObject({ code: 'admin.credential.present' });
    expect(toKbsError(error).body.detail).toContain('Failed to parse HTTP Auth Bearer header');
  });

  test('HS256 over the public key, and none, are no signatures', async () => {
    const guard = await open(config(provider));
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const alg of ['HS256', 'none']) {
      const forged = `${part({ alg })}.${part(CLAIMS)}.${part({})}`;
      expect(await refusalOf(ask(guard, forged))).toMatchObject({ code: 'admin.token.trust' });
    }
  });

  test.each<[string, KeyObject, KeyObject, JwsAlgorithm]>([
    ['ES256', p256.publicKey, p256.privateKey, 'ES256'],
    ['RS256', rsa.publicKey, rsa.privateKey, 'RS256'],
    ['PS256', rsa.publicKey, rsa.privateKey, 'PS256'],
  ])('%s from a PEM file', async (_, publicKey, privateKey, alg) => {
    const sources: KbsSources = {
      readFile: async (path) => Buffer.from(path === '/keys/admin.pub' ? pem(publicKey) : ''),
      fetch: async () => new Uint8Array(),
    };
    const guard = await open(config({ public_key_uri: 'file:///keys/admin.pub' }), sources);
    await ask(guard, token(CLAIMS, privateKey, alg));
  });

  test('a second provider is asked where the first one’s key does not verify', async () => {
    const settings: AdminConfig = {
      ...(config(provider) as Extract<AdminConfig, { authorization_mode: 'AuthenticatedAuthorization' }>),
      authentication: {
        bearer_jwt: { identity_providers: [{ public_keys: [pem(p256.publicKey)] }, provider] },
      },
    };
    await ask(await open(settings), token());
  });
});

describe('JWK sets', () => {
  const set = (key: KeyObject, kid: string) =>
    Buffer.from(JSON.stringify({ keys: [{ ...exportPublicJwk(key), alg: 'ES256', kid, use: 'sig' }] }));

  test('by kid, over discovery, and refreshed when a key is unknown', async () => {
    let now = NOW;
    let current = set(p256.publicKey, 'k1');
    let reads = 0;
    const sources: KbsSources = {
      readFile: async () => new Uint8Array(),
      fetch: async (url) => {
        if (url === 'https://idp.example/.well-known/openid-configuration')
          return Buffer.from('{"jwks_uri":"https://idp.example/keys"}');
        if (url !== 'https://idp.example/keys') throw new Error('404');
        reads += 1;
        return current;
      },
    };
    const guard = await openAdminGuard({
      config: config({ jwk_set_uri: 'https://idp.example' }),
      sources,
      now: () => now,
      warn: () => {},
    });
    const exp = SECONDS + 86_400;
    await ask(guard, token({ ...CLAIMS, exp }, p256.privateKey, 'ES256', { kid: 'k1' }));
    expect(reads).toBe(1);
    const next = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    current = set(next.publicKey, 'k2');
    const rotated = token({ ...CLAIMS, exp }, next.privateKey, 'ES256', { kid: 'k2' });
    // Unknown keys are asked for at most every ten seconds: made-up kids cost the issuer nothing.
    expect(await refusalOf(ask(guard, rotated))).toMatchObject({ code: 'admin.token.trust' });
    expect(reads).toBe(1);
    now = new Date(NOW.getTime() + 10_000);
    await ask(guard, rotated);
    expect(reads).toBe(2);
    // The clock was ahead and has been set right: keys are asked for all the same.
    now = new Date(NOW.getTime() - 3_600_000);
    current = set(p256.publicKey, 'k1');
    expect(await refusalOf(ask(guard, rotated))).toMatchObject({ code: 'admin.token.trust' });
    expect(reads).toBe(3);
  });

  test('a symmetric key in a set is no key', async () => {
    const sources: KbsSources = {
      readFile: async () => Buffer.from('{"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"HS256","kid":"k"}]}'),
      fetch: async () => new Uint8Array(),
    };
    await expect(open(config({ jwk_set_uri: '/keys.json' }), sources)).rejects.toMatchObject({
      code: 'net.answer.form',
    });
  });
});

describe('configurations that could not be meant', () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  test.each<[string, AdminConfig]>([
    [
      'no providers',
      { ...config(provider), authentication: { bearer_jwt: { identity_providers: [] } } } as AdminConfig,
    ],
    ['a provider without keys', config({ issuer: 'x' })],
    ['an unanchored rule', config(provider, '/kbs/v0/.*')],
    ['a rule that does not parse', config(provider, '^/kbs/v0/($')],
    ['a mode that does not exist', { authorization_mode: 'Whatever' } as never],
    ['no mode', {} as never],
    [
      'a private key',
      config({ public_keys: [ed25519.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()] }),
    ],
    ['no key at all', config({ public_keys: ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'] })],
    ['a weak RSA key', config({ public_keys: [pem(weak)] })],
    ['plain http', config({ public_key_uri: 'http://idp.example/key.pem' })],
  ])('%s', async (_, settings) => {
    await expect(open(settings)).rejects.toMatchObject({ code: 'config.file.form' });
  });

  test('a source that cannot be read is named', async () => {
    await expect(open(config({ public_key_uri: '/nowhere.pem' }))).rejects.toMatchObject({ code: 'net.peer.answers' });
  });

  test('InsecureAllowAll works, and is loudly warned of', async () => {
    const warnings: string[] = [];
    const guard = await openAdminGuard({
      config: { authorization_mode: 'InsecureAllowAll' },
      sources: undefined,
      now: () => NOW,
      warn: (finding) => warnings.push(`${finding.severity} ${finding.id}`),
    });
    expect(await ask(guard, undefined)).toMatchObject({ subject: 'anybody' });
    expect(warnings).toEqual(['critical admin.mode.open']);
  });
});

describe('first administrator', () => {
  test('the token opens exactly the guard that its configuration makes', async () => {
    const credentials = createAdminCredentials({ now: NOW });
    const guard = await open(credentials.config);
    expect(await ask(guard, credentials.token)).toMatchObject({ subject: 'admin', role: 'admin' });
    expect(await ask(guard, credentials.token, '/api/v1/attestations?limit=1')).toMatchObject({ role: 'admin' });
    const other = createAdminCredentials({ now: NOW });
    expect(await refusalOf(ask(guard, other.token))).toMatchObject({ code: 'admin.token.trust' });
    expect(JSON.stringify(credentials.config)).not.toContain('PRIVATE');
  });

  test('the file is the owner’s alone and never overwritten', async () => {
    const folder = temporaryFolder('assay-admin-');
    const path = join(folder, 'admin-token');
    await writeAdminToken(path, 'abc');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toBe('abc\n');
    await expect(writeAdminToken(path, 'def')).rejects.toMatchObject({ code: 'storage.write.possible' });
    expect(readFileSync(path, 'utf8')).toBe('abc\n');
    rmSync(folder, { recursive: true });
  });
});

describe('administrative calls', () => {
  const b64 = (text: string) => Buffer.from(text).toString('base64url');
  const body = (value: object) => Buffer.from(JSON.stringify(value));

  test('set, overwrite, list and delete a secret; each act is recorded without the secret', async () => {
    const bench = await openBench();
    const { broker, admin } = bench;
    await call(bench, 'POST', 'resource/a/b/c', { body: Buffer.from('first secret') });
    await call(bench, 'POST', 'resource/a/b/c', { body: Buffer.from('second secret') });
    expect(await broker.resources.describe('a/b/c')).toMatchObject({ version: 2, bytes: 13, writtenBy: 'anybody' });
    expect((await broker.resources.versions('a/b/c')).map((one) => [one.version, one.current])).toEqual([
      [2, true],
      [1, false],
    ]);
    expect((await broker.resources.list()).items.map((one) => one.path)).toEqual(['a/b/c', SECRET_PATH]);
    await call(bench, 'DELETE', 'resource/a/b/c');
    expect(await broker.resources.describe('a/b/c')).toBeUndefined();
    expect(await broker.resources.versions('a/b/c')).toEqual([]);
    const gone = await refusalOf(call(bench, 'DELETE', 'resource/a/b/c'));
    expect(toKbsError(gone)).toMatchObject({ status: 404, body: { code: 'resource.object.present' } });
    expect(await broker.resources.set('a/b/c', Buffer.from('third'), admin)).toMatchObject({ version: 3 });
    expect(await broker.resources.versions('a/b/c')).toHaveLength(1);
    const { items } = await broker.operations.acts();
    expect(items.map((one) => `${one.act} ${one.object} ${one.version}`)).toEqual([
      'resource.set a/b/c 3',
      'resource.delete a/b/c 2',
      'resource.set a/b/c 2',
      'resource.set a/b/c 1',
      `resource.set ${SECRET_PATH} 1`,
    ]);
    expect(items[1]?.by).toMatchObject({ subject: 'anybody', address: '192.0.2.1' });
    expect(JSON.stringify(items)).not.toContain('secret secret');
    await bench.close();
  });

  test('a secret that is too large', async () => {
    const bench = await openBench({ config: { limits: { secretBytes: 10 } } });
    const error = await refusalOf(call(bench, 'POST', 'resource/a/b/c', { body: Buffer.alloc(11) }));
    expect(toKbsError(error)).toMatchObject({ status: 413, body: { code: 'request.body.size' } });
    await bench.close();
  });

  test('resource policy: compiled first, history kept, refusals name the place', async () => {
    const bench = await openBench();
    const { broker, admin } = bench;
    await broker.operations.setResourcePolicy(body({ policy: b64('package policy\nallow = true') }), admin);
    const broken = await refusalOf(
      broker.operations.setResourcePolicy(body({ policy: b64('package policy\nallow if {') }), admin),
    );
    expect(broken).toMatchObject({ code: 'policy.file.parse' });
    expect(toKbsError(broken)).toMatchObject({
      status: 401,
      body: { type: expect.stringMatching(/PolicyEngineError$/) },
    });
    expect(toKbsError(broken).body.detail).toContain('resource-policy.rego:2:');
    const other = await refusalOf(
      broker.operations.setResourcePolicy(body({ policy: b64('package other\nallow = true') }), admin),
    );
    expect(other).toMatchObject({ code: 'policy.package.name' });
    for (const wrong of ['not base64url!', 'YQ==', Buffer.from([0xff]).toString('base64url')]) {
      const error = await refusalOf(broker.operations.setResourcePolicy(body({ policy: wrong }), admin));
      expect(error).toMatchObject({ code: 'policy.body.form' });
      expect(toKbsError(error).body.detail).toMatch(/^Failed to parse policy: /);
    }
    expect(await broker.resourcePolicies.current()).toMatchObject({
      revision: 2,
      setBy: 'ana',
      text: 'package policy\nallow = true',
    });
    expect((await broker.resourcePolicies.history()).map((one) => one.revision)).toEqual([2, 1]);
    expect(await broker.resourcePolicies.ids()).toEqual(['resource-policy']);
    await bench.close();
  });

  test('a policy without allow is stored and warned of', async () => {
    const bench = await openBench();
    const { warnings } = await bench.broker.resourcePolicies.set('package policy\nallowed = true', bench.admin);
    expect(warnings.map((one) => one.id)).toEqual(['policy.rule.present']);
    expect(warnings[0]?.title).toContain('`allowed`');
    await bench.close();
  });

  test('key management that does not answer: not ready', async () => {
    const bench = await openBench({ kmsHealth: { ok: false, detail: 'sealed' } });
    expect(await bench.broker.readiness()).toMatchObject([
      { id: 'kms.backend.answers', outcome: 'fail', title: expect.stringContaining('sealed') },
    ]);
    await bench.close();
  });

  test('a stored policy that does not compile: the service runs, denies, and is not ready', async () => {
    const bench = await openBench();
    await bench.storage.put('kbs', 'resource-policy.rego', Buffer.from('no rego'));
    bench.clock.now = new Date(bench.clock.now.getTime() + 2000);
    expect((await bench.broker.readiness()).map((one) => one.id)).toEqual(['policy.file.parse']);
    const decision = await bench.broker.resourcePolicies.tryOut({ claims: {}, plugin: 'resource', path: [] });
    expect(decision.allow).toBe(false);
    await bench.close();
  });

  test('attestation policy and reference values go to the Attestation Service', async () => {
    const bench = await openBench();
    const { broker, backend, admin } = bench;
    await broker.operations.setAttestationPolicy(
      body({ policy_id: 'default_cpu', policy: b64('package policy'), type: 'rego' }),
      admin,
    );
    expect(backend.policies.get('default_cpu')).toBe('package policy');
    const payload = Buffer.from(JSON.stringify({ svn: ['1'] })).toString('base64');
    await broker.operations.registerReferenceValue(body({ version: '0.1.0', type: 'sample', payload }), admin);
    expect(await broker.operations.referenceValue('svn', admin)).toBe('["1"]');
    expect(await broker.operations.referenceValue('other', admin)).toBe('null');
    const error = await refusalOf(broker.operations.registerReferenceValue(body({ type: 'sample' }), admin));
    expect(toKbsError(error).body.detail).toMatch(/^RVPS configuration failed: /);
    const { items } = await broker.operations.acts();
    expect(items.map((one) => one.act).slice(0, 2)).toEqual(['reference-value.register', 'attestation-policy.set']);
    await bench.close();
  });
});

describe('refused calls are kept for the owner', () => {
  const denied = { config: { admin: { authorization_mode: 'DenyAll' } as const } };
  const attempt = (guard: AdminGuard, uri: string) =>
    refusalOf(
      guard.authorize({ method: 'POST', uri, authorization: 'Bearer MARKED', caller: { address: '192.0.2.9' } }),
    );

  test('who tried what, and why not; no credential, no query', async () => {
    const bench = await openBench({ config: { admin: config(provider) } });
    await attempt(bench.broker.admin, '/kbs/v0/resource-policy?token=MARKED');
    const { items } = await bench.broker.operations.refused();
    expect(items).toMatchObject([
      { code: 'admin.token.trust', method: 'POST', path: '/kbs/v0/resource-policy', address: '192.0.2.9' },
    ]);
    expect(JSON.stringify(items)).not.toContain('MARKED');
    await bench.close();
  });

  test('faster than they are written they are counted', async () => {
    const bench = await openBench(denied);
    for (let i = 0; i < 60; i++) await attempt(bench.broker.admin, '/api/v1/x');
    expect((await bench.broker.operations.refused({ limit: 500 })).items).toHaveLength(20);
    bench.clock.now = new Date(bench.clock.now.getTime() + 2000);
    await attempt(bench.broker.admin, '/api/v1/y');
    const { items } = await bench.broker.operations.refused({ limit: 500 });
    expect(items).toHaveLength(21);
    expect(items[0]).toMatchObject({ path: '/api/v1/y', omitted: 40 });
    await bench.close();
  });

  test('a store that is out changes no answer', async () => {
    const bench = await openBench(denied);
    await bench.storage.close();
    expect(await attempt(bench.broker.admin, '/api/v1/x')).toMatchObject({ code: 'admin.mode.open' });
    expect(bench.warnings.at(-1)?.id).toBe('storage.backend.answers');
  });
});
