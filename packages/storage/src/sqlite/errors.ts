import { AssayError } from '@assay/bytes/findings';
import { damaged, notAnswering, notWritable } from '../errors.js';

/** Primary result codes of SQLite (https://sqlite.org/rescode.html). */
const SQLITE = {
  PERM: 3,
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  NOTADB: 26,
} as const;

/** Texts of `sqlite3_errstr`: the addon's `all()` throws them without a code. */
const TEXTS: ReadonlyMap<string, number> = new Map([
  ['access permission denied', SQLITE.PERM],
  ['database is locked', SQLITE.BUSY],
  ['database table is locked', SQLITE.LOCKED],
  ['attempt to write a readonly database', SQLITE.READONLY],
  ['disk I/O error', SQLITE.IOERR],
  ['database disk image is malformed', SQLITE.CORRUPT],
  ['database or disk is full', SQLITE.FULL],
  ['unable to open database file', SQLITE.CANTOPEN],
  ['file is not a database', SQLITE.NOTADB],
]);

/** Primary result code of an error that SQLite gave (0 where it gave none that is known), else undefined. */
function sqliteCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown) || thrown.code !== 'ERR_SQLITE_ERROR') return undefined;
  if ('errcode' in thrown && typeof thrown.errcode === 'number') return thrown.errcode & 0xff; // without extension
  return TEXTS.get(thrown.message) ?? 0;
}

/** Whether another connection holds the lock, so that trying again makes sense. */
export function isBusy(thrown: unknown): boolean {
  const code = sqliteCode(thrown);
  return code === SQLITE.BUSY || code === SQLITE.LOCKED;
}

/** What SQLite said, as an error that tells what to do. Errors that are no SQLite errors pass unchanged. */
export function fromSqlite(thrown: unknown, path: string): unknown {
  if (thrown instanceof AssayError) return thrown;
  switch (sqliteCode(thrown)) {
    case undefined:
      return thrown;
    case SQLITE.BUSY:
    case SQLITE.LOCKED:
      return notAnswering('sqlite', path, 'locked by another process', thrown);
    case SQLITE.FULL:
      return notWritable(path, 'disk or quota is full', thrown, remedyFull(path));
    case SQLITE.READONLY:
      return notWritable(path, 'read-only', thrown);
    case SQLITE.PERM:
      return notWritable(path, 'permission denied', thrown);
    case SQLITE.CANTOPEN:
      return notWritable(
        path,
        'cannot be opened',
        thrown,
        `Create the folder of ${path} and let the server write to it.`,
      );
    case SQLITE.IOERR:
      return notWritable(path, 'input/output error', thrown, remedyDevice(path));
    case SQLITE.CORRUPT:
      return damaged('sqlite', path, remedyCorrupt(path), thrown);
    case SQLITE.NOTADB:
      return damaged(
        'sqlite',
        path,
        `${path} is not an SQLite database. Move it away, or restore the database.`,
        thrown,
      );
    default:
      return notAnswering('sqlite', path, 'unexpected SQLite error', thrown);
  }
}

const remedyFull = (path: string): string =>
  `Free space on the file system of ${path}, or raise its quota. Nothing acknowledged is lost.`;
const remedyDevice = (path: string): string =>
  `Look at the kernel log for the device of ${path}; move the data directory to a sound one.`;
const remedyCorrupt = (path: string): string =>
  `Stop the server, keep a copy of ${path}, and restore the last backup (or try \`sqlite3 ${path} .recover\`).`;
