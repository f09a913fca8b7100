import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { loadSqliteDriver, type SqliteDatabase } from './driver.js';
import { fromSqlite } from './errors.js';
import { migrateSqlite, SQLITE_MIGRATIONS } from './migrations.js';
import { configureSqlite, openSqliteStorage } from './open.js';

const root = temporaryFolder('assay-sqlite-');

const now = Date.now;
const driver = await loadSqliteDriver();
let path: string;
let count = 0;
beforeEach(() => {
  path = join(root, `${count++}.db`);
});

/** What an AssayError promises, as a matcher of rejected promises. */
const failure = (code: string, title: RegExp, remedy = /./) =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(title),
    remedy: expect.stringMatching(remedy),
  });

describe('the file', () => {
  test('is 0600 with its log, in a folder made 0700', async () => {
    path = join(root, 'folder', 'deep', 'assay.db');
    const storage = await openSqliteStorage({ path, now });
    await storage.put('kbs', 'a', new Uint8Array(1));
    for (const name of readdirSync(join(path, '..')))
      expect([name, statSync(join(path, '..', name)).mode & 0o777]).toEqual([name, 0o600]);
    expect(readdirSync(join(path, '..'))).toContain('assay.db-wal');
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
    await storage.close();
  });

  test('is closed to others when it was open to them', async () => {
    await (await openSqliteStorage({ path, now })).close();
    chmodSync(path, 0o644);
    await (await openSqliteStorage({ path, now })).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('keeps what was written, in the file itself after close', async () => {
    const first = await openSqliteStorage({ path, now });
    await first.put('kbs', 'a', new TextEncoder().encode('a value to be found'));
    const revision = await first.revision('kbs');
    await first.close();
    expect(readFileSync(path).includes('a value to be found')).toBe(true);
    const second = await openSqliteStorage({ path, now });
    expect((await second.get('kbs', 'a'))?.value).toEqual(new TextEncoder().encode('a value to be found'));
    expect(await second.revision('kbs')).toBe(revision);
    await second.close();
  });

  test('a folder that cannot be made is named', async () => {
    writeFileSync(path, '');
    await expect(openSqliteStorage({ path: join(path, 'assay.db'), now })).rejects.toEqual(
      failure('storage.write.possible', /cannot write .*assay\.db: E(NOTDIR|EXIST)/),
    );
  });
});

describe('durability is set and read back', () => {
  /** The database, but with another answer to one pragma. */
  const answering = (pragma: string, row: Record<string, string | number>): SqliteDatabase => {
    const db = driver.open(path);
    return {
      exec: (sql) => db.exec(sql),
      prepare: (sql) =>
        sql === pragma ? { get: () => row, all: () => [row], run: () => ({ changes: 0 }) } : db.prepare(sql),
      close: () => db.close(),
    };
  };

  test('a build that does not keep synchronous=FULL is refused', () => {
    const db = answering('PRAGMA synchronous', { synchronous: 1 });
    expect(() => configureSqlite(db, path, { path, now })).toThrow(
      failure('storage.write.possible', /synchronous=FULL/),
    );
    db.close();
  });

  test('a file system without shared memory for the log is refused', () => {
    const db = answering('PRAGMA journal_mode = WAL', { journal_mode: 'delete' });
    expect(() => configureSqlite(db, path, { path, now })).toThrow(
      failure('storage.write.possible', /log not possible/),
    );
    db.close();
  });

  test('and honoured by the driver that is used here', () => {
    const db = driver.open(path);
    configureSqlite(db, path, { path, now });
    expect(db.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    db.close();
  });
});

describe('errors say what to do', () => {
  test('quota reached: the write fails, the rest stays, reading and health go on', async () => {
    const storage = await openSqliteStorage({ path, now, maxBytes: 256 * 1024 });
    await storage.put('kbs', 'before', new Uint8Array(10));
    const writes = await Promise.allSettled([
      storage.put('kbs', 'small', new Uint8Array(10)),
      storage.put('kbs', 'large', new Uint8Array(1024 * 1024)),
      storage.put('kbs', 'other', new Uint8Array(10)),
    ]);
    expect(writes.map((write) => write.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(writes[1]).toMatchObject({
      reason: failure('storage.write.possible', /disk or quota is full/, /Nothing acknowledged is lost/),
    });
    const kept = await storage.list('kbs', { limit: 9 });
    expect(kept.map((entry) => entry.key)).toEqual(['before', 'other', 'small']);
    // What was counted in the transaction that was undone has not been counted.
    expect(kept.map((entry) => entry.version)).toEqual([1, 3, 2]);
    expect(await storage.revision('kbs')).toBe(3);
    expect((await storage.health()).ok).toBe(true);
    await storage.close();
  });

  test('locked by another process for too long', async () => {
    const storage = await openSqliteStorage({ path, now, busyTimeoutMs: 60 });
    const other = driver.open(path);
    other.exec('BEGIN IMMEDIATE');
    await expect(storage.put('kbs', 'a', new Uint8Array(1))).rejects.toEqual(
      failure('storage.backend.answers', /locked by another process/),
    );
    expect(await storage.health()).toMatchObject({ ok: false, detail: expect.stringMatching(/locked/) });
    expect(await storage.get('kbs', 'a')).toBeUndefined(); // readers do not wait for writers
    other.exec('COMMIT');
    expect((await storage.put('kbs', 'a', new Uint8Array(1))).outcome).toBe('written');
    expect((await storage.health()).ok).toBe(true);
    other.close();
    await storage.close();
  });

  test('not a database', async () => {
    writeFileSync(path, 'something else entirely, longer than a header '.repeat(200));
    await expect(openSqliteStorage({ path, now })).rejects.toEqual(
      failure('storage.record.intact', /./, /is not an SQLite database/),
    );
  });

  test("another program's database is left alone", async () => {
    const other = driver.open(path);
    other.exec('CREATE TABLE bookmarks (url TEXT)');
    other.close();
    const before = readFileSync(path);
    await expect(openSqliteStorage({ path, now })).rejects.toEqual(
      failure('storage.record.intact', /./, /table bookmarks/),
    );
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('damaged pages', async () => {
    const storage = await openSqliteStorage({ path, now });
    for (let i = 0; i < 50; i++) await storage.put('kbs', `key-${i}`, new Uint8Array(2000).fill(i));
    await storage.close();
    const file = readFileSync(path);
    file.fill(0xee, 4096 * 2); // all pages but the first two
    writeFileSync(path, file);
    const outcome = (async () => {
      const reopened = await openSqliteStorage({ path, now });
      try {
        await reopened.list('kbs', { limit: 1000, values: true });
      } finally {
        await reopened.close();
      }
    })();
    await expect(outcome).rejects.toEqual(failure('storage.record.intact', /./, /restore the last backup/));
  });

  test('codes of SQLite that need the right hardware or user', () => {
    const sqlite = (errcode: number) => Object.assign(new Error('from SQLite'), { code: 'ERR_SQLITE_ERROR', errcode });
    expect(fromSqlite(sqlite(8), path)).toEqual(failure('storage.write.possible', /read-only/));
    expect(fromSqlite(sqlite(3), path)).toEqual(failure('storage.write.possible', /permission denied/));
    expect(fromSqlite(sqlite(10 | (4 << 8)), path)).toEqual(
      failure('storage.write.possible', /input\/output/, /kernel log/),
    );
    expect(fromSqlite(sqlite(14), path)).toEqual(failure('storage.write.possible', /cannot be opened/));
    expect(fromSqlite(sqlite(1), path)).toEqual(failure('storage.backend.answers', /unexpected/));
    const bug = new TypeError('a defect');
    expect(fromSqlite(bug, path)).toBe(bug);
  });
});

describe('schema', () => {
  const addColumn = { name: 'labels', statements: ['ALTER TABLE entry ADD COLUMN label TEXT'] };

  test('of the next release that still fits is used as it is', async () => {
    await (await openSqliteStorage({ path, now })).close();
    const db = driver.open(path);
    migrateSqlite(db, now(), [...SQLITE_MIGRATIONS, { ...addColumn, version: 2, compatibleFrom: 1 }]);
    db.close();
    const storage = await openSqliteStorage({ path, now });
    expect((await storage.put('kbs', 'a', new Uint8Array(1))).outcome).toBe('written');
    expect((await storage.health()).schema).toBe(2);
    await storage.close();
  });

  test('of a later release that does not fit is refused, and nothing is changed', async () => {
    const storage = await openSqliteStorage({ path, now });
    await storage.put('kbs', 'a', new Uint8Array([7]));
    await storage.close();
    const db = driver.open(path);
    migrateSqlite(db, now(), [
      ...SQLITE_MIGRATIONS,
      { ...addColumn, version: 2, compatibleFrom: 1 },
      { name: 'without labels', version: 3, compatibleFrom: 2, statements: ['ALTER TABLE entry DROP COLUMN label'] },
    ]);
    db.close();
    await expect(openSqliteStorage({ path, now })).rejects.toEqual(
      failure('storage.schema.version', /schema 3; this release is 1/, /schema is 2 or later.*restore a backup/),
    );
    const again = driver.open(path);
    expect(again.prepare('SELECT count(*) AS n FROM entry').get()).toEqual({ n: 1 });
    again.close();
  });

  test('a migration that fails leaves the schema as it was', async () => {
    await (await openSqliteStorage({ path, now })).close();
    const db = driver.open(path);
    const broken = { name: 'broken', version: 2, compatibleFrom: 1, statements: [...addColumn.statements, 'NONSENSE'] };
    expect(() => migrateSqlite(db, now(), [...SQLITE_MIGRATIONS, broken])).toThrow();
    expect(migrateSqlite(db, now())).toEqual({ version: 1, compatibleFrom: 1 });
    expect(() => db.prepare('SELECT label FROM entry')).toThrow();
    db.close();
  });

  test('five openings at once of a new file migrate once', async () => {
    const storages = await Promise.all(Array.from({ length: 5 }, () => openSqliteStorage({ path, now })));
    for (const storage of storages) await storage.close();
    expect(existsSync(path)).toBe(true);
    const db = driver.open(path);
    expect(db.prepare('SELECT count(*) AS n FROM schema_migration').get()).toEqual({ n: 1 });
    db.close();
  });
});
