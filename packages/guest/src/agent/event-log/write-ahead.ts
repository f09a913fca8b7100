import { open, readFile, unlink } from 'node:fs/promises';
import { ByteReader, concatBytes, decodeUtf8, encodeUtf8 } from '@assay/bytes';

/** What is about to be measured, so that a crash leaves neither a register nor a log that nobody can explain. */
export interface PendingEvent {
  /** Bytes of the log before the event. */
  readonly offset: number;
  /** The register's value once it is extended. */
  readonly expected: Uint8Array;
  readonly text: string;
}

/** Writes it: file offset (u64, big-endian), expected register, text. It is on the disk when this returns. */
export async function writePending(path: string, { offset, expected, text }: PendingEvent): Promise<void> {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setBigUint64(0, BigInt(offset));
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(concatBytes(head, expected, encodeUtf8(text)));
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * The event that a crash left, or undefined.
 *
 * @param length of a register
 * @returns undefined also for one that is torn: it was not whole, so nothing was extended after it
 */
export async function readPending(path: string, length: number): Promise<PendingEvent | undefined> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (bytes === undefined || bytes.length <= 8 + length) return undefined;
  const reader = new ByteReader(bytes, 'pending event');
  const offset = reader.u64be('offset');
  const expected = reader.bytes(length, 'register');
  return { offset: Number(offset), expected, text: decodeUtf8(reader.bytes(reader.remaining, 'text')) };
}

export async function removePending(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
