import type { PoolClient } from 'pg';
import { type Migration, pendingMigrations, type SchemaState } from '../schema.js';

export const POSTGRES_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'entries and revisions',
    compatibleFrom: 1,
    statements: [
      'CREATE SEQUENCE entry_version',
      `CREATE TABLE entry (
         ns text COLLATE "C" NOT NULL,
         key text COLLATE "C" NOT NULL,
         value bytea NOT NULL,
         version bigint NOT NULL,
         expires_at bigint,
         PRIMARY KEY (ns, key)
       )`,
      // Most values are encrypted: compressing them costs time and wins nothing.
      'ALTER TABLE entry ALTER COLUMN value SET STORAGE EXTERNAL',
      'CREATE INDEX entry_expires_at ON entry (expires_at) WHERE expires_at IS NOT NULL',
      `CREATE TABLE namespace_revision (
         ns text COLLATE "C" NOT NULL,
         shard smallint NOT NULL,
         revision bigint NOT NULL,
         PRIMARY KEY (ns, shard)
       ) WITH (fillfactor = 50)`,
      'CREATE TABLE probe (id integer PRIMARY KEY CHECK (id = 1), at bigint NOT NULL)',
    ],
  },
];

/** Any number, the same in every release: who holds this lock migrates. */
const MIGRATION_LOCK = 0x41737379;

/** Brings the schema up to date in one transaction; of several servers that start at once, one does. */
export async function migratePostgres(
  client: PoolClient,
  schema: string,
  now: number,
  migrations: readonly Migration[] = POSTGRES_MIGRATIONS,
): Promise<SchemaState> {
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    const found = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
    // Not "IF NOT EXISTS": that asks for the right to create even where there is nothing to create.
    if (found.rowCount === 0) await client.query(`CREATE SCHEMA "${schema}"`);
    await client.query(`SET LOCAL search_path TO "${schema}"`);
    let state = await readState(client, schema);
    const pending = pendingMigrations(state, migrations);
    if (pending.length > 0 && state.version === 0) {
      await client.query(
        `CREATE TABLE schema_migration (
           version integer PRIMARY KEY, name text NOT NULL, compatible_from integer NOT NULL, applied_at bigint NOT NULL
         )`,
      );
    }
    for (const { version, name, compatibleFrom, statements } of pending) {
      for (const statement of statements) await client.query(statement);
      await client.query('INSERT INTO schema_migration VALUES ($1, $2, $3, $4)', [version, name, compatibleFrom, now]);
      state = { version, compatibleFrom };
    }
    await client.query('COMMIT');
    return state;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // the first error says more
    throw error;
  }
}

async function readState(client: PoolClient, schema: string): Promise<SchemaState> {
  const table = await client.query("SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'schema_migration'", [
    schema,
  ]);
  if (table.rowCount === 0) return { version: 0, compatibleFrom: 0 };
  const newest = await client.query<{ version: number; compatible_from: number }>(
    'SELECT version, compatible_from FROM schema_migration ORDER BY version DESC LIMIT 1',
  );
  return { version: newest.rows[0]?.version ?? 0, compatibleFrom: newest.rows[0]?.compatible_from ?? 0 };
}
