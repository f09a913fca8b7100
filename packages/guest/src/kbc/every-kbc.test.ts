/** One contract, every key broker client. */
import { randomBytes } from 'node:crypto';
import { generateTeeKeyPair, parseResourceUri } from '@assay/protocol';
import { describe, expect, test } from 'vitest';
import { sampleAttester } from '../attester/sample.js';
import { CcKbc } from './cc-kbc.js';
import { FakeBroker } from './fake-broker.test.helper.js';
import { MemoryFiles, onlineBroker } from './files.test.helper.js';
import type { Kbc } from './kbc.js';
import { OfflineFsKbc } from './offline-fs-kbc.js';
import { OfflineSevKbc } from './offline-sev-kbc.js';
import { OnlineSevKbc } from './online-sev-kbc.js';
import { SampleKbc } from './sample-kbc.js';
import { SEV_SECRET_FOLDER } from './secret-files.js';

/** Printable, since one of the brokers keeps its secrets as texts. */
const KEY = Buffer.from('0123456789abcdef0123456789abcdef');
const NAME = 'default/key/key_id1';
const map = JSON.stringify({ [NAME]: KEY.toString('base64') });
const random = (length: number): Uint8Array => randomBytes(length);

/** Of the client whose key is everybody's. */
const PUBLIC_KEY = Buffer.from('d99b7705b0ba7a168295b3a3367270b0dd9b371bf514ca8b9ba7f0a33711daea', 'hex');

const clients: Readonly<Record<string, () => Kbc>> = {
  cc_kbc: () =>
    new CcKbc({
      transport: new FakeBroker({ now: () => new Date(), secrets: { [NAME]: KEY.toString() } }).transport,
      attester: sampleAttester(),
      keyPair: generateTeeKeyPair('ECDH-ES+A256KW-P256', random),
      random,
      now: () => new Date(),
    }),
  offline_fs_kbc: () => new OfflineFsKbc({ files: new MemoryFiles({ '/etc/aa-offline_fs_kbc-keys.json': map }) }),
  offline_sev_kbc: () =>
    new OfflineSevKbc({
      files: new MemoryFiles({ [`${SEV_SECRET_FOLDER}/e6f5a162-d67f-4750-a67c-5d065f2a9910`]: map }),
    }),
  online_sev_kbc: () => {
    const key = randomBytes(32);
    const connection = { client_id: 'c0ffee00-0000-4000-8000-000000000000', key: key.toString('base64') };
    return new OnlineSevKbc({
      files: new MemoryFiles({
        [`${SEV_SECRET_FOLDER}/1ee27366-0c87-43a6-af48-28543eaf7cb0`]: JSON.stringify(connection),
      }),
      transport: onlineBroker({ key, secrets: { [NAME]: KEY } }),
      random,
    });
  },
  sample_kbc: () => new SampleKbc(),
};

describe.each(Object.entries(clients))('%s', (client, make) => {
  const expected = client === 'sample_kbc' ? PUBLIC_KEY : KEY;
  // Keys are never missing where one answers for all.
  const nobody = client === 'sample_kbc' ? 'kbs:///default/none/none' : 'kbs:///default/key/none';

  test('gives the secret behind a resource URI, with or without a host, again and again', async () => {
    const kbc = make();
    for (const uri of [`kbs:///${NAME}`, `kbs://kbs.example:8080/${NAME}`, NAME])
      expect(Buffer.from(await kbc.getResource(parseResourceUri(uri)))).toEqual(expected);
  });

  test('gives bytes of their own: what a caller does to them stays with it', async () => {
    const kbc = make();
    (await kbc.getResource(parseResourceUri(NAME))).fill(0);
    expect(Buffer.from(await kbc.getResource(parseResourceUri(NAME)))).toEqual(expected);
  });

  test('says that a resource is missing', async () => {
    const kbc = make();
    const wanted = kbc.getResource(parseResourceUri(nobody));
    await expect(wanted).rejects.toMatchObject({ name: 'KbcError', reason: 'missing' });
  });

  test('names neither key nor secret in an error', async () => {
    const kbc = make();
    const error = await kbc.getResource(parseResourceUri(nobody)).catch((thrown: Error) => thrown);
    for (const form of ['utf8', 'base64', 'hex'] as const) expect(String(error)).not.toContain(expected.toString(form));
  });
});
