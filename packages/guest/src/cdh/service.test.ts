import { createCipheriv, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { generateTeeKeyPair, parseResourceUri } from '@assay/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { sampleAttester } from '../attester/sample.js';
import { DEFAULT_IMAGE_CONFIG } from '../config/image-config.js';
import { startTestGuest, type TestGuest, type TestGuestOptions } from '../guest.test.helper.js';
import { CcKbc } from '../kbc/cc-kbc.js';
import { KbcError } from '../kbc/kbc-error.js';
import { TokenKbc } from '../kbc/token-kbc.js';
import { DataHub } from './data-hub.js';

let guest: TestGuest | undefined;
afterEach(async () => {
  await guest?.stop();
  guest = undefined;
});
const start = async (options: TestGuestOptions = {}): Promise<TestGuest> => {
  guest = await startTestGuest(options);
  return guest;
};
const text = (bytes: unknown): string => Buffer.from(bytes as Uint8Array).toString('utf8');
const secrets = { 'default/key/1': 'the secret' };
const resource = { ResourcePath: 'kbs:///default/key/1' };
const RESOURCES = 'api.GetResourceService';

describe.each(['ttrpc', 'grpc'] as const)('over %s', (face) => {
  test('a resource is its bytes', async () => {
    const { hub } = await start({ broker: { secrets } });
    const { code, response } = await hub[face](RESOURCES, 'GetResource', resource);
    expect([code, text(response['Resource'])]).toEqual([0, 'the secret']);
  });

  test.each(['kbs:///default/key/none', 'nonsense', 'http://x/a/b/c', ''])(
    '%j is not found, and the caller is not told why',
    async (path) => {
      const { hub, failures } = await start({ broker: { secrets } });
      expect(await hub[face](RESOURCES, 'GetResource', { ResourcePath: path })).toEqual({
        code: 13,
        message: '[CDH] [ERROR]: Get Resource failed',
        response: {},
      });
      expect(failures).toHaveLength(1);
    },
  );

  test('secrets that are not sealed and mounts that are none are refused', async () => {
    const { hub } = await start();
    expect(await hub[face]('api.SealedSecretService', 'UnsealSecret', { secret: Buffer.from('plain') })).toMatchObject({
      code: 13,
      message: '[CDH] [ERROR]: Unseal Secret failed',
    });
    expect(
      await hub[face]('api.SecureMountService', 'SecureMount', { volume_type: 'x', mount_point: '/m' }),
    ).toMatchObject({
      code: 13,
      message: '[CDH] [ERROR]: Secure Mount failed',
    });
  });

  test('an image that cannot be pulled: the caller is told why', async () => {
    const { hub, failures, folder } = await start();
    const bundle = join(folder, 'bundle');
    const pull = (image: string, path = bundle) =>
      hub[face]('api.ImagePullService', 'PullImage', { image_url: image, bundle_path: path });
    expect(await pull('a b')).toEqual({
      code: 13,
      message: expect.stringMatching(/^\[CDH\] \[ERROR\]: Image Pull error: a b: /),
      response: {},
    });
    expect(await pull('127.0.0.1:1/a:v1', 'b')).toMatchObject({
      code: 13,
      message: '[CDH] [ERROR]: Image Pull error: bundle_path must be absolute',
    });
    expect(failures).toHaveLength(2);
    expect(existsSync(bundle)).toBe(false);
  });

  test('without its policy nothing is pulled; it is fetched again by the next pull', async () => {
    const policy = { uri: 'kbs:///default/policy/1' };
    const { hub, broker, folder } = await start({ hub: { image: { ...DEFAULT_IMAGE_CONFIG, policy } } });
    const request = { image_url: '127.0.0.1:1/a:v1', bundle_path: join(folder, 'bundle') };
    for (const times of [1, 2]) {
      expect(await hub[face]('api.ImagePullService', 'PullImage', request)).toMatchObject({
        code: 13,
        message: expect.stringContaining('[CDH] [ERROR]: Image Client error: '),
      });
      expect(broker.count('/default/policy/1')).toBe(times);
    }
  });

  test('WrapKey is not for the guest', async () => {
    const { hub } = await start();
    const answer = await hub[face]('keyprovider.KeyProviderService', 'WrapKey');
    expect(answer.code).toBe(face === 'ttrpc' ? 5 : 12);
    if (face === 'ttrpc') expect(answer.message).toBe('/keyprovider.KeyProviderService/WrapKey is not supported');
  });

  test.each(['keyprovider.KeyProviderService', 'api.KeyProviderService'])(
    '%s unwraps the key of a layer',
    async (service) => {
      const key = '0123456789abcdef0123456789abcdef';
      const { hub } = await start({ broker: { secrets: { 'default/image-kek/1': key } } });
      const { code, response } = await hub[face](service, 'UnWrapKey', {
        KeyProviderKeyWrapProtocolInput: unwrapRequest(packet('{"}', key)),
      });
      expect([code, text(response['KeyProviderKeyWrapProtocolOutput'])]).toEqual([
        0,
        '{"keyunwrapresults":{"optsdata":[123,34,125]}}',
      ]);
    },
  );

  test('key provider requests that cannot be read, and packets that do not open', async () => {
    const key = '0123456789abcdef0123456789abcdef';
    const { hub } = await start({ broker: { secrets: { 'default/image-kek/1': key } } });
    const unwrap = (input: Buffer) =>
      hub[face]('keyprovider.KeyProviderService', 'UnWrapKey', { KeyProviderKeyWrapProtocolInput: input });
    expect(await unwrap(Buffer.from('{'))).toMatchObject({
      code: 13,
      message: '[ERROR] UnwrapKey Parse request failed',
    });
    const wrong = packet('{"}', 'ffffffffffffffffffffffffffffffff');
    expect(await unwrap(unwrapRequest(wrong))).toMatchObject({
      code: 13,
      message: '[CDH] [ERROR]: Decrypt Image (UnwrapKey) failed',
    });
  });
});

function packet(plain: string, key: string): object {
  const iv = Buffer.alloc(12, 1);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key), iv);
  const data = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return {
    kid: 'kbs:///default/image-kek/1',
    wrapped_data: data.toString('base64'),
    iv: iv.toString('base64'),
    wrap_type: 'A256GCM',
  };
}

function unwrapRequest(annotation: object): Buffer {
  return Buffer.from(
    JSON.stringify({
      op: 'keyunwrap',
      keywrapparams: { ec: null, optsdata: null },
      keyunwrapparams: {
        dc: { Parameters: { 'attestation-agent': ['Y2M='] } },
        annotation: Buffer.from(JSON.stringify(annotation)).toString('base64'),
      },
    }),
  );
}

test('a thousand callers at once are each answered right, and share one attestation', async () => {
  const names = Array.from({ length: 1000 }, (_, n) => `default/key/${n}`);
  const { hub, broker } = await start({
    broker: { secrets: Object.fromEntries(names.map((name, n) => [name, `secret ${n}`])) },
  });
  const before = process.memoryUsage().rss;
  const faces = ['ttrpc', 'grpc'] as const;
  const answers = await Promise.all(
    names.map((name, n) => hub[faces[n % 2] ?? 'ttrpc'](RESOURCES, 'GetResource', { ResourcePath: `kbs:///${name}` })),
  );
  expect(answers.map(({ code, response }) => [code, text(response['Resource'])])).toEqual(
    names.map((_, n) => [0, `secret ${n}`]),
  );
  expect(broker.count('/attest')).toBe(1);
  // Both sides and the broker are in this process.
  expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
});

test('a token is used until it expires; then all share the next attestation', async () => {
  let time = Date.parse('2026-01-01T00:00:00Z');
  const { hub, broker } = await start({ broker: { secrets, tokenSeconds: 60 }, now: () => new Date(time) });
  const ask = (count: number) =>
    Promise.all(Array.from({ length: count }, () => hub.ttrpc(RESOURCES, 'GetResource', resource)));
  await ask(3);
  time += 59_000;
  await ask(3);
  expect(broker.count('/attest')).toBe(1);
  time += 1000;
  expect((await ask(20)).every(({ code }) => code === 0)).toBe(true);
  expect(broker.count('/attest')).toBe(2);
});

test('a token that the broker refuses is replaced, at most twice, and shared again', async () => {
  let refusals = 10;
  const { hub, broker } = await start({
    broker: {
      secrets,
      change: (answer, request) => {
        if (!request.path.endsWith('/default/key/1') || refusals === 0) return answer;
        refusals -= 1;
        return { status: 401, setCookie: [], body: Buffer.from('{"type":"x","detail":"token"}') };
      },
    },
  });
  // Ten calls in flight are refused with the first token; one new attestation serves them all.
  const answers = await Promise.all(Array.from({ length: 10 }, () => hub.ttrpc(RESOURCES, 'GetResource', resource)));
  expect(answers.every(({ code }) => code === 0)).toBe(true);
  expect(broker.count('/attest')).toBe(2);
  refusals = 1000;
  const before = broker.count('/attest');
  expect((await hub.ttrpc(RESOURCES, 'GetResource', resource)).code).toBe(13);
  expect(broker.count('/attest') - before).toBe(2);
});

test('while the agent is away calls fail; once it is back they work', async () => {
  let away = true;
  const { hub } = await start({
    broker: {
      secrets,
      change: (answer, { path }) =>
        away && path.endsWith('/auth')
          ? { status: 403, setCookie: [], body: Buffer.from('{"type":"x","detail":"y"}') }
          : answer,
    },
  });
  expect((await hub.ttrpc(RESOURCES, 'GetResource', resource)).code).toBe(13);
  away = false;
  expect((await hub.ttrpc(RESOURCES, 'GetResource', resource)).code).toBe(0);
});

test('credentials of the configuration become files of their owner, or the start fails', async () => {
  const { broker, folder } = await start({ broker: { secrets } });
  const options = { transport: broker.transport, random: (n: number) => randomBytes(n), now: () => new Date() };
  const credential = async () => ({
    token: await new CcKbc({ ...options, attester: sampleAttester(), keyPair }).getToken(),
    keyPair,
  });
  const keyPair = generateTeeKeyPair('ECDH-ES+A256KW-P256', options.random);
  const hub = new DataHub({
    kbc: new TokenKbc({ ...options, credential }),
    kms: {},
    skipSealedSecretVerification: false,
    folder,
    root: folder,
    run: () => Promise.reject(new Error('no program was expected')),
  });
  const path = '/run/confidential-containers/cdh/kbs/a/b.json';
  await hub.fetchCredentials([{ uri: parseResourceUri('kbs:///default/key/1'), path }]);
  const file = join(folder, path);
  expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['the secret', 0o600]);
  const missing = { uri: parseResourceUri('kbs:///default/key/2'), path: `${path}2` };
  await expect(hub.fetchCredentials([missing])).rejects.toThrow(KbcError);
});
