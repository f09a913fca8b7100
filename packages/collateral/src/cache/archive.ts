import { DecodeError } from '@assay/bytes';
import { type CollateralRecord, decodeRecord, encodeRecord } from '../item/record.js';
import type { CollateralCache } from './cache.js';

/** Issues kept beside the newest one, for verification as of a date. */
const KEPT_ISSUES = 12;

/** What a read gave: a record, nothing, or something that is no record (it is dropped). */
export type Found = { readonly record: CollateralRecord } | { readonly damaged: true } | undefined;

/**
 * Records in a cache: under `current/<item>` the newest issue, under `issue/<item>/<time>` the last ones. Keys of items hold
 * no `@`, so an issue of one item is never listed with another's.
 */
export class Archive {
  readonly #cache: CollateralCache;

  constructor(cache: CollateralCache) {
    this.#cache = cache;
  }

  async current(key: string): Promise<Found> {
    return this.#read(`current/${key}`, key);
  }

  /** The issue that was in force at a time: the last one issued before it that had not ended. */
  async asOf(key: string, at: Date): Promise<CollateralRecord | undefined> {
    let best: CollateralRecord | undefined;
    for (const name of [`current/${key}`, ...(await this.#cache.list(`issue/${key}@`))]) {
      const found = await this.#read(name, key);
      if (found === undefined || 'damaged' in found) continue;
      const { record } = found;
      if (record.issued !== undefined && record.issued > at) continue;
      if (record.nextUpdate !== undefined && record.nextUpdate < at) continue;
      if (best === undefined || (record.issued ?? 0) > (best.issued ?? 0)) best = record;
    }
    return best;
  }

  /**
   * Keeps a record. It becomes the current one unless a later issue is there: a source that lags behind must not take the
   * others back in time.
   *
   * @returns the current record
   */
  async keep(record: CollateralRecord, now: number): Promise<CollateralRecord> {
    const bytes = encodeRecord(record);
    const found = await this.current(record.key);
    const known = found !== undefined && 'record' in found ? found.record : undefined;
    const later = known !== undefined && supersedes(known, record, now);
    if (!later) await this.#cache.put(`current/${record.key}`, bytes);
    await this.#keepIssue(record, bytes);
    return later ? known : record;
  }

  /** Forgets the current issue: it did not verify. */
  async drop(record: CollateralRecord): Promise<void> {
    await this.#cache.delete(`current/${record.key}`);
    if (record.issued !== undefined) {
      await this.#cache.delete(`issue/${record.key}@${record.issued.toISOString()}`);
    }
  }

  /** Newest issue of every item. */
  async all(): Promise<readonly CollateralRecord[]> {
    const records: CollateralRecord[] = [];
    for (const name of await this.#cache.list('current/')) {
      const found = await this.#read(name, name.slice('current/'.length));
      if (found !== undefined && 'record' in found) records.push(found.record);
    }
    return records;
  }

  async #keepIssue(record: CollateralRecord, bytes: Uint8Array): Promise<void> {
    if (record.issued === undefined) return;
    await this.#cache.put(`issue/${record.key}@${record.issued.toISOString()}`, bytes);
    const issues = await this.#cache.list(`issue/${record.key}@`);
    for (const old of issues.slice(0, Math.max(0, issues.length - KEPT_ISSUES))) await this.#cache.delete(old);
  }

  async #read(name: string, key: string): Promise<Found> {
    const bytes = await this.#cache.get(name);
    if (bytes === undefined) return undefined;
    try {
      const record = decodeRecord(bytes);
      // A record under another item's name would be used for the wrong machine.
      if (record.key !== key) throw new DecodeError('collateral record', 'key differs from its place');
      return { record };
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      await this.#cache.delete(name);
      return { damaged: true };
    }
  }
}

/** A known record issued later stands, unless it is of the future: such a one must not keep good ones out. */
function supersedes(known: CollateralRecord, record: CollateralRecord, now: number): boolean {
  if (known.issued === undefined || record.issued === undefined) return false;
  return known.issued > record.issued && known.issued.getTime() <= now;
}
