import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { TpmError } from './tpm-error.js';

/** Where Linux shows the firmware's log of what it measured. */
export const EVENT_LOG = '/sys/kernel/security/tpm0/binary_bios_measurements';

/** Largest log that is read; firmware logs are some tens of kilobytes. */
const LARGEST_LOG = 4 * 1024 * 1024;
const PIECE = 64 * 1024;

/**
 * The firmware's event log.
 *
 * @param path default: where Linux shows it, under `root`
 * @param root where the file system of the machine begins
 * @returns undefined where there is none: firmware without log, or kernel without securityfs
 * @throws TpmError `unfit` where it is there and cannot be read
 */
export async function readEventLog(path = EVENT_LOG, root = '/'): Promise<Uint8Array | undefined> {
  const where = join(root, path);
  try {
    const file = await open(where, 'r');
    try {
      return await readAll(file, where);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof TpmError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const remedy = 'Run as root, or give the log as a file that may be read.';
    throw new TpmError('unfit', `event log ${where} cannot be read (${code})`, remedy, { cause: error });
  }
}

/** Files of securityfs say nothing about their size: they are read to their end. */
async function readAll(file: Awaited<ReturnType<typeof open>>, where: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let size = 0; ; ) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(PIECE), 0, PIECE, null);
    if (bytesRead === 0) return Buffer.concat(pieces);
    size += bytesRead;
    if (size > LARGEST_LOG) {
      throw new TpmError('unfit', `event log ${where} has more than ${LARGEST_LOG} bytes`, 'Give the right file.');
    }
    pieces.push(buffer.subarray(0, bytesRead));
  }
}
