import { createHmac } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { encodeUtf8, type JsonObject } from '@assay/bytes';
import { selfSigned } from '@assay/bytes/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KmsError } from '../driver.js';
import { type Fault, startVendor, type Vendor, type VendorAnswer, type VendorRequest } from '../vendor.test.helper.js';
import { ehsmDriver, signedRequest } from './ehsm.js';

const APP = '86f0e9fe-7f05-4110-9f65-a224ddee1233';
const API_KEY = 'fVt/api+key=';
const NOW = new Date('2026-11-22T05:00:00.123Z');
const KEY_ID = 'aac3e45a-d3dc-4791-89b6-4ada0e38e6ef';
const CIPHERTEXT = Buffer.from('ciphertext of ehsm').toString('base64');

let vendor: Vendor;
let serverTime: Date;
const seen = new Set<string>();
const result = (code: number, message: string, members: object = {}): VendorAnswer => ({
  status: 200,
  body: JSON.stringify({ code, message, result: members }),
});

/** The service as its sources have it: what was signed is put together again from the request. */
function answer({ method, path, body }: VendorRequest): VendorAnswer {
  const { sign, ...request } = JSON.parse(body.toString()) as Record<string, string | Record<string, string>>;
  const { appid, nonce, timestamp, payload } = request;
  if (!appid || !nonce || !timestamp || !sign || !payload) return result(400, 'Missing required parameters');
  if (method !== 'POST' || path !== '/ehsm?Action=Decrypt') return result(404, 'API not found');
  if (String(timestamp).length !== 13 || Math.abs(serverTime.getTime() - Number(timestamp)) > 10 * 60_000)
    return result(400, 'Timestamp error');
  if (seen.has(String(nonce))) return result(400, "Nonce can't be repeated in 20 minutes");
  seen.add(String(nonce));
  if (appid !== APP || createHmac('sha256', API_KEY).update(flat(request)).digest('base64') !== sign)
    return result(400, 'sign error');
  const { keyid, ciphertext } = payload as Record<string, string>;
  if (keyid !== KEY_ID) return result(400, 'keyid error');
  if (ciphertext !== CIPHERTEXT) return result(400, 'decrypt failed');
  return result(200, 'success!', { plaintext: Buffer.from('a data key').toString('base64') });
}

function flat(members: Readonly<Record<string, string | Record<string, string>>>): string {
  let text = '';
  for (const name of Object.keys(members).sort()) {
    const value = members[name] ?? '';
    if (value !== '') text += `${text === '' ? '' : '&'}${name}=${typeof value === 'object' ? flat(value) : value}`;
  }
  return text;
}

beforeEach(async () => {
  serverTime = NOW;
  seen.clear();
  vendor = await startVendor({ names: ['ehsm.example', 'localhost'], now: () => NOW, answer, publiclyTrusted: false });
  vendor.put(`credential_${APP}.json`, JSON.stringify({ AppId: APP, ApiKey: API_KEY }));
  vendor.put(`ca_${APP}.pem`, vendor.certificate);
});
afterEach(() => vendor.close());

const settings = { app_id: APP, endpoint: 'https://ehsm.example:9000' };
const decrypt = async (change: JsonObject = {}, ciphertext = CIPHERTEXT, keyId = KEY_ID): Promise<string> => {
  const reference = { settings: { ...settings, ...change }, annotations: {} };
  const bytes = await ehsmDriver(vendor.options).decrypt?.(encodeUtf8(ciphertext), keyId, reference);
  return Buffer.from(bytes ?? []).toString();
};
const failure = async (act: Promise<unknown>): Promise<KmsError> => {
  const found = await act.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(found instanceof KmsError)) throw new Error(`no KmsError: ${String(found)}`);
  for (const text of [API_KEY, CIPHERTEXT, 'a data key', 'secret detail']) expect(found.message).not.toContain(text);
  return found;
};

test('keys are decrypted by the service', async () => {
  expect(await decrypt()).toBe('a data key');
  expect(await decrypt({ endpoint: 'https://ehsm.example/' })).toBe('a data key');
  expect(vendor.requests.map(({ host }) => host)).toEqual(['ehsm.example:9000', 'ehsm.example']);
  expect(ehsmDriver(vendor.options).getSecret).toBeUndefined();
});

test('the signature is over the sorted members', () => {
  const options = { now: () => NOW, nonce: () => '42' };
  expect(signedRequest('app', 'key', { keyid: 'k', ciphertext: 'YQ==', aad: '' }, options)).toEqual({
    appid: 'app',
    nonce: '42',
    payload: { keyid: 'k', ciphertext: 'YQ==', aad: '' },
    timestamp: '1795323600123',
    sign: createHmac('sha256', 'key')
      .update('appid=app&nonce=42&payload=ciphertext=YQ==&keyid=k&timestamp=1795323600123')
      .digest('base64'),
  });
});

test('the credential may have the name that is documented upstream', async () => {
  rmSync(join(vendor.options.folder, `credential_${APP}.json`));
  vendor.put(`credential.${APP}.json`, JSON.stringify({ AppId: APP, ApiKey: API_KEY }));
  expect(await decrypt()).toBe('a data key');
});

test('a certificate is judged by the one that was delivered, and by public roots where none was', async () => {
  vendor.put(`ca_${APP}.pem`, selfSigned('another', ['ehsm.example']).certificate);
  expect((await failure(decrypt())).fault).toBe('unreachable');
  rmSync(join(vendor.options.folder, `ca_${APP}.pem`));
  expect((await failure(decrypt())).message).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
  vendor.put(`ca_${APP}.pem`, 'none');
  expect((await failure(decrypt())).message).toContain('holds no certificate');
  expect(vendor.requests).toHaveLength(0);
});

test.each<[string, () => unknown, string, Parameters<typeof decrypt>]>([
  [
    'a wrong clock',
    () => {
      serverTime = new Date(NOW.getTime() + 3_600_000);
    },
    'Timestamp error',
    [],
  ],
  [
    'another key of the API',
    () => vendor.put(`credential_${APP}.json`, `{"AppId":"${APP}","ApiKey":"other"}`),
    'sign error',
    [],
  ],
  ['another key', () => undefined, 'keyid error', [{}, CIPHERTEXT, 'other']],
  ['another ciphertext', () => undefined, 'decrypt failed', [{}, 'YQ==']],
])('%s is refused with the words of the service', async (_, change, words, args) => {
  change();
  const found = await failure(decrypt(...args));
  expect([found.fault, found.message]).toEqual(['refused', `eHSM: ehsm.example:9000 answered code 400 (${words})`]);
});

test.each<[string, JsonObject]>([
  ['app_id', { app_id: '../x' }],
  ['app_id', { app_id: '' }],
  ['app_id', { app_id: 1 }],
  ['endpoint', { endpoint: 'http://ehsm.example' }],
  ['endpoint', { endpoint: 'https://user@ehsm.example' }],
  ['endpoint', { endpoint: 'https://ehsm.example/path' }],
  ['endpoint', { endpoint: 'https://ehsm.example?x' }],
  ['endpoint', { endpoint: 'ehsm.example' }],
])('settings with a wrong %s send nothing: %j', async (name, change) => {
  const found = await failure(decrypt(change));
  expect([found.fault, found.message.includes(`provider_settings.${name}`)]).toEqual(['settings', true]);
  expect(vendor.requests).toHaveLength(0);
});

test.each<[string, string]>([
  ['no JSON', '{"ApiKey":"fVt/api+key='],
  ['no AppId', `{"ApiKey":"${API_KEY}"}`],
  ['an empty ApiKey', `{"AppId":"${APP}","ApiKey":""}`],
  ['another AppId', `{"AppId":"other","ApiKey":"${API_KEY}"}`],
])('a credential with %s sends nothing', async (_, content) => {
  vendor.put(`credential_${APP}.json`, content);
  expect((await failure(decrypt())).fault).toBe('settings');
  expect(vendor.requests).toHaveLength(0);
});

test('without a credential the error names the file that should be there', async () => {
  rmSync(join(vendor.options.folder, `credential_${APP}.json`));
  expect((await failure(decrypt())).message).toContain(`credential_${APP}.json cannot be read (ENOENT)`);
  // Found and wrong is not the same as not found.
  vendor.put(`credential.${APP}.json`, '[]');
  expect((await failure(decrypt())).message).toContain('not a JSON object');
});

test.each<[string, string, string]>([
  ['an encrypted key that is no base64', 'a b', KEY_ID],
  ['an empty one', '', KEY_ID],
  ['a key id with a &', CIPHERTEXT, 'k&payload=x'],
  ['an empty key id', CIPHERTEXT, ''],
])('%s sends nothing', async (_, ciphertext, keyId) => {
  expect((await failure(decrypt({}, ciphertext, keyId))).fault).toBe('settings');
  expect(vendor.requests).toHaveLength(0);
});

test('a service that throttles is asked again, with a nonce of its own', async () => {
  vendor.faults.push({ status: 429, body: '' }, { status: 503, body: '' });
  expect(await decrypt()).toBe('a data key');
  const nonces = vendor.requests.map(({ body }) => (JSON.parse(body.toString()) as { nonce: string }).nonce);
  expect(new Set(nonces).size).toBe(3);
});

test.each<[string, Fault, string, RegExp]>([
  ['no JSON', { status: 200, body: 'secret detail' }, 'answer', /not a JSON object/],
  ['without a plaintext', { status: 200, body: '{"code":200,"result":{}}' }, 'answer', /no plaintext/],
  ['no object within', { status: 200, body: '{"code":200,"result":[]}' }, 'answer', /no plaintext/],
  ['no base64', { status: 200, body: '{"code":200,"result":{"plaintext":"%"}}' }, 'answer', /no plaintext/],
  ['without a code', { status: 200, body: '{"result":{"plaintext":"YQ=="}}' }, 'refused', /code unknown/],
  [
    'a refusal that quotes',
    { status: 200, body: '{"code":400,"message":"<secret detail>"}' },
    'refused',
    /no reason given/,
  ],
  ['another status', { status: 403, body: '{"code":200,"result":{"plaintext":"YQ=="}}' }, 'refused', /answered 403/],
  ['none', 'silence', 'unreachable', /no answer in time/],
  ['without an end', 'flood', 'unreachable', /longer than/],
])('an answer that is %s', async (_, fault, kind, message) => {
  vendor.faults.push(fault);
  const found = await failure(decrypt());
  expect(found.fault).toBe(kind);
  expect(found.message).toMatch(message);
});
