/** What happened, kept for the owner: attempts with their findings, releases, leases and administrative acts. */
import { setImmediate as othersFirst } from 'node:timers/promises';
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
  RefusedAct,
  ReleaseRecord,
} from '../types.js';
import { encodeVerdict } from './verdict.js';

const NS = 'attempt';
const ADMIN_NS = 'admin';
/** Summaries and details are apart, so that a list reads no verdicts. Keys end in ULIDs: their order is the order of time. */
const SUMMARY = 'a/';
const DETAIL = 'd/';
const RELEASE = 'r/';
/** Refusals are apart from releases: a caller that is refused again and again must not push out what was released. */
const REFUSAL = 'f/';
const LEASE = 'l/';
const ACT = 'audit/';
const REFUSED_ACT = 'refused/';

const DAY = 86_400_000;
const MOST = 500;
/** Summaries looked at for one page of a filtered list: a filter that matches nothing ends all the same. */
const MOST_SCANNED = 20_000;
/** A handshake that nobody went on with tells little, and anybody can begin one: it is kept this long. */
const ABANDONED_MS = DAY;
/** Refusals kept of one attempt. Whoever holds a session cookie can be refused as often as he likes. */
export const MOST_REFUSALS = 100;
/** Releases shown of one attempt, the newest; the history of each secret has them all. */
const MOST_SHOWN = 1000;
/** Refused administrative calls that are kept. */
export const MOST_REFUSED_ACTS = 10_000;

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
    const expiresAt = this.#expiry(summary.state === 'challenged' ? ABANDONED_MS : undefined);
    return [
      { op: 'put', ns: NS, key: SUMMARY + summary.attempt, value: encode(summary), expiresAt },
      { op: 'put', ns: NS, key: DETAIL + summary.attempt, value: encodeVerdict(verdict), expiresAt },
    ];
  }

  async writeAttempt(summary: AttemptSummary, verdict: Verdict): Promise<void> {
    await this.commit(this.attemptOperations(summary, verdict));
  }

  /**
   * Writes of one release decision; with `lease` also to the history of the secret. Every release is written; of refusals the
   * first {@link MOST_REFUSALS} of an attempt are, and then none.
   */
  async releaseOperations(
    attempt: AttemptId,
    release: Omit<ReleaseRecord, 'id' | 'at'>,
    lease?: Omit<Lease, 'at' | 'attempt'>,
  ): Promise<readonly Operation[]> {
    const kind = release.decision === 'released' ? RELEASE : REFUSAL;
    if (kind === REFUSAL) {
      const before = await this.#options.storage.list(NS, { prefix: `${REFUSAL}${attempt}/`, limit: MOST_REFUSALS });
      if (before.length >= MOST_REFUSALS) return [];
    }
    const now = this.#options.now();
    const id = this.#ids.next(now);
    const at = now.toISOString();
    const expiresAt = this.#expiry();
    const record: ReleaseRecord = { id, at, ...release };
    const operations: Operation[] = [
      { op: 'put', ns: NS, key: `${kind}${attempt}/${id}`, value: encode(record), expiresAt },
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
    const released = await this.#last<ReleaseRecord>(`${RELEASE}${attempt}/`, MOST_SHOWN);
    const refused = await this.#last<ReleaseRecord>(`${REFUSAL}${attempt}/`, MOST_REFUSALS);
    return {
      ...summary,
      findings: verdict.findings,
      verdict,
      releases: [...released, ...refused].sort((a, b) => (a.id < b.id ? -1 : 1)),
      ...(released.length < MOST_SHOWN && refused.length < MOST_REFUSALS ? {} : { releasesOmitted: true as const }),
    };
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
      // An embedded store answers at once: without a pause a long walk would hold up every other request.
      await othersFirst();
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

  /** Keeps an administrative call that was refused, its time as long as an attempt's. */
  async recordRefusedAct(refused: Omit<RefusedAct, 'id' | 'at'>): Promise<void> {
    const now = this.#options.now();
    const id = this.#ids.next(now);
    const value = encode({ id, at: now.toISOString(), ...refused } satisfies RefusedAct);
    await this.commit([{ op: 'put', ns: ADMIN_NS, key: REFUSED_ACT + id, value, expiresAt: this.#expiry() }]);
  }

  /** Newest first. */
  async refusedActs(options: { after?: string; limit?: number } = {}): Promise<Page<RefusedAct>> {
    return this.#newest<RefusedAct>(ADMIN_NS, REFUSED_ACT, options);
  }

  /**
   * Removes attempts beyond the number that is kept. Anybody can make attempts that come to nothing; so that nobody can push out
   * with them what matters, those go first that were never attested, then those that nothing was released to, the oldest of each
   * first.
   */
  async enforceCount(): Promise<number> {
    await this.#trimRefusedActs();
    const over = (await this.#count()) - this.#options.attempts;
    if (over <= 0) return 0;
    let removed = await this.#removeOldest(over, async ({ state }) => state !== 'attested');
    if (removed < over) {
      const unused = ({ attempt }: AttemptSummary) => this.#nothingReleasedTo(attempt);
      removed += await this.#removeOldest(over - removed, unused, MOST_SCANNED);
    }
    if (removed < over) removed += await this.#removeOldest(over - removed, async () => true);
    return removed;
  }

  async #count(): Promise<number> {
    let count = 0;
    for (let after: string | undefined; ; ) {
      const page = await this.#options.storage.list(NS, {
        prefix: SUMMARY,
        limit: 1000,
        ...(after === undefined ? {} : { after }),
      });
      count += page.length;
      after = page[page.length - 1]?.key;
      if (page.length < 1000) return count;
      await othersFirst();
    }
  }

  async #nothingReleasedTo(attempt: AttemptId): Promise<boolean> {
    const releases = await this.#options.storage.list(NS, { prefix: `${RELEASE}${attempt}/`, limit: 1 });
    return releases.length === 0;
  }

  /** Removes the oldest attempts of a kind, at most `count`, looking at no more than `scan`. */
  async #removeOldest(
    count: number,
    which: (summary: AttemptSummary) => Promise<boolean>,
    scan = Number.POSITIVE_INFINITY,
  ): Promise<number> {
    let removed = 0;
    let after: string | undefined;
    for (let scanned = 0; scanned < scan; ) {
      const page = await this.#options.storage.list(NS, {
        prefix: SUMMARY,
        limit: MOST,
        values: true,
        ...(after === undefined ? {} : { after }),
      });
      for (const { key, value } of page) {
        if (removed === count) return removed;
        if (!(await which(decode<AttemptSummary>(key, value ?? new Uint8Array())))) continue;
        await this.#removeAttempt(key.slice(SUMMARY.length));
        removed += 1;
      }
      if (page.length < MOST) return removed;
      scanned += page.length;
      after = page[page.length - 1]?.key;
      await othersFirst();
    }
    return removed;
  }

  async #trimRefusedActs(): Promise<void> {
    const { storage } = this.#options;
    const kept = await this.#skip(ADMIN_NS, REFUSED_ACT, MOST_REFUSED_ACTS);
    if (kept === undefined) return;
    for (;;) {
      const page = await storage.list(ADMIN_NS, { prefix: REFUSED_ACT, limit: MOST });
      const old = page.filter(({ key }) => key < kept);
      if (old.length === 0) return;
      await this.commit(old.map(({ key }): Operation => ({ op: 'delete', ns: ADMIN_NS, key })));
    }
  }

  /** The oldest of the newest `count` keys, or undefined where there are fewer. */
  async #skip(ns: string, prefix: string, count: number): Promise<string | undefined> {
    let before: string | undefined;
    for (let left = count; left > 0; ) {
      const limit = Math.min(left, 1000);
      const page = await this.#options.storage.list(ns, {
        prefix,
        reverse: true,
        limit,
        ...(before === undefined ? {} : { before }),
      });
      before = page[page.length - 1]?.key;
      if (page.length < limit) return undefined;
      left -= page.length;
    }
    return before;
  }

  /** The summary goes last: an attempt that was removed in part is found again by the next sweep. */
  async #removeAttempt(attempt: string): Promise<void> {
    const { storage } = this.#options;
    for (const kind of [RELEASE, REFUSAL]) {
      for (;;) {
        const page = await storage.list(NS, { prefix: `${kind}${attempt}/`, limit: MOST });
        if (page.length === 0) break;
        await this.commit(page.map(({ key }): Operation => ({ op: 'delete', ns: NS, key })));
      }
    }
    await this.commit([DETAIL, SUMMARY].map((kind): Operation => ({ op: 'delete', ns: NS, key: kind + attempt })));
  }

  /** The newest `limit` entries, oldest of them first. */
  async #last<T>(prefix: string, limit: number): Promise<readonly T[]> {
    const page = await this.#options.storage.list(NS, { prefix, reverse: true, limit, values: true });
    return page.map((entry) => decode<T>(entry.key, entry.value ?? new Uint8Array())).reverse();
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
    if (operations.length === 0) return;
    const outcome = await this.#options.storage.transact(operations);
    if (outcome.outcome !== 'committed')
      throw assayError('storage.write.possible', { params: { path: `namespace ${NS}`, errno: 'unexpected conflict' } });
  }

  #expiry(atMost = Number.POSITIVE_INFINITY): number {
    return this.#options.now().getTime() + Math.min(this.#options.days * DAY, atMost);
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
