/*
 * Every write of one key is one statement, so that it is one round trip and atomic by itself: under READ COMMITTED the
 * row it changes is locked and looked at again if another transaction changed it meanwhile.
 *
 * The revision of a namespace is the sum of 16 counters, one of which the write raises in the same statement: a single
 * counter would make all writers of a namespace wait for each other's fsync. Locks are taken in one order everywhere
 * (entries by key, then counters by number), so that transactions do not wait for each other in a circle.
 */

export const SHARDS = 16;

/** FNV-1a; any hash would do, as long as all releases use the same. */
export function shardOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % SHARDS;
}

export interface Statement {
  readonly name: string;
  readonly text: string;
}

const live = (now: string): string => `(entry.expires_at IS NULL OR entry.expires_at > ${now}::bigint)`;

/** The statements for tables of a schema. Parameters stand beside each. */
export function statementsFor(schema: string) {
  const s = `"${schema}"`;
  const next = `nextval('${s}.entry_version')`;

  /** $1 ns, $2 key, $3 value, $4 expires_at */
  const upsert = `INSERT INTO ${s}.entry (ns, key, value, version, expires_at) VALUES ($1, $2, $3, ${next}, $4)
    ON CONFLICT (ns, key) DO UPDATE
    SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at`;
  const written = {
    put: `${upsert} RETURNING version`,
    /** and $5 now */
    putIfAbsent: `${upsert} WHERE entry.expires_at <= $5::bigint RETURNING version`,
    /** and $5 now, $6 version */
    putIfVersion: `UPDATE ${s}.entry SET value = $3, version = ${next}, expires_at = $4
      WHERE ns = $1 AND key = $2 AND version = $6 AND ${live('$5')} RETURNING version`,
    /** $1 ns, $2 key, $3 now */
    delete: `DELETE FROM ${s}.entry WHERE ns = $1 AND key = $2
      RETURNING value, version, expires_at, ${live('$3')} AS live`,
    /** and $4 version */
    deleteIfVersion: `DELETE FROM ${s}.entry WHERE ns = $1 AND key = $2 AND version = $4 AND ${live('$3')}
      RETURNING value, version, expires_at, true AS live`,
  };
  /** The same, and the revision raised if something was written. The shard is the last parameter. */
  const raising = (write: string, shard: string, condition = 'true'): string =>
    `WITH changed AS (${write}), raised AS (
       INSERT INTO ${s}.namespace_revision AS r (ns, shard, revision)
       SELECT $1, ${shard}::smallint, 1 FROM changed WHERE ${condition}
       ON CONFLICT (ns, shard) DO UPDATE SET revision = r.revision + 1
     ) SELECT * FROM changed`;
  const list = (columns: string, order: string): string =>
    `SELECT ${columns} FROM ${s}.entry WHERE ns = $1 AND key >= $2 AND key < $3 AND ${live('$4')}
     ORDER BY key ${order} LIMIT $5`;
  const plain = 'key, version, expires_at';

  return named({
    ...written,
    putRaising: raising(written.put, '$5'),
    putIfAbsentRaising: raising(written.putIfAbsent, '$6'),
    putIfVersionRaising: raising(written.putIfVersion, '$7'),
    deleteRaising: raising(written.delete, '$4', 'live'),
    /** $1 ns, $2 shard, $3 by how much */
    raise: `INSERT INTO ${s}.namespace_revision AS r (ns, shard, revision) VALUES ($1, $2, $3)
      ON CONFLICT (ns, shard) DO UPDATE SET revision = r.revision + excluded.revision`,
    /** $1 ns, $2 key, $3 now */
    get: `SELECT value, version, expires_at FROM ${s}.entry WHERE ns = $1 AND key = $2 AND ${live('$3')}`,
    version: `SELECT version FROM ${s}.entry WHERE ns = $1 AND key = $2 AND ${live('$3')}`,
    /** $1 ns, $2 low, $3 high, $4 now, $5 limit */
    list: list(plain, 'ASC'),
    listReverse: list(plain, 'DESC'),
    listValues: list(`${plain}, value`, 'ASC'),
    listValuesReverse: list(`${plain}, value`, 'DESC'),
    /** $1 ns */
    revision: `SELECT coalesce(sum(revision), 0)::bigint AS revision FROM ${s}.namespace_revision WHERE ns = $1`,
    /** $1 now, $2 limit. Entries that another transaction is changing are left to the next sweep. */
    sweep: `DELETE FROM ${s}.entry WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM ${s}.entry WHERE expires_at <= $1::bigint LIMIT $2 FOR UPDATE SKIP LOCKED
      )) AND expires_at <= $1::bigint`,
    /** $1 now */
    probe: `INSERT INTO ${s}.probe AS p VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at`,
  });
}

export type Statements = ReturnType<typeof statementsFor>;

function named<K extends string>(texts: Readonly<Record<K, string>>): Readonly<Record<K, Statement>> {
  const entries = Object.entries<string>(texts).map(([name, text]) => [name, { name: `assay_${name}`, text }]);
  return Object.fromEntries(entries) as Record<K, Statement>;
}
