/** Layers that buildah and podman encrypted as they compressed them: the options hold the digest of the archive. */
import { createCipheriv, createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { addRecipients, jweUnwrapper, jweWrapper, writePrivateOptions, writePublicOptions } from '@assay/ocicrypt';
import { describe, expect, test } from 'vitest';
import {
  copyImage,
  directoryTarget,
  layoutSource,
  MEDIA_TYPE,
  readManifest,
  sha256Digest,
  unpackImage,
} from '../index.js';
import { tarOf, temporary, writeIndex } from '../testing/image.test.helper.js';
import { countArchive } from './archive-digest.js';

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const wrapper = jweWrapper([{ key: pair.publicKey, algorithm: 'ECDH-ES+A256KW' }]);
const unwrappers = [jweUnwrapper([pair.privateKey])];
const tar = tarOf('file', randomBytes(200_000));

interface Making {
  /** In place of the compressed archive. */
  readonly blob?: Buffer;
  readonly digest?: string;
  readonly publicNonce?: Uint8Array;
  readonly hmac?: Uint8Array;
  readonly media?: string;
}

async function encrypted({ blob = gzipSync(tar), digest = sha256Digest(tar), media = 'tar+gzip', ...making }: Making) {
  const root = temporary();
  mkdirSync(join(root, 'blobs/sha256'), { recursive: true });
  const put = (bytes: Uint8Array) => {
    writeFileSync(join(root, 'blobs', sha256Digest(bytes).replace(':', '/')), bytes);
    return { digest: sha256Digest(bytes), size: bytes.length };
  };
  const [symmetricKey, nonce] = [randomBytes(32), randomBytes(16)];
  const cipher = createCipheriv('aes-256-ctr', symmetricKey, nonce);
  const ciphertext = Buffer.concat([cipher.update(blob), cipher.final()]);
  const hmac = making.hmac ?? createHmac('sha256', symmetricKey).update(ciphertext).digest();
  const publicOptions = writePublicOptions({
    hmac,
    ...(making.publicNonce === undefined ? {} : { nonce: making.publicNonce }),
  });
  const annotations = await addRecipients(
    { 'org.opencontainers.image.enc.pubopts': Buffer.from(publicOptions).toString('base64') },
    writePrivateOptions({ symmetricKey, digest, nonce }),
    [wrapper],
  );
  const config = { os: 'linux', architecture: 'amd64', rootfs: { diff_ids: [sha256Digest(tar)] } };
  const mediaType = `application/vnd.oci.image.layer.v1.${media}+encrypted`;
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, ...put(Buffer.from(JSON.stringify(config))) },
    layers: [{ mediaType, ...put(ciphertext), annotations }],
  };
  const bytes = Buffer.from(JSON.stringify(document));
  writeIndex(root, [{ mediaType: MEDIA_TYPE.manifest, ...put(bytes) }]);
  return { root, bytes };
}

async function unpack(making: Making) {
  const { root, bytes } = await encrypted(making);
  const manifest = readManifest(bytes);
  if (manifest.kind !== 'manifest') throw new Error('an index');
  const parent = temporary();
  const target = join(parent, 'rootfs');
  await unpackImage({ source: layoutSource(root), manifest, target, unwrappers }).catch((error: unknown) => {
    expect(readdirSync(parent)).toEqual([]);
    throw error;
  });
  return readFileSync(join(target, 'file'));
}

const decryptTo = (root: string, target: string) =>
  copyImage({ source: layoutSource(root), target: directoryTarget(target), decrypt: { unwrappers } });

/** What a copy that failed has in its target: the configuration, which it does not take back. */
function configOf(root: string): string {
  const [{ digest } = { digest: '' }] = JSON.parse(readFileSync(join(root, 'index.json'), 'utf8')).manifests;
  const manifest = JSON.parse(readFileSync(join(root, 'blobs', digest.replace(':', '/')), 'utf8'));
  return manifest.config.digest.slice(7);
}

describe('a layer whose options hold the digest of its archive', () => {
  test('is unpacked, compressed or not', async () => {
    const content = tar.subarray(512, 512 + 200_000);
    expect((await unpack({})).equals(content)).toBe(true);
    expect((await unpack({ media: 'tar', blob: tar })).equals(content)).toBe(true);
    // As before: the digest of the blob.
    expect((await unpack({ digest: sha256Digest(gzipSync(tar)) })).equals(content)).toBe(true);
  });

  test.each<[string, Making, string]>([
    ['with another nonce, which nobody authenticates', { publicNonce: randomBytes(16) }, 'image.layer.plain-digest'],
    ['with another HMAC', { hmac: randomBytes(32) }, 'image.layer.hmac'],
    ['cut', { blob: gzipSync(tar).subarray(0, -20) }, 'image.layer.plain-digest'],
    [
      'with bytes behind its end',
      { blob: Buffer.concat([gzipSync(tar), Buffer.from('more')]) },
      'image.layer.plain-digest',
    ],
    ['of another archive', { blob: gzipSync(tarOf('file', randomBytes(10))) }, 'image.layer.plain-digest'],
    ['in another compression', { media: 'tar+zstd' }, 'image.layer.plain-digest'],
    ['whose digest is of nothing', { digest: sha256Digest(Buffer.from('x')) }, 'image.layer.plain-digest'],
  ])('%s is refused, and nothing is left', async (_, making, code) => {
    await expect(unpack(making)).rejects.toMatchObject({ code });
    const { root } = await encrypted(making);
    const target = temporary();
    await expect(decryptTo(root, target)).rejects.toMatchObject({ code });
    expect(readdirSync(target).filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([configOf(root)]);
  });

  test('is decrypted into a copy, under the digest of its blob', async () => {
    const blob = gzipSync(tar);
    const { root } = await encrypted({ blob });
    const target = temporary();
    const { layers } = await decryptTo(root, target);
    expect(layers[0]).toMatchObject({ digest: sha256Digest(blob), size: blob.length });
    expect(readFileSync(join(target, sha256Digest(blob).slice(7))).equals(blob)).toBe(true);
  });

  test('that is far larger than its blob has no digest: a copy refuses it before it is whole', async () => {
    const zeros = Buffer.alloc(80 * 2 ** 20);
    const { root } = await encrypted({ blob: gzipSync(zeros), digest: sha256Digest(tar) });
    await expect(decryptTo(root, temporary())).rejects.toMatchObject({ code: 'image.layer.plain-digest' });
    const counted = countArchive(
      'application/vnd.oci.image.layer.v1.tar+gzip',
      'layer 0',
      gzipSync(zeros).length,
    )([[{ algorithm: 'sha256' }], [{ algorithm: 'sha256' }]]);
    await counted.update(1, gzipSync(zeros));
    expect((await counted.finish())[1]).toEqual([new Uint8Array(0)]);
    counted.close();
  });
});
