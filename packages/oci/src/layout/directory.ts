/** A directory as skopeo's `dir:` writes it: `manifest.json`, `version`, and every blob under its hex digest. */
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageTarget, SignedSource } from '../location/location.js';
import { checkDigest, sha256Digest } from '../model/digest.js';
import { LARGEST_MANIFEST, readManifest } from '../model/manifest.js';
import { fileWriter } from './files.js';
import { absent, once } from './layout.js';
import { readAtMost, readIfThere, streamOf } from './read.js';

/** Of a signature with its certificates and its log entry. */
const LARGEST_SIGNATURE = 1024 * 1024;
const VERSION = 'Directory Transport Version: 1.1\n';

/** The manifest is read once: what was verified is what is copied, whoever writes into the folder meanwhile. */
export function directorySource(folder: string): SignedSource {
  const name = `dir:${folder}`;
  const missing = (what: string) => (error: unknown) => {
    throw absent(name, what, error);
  };
  const read = (file: string): Promise<Uint8Array> =>
    readAtMost(join(folder, file), LARGEST_MANIFEST).catch(missing(file));
  const top = once(async () => {
    const bytes = await read('manifest.json');
    return { bytes, mediaType: readManifest(bytes).mediaType };
  });
  return {
    name,
    manifest: async (descriptor) => {
      if (descriptor === undefined) return top();
      const bytes = await read(`${hexOf(descriptor.digest)}.manifest.json`);
      checkDigest(bytes, descriptor.digest);
      return { bytes, mediaType: descriptor.mediaType };
    },
    blob: ({ digest }) => streamOf(join(folder, hexOf(digest))).catch(missing(digest)),
    stored: async (digest, number) => {
      // Those of a member of an index have its digest before them.
      const whose = digest === sha256Digest((await top()).bytes) ? '' : `${hexOf(digest)}.`;
      const file = `${whose}signature-${number}`;
      return readIfThere(join(folder, file), LARGEST_SIGNATURE).catch(missing(file));
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
