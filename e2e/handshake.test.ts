import { createHash } from 'node:crypto';
import { encodeBase64 } from '@assay/bytes';
import { sampleDeviceAttester } from '@assay/guest';
import { PROTOCOL_VERSIONS, type ProtocolVersion, parseResourceUri, TEE_KEY_ALGORITHMS } from '@assay/protocol';
import { createLocalJWKSet, type FlattenedJWE, flattenedDecrypt, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allowAllPolicy, guestOf, newKey, prepareSample, startTestServer, type TestServer } from './support/assay.js';

let server: TestServer;
const uri = parseResourceUri('kbs:///default/key/1');

beforeAll(async () => {
  server = await startTestServer();
  await prepareSample(server);
});

afterAll(() => server.stop());

describe('a guest gets its secret', () => {
  test.each(Object.keys(PROTOCOL_VERSIONS) as ProtocolVersion[])('over protocol %s', async (version) => {
    const old = version === '0.1.0' || version === '0.1.1';
    const guest = guestOf(server, { version, keyPair: newKey(old ? 'RSA1_5' : 'ECDH-ES+A256KW-P256') });
    expect(Buffer.from(await guest.getResource(uri)).toString()).toBe('the secret');
    expect(guest.lastAttempt).toMatch(/^[0-9a-z]{26}$/);
  });

  test.each(TEE_KEY_ALGORITHMS)('to a key for %s', async (algorithm) => {
    expect(Buffer.from(await guestOf(server, { keyPair: newKey(algorithm) }).getResource(uri)).toString()).toBe(
      'the secret',
    );
  });

  test('and an independent JOSE implementation decrypts it', async () => {
    const keyPair = newKey();
    let cookie = '';
    const guest = guestOf(server, {
      keyPair,
      transport: async (request) => {
        cookie = request.headers['cookie'] ?? cookie;
        return server.transport(request);
      },
    });
    await guest.attest();
    const answer = await server.send('GET', '/kbs/v0/resource/default/key/1', { headers: { cookie } });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    if (keyPair.privateKey.alg !== 'ECDH-ES+A256KW') throw new Error('an EC key was made');
    const { plaintext } = await flattenedDecrypt(answer.json() as FlattenedJWE, keyPair.privateKey.key);
    expect(Buffer.from(plaintext).toString()).toBe('the secret');
  });

  test('with a token from an earlier handshake (passport)', async () => {
    const keyPair = newKey();
    const token = await guestOf(server, { keyPair }).attest();
    const passport = guestOf(server, { keyPair, token });
    expect(Buffer.from(await passport.getResource(uri)).toString()).toBe('the secret');
  });
});

test('the token verifies under the published keys and says what the sheet says', async () => {
  const guest = guestOf(server);
  const token = await guest.attest();
  const jwks = (await server.send('GET', '/.well-known/jwks.json')).json() as JSONWebKeySet;
  // The tokens carry no kid; the set has one key.
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks), {
    issuer: 'CoCo-Attestation-Service',
  });
  expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'JWT', jwk: { kty: 'EC', crv: 'P-256', alg: 'ES256' } });
  expect(payload).toMatchObject({
    eat_profile: 'tag:github.com,2024:confidential-containers/Trustee',
    submods: {
      cpu0: {
        'ear.status': 'affirming',
        'ear.trustworthiness-vector': { executables: 3, hardware: 2, configuration: 2, 'file-system': 0 },
        'ear.appraisal-policy-id': 'default',
        'ear.veraison.annotated-evidence': { sample: { svn: '1', debug: false, launch_digest: 'abcde' } },
        'ear.trustee.identifiers': { validated: {} },
      },
    },
  });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300);
});

test('a device attests beside the CPU, in a submodule of its own', async () => {
  const guest = guestOf(server, { devices: [sampleDeviceAttester()] });
  const { submods } = claimsOf(await guest.attest()) as { submods: Record<string, Record<string, unknown>> };
  expect(Object.keys(submods)).toEqual(['cpu0', 'gpu0']);
  expect(submods['gpu0']?.['ear.status']).toBe('contraindicated');
  await expect(guest.getResource(uri)).rejects.toMatchObject({ reason: 'refused', status: 401 });
});

test('init-data reaches the token, its digest the policy', async () => {
  const initDataToml =
    "algorithm = \"sha256\"\nversion = \"0.1.0\"\n\n[data]\n\"key1\" = '''value1'''\n\"cdh.toml\" = '''name = \"x\"'''\n";
  const claims = claimsOf(await guestOf(server, { initDataToml }).attest()) as {
    submods: { cpu0: { 'ear.veraison.annotated-evidence': Record<string, unknown> } };
  };
  const evidence = claims.submods.cpu0['ear.veraison.annotated-evidence'];
  expect(evidence['init_data']).toBe(encodeBase64(createHash('sha256').update(initDataToml).digest()));
  expect(evidence['init_data_claims']).toMatchObject({ key1: 'value1', 'cdh.toml': { name: 'x' } });
});

test('a missing secret is 404 to a guest that may have it, and not told to one that may not', async () => {
  const missing = parseResourceUri('kbs:///default/key/none');
  await expect(guestOf(server).getResource(missing)).rejects.toMatchObject({
    reason: 'missing',
    status: 404,
    code: 'resource.missing',
  });
  const other = guestOf(server, {
    attester: { tee: 'sample', getEvidence: async (d) => ({ svn: '9', report_data: encodeBase64(d) }) },
  });
  await expect(other.getResource(missing)).rejects.toMatchObject({
    reason: 'refused',
    status: 401,
    code: 'resource.refused',
  });
});

test('the default resource policy refuses samples', async () => {
  const fresh = await startTestServer();
  await fresh.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from('x'));
  await expect(guestOf(fresh).getResource(uri)).rejects.toMatchObject({ status: 401, code: 'resource.refused' });
  await fresh.admin('PUT', '/api/v1/resource-policy', { text: allowAllPolicy });
  expect(Buffer.from(await guestOf(fresh).getResource(uri)).toString()).toBe('x');
  await fresh.stop();
});

test('the same over TLS, with the certificate of the first start', async () => {
  const secure = await startTestServer({ http: { insecure_http: false } });
  await prepareSample(secure);
  expect(secure.url).toMatch(/^https:/);
  expect(Buffer.from(await guestOf(secure).getResource(uri)).toString()).toBe('the secret');
  await secure.stop();
});

test('state survives a restart: secret, policy, signer, admin key', async () => {
  const first = await startTestServer();
  await prepareSample(first);
  const token = await guestOf(first, { keyPair: newKey() }).attest();
  await first.server.close();
  const second = await startTestServer({}, { dataDir: first.dataDir });
  expect(second.server.adminToken).toBeUndefined();
  const answer = await second.send('GET', '/api/v1/session', { headers: { authorization: `Bearer ${first.token}` } });
  expect(answer.status).toBe(200);
  const jwks = (await second.send('GET', '/.well-known/jwks.json')).json() as JSONWebKeySet;
  await jwtVerify(token, createLocalJWKSet(jwks));
  expect(Buffer.from(await guestOf(second).getResource(uri)).toString()).toBe('the secret');
  await second.server.close();
  await first.stop();
});

function claimsOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}
