import type { JsonValue } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import type { ReferenceValueSnapshot, ReferenceValueSource } from '@assay/rvps';
import { describe, expect, test } from 'vitest';
import { OWNER, openWorld, SAMPLE_VALUES, sampleEntry } from '../testing/service.test.helper.js';

/** A remote RVPS: it knows only what it is asked for, and has no revision. */
class Remote implements ReferenceValueSource {
  readonly asked: string[][] = [];
  readonly #values: { readonly [name: string]: JsonValue };

  constructor(values: { readonly [name: string]: JsonValue }) {
    this.#values = values;
  }

  async snapshot(names: Iterable<string> = []): Promise<ReferenceValueSnapshot> {
    const wanted = [...names];
    this.asked.push(wanted);
    const fact = (name: string) => ({
      value: this.#values[name] ?? null,
      publisher: 'remote',
      registeredAt: undefined,
      expires: undefined,
    });
    return {
      revision: undefined,
      lookup: (name) => (wanted.includes(name) && Object.hasOwn(this.#values, name) ? fact(name) : undefined),
      ended: () => undefined,
      all: () => [],
      names: wanted,
    };
  }

  async query(name: string): Promise<JsonValue | undefined> {
    return this.#values[name];
  }

  async registerMessage(): Promise<readonly string[]> {
    return [];
  }
}

const request = { entries: [sampleEntry()], policyIds: [] };

describe('a remote RVPS', () => {
  test('is asked once for the names that the policy mentions', async () => {
    const remote = new Remote(SAMPLE_VALUES);
    const { service } = await openWorld({ referenceValues: remote });
    const { verdict } = await service.evaluate(request);
    expect(verdict.decision).toBe('accept');
    expect(remote.asked).toHaveLength(1);
    expect(remote.asked[0]).toContain('launch_digest');
    expect(verdict.reference_values?.find(({ name }) => name === 'svn')).toMatchObject({
      publisher: 'remote',
      state: 'present',
    });
  });

  test('is asked again for names that the policy makes up as it goes', async () => {
    const remote = new Remote({ 'svn-of-abcde': ['1'] });
    const { service } = await openWorld({ referenceValues: remote });
    const policy = `package policy
default hardware := 97
trust_claims := {"hardware": hardware}
hardware := 2 if input.sample.svn in query_reference_value(sprintf("svn-of-%s", [input.sample.launch_digest]))`;
    await service.setPolicy('default_cpu', policy, OWNER);
    const { verdict } = await service.evaluate(request);
    expect(verdict.decision).toBe('accept');
    expect(remote.asked).toEqual([[], ['svn-of-abcde']]);
  });

  test('names without end come to an end', async () => {
    const remote = new Remote({});
    const { service } = await openWorld({ referenceValues: remote });
    const policy =
      'package policy\ntrust_claims := {"hardware": 2} if query_reference_value(sprintf("%d", [time.now_ns()])) == null';
    await service.setPolicy('default_cpu', policy, OWNER);
    await service.evaluate(request);
    expect(remote.asked.length).toBeLessThanOrEqual(8);
  });

  test('that does not answer is an outage, not "no value"', async () => {
    const remote = new Remote(SAMPLE_VALUES);
    remote.snapshot = async () => {
      throw assayError('rv.query.answers', { params: { address: 'rvps', ms: 1, reason: 'timeout' } });
    };
    const { service } = await openWorld({ referenceValues: remote });
    await expect(service.evaluate(request)).rejects.toMatchObject({
      code: 'rv.query.answers',
      guestCode: 'unavailable',
    });
    expect(await service.readiness()).toMatchObject([{ id: 'rv.query.answers' }]);
  });
});

test('a value that ends within two weeks is told of, and still counts', async () => {
  const world = await openWorld();
  const DAY = 86_400_000;
  const end = (days: number) => world.now().getTime() + days * DAY;
  for (const [name, value] of Object.entries(SAMPLE_VALUES)) await world.values.set(name, value, { by: OWNER });
  const warnings = async () => {
    const { verdict } = await world.service.evaluate(request);
    expect(verdict.decision).toBe('accept');
    return verdict.findings.filter(({ id }) => id === 'rv.value.ending');
  };
  await world.values.set('svn', ['1'], { by: OWNER, expires: end(15) });
  expect(await warnings()).toEqual([]);
  await world.values.set('svn', ['1'], { by: OWNER, expires: end(14) });
  expect(await warnings()).toMatchObject([
    { outcome: 'warn', severity: 'low', subject: 'svn', title: '`svn` ends 2026-12-05T10:00:00Z, in 14 days' },
  ]);
});
