import { randomBytes } from 'node:crypto';
import { assembleVerdict, FINDING_IDS, failed, passed, registerEntry } from '@assay/bytes/findings';
import { MemoryStorage } from '@assay/storage';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { AttemptId, AttemptState, AttemptSummary } from '../types.js';
import { AuditLog, MOST_REFUSALS, MOST_REFUSED_ACTS } from './log.js';
import { encodeVerdict, joinVerdicts, LARGEST_VERDICT, ownVerdict, rootIds } from './verdict.js';

const START = Date.parse('2026-11-21T10:00:00Z');
let now: number;
let storage: MemoryStorage;
let log: AuditLog;

beforeEach(() => {
  now = START;
  storage = new MemoryStorage({ now: () => now });
  log = new AuditLog({ storage, now: () => new Date(now), random: randomBytes, days: 30, attempts: 5 });
});

async function record(state: AttemptState, more: Partial<AttemptSummary> = {}): Promise<AttemptId> {
  const attempt = log.newAttempt();
  const at = new Date(now);
  const summary: AttemptSummary = {
    attempt,
    state,
    startedAt: at.toISOString(),
    kind: 'handshake',
    codes: [],
    summary: '',
    ...more,
  };
  await log.writeAttempt(
    summary,
    ownVerdict({ kind: 'sample', attempt, at, findings: [passed('session.id.known', 'session')] }),
  );
  return attempt;
}

describe('lists', () => {
  test('newest first, page by page', async () => {
    const ids: AttemptId[] = [];
    for (let i = 0; i < 5; i++) {
      ids.push(await record('attested'));
      now += i % 2;
    }
    const first = await log.list({ limit: 2 });
    expect(first.items.map((one) => one.attempt)).toEqual([ids[4], ids[3]]);
    const second = await log.list({ limit: 2, after: first.next ?? '' });
    expect(second.items.map((one) => one.attempt)).toEqual([ids[2], ids[1]]);
    const third = await log.list({ limit: 2, after: second.next?.toUpperCase() ?? '' });
    expect(third.items.map((one) => one.attempt)).toEqual([ids[0]]);
    expect(third.next).toBeUndefined();
  });

  test('filters', async () => {
    const tdx = await record('attested', { tee: 'tdx', address: '192.0.2.7', key: 'k' });
    now += 1000;
    const middle = now;
    const refused = await record('refused', {
      tee: 'snp',
      codes: ['binding.report-data.match', 'session.nonce.match'],
    });
    now += 1000;
    const last = await record('challenged');
    const found = async (filter: Parameters<AuditLog['list']>[0]) =>
      (await log.list(filter)).items.map((one) => one.attempt);
    expect(await found({ tee: 'tdx' })).toEqual([tdx]);
    expect(await found({ state: 'refused' })).toEqual([refused]);
    expect(await found({ code: 'session.nonce.match' })).toEqual([refused]);
    expect(await found({ address: '192.0.2.7' })).toEqual([tdx]);
    expect(await found({ key: 'k' })).toEqual([tdx]);
    expect(await found({ since: new Date(middle) })).toEqual([last, refused]);
    expect(await found({ until: new Date(middle) })).toEqual([refused, tdx]);
    expect(await found({ since: new Date(middle), until: new Date(middle) })).toEqual([refused]);
    expect(await found({ tee: 'sgx' })).toEqual([]);
    expect(await found({ since: new Date('1969-01-01T00:00:00Z') })).toEqual([last, refused, tdx]);
    expect(await found({ until: new Date('0000-01-01T00:00:00Z') })).toEqual([]);
  });
});

describe('keeping', () => {
  test('an attempt ends after its days, with its releases and leases', async () => {
    const attempt = await record('attested');
    await log.commit(
      await log.releaseOperations(
        attempt,
        { decision: 'released', method: 'GET', resource: 'resource/a/b/c', findings: [] },
        { path: 'a/b/c', version: 1, key: 'k' },
      ),
    );
    expect((await log.get(attempt))?.releases).toHaveLength(1);
    expect((await log.leases('a/b/c')).items).toHaveLength(1);
    now += 30 * 86_400_000;
    expect(await log.get(attempt)).toBeUndefined();
    expect((await log.leases('a/b/c')).items).toHaveLength(0);
  });

  test('beyond the number, the oldest go', async () => {
    const ids: AttemptId[] = [];
    for (let i = 0; i < 8; i++) {
      const attempt = await record('refused');
      ids.push(attempt);
      const release = { decision: 'refused' as const, method: 'GET', resource: 'x', findings: [] };
      await log.commit(await log.releaseOperations(attempt, release));
      now += 1;
    }
    expect(await log.enforceCount()).toBe(3);
    expect((await log.list()).items.map((one) => one.attempt)).toEqual(ids.slice(3).reverse());
    expect(await log.get(ids[0] as AttemptId)).toBeUndefined();
    expect(await log.enforceCount()).toBe(0);
    expect(await storage.list('attempt', { prefix: 'f/', limit: 100 })).toHaveLength(5);
  });

  test('attempts that came to nothing go before older ones that were given something', async () => {
    const release = { decision: 'released' as const, method: 'GET', resource: 'resource/a/b/c', findings: [] };
    const given = await record('attested');
    await log.commit(await log.releaseOperations(given, release));
    const idle = await record('attested');
    const flood: AttemptId[] = [];
    for (let i = 0; i < 5; i++) {
      now += 1;
      flood.push(await record(i % 2 === 0 ? 'refused' : 'undecided'));
    }
    expect(await log.enforceCount()).toBe(2);
    const ids = async () => (await log.list()).items.map((one) => one.attempt);
    expect(await ids()).toEqual([...flood.slice(2).reverse(), idle, given]);
    for (let i = 0; i < 7; i++) {
      now += 1;
      await record('attested');
    }
    expect(await log.enforceCount()).toBe(7);
    expect(await ids()).toHaveLength(5);
    expect(await ids()).toContain(given);
    expect(await ids()).not.toContain(idle);
  });

  test('a handshake that nobody went on with ends after a day', async () => {
    const abandoned = await record('challenged');
    const refused = await record('refused');
    now += 86_400_000;
    expect(await log.get(abandoned)).toBeUndefined();
    expect(await log.get(refused)).toBeDefined();
  });

  test('refusals of one attempt are bounded, releases are not', async () => {
    const attempt = await record('attested');
    const release = { method: 'GET', resource: 'resource/a/b/c', findings: [] };
    for (let i = 0; i < MOST_REFUSALS + 5; i++) {
      now += 1;
      await log.commit(await log.releaseOperations(attempt, { ...release, decision: 'refused' }));
    }
    const lease = { path: 'a/b/c', version: 1, key: 'k' };
    await log.commit(await log.releaseOperations(attempt, { ...release, decision: 'released' }, lease));
    const detail = await log.get(attempt);
    expect(detail?.releases).toHaveLength(MOST_REFUSALS + 1);
    expect(detail?.releases.at(-1)?.decision).toBe('released');
    expect(detail?.releasesOmitted).toBe(true);
    expect((await log.leases('a/b/c')).items).toHaveLength(1);
  });

  test('administrative acts are kept', async () => {
    await log.recordAct({ by: { subject: 'ana', role: 'admin' }, act: 'resource.set', object: 'a/b/c' });
    now += 400 * 86_400_000;
    expect((await log.acts()).items).toMatchObject([{ act: 'resource.set', by: { subject: 'ana' } }]);
  });

  test('a damaged record is named', async () => {
    const attempt = await record('refused');
    await storage.put('attempt', `d/${attempt}`, Buffer.from('{'));
    await expect(log.get(attempt)).rejects.toMatchObject({ code: 'storage.record.intact' });
  });
});

describe('one verdict of two services', () => {
  const at = new Date(START);
  const appraised = assembleVerdict({
    kind: 'sample',
    at,
    findings: [
      failed('binding.report-data.match', { params: { actual: 'a', expected: 'b', alg: 'sha384', members: 'nonce' } }),
    ],
    asked: false,
  });

  test('what held here stands before what the other found', () => {
    const joined = joinVerdicts([passed('session.id.known', 'session')], appraised);
    expect(joined.findings.map((one) => one.key)).toEqual(['k1', 'f1']);
    expect(joined).toMatchObject({ verdict: 'reject', roots: ['f1'], stages: { request: 'pass', bind: 'fail' } });
    expect(rootIds(joined)).toEqual(['binding.report-data.match']);
  });

  test('what could not be done here leaves accepted evidence undecided', () => {
    const accepted = assembleVerdict({
      kind: 'sample',
      at,
      findings: [passed('evidence.json.form', 'x')],
      asked: true,
    });
    expect(accepted).toMatchObject({ verdict: 'accept', decision: 'accept' });
    const out = failed('storage.write.possible', { params: { path: 'x', errno: 'ENOSPC' } });
    expect(joinVerdicts([out], accepted)).toMatchObject({ verdict: 'accept', decision: 'undecided', roots: ['k1'] });
  });

  test('what failed here is the first root', () => {
    const joined = joinVerdicts([passed('session.id.known', 'session'), failed('session.nonce.match', {})], appraised);
    expect(joined).toMatchObject({
      verdict: 'reject',
      decision: 'refuse',
      roots: ['k2', 'f1'],
      stages: { request: 'pass', bind: 'fail' },
    });
    expect(rootIds(joined)).toEqual(['session.nonce.match', 'binding.report-data.match']);
    expect(joined.summary).toBe("runtime-data nonce is not this session's");
  });
});

test('whatever two services found, the joined verdict has a root or nothing failed', () => {
  const draft = fc
    .record({
      id: fc.constantFrom(...FINDING_IDS),
      outcome: fc.constantFrom('pass' as const, 'fail' as const, 'warn' as const, 'not-checked' as const),
      causedBy: fc.array(fc.constantFrom(...FINDING_IDS), { maxLength: 2 }),
    })
    .map((one) => ({ ...one, severity: 'high' as const, stage: registerEntry(one.id).stage, title: one.id }));
  const drafts = fc.array(draft, { maxLength: 12 });
  fc.assert(
    fc.property(drafts, drafts, fc.boolean(), (own, others, asked) => {
      const joined = joinVerdicts(own, assembleVerdict({ kind: 'x', at: new Date(START), findings: others, asked }));
      const keys = joined.findings.map(({ key }) => key);
      expect(new Set(keys).size).toBe(keys.length);
      expect(keys).toEqual(expect.arrayContaining([...joined.roots]));
      const failures = joined.findings.filter(({ outcome }) => outcome === 'fail');
      expect(joined.roots.length > 0).toBe(failures.length > 0);
      expect(rootIds(joined)).toHaveLength(joined.roots.length);
      for (const { caused_by = [] } of joined.findings) expect(keys).toEqual(expect.arrayContaining([...caused_by]));
      // What failed here decides, whatever the other said; what could not be done refuses nobody.
      const failing = own.filter(({ outcome }) => outcome === 'fail');
      if (failing.some(({ stage }) => stage !== 'operate')) expect(joined.decision).toBe('refuse');
      else if (failing.length > 0) expect(['refuse', 'undecided']).toContain(joined.decision);
    }),
    { numRuns: fuzzRuns(200) },
  );
});

describe('what a guest sends does not fill the store', () => {
  const at = new Date(START);
  const large = 'x'.repeat(LARGEST_VERDICT);
  const stored = (verdict: ReturnType<typeof ownVerdict>) => JSON.parse(Buffer.from(encodeVerdict(verdict)).toString());

  test('claims beyond the limit are left out, findings stay whole', () => {
    const finding = failed('session.nonce.match', { expected: 'a', actual: 'b' });
    const verdict = ownVerdict({ kind: 'sample', at, findings: [finding], claims: { cpu0: { large } } });
    expect(stored(verdict)).toEqual({
      ...verdict,
      claims: { omitted: expect.stringMatching(/^verdict of \d+ bytes$/) },
    });
  });

  test('then what was compared: the reason stays', () => {
    const finding = failed('session.nonce.match', { expected: 'a', actual: large });
    const verdict = ownVerdict({ kind: 'sample', at, findings: [finding] });
    expect(encodeVerdict(verdict).length).toBeLessThan(5000);
    const { id, outcome, title } = finding;
    expect(stored(verdict)).toMatchObject({ roots: ['f1'], findings: [{ id, outcome, title, role: 'root' }] });
  });
});

test('of refused administrative calls the newest are kept, and none beyond their time', async () => {
  const refused = { code: 'admin.token.trust', method: 'GET', path: '/x', summary: 's' };
  for (let i = 0; i < MOST_REFUSED_ACTS / 500; i++) {
    const at = START + i;
    await storage.transact(
      Array.from({ length: 501 }, (_, n) => ({
        op: 'put' as const,
        ns: 'admin',
        key: `refused/${String(i).padStart(10, '0')}${String(n).padStart(16, '0')}`,
        value: Buffer.from(JSON.stringify({ ...refused, id: `${i}-${n}`, at: new Date(at).toISOString() })),
      })),
    );
  }
  await log.enforceCount();
  const oldest = await storage.list('admin', { prefix: 'refused/', limit: 1 });
  expect(oldest[0]?.key).toBe(`refused/${'0'.repeat(10)}${'20'.padStart(16, '0')}`);
  await log.recordRefusedAct({ ...refused, path: '/last' });
  const newest = async () => (await log.refusedActs({ limit: 1 })).items[0]?.path;
  expect(await newest()).toBe('/last');
  now += 30 * 86_400_000;
  expect(await newest()).toBe('/x');
});

test('long walks let other requests in', async () => {
  const many = new AuditLog({ storage, now: () => new Date(now), random: randomBytes, days: 30, attempts: 6000 });
  const empty = ownVerdict({ kind: 'sample', at: new Date(START), findings: [] });
  for (let i = 0; i < 6001; i += 1) {
    const attempt = many.newAttempt();
    const at = new Date(now).toISOString();
    const summary = { attempt, state: 'attested', startedAt: at, kind: 'handshake', codes: [], summary: '' } as const;
    await storage.transact(many.attemptOperations(summary, empty));
  }
  const turnsDuring = async (walk: Promise<unknown>): Promise<number> => {
    let turns = 0;
    let running = true;
    const turn = () => {
      turns += 1;
      if (running) setImmediate(turn);
    };
    setImmediate(turn);
    await walk;
    running = false;
    return turns;
  };
  expect(await turnsDuring(many.list({ tee: 'none' }))).toBeGreaterThan(10);
  expect(await turnsDuring(many.enforceCount())).toBeGreaterThan(15);
});
