import type { Migration, SchemaState } from '../schema.js';
import { pendingMigrations } from '../schema.js';
import type { SqliteDatabase } from './driver.js';

/** `application_id` of the file header: tells our database from another program's ("Assy"). */
export const APPLICATION_ID = 0x41737379;

export const SQLITE_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'entries and revisions',
    compatibleFrom: 1,
    statements: [
      `CREATE TABLE entry (
         ns TEXT NOT NULL,
         key TEXT NOT NULL,
         value BLOB NOT NULL,
         version INTEGER NOT NULL,
         expires_at INTEGER,
         PRIMARY KEY (ns, key)
       ) STRICT`,
      'CREATE INDEX entry_expires_at ON entry (expires_at) WHERE expires_at IS NOT NULL',
      'CREATE TABLE namespace (ns TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID',
      'CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT',
    ],
  },
];

/**
 * Brings the schema up to date in one transaction, under the write lock: of several processes that start at once, one
 * migrates and the others find it done. The connection must have a busy timeout.
 */
export function migrateSqlite(
  db: SqliteDatabase,
  now: number,
  migrations: readonly Migration[] = SQLITE_MIGRATIONS,
): SchemaState {
  db.exec('BEGIN IMMEDIATE');
  try {
    let state = readState(db);
    const pending = pendingMigrations(state, migrations);
    if (pending.length > 0 && state.version === 0) {
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      db.exec(
        `CREATE TABLE schema_migration (
           version INTEGER PRIMARY KEY, name TEXT NOT NULL, compatible_from INTEGER NOT NULL, applied_at INTEGER NOT NULL
         ) STRICT`,
      );
    }
    for (const migration of pending) {
      for (const statement of migration.statements) db.exec(statement);
      db.prepare('INSERT INTO schema_migration VALUES (?, ?, ?, ?)').run(
        migration.version,
        migration.name,
        migration.compatibleFrom,
        now,
      );
      state = { version: migration.version, compatibleFrom: migration.compatibleFrom };
    }
    db.exec('COMMIT');
    return state;
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

/** Name of the first table, if the file belongs to another program. */
export function foreignTable(db: SqliteDatabase): string | undefined {
  if (db.prepare('PRAGMA application_id').get()?.['application_id'] === APPLICATION_ID) return undefined;
  const table = db.prepare('SELECT name FROM sqlite_schema LIMIT 1').get();
  return table === undefined ? undefined : String(table['name']);
}

function readState(db: SqliteDatabase): SchemaState {
  const exists = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration'").get();
  if (exists === undefined) return { version: 0, compatibleFrom: 0 };
  const newest = db
    .prepare('SELECT version, compatible_from FROM schema_migration ORDER BY version DESC LIMIT 1')
    .get();
  return { version: Number(newest?.['version'] ?? 0), compatibleFrom: Number(newest?.['compatible_from'] ?? 0) };
}
