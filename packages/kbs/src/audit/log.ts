/** What happened, kept for the owner: attempts with their findings, releases, leases and administrative acts. */
import { assayError, type Verdict } from '@assay/bytes/findings';
import type { Operation, Storage } from '@assay/storage';
import { type Random, Ulids, ulidFloor } from '../ids.js';
import type {
  AdminAct,
  AttemptDetail,
  AttemptFilter,
  AttemptId,
  AttemptSummary,
  Lease,
  Page,
  ReleaseRecord,
} from '../types.js';

const NS = 'attempt';
const ADMIN_NS = 'admin';
/** Summaries and details are apart, so that a list reads no verdicts. Keys end in ULIDs: their order is the order of time. */
const SUMMARY = 'a/';
const DETAIL = 'd/';
const RELEASE = 'r/';
const LEASE = 'l/';
const ACT = 'audit/';

const DAY = 86_400_000;
const MOST = 500;
/** Summaries looked at for one page of a filtered list: a filter that matches nothing ends all the same. */
const MOST_SCANNED = 20_000;

export interface AuditOptions {
  readonly storage: Storage;
  readonly now: () => Date;
  readonly random: Random;
  /** Days that attempts are kept. */
  readonly days: number;
  /** Attempts that are kept at most; the oldest go first. */
  readonly attempts: number;
}

export class AuditLog {
  readonly #options: AuditOptions;
  readonly #ids: Ulids;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#ids = new Ulids(options.random);
  }

  newAttempt(): AttemptId {
    return this.#ids.next(this.#options.now()) as AttemptId;
  }

  /** Writes of one attempt's present state, to be committed together with what they are about. */
  attemptOperations(summary: AttemptSummary, verdict: Verdict): readonly Operation[] {
    const expiresAt = this.#expiry();
    return [
      { op: 'put', ns: NS, key: SUMMARY + summary.attempt, value: encode(summary), expiresAt },
      { op: 'put', ns: NS, key: DETAIL + summary.attempt, value: encode(verdict), expiresAt },
    ];
  }

  async writeAttempt(summary: AttemptSummary, verdict: Verdict): Promise<void> {
    await this.commit(this.attemptOperations(summary, verdict));
  }

  /** Writes of one release decision; with `lease` also to the history of the secret. */
  releaseOperations(
    attempt: AttemptId,
    release: Omit<ReleaseRecord, 'id' | 'at'>,
    lease?: Omit<Lease, 'at' | 'attempt'>,
  ): readonly Operation[] {
    const now = this.#options.now();
    const id = this.#ids.next(now);
    const at = now.toISOString();
    const expiresAt = this.#expiry();
    const record: ReleaseRecord = { id, at, ...release };
    const operations: Operation[] = [
      { op: 'put', ns: NS, key: `${RELEASE}${attempt}/${id}`, value: encode(record), expiresAt },
    ];
    if (lease === undefined) return operations;
    const leased: Lease = { ...lease, attempt, at };
    return [...operations, { op: 'put', ns: NS, key: `${LEASE}${lease.path}/${id}`, value: encode(leased), expiresAt }];
  }

  async summary(attempt: AttemptId): Promise<AttemptSummary | undefined> {
    const entry = await this.#options.storage.get(NS, SUMMARY + attempt);
    return entry === undefined ? undefined : decode<AttemptSummary>(SUMMARY + attempt, entry.value);
  }

  async get(attempt: AttemptId): Promise<AttemptDetail | undefined> {
    const summary = await this.summary(attempt);
    if (summary === undefined) return undefined;
    const entry = await this.#options.storage.get(NS, DETAIL + attempt);
    if (entry === undefined) return undefined;
    const verdict = decode<Verdict>(DETAIL + attempt, entry.value);
    const releases = await this.#all<ReleaseRecord>(`${RELEASE}${attempt}/`);
    return { ...summary, findings: verdict.findings, verdict, releases };
  }

  async list(filter: AttemptFilter = {}): Promise<Page<AttemptSummary>> {
    const limit = Math.min(Math.max(1, filter.limit ?? 50), MOST);
    let before = filter.after === undefined ? undefined : SUMMARY + filter.after.toLowerCase();
    if (filter.until !== undefined) {
      const bound = SUMMARY + ulidFloor(new Date(filter.until.getTime() + 1));
      if (before === undefined || bound < before) before = bound;
    }
    const floor = filter.since === undefined ? '' : SUMMARY + ulidFloor(filter.since);
    const items: AttemptSummary[] = [];
    for (let scanned = 0; scanned < MOST_SCANNED; ) {
      const page = await this.#options.storage.list(NS, {
        prefix: SUMMARY,
        reverse: true,
        limit: MOST,
        values: true,
        ...(before === undefined ? {} : { before }),
      });
      for (const entry of page) {
        if (entry.key < floor) return { items };
        const summary = decode<AttemptSummary>(entry.key, entry.value ?? new Uint8Array());
        if (!matches(summary, filter)) continue;
        if (items.length === limit) return { items, next: items[limit - 1]?.attempt ?? '' };
        items.push(summary);
      }
      if (page.length < MOST) return { items };
      scanned += page.length;
      before = page[page.length - 1]?.key;
    }
    // The scan ended before the data did: the cursor is where it stopped, whatever was found.
    return { items, next: before?.slice(SUMMARY.length) ?? '' };
  }

  /** Newest first. */
  async leases(path: string, options: { after?: string; limit?: number } = {}): Promise<Page<Lease>> {
    return this.#newest<Lease>(NS, `${LEASE}${path}/`, options);
  }

  /** The write of one administrative act, to be committed together with what was done. */
  actOperation(act: Omit<AdminAct, 'id' | 'at'>): Operation {
    const now = this.#options.now();
    const id = this.#ids.next(now);
    const record: AdminAct = { id, at: now.toISOString(), ...act };
    return { op: 'put', ns: ADMIN_NS, key: ACT + id, value: encode(record) };
  }

  async recordAct(act: Omit<AdminAct, 'id' | 'at'>): Promise<void> {
    await this.commit([this.actOperation(act)]);
  }

  /** Newest first. */
  async acts(options: { after?: string; limit?: number } = {}): Promise<Page<AdminAct>> {
    return this.#newest<AdminAct>(ADMIN_NS, ACT, options);
  }

  /** Removes the oldest attempts beyond the number that is kept. */
  async enforceCount(): Promise<number> {
    const { storage, attempts } = this.#options;
    let kept = 0;
    let before: string | undefined;
    for (;;) {
      const page = await storage.list(NS, {
        prefix: SUMMARY,
        reverse: true,
        limit: 1000,
        ...(before === undefined ? {} : { before }),
      });
      const last = page[page.length - 1];
      if (last === undefined) return 0;
      if (kept + page.length > attempts) {
        before = page[attempts - kept]?.key;
        break;
      }
      kept += page.length;
      before = last.key;
    }
    return before === undefined ? 0 : this.#removeFrom(before);
  }

  /** Removes the summary `newest` and everything older, releases included. Leases belong to the secret and stay their time. */
  async #removeFrom(newest: string): Promise<number> {
    let removed = 0;
    for (;;) {
      const page = await this.#options.storage.list(NS, { prefix: SUMMARY, limit: 250 });
      const old = page.filter((entry) => entry.key <= newest);
      if (old.length === 0) return removed;
      for (const { key } of old) await this.#removeAttempt(key.slice(SUMMARY.length));
      removed += old.length;
    }
  }

  /** The summary goes last: an attempt that was removed in part is found again by the next sweep. */
  async #removeAttempt(attempt: string): Promise<void> {
    const { storage } = this.#options;
    for (;;) {
      const page = await storage.list(NS, { prefix: `${RELEASE}${attempt}/`, limit: MOST });
      if (page.length === 0) break;
      await this.commit(page.map(({ key }): Operation => ({ op: 'delete', ns: NS, key })));
    }
    await this.commit([DETAIL, SUMMARY].map((kind): Operation => ({ op: 'delete', ns: NS, key: kind + attempt })));
  }

  async #all<T>(prefix: string): Promise<readonly T[]> {
    const items: T[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await this.#options.storage.list(NS, {
        prefix,
        limit: MOST,
        values: true,
        ...(after === undefined ? {} : { after }),
      });
      for (const entry of page) items.push(decode<T>(entry.key, entry.value ?? new Uint8Array()));
      if (page.length < MOST) return items;
      after = page[page.length - 1]?.key;
    }
  }

  async #newest<T>(ns: string, prefix: string, options: { after?: string; limit?: number }): Promise<Page<T>> {
    const limit = Math.min(Math.max(1, options.limit ?? 50), MOST);
    const page = await this.#options.storage.list(ns, {
      prefix,
      reverse: true,
      limit: limit + 1,
      values: true,
      ...(options.after === undefined ? {} : { before: prefix + options.after }),
    });
    const shown = page.slice(0, limit);
    const last = shown[shown.length - 1];
    return {
      items: shown.map((entry) => decode<T>(entry.key, entry.value ?? new Uint8Array())),
      ...(page.length > limit && last !== undefined ? { next: last.key.slice(prefix.length) } : {}),
    };
  }

  async commit(operations: readonly Operation[]): Promise<void> {
    const outcome = await this.#options.storage.transact(operations);
    if (outcome.outcome !== 'committed')
      throw assayError('storage.write.possible', { params: { path: `namespace ${NS}`, errno: 'unexpected conflict' } });
  }

  #expiry(): number {
    return this.#options.now().getTime() + this.#options.days * DAY;
  }
}

function matches(summary: AttemptSummary, filter: AttemptFilter): boolean {
  return (
    (filter.tee === undefined || summary.tee === filter.tee) &&
    (filter.state === undefined || summary.state === filter.state) &&
    (filter.code === undefined || summary.codes.includes(filter.code)) &&
    (filter.address === undefined || summary.address === filter.address) &&
    (filter.key === undefined || summary.key === filter.key)
  );
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function decode<T>(key: string, value: Uint8Array): T {
  try {
    return JSON.parse(Buffer.from(value).toString('utf8')) as T;
  } catch (cause) {
    throw assayError('storage.record.intact', { params: { namespace: NS, key }, cause });
  }
}
