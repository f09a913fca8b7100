import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Descriptor, type ImageSource, prefetchLayers, sha256Digest } from '../index.js';
import { temporary } from '../testing/image.test.helper.js';

const blobs = new Map(
  Array.from({ length: 7 }, (_, index) => {
    const bytes = randomBytes(1000 + index);
    return [sha256Digest(bytes), bytes] as const;
  }),
);
const layers: Descriptor[] = [...blobs].map(([digest, { length }]) => ({ mediaType: 'x', digest, size: length }));
const [first] = layers as [Descriptor];

function sourceOf(change: (digest: string) => Uint8Array | undefined = () => undefined) {
  const seen = { now: 0, most: 0, asked: 0 };
  const source: ImageSource = {
    name: 'test',
    manifest: () => Promise.reject(new Error('none')),
    blob: async ({ digest }) => {
      seen.asked += 1;
      seen.now += 1;
      seen.most = Math.max(seen.most, seen.now);
      await wait(20);
      seen.now -= 1;
      return Readable.from([change(digest) ?? blobs.get(digest) ?? Buffer.alloc(0)]);
    },
  };
  return { source, seen };
}

test('layers are fetched at most so many at a time, each once, and nothing of them stays', async () => {
  const folder = join(temporary(), 'work');
  const { source, seen } = sourceOf();
  const fetched = await prefetchLayers({ source, layers: [...layers, ...layers], folder, concurrency: 3 });
  for (const layer of [...layers, first]) {
    expect(sha256Digest(await buffer(await fetched.source.blob(layer)))).toBe(layer.digest);
  }
  expect(seen).toEqual({ now: 0, most: 3, asked: layers.length });
  // What is no layer comes from where it was.
  const other = { ...first, digest: sha256Digest(Buffer.alloc(0)), size: 0 };
  expect(await buffer(await fetched.source.blob(other))).toHaveLength(0);
  await fetched.close();
  expect(readdirSync(folder)).toEqual([]);
});

test('a layer with another digest is an error for whoever asks for it, and nothing stays', async () => {
  const folder = temporary();
  const last = layers.at(-1) as Descriptor;
  const { source } = sourceOf((digest) => (digest === last.digest ? Buffer.alloc(last.size) : undefined));
  const fetched = await prefetchLayers({ source, layers, folder, concurrency: 2 });
  await expect(fetched.source.blob(last)).rejects.toMatchObject({ code: 'image.manifest.digest' });
  await fetched.close();
  expect(readdirSync(folder)).toEqual([]);
});

test('what nobody waits for any more is ended', async () => {
  const folder = temporary();
  const never: ImageSource = {
    name: 'test',
    manifest: () => Promise.reject(new Error('none')),
    blob: async () => new Readable({ read: () => undefined }),
  };
  const fetched = await prefetchLayers({ source: never, layers, folder, concurrency: 3 });
  await fetched.close();
  expect(readdirSync(folder)).toEqual([]);
  await expect(fetched.source.blob(first)).rejects.toThrow();
});
