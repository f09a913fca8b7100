import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createMessage, generateKey, sign as signMessage } from 'openpgp';
import { describe, expect, test } from 'vitest';
import { type JudgeOptions, judgeSignatures, MEDIA_TYPE, parseReference, readPolicy, sha256Digest } from '../index.js';
import { temporary } from '../testing/image.test.helper.js';

const digest = sha256Digest(Buffer.from('manifest'));
const asked = 'quay.io/acme/app:v1';
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = pair.publicKey.export({ type: 'spki', format: 'pem' });
const payloadOf = (type: string, reference = asked): Buffer =>
  Buffer.from(
    JSON.stringify({
      critical: {
        type,
        image: { 'docker-manifest-digest': digest },
        identity: { 'docker-reference': reference },
      },
      optional: {},
    }),
  );

/** A place that has the image, and cosign's signature of it by this key. */
function signedBy(key: KeyObject, reference = asked): JudgeOptions['source'] {
  const payload = payloadOf('cosign container image signature', reference);
  const layer = {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    digest: sha256Digest(payload),
    size: payload.length,
    annotations: { 'dev.cosignproject.cosign/signature': sign('sha256', payload, key).toString('base64') },
  };
  const config = { mediaType: MEDIA_TYPE.config, digest, size: 8 };
  const document = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers: [layer] };
  const bytes = Buffer.from(JSON.stringify(document));
  return {
    name: 'test',
    manifest: () => Promise.reject(new Error('the manifest is not asked for')),
    blob: async () => Readable.from([payload]),
    tagged: async (tag) =>
      tag === `${digest.replace(':', '-')}.sig` ? { bytes, mediaType: MEDIA_TYPE.manifest } : undefined,
  };
}

const unsigned: JudgeOptions['source'] = { ...signedBy(pair.privateKey), tagged: async () => undefined };
const judge = (requirement: unknown, change: Partial<JudgeOptions> = {}) =>
  judgeSignatures({
    policy: readPolicy(
      Buffer.from(
        JSON.stringify({
          default: [{ type: 'reject' }],
          transports: { docker: { 'quay.io/acme': [requirement].flat() } },
        }),
      ),
    ),
    reference: parseReference(asked),
    manifestDigest: digest,
    source: signedBy(pair.privateKey),
    readKey: async () => Buffer.from(pem),
    lookaside: () => '/nonexistent',
    now: new Date(),
    ...change,
  });

describe('a cosign signature', () => {
  const wanted = { type: 'sigstoreSigned', keyPath: 'kbs:///default/cosign/acme' };

  test('by the key that is fetched under the name in the policy is accepted', async () => {
    const paths: string[] = [];
    const readKey = async (path: string) => {
      paths.push(path);
      return Buffer.from(pem);
    };
    expect(await judge(wanted, { readKey })).toEqual({
      scope: 'quay.io/acme',
      requirements: [{ type: 'sigstoreSigned' }],
    });
    expect(paths).toEqual(['kbs:///default/cosign/acme']);
  });

  test('by another key, for another name, or absent, is refused', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await expect(judge(wanted, { source: signedBy(other.privateKey) })).rejects.toMatchObject({
      code: 'signature.key.match',
    });
    await expect(judge(wanted, { source: signedBy(pair.privateKey, 'quay.io/other/app:v1') })).rejects.toMatchObject({
      code: 'signature.identity.match',
    });
    await expect(judge(wanted, { source: unsigned })).rejects.toMatchObject({ code: 'signature.object.present' });
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] }));
    const index = { ...unsigned, tagged: async () => ({ bytes, mediaType: MEDIA_TYPE.index }) };
    await expect(judge(wanted, { source: index })).rejects.toMatchObject({ code: 'signature.object.present' });
    const { tagged: _, ...layout } = unsigned;
    await expect(judge(wanted, { source: layout })).rejects.toMatchObject({ code: 'signature.object.present' });
  });

  test('is not looked for when its key cannot be fetched', async () => {
    const readKey = () => Promise.reject(new Error('no broker'));
    await expect(judge(wanted, { readKey })).rejects.toThrow('no broker');
  });
});

test('an OpenPGP signature is looked for in the folder of its namespace', async () => {
  const { privateKey, publicKey } = await generateKey({ userIDs: [{ name: 'acme' }], format: 'object' });
  const base = temporary();
  const folder = join(base, `acme/app@${digest.replace(':', '=')}`);
  mkdirSync(folder, { recursive: true });
  const requirement = {
    type: 'signedBy',
    keyType: 'GPGKeys',
    keyData: Buffer.from(publicKey.write()).toString('base64'),
  };
  const change = { lookaside: () => base };
  await expect(judge(requirement, change)).rejects.toMatchObject({ code: 'signature.object.present' });
  const message = await createMessage({ binary: new Uint8Array(payloadOf('atomic container signature')) });
  mkdirSync(join(folder, 'signature-1'));
  await expect(judge(requirement, change)).rejects.toMatchObject({ code: 'EISDIR' });
  rmdirSync(join(folder, 'signature-1'));
  writeFileSync(join(folder, 'signature-1'), Buffer.alloc(70_000, 0x90));
  await expect(judge(requirement, change)).rejects.toMatchObject({ title: expect.stringContaining('70000 bytes') });
  writeFileSync(join(folder, 'signature-1'), 'no signature');
  await expect(judge(requirement, change)).rejects.toMatchObject({ code: 'signature.object.form' });
  // One good signature is enough.
  const good = await signMessage({ message, signingKeys: privateKey, format: 'binary' });
  writeFileSync(join(folder, 'signature-2'), good);
  expect(await judge(requirement, change)).toMatchObject({
    requirements: [{ signer: publicKey.getFingerprint().toUpperCase() }],
  });
});

test('all requirements must hold', async () => {
  const list = [{ type: 'insecureAcceptAnything' }, { type: 'sigstoreSigned', keyPath: '/k' }];
  expect((await judge(list)).requirements.map(({ type }) => type)).toEqual(list.map(({ type }) => type));
  await expect(judge(list, { source: unsigned })).rejects.toMatchObject({ code: 'signature.object.present' });
  await expect(judge([list[0], { type: 'reject' }])).rejects.toMatchObject({ code: 'signature.policy.accepts' });
});

test('what the policy rejects, and what it does not name, is refused', async () => {
  await expect(judge({ type: 'reject' })).rejects.toMatchObject({ code: 'signature.policy.accepts' });
  expect(await judge({ type: 'insecureAcceptAnything' })).toMatchObject({ scope: 'quay.io/acme' });
  const elsewhere = { reference: parseReference('quay.io/other/app:v1') };
  await expect(judge({ type: 'insecureAcceptAnything' }, elsewhere)).rejects.toMatchObject({
    code: 'signature.policy.accepts',
  });
});
