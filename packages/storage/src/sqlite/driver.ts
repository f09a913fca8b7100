/** The part of `node:sqlite` that is used here; `@photostructure/sqlite` has the same. */
export type SqliteValue = null | number | string | Uint8Array;
export type SqliteRow = Record<string, SqliteValue>;

export interface SqliteStatement {
  get(...parameters: SqliteValue[]): SqliteRow | undefined;
  all(...parameters: SqliteValue[]): SqliteRow[];
  run(...parameters: SqliteValue[]): { readonly changes: number | bigint };
}

export interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

export interface SqliteDriver {
  readonly name: string;
  open(path: string): SqliteDatabase;
}

interface SqliteModule {
  readonly DatabaseSync: new (path: string) => SqliteDatabase;
}

/**
 * SQLite of this Node where it has one without a flag (22.13 and later), else the same API as a prebuilt addon.
 *
 * @throws Error if neither is there.
 */
export async function loadSqliteDriver(): Promise<SqliteDriver> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const builtIn = major > 22 || (major === 22 && minor >= 13);
  // Not literals: the module of the other Node must neither be resolved by a bundler nor type-checked.
  const name: string = builtIn ? 'node:sqlite' : '@photostructure/sqlite';
  let loaded: SqliteModule;
  try {
    loaded = (await import(name)) as SqliteModule;
  } catch (cause) {
    const remedy = builtIn
      ? 'this Node was built without SQLite'
      : 'npm install @photostructure/sqlite, or use Node 22';
    throw new Error(`cannot load ${name}: ${remedy}`, { cause });
  }
  return { name, open: (path) => new loaded.DatabaseSync(path) };
}
