import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jweUnwrapper, jweWrapper, type KeyUnwrapper, type KeyWrapper } from '@assay/ocicrypt';
import { describe, expect, test } from 'vitest';
import {
  type CopyResult,
  copyImage,
  directorySource,
  directoryTarget,
  layoutSource,
  layoutTarget,
  MEDIA_TYPE,
  readManifest,
  sha256Digest,
} from '../index.js';
import { blobsOf, makeImage, temporary, writeIndex } from '../testing/image.test.helper.js';

const random = (length: number): Uint8Array => randomBytes(length);
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const wrappers: readonly KeyWrapper[] = [jweWrapper([{ key: pair.publicKey, algorithm: 'ECDH-ES+A256KW' }])];
const unwrappers: readonly KeyUnwrapper[] = [jweUnwrapper([pair.privateKey])];

async function encrypted(
  count = 2,
  layers?: readonly number[],
): Promise<{ image: ReturnType<typeof makeImage>; folder: string; result: CopyResult }> {
  const image = makeImage(count);
  const folder = temporary();
  const result = await copyImage({
    source: layoutSource(image.folder, 'v1'),
    target: layoutTarget(folder, 'v1'),
    encrypt: { wrappers, random, ...(layers === undefined ? {} : { layers }) },
  });
  return { image, folder, result };
}

describe('copies', () => {
  test('of a plain image keep its digest, in a layout and in a directory', async () => {
    const image = makeImage();
    const folder = temporary();
    const result = await copyImage({ source: layoutSource(image.folder), target: directoryTarget(folder) });
    expect(result.digest).toBe(image.manifest);
    const back = temporary();
    expect(await copyImage({ source: directorySource(folder), target: layoutTarget(back, 'v2') })).toMatchObject({
      digest: image.manifest,
      layers: [{ action: 'keep' }, { action: 'keep' }],
    });
    expect(blobsOf(back)).toEqual(blobsOf(image.folder));
  });

  test('encrypt every layer, and decrypt to the very same image', async () => {
    const { image, folder, result } = await encrypted();
    expect(result.digest).not.toBe(image.manifest);
    for (const layer of result.layers) {
      expect(layer.mediaType).toBe('application/vnd.oci.image.layer.v1.tar+gzip+encrypted');
      expect(layer.annotations).toMatchObject({ 'example.kept': 'yes' });
    }
    const plain = temporary();
    const steps: string[] = [];
    const decrypted = await copyImage({
      source: layoutSource(folder, 'v1'),
      target: layoutTarget(plain, 'v1'),
      decrypt: { unwrappers },
      onProgress: ({ layer, action, bytes, total }) => {
        if (bytes === total) steps.push(`${layer} ${action}`);
      },
    });
    expect(decrypted.digest).toBe(image.manifest);
    expect(steps.sort()).toEqual(['layer 0 decrypt', 'layer 1 decrypt']);
  });

  test('encrypt chosen layers alone; an encrypted one is not encrypted again', async () => {
    const { folder, result } = await encrypted(3, [-1, 0]);
    expect(result.layers.map(({ action }) => action)).toEqual(['encrypt', 'keep', 'encrypt']);
    const again = await copyImage({
      source: layoutSource(folder, 'v1'),
      target: layoutTarget(temporary(), 'v1'),
      encrypt: { wrappers, random },
    });
    expect(again.layers.map(({ action }) => action)).toEqual(['keep', 'encrypt', 'keep']);
  });

  test('encrypt images of Docker in the form of OCI, which alone has names for it; others stay as they are', async () => {
    const image = makeImage(3);
    const path = (digest: string): string => join(image.folder, 'blobs', digest.replace(':', '/'));
    const docker = readFileSync(path(image.manifest), 'utf8')
      .replaceAll('application/vnd.oci.image.layer.v1.tar+gzip', 'application/vnd.docker.image.rootfs.diff.tar.gzip')
      .replace(MEDIA_TYPE.config, MEDIA_TYPE.dockerConfig)
      .replace(MEDIA_TYPE.manifest, MEDIA_TYPE.dockerManifest);
    const place = layoutTarget(image.folder, 'docker');
    await place.putManifest({ bytes: Buffer.from(docker), mediaType: MEDIA_TYPE.dockerManifest }, true);
    const [digest, size] = [sha256Digest(Buffer.from(docker)), Buffer.byteLength(docker)];
    const members = [
      { mediaType: MEDIA_TYPE.dockerManifest, digest, size, platform: { os: 'linux', architecture: 'x' } },
    ];
    const list = { schemaVersion: 2, mediaType: MEDIA_TYPE.dockerList, manifests: members };
    const bytes = Buffer.from(JSON.stringify(list));
    await layoutTarget(image.folder, 'list').putManifest({ bytes, mediaType: MEDIA_TYPE.dockerList }, true);
    const copied = async (tag: string, layers?: readonly number[]) => {
      const target = temporary();
      const result = await copyImage({
        source: layoutSource(image.folder, tag),
        target: layoutTarget(target, 'v1'),
        ...(layers === undefined ? {} : { encrypt: { wrappers, random, layers } }),
      });
      return { result, top: JSON.parse(Buffer.from((await layoutSource(target).manifest()).bytes).toString()), target };
    };
    expect((await copied('docker')).result).toMatchObject({ digest, mediaType: MEDIA_TYPE.dockerManifest });
    const one = await copied('docker', [-1]);
    const plain = 'application/vnd.oci.image.layer.v1.tar+gzip';
    expect(one.top).toMatchObject({
      mediaType: MEDIA_TYPE.manifest,
      config: { mediaType: MEDIA_TYPE.config },
      layers: [{ mediaType: plain }, { mediaType: plain }, { mediaType: `${plain}+encrypted` }],
    });
    expect(one.result).toMatchObject({ mediaType: MEDIA_TYPE.manifest, layers: [{ mediaType: plain }, {}, {}] });
    const all = await copied('list', [0]);
    expect(all.top).toMatchObject({ mediaType: MEDIA_TYPE.index, manifests: [{ mediaType: MEDIA_TYPE.manifest }] });
    const back = temporary();
    const target = layoutTarget(back, 'v1');
    await copyImage({ source: layoutSource(all.target), target, decrypt: { unwrappers } });
    expect(blobsOf(back)).toEqual(expect.arrayContaining(image.layers.map((layer) => sha256Digest(layer).slice(7))));
    expect((await copied('list')).result.mediaType).toBe(MEDIA_TYPE.dockerList);
  });

  test('go through an index: all of it, or one platform', async () => {
    const folder = temporary();
    const members = ['amd64', 'arm64'].map((architecture) => ({
      mediaType: MEDIA_TYPE.manifest,
      digest: makeImage(1, folder).manifest,
      platform: { os: 'linux', architecture },
    }));
    const sized = members.map((member) => ({
      ...member,
      size: readFileSync(join(folder, 'blobs', member.digest.replace(':', '/'))).length,
    }));
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: sized }));
    await layoutTarget(folder, 'multi').putManifest({ bytes: index, mediaType: MEDIA_TYPE.index }, true);
    const target = temporary();
    const all = await copyImage({
      source: layoutSource(folder, 'multi'),
      target: layoutTarget(target, 'x'),
      encrypt: { wrappers, random },
    });
    expect(all.mediaType).toBe(MEDIA_TYPE.index);
    expect(all.layers).toHaveLength(2);
    const back = await copyImage({
      source: layoutSource(target, 'x'),
      target: layoutTarget(temporary(), 'y'),
      decrypt: { unwrappers },
    });
    expect(back.layers.map(({ digest }) => digest)).toHaveLength(2);
    const one = await copyImage({
      source: layoutSource(folder, 'multi'),
      target: layoutTarget(temporary(), 'z'),
      platform: { os: 'linux', architecture: 'arm64' },
    });
    expect(one.digest).toBe(members[1]?.digest);
    await expect(
      copyImage({
        source: layoutSource(folder, 'multi'),
        target: layoutTarget(temporary(), 'z'),
        platform: { os: 'linux', architecture: 's390x' },
      }),
    ).rejects.toThrow('nothing for linux/s390x; there is linux/amd64, linux/arm64');
  });
});

describe('what is wrong leaves nothing behind', () => {
  const blob = (folder: string, digest: string): string => join(folder, 'blobs', digest.replace(':', '/'));

  test('a wrong key', async () => {
    const { folder } = await encrypted();
    const target = temporary();
    await expect(
      copyImage({
        source: layoutSource(folder),
        target: layoutTarget(target, 'v1'),
        decrypt: { unwrappers: [jweUnwrapper([stranger.privateKey])] },
      }),
    ).rejects.toMatchObject({ code: 'image.key.found' });
    expect(existsSync(join(target, 'index.json'))).toBe(false);
  });

  test.each([
    [
      'changed',
      (bytes: Buffer) => Buffer.concat([Buffer.of((bytes[0] ?? 0) ^ 1), bytes.subarray(1)]),
      'image.manifest.digest',
    ],
    ['cut', (bytes: Buffer) => bytes.subarray(1), 'image.manifest.digest'],
    ['lengthened', (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0)]), 'image.manifest.digest'],
  ])('a blob that was %s', async (_, change, code) => {
    const { folder, result } = await encrypted();
    const last = result.layers.at(-1)?.digest ?? '';
    writeFileSync(blob(folder, last), change(readFileSync(blob(folder, last))));
    const target = temporary();
    const copy = copyImage({
      source: layoutSource(folder),
      target: layoutTarget(target, 'v1'),
      decrypt: { unwrappers },
      concurrency: 1,
    });
    await expect(copy).rejects.toMatchObject({ code });
    // Only the configuration, which was plain before: the first layer had been decrypted and is gone.
    expect(blobsOf(target)).toHaveLength(1);
    expect(existsSync(join(target, 'index.json'))).toBe(false);
  });

  test('a changed layer whose digests were computed again', async () => {
    const { folder, result } = await encrypted(1);
    const [layer] = result.layers;
    if (layer === undefined) throw new Error('no layer');
    const bytes = readFileSync(blob(folder, layer.digest));
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    const stored = await layoutSource(folder).manifest();
    const manifest = readManifest(stored.bytes);
    if (manifest.kind !== 'manifest') throw new Error('an index');
    const { sha256Digest } = await import('../index.js');
    writeFileSync(blob(folder, sha256Digest(bytes)), bytes);
    const document = { ...manifest.document, layers: [{ ...layer, digest: sha256Digest(bytes), action: undefined }] };
    await layoutTarget(folder, 'v1').putManifest(
      { bytes: Buffer.from(JSON.stringify(document)), mediaType: MEDIA_TYPE.manifest },
      true,
    );
    const target = temporary();
    await expect(
      copyImage({ source: layoutSource(folder, 'v1'), target: layoutTarget(target, 'v1'), decrypt: { unwrappers } }),
    ).rejects.toMatchObject({ code: 'image.layer.hmac' });
    expect(blobsOf(target)).toHaveLength(1);
  });

  test('a configuration for other layers', async () => {
    const { folder } = makeImage(2);
    const stored = await layoutSource(folder).manifest();
    const manifest = readManifest(stored.bytes);
    if (manifest.kind !== 'manifest') throw new Error('an index');
    const document = { ...manifest.document, layers: manifest.layers.slice(1) };
    await layoutTarget(folder, 'v1').putManifest(
      { bytes: Buffer.from(JSON.stringify(document)), mediaType: MEDIA_TYPE.manifest },
      true,
    );
    await expect(copyImage({ source: layoutSource(folder, 'v1'), target: layoutTarget(temporary()) })).rejects.toThrow(
      '1 layers, and 2 diff_ids',
    );
  });

  test('a blob that is not there, a tag that is not there, a folder that is no layout', async () => {
    const { folder, result } = await encrypted(1);
    const { rmSync } = await import('node:fs');
    rmSync(blob(folder, result.layers[0]?.digest ?? ''));
    const target = layoutTarget(temporary());
    await expect(copyImage({ source: layoutSource(folder), target })).rejects.toMatchObject({
      code: 'image.content.present',
    });
    await expect(copyImage({ source: layoutSource(folder, 'v9'), target })).rejects.toThrow('no such image; it has v1');
    await expect(copyImage({ source: layoutSource(temporary()), target })).rejects.toMatchObject({
      code: 'image.content.present',
    });
  });

  test('two images without a tag that says which', async () => {
    const { folder, manifest } = makeImage(1);
    const entry = {
      mediaType: MEDIA_TYPE.manifest,
      digest: manifest,
      size: readFileSync(blob(folder, manifest)).length,
    };
    writeIndex(folder, [entry, entry]);
    await expect(copyImage({ source: layoutSource(folder), target: layoutTarget(temporary()) })).rejects.toThrow(
      '2 images',
    );
  });
});
