/**
 * Encrypted images that somebody changed between their builder and us, without a key but with every digest computed anew. Whichever way
 * they are taken, they are refused, and nothing of a layer is left in clear.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { JsonObject } from '@assay/bytes';
import { addRecipients, jweUnwrapper, jweWrapper, writePrivateOptions } from '@assay/ocicrypt';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  copyImage,
  type Descriptor,
  directoryTarget,
  layoutSource,
  layoutTarget,
  MEDIA_TYPE,
  platformManifest,
  sha256Digest,
  unpackImage,
} from './index.js';
import { makeImage, tarOf, temporary, writeIndex } from './testing/image.test.helper.js';

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const wrapper = jweWrapper([{ key: pair.publicKey, algorithm: 'ECDH-ES+A256KW' }]);
const unwrappers = [jweUnwrapper([pair.privateKey])];
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const plain = makeImage(2);
const clear = plain.layers.flatMap((layer) => [layer, gunzipSync(layer).subarray(512, 1024)]);
const PUBLIC = 'org.opencontainers.image.enc.pubopts';
const KEYS = 'org.opencontainers.image.enc.keys.jwe';

let encrypted = '';
let document: JsonObject = {};
let layers: readonly Descriptor[] = [];

beforeAll(async () => {
  encrypted = temporary();
  const target = layoutTarget(encrypted, 'v1');
  await copyImage({ source: layoutSource(plain.folder), target, encrypt: { wrappers: [wrapper], random } });
  const stored = await layoutSource(encrypted, 'v1').manifest();
  document = JSON.parse(Buffer.from(stored.bytes).toString('utf8'));
  layers = document['layers'] as unknown as Descriptor[];
});

interface Change {
  readonly manifest: string;
  readonly blobs: readonly Uint8Array[];
}

const layer = (index: number): Descriptor => layers[index] as Descriptor;
const blobOf = ({ digest }: Descriptor): Buffer => readFileSync(join(encrypted, 'blobs', digest.replace(':', '/')));
const decoded = (text: string | undefined): JsonObject => JSON.parse(Buffer.from(text ?? '', 'base64').toString());
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');

const withLayers = (changed: readonly unknown[], blobs: readonly Uint8Array[] = []): Change => ({
  manifest: JSON.stringify({ ...document, layers: changed }),
  blobs,
});
/** The first layer with other annotations. */
const annotated = (annotations: Readonly<Record<string, string>>): Change =>
  withLayers([{ ...layer(0), annotations: { ...layer(0).annotations, ...annotations } }, layer(1)]);
const withOptions = (change: object): Change =>
  annotated({ [PUBLIC]: base64({ ...decoded(layer(0).annotations?.[PUBLIC]), ...change }) });
/** The first layer with another content. */
const withContent = (content: Uint8Array): Change =>
  withLayers([{ ...layer(0), digest: sha256Digest(content), size: content.length }, layer(1)], [content]);
/** Options of one's own, wrapped for the recipient's public key as anybody can. */
const forged = async (): Promise<string> => {
  const options = { symmetricKey: random(32), digest: sha256Digest(random(9)), nonce: random(16) };
  return (await addRecipients({}, writePrivateOptions(options), [wrapper]))[KEYS] ?? '';
};

const changes: readonly (readonly [string, () => Change | Promise<Change>, string])[] = [
  ['another HMAC', () => withOptions({ hmac: randomBytes(32).toString('base64') }), 'image.layer.hmac'],
  ['no HMAC', () => withOptions({ hmac: '' }), 'image.layer.cipher'],
  ['another cipher', () => withOptions({ cipher: 'AES_256_CTR' }), 'image.layer.cipher'],
  [
    'a nonce over that of its options',
    () => withOptions({ cipheroptions: { nonce: randomBytes(16).toString('base64') } }),
    'image.layer.plain-digest',
  ],
  ['a nonce of another length', () => withOptions({ cipheroptions: { nonce: 'AAAA' } }), 'image.layer.cipher'],
  ['layers in another order', () => withLayers([layer(1), layer(0)]), 'image.layer.diff-id'],
  [
    'options of another layer',
    () => withLayers([{ ...layer(0), annotations: layer(1).annotations }, layer(1)]),
    'image.layer.hmac',
  ],
  [
    'content of another layer',
    () => withLayers([{ ...layer(0), digest: layer(1).digest, size: layer(1).size }, layer(1)]),
    'image.layer.hmac',
  ],
  [
    'one byte changed',
    () => withContent(blobOf(layer(0)).map((byte, index) => (index === 700 ? byte ^ 1 : byte))),
    'image.layer.hmac',
  ],
  ['a byte less', () => withContent(blobOf(layer(0)).subarray(0, -1)), 'image.layer.hmac'],
  ['a byte more', () => withContent(Buffer.concat([blobOf(layer(0)), Buffer.of(0)])), 'image.layer.hmac'],
  ['a layer less', () => withLayers([layer(0)]), 'image.manifest.form'],
  ['a layer twice', () => withLayers([layer(0), layer(0), layer(1)]), 'image.manifest.form'],
  [
    'an annotation twice',
    () => {
      const { manifest } = withLayers(layers);
      return { manifest: manifest.replace(`"${PUBLIC}"`, `"${PUBLIC}":"e30=","${PUBLIC}"`), blobs: [] };
    },
    'image.manifest.form',
  ],
  [
    'options that were put before its own',
    async () => annotated({ [KEYS]: `${await forged()},${layer(0).annotations?.[KEYS]}` }),
    'image.layer.hmac',
  ],
  ['no options', () => annotated({ [KEYS]: '' }), 'image.key.found'],
  [
    'the type of a layer in clear',
    () => withLayers([{ ...layer(0), mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }, layer(1)]),
    'image.manifest.form',
  ],
  [
    'a type that cannot be unpacked',
    () => withLayers([{ ...layer(0), mediaType: 'text/plain+encrypted' }, layer(1)]),
    'image.layer.type',
  ],
  ['another size', () => withLayers([{ ...layer(0), size: layer(0).size + 1 }, layer(1)]), 'image.manifest.digest'],
];

/** The changed image as a layout of its own. */
function layoutOf({ manifest, blobs }: Change): string {
  const folder = temporary();
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  const put = (bytes: Uint8Array): void =>
    writeFileSync(join(folder, 'blobs', sha256Digest(bytes).replace(':', '/')), bytes);
  for (const name of readdirSync(join(encrypted, 'blobs/sha256')))
    put(readFileSync(join(encrypted, 'blobs/sha256', name)));
  for (const bytes of [...blobs, Buffer.from(manifest)]) put(bytes);
  const bytes = Buffer.from(manifest);
  writeIndex(folder, [{ mediaType: MEDIA_TYPE.manifest, digest: sha256Digest(bytes), size: bytes.length }]);
  return folder;
}

function filesIn(folder: string): readonly Buffer[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : [readFileSync(path)];
  });
}

/** Copies judge layers by their own digests: what only the configuration tells is found when the copy is unpacked. */
const BY_CONFIGURATION = ['layers in another order', 'the type of a layer in clear'];

describe('an encrypted image with', () => {
  test.each(changes)('%s is not unpacked', async (_, change, code) => {
    const parent = temporary();
    const source = layoutSource(layoutOf(await change()));
    const unpack = async () => {
      const { manifest } = await platformManifest(source, { os: 'linux', architecture: 'amd64' });
      await unpackImage({ source, manifest, target: join(parent, 'rootfs'), unwrappers });
    };
    await expect(unpack()).rejects.toMatchObject({ code });
    expect(readdirSync(parent)).toEqual([]);
  });

  const ways = [
    ['a layout', (folder: string) => layoutTarget(folder, 'v1'), 'index.json'],
    ['a directory', (folder: string) => directoryTarget(folder), 'manifest.json'],
  ] as const;
  const copied = changes.filter(([name]) => !BY_CONFIGURATION.includes(name));
  test.each(ways.flatMap((way) => copied.map((change) => [...change, ...way] as const)))(
    '%s is not decrypted (%#)',
    async (_, change, code, __, targetOf, index) => {
      const folder = temporary();
      const source = layoutSource(layoutOf(await change()));
      await expect(copyImage({ source, target: targetOf(folder), decrypt: { unwrappers } })).rejects.toMatchObject({
        code,
      });
      expect(existsSync(join(folder, index))).toBe(false);
      for (const bytes of filesIn(folder)) {
        for (const secret of clear) expect(bytes.includes(secret)).toBe(false);
      }
    },
  );

  test('nothing changed is taken, either way', async () => {
    const source = layoutSource(layoutOf(withLayers(layers)));
    const folder = temporary();
    const { digest } = await copyImage({ source, target: layoutTarget(folder, 'v1'), decrypt: { unwrappers } });
    expect(digest).toBe(plain.manifest);
    expect(filesIn(folder).some((bytes) => clear.some((secret) => bytes.includes(secret)))).toBe(true);
    const { manifest } = await platformManifest(source, { os: 'linux', architecture: 'amd64' });
    const target = join(temporary(), 'rootfs');
    await unpackImage({ source, manifest, target, unwrappers });
    expect(readdirSync(target)).toEqual(['file-0', 'file-1']);
  });
});

test('a layer that somebody else encrypted for us is not that of the configuration', async () => {
  const root = temporary();
  mkdirSync(join(root, 'blobs/sha256'), { recursive: true });
  const put = (bytes: Uint8Array) => {
    writeFileSync(join(root, 'blobs', sha256Digest(bytes).replace(':', '/')), bytes);
    return { digest: sha256Digest(bytes), size: bytes.length };
  };
  const own = tarOf('file-0', Buffer.from('of somebody else'));
  const config = { os: 'linux', architecture: 'amd64', rootfs: { diff_ids: [sha256Digest(own)] } };
  const other = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, ...put(Buffer.from(JSON.stringify(config))) },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...put(own) }],
  };
  writeIndex(root, [{ mediaType: MEDIA_TYPE.manifest, ...put(Buffer.from(JSON.stringify(other))) }]);
  const theirs = temporary();
  const result = await copyImage({
    source: layoutSource(root),
    target: layoutTarget(theirs, 'v1'),
    encrypt: { wrappers: [wrapper], random },
  });
  const { action: _, ...foreign } = result.layers[0] as (typeof result.layers)[number];
  const content = readFileSync(join(theirs, 'blobs', foreign.digest.replace(':', '/')));
  const source = layoutSource(layoutOf(withLayers([foreign, layer(1)], [content])));
  const { manifest } = await platformManifest(source, { os: 'linux', architecture: 'amd64' });
  const parent = temporary();
  await expect(unpackImage({ source, manifest, target: join(parent, 'rootfs'), unwrappers })).rejects.toMatchObject({
    code: 'image.layer.diff-id',
  });
  expect(readdirSync(parent)).toEqual([]);
});
