import type { JsonObject } from '@assay/bytes';
import type { PolicyUse, Verdict } from '@assay/bytes/findings';
import { describe, expect, test } from 'vitest';
import {
  OWNER,
  openWorld,
  RUNTIME_DATA,
  SAMPLE_VALUES,
  START,
  sampleEntry,
  setValues,
} from '../testing/service.test.helper.js';
import { DEFAULT_POLICIES } from './default-policies.js';
import { evaluatePolicy, replay } from './simulate.js';

const stored = (use: PolicyUse): string | undefined => DEFAULT_POLICIES[use.id];
const sample: JsonObject = { svn: '1', launch_digest: 'abcde', platform_version: { major: 1, minor: 4 }, debug: false };

describe('a draft', () => {
  test('is evaluated over claims and values at hand', () => {
    const affirmed = evaluatePolicy(DEFAULT_POLICIES['default_cpu'] ?? '', { sample }, SAMPLE_VALUES, START);
    expect(affirmed.result).toMatchObject({
      tier: 'affirming',
      vector: { hardware: 2, executables: 3, configuration: 2 },
    });
    expect(affirmed.referenceValues.map(({ name }) => name)).toEqual([
      'launch_digest',
      'major_version',
      'minimum_minor_version',
      'svn',
    ]);
    const refused = evaluatePolicy(DEFAULT_POLICIES['default_cpu'] ?? '', { sample }, {}, START);
    expect(refused.result?.tier).toBe('contraindicated');
    expect(refused.findings.some(({ id }) => id === 'rv.value.present')).toBe(true);
  });

  test('that does not compile is refused', () => {
    expect(() => evaluatePolicy('nonsense', {}, {}, START)).toThrow(
      expect.objectContaining({ code: 'policy.file.parse' }),
    );
  });
});

describe('a replay', () => {
  async function verdicts(): Promise<{ readonly good: Verdict; readonly bad: Verdict; readonly unbound: Verdict }> {
    const world = await openWorld();
    const evaluate = async (entry = sampleEntry()) =>
      (await world.service.evaluate({ attempt: 'a', entries: [entry], policyIds: [] })).verdict;
    const bad = await evaluate();
    await setValues(world, SAMPLE_VALUES);
    await world.values.set('svn', ['1'], { by: OWNER, expires: START.getTime() + 60_000 });
    const unbound = await evaluate(sampleEntry(RUNTIME_DATA, { bound: {} }));
    return { good: await evaluate(), bad, unbound };
  }

  test('of the same policies at the same time gives the same verdict', async () => {
    for (const verdict of Object.values(await verdicts()))
      expect(replay(verdict, { policies: stored })).toEqual(verdict);
  });

  test('another date honours the ends of the recorded values', async () => {
    const { good } = await verdicts();
    const later = replay(good, { policies: stored, at: new Date(START.getTime() + 120_000) });
    expect(good.decision).toBe('accept');
    expect(later).toMatchObject({ verdict: 'accept', decision: 'refuse', as_of: true });
    expect(later.summary).toMatch(/^`svn` ended /);
  });

  test('another policy gives another decision over the same claims', async () => {
    const { bad } = await verdicts();
    const draft = 'package policy\ntrust_claims := {"hardware": 2} if input.sample.svn == "1"';
    expect(replay(bad, { policies: () => draft })).toMatchObject({
      verdict: 'accept',
      decision: 'accept',
      tiers: { cpu0: 'affirming' },
    });
  });

  test('evidence that was not bound stays refused whatever the policy', async () => {
    const { unbound } = await verdicts();
    const draft = 'package policy\ntrust_claims := {"hardware": 2}';
    expect(replay(unbound, { policies: () => draft })).toMatchObject({ verdict: 'reject', decision: 'refuse' });
  });
});
