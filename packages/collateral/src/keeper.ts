import type { FindingDraft } from '@assay/bytes/findings';
import { failed } from '@assay/bytes/findings';
import { LruMap } from '@assay/evidence/x509';
import { Archive } from './cache/archive.js';
import type { CollateralCache } from './cache/cache.js';
import { failureFinding, missingFinding, notVerified, staleFinding, timeFinding } from './findings.js';
import { type Item, immutable, itemKey, itemName } from './item/item.js';
import type { CollateralRecord } from './item/record.js';
import { SingleFlight } from './single-flight.js';
import type { Answer } from './source/answer.js';
import type { Source, SourceFailure } from './source/source.js';
import type { Timing } from './timing.js';

/** Ages and allowances, in milliseconds. */
export interface KeepingPolicy {
  /** From this age on an item is fetched again in the background while the kept one is used. */
  readonly refreshAfterMs: number;
  /** From this age on an item is not used without asking a source. */
  readonly expireAfterMs: number;
  /** How long beyond its end an item may be used while no source answers. 0: never. */
  readonly staleIfErrorMs: number;
  /** How long a refusal of all sources is remembered. */
  readonly negativeMs: number;
  /** Items that end within this time are reported. */
  readonly endingMs: number;
}

const HOUR = 3_600_000;

export const DEFAULT_KEEPING: KeepingPolicy = {
  refreshAfterMs: 24 * HOUR,
  expireAfterMs: 168 * HOUR,
  staleIfErrorMs: 0,
  negativeMs: 60_000,
  endingMs: 72 * HOUR,
};

/** What came of asking for one item. */
export interface ItemOutcome {
  readonly item: Item;
  /** Absent: there is none that may be used. */
  readonly record?: CollateralRecord;
  readonly how: 'kept' | 'fetched' | 'stale' | 'none';
  readonly findings: readonly FindingDraft[];
  /** Milliseconds since the epoch: when asking again may help. */
  readonly nextAt?: number;
}

/**
 * Says what is wrong with one item, by signature and form; dates are the keeper's business.
 *
 * @returns undefined where nothing is wrong, otherwise one line
 */
export type ItemCheck = (item: Item, record: CollateralRecord) => string | undefined;

export interface KeeperOptions {
  readonly sources: readonly Source[];
  readonly cache: CollateralCache;
  readonly timing: Timing;
  readonly policy?: Partial<KeepingPolicy>;
}

interface Refusal {
  readonly until: number;
  readonly outcome: ItemOutcome;
}

const MOST_HELD = 4096;
/** Longest list of remembered refusals: a flood of made-up chips must not fill the memory. */
const MOST_REFUSALS = 1024;

/** Keeps items: from the cache while they are good, from the sources otherwise, one request at a time per item. */
export class Keeper {
  readonly archive: Archive;
  readonly #sources: readonly Source[];
  readonly #timing: Timing;
  readonly #policy: KeepingPolicy;
  readonly #flights = new SingleFlight<ItemOutcome>();
  /** Records that were checked: an issue is verified once, not at every use. */
  readonly #held = new LruMap<CollateralRecord>(MOST_HELD);
  /** Never in the cache: a refusal is no item. */
  readonly #refusals = new Map<string, Refusal>();

  constructor(options: KeeperOptions) {
    this.archive = new Archive(options.cache);
    this.#sources = options.sources;
    this.#timing = options.timing;
    this.#policy = { ...DEFAULT_KEEPING, ...options.policy };
  }

  /** The item, by the policy. Never rejects for what sources or the cached bytes are; rejects when the cache fails. */
  async get(item: Item, check: ItemCheck): Promise<ItemOutcome> {
    const key = itemKey(item);
    const held = this.#held.get(key);
    if (held !== undefined && this.#usable(item, held) && !this.#dueForRefresh(item, held)) {
      return { item, record: held, how: 'kept', findings: this.#ending(item, held) };
    }
    const found = await this.archive.current(key);
    const findings: FindingDraft[] = [];
    let kept: CollateralRecord | undefined;
    if (found !== undefined && 'damaged' in found) findings.push(damaged(item));
    else if (found !== undefined) {
      if (check(item, found.record) === undefined) kept = found.record;
      else {
        findings.push(damaged(item));
        await this.archive.drop(found.record);
      }
    }
    if (kept !== undefined && this.#usable(item, kept)) {
      if (this.#dueForRefresh(item, kept)) this.#refreshBehind(item, check);
      else this.#held.set(key, kept);
      return { item, record: kept, how: 'kept', findings: [...findings, ...this.#ending(item, kept)] };
    }
    const outcome = await this.#flights.run(key, () => this.#fetch(item, check));
    const withOwn = { ...outcome, findings: [...findings, ...outcome.findings] };
    return outcome.how === 'fetched' ? withOwn : this.#fallBack(item, kept, withOwn);
  }

  /** Fetches the item now, whatever is kept. What is kept stays if that fails. */
  async refresh(item: Item, check: ItemCheck): Promise<ItemOutcome> {
    this.#refusals.delete(itemKey(item));
    return this.#flights.run(itemKey(item), () => this.#fetch(item, check));
  }

  /** The item as of another time: from what was kept, never from a source. */
  async asOf(item: Item, at: Date, check: ItemCheck): Promise<ItemOutcome> {
    const record = await this.archive.asOf(itemKey(item), at);
    if (record === undefined || check(item, record) !== undefined) return { item, how: 'none', findings: [] };
    return { item, record, how: 'kept', findings: [] };
  }

  /** Takes a record that came another way than by a source. It is kept if it holds; a current one is replaced only by a later issue. */
  async take(item: Item, record: CollateralRecord, check: ItemCheck): Promise<string | undefined> {
    const wrong = check(item, record);
    if (wrong !== undefined) return wrong;
    await this.archive.keep(record, this.#timing.now());
    this.#held.clear();
    return undefined;
  }

  /** Waits for requests in the background. */
  idle(): Promise<void> {
    return this.#flights.idle();
  }

  async #fetch(item: Item, check: ItemCheck): Promise<ItemOutcome> {
    const key = itemKey(item);
    const now = this.#timing.now();
    const refusal = this.#refusals.get(key);
    if (refusal !== undefined && refusal.until > now) return refusal.outcome;
    this.#refusals.delete(key);

    const sources = this.#sources.filter((source) => source.provides(item));
    const failures: [source: string, failure: SourceFailure][] = [];
    let lastResort: CollateralRecord | undefined;
    for (const source of sources) {
      const result = await source.fetch(item);
      if (result.kind === 'failure') {
        failures.push([source.name, result.failure]);
        continue;
      }
      const record = this.#record(key, source.name, result.answer);
      const wrong = check(item, record);
      if (wrong !== undefined) {
        failures.push([source.name, { kind: 'form', what: notVerified(wrong) }]);
      } else if (timeFinding(item, record, new Date(this.#timing.now())) !== undefined) {
        // Signed, but not of now: a cache that is behind. Another source may do better.
        lastResort ??= record;
      } else {
        const current = await this.archive.keep(record, this.#timing.now());
        this.#held.set(key, current);
        return { item, record: current, how: 'fetched', findings: this.#report(item, failures, sources.length, true) };
      }
    }
    return this.#refuse(item, key, lastResort, failures, sources.length);
  }

  #refuse(
    item: Item,
    key: string,
    record: CollateralRecord | undefined,
    failures: readonly [string, SourceFailure][],
    sources: number,
  ): ItemOutcome {
    const times = failures.flatMap(([, failure]) => ('nextAt' in failure ? [failure.nextAt] : []));
    const until = Math.min(...(times.length === 0 ? [this.#timing.now() + this.#policy.negativeMs] : times));
    const none = sources === 0 && record === undefined ? [missingFinding(item)] : [];
    const outcome: ItemOutcome = {
      item,
      ...(record === undefined ? {} : { record }),
      how: 'none',
      findings: [...none, ...this.#report(item, failures, sources, false)],
      nextAt: until,
    };
    if (this.#refusals.size >= MOST_REFUSALS) this.#refusals.delete(this.#refusals.keys().next().value ?? '');
    this.#refusals.set(key, { until, outcome });
    return outcome;
  }

  /** No source had a good one: the kept one within the allowance, or whatever is there with the reason it is not good. */
  #fallBack(item: Item, kept: CollateralRecord | undefined, outcome: ItemOutcome): ItemOutcome {
    const record = newer(kept, outcome.record);
    if (record === undefined) return outcome;
    const now = this.#timing.now();
    const end = this.#end(item, record);
    const future = record.issued !== undefined && record.issued.getTime() > now;
    if (!future && now < end + this.#policy.staleIfErrorMs) {
      const stale = staleFinding(item, record, new Date(end), new Date(now), this.#policy.staleIfErrorMs);
      // The failures explain why, but the item is there: they do not refuse.
      const warnings = outcome.findings.map(asWarning);
      return { ...outcome, record, how: 'stale', findings: [...warnings, stale] };
    }
    const finding = timeFinding(item, record, new Date(now));
    return { ...outcome, record, findings: [...outcome.findings, ...(finding === undefined ? [] : [finding])] };
  }

  #report(
    item: Item,
    failures: readonly [string, SourceFailure][],
    sources: number,
    answered: boolean,
  ): readonly FindingDraft[] {
    const queued = this.#flights.waiting(itemKey(item));
    return failures.map(([host, failure], index) => {
      const position = { host, tried: index + 1, sources, queued };
      const finding = failureFinding(item, failure, position, new Date(this.#timing.now()));
      return answered ? asWarning(finding) : finding;
    });
  }

  #record(key: string, from: string, answer: Answer): CollateralRecord {
    return { key, ...answer, fetchedAt: new Date(this.#timing.now()), fetchedFrom: from };
  }

  #usable(item: Item, record: CollateralRecord): boolean {
    const now = this.#timing.now();
    return now < this.#end(item, record) && (record.issued === undefined || record.issued.getTime() <= now);
  }

  /** When it stops being used without a question: the vendor's date or our own age limit. */
  #end(item: Item, record: CollateralRecord): number {
    if (immutable(item)) return Number.POSITIVE_INFINITY;
    const end = record.nextUpdate?.getTime() ?? Number.POSITIVE_INFINITY;
    // Behind an air gap nothing could be asked: the vendor's date alone counts.
    if (!this.#sources.some((source) => source.provides(item))) return end;
    return Math.min(end, record.fetchedAt.getTime() + this.#policy.expireAfterMs);
  }

  #dueForRefresh(item: Item, record: CollateralRecord): boolean {
    if (immutable(item) || !this.#sources.some((source) => source.provides(item))) return false;
    const now = this.#timing.now();
    return now >= record.fetchedAt.getTime() + this.#policy.refreshAfterMs;
  }

  #refreshBehind(item: Item, check: ItemCheck): void {
    // A failure is no news while the kept item is good; it is remembered as a refusal and shows in the status.
    this.#flights.run(itemKey(item), () => this.#fetch(item, check)).catch(() => undefined);
  }

  #ending(item: Item, record: CollateralRecord): readonly FindingDraft[] {
    const now = this.#timing.now();
    const end = record.nextUpdate?.getTime();
    if (end === undefined || end - now > this.#policy.endingMs) return [];
    const finding = timeFinding(item, record, new Date(now), true);
    return finding === undefined ? [] : [finding];
  }
}

function newer(a: CollateralRecord | undefined, b: CollateralRecord | undefined): CollateralRecord | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return (b.nextUpdate ?? 0) > (a.nextUpdate ?? 0) ? b : a;
}

function damaged(item: Item): FindingDraft {
  return asWarning(failed('collateral.cache.record', { subject: itemName(item), params: { item: itemName(item) } }));
}

/** Said, but not in the way of anything. */
function asWarning(finding: FindingDraft): FindingDraft {
  return finding.outcome === 'fail' ? { ...finding, outcome: 'warn' } : finding;
}
