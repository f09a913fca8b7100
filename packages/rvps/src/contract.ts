import type { JsonValue } from '@assay/bytes';

/**
 * Reference Value Provider Service: what a policy may compare claims with, who said so, and until when.
 *
 * Three things are kept apart: the *record* under a name (one current version), its *history* (every version, also of
 * deleted names), and the *snapshot* that policies read (immutable, only values that have not ended).
 */

/** Who changed a reference value; shown to the owner beside every finding that used it. */
export interface Principal {
  /** Stable identity: subject of the admin token, key id, certificate subject … */
  readonly subject: string;
  /** How the identity was established: `admin-jwt`, `mtls`, `grpc-bearer`, `local` … */
  readonly method: string;
}

/** What policies see, with its origin. Times are milliseconds since the epoch. */
export interface ReferenceValue {
  readonly name: string;
  readonly value: JsonValue;
  readonly publisher: string;
  readonly registeredAt: number;
  /** Still valid at exactly this instant, ended afterwards. Undefined: never ends. */
  readonly expires: number | undefined;
  /** 1 for the first value of a name, one more for each change, going on after a deletion. */
  readonly version: number;
  /** Type of the message it came in; `set` where it was set directly. */
  readonly source: string;
}

/** One line of a name's history. */
export interface ReferenceValueChange {
  readonly name: string;
  readonly version: number;
  readonly change: 'set' | 'delete';
  readonly at: number;
  readonly by: Principal;
  readonly source: string;
  /** Absent for a deletion. */
  readonly value?: JsonValue;
  readonly expires?: number;
  /** Attestation attempt that was approved by this change (`assay rv approve`). */
  readonly attempt?: string;
  readonly reason?: string;
}

export interface SetOptions {
  readonly by: Principal;
  /**
   * When the value ends: milliseconds since the epoch, or `never`.
   * Default: 12 calendar months from now (the day clamped), whole seconds, as upstream.
   */
  readonly expires?: number | 'never';
  /** `replace` (default); `add` unites arrays, without duplicates; `keep` leaves a live value as it is. */
  readonly mode?: 'replace' | 'add' | 'keep';
  readonly attempt?: string;
  readonly reason?: string;
}

export interface SetResult {
  readonly outcome: 'set' | 'kept';
  readonly value: ReferenceValue;
}

/**
 * Immutable view for the hot path. One evaluation uses one snapshot, so that it sees one state of the world.
 * Expiry is honoured at the `now` of each look-up, not at the time the snapshot was made.
 */
export interface ReferenceValueSnapshot {
  /** Revision of the store that it stands for; equal revisions mean equal content. */
  readonly revision: number;
  /** The live value, or undefined (never registered, deleted, or ended). */
  lookup(name: string, now: number): ReferenceValue | undefined;
  /** A value that has ended, so that `rv.value.time` can be told from `rv.value.present`. */
  ended(name: string, now: number): ReferenceValue | undefined;
  /** All live values, by name in code point order: `data.reference` of older policies. */
  all(now: number): readonly ReferenceValue[];
  /** Names, also of ended values; for "nearest name" in explanations. */
  readonly names: readonly string[];
}

/** What the Attestation Service needs; kept by the local service and by the gRPC client alike. */
export interface ReferenceValueSource {
  /** Value as policies see it, or undefined. @throws AssayError `rv.query.answers` where nobody answers: an outage is not "no value". */
  query(name: string): Promise<JsonValue | undefined>;
  /** Registers the records of a message. @returns names that were set, in order. */
  registerMessage(message: string, options: RegisterOptions): Promise<readonly string[]>;
}

export interface RegisterOptions {
  /** The authenticated author of the message; a `sample` message proves nothing by itself and is refused without. */
  readonly authenticated?: Principal;
}
