/**
 * A folder as one encrypted file: tar, under AES-128-GCM, the whole authenticated before any of it is unpacked.
 * `ASSAYSF1`, 12 bytes of nonce, ciphertext, 16 bytes of tag.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { appendFile, mkdir, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { concatBytes, DecodeError, encodeUtf8 } from '@assay/bytes';
import { createTarDecoder } from 'modern-tar';
import { packTar } from 'modern-tar/fs';
import { applyEntry, type EntryContext } from '../unpack/entry.js';
import { settleFolders } from '../unpack/folders.js';
import { workFolder } from '../work-folder/work-folder.js';

const FORMAT = 'sealed folder';
const MAGIC = encodeUtf8('ASSAYSF1');
const NONCE = 12;
const TAG = 16;
const HEAD = MAGIC.length + NONCE;
/** One nonce encrypts no more (NIST SP 800-38D, section 5.2.1.1). */
const LARGEST = 2 ** 36 - 32;

export interface SealOptions {
  readonly folder: string;
  /** Must not exist. */
  readonly file: string;
  /** 16 bytes, for this file alone. */
  readonly key: Uint8Array;
  /** What the content is bound to. */
  readonly context: string;
  readonly random: (length: number) => Uint8Array;
}

/** @throws the system's error; the file then does not exist */
export async function sealFolder({ folder, file, key, context, random }: SealOptions): Promise<void> {
  const head = concatBytes(MAGIC, random(NONCE));
  const cipher = createCipheriv('aes-128-gcm', key, head.subarray(MAGIC.length));
  cipher.setAAD(encodeUtf8(context));
  await writeFile(file, head, { flag: 'wx', mode: 0o600 });
  try {
    await pipeline(packTar(folder), cipher, createWriteStream(file, { flags: 'a' }));
    await appendFile(file, cipher.getAuthTag());
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

export interface OpenOptions {
  readonly file: string;
  readonly key: Uint8Array;
  readonly context: string;
  /** Folder that is made; must not exist. */
  readonly target: string;
}

/** @throws DecodeError for another key, another context or a changed file; AssayError `image.unpack.path`. The target then does not exist */
export async function openSealedFolder({ file, key, context, target }: OpenOptions): Promise<void> {
  const place = resolve(target);
  await mkdir(dirname(place), { recursive: true });
  const work = await workFolder(join(dirname(place), '.assay-open-'));
  try {
    const plain = join(work.path, 'tar');
    await decrypt(file, key, context, plain);
    const root = join(await realpath(work.path), 'root');
    await mkdir(root, { mode: 0o755 });
    await unpack(plain, root);
    await rename(root, place);
  } finally {
    await work.remove();
  }
}

/** What this writes is not to be read before it has returned. */
async function decrypt(file: string, key: Uint8Array, context: string, plain: string): Promise<void> {
  const { size } = await stat(file);
  if (size < HEAD + TAG || size > LARGEST) throw new DecodeError(FORMAT, `it has ${size} bytes`);
  const handle = await open(file, 'r');
  const [head, tag] = [Buffer.alloc(HEAD), Buffer.alloc(TAG)];
  try {
    await handle.read(head, 0, HEAD, 0);
    await handle.read(tag, 0, TAG, size - TAG);
  } finally {
    await handle.close();
  }
  if (!head.subarray(0, MAGIC.length).equals(MAGIC)) throw new DecodeError(FORMAT, 'it does not begin as one');
  const decipher = createDecipheriv('aes-128-gcm', key, head.subarray(MAGIC.length));
  decipher.setAAD(encodeUtf8(context));
  decipher.setAuthTag(tag);
  const content =
    size === HEAD + TAG ? Readable.from([]) : createReadStream(file, { start: HEAD, end: size - TAG - 1 });
  try {
    await pipeline(content, decipher, createWriteStream(plain, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    // OpenSSL has no code for a tag that does not fit.
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    throw new DecodeError(FORMAT, 'the key does not open it, or it was changed', undefined, { cause: error });
  }
}

async function unpack(tar: string, root: string): Promise<void> {
  const context: EntryContext = {
    root,
    layer: FORMAT,
    owners: process.geteuid?.() === 0,
    made: new Set(),
    folders: new Map(),
    skipped: [],
  };
  const { readable, writable } = createTarDecoder({ strict: true });
  const fed = Readable.toWeb(createReadStream(tar)).pipeTo(writable as WritableStream);
  fed.catch(() => undefined);
  for await (const entry of readable) await applyEntry(entry, context);
  await fed;
  await settleFolders(context.folders);
}
