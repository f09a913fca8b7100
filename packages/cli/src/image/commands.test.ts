/** What the commands of images refuse before they begin, and what they say of an image, without a process for each. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { layoutSource, MEDIA_TYPE } from '@assay/oci';
import { temporaryFolder } from '@assay/testkit';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { EXIT } from '../exit.js';
import { decryptImage, encryptImage, pullImage } from './copy.js';
import { inspectImage } from './inspect.js';
import { sourceOf } from './locations.js';
import { platformOf, runImage } from './run.js';
import { verifyImage } from './verify.js';

const folder = temporaryFolder('assay-image-');
const at = (name: string): string => join(folder, name);
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** A layout with these documents beside its index. @returns descriptors */
function layout(name: string, top: (put: (type: string, bytes: Buffer) => object) => object): string {
  mkdirSync(at(`${name}/blobs/sha256`), { recursive: true });
  const put = (mediaType: string, bytes: Buffer): object => {
    writeFileSync(at(`${name}/blobs/${digestOf(bytes).replace(':', '/')}`), bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const annotations = { 'org.opencontainers.image.ref.name': 'v1' };
  writeFileSync(at(`${name}/index.json`), json({ schemaVersion: 2, manifests: [{ ...top(put), annotations }] }));
  writeFileSync(at(`${name}/oci-layout`), '{"imageLayoutVersion":"1.0.0"}');
  return `oci:${at(name)}:v1`;
}

const layer = randomBytes(300);
function manifest(put: (type: string, bytes: Buffer) => object, architecture = 'amd64'): object {
  const config = { os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: [digestOf(layer)] } };
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: put(MEDIA_TYPE.config, json(config)),
    layers: [put('application/vnd.oci.image.layer.v1.tar', layer)],
  };
  return put(MEDIA_TYPE.manifest, json(document));
}

const plain = layout('plain', (put) => manifest(put));
const many = layout('many', (put) => {
  const manifests = ['amd64', 'arm64'].map((architecture) => ({
    ...manifest(put, architecture),
    platform: { os: 'linux', architecture },
  }));
  const within = put(MEDIA_TYPE.index, json({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] }));
  const odd = { ...within, platform: { os: 'linux', architecture: 's390x' } };
  return put(MEDIA_TYPE.index, json({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [...manifests, odd] }));
});
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
writeFileSync(at('pub.pem'), pair.publicKey.export({ type: 'spki', format: 'pem' }));
writeFileSync(at('key.pem'), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
writeFileSync(at('policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
writeFileSync(at('gpg.json'), '{"default":[{"type":"signedBy","keyType":"GPGKeys","keyData":"AAAA"}]}');
writeFileSync(at('remote.yaml'), 'default-docker:\n  lookaside: https://signatures.example\n');

/** What a command prints on its standard output. */
async function printed(act: () => Promise<unknown>): Promise<string> {
  let text = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  await act().finally(() => spy.mockRestore());
  return text;
}

afterEach(() => {
  process.exitCode = undefined;
});

describe('a command of images is refused', () => {
  const usage = (words: string): object => ({ exit: EXIT.usage, message: expect.stringContaining(words) });
  const target = `oci:${at('target')}:v1`;
  const keys = { encryptionKey: [`jwe:${at('pub.pem')}`] };

  test.each<[string, () => Promise<void>, object]>([
    ['encrypt for nobody', () => encryptImage(plain, target, {}), usage('--encryption-key is missing')],
    ['encrypt with no keys', () => encryptImage(plain, target, { encryptionKey: [] }), usage('nobody to encrypt for')],
    ['encrypt no layer', () => encryptImage(plain, target, { ...keys, layer: ['first'] }), usage('--layer first')],
    ['decrypt with nothing', () => decryptImage(plain, target, {}), usage('--decryption-key is missing')],
    ['verify without a policy', () => verifyImage(plain, {}), usage('--signature-policy is missing')],
    [
      'verify OpenPGP without a place',
      () => verifyImage(plain, { signaturePolicy: at('gpg.json'), reference: 'x.example/a:1' }),
      usage('--lookaside is missing'),
    ],
    [
      'verify OpenPGP of another machine',
      () =>
        verifyImage(plain, {
          signaturePolicy: at('gpg.json'),
          reference: 'x.example/a:1',
          lookaside: at('remote.yaml'),
        }),
      { exit: EXIT.malformed, message: expect.stringContaining('no file:// place') },
    ],
    ['run into what is there', () => runImage(plain, [], { bundle: folder }), usage('the folder is not empty')],
  ])('%s', async (_, act, error) => {
    await expect(act()).rejects.toMatchObject(error);
  });

  test.each(['0', '-1', 'x', '1.5', '999999999'])('with a cache of %s MiB', async (size) => {
    const flags = { layerCache: at('cache'), layerCacheSize: size, insecureRegistry: true };
    await expect(sourceOf('docker://127.0.0.1:9/a:v1', flags)).rejects.toMatchObject(usage('--layer-cache-size'));
  });
});

describe('an image for several platforms', () => {
  test('is the one that was asked for', async () => {
    const source = layoutSource(at('many'), 'v1');
    expect((await platformOf(source, 'linux/arm64')).kind).toBe('manifest');
    await expect(platformOf(source, 'linux/riscv64')).rejects.toMatchObject({
      exit: EXIT.refused,
      hint: 'there is linux/amd64, linux/arm64, linux/s390x',
    });
    await expect(platformOf(source, 'linux/s390x')).rejects.toMatchObject({ exit: EXIT.malformed });
    expect((await platformOf(layoutSource(at('plain'), 'v1'), 'linux/riscv64')).kind).toBe('manifest');
  });

  test('is told whole, without what is no image in it', async () => {
    const view = JSON.parse(await printed(() => inspectImage(many, { json: true })));
    expect(view.images.map(({ platform }: { platform: string }) => platform)).toEqual(['linux/amd64', 'linux/arm64']);
    expect(view.images[0].layers).toEqual([
      expect.objectContaining({ size: 300, encrypted: false, media_type: 'application/vnd.oci.image.layer.v1.tar' }),
    ]);
  });
});

test('what is encrypted says for whom it is, and which key opens it; pulled, it is the same again', async () => {
  const secret = `oci:${at('secret')}:v1`;
  const back = `oci:${at('back')}:v1`;
  const encryptionKey = [`jwe:${at('pub.pem')}`];
  await printed(() => encryptImage(plain, secret, { encryptionKey, layer: ['-1'], json: true }));
  const seen = async (flags: object) => JSON.parse(await printed(() => inspectImage(secret, { json: true, ...flags })));
  const layerOf = (view: { images: { layers: object[] }[] }) => view.images[0]?.layers[0];
  const told = layerOf(await seen({}));
  expect(told).toMatchObject({ encrypted: true, recipients: 'jwe' });
  expect(told).not.toHaveProperty('opens');
  const decryptionKey = [at('key.pem')];
  expect(layerOf(await seen({ decryptionKey }))).toMatchObject({ opens: { alg: 'ECDH-ES+A256KW' } });
  expect(layerOf(await seen({ decryptionKey: [] }))).toMatchObject({ opens: expect.stringContaining('none opens it') });
  const pulled = JSON.parse(await printed(() => pullImage(secret, back, { decryptionKey, json: true })));
  expect(pulled.layers[0]).toMatchObject({ action: 'decrypt', digest: digestOf(layer) });
  expect(readFileSync(at('back/index.json'), 'utf8')).toContain(pulled.digest);
  const words = await printed(() => inspectImage(secret, { decryptionKey }));
  expect(words).toMatch(/layer 0\s+300 bytes\s+encrypted for jwe\s+a key opens it/);
});

test('a policy that lets an image in says by what', async () => {
  const flags = { signaturePolicy: at('policy.json'), reference: 'x.example/a:1' };
  expect(await printed(() => verifyImage(plain, flags))).toContain(
    'x.example/a:1: scope `default`: insecureAcceptAnything',
  );
  expect(JSON.parse(await printed(() => verifyImage(plain, { ...flags, json: true })))).toMatchObject({
    verdict: 'accept',
    scope: 'default',
    requirements: [{ type: 'insecureAcceptAnything' }],
  });
});
