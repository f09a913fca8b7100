import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeBase64url } from '@assay/bytes';
import { temporaryFolder } from '@assay/testkit';
import { exportJWK, SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from './support/assay.js';

// What the tests of the Trustee KBS assert of its admin interface, against a server with the same configuration.
const folder = temporaryFolder('assay-admin-');
const ed25519 = generateKeyPairSync('ed25519');
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('ed25519');
const publicKeyPem = join(folder, 'admin.pub');
const jwkSet = join(folder, 'admin.jwks');
const issuer = 'https://issuer.example.org';

beforeAll(async () => {
  writeFileSync(publicKeyPem, ed25519.publicKey.export({ format: 'pem', type: 'spki' }));
  const jwk = { ...(await exportJWK(createPublicKey(p256.privateKey))), kid: 'k1', alg: 'ES256', use: 'sig' };
  writeFileSync(jwkSet, JSON.stringify({ keys: [jwk] }));
});

interface TokenChange {
  readonly key?: KeyObject;
  readonly alg?: string;
  readonly kid?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly seconds?: number;
}

function token({ key = ed25519.privateKey, alg = 'EdDSA', kid, claims = {}, seconds = 600 }: TokenChange = {}) {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ iss: issuer, aud: ['kbs'], role: 'tester', iat: now, exp: now + seconds, ...claims })
    .setProtectedHeader({ alg, typ: 'JWT', ...(kid === undefined ? {} : { kid }) })
    .sign(key);
}

const rego = encodeBase64url(Buffer.from('package policy\n\nallow := false\n'));
const calls = [
  ['POST', '/kbs/v0/resource-policy', JSON.stringify({ policy: rego })],
  [
    'POST',
    '/kbs/v0/attestation-policy',
    JSON.stringify({
      policy_id: 'default_cpu',
      policy: encodeBase64url(Buffer.from('package policy\n\ntrust_claims := {}\n')),
    }),
  ],
  ['POST', '/kbs/v0/resource/default/key/1', 'secret'],
] as const;

/** Status and text of each of the three calls. */
async function answers(server: TestServer, bearer: string | undefined): Promise<{ status: number; text: string }[]> {
  return Promise.all(
    calls.map(async ([method, path, body]) => {
      const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
      const { status, text } = await server.send(method, path, { headers, body });
      return { status, text };
    }),
  );
}

type Admin = NonNullable<Parameters<typeof startTestServer>[0]>['admin'];

async function withServer(admin: NonNullable<Admin>, act: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await startTestServer({ admin });
  try {
    await act(server);
  } finally {
    await server.stop();
  }
}

const provider = { issuer, audience: 'kbs', public_key_uri: publicKeyPem };
const everything = [{ role: 'tester', allowed_endpoints: '^/kbs/v0/.*$' }];
const expectAll = (list: { status: number; text: string }[], status: number, text: string): void => {
  for (const answer of list) {
    expect(answer.status, answer.text).toBe(status);
    expect(answer.text).toContain(text);
  }
};

describe('an identity provider with a PEM key', () => {
  const admin = { identity_providers: [provider], acls: everything };

  test('a token of its key with an allowed role may', () =>
    withServer(admin, async (server) => {
      expectAll(await answers(server, await token()), 200, '');
      expect(server.token).toBe('');
    }));

  test.each([
    ['another key', { key: stranger.privateKey }],
    ['another issuer', { claims: { iss: 'https://other.example.org' } }],
    ['another audience', { claims: { aud: ['other'] } }],
    ['no audience', { claims: { aud: undefined } }],
  ] as const)('a token with %s may not', (_name, change) =>
    withServer(admin, async (server) => {
      expectAll(await answers(server, await token(change)), 401, 'Cannot verify token with any of the issuers');
    }),
  );

  test('a token that has ended, without a role, of another form, or none, may not', () =>
    withServer(admin, async (server) => {
      expectAll(await answers(server, await token({ seconds: -120 })), 401, '"code"');
      expectAll(await answers(server, await token({ claims: { role: undefined } })), 401, '"code"');
      expectAll(await answers(server, 'nonsense'), 401, '"code"');
      expectAll(await answers(server, undefined), 401, 'Failed to parse HTTP Auth Bearer header');
    }));

  test('`none`, and HS256 keyed with the public key, are no signatures', () =>
    withServer(admin, async (server) => {
      const part = (value: object): string => encodeBase64url(Buffer.from(JSON.stringify(value)));
      const claims = part({ iss: issuer, aud: ['kbs'], role: 'tester', exp: Math.floor(Date.now() / 1000) + 600 });
      expectAll(await answers(server, `${part({ alg: 'none' })}.${claims}.`), 401, '"code"');
      const pem = ed25519.publicKey.export({ format: 'pem', type: 'spki' }).toString();
      const { createHmac } = await import('node:crypto');
      const head = `${part({ alg: 'HS256', typ: 'JWT' })}.${claims}`;
      const mac = createHmac('sha256', pem).update(head).digest('base64url');
      expectAll(await answers(server, `${head}.${mac}`), 401, '"code"');
    }));
});

test('an identity provider with a JWK set: found by its kid', () =>
  withServer(
    { identity_providers: [{ issuer, audience: 'kbs', jwk_set_uri: jwkSet }], acls: everything },
    async (server) => {
      const good = await token({ key: p256.privateKey, alg: 'ES256', kid: 'k1' });
      expectAll(await answers(server, good), 200, '');
      const other = await token({ key: p256.privateKey, alg: 'ES256', kid: 'k2' });
      expectAll(await answers(server, other), 401, 'Cannot verify token with any of the issuers');
      expectAll(await answers(server, await token()), 401, 'Cannot verify token with any of the issuers');
    },
  ));

describe('role rules', () => {
  test('a role with other endpoints is told so', () =>
    withServer(
      {
        identity_providers: [provider],
        acls: [{ role: 'tester', allowed_endpoints: '^/kbs/v0/reference-value/[a-zA-Z0-9]+$' }],
      },
      async (server) => {
        const bearer = await token();
        expectAll(await answers(server, bearer), 401, 'Role tester not allowed');
        const headers = { authorization: `Bearer ${bearer}` };
        expect((await server.send('GET', '/kbs/v0/reference-value/svn', { headers })).status).toBe(200);
        // The query is part of what the rule is about, as upstream.
        expect((await server.send('GET', '/kbs/v0/reference-value/svn?x=1', { headers })).status).toBe(401);
        expect((await server.send('GET', '/kbs/v0/reference-value/a/b', { headers })).status).toBe(401);
      },
    ));

  test('rules for /kbs do not open /api', () =>
    withServer({ identity_providers: [provider], acls: everything }, async (server) => {
      const headers = { authorization: `Bearer ${await token()}` };
      expect((await server.send('GET', '/api/v1/attestations', { headers })).status).toBeGreaterThanOrEqual(401);
    }));

  test.each(['/kbs/v0/.*$', '^/kbs/v0/.*', '^/kbs/(', '^/other$'])('the rule %j stops the start', async (pattern) => {
    await expect(
      startTestServer({
        admin: { identity_providers: [provider], acls: [{ role: 'tester', allowed_endpoints: pattern }] },
      }),
    ).rejects.toMatchObject({ code: 'config.file.form' });
  });

  test('a provider without any key stops the start', async () => {
    await expect(
      startTestServer({ admin: { identity_providers: [{ issuer }], acls: everything } }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^config\./) });
  });
});

test('DenyAll refuses everybody, in upstream’s words', () =>
  withServer({ authorization_mode: 'DenyAll' }, async (server) => {
    expectAll(await answers(server, await token()), 401, 'DenyAll authorization_mode is enabled');
    expect(server.token).toBe('');
  }));

test('InsecureAllowAll lets everybody, and only when it is asked for by name', () =>
  withServer({ authorization_mode: 'InsecureAllowAll' }, async (server) => {
    expectAll(await answers(server, undefined), 200, '');
    const session = await server.send('GET', '/api/v1/session');
    expect(session.json()).toMatchObject({ mode: 'InsecureAllowAll' });
  }));
