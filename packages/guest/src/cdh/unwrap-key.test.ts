import { createCipheriv } from 'node:crypto';
import { encodeUtf8 } from '@assay/bytes';
import { KmsError } from '@assay/kms/drivers';
import { formatResourceUri } from '@assay/protocol';
import { expect, test } from 'vitest';
import { unwrapKey } from './unwrap-key.js';

const key = Buffer.alloc(32, 7);
const iv = Buffer.alloc(12, 1);
const cipher = createCipheriv('aes-256-gcm', key, iv);
const wrapped = Buffer.concat([cipher.update('{"options":1}'), cipher.final(), cipher.getAuthTag()]);
const packet = (members: object): Uint8Array =>
  encodeUtf8(JSON.stringify({ wrapped_data: wrapped.toString('base64'), ...members }));
const ofBroker = (kid: string): Uint8Array => packet({ kid, iv: iv.toString('base64'), wrap_type: 'A256GCM' });
const ofService = (provider: string): Uint8Array =>
  packet({
    version: '0.1.0',
    kid: 'alias/key',
    provider,
    provider_settings: { region: 'r' },
    annotations: { iv: 'x' },
  });

const sources = {
  getResource: async (uri: Parameters<typeof formatResourceUri>[0]): Promise<Uint8Array> => {
    expect(formatResourceUri(uri)).toBe('kbs:///default/key/1');
    return key;
  },
  kms: {
    aws: {
      decrypt: async (ciphertext: Uint8Array, keyId: string, reference: object): Promise<Uint8Array> => {
        expect([Buffer.from(ciphertext), keyId, reference]).toEqual([
          wrapped,
          'alias/key',
          { settings: { region: 'r' }, annotations: { iv: 'x' } },
        ]);
        return encodeUtf8('of the service');
      },
    },
    aliyun: { getSecret: async () => key },
    ehsm: { decrypt: () => Promise.reject(new KmsError('refused', 'no')) },
  },
};
const text = async (bytes: Uint8Array): Promise<string> => Buffer.from(await unwrapKey(bytes, sources)).toString();

test('a packet of the broker opens with its key, one of a service by the service', async () => {
  expect(await text(ofBroker('kbs:///default/key/1'))).toBe('{"options":1}');
  expect(await text(ofService('aws'))).toBe('of the service');
});

test.each<[string, Uint8Array, RegExp]>([
  ['a key of the broker that is no URI', ofBroker('default/key/1'), /kid is no KBS resource URI/],
  ['a service that decrypts nothing', ofService('aliyun'), /there are providers/],
  ['a service that refuses', ofService('ehsm'), /^no$/],
  ['a service that is not known', ofService('azure'), /azure/],
])('%s unwraps nothing', async (_, bytes, message) => {
  await expect(unwrapKey(bytes, sources)).rejects.toThrow(message);
});
