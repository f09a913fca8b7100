import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
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
  Conflict,
  DeleteOperation,
  Entry,
  ListedEntry,
  ListOptions,
  Operation,
  OperationResult,
  PutOptions,
  PutResult,
  Storage,
  StorageHealth,
  TransactResult,
  Version,
  Written,
} from '../contract.js';
import { storageClosed } from '../errors.js';
import { fromPostgres, isTransient } from './errors.js';
import { type Statement, type Statements, shardOf, statementsFor } from './sql.js';

interface PostgresConnection {
  readonly pool: Pool;
  readonly address: string;
  readonly schema: string;
  readonly schemaVersion: number;
  readonly now: Clock;
}

/** PostgreSQL gives `bigint` as text, since it may be larger than a number; ours are not. */
interface Row {
  readonly key: string;
  readonly value: Uint8Array;
  readonly version: string;
  readonly expires_at: string | null;
  readonly live: boolean;
  readonly revision: string;
}

type Parameter = string | number | Uint8Array | null;
/** The pool, or one of its connections inside a transaction. */
type Runner = Pick<PoolClient, 'query'>;

const SWEEP_BATCH = 1000;
/** A write of this age proves that writing works. */
const PROBE_AFTER_MS = 5000;
const TRANSACTION_TRIES = 6;

/** For several servers on one database. Made by `openPostgresStorage`. */
export class PostgresStorage implements Storage {
  readonly backend = 'postgres';
  readonly #connection: PostgresConnection;
  readonly #sql: Statements;
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
    this.#sql = statementsFor(connection.schema);
  }

  async get(ns: string, key: string): Promise<Entry | undefined> {
    this.#check(ns, key);
    const [row] = await this.#run(this.#sql.get, [ns, key, this.#now()]);
    return row && entryOf(row);
  }

  async put(ns: string, key: string, value: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    this.#check(ns, key);
    checkValue(ns, value);
    checkPutOptions(ns, options);
    const { statement, parameters } = this.#putStatement({ ns, key, value: new Uint8Array(value), ...options }, true);
    return this.#during(async () => {
      const [row] = await this.#query(this.#connection.pool, statement, [...parameters, shardOf(key)]);
      if (row === undefined) return { outcome: 'conflict', current: await this.#version(ns, key) };
      this.#writtenAt = this.#now();
      return writtenOf(row);
    });
  }

  async delete(ns: string, key: string): Promise<Entry | undefined> {
    this.#check(ns, key);
    const [row] = await this.#run(this.#sql.deleteRaising, [ns, key, this.#now(), shardOf(key)]);
    return row?.live ? entryOf(row) : undefined;
  }

  async take(ns: string, key: string): Promise<Entry | undefined> {
    return this.delete(ns, key);
  }

  async list(ns: string, options: ListOptions): Promise<readonly ListedEntry[]> {
    this.#check(ns);
    const { low, high } = listBounds(ns, options);
    const kind = options.values
      ? options.reverse
        ? this.#sql.listValuesReverse
        : this.#sql.listValues
      : options.reverse
        ? this.#sql.listReverse
        : this.#sql.list;
    const rows = await this.#run(kind, [ns, low, high, this.#now(), options.limit]);
    return rows.map((row) => ({
      key: row.key,
      ...versionOf(row),
      ...(options.values ? { value: new Uint8Array(row.value) } : {}),
    }));
  }

  async transact(operations: readonly Operation[]): Promise<TransactResult> {
    this.#checkOpen();
    checkOperations(operations);
    const copies = operations.map((operation) =>
      operation.op === 'put' ? { ...operation, value: new Uint8Array(operation.value) } : operation,
    );
    return this.#during(async () => {
      for (let tries = 1; ; tries++) {
        try {
          return await this.#transactOnce(copies);
        } catch (error) {
          if (!isTransient(error) || tries >= TRANSACTION_TRIES) throw error;
          await sleep(Math.random() * 2 ** tries * 5);
        }
      }
    });
  }

  async revision(ns: string): Promise<number> {
    this.#check(ns);
    const [row] = await this.#run(this.#sql.revision, [ns]);
    return Number(row?.revision ?? 0);
  }

  async sweep(now: number): Promise<number> {
    this.#checkOpen();
    checkTime(now);
    for (let total = 0; ; ) {
      const swept = await this.#count(this.#sql.sweep, [now, SWEEP_BATCH]);
      total += swept;
      if (swept < SWEEP_BATCH) return total;
    }
  }

  async health(): Promise<StorageHealth> {
    const { address, schemaVersion } = this.#connection;
    try {
      if (Math.abs(this.#now() - this.#writtenAt) < PROBE_AFTER_MS) await this.revision('probe');
      else await this.#count(this.#sql.probe, [this.#now()]);
      return { ok: true, backend: this.backend, schema: schemaVersion, detail: address };
    } catch (error) {
      return { ok: false, backend: this.backend, detail: error instanceof Error ? error.message : 'unknown error' };
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The pool would drop what still waits for one of its connections. */
  async #close(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await this.#connection.pool.end();
  }

  async #transactOnce(operations: readonly Operation[]): Promise<TransactResult> {
    const client = await this.#connection.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('BEGIN');
      const result = await this.#apply(client, operations);
      await client.query(result.outcome === 'committed' ? 'COMMIT' : 'ROLLBACK');
      if (result.outcome === 'committed') this.#writtenAt = this.#now();
      return result;
    } catch (error) {
      // A connection whose transaction cannot be ended must not go back to the pool.
      await client.query('ROLLBACK').catch((rollback: unknown) => {
        broken = rollback instanceof Error ? rollback : new Error('rollback failed');
      });
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async #apply(client: PoolClient, operations: readonly Operation[]): Promise<TransactResult> {
    const inOrder = operations
      .map((operation, index) => ({ operation, index, place: `${operation.ns} ${operation.key}` }))
      .sort((a, b) => (a.place < b.place ? -1 : 1));
    const results = new Array<OperationResult>(operations.length);
    const raises = new Map<string, { readonly ns: string; readonly shard: number; by: number }>();
    for (const { operation, index } of inOrder) {
      const { ns, key } = operation;
      const result = await this.#applyOne(client, operation);
      if (result === undefined) return { outcome: 'conflict', index, current: await this.#version(ns, key, client) };
      results[index] = result;
      if (result.outcome === 'deleted' && result.previous === undefined) continue;
      const shard = shardOf(key);
      const name = `${ns} ${String(shard).padStart(2, '0')}`;
      const raise = raises.get(name);
      if (raise) raise.by++;
      else raises.set(name, { ns, shard, by: 1 });
    }
    for (const [, { ns, shard, by }] of [...raises].sort(([a], [b]) => (a < b ? -1 : 1)))
      await this.#query(client, this.#sql.raise, [ns, shard, by]);
    return { outcome: 'committed', results };
  }

  /** Result of the operation, or undefined if its condition does not hold. */
  async #applyOne(client: PoolClient, operation: Operation): Promise<OperationResult | undefined> {
    if (operation.op === 'put') {
      const { statement, parameters } = this.#putStatement(operation, false);
      const [row] = await this.#query(client, statement, parameters);
      return row && writtenOf(row);
    }
    const { statement, parameters } = this.#deleteStatement(operation);
    const [row] = await this.#query(client, statement, parameters);
    if (row === undefined && operation.ifVersion !== undefined) return undefined;
    return { outcome: 'deleted', previous: row?.live ? entryOf(row) : undefined };
  }

  #putStatement(
    put: { readonly ns: string; readonly key: string; readonly value: Uint8Array } & PutOptions,
    raising: boolean,
  ): { readonly statement: Statement; readonly parameters: Parameter[] } {
    const sql = this.#sql;
    const parameters = [put.ns, put.key, put.value, put.expiresAt ?? null];
    if (put.ifVersion !== undefined)
      return {
        statement: raising ? sql.putIfVersionRaising : sql.putIfVersion,
        parameters: [...parameters, this.#now(), put.ifVersion],
      };
    if (put.ifAbsent)
      return {
        statement: raising ? sql.putIfAbsentRaising : sql.putIfAbsent,
        parameters: [...parameters, this.#now()],
      };
    return { statement: raising ? sql.putRaising : sql.put, parameters };
  }

  #deleteStatement({ ns, key, ifVersion }: DeleteOperation) {
    return ifVersion === undefined
      ? { statement: this.#sql.delete, parameters: [ns, key, this.#now()] }
      : { statement: this.#sql.deleteIfVersion, parameters: [ns, key, this.#now(), ifVersion] };
  }

  async #version(ns: string, key: string, runner: Runner = this.#connection.pool): Promise<Conflict['current']> {
    const [row] = await this.#query(runner, this.#sql.version, [ns, key, this.#now()]);
    return row && Number(row.version);
  }

  #run(statement: Statement, parameters: Parameter[]): Promise<Row[]> {
    return this.#during(() => this.#query(this.#connection.pool, statement, parameters));
  }

  #count(statement: Statement, values: Parameter[]): Promise<number> {
    return this.#during(async () => (await this.#connection.pool.query({ ...statement, values })).rowCount ?? 0);
  }

  /** Runs one call of the contract: `close` waits for it, and its errors say what to do. */
  async #during<T>(act: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    const acting = act();
    this.#underWay.add(acting);
    try {
      return await acting;
    } catch (error) {
      throw fromPostgres(error, this.#connection.address);
    } finally {
      this.#underWay.delete(acting);
    }
  }

  async #query(runner: Runner, statement: Statement, values: Parameter[]): Promise<Row[]> {
    const { rows } = await runner.query<Row>({ ...statement, values });
    return rows;
  }

  #now(): number {
    return this.#connection.now();
  }

  #check(ns: string, key?: string): void {
    this.#checkOpen();
    checkNamespace(ns);
    if (key !== undefined) checkKey(ns, key);
  }

  #checkOpen(): void {
    if (this.#closing) throw storageClosed('postgres', this.#connection.address);
  }
}

function entryOf(row: Row): Entry {
  return { value: new Uint8Array(row.value), ...versionOf(row) };
}

function versionOf(row: Row): { readonly version: Version; readonly expiresAt?: number } {
  return {
    version: Number(row.version),
    ...(row.expires_at === null ? {} : { expiresAt: Number(row.expires_at) }),
  };
}

function writtenOf(row: Row): Written {
  return { outcome: 'written', version: Number(row.version) };
}
