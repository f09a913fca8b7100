import { type AssayError, assayError } from '@assay/bytes/findings';

/**
 * Schema of a back end, as a list of migrations that is only ever appended to.
 *
 * The two-step rule: releases N and N+1 must be able to run on one database at the same time, so that replicas are
 * upgraded one by one and a release can be taken back. A migration therefore only *adds* what the previous release does
 * not mind (`compatibleFrom` stays). What a release stops using is removed by a migration of the release after it, and
 * that migration raises `compatibleFrom` to the schema of the release that stopped using it.
 *
 * A migrator of a query builder would do the same with a dependency; here each back end needs one loop, under its own lock.
 */
export interface Migration {
  /** 1 for the first, one more for each. */
  readonly version: number;
  readonly name: string;
  /** Oldest schema whose release may still work on the database after this migration. */
  readonly compatibleFrom: number;
  readonly statements: readonly string[];
}

/** What a database says about itself; version 0 for an empty one. */
export interface SchemaState {
  readonly version: number;
  readonly compatibleFrom: number;
}

/**
 * Migrations that have still to be applied, in order.
 *
 * @throws AssayError `storage.schema.version` if the database is of a later release that this one cannot work with.
 */
export function pendingMigrations(state: SchemaState, known: readonly Migration[]): readonly Migration[] {
  const ours = known.length;
  if (state.version > ours && state.compatibleFrom > ours) throw newerSchema(state, ours);
  return known.slice(state.version);
}

function newerSchema({ version, compatibleFrom }: SchemaState, ours: number): AssayError {
  return assayError('storage.schema.version', {
    params: { actual: version, expected: ours },
    expected: ours,
    actual: version,
    remedy:
      `Start a release whose schema is ${compatibleFrom} or later (the one that ran here last is ${version}), ` +
      `or restore a backup that was made with schema ${ours}. Nothing was changed.`,
  });
}
