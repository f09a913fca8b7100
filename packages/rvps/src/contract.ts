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

/** A value with its origin, as an evaluation uses and reports it. Times are milliseconds since the epoch. */
export interface ReferenceValueFact {
  readonly value: JsonValue;
  readonly publisher: string;
  /** Undefined where a remote RVPS does not tell. */
  readonly registeredAt: number | undefined;
  /** Still valid at exactly this instant, ended afterwards. Undefined: never ends, or a remote RVPS does not tell. */
  readonly expires: number | undefined;
}

/** A stored value. */
export interface ReferenceValue extends ReferenceValueFact {
  readonly name: string;
  readonly registeredAt: number;
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

/** A value that was registered under a name and is no longer. */
export interface FormerValue {
  readonly name: string;
  readonly version: number;
  readonly by: string;
  /** When it was set, and when that ended. */
  readonly from: number;
  readonly until: number;
  readonly ended: 'replaced' | 'deleted';
  /** Why it was replaced or deleted, as who did it said. */
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
export interface ReferenceValueSnapshot<Fact extends ReferenceValueFact = ReferenceValueFact> {
  /** Revision of the store that it stands for; equal revisions mean equal content. Undefined for a remote RVPS. */
  readonly revision: number | undefined;
  /** The live value, or undefined (never registered, deleted, or ended). */
  lookup(name: string, now: number): Fact | undefined;
  /** A value that has ended, so that `rv.value.time` can be told from `rv.value.present`. */
  ended(name: string, now: number): Fact | undefined;
  /** All live values, by name in code unit order: `data.reference` of older policies. */
  all(now: number): readonly (Fact & { readonly name: string })[];
  /** Names in order, also of ended values; for "nearest name" in explanations. */
  readonly names: readonly string[];
}

/** What the Attestation Service needs; kept by the local service and by the gRPC client alike. */
export interface ReferenceValueSource {
  /**
   * A view to evaluate policies with.
   *
   * @param names What will be asked for; a remote RVPS is asked for these and has no others. Undefined: everything.
   * @throws AssayError `rv.query.answers` where nobody answers: an outage is not "no value".
   */
  snapshot(names?: Iterable<string>): Promise<ReferenceValueSnapshot>;
  /** One value as policies see it, or undefined. @throws as `snapshot` */
  query(name: string): Promise<JsonValue | undefined>;
  /**
   * The last time that this was the value of a name, or one of its list, and stopped being it; undefined where it never was
   * among the last hundred changes, or is still. For explanations; a remote RVPS keeps no history that could be asked for.
   */
  former?(name: string, value: JsonValue): Promise<FormerValue | undefined>;
  /**
   * Registers the records of a message (`{version?, type, payload}`), all or none.
   *
   * @param message the JSON text
   * @returns names that were set, in the order of the message; empty where a remote RVPS does not tell.
   * @throws AssayError `rv.message.form`, `rv.message.type`, `rv.name.form`, `rv.publisher.trust`.
   */
  registerMessage(message: string, options: RegisterOptions): Promise<readonly string[]>;
}

export interface RegisterOptions {
  /** The authenticated author of the message; a `sample` message proves nothing by itself and is refused without. */
  readonly authenticated?: Principal;
}

export interface HistoryOptions {
  /** Only versions less than this one: the cursor for the next page. */
  readonly before?: number;
  /** 1 to 1000; default 100. */
  readonly limit?: number;
}

/** What an administrator may do. */
export interface ReferenceValueAdministration {
  /** All stored values, also those that have ended, by name. */
  list(): Promise<readonly ReferenceValue[]>;
  /** The stored value, also if it has ended. */
  get(name: string): Promise<ReferenceValue | undefined>;
  /** Changes of a name, newest first; empty for a name that never had a value. */
  history(name: string, options?: HistoryOptions): Promise<readonly ReferenceValueChange[]>;
  /** @throws AssayError `rv.name.form`, `rv.value.form`. */
  set(name: string, value: JsonValue, options: SetOptions): Promise<SetResult>;
  /** Deletes the value and keeps its history. @returns false where there was none. */
  delete(name: string, options: { readonly by: Principal; readonly reason?: string }): Promise<boolean>;
}
