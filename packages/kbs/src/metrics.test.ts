import { expect, test } from 'vitest';
import { NO_METRICS } from './metrics.js';
import { ALLOW_ALL, call, Guest, json, openBench, refusalOf, SECRET_PATH } from './testing/harness.test.helper.js';
import type { KbsMetrics } from './types.js';

const PATH = `resource/${SECRET_PATH}`;

/** Counts calls: `attestationSuccess(sample)`. */
function counting(): { metrics: KbsMetrics; counts: Record<string, number> } {
  const counts: Record<string, number> = {};
  const count = (name: string) => (first?: unknown) => {
    const key = typeof first === 'string' ? `${name}(${first})` : name;
    counts[key] = (counts[key] ?? 0) + 1;
  };
  const metrics = Object.fromEntries(Object.keys(NO_METRICS).map((name) => [name, count(name)]));
  return { metrics: metrics as unknown as KbsMetrics, counts };
}

test('one good round, and one of each that is not', async () => {
  const { metrics, counts } = counting();
  const bench = await openBench({ metrics });
  await bench.broker.resourcePolicies.set(ALLOW_ALL, bench.admin);
  const guest = new Guest(bench);
  await guest.handshake();
  await guest.get(PATH);
  expect(counts).toEqual({
    resourceWrite: 1,
    authRequest: 1,
    authSuccess: 1,
    attestationRequest: 1,
    'attestationSuccess(sample)': 1,
    policyEvaluation: 1,
    policyApproval: 1,
    resourceRead: 1,
    'pluginRequest(resource)': 1,
  });
  const since = async (run: () => Promise<unknown>) => {
    const before = { ...counts };
    await run();
    return Object.keys(counts)
      .filter((name) => counts[name] !== before[name])
      .sort();
  };
  expect(await since(() => refusalOf(bench.broker.auth({ body: json({}) })))).toEqual([
    'authError',
    'authRequest',
    'outcome(request.body.form)',
  ]);
  expect(await since(() => refusalOf(bench.broker.attest({ session: undefined, body: json({}) })))).toEqual([
    'attestationError',
    'attestationRequest',
    'outcome(session.cookie.present)',
  ]);
  await guest.auth();
  expect(await since(() => refusalOf(guest.attest(guest.attestationBody({ reportData: 'AAAA' }))))).toEqual([
    'attestationFailure(sample)',
    'attestationRequest',
    'outcome(binding.report-data.match)',
  ]);
  await guest.auth();
  bench.clock.now = new Date(bench.clock.now.getTime() + 300_000);
  // Upstream counts an ended session as neither failure nor error.
  expect(await since(() => refusalOf(guest.attest()))).toEqual(['attestationRequest', 'outcome(session.time.left)']);
  await bench.broker.resourcePolicies.set('package policy\nallow = false', bench.admin);
  await guest.handshake();
  expect(await since(() => refusalOf(guest.get(PATH)))).toEqual([
    'outcome(policy.rule.unmet)',
    'pluginRequest(resource)',
    'policyEvaluation',
    'policyViolation',
  ]);
  await bench.broker.resourcePolicies.set('package policy\nallow if false', bench.admin);
  expect(await since(() => refusalOf(guest.get(PATH)))).toContain('policyError');
  expect(await since(() => call(bench, 'DELETE', PATH))).toEqual(['pluginRequest(resource)', 'resourceDelete']);
  await bench.close();
});

test('a session longer than a day is a mistake', async () => {
  await expect(openBench({ config: { sessionSeconds: 36_000_000 } })).rejects.toMatchObject({
    code: 'config.file.form',
  });
  await expect(openBench({ config: { sessionSeconds: 0 } })).rejects.toMatchObject({ code: 'config.file.form' });
});
