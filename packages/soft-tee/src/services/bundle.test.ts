import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { encodeHex } from '@assay/bytes';
import {
  AmdCollateral,
  Budget,
  type Bundle,
  collateralStatus,
  exportBundle,
  Fetcher,
  IntelCollateral,
  importBundle,
  kdsSource,
  memoryCache,
  nodeTransport,
  pcsSource,
  rawPublicKey,
  type Source,
  takeBundle,
} from '@assay/collateral';
import { collateralFromEndorsements, intelTrust, verifyCollateral } from '@assay/evidence/dcap';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EmulatedService, startEmulatedKds, startEmulatedPcs, type TestWorld } from '../index.js';
import { createCachedTestWorld } from '../testing/index.js';

const START = Date.parse('2026-03-01T12:00:00Z');
const DAY = 86_400_000;
const { privateKey } = generateKeyPairSync('ed25519');
const exporters = [{ name: 'outside', publicKey: rawPublicKey(privateKey) }];

let now = START;
let world: TestWorld;
let pcs: EmulatedService;
let kds: EmulatedService;
const timing = { now: () => now, sleep: async () => undefined, random: Math.random };

function clients(sources: { intel: readonly Source[]; amd: readonly Source[] }, roots = world) {
  const trust = intelTrust([roots.anchors().intel]);
  return {
    intel: new IntelCollateral({
      sources: sources.intel,
      cache: memoryCache(),
      timing,
      verify: (endorsements) => verifyCollateral(collateralFromEndorsements(endorsements), trust).findings,
    }),
    amd: new AmdCollateral({
      sources: sources.amd,
      cache: memoryCache(),
      timing,
      anchors: roots.anchors(['Milan']).amd,
    }),
  };
}

const requests = () => {
  const { fmspc, ca } = world.intel.platform();
  const chip = world.amd.chip();
  return {
    intel: { tee: 'tdx', fmspc, ca } as const,
    amd: { product: 'Milan', key: 'vcek', leaf: { hwId: encodeHex(chip.chipId), tcb: chip.tcb } } as const,
  };
};

let bundle: Bundle;
beforeAll(async () => {
  world = await createCachedTestWorld(() => new Date(now));
  [pcs, kds] = await Promise.all([startEmulatedPcs(world, { kind: 'pccs' }), startEmulatedKds(world)]);
  const fetcher = new Fetcher({
    transport: nodeTransport({ allowHttp: true }),
    timing,
    budget: new Budget({ requests: 100, intervalMs: 1000 }, timing.now),
  });
  const outside = clients({
    intel: [pcsSource({ kind: 'pccs', url: pcs.url, fetcher })],
    amd: [kdsSource({ url: kds.url, fetcher, vcekFetcher: fetcher })],
  });
  await outside.intel.get(requests().intel);
  await outside.amd.get(requests().amd);
  const records = [...(await outside.intel.keeper.archive.all()), ...(await outside.amd.keeper.archive.all())];
  const read = importBundle(exportBundle(records, privateKey, new Date(now)), exporters, 'b.json').bundle;
  if (read === undefined) throw new Error('the bundle is of a known exporter');
  bundle = read;
}, 60_000);
afterAll(() => Promise.all([pcs.close(), kds.close()]));

test('a bundle serves behind an air gap, until the vendor says it ends', async () => {
  now = START;
  const inside = clients({ intel: [], amd: [] });
  const before = await inside.intel.get(requests().intel);
  expect(before.findings.map(({ id }) => id)).toEqual(Array(4).fill('collateral.item.missing'));
  expect(await takeBundle(bundle, inside)).toEqual({ taken: 7, problems: [] });
  now = START + 1000;
  expect((await inside.amd.get(requests().amd)).findings).toEqual([]);
  // Refusals are remembered for a minute, but what came meanwhile is used.
  const set = await inside.intel.get(requests().intel);
  expect([set.complete, set.uses[0]?.fetched_from]).toEqual([true, 'bundle of outside']);
  now = START + 20 * DAY;
  expect((await inside.intel.get(requests().intel)).complete).toBe(true);
  now = START + 31 * DAY;
  const ended = await inside.intel.get(requests().intel);
  expect(ended.complete).toBe(false);
  expect(ended.findings.map(({ id }) => id)).toContain('collateral.item.expired');
  expect((await inside.amd.get(requests().amd)).complete).toBe(true);
});

test('records of a bundle are not believed for its signature', async () => {
  now = START;
  const stranger = await createCachedTestWorld(() => new Date(now), { keys: {}, seed: randomBytes(32) });
  const { intel } = clients({ intel: [], amd: [] }, { ...world, anchors: () => ({ ...stranger.anchors(), amd: [] }) });
  const result = await takeBundle(bundle, { intel });
  expect(result.taken).toBe(0);
  expect(result.problems).toHaveLength(4);
  expect(await intel.keeper.archive.all()).toEqual([]);
  const renamed = { ...bundle, records: bundle.records.map((record) => ({ ...record, key: 'intel/other' })) };
  expect((await takeBundle(renamed, { intel })).problems).toHaveLength(7);
});

test('an older bundle takes nothing back in time', async () => {
  now = START + 5 * DAY;
  const inside = clients({ intel: [pcsOf()], amd: [] });
  await inside.intel.get(requests().intel);
  const [newest] = (await inside.intel.keeper.archive.all()).map(({ issued }) => issued);
  await takeBundle(bundle, inside);
  expect((await inside.intel.keeper.archive.all()).map(({ issued }) => issued)).toContainEqual(newest);
  const set = await inside.intel.get(requests().intel);
  expect(set.uses[0]?.issued).toBe('2026-03-06T00:00:00Z');
  // It still serves for its own time.
  const then = await inside.intel.get({ ...requests().intel, at: new Date(START) });
  expect(then.uses[0]).toMatchObject({ issued: '2026-03-01T00:00:00Z', fetched_from: 'bundle of outside' });
});

test('status lists what is kept, what ends first on top', async () => {
  now = START;
  const inside = clients({ intel: [], amd: [] });
  await takeBundle(bundle, inside);
  const archives = [inside.intel.keeper.archive, inside.amd.keeper.archive];
  const states = async (days: number) =>
    (await collateralStatus(archives, new Date(START + days * DAY), 3 * DAY)).map(({ item, state }) => [item, state]);
  expect((await states(0)).map(([, state]) => state)).toEqual(Array(7).fill('good'));
  expect((await states(28))[0]?.[1]).toBe('ending');
  expect((await states(31))[0]?.[1]).toBe('ended');
  expect((await states(-10))[0]?.[1]).toBe('not-yet-valid');
  expect((await states(31)).at(-1)).toEqual(['VCEK', 'good']);
});

function pcsOf(): Source {
  const fetcher = new Fetcher({
    transport: nodeTransport({ allowHttp: true }),
    timing,
    budget: new Budget({ requests: 100, intervalMs: 1000 }, timing.now),
  });
  return pcsSource({ kind: 'pccs', url: pcs.url, fetcher });
}
