import { utc } from '@assay/bytes/findings';
import type { Archive } from './cache/archive.js';
import { itemName } from './item/item.js';
import { parseItemKey } from './item/parse-key.js';

/** One line of `assay collateral status`. */
export interface ItemStatus {
  readonly key: string;
  readonly item: string;
  readonly state: 'good' | 'ending' | 'ended' | 'not-yet-valid';
  readonly issued?: string;
  readonly next_update?: string;
  readonly fetched_at: string;
  readonly fetched_from: string;
}

/** Everything that is kept, what ends first on top. @param endingMs from how far before its end an item counts as ending */
export async function collateralStatus(
  archives: readonly Archive[],
  now: Date,
  endingMs: number,
): Promise<readonly ItemStatus[]> {
  const records = new Map(
    (await Promise.all(archives.map((archive) => archive.all()))).flat().map((one) => [one.key, one]),
  );
  const sorted = [...records.values()].sort(
    (a, b) => (a.nextUpdate?.getTime() ?? Infinity) - (b.nextUpdate?.getTime() ?? Infinity) || (a.key < b.key ? -1 : 1),
  );
  return sorted.map(({ key, issued, nextUpdate, fetchedAt, fetchedFrom }) => {
    const item = parseItemKey(key);
    return {
      key,
      item: item === undefined ? key : itemName(item),
      state: stateOf(issued, nextUpdate, now, endingMs),
      ...(issued === undefined ? {} : { issued: utc(issued) }),
      ...(nextUpdate === undefined ? {} : { next_update: utc(nextUpdate) }),
      fetched_at: utc(fetchedAt),
      fetched_from: fetchedFrom,
    };
  });
}

function stateOf(issued: Date | undefined, end: Date | undefined, now: Date, endingMs: number): ItemStatus['state'] {
  if (issued !== undefined && issued > now) return 'not-yet-valid';
  if (end === undefined) return 'good';
  if (end <= now) return 'ended';
  return end.getTime() - now.getTime() <= endingMs ? 'ending' : 'good';
}
