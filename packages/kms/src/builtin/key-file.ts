import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type AssayError, assayError } from '@assay/bytes/findings';

/*
 * Files of the built-in key management: `kek-NNNN.key`, each 32 random bytes, numbered in the
 * order of their creation. Anything that another user could read, or could have put there, is refused rather than repaired:
 * a key that was readable for a while is to be replaced, and only the owner can decide that.
 */
export const KEK_LENGTH = 32;
const NAME = /^kek-(\d{4})\.key$/;
const LARGEST_NUMBER = 9999;

export interface KeyFile {
  readonly number: number;
  readonly path: string;
}

/** Makes the folder if it is missing (0700), and checks it. */
export function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { mode, uid } = lstatSync(folder);
  checkOwner(folder, uid);
  // Reading names is no harm; whoever may write here could put a key of his own under the next number.
  if ((mode & 0o022) !== 0)
    throw fileFault(
      folder,
      `mode ${octal(mode)}: others may write here`,
      `chmod 700 ${folder}, and look for key files.`,
    );
}

/** Key files in the order of their numbers. */
export function listKeyFiles(folder: string): readonly KeyFile[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const number = NAME.exec(name)?.[1];
      return number === undefined ? [] : [{ number: Number(number), path: join(folder, name) }];
    })
    .sort((a, b) => a.number - b.number);
}

/** Reads a key after checking on the open file that it is the owner's alone. The caller overwrites the bytes after use. */
export function readKeyFile(path: string): Uint8Array {
  const fd = opened(path);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw fileFault(path, 'not a regular file');
    checkOwner(path, stat.uid);
    if ((stat.mode & 0o777 & ~0o600) !== 0)
      throw fileFault(
        path,
        `mode is ${octal(stat.mode)}, not 0600`,
        `chmod 600 ${path}; if others had access, rotate.`,
      );
    if (stat.size !== KEK_LENGTH)
      throw fileFault(
        path,
        `${stat.size} bytes, not ${KEK_LENGTH}`,
        `Restore ${path} from the backup of this database.`,
      );
    const key = new Uint8Array(KEK_LENGTH);
    if (readSync(fd, key) !== KEK_LENGTH) throw fileFault(path, 'changed while it was read');
    return key;
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes a key under the next number. It appears under its name whole and on disk, or not at all; of several processes
 * that try the same number, one succeeds.
 *
 * @returns false if the number was taken meanwhile.
 */
export function createKeyFile(folder: string, number: number, key: Uint8Array, token: string): boolean {
  if (number > LARGEST_NUMBER) throw fileFault(folder, `${LARGEST_NUMBER} keys are the most it can hold`);
  const path = join(folder, `kek-${String(number).padStart(4, '0')}.key`);
  const temporary = join(folder, `.new-${token}`);
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    fchmodSync(fd, 0o600); // whatever the umask took away
    if (writeSync(fd, key) !== key.byteLength) throw fileFault(temporary, 'could not be written whole');
    fsyncSync(fd);
    // A link, not a rename: it fails where the name is taken.
    linkSync(temporary, path);
  } catch (error) {
    if (errno(error) === 'EEXIST') return false;
    throw error;
  } finally {
    closeSync(fd);
    unlinkSync(temporary);
    syncFolder(folder);
  }
  return true;
}

function opened(path: string): number {
  try {
    // Not through a symbolic link, and not waiting for the other end of a pipe.
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = errno(error);
    if (code === 'ELOOP') throw fileFault(path, 'a symbolic link');
    throw code === undefined ? error : fileFault(path, code, undefined, error);
  }
}

function checkOwner(path: string, uid: number): void {
  const own = process.geteuid?.();
  if (own !== undefined && uid !== own)
    throw fileFault(
      path,
      `owned by user ${uid}, not ${own}`,
      `chown ${own} ${path}; if it was put there by another, rotate.`,
    );
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export function fileFault(path: string, what: string, remedy?: string, cause?: unknown): AssayError {
  return assayError('kms.key.file', { params: { path, what }, cause, ...(remedy === undefined ? {} : { remedy }) });
}

/** `E…` code of a file-system error; its message may be shown, since it names only paths. */
export function errno(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && /^E[A-Z0-9]+$/.test(String(error.code))
    ? String(error.code)
    : undefined;
}

const octal = (mode: number): string => `0${(mode & 0o777).toString(8)}`;
