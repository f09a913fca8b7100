/**
 * The storage contract: one ordered, namespaced key-value store. Back ends: memory, SQLite, PostgreSQL.
 *
 * Promises that every back end keeps (and `@assay/storage/contract` tests):
 *
 * - A resolved write is durable, whatever happens to the process afterwards (memory: as long as the process lives).
 * - `take` gives a value to exactly one caller, over all processes that share the back end.
 * - An entry past its `expiresAt` is never returned, by no method; `sweep` only frees its space.
 * - Values are copied in and out: no caller shares a buffer with the store or with another caller.
 * - Keys sort by their bytes.
 *
 * Errors are `AssayError`s: `storage.key.form` (a wrong argument, which callers should have checked before),
 * `storage.backend.answers`, `storage.write.possible`, `storage.schema.version`, `storage.record.intact`.
 * Of a write that failed with `storage.backend.answers` it is unknown whether it took place (the connection may have
 * ended after the commit); of one that failed otherwise nothing was written. A conflict is a result, not an error.
 */

/** Milliseconds since the epoch. */
export type Clock = () => number;

/**
 * Version of one entry: a positive integer, opaque but for equality. It changes with every write of the key and is
 * never used again for that key, not even after a deletion.
 */
export type Version = number;

export interface Entry {
  readonly value: Uint8Array;
  readonly version: Version;
  /** Milliseconds since the epoch; the entry is gone from that instant on. Absent: it stays until deleted. */
  readonly expiresAt?: number;
}

/** At most one of `ifAbsent` and `ifVersion`. */
export interface PutOptions {
  /** Milliseconds since the epoch. Absent: the entry does not expire (also when it replaces one that did). */
  readonly expiresAt?: number;
  /** Write only if no live entry has this key. */
  readonly ifAbsent?: true;
  /** Write only if the live entry has this version. */
  readonly ifVersion?: Version;
}

/** `current` is the version that stood in the way; undefined where the key has no live entry. */
export interface Conflict {
  readonly outcome: 'conflict';
  readonly current: Version | undefined;
}

export interface Written {
  readonly outcome: 'written';
  readonly version: Version;
}

export type PutResult = Written | Conflict;

export interface ListOptions {
  /** Only keys that begin with this text (characters of a key; may be empty). */
  readonly prefix?: string;
  /** Only keys greater than this one; the cursor for the next page of an ascending list. */
  readonly after?: string;
  /** Only keys less than this one; the cursor for the next page of a descending list. */
  readonly before?: string;
  /** Descending order of keys. */
  readonly reverse?: boolean;
  /** 1 to 1000. */
  readonly limit: number;
  /** With the values. Default false: keys and versions only. */
  readonly values?: boolean;
}

export interface ListedEntry {
  readonly key: string;
  readonly version: Version;
  readonly expiresAt?: number;
  /** Present if the list was asked for with `values`. */
  readonly value?: Uint8Array;
}

export interface PutOperation extends PutOptions {
  readonly op: 'put';
  readonly ns: string;
  readonly key: string;
  readonly value: Uint8Array;
}

export interface DeleteOperation {
  readonly op: 'delete';
  readonly ns: string;
  readonly key: string;
  /** Delete only if the live entry has this version; without it a missing entry is no conflict. */
  readonly ifVersion?: Version;
}

export type Operation = PutOperation | DeleteOperation;

/** Result of one operation, at the place the operation had. */
export type OperationResult = Written | { readonly outcome: 'deleted'; readonly previous: Entry | undefined };

export type TransactResult =
  | { readonly outcome: 'committed'; readonly results: readonly OperationResult[] }
  /** Nothing was written. `index` is one operation whose condition did not hold. */
  | { readonly outcome: 'conflict'; readonly index: number; readonly current: Version | undefined };

export interface StorageHealth {
  /** A read and a durable write succeeded just now, or within the last seconds. */
  readonly ok: boolean;
  readonly backend: 'memory' | 'sqlite' | 'postgres';
  /** Schema number of the data; absent for memory and where the back end does not answer. */
  readonly schema?: number;
  /** One line for the owner; why it is not ok. Without secrets. */
  readonly detail: string;
}

export interface Storage {
  readonly backend: StorageHealth['backend'];

  get(ns: string, key: string): Promise<Entry | undefined>;

  /** Writes one entry. The promise resolves when the write is durable. */
  put(ns: string, key: string, value: Uint8Array, options?: PutOptions): Promise<PutResult>;

  /** Removes an entry and returns it; undefined where there was no live one. */
  delete(ns: string, key: string): Promise<Entry | undefined>;

  /**
   * Atomic get and delete: of any number of concurrent callers, in any number of processes, at most one gets the entry,
   * and the removal is durable before it does. This is what makes one nonce good for one attempt.
   */
  take(ns: string, key: string): Promise<Entry | undefined>;

  /** Live entries in key order. A page is one consistent view; pages of one walk are not a snapshot together. */
  list(ns: string, options: ListOptions): Promise<readonly ListedEntry[]>;

  /** All or nothing, over any namespaces. 1 to 1000 operations; no key twice. */
  transact(operations: readonly Operation[]): Promise<TransactResult>;

  /**
   * Number that has risen whenever a write (put, delete or take of a live entry) to the namespace has committed since it
   * was last read; 0 for a namespace never written. Cheap. Read it *before* loading a snapshot: the snapshot is then at
   * least that new. Expiry and `sweep` do not raise it, so whoever keeps a snapshot keeps `expiresAt` too.
   */
  revision(ns: string): Promise<number>;

  /** Frees the space of entries that had expired at `now`. Returns how many. */
  sweep(now: number): Promise<number>;

  /** Never throws. */
  health(): Promise<StorageHealth>;

  /** Waits for writes under way, then lets go of files and connections. Later calls reject. May be called twice. */
  close(): Promise<void>;
}

/** Namespaces in use. The first six are named as in Trustee. */
export const NAMESPACES = [
  'kbs',
  'repository',
  'kbs_protocol_session',
  'provisioner',
  'attestation_service_policy',
  'reference_value',
  'reference_value_history',
  'attempt',
  'signer',
  'admin',
  'tpm_ak',
  'tpm_enrolment',
] as const;

export const LIMITS = {
  keyLength: 1024,
  namespaceLength: 64,
  /** Of one value, in bytes. */
  valueBytes: 16 * 1024 * 1024,
  listEntries: 1000,
  transactOperations: 1000,
  /** Of all values of one transaction, in bytes. */
  transactBytes: 64 * 1024 * 1024,
} as const;
