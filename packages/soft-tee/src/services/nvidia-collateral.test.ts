import { Budget, Fetcher, memoryCache, nodeTransport, rimSource } from '@assay/collateral';
import { NvidiaCollateral, NvidiaManifests, NvidiaRemote, NvidiaRevocation } from '@assay/collateral/nvidia';
import { type Demand, NRAS_KEYS, nvidiaTrust } from '@assay/evidence/nvidia';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { nvidiaEvidence } from '../attester/nvidia.js';
import { driverName, vbiosName } from '../nvidia/nvidia.js';
import { createTestWorld } from '../world.js';
import type { EmulatedService } from './http.js';
import { startEmulatedNvidia } from './nvidia.js';

const START = Date.parse('2026-03-01T12:00:00Z');
let now = START;
const world = createTestWorld({
  now: () => new Date(now),
  random: (n) => new Uint8Array(n),
  seed: new Uint8Array(32).fill(5),
});
const gpu = world.nvidia.device();
const trust = nvidiaTrust(world.anchors().nvidia);
const evidence = nvidiaEvidence(world, new Uint8Array(48), { devices: [gpu, world.nvidia.device('gpu-2')] });
const names = [driverName(gpu), vbiosName(gpu)].map((name) => `rim:${name}`);
const timing = {
  now: () => now,
  sleep: async (ms: number) => {
    now += ms;
  },
  random: () => 0,
};
let service: EmulatedService;
/** Long: the machines that run tests are busy. */
let timeoutMs = 20_000;

beforeAll(async () => {
  service = await startEmulatedNvidia(world);
});
beforeEach(() => {
  now = START;
  timeoutMs = 20_000;
  service.restore();
  world.nvidia.orders = {};
});
afterAll(() => service.close());

const fetcher = (): Fetcher =>
  new Fetcher({
    transport: nodeTransport({ allowHttp: true }),
    timing,
    budget: new Budget({ requests: 1000, intervalMs: 1000 }, timing.now),
    policy: { timeoutMs, attempts: 2 },
  });

function client(demand: Demand = 'required', kind: 'local' | 'remote' = 'local'): NvidiaCollateral {
  const common = { trust, rim: demand, ocsp: demand };
  if (kind === 'remote') {
    const remote = new NvidiaRemote({ url: `${service.url}/v4/attest`, fetcher: fetcher(), timing });
    return new NvidiaCollateral({ ...common, remote });
  }
  return new NvidiaCollateral({
    ...common,
    manifests: new NvidiaManifests({
      sources: [rimSource({ url: service.url, fetcher: fetcher() })],
      cache: memoryCache(),
      timing,
      anchors: trust.manifests,
    }),
    revocation: new NvidiaRevocation({ url: `${service.url}/ocsp`, fetcher: fetcher(), timing }),
  });
}

const get = (from: NvidiaCollateral, of = evidence) => from.get(of, new Date(now));
const outcomes = (set: { readonly findings: readonly { readonly outcome: string }[] }): string[] => [
  ...new Set(set.findings.map(({ outcome }) => outcome)),
];

describe('verification here', () => {
  test('manifests and answers for every device, each asked for once', async () => {
    const from = client();
    const before = service.requests();
    const set = await get(from);
    expect(set.findings).toEqual([]);
    const keys = Object.keys(set.endorsements);
    expect(keys.filter((key) => key.startsWith('rim:')).sort()).toEqual([...names].sort());
    // Two boot ROMs, provisioner and identity; signer of the manifests and its issuer.
    expect(keys.filter((key) => key.startsWith('ocsp:'))).toHaveLength(6);
    expect(keys.filter((key) => key.startsWith('ocsp_nonce:'))).toHaveLength(6);
    expect(service.requests() - before).toBe(8);
    await get(from);
    expect(service.requests() - before).toBe(8);
  });

  test('answers of the responder are asked for again after an hour, with other nonces', async () => {
    const from = client();
    const first = await get(from);
    now += 3_600_001;
    const second = await get(from);
    const nonces = (set: typeof first): string[] =>
      Object.entries(set.endorsements).flatMap(([key, value]) =>
        key.startsWith('ocsp_nonce:') ? [Buffer.from(value).toString('hex')] : [],
      );
    expect(new Set([...nonces(first), ...nonces(second)]).size).toBe(12);
  });

  test('nothing is asked for evidence that is not authentic', async () => {
    const before = service.requests();
    const alter = (report: Uint8Array): Uint8Array => report.map((octet, at) => (at === 60 ? octet ^ 1 : octet));
    const stranger = createTestWorld({ now: () => new Date(now), random: (n) => new Uint8Array(n).fill(9) });
    for (const of of [
      nvidiaEvidence(world, new Uint8Array(48), { devices: [{ device: gpu, alter }] }),
      nvidiaEvidence(stranger, new Uint8Array(48)),
      {},
    ]) {
      expect(await get(client(), of)).toEqual({ endorsements: {}, findings: [], uses: [] });
    }
    expect(service.requests()).toBe(before);
  });

  test('with `off` nothing is asked', async () => {
    const before = service.requests();
    expect((await get(client('off'))).endorsements).toEqual({});
    expect(service.requests()).toBe(before);
  });

  test.each([
    ['rim', { kind: 'status', status: 404 }],
    ['rim', { kind: 'status', status: 500 }],
    ['rim', { kind: 'truncated' }],
    ['rim', { kind: 'reset' }],
    ['rim', { kind: 'slow', ms: 900 }],
    ['rim', { kind: 'answer', change: () => ({ status: 200, headers: {}, body: Buffer.from('{}') }) }],
    ['rim', { kind: 'answer', change: () => ({ status: 200, headers: {}, body: Buffer.from('{"rim":"AAAA"}') }) }],
    ['ocsp', { kind: 'status', status: 404 }],
    ['ocsp', { kind: 'status', status: 500 }],
    ['ocsp', { kind: 'truncated' }],
    ['ocsp', { kind: 'reset' }],
    ['ocsp', { kind: 'slow', ms: 900 }],
    ['ocsp', { kind: 'answer', change: () => ({ status: 200, headers: {}, body: Buffer.from('x') }) }],
  ] as const)(
    '%s: %o leaves it out, refuses where it is required, and is a warning where it is not',
    async (route, failure) => {
      if (failure.kind === 'slow') timeoutMs = 200;
      service.order(route, failure);
      const required = await get(client());
      expect(outcomes(required)).toEqual(['fail']);
      expect(Object.keys(required.endorsements).some((key) => key.startsWith(route === 'rim' ? 'rim:' : 'ocsp:'))).toBe(
        false,
      );
      const optional = await get(client('optional'));
      expect(outcomes(optional)).toEqual(['warn']);
    },
  );

  test('a responder that is out is not asked again for a minute', async () => {
    service.order('ocsp', { kind: 'status', status: 404 });
    const from = client();
    await get(from);
    service.restore();
    const before = service.requests('ocsp');
    await get(from);
    expect(service.requests('ocsp')).toBe(before);
    now += 60_001;
    expect((await get(from)).findings).toEqual([]);
  });

  test.each<[string, NonNullable<typeof world.nvidia.orders.ocsp>]>([
    ['an answer for another nonce', { nonce: new Uint8Array(32) }],
    ['an answer that has ended', { nextUpdate: new Date(START - 1000) }],
    ['an answer of a stranger', { key: world.stranger('P-384') }],
  ])('%s is not kept', async (_, ocsp) => {
    world.nvidia.orders = { ocsp };
    const set = await get(client());
    expect(Object.keys(set.endorsements).filter((key) => key.startsWith('ocsp:'))).toEqual([]);
    expect(outcomes(set)).toEqual(['fail']);
  });

  test('a manifest that does not verify is not kept', async () => {
    world.nvidia.orders = { manifest: { key: world.stranger('P-384') } };
    const set = await get(client());
    expect(Object.keys(set.endorsements).filter((key) => key.startsWith('rim:'))).toEqual([]);
    expect(outcomes(set)).toEqual(['fail']);
  });

  test('manifests of a bundle are verified as if they were fetched', async () => {
    const [first = ''] = names;
    const id = first.slice('rim:'.length);
    const item = { kind: 'nvidia-rim', id } as const;
    const record = (rim: Uint8Array) => ({
      key: `nvidia/rim/${id}`,
      pieces: { rim },
      fetchedAt: new Date(now),
      fetchedFrom: 'bundle',
      issued: new Date(now - 1000),
      nextUpdate: new Date(now + 3_600_000),
    });
    const { manifests } = client();
    expect(await manifests?.take([[item, record(world.nvidia.manifest(id) ?? new Uint8Array(0))]])).toEqual([]);
    expect(await manifests?.take([[item, record(Uint8Array.of(1))]])).toHaveLength(1);
  });
});

describe('the remote service', () => {
  test('is asked once a device, and for its keys once an hour', async () => {
    const from = client('optional', 'remote');
    const [asked, keys] = [service.requests('attest'), service.requests('jwks')];
    const set = await get(from);
    expect(Object.keys(set.endorsements).sort()).toEqual(['nras:0', 'nras:1', NRAS_KEYS].sort());
    await get(from);
    expect([service.requests('attest') - asked, service.requests('jwks') - keys]).toEqual([4, 1]);
    now += 3_600_001;
    await get(from);
    expect(service.requests('jwks') - keys).toBe(2);
  });

  test.each([
    ['attest', { kind: 'status', status: 403 }, 'nras:0'],
    ['attest', { kind: 'reset' }, 'nras:0'],
    ['jwks', { kind: 'status', status: 404 }, NRAS_KEYS],
    ['jwks', { kind: 'answer', change: () => ({ status: 200, headers: {}, body: Buffer.from('<html>') }) }, NRAS_KEYS],
    ['jwks', { kind: 'answer', change: () => ({ status: 200, headers: {}, body: Buffer.from('[]') }) }, NRAS_KEYS],
  ] as const)('%s: %o leaves it out, and says so', async (route, failure, name) => {
    service.order(route, failure);
    const set = await get(client('optional', 'remote'));
    expect(set.endorsements).not.toHaveProperty([name]);
    expect(outcomes(set)).toEqual(['fail']);
  });
});
