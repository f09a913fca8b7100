import { setTimeout as sleep } from 'node:timers/promises';
import {
  checkKey,
  checkNamespace,
  checkOperations,
  checkPutOptions,
  checkTime,
  checkValue,
  listBounds,
} from '../arguments.js';
import type {
  Clock,
  Entry,
  ListedEntry,
  ListOptions,
  Operation,
  PutOptions,
  PutResult,
  Storage,
  StorageHealth,
  TransactResult,
} from '../contract.js';
import { storageClosed } from '../errors.js';
import type { SqliteDatabase } from './driver.js';
import { fromSqlite, isBusy } from './errors.js';
import { GroupCommit } from './group-commit.js';
import { Statements } from './statements.js';

interface SqliteConnection {
  readonly db: SqliteDatabase;
  readonly path: string;
  readonly schema: number;
  readonly driver: string;
  readonly now: Clock;
  readonly busyTimeoutMs: number;
  readonly groupCommitMs: number;
}

/** Ended entries removed by one transaction of a sweep, so that writers do not wait for a long one. */
const SWEEP_BATCH = 500;
/** A write of this age proves that writing works. */
const PROBE_AFTER_MS = 5000;

/**
 * The embedded back end: one file, any number of processes on one machine. Reads go straight to prepared statements;
 * writes are committed in groups, each with one fsync. Made by `openSqliteStorage`.
 */
export class SqliteStorage implements Storage {
  readonly backend = 'sqlite';
  readonly #connection: SqliteConnection;
  readonly #statements: Statements;
  readonly #writer: GroupCommit;
  #closing: Promise<void> | undefined;
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
    this.#statements = new Statements(connection.db);
    this.#writer = new GroupCommit({
      db: connection.db,
      windowMs: connection.groupCommitMs,
      busyTimeoutMs: connection.busyTimeoutMs,
      mapError: (error) => fromSqlite(error, connection.path),
      begun: () => this.#statements.begun(),
      finish: () => this.#statements.finish(),
    });
  }

  async get(ns: string, key: string): Promise<Entry | undefined> {
    this.#check(ns, key);
    return this.#read(() => this.#statements.get(ns, key, this.#connection.now()));
  }

  async put(ns: string, key: string, value: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    this.#check(ns, key);
    checkValue(ns, value);
    checkPutOptions(ns, options);
    const copy = new Uint8Array(value);
    return this.#write((now) => this.#statements.put(ns, key, copy, options, now));
  }

  async delete(ns: string, key: string): Promise<Entry | undefined> {
    this.#check(ns, key);
    return this.#write((now) => this.#statements.remove(ns, key, now));
  }

  async take(ns: string, key: string): Promise<Entry | undefined> {
    return this.delete(ns, key);
  }

  async list(ns: string, options: ListOptions): Promise<readonly ListedEntry[]> {
    this.#check(ns);
    const bounds = listBounds(ns, options);
    return this.#read(() => this.#statements.list(ns, bounds, options, this.#connection.now()));
  }

  async transact(operations: readonly Operation[]): Promise<TransactResult> {
    this.#checkOpen();
    checkOperations(operations);
    const copies = operations.map((operation) =>
      operation.op === 'put' ? { ...operation, value: new Uint8Array(operation.value) } : operation,
    );
    return this.#write((now) => this.#statements.transact(copies, now));
  }

  async revision(ns: string): Promise<number> {
    this.#check(ns);
    return this.#read(() => this.#statements.revision(ns));
  }

  async sweep(now: number): Promise<number> {
    this.#checkOpen();
    checkTime(now);
    for (let total = 0; ; ) {
      const swept = await this.#write(() => this.#statements.sweep(now, SWEEP_BATCH));
      total += swept;
      if (swept < SWEEP_BATCH) return total;
    }
  }

  async health(): Promise<StorageHealth> {
    const { path, schema, driver, now } = this.#connection;
    const about = { backend: this.backend, schema } as const;
    try {
      this.#checkOpen();
      if (!(Math.abs(now() - this.#writtenAt) < PROBE_AFTER_MS)) await this.#write((at) => this.#statements.probe(at));
      return { ...about, ok: true, detail: `${path} (${driver})` };
    } catch (error) {
      return { ...about, ok: false, detail: error instanceof Error ? error.message : 'unknown error' };
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writer.drained();
    const { db, path } = this.#connection;
    try {
      // Not every driver folds the log into the file while statements are alive; a reader elsewhere prevents it too.
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // the log stays and is read at the next start
    }
    try {
      db.close();
    } catch (error) {
      throw fromSqlite(error, path);
    }
  }

  /** Readers wait for nobody but a process that is recovering or closing the log. */
  async #read<T>(read: () => T): Promise<T> {
    const begun = performance.now();
    for (;;) {
      try {
        return read();
      } catch (error) {
        const late = performance.now() - begun >= this.#connection.busyTimeoutMs;
        if (!isBusy(error) || late) throw fromSqlite(error, this.#connection.path);
        await sleep(1);
        this.#checkOpen();
      }
    }
  }

  async #write<T>(apply: (now: number) => T): Promise<T> {
    this.#checkOpen(); // a sweep may still be at it when the storage is closed
    const result = await this.#writer.write(() => apply(this.#connection.now()));
    this.#writtenAt = this.#connection.now();
    return result;
  }

  #check(ns: string, key?: string): void {
    this.#checkOpen();
    checkNamespace(ns);
    if (key !== undefined) checkKey(ns, key);
  }

  #checkOpen(): void {
    if (this.#closing) throw storageClosed('sqlite', this.#connection.path);
  }
}
