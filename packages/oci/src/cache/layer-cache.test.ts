import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { cachedLayers, type Descriptor, type ImageSource, sha256Digest } from '../index.js';
import { temporary } from '../testing/image.test.helper.js';

const ENCRYPTED = 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted';

interface Layer extends Descriptor {
  readonly bytes: Buffer;
}

const layerOf = (size = 100, mediaType = ENCRYPTED): Layer => {
  const bytes = randomBytes(size);
  return { mediaType, digest: sha256Digest(bytes), size, bytes };
};

/** A source that counts, and gives what it is told to. */
function sourceOf(...layers: readonly Layer[]) {
  const fetched: string[] = [];
  const source: ImageSource = {
    name: 'test',
    manifest: async () => ({ bytes: Buffer.from('manifest'), mediaType: 'm' }),
    blob: async ({ digest }) => {
      fetched.push(digest);
      const { bytes } = layers.find((layer) => layer.digest === digest) as Layer;
      return Readable.from([bytes.subarray(0, 10), bytes.subarray(10)]);
    },
  };
  return { source, fetched };
}

async function read(source: ImageSource, layer: Descriptor): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await source.blob(layer)) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

const pathIn = (folder: string, { digest }: Descriptor): string => join(folder, digest.replace(':', '-'));
const cache = (folder: string, source: ImageSource, maxBytes = 1000): ImageSource =>
  cachedLayers(source, { folder, maxBytes });

describe('encrypted layers', () => {
  test('are fetched once, and lie as the registry has them, for their owner alone', async () => {
    const folder = join(temporary(), 'made/for/it');
    const layer = layerOf();
    const { source, fetched } = sourceOf(layer);
    const cached = cache(folder, source);
    for (let pull = 0; pull < 3; pull += 1) expect((await read(cached, layer)).equals(layer.bytes)).toBe(true);
    expect(fetched).toEqual([layer.digest]);
    expect(readdirSync(folder)).toEqual([layer.digest.replace(':', '-')]);
    expect(readFileSync(pathIn(folder, layer)).equals(layer.bytes)).toBe(true);
    expect(statSync(pathIn(folder, layer)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(await cached.manifest()).toMatchObject({ mediaType: 'm' });
  });

  test('others are not kept: they would lie in clear', async () => {
    const folder = temporary();
    const layer = layerOf(100, 'application/vnd.oci.image.layer.v1.tar+gzip');
    const { source, fetched } = sourceOf(layer);
    const cached = cache(folder, source);
    await read(cached, layer);
    await read(cached, layer);
    expect(fetched).toHaveLength(2);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each<[string, (path: string, layer: Layer) => void]>([
    ['changed', (path, layer) => writeFileSync(path, Buffer.concat([layer.bytes.subarray(1), Buffer.of(0)]))],
    ['cut', (path) => truncateSync(path, 50)],
    ['longer', (path, layer) => writeFileSync(path, Buffer.concat([layer.bytes, Buffer.of(0)]))],
    ['empty', (path) => writeFileSync(path, '')],
  ])('a file that was %s is fetched again, and is then right', async (_, change) => {
    const folder = temporary();
    const layer = layerOf();
    const { source, fetched } = sourceOf(layer);
    await read(cache(folder, source), layer);
    change(pathIn(folder, layer), layer);
    expect((await read(cache(folder, source), layer)).equals(layer.bytes)).toBe(true);
    expect(fetched).toHaveLength(2);
    expect(readFileSync(pathIn(folder, layer)).equals(layer.bytes)).toBe(true);
  });

  test('a link in its place is not followed', async () => {
    const folder = temporary();
    const layer = layerOf();
    const elsewhere = join(temporary(), 'file');
    writeFileSync(elsewhere, layer.bytes);
    symlinkSync(elsewhere, pathIn(folder, layer));
    const { source, fetched } = sourceOf(layer);
    await read(cache(folder, source), layer);
    expect(fetched).toHaveLength(1);
    expect(readFileSync(elsewhere).equals(layer.bytes)).toBe(true);
  });

  test('what a source gives wrongly is passed on for its reader to refuse, and not kept', async () => {
    for (const wrong of [randomBytes(100), randomBytes(99), randomBytes(5000)]) {
      const folder = temporary();
      const layer = layerOf();
      const { source } = sourceOf({ ...layer, bytes: wrong });
      expect((await read(cache(folder, source), layer)).equals(wrong)).toBe(true);
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  test('nothing is left of one that ends early, or is not read to its end', async () => {
    const folder = temporary();
    const layer = layerOf();
    const failing: ImageSource = {
      ...sourceOf(layer).source,
      blob: async () =>
        Readable.from(
          (async function* () {
            yield layer.bytes.subarray(0, 10);
            throw new Error('the connection is gone');
          })(),
        ),
    };
    await expect(read(cache(folder, failing), layer)).rejects.toThrow('the connection is gone');
    expect(readdirSync(folder)).toEqual([]);
    const stream = await cache(folder, sourceOf(layer).source).blob(layer);
    for await (const _ of stream) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(readdirSync(folder)).toEqual([]);
  });

  test('go when there are too many: first the one that was not used for longest', async () => {
    const folder = temporary();
    const layers = [layerOf(), layerOf(), layerOf(), layerOf()] as const;
    const { source } = sourceOf(...layers);
    const [a, b, c, d] = layers;
    for (const [age, layer] of [a, b, c].entries()) {
      await read(cache(folder, source, 300), layer);
      const then = new Date(Date.now() - 60_000 * (3 - age));
      utimesSync(pathIn(folder, layer), then, then);
    }
    await read(cache(folder, source, 300), a);
    await read(cache(folder, source, 300), d);
    expect(readdirSync(folder).sort()).toEqual([a, c, d].map(({ digest }) => digest.replace(':', '-')).sort());
  });

  test('one that is larger than all is not kept, and nothing goes for it', async () => {
    const folder = temporary();
    const [small, large] = [layerOf(100), layerOf(400)];
    const { source } = sourceOf(small, large);
    await read(cache(folder, source, 300), small);
    await read(cache(folder, source, 300), large);
    expect(readdirSync(folder)).toEqual([small.digest.replace(':', '-')]);
  });

  test('files of others are neither counted nor removed', async () => {
    const folder = temporary();
    writeFileSync(join(folder, 'photograph.jpg'), Buffer.alloc(10_000));
    mkdirSync(join(folder, 'sha256-x'));
    const layer = layerOf();
    await read(cache(folder, sourceOf(layer).source, 150), layer);
    expect(readdirSync(folder).sort()).toEqual(['photograph.jpg', layer.digest.replace(':', '-'), 'sha256-x'].sort());
  });

  test('where the disk does not take them, they come all the same', async () => {
    const file = join(temporary(), 'file');
    writeFileSync(file, '');
    const layer = layerOf();
    const { source, fetched } = sourceOf(layer);
    expect((await read(cache(join(file, 'folder'), source), layer)).equals(layer.bytes)).toBe(true);
    expect((await read(cache('/dev/full', source), layer)).equals(layer.bytes)).toBe(true);
    expect(fetched).toHaveLength(2);
    const folder = temporary();
    chmodSync(folder, 0o700);
    mkdirSync(pathIn(folder, layer));
    writeFileSync(join(pathIn(folder, layer), 'in-the-way'), '');
    expect((await read(cache(folder, source), layer)).equals(layer.bytes)).toBe(true);
    expect(existsSync(join(pathIn(folder, layer), 'in-the-way'))).toBe(true);
  });
});
