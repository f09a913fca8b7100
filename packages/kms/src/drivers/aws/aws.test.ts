import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeUtf8 } from '@assay/bytes';
import { temporaryFolder } from '@assay/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { KmsError } from '../driver.js';
import { startVendor } from '../vendor.test.helper.js';
import { awsDriver } from './aws.js';
import { signed } from './signature.js';

const root = temporaryFolder('aws-');
const key = new Uint8Array(32).fill(5);

describe('AWS', () => {
  const folder = join(root, 'aws');
  mkdirSync(folder);
  const credential = { access_key_id: 'AKIDEXAMPLE', secret_access_key: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
  writeFileSync(join(folder, 'credential.json'), JSON.stringify({ ...credential, session_token: 'session' }));
  const now = () => new Date('2015-08-30T12:36:00Z');
  const reference = { settings: { region: 'eu-west-1' }, annotations: {} };
  const sent: { host: string; headers: Readonly<Record<string, string>>; body: unknown }[] = [];
  const driver = (answer: unknown, status = 200, place = folder) =>
    awsDriver({
      folder: place,
      now,
      send: async ({ host, headers, body = new Uint8Array() }) => {
        sent.push({ host, headers, body: JSON.parse(Buffer.from(body).toString()) });
        return { status, body: encodeUtf8(JSON.stringify(answer)) };
      },
    });
  beforeEach(() => sent.splice(0));

  test('keys are decrypted by KMS', async () => {
    const context = { ...reference, annotations: { encryption_context: { app: 'x' } } };
    const { decrypt } = driver({ Plaintext: 'a2V5' });
    expect(Buffer.from((await decrypt?.(encodeUtf8('wrapped'), 'alias/k', context)) ?? []).toString()).toBe('key');
    expect(sent[0]).toMatchObject({
      host: 'kms.eu-west-1.amazonaws.com',
      headers: {
        'x-amz-target': 'TrentService.Decrypt',
        'x-amz-security-token': 'session',
        'x-amz-date': '20150830T123600Z',
      },
      body: { CiphertextBlob: 'd3JhcHBlZA==', KeyId: 'alias/k', EncryptionContext: { app: 'x' } },
    });
  });

  test('secrets are kept by Secrets Manager, as texts or bytes', async () => {
    const version = { ...reference, annotations: { version_id: 'v', version_stage: 's' } };
    const secret = await driver({ SecretString: 'text' }).getSecret?.('name', version);
    expect(Buffer.from(secret ?? []).toString()).toBe('text');
    expect(sent[0]?.body).toEqual({ SecretId: 'name', VersionId: 'v', VersionStage: 's' });
    const bytes = await driver({ SecretBinary: 'Ynl0ZXM=' }).getSecret?.('name', reference);
    expect(Buffer.from(bytes ?? []).toString()).toBe('bytes');
  });

  test('a refusal is told by its name, never by its text', async () => {
    const refusal = driver({ __type: 'AccessDeniedException', message: 'arn:secret' }, 400);
    await expect(refusal.decrypt?.(key, 'k', reference)).rejects.toThrow(
      new KmsError('refused', 'kms.eu-west-1.amazonaws.com answered 400 (AccessDeniedException)'),
    );
    await expect(driver({ __type: 'a b' }, 500).decrypt?.(key, 'k', reference)).rejects.toThrow(/no reason given/);
    await expect(driver([]).decrypt?.(key, 'k', reference)).rejects.toThrow(/not a JSON object/);
    await expect(driver({}).decrypt?.(key, 'k', reference)).rejects.toThrow(KmsError);
    await expect(driver({}).getSecret?.('n', reference)).rejects.toThrow(KmsError);
  });

  test('regions that are none, and credentials that are not there, are refused before anything is sent', async () => {
    for (const region of [undefined, 1, 'a.evil.example', 'A', ''])
      await expect(
        driver({}).decrypt?.(key, 'k', { ...reference, settings: { ...(region === undefined ? {} : { region }) } }),
      ).rejects.toThrow(/region/);
    const context = { ...reference, annotations: { encryption_context: 'app=x' } };
    await expect(driver({}).decrypt?.(key, 'k', context)).rejects.toThrow(/encryption_context must be an object/);
    await expect(driver({}, 200, join(root, 'none')).decrypt?.(key, 'k', reference)).rejects.toThrow(/credential/);
    const odd = join(root, 'odd');
    mkdirSync(odd);
    writeFileSync(join(odd, 'credential.json'), '{"access_key_id":"SECRETISH"');
    await expect(driver({}, 200, odd).decrypt?.(key, 'k', reference)).rejects.not.toThrow(/SECRETISH/);
    writeFileSync(join(odd, 'credential.json'), '{}');
    await expect(driver({}, 200, odd).decrypt?.(key, 'k', reference)).rejects.toThrow(/access_key_id/);
    writeFileSync(
      join(odd, 'credential.json'),
      '{"access_key_id":"i","secret_access_key":"s","session_token":{"a":"SECRETISH"}}',
    );
    await expect(driver({}, 200, odd).decrypt?.(key, 'k', reference)).rejects.toThrow(/as texts$/);
    expect(sent).toEqual([]);
  });

  test('the signature is that of Signature Version 4', () => {
    const parts = {
      host: 'kms.us-east-1.amazonaws.com',
      region: 'us-east-1',
      service: 'kms',
      target: 'TrentService.Decrypt',
      body: encodeUtf8('{}'),
    };
    const found = signed(
      { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: credential.secret_access_key, sessionToken: undefined },
      parts,
      now(),
    );
    // botocore 1.43 gives the same for this request.
    expect(found['authorization']).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/kms/aws4_request, ' +
        'SignedHeaders=content-type;host;x-amz-date;x-amz-target, ' +
        'Signature=8a164eed79ee074124d2cc2a08ef2e71a1127fca419e26ba952221db2024db6a',
    );
  });
});

test('over HTTPS, under the names of the services', async () => {
  const now = () => new Date('2026-11-22T05:00:00Z');
  const names = ['kms.eu-west-1.amazonaws.com', 'secretsmanager.cn-north-1.amazonaws.com.cn'];
  const answer = { status: 200, body: '{"Plaintext":"a2V5","SecretString":"text"}' };
  const vendor = await startVendor({ names, now, answer: () => answer, publiclyTrusted: true });
  try {
    vendor.put('credential.json', '{"access_key_id":"id","secret_access_key":"SECRETISH"}');
    const { decrypt, getSecret } = awsDriver(vendor.options);
    const ask = () => decrypt?.(key, 'k', { settings: { region: 'eu-west-1' }, annotations: {} });
    expect(Buffer.from((await ask()) ?? []).toString()).toBe('key');
    const secret = await getSecret?.('n', { settings: { region: 'cn-north-1' }, annotations: {} });
    expect(Buffer.from(secret ?? []).toString()).toBe('text');
    expect(vendor.requests.map(({ host }) => host)).toEqual(names);

    vendor.faults.push({ status: 400, body: '{"__type":"ThrottlingException"}' }, { status: 503, body: '' });
    expect(Buffer.from((await ask()) ?? []).toString()).toBe('key');
    vendor.faults.push({ status: 400, body: '{"__type":"ExpiredTokenException","message":"arn:SECRETISH"}' });
    await expect(ask()).rejects.toMatchObject({
      fault: 'refused',
      message: 'kms.eu-west-1.amazonaws.com answered 400 (ExpiredTokenException)',
    });
    vendor.faults.push('silence');
    await expect(ask()).rejects.toMatchObject({ fault: 'unreachable' });
    vendor.faults.push('flood');
    await expect(ask()).rejects.toMatchObject({ fault: 'unreachable' });
    vendor.faults.push({ status: 200, body: '{"Plaintext":"SECRETISH%"}' });
    await expect(ask()).rejects.toMatchObject({ fault: 'answer', message: 'AWS KMS: no plaintext in the answer' });
    const elsewhere = decrypt?.(key, 'k', { settings: { region: 'us-east-1' }, annotations: {} });
    await expect(elsewhere).rejects.toMatchObject({ fault: 'unreachable' });
  } finally {
    await vendor.close();
  }
});
