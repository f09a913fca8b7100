import { createCipheriv, createPublicKey, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { encodeBase64, type JsonObject } from '@assay/bytes';
import { selfSigned } from '@assay/bytes/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KmsError } from '../driver.js';
import { type Fault, startVendor, type Vendor } from '../vendor.test.helper.js';
import { aliyunDriver } from './aliyun.js';
import { type AliyunState, aliyunAnswers, error, write } from './aliyun-vendor.test.helper.js';
import { privateKeyOfPkcs12 } from './pkcs12.js';
import { CURRENT, EC, LEGACY, PKCS12_PASSWORD } from './pkcs12.test.helper.js';

const INSTANCE = 'kst-shh64702cf2jvc';
const CLIENT = 'KAAP.f4c8-1';
const TOKEN = 'CAIS/token+with=signs~';
const NOW = new Date('2026-11-22T05:00:00.250Z');
const key = randomBytes(32);
const iv = randomBytes(12);
const cipher = createCipheriv('aes-256-gcm', key, iv);
const wrapped = Buffer.concat([cipher.update('a data key'), cipher.final(), cipher.getAuthTag()]);

let now: Date;
let vendor: Vendor;
let state: AliyunState;
const instanceHost = `${INSTANCE}.cryptoservice.kms.aliyuncs.com`;

async function start(publiclyTrusted: boolean): Promise<void> {
  now = NOW;
  const publicKey = createPublicKey(privateKeyOfPkcs12(LEGACY, PKCS12_PASSWORD));
  state = {
    clients: { [CLIENT]: publicKey },
    keys: { 'alias/key': key },
    secrets: { 'db@@': 'a secret', 'db@ACSPrevious@v 1': 'an older secret', 'café*@@': 'of another name' },
    sessions: { 'STS.id': { secret: 'sk', token: TOKEN, expires: new Date('2026-11-22T06:00:00Z') } },
    roles: {
      reader: {
        AccessKeyId: 'STS.id',
        AccessKeySecret: 'sk',
        SecurityToken: TOKEN,
        Expiration: '2026-11-22T06:00:00Z',
        Code: 'Success',
      },
      broken: { AccessKeyId: 'STS.id', AccessKeySecret: 'sk' },
    },
    now: () => now,
    nonces: new Set(),
  };
  const names = [instanceHost, 'kms.cn-shanghai.aliyuncs.com'];
  vendor = await startVendor({ names, now: () => now, answer: aliyunAnswers(state), publiclyTrusted });
}
afterEach(() => vendor.close());

const versions = { version_stage: '', version_id: '' };
const secret = async (name: string, settings: JsonObject, annotations: JsonObject = versions): Promise<string> => {
  const bytes = await aliyunDriver(vendor.options).getSecret?.(name, { settings, annotations });
  return Buffer.from(bytes ?? []).toString();
};
const failure = async (act: Promise<unknown>): Promise<KmsError> => {
  const found = await act.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(found instanceof KmsError)) throw new Error(`no KmsError: ${String(found)}`);
  return found;
};
/** Nothing that came with the credentials, and nothing that the service said, but its error's name. */
const tellsNothing = ({ message, cause }: KmsError): void => {
  for (const text of ['sk', TOKEN, 'STS.id', PKCS12_PASSWORD, 'secret detail', 'a secret', 'a data key'])
    expect(`${message} ${String((cause as Error | undefined)?.message)}`.split(/[\s:()]+/)).not.toContain(text);
};

describe('a dedicated instance', () => {
  const settings = { client_type: 'client_key', client_key_id: CLIENT, kms_instance_id: INSTANCE };
  beforeEach(async () => {
    await start(false);
    putClientKey(LEGACY);
    vendor.put(`password_${CLIENT}.json`, `${PKCS12_PASSWORD}\n`);
    vendor.put(`PrivateKmsCA_${INSTANCE}.pem`, vendor.certificate);
  });
  const putClientKey = (pfx: Uint8Array, id = CLIENT): string =>
    vendor.put(`clientKey_${CLIENT}.json`, JSON.stringify({ KeyId: id, PrivateKeyData: encodeBase64(pfx) }));
  const decrypt = async (
    change: JsonObject = {},
    annotations: JsonObject = { iv: encodeBase64(iv) },
    keyId = 'alias/key',
  ) => {
    const bytes = await aliyunDriver(vendor.options).decrypt?.(wrapped, keyId, {
      settings: { ...settings, ...change },
      annotations,
    });
    return Buffer.from(bytes ?? []).toString();
  };

  test('decrypts keys, and gives secrets by name and version', async () => {
    expect(await decrypt()).toBe('a data key');
    expect(await secret('db', settings)).toBe('a secret');
    expect(await secret('db', settings, { version_stage: 'ACSPrevious', version_id: 'v 1' })).toBe('an older secret');
    putClientKey(CURRENT);
    expect(await decrypt()).toBe('a data key');
    expect(vendor.requests.map(({ host }) => host)).toEqual(Array(4).fill(instanceHost));
    expect(vendor.requests[0]?.headers).toMatchObject({
      date: 'Sun, 22 Nov 2026 05:00:00 GMT',
      'x-kms-apiname': 'Decrypt',
      'x-kms-apiversion': 'dkms-gcs-0.2',
      'x-kms-signaturemethod': 'RSA_PKCS1_SHA_256',
      'content-type': 'application/x-protobuf',
    });
  });

  test.each<[string, string, () => unknown, Promise<unknown> | (() => Promise<unknown>)]>([
    ['a key that is not there', 'Forbidden.KeyNotFound', () => undefined, () => decrypt({}, undefined, 'other')],
    ['a secret that is not there', 'Forbidden.ResourceNotFound', () => undefined, () => secret('none', settings)],
    ['another IV', 'InvalidParameter', () => undefined, () => decrypt({}, { iv: encodeBase64(randomBytes(12)) })],
    [
      'a clock that is wrong',
      'RequestExpired',
      () => {
        state = Object.assign(state, { now: () => new Date(NOW.getTime() + 3_600_000) });
      },
      () => decrypt(),
    ],
    [
      'the key of another client',
      'SignatureDoesNotMatch',
      () => Object.assign(state.clients, { [CLIENT]: createPublicKey(privateKeyOfPkcs12(EC, 'x')) }),
      () => decrypt(),
    ],
    ['an unknown client', 'MissingParameter', () => putClientKey(LEGACY, 'other'), () => decrypt()],
  ])('%s is refused by name', async (_, name, change, act) => {
    change();
    const found = await failure((act as () => Promise<unknown>)());
    expect(found.fault).toBe('refused');
    expect(found.message).toContain(`(${name})`);
    tellsNothing(found);
  });

  test('only the certificate of the instance counts', async () => {
    vendor.put(`PrivateKmsCA_${INSTANCE}.pem`, selfSigned('another', [instanceHost]).certificate);
    const found = await failure(decrypt());
    expect([found.fault, vendor.requests.length]).toEqual(['unreachable', 0]);
    // Another name than that in the certificate.
    vendor.put('PrivateKmsCA_kst-other.pem', vendor.certificate);
    expect((await failure(decrypt({ kms_instance_id: 'kst-other' }))).message).toContain(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
    expect(vendor.requests).toHaveLength(0);
  });

  test.each<[string, JsonObject, RegExp]>([
    ['client_type', { client_type: 'other' }, /client_type must be client_key, ecs_ram_role, sts_token/],
    ['client_type of every object', { client_type: 'constructor' }, /client_type must be/],
    ['client_key_id', { client_key_id: '../x' }, /client_key_id/],
    ['client_key_id', { client_key_id: 1 }, /client_key_id/],
    ['kms_instance_id', { kms_instance_id: 'a.evil.example/' }, /kms_instance_id/],
    ['kms_instance_id', { kms_instance_id: 'kst.evil' }, /kms_instance_id/],
    ['another client', { client_key_id: 'none' }, /clientKey_none.json cannot be read \(ENOENT\)/],
    ['another instance', { kms_instance_id: 'kst-none' }, /PrivateKmsCA_kst-none.pem cannot be read/],
  ])('settings with a wrong %s send nothing', async (_, change, message) => {
    const found = await failure(decrypt(change));
    expect([found.fault, vendor.requests.length]).toEqual(['settings', 0]);
    expect(found.message).toMatch(message);
  });

  test.each<[string, () => unknown, RegExp]>([
    ['no JSON', () => vendor.put(`clientKey_${CLIENT}.json`, '{"KeyId":"sk"'), /not a JSON object/],
    ['no key', () => vendor.put(`clientKey_${CLIENT}.json`, '{"KeyId":"a"}'), /KeyId and PrivateKeyData/],
    ['no base64', () => vendor.put(`clientKey_${CLIENT}.json`, '{"KeyId":"a","PrivateKeyData":"%"}'), /PKCS#12/],
    ['an id with a line break', () => putClientKey(LEGACY, 'a\nb'), /KeyId is none/],
    [
      'a key of another kind',
      () => {
        putClientKey(EC);
        vendor.put(`password_${CLIENT}.json`, 'x');
      },
      /not of RSA/,
    ],
    ['another password', () => vendor.put(`password_${CLIENT}.json`, 'x'), /password is another/],
    ['no password', () => rmSync(join(vendor.options.folder, `password_${CLIENT}.json`)), /password_.* cannot be read/],
    ['a CA that is none', () => vendor.put(`PrivateKmsCA_${INSTANCE}.pem`, 'PEM'), /no certificate/],
    [
      'a CA that is a key',
      () => vendor.put(`PrivateKmsCA_${INSTANCE}.pem`, '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'),
      /no certificate/,
    ],
    [
      'a CA that does not parse',
      () =>
        vendor.put(`PrivateKmsCA_${INSTANCE}.pem`, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      /no certificate/,
    ],
    ['a file that is too large', () => vendor.put(`password_${CLIENT}.json`, 'x'.repeat(64 * 1024 + 1)), /more than/],
  ])('credentials with %s send nothing', async (_, change, message) => {
    change();
    const found = await failure(decrypt());
    expect([found.fault, vendor.requests.length]).toEqual(['settings', 0]);
    expect(found.message).toMatch(message);
    tellsNothing(found);
  });

  test.each<[string, JsonObject]>([
    ['no IV', {}],
    ['an IV that is not base64', { iv: '%' }],
    ['an IV that is no text', { iv: 1 }],
  ])('annotations with %s send nothing', async (_, annotations) => {
    expect((await failure(decrypt({}, annotations))).message).toContain('annotations.iv');
    expect(vendor.requests).toHaveLength(0);
  });

  test.each([{}, { version_stage: '' }, { version_id: '' }, { version_stage: '', version_id: 1 }])(
    'annotations %j of a secret send nothing',
    async (annotations) => {
      expect((await failure(secret('db', settings, annotations))).message).toContain('annotations.version');
      expect(vendor.requests).toHaveLength(0);
    },
  );

  test('a service that throttles is asked again, three times in all', async () => {
    vendor.faults.push(error(400, 'Throttling.User'), { status: 503, body: '' });
    expect(await decrypt()).toBe('a data key');
    expect(vendor.requests).toHaveLength(3);
    for (let n = 0; n < 3; n += 1) vendor.faults.push({ status: 429, body: '' });
    expect((await failure(decrypt())).fault).toBe('throttled');
    expect(vendor.requests).toHaveLength(6);
  });

  test.each<[string, Fault, string, RegExp]>([
    ['not in protobuf', { status: 200, body: '<html>secret detail' }, 'answer', /not in protobuf/],
    ['without a plaintext', { status: 200, body: write([[1, 'key']]) }, 'answer', /no plaintext/],
    ['a refusal not in protobuf', { status: 403, body: '<html>secret detail' }, 'refused', /answered 403/],
    ['a refusal with an odd name', error(403, 'a secret (x)'), 'refused', /no reason given/],
    ['a redirect', { status: 302, body: '' }, 'refused', /302/],
    ['none', 'silence', 'unreachable', /no answer in time/],
    ['without an end', 'flood', 'unreachable', /longer than 1048576/],
  ])('an answer that is %s', async (_, fault, kind, message) => {
    vendor.faults.push(fault);
    const found = await failure(decrypt());
    expect(found.fault).toBe(kind);
    expect(found.message).toMatch(message);
    tellsNothing(found);
    expect(vendor.requests).toHaveLength(1);
  });
});

describe('the shared service of a region', () => {
  let path: string;
  const sts = (change: JsonObject = {}) => ({
    client_type: 'sts_token',
    token_path: path,
    region_id: 'cn-shanghai',
    ...change,
  });
  beforeEach(async () => {
    await start(true);
    path = vendor.put('token', `STS.id:sk:${TOKEN}\n`);
    putRole({ ecs_ram_role_name: 'reader', region_id: 'cn-shanghai' });
  });
  const putRole = (role: object): string => vendor.put('ecsRamRole.json', JSON.stringify(role));
  const role = { client_type: 'ecs_ram_role' };

  test('gives secrets to who has the token of a session', async () => {
    expect(await secret('db', sts())).toBe('a secret');
    expect(await secret('db', sts(), { version_stage: 'ACSPrevious', version_id: 'v 1' })).toBe('an older secret');
    expect(await secret('café*', sts())).toBe('of another name');
    expect(vendor.requests.map(({ host }) => host)).toEqual(Array(3).fill('kms.cn-shanghai.aliyuncs.com'));
  });

  test('gives secrets to an instance with a role', async () => {
    expect(await secret('db', role)).toBe('a secret');
    expect(vendor.requests.map(({ host }) => host)).toEqual(['100.100.100.200', 'kms.cn-shanghai.aliyuncs.com']);
  });

  test('decrypts nothing', async () => {
    for (const settings of [sts(), role]) {
      const act = aliyunDriver(vendor.options).decrypt?.(wrapped, 'alias/key', { settings, annotations: {} });
      expect((await failure(act ?? Promise.resolve())).message).toContain('decrypts nothing');
    }
    expect(vendor.requests).toHaveLength(0);
  });

  test.each<[string, () => unknown, string]>([
    [
      'a session that has expired',
      () => {
        now = new Date('2026-11-22T06:00:00Z');
      },
      'InvalidSecurityToken.Expired',
    ],
    ['the token of another session', () => vendor.put('token', 'STS.id:sk:other'), 'InvalidSecurityToken.Malformed'],
    ['another key', () => vendor.put('token', `STS.id:other:${TOKEN}`), 'SignatureDoesNotMatch'],
    ['an unknown id', () => vendor.put('token', `STS.none:sk:${TOKEN}`), 'InvalidAccessKeyId.NotFound'],
  ])('%s is refused by name', async (_, change, name) => {
    change();
    const found = await failure(secret('db', sts()));
    expect(found.fault).toBe('refused');
    expect(found.message).toBe(
      `Aliyun KMS: kms.cn-shanghai.aliyuncs.com answered ${name.startsWith('InvalidAccess') ? 404 : 400} (${name})`,
    );
    tellsNothing(found);
  });

  test('each request has a nonce of its own, also where it is made again', async () => {
    vendor.faults.push({ status: 400, body: '{"Code":"Throttling"}' }, { status: 503, body: 'x' });
    expect(await secret('db', sts())).toBe('a secret');
    const nonces = vendor.requests.map(({ path: query }) =>
      new URL(query, 'https://x').searchParams.get('SignatureNonce'),
    );
    expect(new Set(nonces).size).toBe(3);
  });

  test.each<[string, JsonObject]>([
    ['region_id', { region_id: 'a.evil.example' }],
    ['region_id', { region_id: 'cn/../' }],
    ['token_path', { token_path: 'token' }],
    ['token_path', { token_path: '/run/../etc/shadow' }],
    ['token_path', { token_path: '/run/./x' }],
    ['token_path', { token_path: '/run//x' }],
    ['token_path', { token_path: 7 }],
  ])('settings with a wrong %s send nothing: %j', async (name, change) => {
    expect((await failure(secret('db', sts(change)))).message).toContain(`provider_settings.${name}`);
    expect(vendor.requests).toHaveLength(0);
  });

  test.each(['', 'a:b', 'a:b:c:d', 'a::c', 'a:b c:d', 'a:b:é'])('a token file %j sends nothing', async (text) => {
    vendor.put('token', text);
    const found = await failure(secret('db', sts()));
    expect(found.message).toMatch(/is not ID:SECRET:TOKEN$/);
    expect(vendor.requests).toHaveLength(0);
  });

  test.each<[string, object, RegExp, number]>([
    ['of no name', { region_id: 'cn-shanghai' }, /must have ecs_ram_role_name/, 0],
    ['that leaves its folder', { ecs_ram_role_name: '../x', region_id: 'cn-shanghai' }, /not the names/, 0],
    ['of no region', { ecs_ram_role_name: 'reader', region_id: 'x.evil' }, /not the names/, 0],
    ['that the instance has not', { ecs_ram_role_name: 'none', region_id: 'cn-shanghai' }, /answered 404/, 1],
    ['without a token', { ecs_ram_role_name: 'broken', region_id: 'cn-shanghai' }, /no key of a session/, 1],
  ])('a role %s gives no secret', async (_, content, message, requests) => {
    putRole(content);
    expect((await failure(secret('db', role))).message).toMatch(message);
    expect(vendor.requests).toHaveLength(requests);
  });

  test('a role whose key has expired gives no secret', async () => {
    now = new Date('2026-11-22T06:00:00Z');
    expect((await failure(secret('db', role))).message).toContain('expired');
    expect(vendor.requests).toHaveLength(1);
  });

  test.each<[string, Fault, RegExp]>([
    ['no JSON', { status: 200, body: 'secret detail' }, /not a JSON object/],
    ['no object', { status: 200, body: '[]' }, /not a JSON object/],
    ['without a secret', { status: 200, body: '{}' }, /no secret/],
    ['a secret that is no text', { status: 200, body: '{"SecretData":1}' }, /no secret/],
    ['a refusal without a name', { status: 403, body: '{"Message":"secret detail"}' }, /403 \(no reason given\)/],
    ['a refusal that is no JSON', { status: 500, body: '{' }, /500 \(no reason given\)/],
    ['none', 'silence', /no answer in time/],
  ])('an answer that is %s', async (_, fault, message) => {
    vendor.faults.push(fault);
    const found = await failure(secret('db', sts()));
    expect(found.message).toMatch(message);
    tellsNothing(found);
  });
});
