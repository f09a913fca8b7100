/**
 * Keeps encrypted layers as a registry has them, so that the next pull need not fetch them. What has been decrypted is never here: the disk
 * may be read by others. The name of a file is the digest of its content, which is compared each time before it is used.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { isEncrypted } from '@assay/ocicrypt';
import type { ImageSource } from '../location/location.js';
import { type Digest, hashFor } from '../model/digest.js';
import type { Descriptor } from '../model/manifest.js';
import { type WorkFolder, workFolder } from '../work-folder/work-folder.js';

export interface LayerCacheOptions {
  /** Made where it is missing. Files in it that are not the cache's own are left alone. */
  readonly folder: string;
  /** Bytes of all layers together; those that were not used for longest go first. */
  readonly maxBytes: number;
}

const NAME = /^(?:sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})$/;
const PART = '.assay-part-';
const CHUNK = 1024 * 1024;

/** A source that gives encrypted layers out of the cache, and puts those into it that it had to fetch. Everything else is the source's. */
export function cachedLayers<Source extends ImageSource>(source: Source, options: LayerCacheOptions): Source {
  return {
    ...source,
    blob: async (layer) => {
      if (!isEncrypted(layer.mediaType) || layer.size > options.maxBytes) return source.blob(layer);
      return (await fromCache(layer, options)) ?? intoCache(layer, await source.blob(layer), options);
    },
  };
}

async function fromCache({ digest, size }: Descriptor, { folder }: LayerCacheOptions): Promise<Readable | undefined> {
  const path = join(folder, nameOf(digest));
  // Not through a link, and the file that was compared is the one that is read.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
  if (file === undefined) return undefined;
  if (!(await holds(file, digest, size))) {
    await file.close();
    // What is no file is not ours, and stays.
    await rm(path, { force: true }).catch(() => undefined);
    return undefined;
  }
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
  return file.createReadStream({ start: 0, highWaterMark: CHUNK });
}

async function holds(file: FileHandle, digest: Digest, size: number): Promise<boolean> {
  const found = await file.stat();
  if (!found.isFile() || found.size !== size) return false;
  const hash = hashFor(digest);
  const buffer = Buffer.alloc(CHUNK);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return false;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return digest.endsWith(`:${hash.digest('hex')}`);
}

/** Passes a layer on as it comes. A disk that does not take it is no reason to go without. */
function intoCache(layer: Descriptor, content: Readable, options: LayerCacheOptions): Readable {
  return Readable.from(keeping(layer, content, options), { objectMode: false });
}

async function* keeping(
  { digest, size }: Descriptor,
  content: Readable,
  options: LayerCacheOptions,
): AsyncGenerator<Uint8Array> {
  const part = await newPart(options.folder);
  const hash = hashFor(digest);
  let seen = 0;
  let kept = part !== undefined;
  try {
    for await (const chunk of content as AsyncIterable<Uint8Array>) {
      seen += chunk.length;
      hash.update(chunk);
      if (kept && part !== undefined) kept = seen <= size && (await wrote(part.file, chunk));
      yield chunk;
    }
    const whole = seen === size && digest.endsWith(`:${hash.digest('hex')}`);
    if (kept && whole && part !== undefined) await commit(part, nameOf(digest), options).catch(() => undefined);
  } finally {
    content.destroy();
    await part?.file.close().catch(() => undefined);
    await part?.folder.remove().catch(() => undefined);
  }
}

interface Part {
  readonly folder: WorkFolder;
  readonly path: string;
  readonly file: FileHandle;
}

async function newPart(folder: string): Promise<Part | undefined> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const own = await workFolder(join(folder, PART));
    const path = join(own.path, 'layer');
    return { folder: own, path, file: await open(path, 'wx', 0o600) };
  } catch {
    return undefined;
  }
}

async function wrote(file: FileHandle, chunk: Uint8Array): Promise<boolean> {
  try {
    await file.writeFile(chunk);
    return true;
  } catch {
    return false;
  }
}

async function commit({ path, file }: Part, name: string, { folder, maxBytes }: LayerCacheOptions): Promise<void> {
  const { size } = await file.stat();
  await makeRoom(folder, maxBytes - size);
  await rename(path, join(folder, name));
}

/** Removes layers until the others have so many bytes at most. */
async function makeRoom(folder: string, bytes: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => NAME.test(name));
  const files = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(folder, name)).catch(() => undefined);
      return { name, size: found?.size ?? 0, used: found?.mtimeMs ?? 0 };
    }),
  );
  let left = files.reduce((sum, { size }) => sum + size, 0);
  for (const { name, size } of files.sort((a, b) => a.used - b.used)) {
    if (left <= bytes) return;
    await rm(join(folder, name), { force: true });
    left -= size;
  }
}

function nameOf(digest: Digest): string {
  return digest.replace(':', '-');
}
