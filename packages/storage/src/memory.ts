import {
  checkKey,
  checkNamespace,
  checkOperations,
  checkPutOptions,
  checkTime,
  checkValue,
  listBounds,
} from './arguments.js';
import type {
  Clock,
  Conflict,
  Entry,
  ListedEntry,
  ListOptions,
  Operation,
  OperationResult,
  PutOptions,
  PutResult,
  Storage,
  StorageHealth,
  TransactResult,
} from './contract.js';
import { storageClosed } from './errors.js';

interface Namespace {
  readonly entries: Map<string, Entry>;
  /** Keys in order; undefined after a key came or went, and built again by the next list. */
  sorted: string[] | undefined;
  revision: number;
}

/** Keeps everything in this process. For tests, demonstrations and sessions that need not outlive a restart. */
export class MemoryStorage implements Storage {
  readonly backend = 'memory';
  readonly #now: Clock;
  readonly #namespaces = new Map<string, Namespace>();
  #closed = false;

  constructor(options: { readonly now: Clock }) {
    this.#now = options.now;
  }

  async get(ns: string, key: string): Promise<Entry | undefined> {
    const entry = this.#live(this.#open(ns, key), key);
    return entry && copyOf(entry);
  }

  async put(ns: string, key: string, value: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    const namespace = this.#open(ns, key);
    checkValue(ns, value);
    checkPutOptions(ns, options);
    return this.#obstacle(namespace, key, options) ?? this.#write(namespace, key, value, options.expiresAt);
  }

  async delete(ns: string, key: string): Promise<Entry | undefined> {
    return this.#remove(this.#open(ns, key), key);
  }

  async take(ns: string, key: string): Promise<Entry | undefined> {
    return this.#remove(this.#open(ns, key), key);
  }

  async list(ns: string, options: ListOptions): Promise<readonly ListedEntry[]> {
    const namespace = this.#open(ns);
    const { low, high } = listBounds(ns, options);
    namespace.sorted ??= [...namespace.entries.keys()].sort();
    const keys = namespace.sorted;
    const from = lowerBound(keys, low);
    const to = lowerBound(keys, high);
    const step = options.reverse ? -1 : 1;
    const listed: ListedEntry[] = [];
    for (let i = options.reverse ? to - 1 : from; i >= from && i < to && listed.length < options.limit; i += step) {
      const key = keys[i] as string;
      const entry = this.#live(namespace, key);
      if (!entry) continue;
      const { value, ...rest } = copyOf(entry);
      listed.push({ key, ...rest, ...(options.values ? { value } : {}) });
    }
    return listed;
  }

  async transact(operations: readonly Operation[]): Promise<TransactResult> {
    checkOperations(operations);
    for (const [index, operation] of operations.entries()) {
      const obstacle = this.#obstacle(this.#open(operation.ns), operation.key, operation);
      if (obstacle) return { ...obstacle, index };
    }
    const results = operations.map((operation): OperationResult => {
      const namespace = this.#open(operation.ns);
      return operation.op === 'put'
        ? this.#write(namespace, operation.key, operation.value, operation.expiresAt)
        : { outcome: 'deleted', previous: this.#remove(namespace, operation.key) };
    });
    return { outcome: 'committed', results };
  }

  async revision(ns: string): Promise<number> {
    return this.#open(ns).revision;
  }

  async sweep(now: number): Promise<number> {
    checkTime(now);
    if (this.#closed) throw storageClosed('memory', 'of this process');
    let swept = 0;
    for (const namespace of this.#namespaces.values()) {
      for (const [key, { expiresAt }] of namespace.entries) {
        if (expiresAt === undefined || expiresAt > now) continue;
        namespace.entries.delete(key);
        namespace.sorted = undefined;
        swept++;
      }
    }
    return swept;
  }

  async health(): Promise<StorageHealth> {
    return { ok: !this.#closed, backend: this.backend, detail: this.#closed ? 'closed' : 'in memory; lost at exit' };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#namespaces.clear();
  }

  #open(ns: string, key?: string): Namespace {
    checkNamespace(ns);
    if (key !== undefined) checkKey(ns, key);
    if (this.#closed) throw storageClosed('memory', 'of this process');
    let namespace = this.#namespaces.get(ns);
    if (!namespace) {
      namespace = { entries: new Map(), sorted: undefined, revision: 0 };
      this.#namespaces.set(ns, namespace);
    }
    return namespace;
  }

  #live(namespace: Namespace, key: string): Entry | undefined {
    const entry = namespace.entries.get(key);
    return entry?.expiresAt !== undefined && entry.expiresAt <= this.#now() ? undefined : entry;
  }

  #obstacle(namespace: Namespace, key: string, condition: Pick<PutOptions, 'ifAbsent' | 'ifVersion'>) {
    const current = this.#live(namespace, key)?.version;
    const holds = condition.ifAbsent
      ? current === undefined
      : condition.ifVersion === undefined || condition.ifVersion === current;
    return holds ? undefined : ({ outcome: 'conflict', current } satisfies Conflict);
  }

  #write(namespace: Namespace, key: string, value: Uint8Array, expiresAt: number | undefined) {
    const version = ++namespace.revision;
    if (!namespace.entries.has(key)) namespace.sorted = undefined;
    namespace.entries.set(key, copyOf({ value, version, ...(expiresAt === undefined ? {} : { expiresAt }) }));
    return { outcome: 'written', version } as const;
  }

  #remove(namespace: Namespace, key: string): Entry | undefined {
    const entry = this.#live(namespace, key);
    if (namespace.entries.delete(key)) namespace.sorted = undefined;
    if (entry) namespace.revision++;
    return entry;
  }
}

/** `slice` of a Buffer is a view, so the copy goes through the constructor. */
function copyOf(entry: Entry): Entry {
  return { ...entry, value: new Uint8Array(entry.value) };
}

/** Index of the first key that is not less than `bound`. Keys are ASCII, so UTF-16 order is byte order. */
function lowerBound(keys: readonly string[], bound: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
