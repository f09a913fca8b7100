import { chmodSync, closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../contract.js';
import { damaged, notWritable } from '../errors.js';
import { loadSqliteDriver, type SqliteDatabase } from './driver.js';
import { fromSqlite, isBusy } from './errors.js';
import { foreignTable, migrateSqlite } from './migrations.js';
import { SqliteStorage } from './storage.js';

export interface SqliteOptions {
  /** File of the database. Its folder is created (0700) if it is missing. */
  readonly path: string;
  readonly now: Clock;
  /** How long a write waits for other processes to let go of the lock. Default 5000 ms. */
  readonly busyTimeoutMs?: number;
  /** How long a write may wait for others, to share one fsync with them. Default 2 ms, at most 2. */
  readonly groupCommitMs?: number;
  /** Quota: writes that would make the database larger fail with `storage.write.possible`. */
  readonly maxBytes?: number;
}

/** Pages of 4 KiB in the log before it is folded into the file: often written pages are then folded once. */
const CHECKPOINT_PAGES = 4096;
const CACHE_KIB = 16 * 1024;

/**
 * Opens or creates the embedded database, brings its schema up to date and makes sure that it is durable.
 *
 * @throws AssayError `storage.write.possible` (folder, mode, owner, disk), `storage.record.intact` (damaged or foreign
 *   file), `storage.schema.version` (a later release wrote it), `storage.backend.answers` (locked).
 */
export async function openSqliteStorage(options: SqliteOptions): Promise<SqliteStorage> {
  const path = resolve(options.path);
  const busyTimeoutMs = options.busyTimeoutMs ?? 5000;
  const driver = await loadSqliteDriver();
  prepareFile(path);
  let db: SqliteDatabase | undefined;
  try {
    db = driver.open(path);
    await whileBusy(busyTimeoutMs, () => configureSqlite(db as SqliteDatabase, path, options));
    const schema = migrateSqlite(db, options.now());
    // From here on waiting for other processes is done beside the event loop.
    db.exec('PRAGMA busy_timeout = 0');
    return new SqliteStorage({
      db,
      path,
      schema: schema.version,
      now: options.now,
      busyTimeoutMs,
      groupCommitMs: Math.min(options.groupCommitMs ?? 2, 2),
      driver: driver.name,
    });
  } catch (error) {
    db?.close();
    throw fromSqlite(error, path);
  }
}

/** Creates the file with its mode before SQLite can create it with another; SQLite gives `-wal` and `-shm` the same. */
function prepareFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const fd = openSync(path, 'a', 0o600);
    try {
      const { mode, uid } = fstatSync(fd);
      const own = process.getuid?.();
      if (own !== undefined && uid !== own)
        throw notWritable(path, `owned by user ${uid}, not ${own}`, undefined, `chown ${own} ${path}`);
      // A database others can read holds no secret in clear, but tokens' nonces and the audit trail: close it.
      if (own !== undefined && (mode & 0o077) !== 0) chmodSync(path, 0o600);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw /^E[A-Z]+$/.test(code) ? notWritable(path, code, error) : error;
  }
}

/** Sets a new connection up and reads back what durability rests on. */
export function configureSqlite(db: SqliteDatabase, path: string, options: SqliteOptions): void {
  db.exec(`PRAGMA busy_timeout = ${options.busyTimeoutMs ?? 5000}`);
  const foreign = foreignTable(db);
  if (foreign !== undefined)
    throw damaged('sqlite', path, `${path} is another program's database (table ${foreign}). Choose another path.`);
  const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
  if (mode !== 'wal')
    throw notWritable(path, `write-ahead log not possible (${mode})`, undefined, 'Use a local file system.');
  // Some builds commit without fsync under WAL unless told otherwise, so it is set, and read back.
  db.exec('PRAGMA synchronous = FULL');
  if (db.prepare('PRAGMA synchronous').get()?.['synchronous'] !== 2)
    throw notWritable(path, 'synchronous=FULL not honoured', undefined, 'Use another build of SQLite.');
  db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.exec(`PRAGMA cache_size = ${-CACHE_KIB}`);
  db.exec('PRAGMA trusted_schema = OFF');
  db.exec('PRAGMA cell_size_check = ON');
  if (options.maxBytes !== undefined) {
    const pageSize = Number(db.prepare('PRAGMA page_size').get()?.['page_size']);
    db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(options.maxBytes / pageSize))}`);
  }
}

/** Changing the journal mode does not honour the busy timeout, so several processes that start at once retry here. */
async function whileBusy(timeoutMs: number, step: () => void): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      step();
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      await sleep(10 + Math.random() * 20);
    }
  }
}
