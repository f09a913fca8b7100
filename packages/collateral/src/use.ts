import { type CollateralUse, utc } from '@assay/bytes/findings';
import { type Item, itemName } from './item/item.js';
import type { CollateralRecord } from './item/record.js';

/** How a verdict lists what it rests on. */
export function useOf(item: Item, record: CollateralRecord, beyond: boolean): CollateralUse {
  const { issued, nextUpdate, fetchedAt, fetchedFrom } = record;
  return {
    item: itemName(item),
    ...(issued === undefined ? {} : { issued: utc(issued) }),
    ...(nextUpdate === undefined ? {} : { next_update: utc(nextUpdate) }),
    fetched_at: utc(fetchedAt),
    fetched_from: fetchedFrom,
    ...(beyond ? { used_beyond: true } : {}),
  };
}
