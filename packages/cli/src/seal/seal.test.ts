import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeUtf8 } from '@assay/bytes';
import { openSecret, type Unsealing, unsealPayload } from '@assay/guest/services';
import { formatResourceUri } from '@assay/protocol';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { CliError } from '../exit.js';
import { makeSigningKey, sealEnvelope, sealPointer } from './seal.js';

const folder = temporaryFolder('seal-');
const put = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const { privateKey, publicKey } = makeSigningKey('team', folder);
const dataKey = new Uint8Array(32).fill(9);
const unsealing: Unsealing = {
  skipVerification: false,
  localKey: async (kid) => (kid === 'team' ? readFileSync(publicKey) : undefined),
  getResource: async (uri) => encodeUtf8(`resource ${formatResourceUri(uri)}`),
  kms: {
    aws: {
      decrypt: async (ciphertext, keyId, { settings }) => {
        expect([Buffer.from(ciphertext).toString(), keyId, settings]).toEqual(['wrapped', 'alias/db', { region: 'r' }]);
        return dataKey;
      },
    },
  },
};
const unsealed = async (text: string): Promise<string> => {
  const { payload } = await openSecret(encodeUtf8(text), unsealing);
  return Buffer.from(await unsealPayload(payload, unsealing)).toString();
};
const signed = { signingKid: 'team', signingJwkPath: privateKey };
const envelope = {
  ...signed,
  provider: 'aws',
  providerSettings: '{"region":"r"}',
  keyId: 'alias/db',
  filePath: put('password', 'the password\n'),
  dataKey: put('key.bin', dataKey),
  encryptedKey: put('key.enc', 'wrapped'),
};

test('a guest unseals what was sealed', async () => {
  const pointer = sealPointer({ ...signed, provider: 'kbs', resourceUri: 'kbs:///default/db/password' });
  expect(await unsealed(pointer)).toBe('resource kbs:///default/db/password');
  const sealed = sealEnvelope(envelope);
  expect(await unsealed(sealed)).toBe('the password\n');
  // Each has an IV of its own.
  expect(sealEnvelope(envelope).split('.')[2]).not.toBe(sealed.split('.')[2]);
});

test.each<[string, () => string, RegExp]>([
  [
    'a pointer of eHSM',
    () => sealPointer({ ...signed, provider: 'ehsm', resourceUri: 'x' }),
    /kbs, aliyun, aws for vault/,
  ],
  ['an envelope of the broker', () => sealEnvelope({ ...envelope, provider: 'kbs' }), /aliyun, aws, ehsm for envelope/],
  [
    'a data key of 16 bytes',
    () => sealEnvelope({ ...envelope, dataKey: put('short', new Uint8Array(16)) }),
    /32 bytes/,
  ],
  ['settings that are no object', () => sealEnvelope({ ...envelope, providerSettings: '[]' }), /--provider-settings/],
  ['annotations that are no JSON', () => sealEnvelope({ ...envelope, annotations: '{' }), /--annotations/],
  ['a public key', () => sealEnvelope({ ...envelope, signingJwkPath: publicKey }), /not a private P-256 key/],
])('%s is refused', (_, seal, message) => {
  expect(seal).toThrow(CliError);
  expect(seal).toThrow(message);
});

test('the private key is its owner’s, and nothing is written over', () => {
  expect([statSync(privateKey).mode & 0o777, statSync(publicKey).mode & 0o777]).toEqual([0o600, 0o644]);
  expect(JSON.parse(readFileSync(publicKey, 'utf8'))).toMatchObject({
    kid: 'team',
    use: 'sig',
    alg: 'ES256',
    crv: 'P-256',
  });
  expect(readFileSync(publicKey, 'utf8')).not.toContain('"d"');
  const before = readFileSync(privateKey, 'utf8');
  expect(() => makeSigningKey('team', folder)).toThrow(/is there already/);
  expect(readFileSync(privateKey, 'utf8')).toBe(before);
  for (const kid of ['../x', '', '.hidden', 'a/b']) expect(() => makeSigningKey(kid, folder)).toThrow(/--kid/);
});
