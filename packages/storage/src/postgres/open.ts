import type { PoolConfig } from 'pg';
import type { Clock } from '../contract.js';
import { notWritable, wrongArgument } from '../errors.js';
import { fromPostgres } from './errors.js';
import { migratePostgres } from './migrations.js';
import { PostgresStorage } from './storage.js';

export interface PostgresOptions {
  /** `postgresql://…`; one of this and `connection`. Without both, the `PG…` variables of libpq count. */
  readonly url?: string;
  readonly connection?: Pick<PoolConfig, 'host' | 'port' | 'database' | 'user' | 'password' | 'ssl'>;
  /** Schema that holds the tables; created if it is missing. Default `assay`. */
  readonly schema?: string;
  readonly now: Clock;
  /** Most connections at a time. Default 10. */
  readonly pool?: number;
  /** For a connection, and for a statement. Default 10 000 ms. */
  readonly timeoutMs?: number;
  /** `as-server` accepts a server that may lose acknowledged writes when the machine stops. Default `required`. */
  readonly durability?: 'required' | 'as-server';
}

/**
 * Connects to PostgreSQL (12 or later), brings the schema up to date and makes sure that commits are durable.
 *
 * @throws AssayError `storage.backend.answers`, `storage.write.possible`, `storage.schema.version`.
 */
export async function openPostgresStorage(options: PostgresOptions): Promise<PostgresStorage> {
  const schema = options.schema ?? 'assay';
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw wrongArgument('-', 'schema', JSON.stringify(schema.slice(0, 40)), 'letters, digits and _ in lower case');
  const timeoutMs = options.timeoutMs ?? 10_000;
  const { Pool } = await import('pg');
  const pool = new Pool({
    application_name: 'assay',
    ...options.connection,
    ...(options.url === undefined ? {} : { connectionString: options.url }),
    max: options.pool ?? 10,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  });
  // A connection that ends while idle is replaced; without a listener it would end the process.
  pool.on('error', () => {});
  let address = addressOf(options);
  try {
    const client = await pool.connect();
    try {
      address = `${client.host}:${client.port}/${client.database ?? ''}`;
      if (options.durability !== 'as-server') await requireDurability(client, address);
      const { version } = await migratePostgres(client, schema, options.now());
      return new PostgresStorage({ pool, address, schema, schemaVersion: version, now: options.now });
    } finally {
      client.release();
    }
  } catch (error) {
    await pool.end();
    throw fromPostgres(error, address);
  }
}

async function requireDurability(
  client: { query(sql: string): Promise<{ rows: { name: string; setting: string }[] }> },
  address: string,
): Promise<void> {
  const { rows } = await client.query(
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')",
  );
  for (const { name, setting } of rows) {
    if (setting === 'off')
      throw notWritable(
        address,
        `${name} is off`,
        undefined,
        `Set ${name} = on; without it acknowledged writes get lost.`,
      );
  }
}

/** Where it would connect to, without user and password; for errors before there is a connection. */
function addressOf({ url, connection }: PostgresOptions): string {
  if (url !== undefined && URL.canParse(url)) return `${new URL(url).host}${new URL(url).pathname}`;
  return connection?.host === undefined ? 'server' : `${connection.host}:${connection.port ?? 5432}`;
}
