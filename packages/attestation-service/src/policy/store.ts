/**
 * Policies at rest and in memory: compiled when written, read from an immutable snapshot, every version kept.
 *
 * Records in the namespace `attestation_service_policy`: `current/<id>` is what is in force, `history/<id>/<version>`
 * every text there was. Both are written in one transaction.
 */
import { decodeUtf8, encodeUtf8 } from '@assay/bytes';
import { type AssayError, asAssayError, assayError } from '@assay/bytes/findings';
import type { Operation, Storage } from '@assay/storage';
import type { PolicyAuthor, PolicySummary, StoredPolicy } from '../contract.js';
import { policyDigest } from './digest.js';
import { type CompiledPolicy, compilePolicy } from './engine.js';
import { type PolicyId, parsePolicyId } from './id.js';
import { type PolicyRecord, parsePolicyRecord, summaryOf } from './record.js';

const NAMESPACE = 'attestation_service_policy';
/** Largest policy text, in bytes. */
const LARGEST_POLICY = 1024 * 1024;
const MOST_TRIES = 5;

/** A policy of the snapshot: compiled, or why it no longer compiles (after an upgrade). */
export interface ActivePolicy {
  readonly record: PolicyRecord;
  readonly compiled: CompiledPolicy | AssayError;
}

export interface PolicySnapshot {
  readonly policies: ReadonlyMap<string, ActivePolicy>;
}

export interface PolicyStoreOptions {
  readonly storage: Storage;
  readonly now: () => Date;
  /** How often other replicas' writes are looked for. Default 1000 ms. */
  readonly refreshMs?: number;
}

export class PolicyStore {
  readonly #storage: Storage;
  readonly #now: () => Date;
  readonly #refreshMs: number;
  #snapshot: PolicySnapshot = { policies: new Map() };
  #revision = -1;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;
  /** Looks at the storage that were begun, and the last of them whose outcome is in force. */
  #begun = 0;
  #newest = 0;
  #fault: AssayError | undefined;

  private constructor(options: PolicyStoreOptions) {
    this.#storage = options.storage;
    this.#now = options.now;
    this.#refreshMs = options.refreshMs ?? 1000;
  }

  /** Stores the defaults that are absent, and loads the snapshot. An administrator's edit survives restarts. */
  static async open(
    options: PolicyStoreOptions & { readonly defaults: { readonly [id: string]: string } },
  ): Promise<PolicyStore> {
    const store = new PolicyStore(options);
    await store.refresh();
    const by = { subject: 'assay', method: 'default' };
    for (const [id, text] of Object.entries(options.defaults)) {
      if (!store.#snapshot.policies.has(id)) await store.#write(parsePolicyId(id), text, by, { onlyIfAbsent: true });
    }
    await store.refresh();
    return store;
  }

  /**
   * What is in force now, at most the refresh interval old: a replica that evaluated nothing for a day looks before it decides
   * by a policy that another one has replaced. Where the storage does not answer, the last snapshot stays in force.
   */
  async current(): Promise<PolicySnapshot> {
    const age = this.#now().getTime() - this.#lookedAt;
    if (age >= 0 && age < this.#refreshMs) return this.#snapshot;
    this.#refreshing ??= this.refresh()
      .catch((thrown: unknown) => {
        this.#fault = asAssayError(thrown);
        // Not every evaluation is to wait until the storage is given up again.
        this.#lookedAt = this.#now().getTime();
      })
      .finally(() => {
        this.#refreshing = undefined;
      });
    await this.#refreshing;
    return this.#snapshot;
  }

  /** Why the last look at the storage failed, if it did. */
  get fault(): AssayError | undefined {
    return this.#fault;
  }

  /** Loads what the storage has now. */
  async refresh(): Promise<void> {
    const look = ++this.#begun;
    const at = this.#now().getTime();
    const revision = await this.#storage.revision(NAMESPACE);
    const records = revision === this.#revision ? undefined : await this.#readAll();
    // One that was begun later has seen at least what this one has: what a policy was before must not come back.
    if (look < this.#newest) return;
    this.#newest = look;
    if (records !== undefined) {
      const before = this.#snapshot.policies;
      const policies = new Map<string, ActivePolicy>();
      for (const record of records) {
        const known = before.get(record.id);
        const active = known?.record.digest === record.digest ? { record, compiled: known.compiled } : activate(record);
        policies.set(record.id, active);
      }
      this.#snapshot = { policies };
      this.#revision = revision;
    }
    this.#fault = undefined;
    this.#lookedAt = at;
  }

  /**
   * Compiles and stores; in force when the promise resolves.
   *
   * @throws AssayError `policy.id.form`, `policy.body.form`, `policy.file.parse`; nothing is stored then
   */
  async set(
    id: string,
    text: string,
    by: PolicyAuthor,
  ): Promise<{ readonly policy: PolicySummary; readonly compiled: CompiledPolicy }> {
    const policyId = parsePolicyId(id);
    if (Buffer.byteLength(text) > LARGEST_POLICY) {
      throw assayError('policy.body.form', {
        params: { what: `${Buffer.byteLength(text)} bytes long; at most ${LARGEST_POLICY} are read` },
        subject: id,
      });
    }
    const compiled = compilePolicy(`${policyId}.rego`, text);
    const record = await this.#write(policyId, text, by, { onlyIfAbsent: false });
    await this.refresh();
    return { policy: summaryOf(record), compiled };
  }

  /** @throws AssayError `policy.id.form` */
  async get(id: string, version?: number): Promise<StoredPolicy | undefined> {
    const policyId = parsePolicyId(id);
    const key = version === undefined ? currentKey(policyId) : historyKey(policyId, version);
    const entry = await this.#storage.get(NAMESPACE, key);
    if (entry === undefined) return undefined;
    const record = parsePolicyRecord(decodeUtf8(entry.value), key);
    return record.text === undefined ? undefined : { ...summaryOf(record), text: record.text };
  }

  list(): readonly PolicySummary[] {
    return [...this.#snapshot.policies.values()]
      .map(({ record }) => summaryOf(record))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Every text there was, newest first. */
  async history(id: string): Promise<readonly PolicySummary[]> {
    const prefix = `history/${parsePolicyId(id)}/`;
    const entries = await this.#storage.list(NAMESPACE, { prefix, reverse: true, limit: 1000, values: true });
    return entries.flatMap(({ key, value }) => {
      if (value === undefined) return [];
      const record = parsePolicyRecord(decodeUtf8(value), key);
      return record.text === undefined ? [] : [summaryOf(record)];
    });
  }

  /** @returns false when there was none */
  async delete(id: string, by: PolicyAuthor): Promise<boolean> {
    const policyId = parsePolicyId(id);
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      const entry = await this.#storage.get(NAMESPACE, currentKey(policyId));
      if (entry === undefined) return false;
      const version = (await this.#lastVersion(policyId)) + 1;
      const { text: _, ...gone } = recordOf(policyId, version, '', by, this.#now());
      const done = await this.#storage.transact([
        { op: 'delete', ns: NAMESPACE, key: currentKey(policyId), ifVersion: entry.version },
        put(historyKey(policyId, version), gone, { ifAbsent: true }),
      ]);
      if (done.outcome === 'committed') {
        await this.refresh();
        return true;
      }
    }
    throw busy(policyId);
  }

  async #write(
    id: PolicyId,
    text: string,
    by: PolicyAuthor,
    options: { readonly onlyIfAbsent: boolean },
  ): Promise<PolicyRecord> {
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      const entry = await this.#storage.get(NAMESPACE, currentKey(id));
      if (entry !== undefined && options.onlyIfAbsent)
        return parsePolicyRecord(decodeUtf8(entry.value), currentKey(id));
      const record = recordOf(id, (await this.#lastVersion(id)) + 1, text, by, this.#now());
      const condition = entry === undefined ? { ifAbsent: true as const } : { ifVersion: entry.version };
      const done = await this.#storage.transact([
        put(currentKey(id), record, condition),
        put(historyKey(id, record.version), record, { ifAbsent: true }),
      ]);
      if (done.outcome === 'committed') return record;
    }
    throw busy(id);
  }

  async #lastVersion(id: PolicyId): Promise<number> {
    const [last] = await this.#storage.list(NAMESPACE, { prefix: `history/${id}/`, reverse: true, limit: 1 });
    return last === undefined ? 0 : Number(last.key.slice(last.key.lastIndexOf('/') + 1));
  }

  async #readAll(): Promise<readonly PolicyRecord[]> {
    const records: PolicyRecord[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await this.#storage.list(NAMESPACE, {
        prefix: 'current/',
        limit: 200,
        values: true,
        ...(after === undefined ? {} : { after }),
      });
      for (const { key, value } of page)
        if (value !== undefined) records.push(parsePolicyRecord(decodeUtf8(value), key));
      after = page.at(-1)?.key;
      if (page.length < 200 || after === undefined) return records;
    }
  }
}

function activate(record: PolicyRecord): ActivePolicy {
  try {
    return { record, compiled: compilePolicy(`${record.id}.rego`, record.text ?? '') };
  } catch (thrown) {
    return { record, compiled: asAssayError(thrown) };
  }
}

function recordOf(id: PolicyId, version: number, text: string, by: PolicyAuthor, now: Date): PolicyRecord {
  return { id, version, digest: policyDigest(text), text, changedAt: now.toISOString(), changedBy: by };
}

function put(
  key: string,
  record: PolicyRecord,
  condition: { readonly ifAbsent: true } | { readonly ifVersion: number },
): Operation {
  return { op: 'put', ns: NAMESPACE, key, value: encodeUtf8(JSON.stringify(record)), ...condition };
}

function currentKey(id: PolicyId): string {
  return `current/${id}`;
}

/** Versions sort by number. */
function historyKey(id: PolicyId, version: number): string {
  return `history/${id}/${String(version).padStart(9, '0')}`;
}

function busy(id: string): AssayError {
  return assayError('request.version.match', {
    params: { object: `policy ${id}`, actual: 'newer', expected: 'the one that was read' },
    subject: id,
    retry: 'now',
  });
}
