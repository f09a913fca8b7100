/** Files that lie in a folder of somebody else: no more is read than was allowed, and nothing that is no file is waited for. */
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';

const CHUNK = 1024 * 1024;

/** A file that holds more than is read of its kind. */
export class TooLarge extends Error {
  readonly size: number;

  constructor(size: number) {
    super(`it has ${size} bytes`);
    this.name = 'TooLarge';
    this.size = size;
  }
}

/** @throws TooLarge; an error of the system with its `code`, also for what is no file */
export async function readAtMost(path: string, most: number): Promise<Uint8Array> {
  // A FIFO would be waited for.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const found = await file.stat();
    if (!found.isFile()) throw noFile(found.isDirectory());
    if (found.size > most) throw new TooLarge(found.size);
    return await whole(file, most);
  } finally {
    await file.close();
  }
}

/** As {@link readAtMost}; undefined where there is nothing. */
export async function readIfThere(path: string, most: number): Promise<Uint8Array | undefined> {
  try {
    return await readAtMost(path, most);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Its content is for whoever reads it to compare. @throws an error of the system with its `code`, also for what is no file */
export async function streamOf(path: string): Promise<Readable> {
  const found = await stat(path);
  if (!found.isFile()) throw noFile(found.isDirectory());
  return createReadStream(path, { highWaterMark: CHUNK });
}

/** The file may grow while it is read. */
async function whole(file: FileHandle, most: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(Math.min(most, (await file.stat()).size) + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < buffer.length; length += read) {
    ({ bytesRead: read } = await file.read(buffer, length, buffer.length - length, length));
  }
  if (length === buffer.length) throw new TooLarge(length);
  return new Uint8Array(buffer.subarray(0, length));
}

function noFile(folder: boolean): NodeJS.ErrnoException {
  return Object.assign(new Error('it is no file'), { code: folder ? 'EISDIR' : 'ENOTFILE' });
}
