import { encodeHex, type JsonObject } from '@assay/bytes';
import {
  AmdCollateral,
  type AmdRequest,
  Budget,
  type CollateralCache,
  type CollateralSet,
  Fetcher,
  kdsSource,
  leafStoreSource,
  memoryCache,
  nodeTransport,
} from '@assay/collateral';
import { createSnpVerifier } from '@assay/evidence';
import { snpNeeds } from '@assay/evidence/snp';
import { parseCertificate } from '@assay/evidence/x509';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AmdChip, type EmulatedService, snpEvidence, startEmulatedKds, type TestWorld } from '../index.js';
import { createCachedTestWorld } from '../testing/index.js';

const START = Date.parse('2026-03-01T12:00:00Z');
const DAY = 86_400_000;

let now = START;
let world: TestWorld;
let kds: EmulatedService;
const slept: number[] = [];

beforeEach(async () => {
  now = START;
  slept.length = 0;
  world = await createCachedTestWorld(() => new Date(now));
  kds = await startEmulatedKds(world);
}, 60_000);
afterEach(() => kds.close());

const timing = {
  now: () => now,
  sleep: async (ms: number) => {
    slept.push(ms);
    now += ms;
  },
  random: () => 0.5,
};

function client(
  cache: CollateralCache = memoryCache(),
  store?: (hwId: string) => Uint8Array | undefined,
  maxWaitMs = 15_000,
): AmdCollateral {
  const fetcher = (requests: number, intervalMs: number): Fetcher =>
    new Fetcher({
      transport: nodeTransport({ allowHttp: true }),
      timing,
      budget: new Budget({ requests, intervalMs }, timing.now),
      policy: { maxWaitMs },
    });
  const vendor = kdsSource({ url: kds.url, vcekFetcher: fetcher(1, 10_000), fetcher: fetcher(100, 60_000) });
  const own =
    store === undefined
      ? []
      : [leafStoreSource({ name: 'folder', vcek: async (_, hwId) => store(hwId), vlek: async () => undefined })];
  const anchors = world.anchors(['Milan', 'Genoa', 'Turin']).amd;
  return new AmdCollateral({ sources: [...own, vendor], cache, timing, anchors });
}

function requestOf({ product, chipId, tcb }: AmdChip): AmdRequest {
  const hwId = encodeHex(chipId.subarray(0, product === 'Turin' ? 8 : 64));
  return { product, key: 'vcek', leaf: { hwId, tcb } };
}

const ids = (set: CollateralSet): readonly string[] => set.findings.map(({ id, outcome }) => `${outcome} ${id}`);

test.each(['Milan', 'Genoa', 'Turin'] as const)('a set of %s verifies a report', async (product) => {
  const chip = world.amd.chip('one', product);
  const set = await client().get(requestOf(chip));
  expect(set.findings).toEqual([]);
  expect(set.complete).toBe(true);
  const verifier = createSnpVerifier({ emulatedRoots: world.anchors(['Milan', 'Genoa', 'Turin']).amd });
  const result = verifier.verify({
    evidence: snpEvidence(world, new Uint8Array(48), { chip, certificates: 'none' }),
    endorsements: set.endorsements,
    reportData: undefined,
    initData: undefined,
    now: new Date(now),
  });
  expect(result.findings.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
  expect(result.accepted).toBe(true);
});

test('a VCEK is fetched once per chip and TCB, ever', async () => {
  const cache = memoryCache();
  const request = requestOf(world.amd.chip());
  await Promise.all(Array.from({ length: 5 }, () => client(cache).get(request)));
  const asked = kds.requests('vcek');
  now += 3000 * DAY;
  await client(cache).get(request);
  await client(cache).refresh(request);
  expect(kds.requests('vcek')).toBe(asked);
  expect(kds.requests('crl')).toBeGreaterThan(1);
});

test('VCEKs are asked for one in ten seconds; who would wait too long is told when', async () => {
  const collateral = client();
  const chips = ['a', 'b', 'c', 'd'].map((id) => world.amd.chip(id));
  const sets = [];
  for (const chip of chips.slice(0, 2)) sets.push(await collateral.get(requestOf(chip)));
  expect(sets.every(({ complete }) => complete)).toBe(true);
  expect(slept).toEqual([10_000]);
  const impatient = client(memoryCache(), undefined, 5_000);
  const [third, fourth] = chips.slice(2).map(requestOf);
  await impatient.get(third as AmdRequest);
  const told = await impatient.get(fourth as AmdRequest);
  expect(ids(told)).toEqual(['fail collateral.source.budget']);
  expect([told.complete, told.nextAt]).toEqual([false, now + 10_000]);
});

test.each([
  ['404', { kind: 'status', status: 404 }, 'fail collateral.source.known'],
  ['429', { kind: 'status', status: 429, retryAfter: 60 }, 'fail collateral.source.throttled'],
  ['truncated', { kind: 'truncated' }, 'fail collateral.source.reachable'],
  [
    'another certificate',
    {
      kind: 'answer',
      change: () => ({
        status: 200,
        headers: {},
        body: world.amd.vcek(world.amd.chip('x'), undefined, { leaf: { signer: world.amd.pki.arkKey('Milan') } }).der,
      }),
    },
    'fail collateral.answer.form',
  ],
  [
    'no certificate',
    { kind: 'answer', change: () => ({ status: 200, headers: {}, body: Buffer.from('busy') }) },
    'fail collateral.answer.form',
  ],
] as const)('VCEK: %s is said and never kept', async (_, failure, finding) => {
  const cache = memoryCache();
  kds.order('vcek', failure);
  const set = await client(cache).get(requestOf(world.amd.chip()));
  expect(ids(set)).toEqual([finding]);
  expect(set.complete).toBe(false);
  expect(await cache.list('current/amd/vcek')).toEqual([]);
});

test.each([
  ["of somebody else's root", true],
  ['of the known root, which did not sign it', false],
])('a chain %s is not kept, and nothing under it', async (_, root) => {
  const cache = memoryCache();
  const { amd } = world;
  const signer = amd.pki.intermediateKey('asvk', 'Milan');
  // Without the identifier of the true ARK's key nothing but the signature speaks of who issued it.
  const extensions = amd.intermediate('ask', 'Milan').fields.extensions.filter(({ oid }) => oid !== '2.5.29.35');
  const middle = amd.intermediate('ask', 'Milan', { intermediate: { signer, extensions } });
  const top = amd.ark('Milan', root ? { ark: { key: signer } } : {});
  kds.order('cert_chain', {
    kind: 'answer',
    change: (answer) => ({ ...answer, body: Buffer.from(middle.pem + top.pem) }),
  });
  const set = await client(cache).get(requestOf(amd.chip()));
  expect(new Set(ids(set))).toEqual(new Set(['fail collateral.answer.form']));
  expect(set.findings[0]?.title).toContain(root ? 'no known ARK' : 'not signed by');
  expect(await cache.list('')).toEqual([]);
});

test('a chain without its intermediate is not kept', async () => {
  const cache = memoryCache();
  const body = Buffer.from(world.amd.ark('Milan').pem);
  kds.order('cert_chain', { kind: 'answer', change: (answer) => ({ ...answer, body }) });
  const set = await client(cache).get(requestOf(world.amd.chip()));
  expect(set.findings[0]?.title).toContain('2 are right');
  expect(await cache.list('')).toEqual([]);
});

test('CRLs: of another product, not signed by the ARK, ended', async () => {
  const request = requestOf(world.amd.chip());
  const { leaf: _, ...chainOnly } = request;
  world.amd.orders = { crl: { signer: world.amd.pki.intermediateKey('ask', 'Milan') } };
  expect(ids(await client().get(chainOnly))).toEqual(['fail collateral.answer.form']);
  world.amd.orders = {};
  kds.order('crl', { kind: 'answer', change: (answer) => ({ ...answer, body: world.amd.crl('Genoa') }) }, 1);
  expect(ids(await client().get(chainOnly))).toEqual(['fail collateral.answer.form']);
  world.amd.orders = { crl: { thisUpdate: new Date(now - 9 * DAY), nextUpdate: new Date(now - DAY) } };
  const ended = await client().get(chainOnly);
  expect(ids(ended)).toEqual(['fail collateral.item.expired']);
  expect(ended.complete).toBe(false);
});

test('a VLEK comes from the owner’s store, verifies a report, and is fetched again once it has ended', async () => {
  const chip = world.amd.chip();
  let vlek = world.amd.vlek(chip).der;
  const store = leafStoreSource({ name: 'folder', vcek: async () => undefined, vlek: async () => vlek });
  const fetcher = new Fetcher({
    transport: nodeTransport({ allowHttp: true }),
    timing,
    budget: new Budget({ requests: 100, intervalMs: 60_000 }, timing.now),
  });
  const anchors = world.anchors(['Milan']).amd;
  const sources = [store, kdsSource({ url: kds.url, vcekFetcher: fetcher, fetcher })];
  const cache = memoryCache();
  const collateral = new AmdCollateral({ sources, cache, timing, anchors });
  const request = { product: 'Milan', key: 'vlek', leaf: { tcb: chip.tcb } } as const;
  const set = await collateral.get(request);
  expect([set.complete, ids(set)]).toEqual([true, []]);
  expect(set.uses.map(({ item }) => item)).toContain('VLEK (Milan)');
  const result = createSnpVerifier({ emulatedRoots: anchors }).verify({
    evidence: snpEvidence(world, new Uint8Array(48), { chip, signer: 'vlek', certificates: 'none' }),
    endorsements: set.endorsements,
    reportData: undefined,
    initData: undefined,
    now: new Date(now),
  });
  expect(result.findings.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
  expect(result.accepted).toBe(true);

  const { notAfter } = parseCertificate(vlek);
  now = notAfter.getTime() + 1;
  expect(ids(await collateral.get(request))).toContain('fail collateral.item.expired');
  vlek = world.amd.vlek(chip, chip.tcb, { leaf: { notAfter: new Date(now + 365 * DAY) } }).der;
  now += 60_000;
  expect((await collateral.get(request)).complete).toBe(true);
});

test('a VLEK that is not in the store: whom to ask is said; nobody asks AMD', async () => {
  const request = { product: 'Milan', key: 'vlek', leaf: { tcb: world.amd.chip().tcb } } as const;
  const missing = await client(memoryCache(), () => undefined).get(request);
  expect(missing.complete).toBe(false);
  expect(missing.findings).toContainEqual(
    expect.objectContaining({ id: 'collateral.source.known', remedy: expect.stringContaining('ask yours for it') }),
  );
  expect(kds.log.filter((path) => !/\/vlek\/v1\/Milan\/(cert_chain|crl)$/.test(path))).toEqual([]);
  // Without a store the set lacks nothing that could be had; the verifier says that the leaf is missing.
  expect((await client().get(request)).complete).toBe(true);
});

test.each([
  ['a VCEK where a VLEK is due', () => world.amd.vcek(world.amd.chip()).der],
  ['two certificates', () => Buffer.concat([world.amd.vlek(world.amd.chip()).der, world.amd.ark('Milan').der])],
  [
    'of somebody else',
    () => world.amd.vlek(world.amd.chip(), undefined, { leaf: { signer: world.amd.pki.arkKey('Milan') } }).der,
  ],
])('VLEK: %s is not kept', async (_, der) => {
  const cache = memoryCache();
  const sources = [leafStoreSource({ name: 'folder', vcek: async () => undefined, vlek: async () => der() })];
  const chainOf = client(cache);
  const request = { product: 'Milan', key: 'vlek', leaf: { tcb: world.amd.chip().tcb } } as const;
  await chainOf.get(request);
  const collateral = new AmdCollateral({ sources, cache, timing, anchors: world.anchors(['Milan']).amd });
  expect(ids(await collateral.get(request))).toContain('fail collateral.answer.form');
  expect(await cache.list('current/amd/vlek')).toEqual([]);
});

test('a store of the owner comes before the vendor', async () => {
  const chip = world.amd.chip();
  const der = world.amd.vcek(chip).der;
  const stored = await client(memoryCache(), () => der).get(requestOf(chip));
  expect(stored.complete).toBe(true);
  expect(kds.requests('vcek')).toBe(0);
  const missing = await client(memoryCache(), () => undefined).get(requestOf(chip));
  expect(missing.complete).toBe(true);
  expect(ids(missing)).toEqual(['warn collateral.source.known']);
  const broken = await client(memoryCache(), () => {
    throw new Error('EIO');
  }).get(requestOf(chip));
  expect(ids(broken)).toEqual(['warn collateral.source.reachable']);
});

test.each<[string, (chip: AmdChip) => Uint8Array, string]>([
  ['of the TCB before', (chip) => world.amd.vcek(chip, { ...chip.tcb, snp: chip.tcb.snp - 1 }).der, 'snp SPL is'],
  ['of another chip', (chip) => world.amd.vcek({ ...world.amd.chip('other'), tcb: chip.tcb }).der, 'is of chip'],
])('a VCEK %s in the store gives way to the right one, and is never kept', async (_, der, words) => {
  const chip = world.amd.chip();
  const cache = memoryCache();
  const set = await client(cache, () => der(chip)).get(requestOf(chip));
  expect(ids(set)).toEqual(['warn collateral.answer.form']);
  expect(set.findings[0]?.title).toContain(words);
  expect(set.complete).toBe(true);
  expect(kds.requests('vcek')).toBe(1);
  // Releases before this one kept what came: it is dropped at the next use.
  const [name = ''] = await cache.list('current/amd/vcek');
  const kept = JSON.parse(Buffer.from((await cache.get(name)) ?? []).toString()) as { pieces: { leaf: string } };
  kept.pieces.leaf = Buffer.from(der(chip)).toString('base64');
  await cache.put(name, Buffer.from(JSON.stringify(kept)));
  const again = await client(cache).get(requestOf(chip));
  expect(ids(again)).toEqual(['warn collateral.cache.record']);
  expect(kds.requests('vcek')).toBe(2);
});

test.each([
  ['of another product', 'ask', 'Genoa', 'is of SEV-Genoa, not SEV-Milan'],
  ['of VLEKs', 'asvk', 'Milan', 'is of SEV-VLEK-Milan'],
] as const)('a chain %s is not kept', async (_, middle, product, words) => {
  const cache = memoryCache();
  const body = Buffer.from(world.amd.intermediate(middle, product).pem + world.amd.ark(product).pem);
  kds.order('cert_chain', { kind: 'answer', change: (answer) => ({ ...answer, body }) });
  const set = await client(cache).get(requestOf(world.amd.chip()));
  expect(set.findings[0]?.title).toContain(words);
  expect(await cache.list('')).toEqual([]);
});

test('a VLEK of another TCB is not kept', async () => {
  const chip = world.amd.chip();
  const cache = memoryCache();
  await client(cache).get({ product: 'Milan', key: 'vlek' });
  const old = world.amd.vlek(chip, { ...chip.tcb, microcode: chip.tcb.microcode - 1 }).der;
  const sources = [leafStoreSource({ name: 'folder', vcek: async () => undefined, vlek: async () => old })];
  const collateral = new AmdCollateral({ sources, cache, timing, anchors: world.anchors(['Milan']).amd });
  const set = await collateral.get({ product: 'Milan', key: 'vlek', leaf: { tcb: chip.tcb } });
  expect(set.findings.map(({ title }) => title).join()).toContain('microcode SPL is');
  expect(await cache.list('current/amd/vlek')).toEqual([]);
});

test('a host that left the VCEK of its last TCB in place: the right one is fetched, and used', async () => {
  const chip = world.amd.chip();
  const stale = world.amd.vcek(chip, { ...chip.tcb, microcode: chip.tcb.microcode - 1 }).der;
  const bare = snpEvidence(world, new Uint8Array(48), { chip, certificates: 'none' }) as JsonObject;
  const evidence = { ...bare, cert_chain: [{ cert_type: 'VCEK', data: [...stale] }] };
  expect(snpNeeds(evidence)).toMatchObject({ suppliesLeaf: false, tcb: chip.tcb });
  const { endorsements } = await client().get(requestOf(chip));
  const verifier = createSnpVerifier({ emulatedRoots: world.anchors(['Milan']).amd });
  const asked = { evidence, reportData: undefined, initData: undefined, now: new Date(now) };
  expect(verifier.verify({ ...asked, endorsements }).accepted).toBe(true);
  const { leaf: _, ...others } = endorsements;
  expect(verifier.verify({ ...asked, endorsements: others }).accepted).toBe(false);
});
