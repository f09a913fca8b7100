import { AssayError } from '@assay/bytes/findings';
import { MemoryStorage } from '@assay/storage';
import { describe, expect, test } from 'vitest';
import { AttestationService } from '../service.js';
import { OWNER, openWorld, SAMPLE_VALUES, sampleEntry, setValues } from '../testing/service.test.helper.js';
import { DEFAULT_POLICIES } from './default-policies.js';
import { policyDigest } from './digest.js';
import { PolicyStore } from './store.js';

const ALWAYS = 'package policy\ntrust_claims := {"hardware": 2}\n';
const NEVER = 'package policy\ntrust_claims := {"hardware": 97}\n';
const request = { entries: [sampleEntry()], policyIds: [] };

describe('defaults', () => {
  test('are stored at the first start, with digest and version', async () => {
    const { service } = await openWorld();
    const list = await service.listPolicies();
    expect(list.map(({ id, version }) => [id, version])).toEqual([
      ['default_cpu', 1],
      ['default_gpu', 1],
      ['default_ppcie', 1],
      ['default_switch', 1],
    ]);
    const policy = await service.getPolicy('default_cpu');
    expect(policy?.text).toBe(DEFAULT_POLICIES['default_cpu']);
    expect(policy?.digest).toBe(policyDigest(policy?.text ?? ''));
    expect(policy?.digest).toMatch(/^[0-9a-f]{96}$/);
    expect(policy?.changedBy).toEqual({ subject: 'assay', method: 'default' });
  });

  test('an edit survives a restart, a deletion does not', async () => {
    const world = await openWorld();
    await world.service.setPolicy('default_cpu', ALWAYS, OWNER);
    expect(await world.service.deletePolicy('default_gpu', OWNER)).toBe(true);
    const again = await AttestationService.open(world.options);
    expect((await again.getPolicy('default_cpu'))?.text).toBe(ALWAYS);
    expect(await again.getPolicy('default_gpu')).toMatchObject({ text: DEFAULT_POLICIES['default_gpu'], version: 3 });
  });
});

describe('setting', () => {
  test('is in force for the next evaluation, and every version is kept', async () => {
    const world = await openWorld();
    expect((await world.service.evaluate(request)).verdict.decision).toBe('refuse');
    const { policy, warnings } = await world.service.setPolicy('default_cpu', ALWAYS, OWNER);
    expect(policy).toMatchObject({
      id: 'default_cpu',
      version: 2,
      digest: policyDigest(ALWAYS),
      changedBy: OWNER,
      bytes: ALWAYS.length,
    });
    expect(warnings).toEqual([]);
    const { verdict } = await world.service.evaluate(request);
    expect(verdict.decision).toBe('accept');
    expect(verdict.policies).toEqual([
      { id: 'default_cpu', digest: policyDigest(ALWAYS), version: 2, submod: 'cpu0', tier: 'affirming' },
    ]);
    await world.service.setPolicy('default_cpu', NEVER, OWNER);
    expect((await world.service.policyHistory('default_cpu')).map(({ version }) => version)).toEqual([3, 2, 1]);
    expect((await world.service.getPolicy('default_cpu', 2))?.text).toBe(ALWAYS);
    expect(await world.service.getPolicy('default_cpu', 9)).toBeUndefined();
  });

  test('a text that does not compile is not stored, the old one stays in force', async () => {
    const world = await openWorld();
    await setValues(world, SAMPLE_VALUES);
    await expect(world.service.setPolicy('default_cpu', 'package policy\nx if {', OWNER)).rejects.toMatchObject({
      code: 'policy.file.parse',
    });
    expect(await world.service.getPolicy('default_cpu')).toMatchObject({ version: 1 });
    expect((await world.service.evaluate(request)).verdict.decision).toBe('accept');
  });

  test.each(['', 'a/b', '../x', '.hidden', 'a b', 'ä', 'x'.repeat(129), 'a\u0000'])('id %j is refused', async (id) => {
    const { service } = await openWorld();
    await expect(service.setPolicy(id, ALWAYS, OWNER)).rejects.toMatchObject({ code: 'policy.id.form' });
    await expect(service.getPolicy(id)).rejects.toMatchObject({ code: 'policy.id.form' });
  });

  test('a huge text is refused before it is compiled', async () => {
    const { service } = await openWorld();
    await expect(service.setPolicy('big', `${ALWAYS}#${'x'.repeat(1024 * 1024)}`, OWNER)).rejects.toMatchObject({
      code: 'policy.body.form',
    });
  });

  test('ids of one prefix keep their histories apart', async () => {
    const { service } = await openWorld();
    await service.setPolicy('a', ALWAYS, OWNER);
    await service.setPolicy('a.b', NEVER, OWNER);
    expect(await service.policyHistory('a')).toHaveLength(1);
  });

  test('concurrent writers are put in order, none is lost', async () => {
    const { service } = await openWorld();
    const texts = Array.from({ length: 4 }, (_, index) => `${ALWAYS}# ${index}\n`);
    await Promise.all(texts.map((text) => service.setPolicy('shared', text, OWNER)));
    const history = await service.policyHistory('shared');
    expect(history.map(({ version }) => version)).toEqual([4, 3, 2, 1]);
    expect(new Set(history.map(({ digest }) => digest)).size).toBe(4);
  });
});

describe('deleting', () => {
  test('takes the policy out of force and keeps its history', async () => {
    const world = await openWorld();
    expect(await world.service.deletePolicy('default_cpu', OWNER)).toBe(true);
    expect(await world.service.deletePolicy('default_cpu', OWNER)).toBe(false);
    expect((await world.service.evaluate(request)).token).toBeUndefined();
    expect(await world.service.getPolicy('default_cpu')).toBeUndefined();
    expect(await world.service.policyHistory('default_cpu')).toHaveLength(1);
    expect((await world.service.setPolicy('default_cpu', ALWAYS, OWNER)).policy.version).toBe(3);
  });
});

describe('replicas', () => {
  test("see each other's writes within the refresh interval, though they evaluated nothing meanwhile", async () => {
    const world = await openWorld({ refreshMs: 500 });
    const other = await AttestationService.open(world.options);
    await other.setPolicy('default_cpu', ALWAYS, OWNER);
    expect((await world.service.evaluate(request)).verdict.decision).toBe('refuse');
    world.advance(500);
    expect((await world.service.evaluate(request)).verdict.decision).toBe('accept');
    await other.setPolicy('default_cpu', NEVER, OWNER);
    world.advance(3_600_000);
    expect((await world.service.evaluate(request)).verdict.decision).toBe('refuse');
    await other.setPolicy('default_cpu', ALWAYS, OWNER);
    // The clock was set back.
    world.advance(-7_200_000);
    expect((await world.service.evaluate(request)).verdict.decision).toBe('accept');
  });

  test('a look that was under way when a policy was set does not bring the former one back', async () => {
    const world = await openWorld({ refreshMs: 500 });
    await world.service.setPolicy('default_cpu', ALWAYS, OWNER);
    const list = world.storage.list.bind(world.storage);
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const other = await AttestationService.open(world.options);
    await other.setPolicy('other_cpu', ALWAYS, OWNER);
    world.storage.list = async (ns, options) => {
      const page = await list(ns, options);
      if (ns === 'attestation_service_policy' && options.prefix === 'current/') {
        world.storage.list = list;
        await held;
      }
      return page;
    };
    world.advance(500);
    const early = world.service.evaluate(request);
    await world.service.setPolicy('default_cpu', NEVER, OWNER);
    release();
    await early;
    expect((await world.service.evaluate(request)).verdict.decision).toBe('refuse');
  });

  test('keep the last state while the storage is out, and say so', async () => {
    const world = await openWorld({ refreshMs: 1 });
    expect(await world.service.readiness()).toEqual([]);
    world.storage.revision = async () => {
      throw new Error('connection lost');
    };
    world.advance(10);
    expect((await world.service.evaluate(request).catch((thrown: unknown) => thrown)) !== undefined).toBe(true);
    expect((await world.service.readiness()).length).toBeGreaterThan(0);
  });
});

test('a storage that is out is asked once an interval, and the last state stays in force', async () => {
  let time = 0;
  const storage = new MemoryStorage({ now: () => time });
  const options = { storage, now: () => new Date(time), defaults: { default_cpu: ALWAYS }, refreshMs: 500 };
  const store = await PolicyStore.open(options);
  let asked = 0;
  storage.revision = async () => {
    asked += 1;
    throw new Error('connection lost');
  };
  time += 500;
  for (let i = 0; i < 3; i += 1) expect((await store.current()).policies.has('default_cpu')).toBe(true);
  expect(asked).toBe(1);
  expect(store.fault).toBeInstanceOf(AssayError);
  time += 500;
  await store.current();
  expect(asked).toBe(2);
});

test('a stored text that no longer compiles is a finding, and the others go on', async () => {
  const storage = new MemoryStorage({ now: () => 0 });
  const now = (): Date => new Date(0);
  const record = {
    id: 'old_cpu',
    version: 1,
    digest: 'd',
    text: 'nonsense',
    changedAt: now().toISOString(),
    changedBy: OWNER,
  };
  await storage.put('attestation_service_policy', 'current/old_cpu', new TextEncoder().encode(JSON.stringify(record)));
  const store = await PolicyStore.open({ storage, now, defaults: { default_cpu: ALWAYS } });
  expect((await store.current()).policies.get('old_cpu')?.compiled).toBeInstanceOf(AssayError);
  expect((await store.current()).policies.get('default_cpu')?.compiled).not.toBeInstanceOf(AssayError);
});

test('a damaged record is named', async () => {
  const storage = new MemoryStorage({ now: () => 0 });
  await storage.put('attestation_service_policy', 'current/x', new TextEncoder().encode('{"id":1}'));
  const opening = PolicyStore.open({ storage, now: () => new Date(0), defaults: {} });
  await expect(opening).rejects.toMatchObject({ code: 'storage.record.intact' });
});

test('a writer that loses every race against others says so, and what is in force stays', async () => {
  const world = await openWorld();
  world.storage.transact = async () => ({ outcome: 'conflict', index: 0, current: undefined });
  await expect(world.service.setPolicy('default_cpu', ALWAYS, OWNER)).rejects.toMatchObject({
    code: 'request.version.match',
  });
  expect((await world.service.getPolicy('default_cpu'))?.text).toBe(DEFAULT_POLICIES['default_cpu']);
});
