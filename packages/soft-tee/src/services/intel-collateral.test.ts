import { randomBytes } from 'node:crypto';
import { decodeUtf8, encodeUtf8, type JsonObject } from '@assay/bytes';
import {
  Budget,
  type BudgetLimit,
  type CollateralCache,
  type CollateralSet,
  decodeRecord,
  encodeRecord,
  Fetcher,
  IntelCollateral,
  type IntelRequest,
  itemKey,
  type KeepingPolicy,
  memoryCache,
  nodeTransport,
  type PcsSourceOptions,
  pcsSource,
  type RetryPolicy,
} from '@assay/collateral';
import { createSgxVerifier, createTdxVerifier } from '@assay/evidence';
import {
  collateralFromEndorsements,
  collateralNeeds,
  intelTrust,
  verifyCollateral,
  verifyEvaluationNumbers,
} from '@assay/evidence/dcap';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createTestWorld,
  type EmulatedService,
  encryptedPpid,
  type IntelOrders,
  sgxEvidence,
  startEmulatedPcs,
  type TestWorld,
  tdxEvidence,
  tdxQuote,
} from '../index.js';

const START = Date.parse('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;

let now = START;
let world: TestWorld;
let first: EmulatedService;
let second: EmulatedService;
let request: IntelRequest;
const slept: number[] = [];

beforeEach(async () => {
  now = START;
  slept.length = 0;
  world = createTestWorld({ now: () => new Date(now), random: randomBytes });
  const { fmspc, ca } = world.intel.platform();
  request = { tee: 'tdx', fmspc, ca };
  [first, second] = await Promise.all([startEmulatedPcs(world), startEmulatedPcs(world, { kind: 'pccs' })]);
});
afterEach(async () => {
  await Promise.all([first.close(), second.close()]);
});

interface Setting {
  readonly services?: readonly EmulatedService[];
  readonly cache?: CollateralCache;
  readonly policy?: Partial<KeepingPolicy>;
  readonly retry?: Partial<RetryPolicy>;
  readonly budget?: BudgetLimit;
  readonly source?: Partial<PcsSourceOptions>;
  readonly update?: 'early' | 'standard' | number;
}

/** The clock stands still but for the pauses that are asked for. */
function client(setting: Setting = {}): IntelCollateral {
  const timing = {
    now: () => now,
    sleep: async (ms: number) => {
      slept.push(ms);
      now += ms;
    },
    random: () => 0.5,
  };
  const { services = [first], budget = { requests: 1000, intervalMs: HOUR } } = setting;
  const fetcher = new Fetcher({
    transport: nodeTransport({ allowHttp: true }),
    timing,
    budget: new Budget(budget, timing.now),
    policy: { timeoutMs: 2_000, ...setting.retry },
  });
  const trust = intelTrust([world.anchors().intel]);
  return new IntelCollateral({
    sources: services.map((service) =>
      pcsSource({
        kind: service === second ? 'pccs' : 'pcs',
        url: service.url,
        ...(service === second ? {} : { rootCrlUrl: `${service.url}/IntelSGXRootCA.der` }),
        fetcher,
        ...setting.source,
      }),
    ),
    cache: setting.cache ?? memoryCache(),
    timing,
    ...(setting.policy === undefined ? {} : { policy: setting.policy }),
    ...(setting.update === undefined ? {} : { update: setting.update }),
    verify: (endorsements) => [
      ...verifyCollateral(collateralFromEndorsements(endorsements), trust).findings,
      ...verifyEvaluationNumbers(endorsements, trust).findings,
    ],
  });
}

/** A true answer of Intel's about something else. */
function document(
  member: 'tcbInfo' | 'enclaveIdentity' | 'tcbEvaluationDataNumbers',
  platform: { readonly fmspc?: string },
  tee: 'sgx' | 'tdx' = 'tdx',
): { status: number; headers: Record<string, string>; body: Uint8Array } {
  const { intel } = world;
  const [{ chain, signature, text }, header] =
    member === 'tcbInfo'
      ? [intel.tcbInfo({ tee, platform: intel.platform('another', platform) }), 'TCB-Info-Issuer-Chain']
      : member === 'enclaveIdentity'
        ? [intel.qeIdentity({ tee }), 'SGX-Enclave-Identity-Issuer-Chain']
        : [intel.evaluationNumbers(tee), 'TCB-Evaluation-Data-Numbers-Issuer-Chain'];
  const body = encodeUtf8(`{"${member}":${text},"signature":"${signature}"}`);
  return { status: 200, headers: { [header]: encodeURIComponent(chain) }, body };
}

function otherCrl(): { status: number; headers: Record<string, string>; body: Uint8Array } {
  const ca = request.ca === 'platform' ? 'processor' : 'platform';
  const headers = { 'SGX-PCK-CRL-Issuer-Chain': encodeURIComponent(world.intel.caChain(ca)) };
  return { status: 200, headers, body: world.intel.pckCrl(ca) };
}

const ids = (set: CollateralSet): readonly string[] => set.findings.map(({ id, outcome }) => `${outcome} ${id}`);
const evaluation = (set: CollateralSet): unknown =>
  (JSON.parse(decodeUtf8(set.endorsements['tcb_info'] ?? encodeUtf8('{}'))) as { tcbEvaluationDataNumber?: number })
    .tcbEvaluationDataNumber;

describe('a set', () => {
  test('is fetched once, and verifies a quote', async () => {
    const collateral = client();
    const quote = tdxQuote(world, randomBytes(48));
    const needs = collateralNeeds(quote);
    if (needs === undefined || !('fmspc' in needs)) throw new Error('the quote names its platform');
    const sets = await Promise.all(Array.from({ length: 8 }, () => collateral.get(needs)));
    const [set] = sets;
    expect(set?.complete).toBe(true);
    expect(set?.findings).toEqual([]);
    expect(first.log).toHaveLength(4);
    expect(set?.uses.map(({ item }) => item)).toEqual(['TCB info', 'QE identity', 'PCK CRL (platform)', 'root CA CRL']);
    const result = createTdxVerifier({ emulatedRoots: [world.anchors().intel] }).verify({
      evidence: tdxEvidence(world, randomBytes(48)),
      endorsements: set?.endorsements ?? {},
      reportData: undefined,
      initData: undefined,
      now: new Date(now),
    });
    expect(result.accepted).toBe(true);
    await collateral.get(needs);
    expect(first.log).toHaveLength(4);
  });

  test.each([
    ['early', 18],
    ['standard', 17],
    [17, 17],
  ] as const)('asks for update %s', async (update, number) => {
    expect(evaluation(await client({ update }).get(request))).toBe(number);
  });

  test('of SGX from API v3, in its encodings', async () => {
    const set = await client({ services: [second], source: { api: 3 } }).get({ ...request, tee: 'sgx' });
    expect(set.complete).toBe(true);
    expect(decodeUtf8(set.endorsements['tcb_info'] ?? new Uint8Array())).toContain('"version":2');
  });

  test.each([1, 2] as const)(
    'of SGX from API v3 with a QE identity of version %i verifies a quote',
    async (version) => {
      world.intel.orders = { qeIdentity: { fields: { version } } };
      const set = await client({ services: [second], source: { api: 3 } }).get({ ...request, tee: 'sgx' });
      expect([set.complete, ids(set)]).toEqual([true, []]);
      expect(decodeUtf8(set.endorsements['qe_identity'] ?? new Uint8Array())).toContain(`"version":${version}`);
      const result = createSgxVerifier({ emulatedRoots: [world.anchors().intel] }).verify({
        evidence: sgxEvidence(world, randomBytes(48)),
        endorsements: set.endorsements,
        reportData: undefined,
        initData: undefined,
        now: new Date(now),
      });
      expect(result.accepted).toBe(true);
    },
  );

  test('of TDX or of one evaluation is not to be had from API v3, which is not asked', async () => {
    const source = { api: 3 } as const;
    for (const [asked, update] of [
      [request, 'early'],
      [{ ...request, tee: 'sgx' } as const, 17],
    ] as const) {
      const set = await client({ services: [second], source, update }).get(asked);
      expect(new Set(ids(set))).toEqual(new Set(['fail collateral.item.missing']));
      expect(second.requests('tcb') + second.requests('qe/identity')).toBe(0);
    }
  });

  test('of a pinned evaluation counts by what is signed', async () => {
    const pinned = client({ update: 17 });
    expect((await pinned.get(request)).complete).toBe(true);
    expect(first.log.filter((path) => /tcb\?|identity/.test(path)).every((path) => /Number=17/.test(path))).toBe(true);
    world.intel.orders = { tcbInfo: { fields: { evaluation: 16 } }, qeIdentity: { fields: { evaluation: 18 } } };
    const other = await client({ update: 17 }).get(request);
    expect(ids(other)).toEqual(['fail collateral.answer.form', 'fail collateral.answer.form']);
    const said = other.findings.map(({ title }) => title).join('\n');
    expect(said).toContain('is of TCB evaluation 16, 17 was asked for');
    expect(said).toContain('is of TCB evaluation 18, 17 was asked for');
    expect(other.complete).toBe(false);
  });

  test('has the PCK chain of a platform that its quote only names', async () => {
    const platform = world.intel.platform();
    const pck = {
      encryptedPpid: encryptedPpid(platform),
      cpuSvn: Buffer.from(platform.cpuSvn).toString('hex'),
      pceSvn: '0d00',
      pceId: platform.pceId,
    };
    const set = await client({ services: [second] }).get({ ...request, pck });
    expect(decodeUtf8(set.endorsements['pck_chain'] ?? new Uint8Array()).match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
    const other = await client({ services: [second] }).get({ ...request, pck: { ...pck, pceId: '0001' } });
    expect(ids(other)).toContain('fail collateral.source.known');
    expect(other.complete).toBe(false);
  });

  test('outlives the process through the cache, which is verified again', async () => {
    const cache = memoryCache();
    await client({ cache }).get(request);
    expect((await client({ cache }).get(request)).complete).toBe(true);
    expect(first.log).toHaveLength(4);
    const [name = ''] = await cache.list('current/intel/tcb-info/');
    const text = decodeUtf8((await cache.get(name)) ?? new Uint8Array());
    const edited = JSON.parse(text) as { pieces: { tcb_info: string } };
    edited.pieces.tcb_info = Buffer.from(
      Buffer.from(edited.pieces.tcb_info, 'base64').toString().replace('OutOfDate', 'UpToDate'),
    ).toString('base64');
    await cache.put(name, encodeUtf8(JSON.stringify(edited)));
    const set = await client({ cache }).get(request);
    expect(ids(set)).toEqual(['warn collateral.cache.record']);
    expect(set.complete).toBe(true);
    expect(first.requests('tcb')).toBe(2);
    await cache.put(name, encodeUtf8('{'));
    expect(ids(await client({ cache }).get(request))).toEqual(['warn collateral.cache.record']);
  });
});

describe('failures of a source', () => {
  test.each([
    ['status 500', { kind: 'status', status: 500 }, 'fail collateral.source.status', 3],
    ['status 403', { kind: 'status', status: 403 }, 'fail collateral.source.status', 1],
    ['reset', { kind: 'reset' }, 'fail collateral.source.reachable', 3],
    ['truncated', { kind: 'truncated' }, 'fail collateral.source.reachable', 3],
    ['a long 429', { kind: 'status', status: 429, retryAfter: 600 }, 'fail collateral.source.throttled', 1],
    ['404', { kind: 'status', status: 404 }, 'fail collateral.source.known', 1],
    ['410', { kind: 'status', status: 410 }, 'fail collateral.source.retired', 1],
  ] as const)('%s is said, and remembered as what it is', async (_, failure, finding, tries) => {
    const collateral = client();
    first.order('tcb', failure);
    const set = await collateral.get(request);
    // A 429 is the host's word for everything: items asked for after it share it.
    expect(new Set(ids(set))).toEqual(new Set([finding]));
    expect(set.complete).toBe(false);
    expect(set.endorsements['tcb_info']).toBeUndefined();
    expect(first.requests('tcb')).toBe(tries);
    // Remembered for a while, so that guests that ask again cost the vendor nothing …
    expect(new Set(ids(await collateral.get(request)))).toEqual(new Set([finding]));
    expect(first.requests('tcb')).toBe(tries);
    // … and not for long.
    first.restore();
    now = Math.max(now, set.nextAt ?? now) + 1;
    expect((await collateral.get(request)).complete).toBe(true);
  });

  test.each([
    ['TCB info of another platform', 'tcb', () => document('tcbInfo', { fmspc: '0123456789ab' }), 'is of FMSPC 0123'],
    ['TCB info of the other TEE', 'tcb', () => document('tcbInfo', {}, 'sgx'), 'is of SGX, TDX was asked for'],
    ['QE identity of the other TEE', 'qe/identity', () => document('enclaveIdentity', {}, 'sgx'), 'is of QE, TD_QE'],
    ['PCK CRL of the other CA', 'pckcrl', () => otherCrl(), 'is of Intel SGX PCK'],
    [
      'evaluation numbers of the other TEE',
      'tcbevaluationdatanumbers',
      () => document('tcbEvaluationDataNumbers', {}, 'sgx'),
      'is of SGX, TDX was asked for',
    ],
  ] as const)('%s gives way to the right one, and is never kept', async (_, route, answer, words) => {
    first.order(route, { kind: 'answer', change: answer });
    const cache = memoryCache();
    const set = await client({ services: [first, second], cache }).refresh(request);
    expect(set.complete).toBe(true);
    expect((await client({ services: [first], cache: memoryCache() }).refresh(request)).complete).toBe(
      route === 'tcbevaluationdatanumbers',
    );
    if (route === 'tcbevaluationdatanumbers') {
      const alone = client({ services: [first] });
      await alone.refresh(request);
      expect(await alone.keptNumbers('tdx')).toBeUndefined();
    } else {
      expect(ids(set)).toEqual(['warn collateral.answer.form']);
      expect(set.findings[0]?.title).toContain(words);
    }
  });

  test('a document that came without its signature, and is none', async () => {
    const item = { kind: 'tcb-info', tee: 'tdx', fmspc: request.fmspc, update: 'early' } as const;
    const pieces = { tcb_info: encodeUtf8('{"id":') };
    const record = { key: itemKey(item), pieces, fetchedAt: new Date(now), fetchedFrom: 'bundle' };
    expect(await client().take([[item, record]])).toEqual([expect.stringMatching(/^TCB info: JSON/)]);
  });

  test('slow answers end at the time limit', async () => {
    first.order('tcb', { kind: 'slow', ms: 5_000 });
    const set = await client({ retry: { timeoutMs: 100, attempts: 2 } }).get(request);
    expect(set.findings[0]).toMatchObject({
      id: 'collateral.source.reachable',
      actual: expect.stringContaining('100 ms'),
    });
    expect(first.requests('tcb')).toBe(2);
  });

  test('a passing failure is tried again, with growing pauses', async () => {
    first.order('tcb', { kind: 'status', status: 503 }, 2);
    const set = await client().get(request);
    expect(set.complete).toBe(true);
    expect(slept).toEqual([125, 250]);
  });

  test('a short Retry-After is kept', async () => {
    first.order('tcb', { kind: 'status', status: 429, retryAfter: 7 }, 1);
    expect((await client().get(request)).complete).toBe(true);
    expect(slept).toEqual([7_000]);
  });

  test('no answer at all', async () => {
    await first.close();
    const set = await client().get(request);
    expect(ids(set)).toContain('fail collateral.source.reachable');
    expect(set.complete).toBe(false);
  });

  test.each([
    [
      'plus signs decoded by a proxy',
      (text: string) => decodeURIComponent(text).replaceAll('+', ' ').replaceAll('\n', '%0A'),
    ],
    ['chain cut', (text: string) => text.slice(0, 500)],
    ['broken percent encoding', (text: string) => `${text}%zz`],
  ])('chain header: %s', async (_, change) => {
    const name = 'TCB-Info-Issuer-Chain';
    first.order('tcb', {
      kind: 'answer',
      change: (answer) => ({ ...answer, headers: { ...answer.headers, [name]: change(answer.headers[name] ?? '') } }),
    });
    expect(ids(await client().get(request))).toEqual(['fail collateral.answer.form']);
  });

  test.each([
    ['reformatted', (text: string) => JSON.stringify(JSON.parse(text), null, 1)],
    ['edited', (text: string) => text.replace('OutOfDate', 'UpToDate')],
    ['doubled member', (text: string) => text.replace('"tcbType":0', '"tcbType":0,"tcbType":0')],
    ['no JSON', () => '<html>'],
    ['another object', () => '{"enclaveIdentity":{},"signature":""}'],
  ])('body: %s', async (_, change) => {
    first.order('tcb', {
      kind: 'answer',
      change: (answer) => ({ ...answer, body: Buffer.from(change(Buffer.from(answer.body).toString())) }),
    });
    const cache = memoryCache();
    const set = await client({ cache }).get(request);
    expect(ids(set)).toEqual(['fail collateral.answer.form']);
    expect(await cache.list('current/intel/tcb-info/')).toEqual([]);
  });

  test('a document of a signer that is none', async () => {
    const platform = world.intel.platform();
    world.intel.orders = {
      tcbInfo: { signer: world.intel.pki.pckKey(platform), chain: world.intel.pckChain(platform, {}) },
    };
    expect(ids(await client().get(request))).toEqual(['fail collateral.answer.form']);
  });

  test('CRLs of others are not taken', async () => {
    world.intel.orders = { rootCrl: { signer: world.stranger('P-256') }, pckCrl: { signer: world.stranger('P-256') } };
    expect(ids(await client().get(request))).toEqual(['fail collateral.answer.form', 'fail collateral.answer.form']);
  });
});

describe('several sources', () => {
  test('are asked in order, and a failure before the answer only warns', async () => {
    first.order('*', { kind: 'status', status: 500 });
    const set = await client({ services: [first, second] }).get(request);
    expect(set.complete).toBe(true);
    expect(new Set(ids(set))).toEqual(new Set(['warn collateral.source.status']));
    expect(new Set(set.uses.map((use) => use.fetched_from))).toEqual(new Set([new URL(second.url).host]));
  });

  test('one that is behind gives way to one that is not', async () => {
    const old = new Date(now - 60 * 24 * HOUR);
    const behind = createTestWorld({ now: () => old, random: randomBytes, keys: keysOf(world) });
    behind.intel.platform();
    const service = await startEmulatedPcs(behind);
    try {
      const alone = await client({ services: [service] }).get(request);
      expect(ids(alone)).toEqual(expect.arrayContaining(['fail collateral.item.expired']));
      expect(alone.complete).toBe(false);
      const both = await client({ services: [service, first] }).get(request);
      expect(both.complete).toBe(true);
    } finally {
      await service.close();
    }
  });
});

describe('age', () => {
  test('an item due for refresh is used, and fetched behind', async () => {
    const collateral = client();
    await collateral.get(request);
    now += 25 * HOUR;
    const set = await collateral.get(request);
    await collateral.keeper.idle();
    expect(set.complete).toBe(true);
    expect(first.log.length).toBeGreaterThan(4);
    const fetched = first.log.length;
    expect((await collateral.get(request)).uses[0]?.fetched_at).toBe('2026-03-02T13:00:00Z');
    expect(first.log).toHaveLength(fetched);
  });

  test('a failing refresh does no harm while the item is good', async () => {
    const collateral = client();
    await collateral.get(request);
    first.order('*', { kind: 'status', status: 500 });
    now += 25 * HOUR;
    expect((await collateral.get(request)).complete).toBe(true);
    await collateral.keeper.idle();
    expect((await collateral.get(request)).complete).toBe(true);
  });

  test('beyond the age limit nothing is used without a source, unless the owner allows it', async () => {
    for (const [staleIfErrorMs, complete] of [
      [0, false],
      [48 * HOUR, true],
    ] as const) {
      now = START;
      first.restore();
      const collateral = client({ policy: { staleIfErrorMs, expireAfterMs: 168 * HOUR } });
      await collateral.get(request);
      first.order('*', { kind: 'status', status: 500 });
      now += 180 * HOUR;
      const set = await collateral.get(request);
      expect(set.complete).toBe(complete);
      expect(ids(set).includes('warn collateral.item.stale')).toBe(complete);
      expect(set.uses.some((use) => use.used_beyond === true)).toBe(complete);
      now += 48 * HOUR;
      expect((await collateral.get(request)).complete).toBe(false);
    }
  });

  test('an item that is about to end is reported', async () => {
    const collateral = client({ policy: { expireAfterMs: 1e12, refreshAfterMs: 1e12 } });
    await collateral.get(request);
    now += 28 * 24 * HOUR;
    expect(ids(await collateral.get(request))).toContain('warn collateral.item.ending');
  });

  test('what is kept is not used by a clock that was set back', async () => {
    const collateral = client();
    await collateral.get(request);
    first.order('*', { kind: 'status', status: 403 });
    now -= 24 * HOUR;
    const set = await collateral.get(request);
    expect(set.complete).toBe(false);
    expect(ids(set)).toContain('fail collateral.item.future');
  });

  test('documents of tomorrow are refused, with the clock as the first cause', async () => {
    world.intel.orders = { tcbInfo: { fields: { issued: new Date(now + 24 * HOUR) } } };
    const set = await client().get(request);
    expect(ids(set)).toEqual(['fail collateral.item.future']);
    expect(set.complete).toBe(false);
  });
});

describe('evaluation numbers', () => {
  const numbersOf = async (collateral: IntelCollateral): Promise<unknown> => {
    const record = await collateral.keptNumbers('tdx');
    const trust = intelTrust([world.anchors().intel]);
    return record === undefined ? undefined : verifyEvaluationNumbers(record.pieces, trust).numbers?.numbers;
  };

  test('are fetched with a refresh, and kept', async () => {
    const collateral = client();
    await collateral.get(request);
    expect(await numbersOf(collateral)).toBeUndefined();
    await collateral.refresh(request);
    expect(await numbersOf(collateral)).toEqual([
      { number: 18, recoveryEventDate: new Date('2024-11-12'), tcbDate: new Date('2024-11-13') },
      { number: 17, recoveryEventDate: new Date('2024-03-12'), tcbDate: new Date('2024-03-13') },
    ]);
    expect(first.log).toContain('/tdx/certification/v4/tcbevaluationdatanumbers');
  });

  test('a cache that has none leaves the set as complete', async () => {
    first.order('tcbevaluationdatanumbers', { kind: 'status', status: 404 });
    const collateral = client();
    const set = await collateral.refresh(request);
    expect([set.complete, ids(set)]).toEqual([true, []]);
    expect(await numbersOf(collateral)).toBeUndefined();
  });

  const edited = (changes: Record<string, unknown>) => ({
    document: (document: JsonObject) => ({ ...document, ...changes }) as JsonObject,
  });
  const one = {
    tcbEvaluationDataNumber: 1,
    tcbRecoveryEventDate: '2024-11-12T00:00:00Z',
    tcbDate: '2024-11-13T00:00:00Z',
  };
  test.each<[string, () => IntelOrders['evaluationNumbers']]>([
    ['signed by a stranger', () => ({ signer: world.stranger('P-256') })],
    [
      'signed by a platform',
      () => {
        const platform = world.intel.platform();
        return { signer: world.intel.pki.pckKey(platform), chain: world.intel.pckChain(platform, {}) };
      },
    ],
    ['changed after it was signed', () => ({ afterSigning: (text: string) => text.replace('18', '19') })],
    ['of version 2', () => edited({ version: 2 })],
    ['of no TEE', () => edited({ id: 'QE' })],
    ['empty', () => edited({ tcbEvalNumbers: [] })],
    ['with a number twice', () => edited({ tcbEvalNumbers: [one, one] })],
    ['with a number as text', () => edited({ tcbEvalNumbers: [{ ...one, tcbEvaluationDataNumber: '1' }] })],
    ['with a date that is none', () => edited({ tcbEvalNumbers: [{ ...one, tcbDate: '2024' }] })],
  ])('a list %s is not kept', async (_, orders) => {
    const evaluationNumbers = orders();
    world.intel.orders = evaluationNumbers === undefined ? {} : { evaluationNumbers };
    const collateral = client();
    expect((await collateral.refresh(request)).complete).toBe(true);
    expect(first.requests('tcbevaluationdatanumbers')).toBe(1);
    expect(await collateral.keptNumbers('tdx')).toBeUndefined();
  });
});

test('the budget ends a flood before the vendor does', async () => {
  const collateral = client({ budget: { requests: 4, intervalMs: 60_000 } });
  await collateral.get(request);
  world.intel.platform('other', { fmspc: 'b66b00000000' });
  const set = await collateral.get({ ...request, fmspc: 'b66b00000000' });
  expect(ids(set)).toEqual(['fail collateral.source.budget']);
  expect(set.findings[0]?.retry_after).toBe(60);
  expect(first.log).toHaveLength(4);
});

describe('as of a date', () => {
  test('what was kept then is used, and no source is asked', async () => {
    const cache = memoryCache();
    const collateral = client({ cache });
    await collateral.get(request);
    now += 10 * 24 * HOUR;
    await collateral.refresh(request);
    const asked = first.log.length;
    const then = await collateral.get({ ...request, at: new Date(START + HOUR) });
    expect(then.complete).toBe(true);
    expect(then.uses[0]?.issued).toBe('2026-03-01T00:00:00Z');
    const later = await collateral.get({ ...request, at: new Date(now + HOUR) });
    expect(later.uses[0]?.issued).toBe('2026-03-11T00:00:00Z');
    const before = await collateral.get({ ...request, at: new Date(START - 60 * 24 * HOUR) });
    expect(before.complete).toBe(false);
    expect(new Set(ids(before))).toEqual(new Set(['not-checked collateral.item.missing']));
    expect(first.log).toHaveLength(asked);
  });

  test('a kept issue that was changed is not used', async () => {
    const cache = memoryCache();
    const collateral = client({ cache });
    await collateral.get(request);
    for (const name of await cache.list('')) {
      if (!name.includes('/tcb-info/')) continue;
      const record = decodeRecord((await cache.get(name)) ?? new Uint8Array());
      const text = decodeUtf8(record.pieces['tcb_info'] ?? new Uint8Array()).replace('OutOfDate', 'UpToDate');
      await cache.put(name, encodeRecord({ ...record, pieces: { ...record.pieces, tcb_info: encodeUtf8(text) } }));
    }
    const set = await collateral.get({ ...request, at: new Date(START) });
    expect(ids(set)).toEqual(['not-checked collateral.item.missing']);
    expect(set.endorsements['tcb_info']).toBeUndefined();
  });
});

function keysOf(from: TestWorld): Readonly<Record<string, string>> {
  from.intel.pckChain(from.intel.platform(), {});
  from.intel.tcbInfo({ tee: 'tdx', platform: from.intel.platform() });
  return from.exportKeys();
}
