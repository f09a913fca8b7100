import type { Bounds } from '../arguments.js';
import type {
  Conflict,
  Entry,
  ListedEntry,
  ListOptions,
  Operation,
  OperationResult,
  PutOptions,
  TransactResult,
  Version,
  Written,
} from '../contract.js';
import type { SqliteDatabase, SqliteRow, SqliteStatement } from './driver.js';

const LIVE = '(expires_at IS NULL OR expires_at > ?)';

/**
 * The prepared statements of a connection, and what is made of them. Writes must run inside a transaction that `begun` was
 * called at the start of, and `finish` is called at the end of.
 */
export class Statements {
  /** Revisions of the namespaces that the present transaction writes to: each is read once and written once. */
  readonly #revisions = new Map<string, number>();
  readonly #get: SqliteStatement;
  readonly #version: SqliteStatement;
  readonly #put: SqliteStatement;
  readonly #delete: SqliteStatement;
  readonly #setRevision: SqliteStatement;
  readonly #revision: SqliteStatement;
  readonly #sweep: SqliteStatement;
  readonly #probe: SqliteStatement;
  readonly #lists: ReadonlyMap<string, SqliteStatement>;

  constructor(db: SqliteDatabase) {
    this.#get = db.prepare(`SELECT value, version, expires_at FROM entry WHERE ns = ? AND key = ? AND ${LIVE}`);
    this.#version = db.prepare(`SELECT version FROM entry WHERE ns = ? AND key = ? AND ${LIVE}`);
    this.#put = db.prepare(
      `INSERT INTO entry (ns, key, value, version, expires_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (ns, key) DO UPDATE
       SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at`,
    );
    this.#delete = db.prepare('DELETE FROM entry WHERE ns = ? AND key = ? RETURNING value, version, expires_at');
    this.#setRevision = db.prepare(
      'INSERT INTO namespace (ns, revision) VALUES (?, ?) ON CONFLICT (ns) DO UPDATE SET revision = excluded.revision',
    );
    this.#revision = db.prepare('SELECT revision FROM namespace WHERE ns = ?');
    this.#sweep = db.prepare(
      'DELETE FROM entry WHERE rowid IN (SELECT rowid FROM entry WHERE expires_at <= ? LIMIT ?)',
    );
    this.#probe = db.prepare('INSERT INTO probe VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at');
    const list = (columns: string, order: string): SqliteStatement =>
      db.prepare(
        `SELECT ${columns} FROM entry WHERE ns = ? AND key >= ? AND key < ? AND ${LIVE} ORDER BY key ${order} LIMIT ?`,
      );
    const plain = 'key, version, expires_at';
    this.#lists = new Map([
      ['plain ASC', list(plain, 'ASC')],
      ['plain DESC', list(plain, 'DESC')],
      ['values ASC', list(`${plain}, value`, 'ASC')],
      ['values DESC', list(`${plain}, value`, 'DESC')],
    ]);
  }

  /** A transaction has the write lock: what an earlier one knew of revisions may be out of date. */
  begun(): void {
    this.#revisions.clear();
  }

  /** Last act before the commit. */
  finish(): void {
    for (const [ns, revision] of this.#revisions) this.#setRevision.run(ns, revision);
  }

  get(ns: string, key: string, now: number): Entry | undefined {
    const row = this.#get.get(ns, key, now);
    return row && { value: row['value'] as Uint8Array, ...versionOf(row) };
  }

  list(ns: string, { low, high }: Bounds, options: ListOptions, now: number): readonly ListedEntry[] {
    const statement = this.#lists.get(`${options.values ? 'values' : 'plain'} ${options.reverse ? 'DESC' : 'ASC'}`);
    const rows = (statement as SqliteStatement).all(ns, low, high, now, options.limit);
    return rows.map((row) => ({
      key: row['key'] as string,
      ...versionOf(row),
      ...(options.values ? { value: row['value'] as Uint8Array } : {}),
    }));
  }

  revision(ns: string): number {
    return Number(this.#revision.get(ns)?.['revision'] ?? 0);
  }

  put(ns: string, key: string, value: Uint8Array, options: PutOptions, now: number): Written | Conflict {
    return this.#obstacle(ns, key, options, now) ?? this.#write(ns, key, value, options.expiresAt);
  }

  remove(ns: string, key: string, now: number): Entry | undefined {
    const row = this.#delete.get(ns, key);
    const expiresAt = row?.['expires_at'];
    // An entry that had ended is freed, but was not there.
    if (row === undefined || (typeof expiresAt === 'number' && expiresAt <= now)) return undefined;
    this.#rise(ns);
    return { value: row['value'] as Uint8Array, ...versionOf(row) };
  }

  /** All conditions before the first write, so that a conflict leaves nothing to undo. */
  transact(operations: readonly Operation[], now: number): TransactResult {
    for (const [index, operation] of operations.entries()) {
      const obstacle = this.#obstacle(operation.ns, operation.key, operation, now);
      if (obstacle) return { ...obstacle, index };
    }
    const results = operations.map(
      (operation): OperationResult =>
        operation.op === 'put'
          ? this.#write(operation.ns, operation.key, operation.value, operation.expiresAt)
          : { outcome: 'deleted', previous: this.remove(operation.ns, operation.key, now) },
    );
    return { outcome: 'committed', results };
  }

  /** Removes at most `limit` ended entries. */
  sweep(now: number, limit: number): number {
    return Number(this.#sweep.run(now, limit).changes);
  }

  probe(now: number): void {
    this.#probe.run(now);
  }

  #obstacle(ns: string, key: string, condition: Pick<PutOptions, 'ifAbsent' | 'ifVersion'>, now: number) {
    if (!condition.ifAbsent && condition.ifVersion === undefined) return undefined;
    const current = this.#version.get(ns, key, now)?.['version'] as Version | undefined;
    return current === condition.ifVersion ? undefined : ({ outcome: 'conflict', current } satisfies Conflict);
  }

  /** The version is the namespace's revision after the write: it never falls, also not over deletions. */
  #write(ns: string, key: string, value: Uint8Array, expiresAt: number | undefined): Written {
    const version = this.#rise(ns);
    this.#put.run(ns, key, value, version, expiresAt ?? null);
    return { outcome: 'written', version };
  }

  #rise(ns: string): number {
    const revision = (this.#revisions.get(ns) ?? this.revision(ns)) + 1;
    this.#revisions.set(ns, revision);
    return revision;
  }
}

function versionOf(row: SqliteRow): { readonly version: Version; readonly expiresAt?: number } {
  const expiresAt = row['expires_at'];
  return { version: row['version'] as Version, ...(expiresAt === null ? {} : { expiresAt: expiresAt as number }) };
}
