import { randomBytes } from 'node:crypto';
import {
  Budget,
  type CollateralCache,
  Fetcher,
  HygonCollateral,
  hskCekFolder,
  hygonKdsSource,
  itemKey,
  memoryCache,
  nodeTransport,
  parseItemKey,
  type Source,
} from '@assay/collateral';
import { csvTrustIn, hskCekName } from '@assay/evidence/csv';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestWorld, type EmulatedService, startEmulatedHygonKds } from '../index.js';

const START = Date.parse('2026-03-01T12:00:00Z');
const DAY = 86_400_000;
const world = createTestWorld({ now: () => new Date(now), random: randomBytes });
const { hygon } = world;
const chip = hygon.chip();
let now = START;
let kds: EmulatedService;

beforeEach(async () => {
  now = START;
  kds = await startEmulatedHygonKds(world);
});
afterEach(() => kds.close());

const timing = {
  now: () => now,
  sleep: async (ms: number) => {
    now += ms;
  },
  random: () => 0.5,
};

function service(): Source {
  const fetcher = new Fetcher({
    transport: nodeTransport({ allowHttp: true }),
    timing,
    budget: new Budget({ requests: 60, intervalMs: 60_000 }, timing.now),
    policy: { maxWaitMs: 1000 },
  });
  return hygonKdsSource({ url: kds.url, fetcher });
}

function client(sources: readonly Source[] = [service()], cache: CollateralCache = memoryCache()): HygonCollateral {
  const trust = csvTrustIn([{ name: 'emulated HRK', bytes: hygon.hrk() }]);
  return new HygonCollateral({ sources, cache, timing, trust });
}
const ids = (findings: readonly { readonly id: string; readonly outcome: string }[]): string[] =>
  findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);

test('HSK and CEK are fetched once, ever, and named after the chip', async () => {
  const cache = memoryCache();
  const set = await client(undefined, cache).get({ serials: [chip.serial] });
  expect(set).toMatchObject({ complete: true, findings: [] });
  expect(set.endorsements[hskCekName(chip.serial)]).toEqual(hygon.hskCek(chip));
  expect(set.uses).toEqual([expect.objectContaining({ item: 'HSK and CEK' })]);
  expect(kds.log).toEqual([`/hsk_cek?snumber=${chip.serial}`]);
  now += 400 * DAY;
  const later = await client(undefined, cache).get({ serials: [chip.serial] });
  expect(later.complete).toBe(true);
  expect(kds.requests()).toBe(1);
});

test('of several chips each has its own', async () => {
  const chips = [hygon.chip('dcu-1'), hygon.chip('dcu-2')];
  const set = await client().get({ serials: chips.map(({ serial }) => serial) });
  for (const one of chips) expect(set.endorsements[hskCekName(one.serial)]).toEqual(hygon.hskCek(one));
});

test('a chip that nobody knows leaves the set incomplete', async () => {
  const set = await client().get({ serials: ['UNKNOWN1', chip.serial] });
  expect(set.complete).toBe(false);
  expect(Object.keys(set.endorsements)).toEqual([hskCekName(chip.serial)]);
  expect(ids(set.findings)).toContain('collateral.source.known');
});

test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
  ['cut', (bytes) => bytes.subarray(0, 2915)],
  ['with a byte behind it', (bytes) => Uint8Array.from([...bytes, 0])],
  ['of another root', () => createTestWorld({ now: () => new Date(now), random: randomBytes }).hygon.hskCek(chip)],
  ['changed', (bytes) => bytes.map((byte, index) => (index === 1000 ? byte ^ 1 : byte))],
])('an answer that is %s is neither kept nor handed out', async (_, change) => {
  kds.order('hsk_cek', { kind: 'answer', change: (answer) => ({ ...answer, body: change(answer.body) }) });
  const set = await client().get({ serials: [chip.serial] });
  expect(set).toMatchObject({ complete: false, endorsements: {} });
  expect(ids(set.findings)).not.toEqual([]);
});

test('a service that is out of reach is a finding', async () => {
  kds.order('*', { kind: 'reset' });
  const set = await client().get({ serials: [chip.serial] });
  expect(set.complete).toBe(false);
  expect(ids(set.findings)).toContain('collateral.source.reachable');
});

test('a folder is asked first, in the layout of Trustee’s offline store', async () => {
  const asked: string[] = [];
  const folder = hskCekFolder('folder', async (path) => {
    asked.push(path);
    return path === `${chip.serial}/hsk_cek.cert` ? hygon.hskCek(chip) : undefined;
  });
  const other = hygon.chip('elsewhere');
  const set = await client([folder, service()]).get({ serials: [chip.serial, other.serial] });
  expect(set.complete).toBe(true);
  expect(asked).toEqual([`${chip.serial}/hsk_cek.cert`, `${other.serial}/hsk_cek.cert`]);
  expect(kds.requests()).toBe(1);
});

test.each<[string, () => Promise<Uint8Array | undefined>, string]>([
  ['cannot be read', () => Promise.reject(new Error('EACCES')), 'collateral.source.reachable'],
  ['holds something else', async () => new Uint8Array(7), 'collateral.answer.form'],
])('a folder that %s is a finding', async (_, read, id) => {
  const set = await client([hskCekFolder('folder', read)]).get({ serials: [chip.serial] });
  expect(ids(set.findings)).toContain(id);
});

test('what is kept can be asked for as of an earlier time, and goes into bundles and out of them', async () => {
  const cache = memoryCache();
  await client(undefined, cache).get({ serials: [chip.serial] });
  now += DAY;
  const then = await client([], cache).get({ serials: [chip.serial], at: new Date(now) });
  expect(then.complete).toBe(true);
  const item = { kind: 'hsk-cek', serial: chip.serial } as const;
  const record = {
    key: itemKey(item),
    pieces: { hsk_cek: hygon.hskCek(chip) },
    fetchedAt: new Date(START),
    fetchedFrom: 'a bundle',
  };
  const target = client([]);
  expect(await target.take([[item, record]])).toEqual([]);
  expect((await target.get({ serials: [chip.serial] })).complete).toBe(true);
  const broken = { ...record, pieces: { hsk_cek: new Uint8Array(3) } };
  expect(await client([]).take([[item, broken]])).toEqual([expect.stringContaining('HSK and CEK: ')]);
});

test('serial numbers that would leave a path or a URL are no items', () => {
  expect(parseItemKey('hygon/hsk-cek/ABC1')).toEqual({ kind: 'hsk-cek', serial: 'ABC1' });
  for (const serial of ['', '..', '.', 'a/b', 'a?b', 'a b', 'x'.repeat(65)]) {
    expect(() => itemKey({ kind: 'hsk-cek', serial })).toThrow(RangeError);
    expect(parseItemKey(`hygon/hsk-cek/${serial}`)).toBeUndefined();
  }
});
