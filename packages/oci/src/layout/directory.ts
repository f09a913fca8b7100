/** A directory as skopeo's `dir:` writes it: `manifest.json`, `version`, and every blob under its hex digest. */
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageSource, ImageTarget } from '../location/location.js';
import { checkDigest, sha256Digest } from '../model/digest.js';
import { readManifest } from '../model/manifest.js';
import { fileWriter } from './files.js';
import { absent } from './layout.js';

const VERSION = 'Directory Transport Version: 1.1\n';

export function directorySource(folder: string): ImageSource {
  const name = `dir:${folder}`;
  const missing = (what: string) => (error: unknown) => {
    throw absent(name, what, error);
  };
  return {
    name,
    manifest: async (descriptor) => {
      const file = descriptor === undefined ? 'manifest.json' : `${hexOf(descriptor.digest)}.manifest.json`;
      const bytes = await readFile(join(folder, file)).catch(missing(file));
      if (descriptor !== undefined) checkDigest(bytes, descriptor.digest);
      return { bytes, mediaType: descriptor?.mediaType ?? readManifest(bytes).mediaType };
    },
    blob: async ({ digest }) => {
      const path = join(folder, hexOf(digest));
      await stat(path).catch(missing(digest));
      return createReadStream(path, { highWaterMark: 1024 * 1024 });
    },
  };
}

export function directoryTarget(folder: string): ImageTarget {
  return {
    name: `dir:${folder}`,
    has: async ({ digest, size }) => {
      const found = await stat(join(folder, hexOf(digest))).catch(() => undefined);
      return found?.isFile() === true && found.size === size;
    },
    remove: ({ digest }) => rm(join(folder, hexOf(digest)), { force: true }),
    writer: () => fileWriter(folder, (digest) => join(folder, hexOf(digest))),
    putManifest: async ({ bytes }, top) => {
      await mkdir(folder, { recursive: true });
      const file = top ? 'manifest.json' : `${hexOf(sha256Digest(bytes))}.manifest.json`;
      await writeFile(join(folder, 'version'), VERSION);
      await writeFile(join(folder, file), bytes);
    },
  };
}

function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1);
}
