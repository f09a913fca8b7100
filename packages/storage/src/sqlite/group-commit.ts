import { setTimeout as sleep } from 'node:timers/promises';
import type { SqliteDatabase } from './driver.js';
import { isBusy } from './errors.js';

interface Job {
  /** Runs inside the transaction. Writes everything or, where a condition does not hold, nothing. */
  readonly apply: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupCommitOptions {
  readonly db: SqliteDatabase;
  /** Longest time a write waits for company, in milliseconds. */
  readonly windowMs: number;
  /** Longest time a transaction waits for other processes, in milliseconds. */
  readonly busyTimeoutMs: number;
  readonly mapError: (error: unknown) => unknown;
  /** Called when a transaction has the write lock. */
  readonly begun?: () => void;
  /** Called as the last act before the commit. */
  readonly finish?: () => void;
}

/** More than this is written in several transactions, so that one commit stays short. */
const LARGEST_BATCH = 512;
/**
 * Longest pause between two attempts to get the lock. A commit takes about one fsync, and a process that has just made one
 * is soon ready for the next: who looks seldom would seldom find the lock free.
 */
const LONGEST_PAUSE_MS = 2;

/**
 * Puts writes that arrive together into one transaction, since an fsync costs the same for one row as for a hundred.
 * A write alone does not wait: the batch closes as soon as a turn of the event loop has brought nothing new.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #queue: Job[] = [];
  #running: Promise<void> | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Result of `apply`, once it is durable. */
  write<T>(apply: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ apply, resolve: resolve as Job['resolve'], reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when everything that was queued before has been written or rejected. */
  async drained(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#gather();
      const waiting = this.#queue.length;
      try {
        await this.#begin();
      } catch (error) {
        reject(this.#queue.splice(0, waiting), this.#options.mapError(error));
        continue;
      }
      // What came while another process had the lock goes along.
      await this.#commit(this.#queue.splice(0, LARGEST_BATCH));
    }
    this.#running = undefined;
  }

  async #gather(): Promise<void> {
    const deadline = performance.now() + this.#options.windowMs;
    for (let seen = 0; this.#queue.length > seen && this.#queue.length < LARGEST_BATCH; ) {
      seen = this.#queue.length;
      await new Promise((resolve) => setImmediate(resolve));
      if (performance.now() >= deadline) return;
    }
  }

  /** The transaction has begun. */
  async #commit(batch: readonly Job[]): Promise<void> {
    const { db, mapError } = this.#options;
    let results: unknown[];
    try {
      this.#options.begun?.();
      results = batch.map((job) => job.apply());
      this.#options.finish?.();
      db.exec('COMMIT');
    } catch (error) {
      this.#rollback();
      if (batch.length === 1) reject(batch, mapError(error));
      // One of them is to blame: each gets its own transaction, and the innocent are written.
      else for (const job of batch) await this.#commitAlone(job);
      return;
    }
    for (const [i, job] of batch.entries()) job.resolve(results[i]);
  }

  async #commitAlone(job: Job): Promise<void> {
    try {
      await this.#begin();
    } catch (error) {
      reject([job], this.#options.mapError(error));
      return;
    }
    await this.#commit([job]);
  }

  /** Waits for the write lock beside the event loop, which is blocked for no longer than the connection's busy timeout. */
  async #begin(): Promise<void> {
    const deadline = performance.now() + this.#options.busyTimeoutMs;
    for (;;) {
      try {
        this.#options.db.exec('BEGIN IMMEDIATE');
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() >= deadline) throw error;
        await sleep(Math.random() * LONGEST_PAUSE_MS);
      }
    }
  }

  #rollback(): void {
    try {
      this.#options.db.exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself, as it does after some errors
    }
  }
}

function reject(jobs: readonly Job[], error: unknown): void {
  for (const job of jobs) job.reject(error);
}
