import { generateKeyPairSync } from 'node:crypto';
import { encodeUtf8 } from '@assay/bytes';
import { expect, test } from 'vitest';
import { openWrapped, wrapData } from './aead.js';
import { decodeSealedSecret, openSealedSecret } from './envelope.js';
import { sealSecret } from './seal.js';
import { SealedSecretError } from './sealed-secret-error.js';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = (key: typeof publicKey): Uint8Array => encodeUtf8(JSON.stringify(key.export({ format: 'jwk' })));
const vault = {
  version: '0.1.0',
  type: 'vault',
  name: 'kbs:///a/b/c',
  provider: 'kbs',
  provider_settings: {},
  annotations: {},
};

test('what is sealed opens with the public key, under the name of the key', () => {
  const unverified = decodeSealedSecret(sealSecret(vault, 'kbs:///keys/signer/1', jwk(privateKey)));
  expect(unverified.kid).toBe('kbs:///keys/signer/1');
  expect(openSealedSecret(unverified, jwk(publicKey)).payload).toMatchObject({ type: 'vault', name: 'kbs:///a/b/c' });
});

test.each<[string, object, string, Uint8Array, string]>([
  ['a payload that nobody reads', { ...vault, annotations: null }, 'k', jwk(privateKey), 'malformed'],
  ['no name of a key', vault, '', jwk(privateKey), 'malformed'],
  ['a public key', vault, 'k', jwk(publicKey), 'key-invalid'],
  [
    'a key of another curve',
    vault,
    'k',
    jwk(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey),
    'key-invalid',
  ],
  ['a key that is no JSON', vault, 'k', encodeUtf8('d'), 'key-invalid'],
])('with %s nothing is sealed', (_, payload, kid, key, fault) => {
  expect(() => sealSecret(payload as typeof vault, kid, key)).toThrow(expect.objectContaining({ fault }));
  expect(() => sealSecret(payload as typeof vault, kid, key)).toThrow(SealedSecretError);
});

test('what is wrapped opens with its key, and has no other length', () => {
  const key = new Uint8Array(32).fill(3);
  const wrapped = wrapData(encodeUtf8('secret'), key, new Uint8Array(12));
  expect(wrapped.wrapType).toBe('A256GCM');
  expect(Buffer.from(openWrapped(wrapped, key)).toString()).toBe('secret');
  expect(() => wrapData(new Uint8Array(), key.subarray(1), new Uint8Array(12))).toThrow(RangeError);
  expect(() => wrapData(new Uint8Array(), key, new Uint8Array(16))).toThrow(RangeError);
});
