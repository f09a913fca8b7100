import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { CONTRACT_START, contractCases } from '../contract-tests/index.js';
import { postgresForTests } from '../testing/start-postgres.js';
import { migratePostgres, POSTGRES_MIGRATIONS } from './migrations.js';
import { openPostgresStorage } from './open.js';

const server = await postgresForTests();
afterAll(() => server?.stop());
const connection = { host: server?.host ?? '', user: 'assay', database: 'postgres' };
const now = Date.now;

const failure = (code: string, title: RegExp, remedy = /./) =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(title),
    remedy: expect.stringMatching(remedy),
  });

/** Runs statements on a connection of their own. */
async function onServer<T>(act: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const pool = new pg.Pool(connection);
  const client = await pool.connect();
  try {
    return await act(client);
  } finally {
    client.release();
    await pool.end();
  }
}

describe.skipIf(server === undefined)('PostgreSQL', () => {
  describe('keeps the contract', () => {
    test.each(contractCases.map((contractCase, i) => ({ ...contractCase, i })))('$name', async ({ run, i }) => {
      const clock = { now: CONTRACT_START };
      const storage = await openPostgresStorage({ connection, schema: `case_${i}`, now: () => clock.now });
      await run({ storage, clock }).finally(() => storage.close());
    });
  });

  test('two servers on one database: exactly one of 200 takes gets each key', async () => {
    const open = () => openPostgresStorage({ connection, schema: 'two', now });
    const [one, two] = await Promise.all([open(), open()]);
    for (let round = 0; round < 5; round++) {
      await one.put('kbs_protocol_session', 'nonce', new Uint8Array([round]));
      const takes = await Promise.all(
        Array.from({ length: 200 }, (_, i) => (i % 2 ? one : two).take('kbs_protocol_session', 'nonce')),
      );
      expect(takes.filter((entry) => entry !== undefined)).toHaveLength(1);
    }
    await one.close();
    await two.close();
  });

  test('writes, deletes and transactions from two servers keep the revision in step with what was written', async () => {
    const open = () => openPostgresStorage({ connection, schema: 'mixed', now });
    const storages = await Promise.all([open(), open()]);
    const keys = ['a', 'b', 'c', 'd', 'e'];
    let writes = 0;
    await Promise.all(
      Array.from({ length: 150 }, async (_, i) => {
        const storage = storages[i % 2] as (typeof storages)[number];
        const key = (shift: number): string => keys[(i + shift) % keys.length] as string;
        if (i % 3 === 0) {
          await storage.put('kbs', key(0), new Uint8Array([i]));
          writes++;
        } else if (i % 3 === 1) {
          if (await storage.take('kbs', key(0))) writes++;
        } else {
          const done = await storage.transact([
            { op: 'put', ns: 'kbs', key: key(3), value: new Uint8Array([i]) },
            { op: 'delete', ns: 'kbs', key: key(1) },
            { op: 'put', ns: 'kbs', key: key(2), value: new Uint8Array([i]) },
          ]);
          if (done.outcome !== 'committed') throw new Error('there was no condition');
          writes += done.results.filter((r) => r.outcome === 'written' || r.previous !== undefined).length;
        }
      }),
    );
    expect(await storages[0].revision('kbs')).toBe(writes);
    for (const storage of storages) await storage.close();
  });

  test('servers that start at once migrate once', async () => {
    const open = () => openPostgresStorage({ connection, schema: 'at_once', now });
    const storages = await Promise.all(Array.from({ length: 5 }, open));
    for (const storage of storages) await storage.close();
    const { rows } = await onServer((client) => client.query('SELECT version FROM at_once.schema_migration'));
    expect(rows).toEqual([{ version: 1 }]);
  });

  test('a later schema that does not fit is refused; one that fits is used', async () => {
    const open = () => openPostgresStorage({ connection, schema: 'later', now });
    await (await open()).close();
    const second = { version: 2, name: 'labels', compatibleFrom: 1, statements: ['ALTER TABLE entry ADD label text'] };
    await onServer((client) => migratePostgres(client, 'later', now(), [...POSTGRES_MIGRATIONS, second]));
    const storage = await open();
    expect((await storage.health()).schema).toBe(2);
    expect((await storage.put('kbs', 'a', new Uint8Array(1))).outcome).toBe('written');
    await storage.close();
    const third = { version: 3, name: 'no labels', compatibleFrom: 2, statements: ['ALTER TABLE entry DROP label'] };
    await onServer((client) => migratePostgres(client, 'later', now(), [...POSTGRES_MIGRATIONS, second, third]));
    await expect(open()).rejects.toEqual(
      failure('storage.schema.version', /schema 3; this release is 1/, /schema is 2 or later/),
    );
  });

  test('a migration that fails leaves nothing behind', async () => {
    const broken = { version: 2, name: 'broken', compatibleFrom: 1, statements: ['CREATE TABLE half ()', 'NONSENSE'] };
    const outcome = onServer((client) => migratePostgres(client, 'broken', now(), [...POSTGRES_MIGRATIONS, broken]));
    await expect(outcome).rejects.toThrow(/NONSENSE/);
    const { rows } = await onServer((client) => client.query("SELECT 1 FROM pg_namespace WHERE nspname = 'broken'"));
    expect(rows).toEqual([]);
  });

  test('a server that may lose acknowledged writes is refused, unless that is asked for', async () => {
    await onServer((client) => client.query('CREATE ROLE careless LOGIN SUPERUSER'));
    await onServer((client) => client.query('ALTER ROLE careless SET synchronous_commit = off'));
    const careless = { connection: { ...connection, user: 'careless' }, schema: 'careless', now };
    await expect(openPostgresStorage(careless)).rejects.toEqual(
      failure('storage.write.possible', /synchronous_commit is off/, /Set synchronous_commit = on/),
    );
    await (await openPostgresStorage({ ...careless, durability: 'as-server' })).close();
  });

  test('what is wrong with the server or the role is said, without the password', async () => {
    const url = `postgresql://assay:hunter2secret@localhost/none?host=${encodeURIComponent(connection.host)}`;
    const missing = await openPostgresStorage({ url, now }).catch((error: unknown) => error);
    expect(missing).toEqual(failure('storage.backend.answers', /does not exist/));
    expect(JSON.stringify(missing)).not.toContain('hunter2secret');
    await expect(
      openPostgresStorage({ connection: { host: '127.0.0.1', port: 9, user: 'assay' }, now }),
    ).rejects.toEqual(failure('storage.backend.answers', /ECONNREFUSED/));
    await onServer((client) => client.query('CREATE ROLE guest LOGIN'));
    await expect(
      openPostgresStorage({ connection: { ...connection, user: 'guest' }, schema: 'new_one', now }),
    ).rejects.toEqual(failure('storage.write.possible', /permission denied/, /Grant/));
    await expect(openPostgresStorage({ connection, schema: 'a"b', now })).rejects.toEqual(
      failure('storage.key.form', /schema/),
    );
  });

  test('connections ended by the server: calls fail with a code, later ones work again', async () => {
    const storage = await openPostgresStorage({ connection, schema: 'ended', now });
    await storage.put('kbs', 'a', new Uint8Array([1]));
    await onServer((client) =>
      client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'assay'"),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await storage.get('kbs', 'a'))?.value).toEqual(new Uint8Array([1]));
    await onServer((client) => client.query('ALTER TABLE ended.entry RENAME TO elsewhere'));
    await expect(storage.get('kbs', 'a')).rejects.toEqual(failure('storage.backend.answers', /42P01/));
    await onServer((client) => client.query('ALTER TABLE ended.elsewhere RENAME TO entry'));
    await storage.close();
  });
});
