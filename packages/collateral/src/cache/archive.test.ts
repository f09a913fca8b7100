import { describe, expect, test } from 'vitest';
import { type CollateralRecord, encodeRecord } from '../item/record.js';
import { Archive } from './archive.js';
import { memoryCache } from './cache.js';

const DAY = 86_400_000;
const START = Date.parse('2026-03-01T00:00:00Z');
const day = (count: number): Date => new Date(START + count * DAY);

function issue(from: number, to: number, byte = from): CollateralRecord {
  return {
    key: 'intel/root-crl',
    pieces: { root_ca_crl: Uint8Array.of(byte & 0xff) },
    issued: day(from),
    nextUpdate: day(to),
    fetchedAt: day(from),
    fetchedFrom: 'vendor.example',
  };
}

describe('archive', () => {
  test('as of a date: the last issue that had begun and not ended', async () => {
    const archive = new Archive(memoryCache());
    for (const record of [issue(0, 10), issue(5, 15), issue(20, 30)]) await archive.keep(record, day(40).getTime());
    const at = async (count: number) => (await archive.asOf('intel/root-crl', day(count)))?.issued;
    expect([await at(-1), await at(1), await at(7), await at(12)]).toEqual([undefined, day(0), day(5), day(5)]);
    expect([await at(17), await at(25), await at(31)]).toEqual([undefined, day(20), undefined]);
  });

  test('a record under the name of another is dropped', async () => {
    const cache = memoryCache();
    const archive = new Archive(cache);
    await cache.put('current/intel/pck-crl/platform', encodeRecord(issue(0, 10)));
    expect(await archive.current('intel/pck-crl/platform')).toEqual({ damaged: true });
    expect(await cache.list('')).toEqual([]);
  });

  test('keeps the newest issue as the current one, unless it is of the future', async () => {
    const archive = new Archive(memoryCache());
    await archive.keep(issue(5, 15), day(6).getTime());
    expect((await archive.keep(issue(0, 10), day(6).getTime())).issued).toEqual(day(5));
    await archive.keep(issue(9, 19), day(6).getTime());
    expect((await archive.keep(issue(6, 16), day(6).getTime())).issued).toEqual(day(6));
  });

  test('keeps a limited number of issues', async () => {
    const cache = memoryCache();
    const archive = new Archive(cache);
    for (let count = 0; count < 30; count += 1) await archive.keep(issue(count, count + 10), day(count).getTime());
    expect(await cache.list('issue/')).toHaveLength(12);
    expect((await archive.asOf('intel/root-crl', day(5)))?.issued).toBeUndefined();
  });
});
