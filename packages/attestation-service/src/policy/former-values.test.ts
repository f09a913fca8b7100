import type { Finding, Verdict } from '@assay/bytes/findings';
import { describe, expect, test } from 'vitest';
import { OWNER, openWorld, SAMPLE_VALUES, sampleEntry, setValues, type World } from '../testing/service.test.helper.js';
import { DEFAULT_POLICIES } from './default-policies.js';
import { replay } from './simulate.js';

const DIGEST = '4953b1fb416fa874980e8442b3706d345926d5f38879134e00813c5d7abcbe78';
const POLICY = `package policy
default executables := 33
trust_claims := {"executables": executables}
executables := 3 if { input.sample.svn in query_reference_value("launch") }`;

async function refused(prepare: (world: World) => Promise<unknown>): Promise<{ verdict: Verdict; root: Finding }> {
  const world = await openWorld();
  await world.service.setPolicy('default_cpu', POLICY, OWNER);
  await prepare(world);
  const { verdict } = await world.service.evaluate({
    entries: [sampleEntry(undefined, { svn: DIGEST })],
    policyIds: [],
  });
  const root = verdict.findings.find(({ key }) => key === verdict.roots[0]);
  if (root === undefined) throw new Error('nothing was refused');
  return { verdict, root };
}

describe('a measurement that is not registered', () => {
  test('was registered and replaced: when, by whom, and that the guest is behind', async () => {
    const { root, verdict } = await refused(async ({ values, advance }) => {
      await values.set('launch', [DIGEST], { by: OWNER });
      advance(60_000);
      await values.set('launch', ['newer'], { by: OWNER, reason: 'kernel 6.12.9' });
    });
    expect(root).toMatchObject({ id: 'rv.match.any', actual: DIGEST, expected: ['newer'] });
    expect(root.causes).toEqual([
      {
        text: 'it was a value of launch, version 1, set by ana@example.org at 2026-11-21T10:00:00Z and replaced at 2026-11-21T10:01:00Z (kernel 6.12.9)',
        confirmed: true,
      },
    ]);
    expect(root.compare?.also).toContain('same as version 1 of launch');
    expect(root.remedy).toMatch(/^Bring the guest to what is registered now\./);
    // Asked again later, the explanation is the recorded one.
    expect(replay(verdict, { policies: () => POLICY })).toEqual(verdict);
  });

  test('was registered and deleted', async () => {
    const { root } = await refused(async ({ values }) => {
      await values.set('launch', [DIGEST], { by: OWNER });
      await values.delete('launch', { by: OWNER, reason: 'CVE-2026-1' });
    });
    expect(root).toMatchObject({ id: 'rv.value.present', causes: [{ confirmed: true }] });
    expect(root.causes?.[0]?.text).toMatch(/deleted at .* \(CVE-2026-1\)$/);
    expect(root.remedy).toMatch(/withdrawn on purpose/);
  });

  test('is registered under another name', async () => {
    const { root } = await refused(async ({ values }) => {
      await values.set('launch', ['newer'], { by: OWNER });
      await values.set('other_workload', ['x', DIGEST], { by: OWNER });
    });
    expect(root.causes?.[0]).toMatchObject({
      confirmed: true,
      text: expect.stringMatching(/^it is a value of other_workload:/),
    });
    expect(root.compare?.also).toContain('same as expected of reference value other_workload');
  });

  test('was never seen: the usual causes stay', async () => {
    const { root } = await refused(({ values }) => values.set('launch', ['newer'], { by: OWNER }));
    expect(root.causes?.length).toBeGreaterThan(1);
    expect(root.causes?.some(({ confirmed }) => confirmed === true)).toBe(false);
  });
});

test('a history that does not answer changes nothing about the verdict', async () => {
  const world = await openWorld();
  await setValues(world, { ...SAMPLE_VALUES, svn: ['2'] });
  world.values.former = () => Promise.reject(new Error('out'));
  const { verdict, token } = await world.service.evaluate({ entries: [sampleEntry()], policyIds: [] });
  expect(verdict.findings.some(({ id }) => id === 'rv.match.any')).toBe(true);
  expect(token).toBeDefined();
  expect(replay(verdict, { policies: ({ id }) => DEFAULT_POLICIES[id] })).toEqual(verdict);
});
