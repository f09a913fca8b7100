import { encodeBase64url, encodeUtf8, type JsonObject, type JsonValue } from '@assay/bytes';
import { decodeJwtUnverified } from '@assay/protocol';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OWNER, openWorld, RUNTIME_DATA, sampleEntry } from '../testing/service.test.helper.js';
import { type RestAnswer, restFailure, restRoutes } from './routes.js';

const entry = sampleEntry();
const evidence = encodeBase64url(encodeUtf8(JSON.stringify(entry.evidence)));
const request: JsonObject = {
  verification_requests: [{ tee: 'sample', evidence, runtime_data: { structured: RUNTIME_DATA } }],
  policy_ids: ['default'],
};

async function routes() {
  const { service } = await openWorld();
  const all = restRoutes(service);
  const call = (id: string, body: JsonValue | Uint8Array = new Uint8Array()): Promise<RestAnswer> => {
    const route = all.find((candidate) => candidate.id === id);
    if (route === undefined) throw new Error(`no route ${id}`);
    return route.handle(body instanceof Uint8Array ? body : encodeUtf8(JSON.stringify(body)), OWNER);
  };
  return { service, all, call };
}

test('the table says who may call', async () => {
  const { all } = await routes();
  expect(all.map(({ method, path, access }) => `${method} ${path} ${access}`)).toEqual([
    'POST /attestation public',
    'POST /policy admin',
    'GET /policy public',
    'POST /challenge public',
    'GET /.well-known/jwks.json public',
  ]);
});

describe('attestation', () => {
  test('answers with the bare token', async () => {
    const { call } = await routes();
    const answer = await call('as.attestation', request);
    expect(answer.contentType).toMatch(/^text\/plain/);
    expect(decodeJwtUnverified(answer.body).claims).toHaveProperty('submods');
  });

  test.each<[string, JsonObject]>([
    ['0.9 to 0.13, flat', { tee: 'sample', evidence, runtime_data: { structured: RUNTIME_DATA }, policy_ids: [] }],
    ['agents of 0.9 and 0.10, with quotes in the text', { tee: '"sample"', evidence }],
    ['agents of 0.11 to 0.13', { tee: 'sample', evidence, policy_ids: [] }],
  ])('bodies of %s', async (_, body) => {
    const { call } = await routes();
    expect((await call('as.attestation', body)).body.split('.')).toHaveLength(3);
  });

  test.each<[string, JsonValue | Uint8Array, number]>([
    ['no JSON', encodeUtf8('{'), 400],
    ['a list', [], 400],
    ['a member twice', encodeUtf8('{"policy_ids":[],"policy_ids":[]}'), 400],
    ['no policy ids', { verification_requests: request['verification_requests'] ?? null }, 400],
    ['no request', { verification_requests: [], policy_ids: [] }, 400],
    ['evidence that is not base64url', { tee: 'sample', evidence: '+' }, 400],
    ['an unknown hash', { tee: 'sample', evidence, runtime_data_hash_algorithm: 'md5' }, 400],
    ['an unknown TEE', { tee: 'made-up', evidence }, 500],
    ['evidence that is not bound', { tee: 'sample', evidence, runtime_data: { raw: 'AA' }, policy_ids: [] }, 500],
    ['init-data that does not parse', { tee: 'sample', evidence, init_data: { init_data_toml: 'x' } }, 500],
  ])('%s', async (_, body, expected) => {
    const { call } = await routes();
    const thrown = await call('as.attestation', body).then(
      () => undefined,
      (error: unknown) => error,
    );
    const { status, body: words } = restFailure(thrown);
    expect(status).toBe(expected);
    if (status === 500) expect(words).toMatch(/^An internal error occured: \n0: /);
  });

  test('hostile bodies end in an answer', async () => {
    const { call } = await routes();
    const body = fc.oneof(
      fc.jsonValue(),
      fc.record({
        tee: fc.oneof(fc.constant('sample'), fc.jsonValue()),
        evidence: fc.oneof(fc.base64String(), fc.jsonValue()),
      }),
    );
    await fc.assert(
      fc.asyncProperty(body, async (value) => {
        const thrown = await call('as.attestation', value as JsonValue).catch((error: unknown) => error);
        if (thrown instanceof Error) expect(restFailure(thrown).error.code).not.toBe('internal.defect.none');
      }),
      { numRuns: fuzzRuns(150) },
    );
  });
});

test('policies are set and listed', async () => {
  const { service, call } = await routes();
  const policy = encodeBase64url(encodeUtf8('package policy\ntrust_claims := {"hardware": 2}\n'));
  expect(await call('as.policy.set', { policy_id: 'mine_cpu', policy })).toMatchObject({ body: '' });
  expect((await service.getPolicy('mine_cpu'))?.changedBy).toEqual(OWNER);
  expect(JSON.parse((await call('as.policy.list')).body)).toContainEqual({ 'policy-id': 'mine_cpu' });
  await expect(call('as.policy.set', { policy_id: 'mine_cpu', policy: 'AA==' })).rejects.toMatchObject({
    code: 'request.body.form',
  });
});

test('challenges and keys', async () => {
  const { service, call } = await routes();
  expect((await call('as.challenge', { tee: 'sample', tee_params: '' })).body).toBe('');
  await expect(call('as.challenge', { tee: 'sample' })).rejects.toMatchObject({ code: 'request.body.form' });
  expect(JSON.parse((await call('as.jwks')).body)).toEqual(await service.jwks());
});

test('a defect is not quoted', () => {
  const { status, body } = restFailure(new TypeError('secret detail'));
  expect(status).toBe(500);
  expect(body).not.toContain('secret');
});
