import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCredentials, readLookaside, readPolicy } from '@assay/oci';
import { sealPacket, writePacket } from '@assay/ocicrypt';
import { parseResourceUri } from '@assay/protocol';
import { vectorsArea } from '@assay/testkit';
import { expect, test } from 'vitest';
import { unwrapKey } from '../cdh/unwrap-key.js';
import { SampleKbc } from './sample-kbc.js';

const kbc = new SampleKbc();
const getResource = (uri: Parameters<typeof kbc.getResource>[0]) => kbc.getResource(uri);
const get = async (path: string): Promise<string> => Buffer.from(await getResource(parseResourceUri(path))).toString();
const vectors = vectorsArea('image');

test.skipIf(vectors === undefined)('opens the packet that upstream tests its sample client with', async () => {
  const packet = readFileSync(join(vectors ?? '', 'gc/sample_kbc_annotation.json'));
  const options = JSON.parse(Buffer.from(await unwrapKey(packet, { getResource, kms: {} })).toString());
  expect(options.symkey).toBe('1jL2jJV0Oyz2nmPkLtqulW6cKcpIUN5FpILcVnP5Uqs=');
});

test('has one key for every name, and opens nothing that is sealed with another', async () => {
  const kek = await getResource(parseResourceUri('default/key/any'));
  const random = (length: number) => new Uint8Array(randomBytes(length));
  const sealed = (key: Uint8Array) =>
    writePacket(sealPacket(Buffer.from('options'), { kid: 'kbs:///other/key/name', kek: key, random }));
  expect(Buffer.from(await unwrapKey(sealed(kek), { getResource, kms: {} })).toString()).toBe('options');
  await expect(unwrapKey(sealed(random(32)), { getResource, kms: {} })).rejects.toMatchObject({
    code: 'image.packet.opens',
  });
});

test('its documents are in form, and let nobody in', async () => {
  const policy = readPolicy(Buffer.from(await get('default/security-policy/test')), 'policy');
  expect(policy.default).toMatchObject([{ type: 'reject' }]);
  expect(readCredentials(Buffer.from(await get('default/credential/test')), 'credential').size).toBe(0);
  const text = await get('default/sigstore-config/test');
  expect(readLookaside([{ name: 'sigstore', text }]).docker.size).toBe(0);
  for (const type of ['gpg-public-config', 'cosign-public-key', 'anything'])
    await expect(get(`default/${type}/test`)).rejects.toMatchObject({ name: 'KbcError', reason: 'missing' });
});
