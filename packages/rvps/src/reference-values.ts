import { canonicalJson, DecodeError, isJsonArray, type JsonArray, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import type { Clock, Operation, Storage, Version } from '@assay/storage';
import type {
  FormerValue,
  HistoryOptions,
  Principal,
  ReferenceValue,
  ReferenceValueAdministration,
  ReferenceValueChange,
  ReferenceValueSnapshot,
  ReferenceValueSource,
  RegisterOptions,
  SetOptions,
  SetResult,
} from './contract.js';
import { expiryOf, hasEnded } from './expiry.js';
import { DEEPEST_VALUE, extractSample, parseMessage } from './message.js';
import { checkName, historyKey, historyPrefix, keyOf } from './name.js';
import { decodeChange, decodeRecord, deepFreeze, encodeChange, encodeRecord } from './record.js';
import { FixedSnapshot } from './snapshot.js';

const VALUES = 'reference_value';
const HISTORY = 'reference_value_history';
const PAGE = 1000;
const DEFAULT_HISTORY = 100;
/** Of one value, as canonical JSON. */
const LARGEST_VALUE = 4 * 1024 * 1024;
/** Tries of a change when others change the same names meanwhile. */
const TRIES = 10;
const EXTRACTORS = ['sample'] as const;

interface Change {
  readonly name: string;
  readonly value: JsonValue;
}

interface Load {
  readonly revision: number;
  readonly snapshot: Promise<FixedSnapshot<ReferenceValue>>;
}

/** The Reference Value Provider Service over a storage. Several may share one storage; each sees the others' changes. */
export class ReferenceValues implements ReferenceValueSource, ReferenceValueAdministration {
  readonly #storage: Storage;
  readonly #now: Clock;
  /** The last load, under way or done. */
  #load: Load | undefined;

  constructor(options: { readonly storage: Storage; readonly now: Clock }) {
    this.#storage = options.storage;
    this.#now = options.now;
  }

  async set(name: string, value: JsonValue, options: SetOptions): Promise<SetResult> {
    checkName(name);
    const [result] = await this.#setAll([{ name, value }], options, 'set');
    return result as SetResult;
  }

  async get(name: string): Promise<ReferenceValue | undefined> {
    checkName(name);
    return (await this.#stored(name))?.value;
  }

  async list(): Promise<readonly ReferenceValue[]> {
    return (await this.#current()).everything;
  }

  async history(name: string, options: HistoryOptions = {}): Promise<readonly ReferenceValueChange[]> {
    checkName(name);
    const entries = await this.#storage.list(HISTORY, {
      prefix: historyPrefix(name),
      ...(options.before === undefined ? {} : { before: historyKey(name, options.before) }),
      reverse: true,
      limit: options.limit ?? DEFAULT_HISTORY,
      values: true,
    });
    return entries.map(({ key, value }) => decodeChange(value ?? new Uint8Array(0), HISTORY, key));
  }

  async delete(name: string, options: { readonly by: Principal; readonly reason?: string }): Promise<boolean> {
    checkName(name);
    for (let tries = 1; ; tries++) {
      const stored = await this.#stored(name);
      if (stored === undefined) return false;
      const change: ReferenceValueChange = {
        name,
        version: stored.value.version + 1,
        change: 'delete',
        at: this.#now(),
        by: options.by,
        source: 'delete',
        ...(options.reason === undefined ? {} : { reason: options.reason }),
      };
      const done = await this.#storage.transact([
        { op: 'delete', ns: VALUES, key: keyOf(name), ifVersion: stored.entry },
        appended(change),
      ]);
      if (done.outcome === 'committed') return true;
      if (tries >= TRIES) throw contended(name);
    }
  }

  async query(name: string): Promise<JsonValue | undefined> {
    return (await this.#current()).lookup(name, this.#now())?.value;
  }

  async former(name: string, value: JsonValue): Promise<FormerValue | undefined> {
    const wanted = canonicalJson(value);
    let next: ReferenceValueChange | undefined;
    for (const change of await this.history(name)) {
      if (
        change.value !== undefined &&
        (isJsonArray(change.value) ? change.value : [change.value]).some((one) => canonicalJson(one) === wanted)
      ) {
        if (next === undefined) return undefined;
        const { version, by, at } = change;
        return {
          name,
          version,
          by: by.subject,
          from: at,
          until: next.at,
          ended: next.change === 'delete' ? 'deleted' : 'replaced',
          ...(next.reason === undefined ? {} : { reason: next.reason }),
        };
      }
      next = change;
    }
    return undefined;
  }

  async snapshot(): Promise<ReferenceValueSnapshot<ReferenceValue>> {
    return this.#current();
  }

  async registerMessage(message: string, options: RegisterOptions): Promise<readonly string[]> {
    const { type, payload } = parseMessage(message);
    if (type !== 'sample')
      throw assayError('rv.message.type', { params: { actual: type.slice(0, 40), list: EXTRACTORS.join(', ') } });
    if (options.authenticated === undefined)
      throw assayError('rv.publisher.trust', { params: { type, actual: 'nobody' }, actual: null });
    const stated = extractSample(payload);
    if (stated.length === 0) return [];
    await this.#setAll(stated, { by: options.authenticated }, type);
    return stated.map(({ name }) => name);
  }

  /** All or none. Names differ from each other. */
  async #setAll(changes: readonly Change[], options: SetOptions, source: string): Promise<readonly SetResult[]> {
    const copies = changes.map(({ name, value }) => ({ name, value: copyOf(name, value) }));
    for (let tries = 1; ; tries++) {
      const planned = await Promise.all(copies.map((change) => this.#plan(change, options, source)));
      const operations = planned.flatMap((plan) => plan.operations);
      if (operations.length === 0) return planned.map((plan) => plan.result);
      const done = await this.#storage.transact(operations);
      if (done.outcome === 'committed') return planned.map((plan) => plan.result);
      if (tries >= TRIES) throw contended(changes[0]?.name ?? '');
    }
  }

  async #plan({ name, value }: Change, options: SetOptions, source: string): Promise<Plan> {
    const now = this.#now();
    const stored = await this.#stored(name);
    const live = stored && !hasEnded(stored.value.expires, now) ? stored.value : undefined;
    if (options.mode === 'keep' && live) return { result: { outcome: 'kept', value: live }, operations: [] };
    let expires = expiryOf(name, options.expires, now);
    let next = value;
    if (options.mode === 'add' && live) {
      next = united(name, live.value, value);
      // What was good until later stays good until later.
      expires = live.expires === undefined || expires === undefined ? undefined : Math.max(live.expires, expires);
    }
    const version = (stored?.value.version ?? (await this.#lastVersion(name))) + 1;
    const set: ReferenceValue = {
      name,
      value: deepFreeze(next),
      publisher: options.by.subject,
      registeredAt: now,
      expires,
      version,
      source,
    };
    const change: ReferenceValueChange = {
      name,
      version,
      change: 'set',
      at: now,
      by: options.by,
      source,
      value: next,
      ...(expires === undefined ? {} : { expires }),
      ...(options.attempt === undefined ? {} : { attempt: options.attempt }),
      ...(options.reason === undefined ? {} : { reason: options.reason }),
    };
    const put = { op: 'put', ns: VALUES, key: keyOf(name), value: encodeRecord(set) } as const;
    return {
      result: { outcome: 'set', value: set },
      operations: [{ ...put, ...(stored ? { ifVersion: stored.entry } : { ifAbsent: true }) }, appended(change)],
    };
  }

  async #stored(name: string): Promise<{ readonly value: ReferenceValue; readonly entry: Version } | undefined> {
    const key = keyOf(name);
    const entry = await this.#storage.get(VALUES, key);
    return entry && { value: decodeRecord(entry.value, VALUES, key), entry: entry.version };
  }

  async #lastVersion(name: string): Promise<number> {
    return (await this.history(name, { limit: 1 }))[0]?.version ?? 0;
  }

  /**
   * The snapshot of the present revision. What is loaded once is used until the revision rises, by all callers; a caller
   * never gets a view older than the revision at the time of its call.
   */
  async #current(): Promise<FixedSnapshot<ReferenceValue>> {
    const revision = await this.#storage.revision(VALUES);
    if (this.#load?.revision !== revision) {
      const load: Load = { revision, snapshot: this.#loadAt(revision) };
      this.#load = load;
      // A load that failed is tried again by the next caller.
      load.snapshot.catch(() => {
        if (this.#load === load) this.#load = undefined;
      });
    }
    return this.#load.snapshot;
  }

  async #loadAt(asked: number): Promise<FixedSnapshot<ReferenceValue>> {
    let revision = asked;
    for (let tries = 1; ; tries++) {
      const values: ReferenceValue[] = [];
      let pages = 0;
      for (let after: string | undefined; ; pages++) {
        const page = await this.#storage.list(VALUES, {
          limit: PAGE,
          values: true,
          ...(after === undefined ? {} : { after }),
        });
        for (const { key, value } of page) values.push(decodeRecord(value ?? new Uint8Array(0), VALUES, key));
        after = page.at(-1)?.key;
        if (page.length < PAGE) break;
      }
      // One page is one state; several may have a change between them, of which only a part would be seen.
      const settled = pages === 0 || tries >= TRIES || (await this.#storage.revision(VALUES)) === revision;
      if (settled) return new FixedSnapshot(values, revision);
      revision = await this.#storage.revision(VALUES);
    }
  }
}

interface Plan {
  readonly result: SetResult;
  readonly operations: readonly Operation[];
}

/** The version makes the key: of two that change a name at once, one finds it taken. */
function appended(change: ReferenceValueChange): Operation {
  const { name, version } = change;
  return { op: 'put', ns: HISTORY, key: historyKey(name, version), value: encodeChange(change), ifAbsent: true };
}

function united(name: string, present: JsonValue, added: JsonValue): JsonArray {
  if (!isJsonArray(present) || !isJsonArray(added))
    throw assayError('rv.value.form', {
      params: { name, actual: 'a single value', expected: 'only lists can be added to each other' },
    });
  const all = new Map([...present, ...added].map((value) => [canonicalJson(value), value]));
  return [...all.values()];
}

/**
 * The value by itself, so that the caller's later changes to it do not reach the store, and read as the store will read
 * it: a value that could be written but not read again would stop every evaluation.
 */
function copyOf(name: string, value: JsonValue): JsonValue {
  try {
    return parseJsonStrict(canonicalJson(value), { maxBytes: LARGEST_VALUE, maxDepth: DEEPEST_VALUE });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw assayError('rv.value.form', { params: { name, actual: 'no value for JSON', expected: error.reason } });
  }
}

function contended(name: string): Error {
  return assayError('storage.backend.answers', {
    params: {
      backend: 'reference value',
      address: name.slice(0, 40),
      reason: `changed by others ${TRIES} times meanwhile`,
    },
  });
}
