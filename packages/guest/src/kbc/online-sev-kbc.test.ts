import { randomBytes } from 'node:crypto';
import { parseResourceUri } from '@assay/protocol';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryFiles, type OnlineRequest, onlineBroker } from './files.test.helper.js';
import { OnlineSevKbc, refusalOfText } from './online-sev-kbc.js';
import { SEV_SECRET_FOLDER } from './secret-files.js';

const CONNECTION = `${SEV_SECRET_FOLDER}/1ee27366-0c87-43a6-af48-28543eaf7cb0`;
const CLIENT = 'c0ffee00-0000-4000-8000-000000000000';
const key = randomBytes(32);
const NAME = 'default/key/1';
const uri = (name: string) => parseResourceUri(name);
const connection = (more: object = {}): string =>
  JSON.stringify({ client_id: CLIENT, key: key.toString('base64'), ...more });

type BrokerOptions = Omit<Parameters<typeof onlineBroker>[0], 'key' | 'secrets'>;

function client(options: BrokerOptions & { readonly file?: string; readonly sealedWith?: Uint8Array } = {}) {
  const files = new MemoryFiles({ [CONNECTION]: options.file ?? connection() });
  const secrets = { [NAME]: Buffer.alloc(32, 1), 'default/credential/r': Buffer.from('r') };
  const transport = onlineBroker({ ...options, key: options.sealedWith ?? key, secrets });
  return { files, kbc: new OnlineSevKbc({ files, transport, random: (length) => randomBytes(length) }) };
}

test('asks as Confidential Containers do: keys as keys, everything else as resources, binary, under a fresh GUID', async () => {
  const requests: OnlineRequest[] = [];
  const { kbc, files } = client({ requests });
  await kbc.getResource(uri(NAME));
  await kbc.getResource(uri(NAME));
  await kbc.getResource(uri('default/credential/r'));
  expect(requests.map(({ clientId }) => clientId)).toEqual([CLIENT, CLIENT, CLIENT]);
  const asked = requests.flatMap(({ secretRequests }) => secretRequests);
  expect(asked.map(({ format, secretType, id }) => `${secretType} ${format} ${id}`)).toEqual([
    `key binary ${NAME}`,
    `key binary ${NAME}`,
    'resource binary default/credential/r',
  ]);
  expect(new Set(asked.map(({ guid }) => guid)).size).toBe(3);
  expect(files.removed).toEqual([CONNECTION]);
});

test('the client id is answered from here', async () => {
  const requests: OnlineRequest[] = [];
  const { kbc } = client({ requests });
  expect(Buffer.from(await kbc.getResource(uri('default/client-id/x'))).toString()).toBe(CLIENT);
  expect(requests).toEqual([]);
});

describe('what is not believed', () => {
  test.each([
    ['the answer to another request', { change: ([[, secret] = ['', Buffer.alloc(0)]]) => [[CLIENT, secret]] }],
    ['no entry', { change: () => [] }],
    ['two entries', { change: ([entry]) => (entry === undefined ? [] : [entry, [CLIENT, Buffer.alloc(1)]]) }],
    ['one entry that is called two', { plain: (bytes) => Buffer.from(bytes).fill(2, 0, 1) }],
    ['bytes after the map', { plain: (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]) }],
    ['a length that leaves the map', { plain: (bytes) => Buffer.from(bytes).fill(0xff, 8, 16) }],
    ['a cut map', { plain: (bytes) => bytes.subarray(0, -1) }],
    ['another key', { sealedWith: randomBytes(32) }],
    ['a payload that is not base64', { answer: (answer) => ({ ...answer, payload: '%' }) }],
    ['a payload shorter than its tag', { answer: (answer) => ({ ...answer, payload: 'AAAA' }) }],
    ['an IV of 16 bytes', { answer: (answer) => ({ ...answer, iv: Buffer.alloc(16).toString('base64') }) }],
  ] satisfies [string, BrokerOptions & { sealedWith?: Uint8Array }][])('%s', async (_, options) => {
    await expect(client(options).kbc.getResource(uri(NAME))).rejects.toMatchObject({ reason: 'protocol' });
  });

  test.each([
    ['no JSON', '{'],
    ['a key of 16 bytes', connection({ key: Buffer.alloc(16).toString('base64') })],
    ['a key that is not base64', connection({ key: '%' })],
    ['no key', JSON.stringify({ client_id: CLIENT })],
    ['a client id that is no UUID', connection({ client_id: 'me' })],
  ])('a connection with %s', async (_, file) => {
    const { kbc, files } = client({ file });
    await expect(kbc.getResource(uri(NAME))).rejects.toMatchObject({ reason: 'protocol' });
    expect(files.removed).toEqual([]);
  });

  test('fuzz: any plain text of the answer gives an error of the client', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        const { kbc } = client({ plain: () => Buffer.from(bytes) });
        await expect(kbc.getResource(uri(NAME))).rejects.toMatchObject({ name: 'KbcError', reason: 'protocol' });
      }),
      { numRuns: fuzzRuns(200) },
    );
  });
});

test('no connection was injected', async () => {
  const { kbc, files } = client();
  files.files.clear();
  await expect(kbc.getResource(uri(NAME))).rejects.toMatchObject({ reason: 'unavailable' });
});

test('refusals by their texts', () => {
  expect(refusalOfText('Cannot fulfill secret request: secret not found').reason).toBe('missing');
  expect(refusalOfText('Policy validation failed: policy not valid', { attempt: 'a' })).toMatchObject({
    reason: 'refused',
    attempt: 'a',
  });
  expect(refusalOfText('no connection', { outage: true }).reason).toBe('unavailable');
});
