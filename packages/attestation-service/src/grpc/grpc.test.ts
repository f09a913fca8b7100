import { encodeBase64url, encodeUtf8, type JsonObject } from '@assay/bytes';
import { decodeJwtUnverified, digest } from '@assay/protocol';
import {
  AttestationRequestSchema,
  ChallengeRequestSchema,
  create,
  type GrpcMethodDefinition,
  HealthCheckRequestSchema,
  SetPolicyRequestSchema,
} from '@assay/protocol/grpc';
import { bearerAuthentication } from '@assay/rvps';
import { fuzzRuns } from '@assay/testkit';
import { Client, credentials, Metadata, Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { AttestationBackend } from '../contract.js';
import {
  OWNER,
  openWorld,
  RUNTIME_DATA,
  SAMPLE_VALUES,
  START,
  sampleEntry,
  setValues,
} from '../testing/service.test.helper.js';
import { GrpcAttestationClient, type GrpcAttestationOptions } from './client.js';
import { attestationServiceDefinition } from './definition.js';
import { addHealthService, healthDefinition } from './health.js';
import { readEvaluateRequest } from './old-requests.js';
import { type AttestationHandlerOptions, addAttestationService } from './service.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

/** @returns the address of a server on this machine */
async function serve(
  backend: AttestationBackend,
  options: AttestationHandlerOptions = {},
  healthy = true,
): Promise<string> {
  const server = new Server();
  addAttestationService(server, backend, options);
  addHealthService(server, { 'attestation.AttestationService': async () => healthy });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  closing.push(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

function connect(address: string, options: Partial<GrpcAttestationOptions> = {}): GrpcAttestationClient {
  const client = new GrpcAttestationClient({ address, now: () => START, ...options });
  closing.push(() => void client.close());
  return client;
}

/** A call as any other client makes it. */
function call<Request, Response>(
  address: string,
  method: GrpcMethodDefinition<Request, Response>,
  request: Request | Buffer,
  metadata = new Metadata(),
): Promise<{ readonly response: Response; readonly trailer: Metadata }> {
  const client = new Client(address, credentials.createInsecure());
  closing.push(() => client.close());
  const serialize = (message: Request | Buffer): Buffer =>
    Buffer.isBuffer(message) ? message : method.requestSerialize(message);
  return new Promise((resolve, reject) => {
    let response: Response | undefined;
    const unary = client.makeUnaryRequest(
      method.path,
      serialize,
      method.responseDeserialize,
      request,
      metadata,
      (error, answer) => {
        if (error !== null) reject(error);
        else response = answer;
      },
    );
    unary.on('status', ({ metadata: trailer }) => {
      if (response !== undefined) resolve({ response, trailer });
    });
  });
}

const failure = (promise: Promise<unknown>): Promise<ServiceError> =>
  promise.then(
    () => Promise.reject(new Error('it answered')),
    (thrown: ServiceError) => thrown,
  );
const text = (value: unknown): string => encodeBase64url(encodeUtf8(JSON.stringify(value)));
const entry = sampleEntry();
const wire = {
  tee: 'sample',
  evidence: text(entry.evidence),
  runtimeData: { case: 'structuredRuntimeData' as const, value: JSON.stringify(RUNTIME_DATA) },
};
const evaluateRequest = (more: object = {}) =>
  create(AttestationRequestSchema, { verificationRequests: [{ ...wire, ...more }], policyIds: [] });

describe('the face of the field', () => {
  const evaluate = attestationServiceDefinition.attestationEvaluate;

  test('answers with a token, and nothing else unless it is asked for', async () => {
    const address = await serve((await openWorld()).service);
    const { response, trailer } = await call(address, evaluate, evaluateRequest());
    expect(decodeJwtUnverified(response.attestationToken).claims['iss']).toBe('CoCo-Attestation-Service');
    expect(trailer.get('assay-verdict-bin')).toEqual([]);
  });

  test.each<[string, object, RegExp]>([
    ['an unknown TEE', { tee: 'made-up' }, /^parse TEE type: /],
    ['evidence in standard base64', { evidence: '+/+/' }, /^Illegal input Evidence: /],
    ['evidence that is not JSON', { evidence: encodeBase64url(encodeUtf8('{')) }, /^failed to parse tee evidence: /],
    [
      'raw runtime data with padding',
      { runtimeData: { case: 'rawRuntimeData', value: 'AA==' } },
      /^base64 decode runtime data: /,
    ],
    [
      'structured runtime data that is a list',
      { runtimeData: { case: 'structuredRuntimeData', value: '[]' } },
      /^parse structured runtime data: /,
    ],
    ['an unknown hash', { runtimeDataHashAlgorithm: 'md5' }, /^parse runtime data HashAlgorithm failed: /],
    [
      'init-data that does not parse',
      { initData: { case: 'initDataToml', value: 'x' } },
      /^Attestation evaluation failed: \n0: binding\.init-data\.form/,
    ],
    [
      'evidence that is not bound',
      { runtimeData: { case: 'structuredRuntimeData', value: '{}' } },
      /^Attestation evaluation failed: \n0: binding\.report-data\.match/,
    ],
  ])('%s is ABORTED with the words that peers know', async (_, more, words) => {
    const address = await serve((await openWorld()).service);
    const error = await failure(call(address, evaluate, evaluateRequest(more)));
    expect(error.code).toBe(status.ABORTED);
    expect(error.details).toMatch(words);
    expect(error.metadata.get('assay-code')).toHaveLength(1);
  });

  test('no entry at all', async () => {
    const address = await serve((await openWorld()).service);
    const error = await failure(call(address, evaluate, create(AttestationRequestSchema, {})));
    expect(error.details).toMatch(/^Attestation evaluation failed: /);
  });

  test('hash names in any case', async () => {
    const address = await serve((await openWorld()).service);
    const sha512 = {
      evidence: text(sampleEntry(RUNTIME_DATA, { algorithm: 'sha512' }).evidence),
      runtimeDataHashAlgorithm: 'SHA512',
    };
    expect((await call(address, evaluate, evaluateRequest(sha512))).response.attestationToken).not.toBe('');
  });

  test('a challenge needs tee and tee_params', async () => {
    const address = await serve((await openWorld()).service);
    const ask = (inner: Record<string, string>) =>
      call(address, attestationServiceDefinition.getAttestationChallenge, create(ChallengeRequestSchema, { inner }));
    expect((await ask({ tee: 'sample', tee_params: '' })).response.attestationChallenge).toBe('');
    expect((await failure(ask({ tee_params: '' }))).details).toMatch(/^Error parse inner_tee tee/);
    expect((await failure(ask({ tee: 'made-up', tee_params: '' }))).details).toMatch(/^Challenge: /);
  });

  test('a defect is not quoted', async () => {
    const { service } = await openWorld();
    const seen: unknown[] = [];
    const broken = Object.assign(Object.create(service) as AttestationBackend, {
      evaluate: async () => {
        throw new TypeError('secret detail');
      },
    });
    const address = await serve(broken, { onDefect: (thrown) => seen.push(thrown) });
    const error = await failure(call(address, evaluate, evaluateRequest()));
    expect([error.code, error.details]).toEqual([status.ABORTED, 'internal error']);
    expect(seen).toHaveLength(1);
  });
});

describe('setting policies', () => {
  const policy = 'package policy\ntrust_claims := {"hardware": 2}\n';
  const set = (address: string, body: string, metadata?: Metadata) =>
    call(
      address,
      attestationServiceDefinition.setAttestationPolicy,
      create(SetPolicyRequestSchema, { policyId: 'default_cpu', policy: body }),
      metadata,
    );
  const encoded = encodeBase64url(encodeUtf8(policy));

  test('is refused unless somebody says who may', async () => {
    const world = await openWorld();
    const address = await serve(world.service);
    const error = await failure(set(address, encoded));
    expect(error.code).toBe(status.UNAUTHENTICATED);
    expect(error.details).toMatch(/^Set Attestation Policy Failed: /);
    expect((await world.service.getPolicy('default_cpu'))?.version).toBe(1);
  });

  test('by a caller with the token, who is recorded', async () => {
    const world = await openWorld();
    const token = 'a-token-of-sufficient-length';
    const address = await serve(world.service, { policies: bearerAuthentication([{ token, subject: 'kbs' }]) });
    expect((await failure(set(address, encoded))).code).toBe(status.UNAUTHENTICATED);
    await connect(address, { token }).setPolicy('default_cpu', policy, OWNER);
    expect((await world.service.getPolicy('default_cpu'))?.changedBy).toEqual({
      subject: 'kbs',
      method: 'grpc-bearer',
    });
  });

  test.each<[string, string]>([
    ['padding', 'AA=='],
    ['no UTF-8', encodeBase64url(new Uint8Array([0xff]))],
    ['no Rego', encodeBase64url(encodeUtf8('nonsense'))],
  ])('%s is refused with the words that peers know', async (_, body) => {
    const address = await serve((await openWorld()).service, { policies: 'insecure-allow-anyone' });
    const error = await failure(set(address, body));
    expect([error.code, error.details.split(': ')[0]]).toEqual([status.ABORTED, 'Set Attestation Policy Failed']);
  });

  test('a token does not go out in clear', () => {
    expect(() => new GrpcAttestationClient({ address: '192.0.2.1:1', token: 'x', now: () => START })).toThrow(
      RangeError,
    );
  });
});

describe('the client', () => {
  test('gives the whole verdict of an Assay service, accepted or not', async () => {
    const world = await openWorld();
    const address = await serve(world.service);
    const client = connect(address);
    const request = { attempt: 'a1', entries: [entry], policyIds: [] };
    const remote = await client.evaluate(request);
    const local = await world.service.evaluate(request);
    const unmarked = { ...remote.verdict, findings: remote.verdict.findings.map(({ via: _, ...finding }) => finding) };
    expect(unmarked).toEqual(local.verdict);
    expect(remote.verdict.findings.every((finding) => finding.via === address)).toBe(true);
    expect(remote.token).toBeDefined();
    const refused = await client.evaluate({ ...request, entries: [sampleEntry(RUNTIME_DATA, { bound: {} })] });
    expect(refused.token).toBeUndefined();
    expect(refused.verdict).toMatchObject({ verdict: 'reject', attempt: 'a1' });
    expect(refused.verdict.findings.find(({ key }) => key === refused.verdict.roots[0])?.id).toBe(
      'binding.report-data.match',
    );
  });

  test('gives the whole verdict to who shows the token alone, where there is one', async () => {
    const token = 'token-of-the-key-broker';
    const verdicts = bearerAuthentication([{ token, subject: 'broker' }]);
    const address = await serve((await openWorld()).service, { verdicts });
    const request = { entries: [entry], policyIds: [] };
    const known = await connect(address, { token }).evaluate(request);
    expect(known.verdict.findings.map(({ id }) => id)).not.toContain('evidence.service.accepts');
    for (const other of [{}, { token: 'token-of-somebody-else' }]) {
      const { verdict } = await connect(address, other).evaluate(request);
      expect(verdict.findings.map(({ id }) => id)).toEqual(['evidence.service.accepts', 'policy.tier.accepted']);
    }
  });

  test('reads the token of a service that gives no verdict', async () => {
    const world = await openWorld();
    await setValues(world, SAMPLE_VALUES);
    const address = await serve(world.service, { verdicts: false });
    const client = connect(address);
    const { verdict, token } = await client.evaluate({ entries: [entry], policyIds: [] });
    expect(token).toBeDefined();
    expect(verdict).toMatchObject({ verdict: 'accept', decision: 'accept', tiers: { cpu0: 'affirming' } });
    expect((verdict.claims as { readonly cpu0: JsonObject }).cpu0).toHaveProperty('sample');
    const refused = await client.evaluate({ entries: [sampleEntry(RUNTIME_DATA, { bound: {} })], policyIds: [] });
    expect(refused.verdict).toMatchObject({ verdict: 'reject', decision: 'refuse' });
    expect(refused.verdict.summary).toContain('binding.report-data.match');
  });

  test('a service that gives no verdict: its words are the root, or that it accepts', async () => {
    const world = await openWorld();
    const address = await serve(world.service, { verdicts: false });
    const client = connect(address);
    const refused = await client.evaluate({ entries: [sampleEntry(undefined, { bound: {} })], policyIds: [] });
    expect(refused).not.toHaveProperty('token');
    expect(refused.verdict).toMatchObject({ verdict: 'reject', roots: ['f1'] });
    expect(refused.verdict.findings[0]).toMatchObject({
      id: 'evidence.service.accepts',
      outcome: 'fail',
      title: expect.stringContaining('binding.report-data.match'),
    });
    const accepted = await client.evaluate({ entries: [sampleEntry()], policyIds: [] });
    expect(accepted.verdict.findings[0]).toMatchObject({ id: 'evidence.service.accepts', outcome: 'pass' });
  });

  test('keeps the codes of request errors', async () => {
    const client = connect(await serve((await openWorld()).service));
    await expect(client.evaluate({ entries: [{ ...entry, tee: 'tdx' }], policyIds: [] })).rejects.toMatchObject({
      code: 'request.tee.known',
    });
    await expect(client.challenge('made-up', '')).rejects.toMatchObject({ code: 'request.tee.known' });
    expect(await client.challenge('sample', '')).toBe('');
  });

  test('sends every form of runtime data and init-data', async () => {
    const world = await openWorld();
    const client = connect(await serve(world.service));
    const toml = 'algorithm = "sha256"\nversion = "0.1.0"\n[data]\n';
    const forms = [
      { ...entry, initData: { form: 'toml' as const, text: toml } },
      { ...entry, initData: { form: 'digest' as const, digest: new Uint8Array([1]) } },
      { ...entry, runtimeData: { form: 'none' as const } },
      { ...sampleEntry(RUNTIME_DATA, { algorithm: 'sha256' }), hashAlgorithm: 'sha256' as const },
    ];
    for (const form of forms) {
      const request = { entries: [form], policyIds: ['default'] };
      const [remote, local] = [await client.evaluate(request), await world.service.evaluate(request)];
      expect(remote.verdict.claims).toEqual(local.verdict.claims);
      expect(remote.verdict.verdict).toBe('accept');
    }
    const old = {
      form: 'structured' as const,
      value: RUNTIME_DATA,
      preimages: [{ text: 'x', members: 'nonce, n, e' }],
    };
    await expect(client.evaluate({ entries: [{ ...entry, runtimeData: old }], policyIds: [] })).rejects.toMatchObject({
      code: 'request.version.served',
    });
  });

  test('says that nobody answers', async () => {
    const client = connect('127.0.0.1:1', { timeoutMs: 500 });
    await expect(client.evaluate({ entries: [entry], policyIds: [] })).rejects.toMatchObject({
      code: 'net.peer.answers',
      guestCode: 'unavailable',
    });
  });

  test('says what the interface does not offer', async () => {
    const client = connect('127.0.0.1:1');
    for (const ask of [
      () => client.getPolicy(),
      () => client.listPolicies(),
      () => client.policyHistory(),
      () => client.deletePolicy(),
      () => client.jwks(),
    ]) {
      await expect(ask()).rejects.toMatchObject({ code: 'net.answer.form' });
    }
    const keys = { keys: [] };
    expect(await connect('127.0.0.1:1', { jwks: async () => keys }).jwks()).toBe(keys);
  });

  test('is ready when the service can be reached', async () => {
    const clock = { now: () => new Date() };
    expect(await connect(await serve((await openWorld()).service), clock).readiness()).toEqual([]);
    expect(await connect('127.0.0.1:1', { ...clock, timeoutMs: 300 }).readiness()).toMatchObject([
      { id: 'net.peer.answers' },
    ]);
  });
});

describe('requests of older key brokers', () => {
  const field = (number: number, value: string): Buffer => {
    const bytes = Buffer.from(value);
    const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
  };
  const evaluate = attestationServiceDefinition.attestationEvaluate;

  test('0.9 to 0.13: one flat message', async () => {
    const address = await serve((await openWorld()).service);
    const flat = Buffer.concat([
      field(1, 'sample'),
      field(2, text(entry.evidence)),
      field(4, JSON.stringify(RUNTIME_DATA)),
      field(7, 'sha384'),
      field(9, 'default'),
    ]);
    const { response } = await call(address, evaluate, flat);
    expect(response.attestationToken.split('.')).toHaveLength(3);
  });

  test('their fields are those of today', () => {
    const flat = Buffer.concat([
      field(1, 'tdx'),
      field(2, 'ev'),
      field(3, 'raw'),
      field(5, 'dg'),
      field(7, 'sha256'),
      field(9, 'a'),
      field(9, 'b'),
    ]);
    expect(readEvaluateRequest(flat, evaluate.requestDeserialize)).toMatchObject({
      verificationRequests: [
        {
          tee: 'tdx',
          evidence: 'ev',
          runtimeData: { case: 'rawRuntimeData', value: 'raw' },
          initData: { case: 'initDataDigest', value: 'dg' },
          runtimeDataHashAlgorithm: 'sha256',
        },
      ],
      policyIds: ['a', 'b'],
    });
    const structured = Buffer.concat([field(1, 'tdx'), field(2, 'ev'), field(6, '{}')]);
    expect(() => readEvaluateRequest(structured, evaluate.requestDeserialize)).toThrow('structured_init_data');
  });

  test('present requests are never taken for old ones', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 40 }),
        fc.string({ maxLength: 40 }),
        fc.array(fc.string()),
        (tee, evidence, policyIds) => {
          const message = create(AttestationRequestSchema, { verificationRequests: [{ tee, evidence }], policyIds });
          expect(evaluate.requestDeserialize(evaluate.requestSerialize(message))).toEqual(message);
        },
      ),
      { numRuns: fuzzRuns(200) },
    );
  });

  test('hostile bytes throw or read, and never hang', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          evaluate.requestDeserialize(Buffer.from(bytes));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Error);
        }
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});

test('a verdict that is too large for metadata comes without claims', async () => {
  const address = await serve((await openWorld()).service);
  const noise = Array.from({ length: 800 }, (_, index) => encodeBase64url(digest('sha512', `${index}`)));
  const { verdict, token } = await connect(address).evaluate({
    entries: [sampleEntry({ ...RUNTIME_DATA, noise })],
    policyIds: [],
  });
  expect(token).toBeDefined();
  expect(verdict).not.toHaveProperty('claims');
  expect(verdict.findings.find(({ key }) => key === verdict.roots[0])?.id).toBe('rv.value.present');
});

describe('health', () => {
  test.each([
    [true, 'attestation.AttestationService', 1],
    [false, 'attestation.AttestationService', 2],
    [true, '', 1],
  ])('healthy %s, %j', async (healthy, service, answer) => {
    const address = await serve((await openWorld()).service, {}, healthy);
    const { response } = await call(address, healthDefinition.check, create(HealthCheckRequestSchema, { service }));
    expect(response.status).toBe(answer);
  });

  test('a watcher hears the present state at once', async () => {
    const address = await serve((await openWorld()).service);
    const client = new Client(address, credentials.createInsecure());
    closing.push(() => client.close());
    const { watch } = healthDefinition;
    const request = create(HealthCheckRequestSchema, { service: 'attestation.AttestationService' });
    const stream = client.makeServerStreamRequest(
      watch.path,
      watch.requestSerialize,
      watch.responseDeserialize,
      request,
    );
    stream.on('error', () => undefined);
    const first = await new Promise<{ readonly status: number }>((resolve) => stream.once('data', resolve));
    stream.cancel();
    expect(first.status).toBe(1);
  });

  test('an unknown service', async () => {
    const address = await serve((await openWorld()).service);
    expect(
      (await failure(call(address, healthDefinition.check, create(HealthCheckRequestSchema, { service: 'toString' }))))
        .code,
    ).toBe(status.NOT_FOUND);
  });
});
