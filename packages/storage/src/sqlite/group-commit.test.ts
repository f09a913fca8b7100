import { describe, expect, test } from 'vitest';
import type { SqliteDatabase } from './driver.js';
import { GroupCommit } from './group-commit.js';

/** A database that records what it is told, and fails when asked to. */
function recorder(fail: (sql: string) => Error | undefined = () => undefined) {
  const log: string[] = [];
  const db: SqliteDatabase = {
    exec(sql) {
      log.push(sql);
      const error = fail(sql);
      if (error) throw error;
    },
    prepare() {
      throw new Error('not used here');
    },
    close() {},
  };
  return { db, log };
}

const busy = () => Object.assign(new Error('database is locked'), { code: 'ERR_SQLITE_ERROR', errcode: 5 });
const options = { windowMs: 2, busyTimeoutMs: 100, mapError: (error: unknown) => error };

describe('group commit', () => {
  test('writes that come together share one transaction, in their order', async () => {
    const { db, log } = recorder();
    const writer = new GroupCommit({ db, ...options });
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        writer.write(() => {
          log.push(`job ${i}`);
          return i;
        }),
      ),
    );
    expect(results).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(log).toEqual(['BEGIN IMMEDIATE', ...results.map((i) => `job ${i}`), 'COMMIT']);
  });

  test('no write is acknowledged before its commit', async () => {
    const { db, log } = recorder();
    const writer = new GroupCommit({ db, ...options });
    await writer.write(() => 0).then(() => log.push('acknowledged'));
    expect(log).toEqual(['BEGIN IMMEDIATE', 'COMMIT', 'acknowledged']);
  });

  test('a stream of writes is cut off after the window', async () => {
    const { db, log } = recorder();
    const writer = new GroupCommit({ db, ...options, windowMs: 0.5 });
    const commits = () => log.filter((sql) => sql === 'COMMIT').length;
    const stop = performance.now() + 4000;
    const pending: Promise<unknown>[] = [];
    await new Promise<void>((resolve) => {
      const produce = (): void => {
        if (commits() === 5 || performance.now() >= stop) {
          resolve();
          return;
        }
        setImmediate(produce); // before the write, so that each turn of the loop finds one more
        pending.push(writer.write(() => 0));
      };
      produce();
    });
    await Promise.all(pending);
    expect(commits()).toBeGreaterThanOrEqual(5);
    expect(commits()).toBeLessThan(pending.length);
    // Without a window each batch would have grown to the largest.
    expect(pending.length).toBeLessThan(5 * 512);
  });

  test('one that fails does not take the others along', async () => {
    const { db, log } = recorder();
    const writer = new GroupCommit({ db, ...options });
    const jobs = await Promise.allSettled([
      writer.write(() => 'first'),
      writer.write(() => {
        throw new Error('too large');
      }),
      writer.write(() => 'third'),
    ]);
    expect(jobs.map((job) => job.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(log.filter((sql) => sql === 'ROLLBACK')).toHaveLength(2);
    expect(log.filter((sql) => sql === 'COMMIT')).toHaveLength(2);
  });

  test('a commit that fails acknowledges nothing', async () => {
    const { db } = recorder((sql) => (sql === 'COMMIT' ? new Error('disk full') : undefined));
    const writer = new GroupCommit({ db, ...options });
    const jobs = await Promise.allSettled([writer.write(() => 1), writer.write(() => 2)]);
    expect(jobs.map((job) => job.status)).toEqual(['rejected', 'rejected']);
  });

  test('a lock held elsewhere is waited for, without blocking, and not for ever', async () => {
    let refusals = 3;
    const short = recorder((sql) => (sql === 'BEGIN IMMEDIATE' && refusals-- > 0 ? busy() : undefined));
    const patient = new GroupCommit({ db: short.db, ...options });
    expect(await patient.write(() => 'written')).toBe('written');
    expect(short.log.filter((sql) => sql === 'BEGIN IMMEDIATE')).toHaveLength(4);

    const held = recorder((sql) => (sql === 'BEGIN IMMEDIATE' ? busy() : undefined));
    const impatient = new GroupCommit({ db: held.db, ...options, busyTimeoutMs: 20 });
    await expect(impatient.write(() => 'never')).rejects.toThrow('locked');
    expect(held.log).not.toContain('COMMIT');
  });

  test('what comes while another process has the lock shares the transaction', async () => {
    let held = true;
    const { db, log } = recorder((sql) => (sql === 'BEGIN IMMEDIATE' && held ? busy() : undefined));
    const writer = new GroupCommit({ db, ...options, busyTimeoutMs: 60_000 });
    const early = writer.write(() => 'early');
    while (log.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const late = writer.write(() => 'late');
    held = false;
    expect(await Promise.all([early, late])).toEqual(['early', 'late']);
    expect(log.filter((sql) => sql === 'COMMIT')).toHaveLength(1);
  });

  test('who has waited too long does not take along who has just come', async () => {
    let held = true;
    const { db, log } = recorder((sql) => (sql === 'BEGIN IMMEDIATE' && held ? busy() : undefined));
    const writer = new GroupCommit({ db, ...options, busyTimeoutMs: 20 });
    const early = writer
      .write(() => 'early')
      .catch(() => {
        held = false;
        return 'refused';
      });
    while (log.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const late = writer.write(() => 'late');
    expect(await Promise.all([early, late])).toEqual(['refused', 'late']);
  });

  test('drained waits for everything queued', async () => {
    const { db, log } = recorder();
    const writer = new GroupCommit({ db, ...options });
    const writes = Array.from({ length: 1200 }, () => writer.write(() => 0));
    await writer.drained();
    expect(log.filter((sql) => sql === 'COMMIT')).toHaveLength(3); // batches of 512
    await Promise.all(writes);
  });
});
