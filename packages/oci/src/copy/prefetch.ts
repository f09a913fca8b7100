/** Layers fetched several at a time, ahead of the unpacking, which takes one after the other. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ImageSource } from '../location/location.js';
import { DigestCheck } from '../model/digest.js';
import type { Descriptor } from '../model/manifest.js';
import { workFolder } from '../work-folder/work-folder.js';
import { atMost } from './at-most.js';

export interface PrefetchOptions {
  readonly source: ImageSource;
  readonly layers: readonly Descriptor[];
  /** Made where it is missing; layers lie in a folder of their own in it. They are as the registry has them: encrypted ones stay so. */
  readonly folder: string;
  /** Layers at a time, from 1. */
  readonly concurrency: number;
}

export interface Prefetched {
  /** Gives what the source gives; a layer as soon as all of it is here, with the digest and size of its descriptor. */
  readonly source: ImageSource;
  /** Ends what is under way and removes what was fetched. */
  close(): Promise<void>;
}

/** Begins to fetch. A layer that cannot be fetched is an error for whoever asks for it. */
export async function prefetchLayers({ source, layers, folder, concurrency }: PrefetchOptions): Promise<Prefetched> {
  await mkdir(folder, { recursive: true });
  const own = await workFolder(join(folder, '.assay-pull-'));
  const abort = new AbortController();
  const wanted = [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
  const fetched = new Map(wanted.map(({ digest }) => [digest as string, withResolvers()]));
  const all = atMost(concurrency, wanted, async (layer) => {
    const path = join(own.path, layer.digest.replace(':', '-'));
    const check = new DigestCheck(layer.digest, layer.size);
    const write = createWriteStream(path, { flags: 'wx', mode: 0o600 });
    await pipeline(await source.blob(layer), check, write, { signal: abort.signal });
    fetched.get(layer.digest)?.resolve(path);
  }).catch((error: unknown) => {
    // The first failure is that of every layer that is not here yet.
    for (const { reject } of fetched.values()) reject(error);
  });
  // Unheard where nobody asks for the layer any more.
  for (const { promise } of fetched.values()) promise.catch(() => undefined);
  return {
    source: {
      name: source.name,
      manifest: (descriptor) => source.manifest(descriptor),
      blob: async (descriptor) => {
        const layer = fetched.get(descriptor.digest);
        return layer === undefined ? source.blob(descriptor) : createReadStream(await layer.promise);
      },
    },
    close: async () => {
      abort.abort();
      await all;
      await own.remove();
    },
  };
}

interface Resolvers {
  readonly promise: Promise<string>;
  readonly resolve: (path: string) => void;
  readonly reject: (reason: unknown) => void;
}

/** `Promise.withResolvers` of newer runtimes. */
function withResolvers(): Resolvers {
  let resolvers: Omit<Resolvers, 'promise'> | undefined;
  const promise = new Promise<string>((resolve, reject) => {
    resolvers = { resolve, reject };
  });
  return { promise, ...(resolvers as Omit<Resolvers, 'promise'>) };
}
