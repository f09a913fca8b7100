import { expect, test } from 'vitest';
import { type ImageSource, layoutSource, MEDIA_TYPE, platformManifest, sha256Digest } from '../index.js';
import { makeImage } from '../testing/image.test.helper.js';

const plain = layoutSource(makeImage(1).folder, 'v1');
const amd64 = { os: 'linux', architecture: 'amd64' };

/** An index of documents by their architecture. */
async function indexOf(members: Readonly<Record<string, { bytes: Uint8Array; mediaType: string }>>) {
  const manifests = Object.entries(members).map(([architecture, { bytes, mediaType }]) => ({
    mediaType,
    digest: sha256Digest(bytes),
    size: bytes.length,
    platform: { os: 'linux', architecture },
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }));
  const source: ImageSource = {
    name: 'test',
    manifest: async (descriptor) => {
      if (descriptor === undefined) return { bytes, mediaType: MEDIA_TYPE.index };
      const found = Object.values(members).find((member) => sha256Digest(member.bytes) === descriptor.digest);
      return found ?? Promise.reject(new Error('not there'));
    },
    blob: (descriptor) => plain.blob(descriptor),
  };
  return { source, bytes };
}

test('an image without an index is its manifest', async () => {
  const { bytes } = await plain.manifest();
  const digest = sha256Digest(bytes);
  expect(await platformManifest(plain, amd64)).toMatchObject({ digest, topDigest: digest });
});

test('of an index the manifest for the platform is taken, with both digests', async () => {
  const member = await plain.manifest();
  const other = { ...member, bytes: Buffer.concat([member.bytes, Buffer.from(' ')]) };
  const { source, bytes } = await indexOf({ arm64: other, amd64: member });
  expect(await platformManifest(source, amd64)).toMatchObject({
    digest: sha256Digest(member.bytes),
    topDigest: sha256Digest(bytes),
  });
  await expect(platformManifest(source, { os: 'linux', architecture: 's390x' })).rejects.toThrow('nothing for');
});

test('an index within an index is refused', async () => {
  const inner = await indexOf({ amd64: await plain.manifest() });
  const { source } = await indexOf({ amd64: { bytes: inner.bytes, mediaType: MEDIA_TYPE.index } });
  await expect(platformManifest(source, amd64)).rejects.toMatchObject({ code: 'image.manifest.form' });
});
