/** Guards of SEV pre-attestation behind others: each of these goes red when its `if` no longer decides. */
import { encodeBase64 } from '@assay/bytes';
import type { SevSecretDetails } from '@assay/soft-tee';
import { MemoryStorage } from '@assay/storage';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundle, openSevBench, platform, type SevBench, textOf } from '../support/sev.js';

let bench: SevBench;
beforeEach(async () => {
  bench = await openSevBench();
});
afterEach(() => bench.close());

const report: SevSecretDetails = {
  guid: 'c0ffee00-1234-4abc-8def-000000000001',
  format: '',
  secretType: 'report',
  id: 'r1',
};
const reports = async (): Promise<string> => {
  const { request } = await bench.launch();
  return textOf(bench.sev.getSecret({ ...request, secretRequests: [report] }));
};

test('a report key whose public half was exchanged in the store signs nothing', async () => {
  await bench.sev.reportKeys.create('r1', bench.admin);
  const { publicKey } = await bench.sev.reportKeys.create('r2', bench.admin);
  expect(await reports()).toBe('no refusal');
  const entries = await bench.storage.list('sev', { prefix: 'report-key/', limit: 10, values: true });
  const [entry] = entries.filter(({ key }) => key.endsWith('/r1'));
  if (entry === undefined) throw new Error('no record');
  const record = JSON.parse(Buffer.from(entry.value ?? []).toString()) as object;
  await bench.storage.put('sev', entry.key, Buffer.from(JSON.stringify({ ...record, publicKey })));
  expect(await reports()).not.toBe('no refusal');
});

test('a session ends by the clock of the broker, in a store that keeps it too', async () => {
  const storage = new MemoryStorage({ now: () => Date.parse('2026-11-22T10:00:00Z') });
  const keeping = await openSevBench({}, { ...bench, storage });
  try {
    const { request } = await keeping.launch();
    const late = await keeping.launch();
    const ask = (launch: typeof request): Promise<string> =>
      textOf(keeping.sev.getSecret({ ...launch, secretRequests: [bundle()] }));
    expect(await ask(request)).toBe('no refusal');
    bench.clock.now = new Date(bench.clock.now.getTime() + 300_000);
    expect(await ask(late.request)).toContain('Launch ID not found');
  } finally {
    await keeping.close();
    await storage.close();
  }
});

test('a chain that is too long is not decoded', async () => {
  const call = { policy: 3, certificateChain: encodeBase64(platform.chain) + 'A'.repeat(20_000) };
  await textOf(bench.sev.getBundle(call));
  const [attempt] = (await bench.broker.attempts.list()).items;
  const { findings } = (await bench.broker.attempts.get(attempt?.attempt ?? '')) ?? { findings: [] };
  const told = findings.filter(({ id }) => id === 'sev.cert.form').map(({ title }) => title);
  expect(told).toEqual([expect.stringMatching(/\d+ characters/)]);
});

test('what refuses is counted by its cause: the caller, the launch, the policy, a policy that cannot decide', async () => {
  const counted = async (edit: object): Promise<string[]> => {
    const { request } = await bench.launch();
    bench.counted.length = 0;
    await textOf(bench.sev.getSecret({ ...request, secretRequests: [bundle()], ...edit }));
    return bench.counted.filter((name) => /Error|Failure|Violation/.test(name));
  };
  expect(await counted({})).toEqual([]);
  expect(await counted({ launchId: 'x' })).toEqual(['attestationError']);
  expect(await counted({ buildId: 1 })).toEqual(['attestationFailure']);
  await bench.broker.resourcePolicies.set('package policy\n\nallow := false\n', bench.admin);
  expect(await counted({})).toEqual(['policyViolation', 'attestationFailure']);
  const undecided = 'package policy\n\nallow := x if some x in [true, false]\n';
  await bench.broker.resourcePolicies.set(undecided, bench.admin);
  expect(await counted({})).toEqual(['policyError', 'attestationFailure']);
});
