import { createCipheriv, generateKeyPairSync, sign } from 'node:crypto';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeUtf8 } from '@assay/bytes';
import { KmsError, kmsDrivers } from '@assay/kms/drivers';
import { formatResourceUri, SealedSecretError } from '@assay/protocol';
import { temporaryFolder } from '@assay/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { KbcError } from '../kbc/kbc-error.js';
import { localKeysIn } from './local-keys.js';
import { type Unsealing, unseal } from './unseal.js';

const root = temporaryFolder('unseal-');

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = encodeUtf8(JSON.stringify(publicKey.export({ format: 'jwk' })));
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const seal = (payload: unknown, kid = 'local'): Uint8Array => {
  const text = `${part({ alg: 'ES256', kid })}.${part(payload)}`;
  const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return encodeUtf8(`sealed.${text}.${signature.toString('base64url')}`);
};
const vault = {
  version: '0.1.0',
  type: 'vault',
  name: 'kbs:///default/secret/1',
  provider: 'kbs',
  provider_settings: {},
  annotations: {},
};
const key = new Uint8Array(32).fill(5);
const iv = new Uint8Array(12).fill(6);
const cipher = createCipheriv('aes-256-gcm', key, iv);
const data = Buffer.concat([cipher.update('data'), cipher.final(), cipher.getAuthTag()]);
const envelope = {
  version: '0.1.0',
  type: 'envelope',
  key_id: 'key-1',
  encrypted_key: Buffer.from('wrapped').toString('base64'),
  encrypted_data: data.toString('base64'),
  wrap_type: 'A256GCM',
  iv: Buffer.from(iv).toString('base64'),
  provider: 'AWS',
  provider_settings: { region: 'r' },
  annotations: { a: 1 },
};

let fetched: string[];
let asked: unknown[];
let unsealing: Unsealing;
beforeEach(() => {
  fetched = [];
  asked = [];
  unsealing = {
    skipVerification: false,
    localKey: async (kid) => (kid === 'local' ? jwk : undefined),
    getResource: async (uri) => {
      const name = formatResourceUri(uri);
      fetched.push(name);
      if (name === 'kbs:///default/keys/signer') return jwk;
      if (name === 'kbs:///default/secret/1') return encodeUtf8('the secret\n');
      throw new KbcError('missing', 'not there', { status: 404 });
    },
    kms: {
      aws: {
        decrypt: async (ciphertext, keyId, reference) => {
          asked.push([Buffer.from(ciphertext).toString(), keyId, reference]);
          return key;
        },
        getSecret: async (name) => encodeUtf8(`secret of ${name}`),
      },
      keyless: { getSecret: async () => encodeUtf8('x') },
      secretless: { decrypt: () => Promise.reject(new KmsError('refused', 'service refuses')) },
    },
  };
});
const plain = async (secret: Uint8Array, change: Partial<Unsealing> = {}): Promise<string> =>
  Buffer.from(await unseal(secret, { ...unsealing, ...change })).toString();
const fault = async (secret: Uint8Array, change: Partial<Unsealing> = {}): Promise<string> => {
  try {
    await unseal(secret, { ...unsealing, ...change });
  } catch (error) {
    if (error instanceof SealedSecretError) return error.fault;
    throw error;
  }
  return 'none';
};

test('a secret of the broker is given as it is, signed by a key of this machine or of the broker', async () => {
  expect(await plain(seal(vault))).toBe('the secret\n');
  expect(await plain(seal({ ...vault, provider: 'KBS' }, 'kbs:///default/keys/signer'))).toBe('the secret\n');
  expect(fetched).toEqual(['kbs:///default/secret/1', 'kbs:///default/keys/signer', 'kbs:///default/secret/1']);
});

test('an envelope is opened with the key that its service decrypts', async () => {
  expect(await plain(seal(envelope))).toBe('data');
  expect(asked).toEqual([['wrapped', 'key-1', { settings: { region: 'r' }, annotations: { a: 1 } }]]);
  expect(await plain(seal({ ...vault, provider: 'aws', name: 'n' }))).toBe('secret of n');
});

test.each<[string, object, string]>([
  ['another version', { ...vault, version: '0.2.0' }, 'unsupported-version'],
  ['a provider that is not there', { ...vault, provider: 'none' }, 'unsupported-provider'],
  ['a name of every object', { ...vault, provider: 'constructor' }, 'unsupported-provider'],
  ['a provider that keeps no secrets', { ...vault, provider: 'secretless' }, 'unsupported-provider'],
  ['an envelope of the broker', { ...envelope, provider: 'kbs' }, 'unsupported-provider'],
  ['an envelope of a provider that opens none', { ...envelope, provider: 'keyless' }, 'unsupported-provider'],
  ['a service that refuses', { ...envelope, provider: 'secretless' }, 'provider-failed'],
  ['a secret that is not there', { ...vault, name: 'kbs:///default/secret/2' }, 'provider-failed'],
  ['a name that is no URI', { ...vault, name: 'default/secret/1' }, 'malformed'],
  ['a name that is no URI of the broker', { ...vault, name: 'http://x/a/b/c' }, 'malformed'],
  ['a key that is not base64', { ...envelope, encrypted_key: '%' }, 'malformed'],
  ['data of another key', { ...envelope, iv: Buffer.alloc(12).toString('base64') }, 'decryption-failed'],
  ['another cipher', { ...envelope, wrap_type: 'A128GCM' }, 'decryption-failed'],
])('%s is not unsealed', async (_, payload, expected) => {
  expect(await fault(seal(payload))).toBe(expected);
});

test.each(['other', 'kbs:///default/keys/none'])('signing key %s is not there', async (kid) => {
  expect(await fault(seal(vault, kid))).toBe('key-not-found');
});

test('settings and annotations come to the driver of the provider that is named', async () => {
  const folder = mkdtempSync(join(root, 'kms-'));
  const put = (path: string, content: string): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  put('ehsm/credential_app.json', '{"AppId":"app","ApiKey":"k"}');
  put('token', 'id:secret:token');
  const sent: string[] = [];
  const kms = kmsDrivers({
    folder,
    env: {},
    send: async ({ host, path, body = new Uint8Array() }) => {
      sent.push(`${host} ${path.split('&')[0]} ${Buffer.from(body).toString()}`);
      const answer = host.startsWith('kms.')
        ? { SecretData: `the secret ${new URL(path, 'https://x').searchParams.get('VersionStage')}` }
        : { code: 200, result: { plaintext: Buffer.from(key).toString('base64') } };
      return { status: 200, body: encodeUtf8(JSON.stringify(answer)) };
    },
  });
  const ehsm = {
    ...envelope,
    provider: 'eHSM',
    encrypted_key: Buffer.from('Y2lwaGVydGV4dA==').toString('base64'),
    provider_settings: { app_id: 'app', endpoint: 'https://ehsm.example' },
  };
  expect(await plain(seal(ehsm), { kms })).toBe('data');
  expect(sent[0]).toMatch(/^ehsm\.example \/ehsm\?Action=Decrypt .*"ciphertext":"Y2lwaGVydGV4dA==","keyid":"key-1"/);
  const aliyun = {
    ...vault,
    provider: 'aliyun',
    name: 'db',
    provider_settings: { client_type: 'sts_token', token_path: join(folder, 'token'), region_id: 'cn-shanghai' },
    annotations: { version_stage: 'ACSCurrent', version_id: '' },
  };
  expect(await plain(seal(aliyun), { kms })).toBe('the secret ACSCurrent');
  expect(sent[1]).toMatch(/^kms\.cn-shanghai\.aliyuncs\.com /);
  // What it cannot do, and what its driver refuses.
  expect(await fault(seal({ ...aliyun, provider: 'ehsm' }), { kms })).toBe('unsupported-provider');
  expect(await fault(seal({ ...aliyun, annotations: {} }), { kms })).toBe('provider-failed');
  expect(await fault(seal({ ...envelope, provider: 'aliyun' }), { kms })).toBe('provider-failed');
  expect(sent).toHaveLength(2);
});

test('an envelope of the broker is none, also where something decrypts under that name', async () => {
  const kms = { ...unsealing.kms, kbs: { decrypt: async () => key } };
  expect(await fault(seal({ ...envelope, provider: 'KBS' }), { kms })).toBe('unsupported-provider');
});

test('a key id like a broken URI is not looked for anywhere', async () => {
  expect(await fault(seal(vault, 'kbs:x'), { localKey: async () => jwk })).toBe('malformed');
  expect(fetched).toEqual([]);
});

test('bytes that are no text, and without verification the form only', async () => {
  expect(await fault(Uint8Array.of(0xff))).toBe('malformed');
  const fake = encodeUtf8(`sealed.x.${part(vault)}.y`);
  expect(await fault(fake)).toBe('malformed');
  expect(await plain(fake, { skipVerification: true })).toBe('the secret\n');
});

describe('signing keys of this machine', () => {
  const folder = join(root, 'cdh/sealed-secret');
  mkdirSync(join(folder, 'team'), { recursive: true });
  writeFileSync(join(folder, 'a'), 'key a');
  writeFileSync(join(folder, 'team/b'), 'key b');
  writeFileSync(join(folder, 'large'), new Uint8Array(64 * 1024 + 1));
  writeFileSync(join(root, 'outside'), 'secret');
  symlinkSync(join(root, 'outside'), join(folder, 'link'));
  symlinkSync(join(folder, 'a'), join(folder, 'alias'));
  const find = localKeysIn(folder);

  test.each([
    ['a', 'key a'],
    ['team/b', 'key b'],
    ['alias', 'key a'],
  ])('%s is found', async (kid, content) => {
    expect(Buffer.from((await find(kid)) ?? []).toString()).toBe(content);
  });

  test.each([
    'none',
    '../../outside',
    'team/../a',
    './a',
    '/a',
    'a/',
    'team',
    'link',
    'large',
    'a\0',
    '',
    'a/b',
    'x'.repeat(5000),
  ])('%j is not', async (kid) => {
    expect(await find(kid)).toBeUndefined();
  });

  test('without the folder there are none', async () => {
    expect(await localKeysIn(join(root, 'nowhere'))('a')).toBeUndefined();
  });
});
