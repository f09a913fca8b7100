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
/** Longest pause between two attempts to get the lock; a commit takes about one fsync. */
const LONGEST_PAUSE_MS = 8;

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

  async #commit(batch: readonly Job[]): Promise<void> {
    const { db, mapError } = this.#options;
    let results: unknown[];
    try {
      await this.#begin();
    } catch (error) {
      for (const job of batch) job.reject(mapError(error));
      return;
    }
    try {
      this.#options.begun?.();
      results = batch.map((job) => job.apply());
      this.#options.finish?.();
      db.exec('COMMIT');
    } catch (error) {
      this.#rollback();
      if (batch.length === 1) {
        batch[0]?.reject(mapError(error));
      } else {
        // One of them is to blame: each gets its own transaction, and the innocent are written.
        for (const job of batch) await this.#commit([job]);
      }
      return;
    }
    for (const [i, job] of batch.entries()) job.resolve(results[i]);
  }

  /** Waits for the write lock without blocking the event loop for longer than the connection's busy timeout. */
  async #begin(): Promise<void> {
    const deadline = performance.now() + this.#options.busyTimeoutMs;
    for (let attempt = 0; ; attempt++) {
      try {
        this.#options.db.exec('BEGIN IMMEDIATE');
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() >= deadline) throw error;
        await sleep(Math.random() * Math.min(2 ** attempt, LONGEST_PAUSE_MS));
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
