/** Blobs in a folder: written beside their place, and renamed into it when their digest is known. */
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { BlobWriter } from '../location/location.js';

/** Bytes that wait for one call of the system: layers come in pieces of 64 KiB, for each of which a call of its own takes too long. */
const WRITTEN_AT_ONCE = 1024 * 1024;

let counter = 0;

/** @param place path of a blob by its digest */
export async function fileWriter(folder: string, place: (digest: string) => string): Promise<BlobWriter> {
  await mkdir(folder, { recursive: true });
  counter += 1;
  const temporary = join(folder, `.assay-${process.pid}-${counter}.partial`);
  return {
    write: (content) => {
      const file = createWriteStream(temporary, { flags: 'wx', mode: 0o644, highWaterMark: WRITTEN_AT_ONCE });
      return pipeline(content, file);
    },
    commit: async ({ digest }) => {
      const path = place(digest);
      await mkdir(dirname(path), { recursive: true });
      await rename(temporary, path);
    },
    abort: () => rm(temporary, { force: true }),
  };
}
