import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guestOf, prepareSample, startTestServer, type TestServer } from './support/assay.js';
import { assay } from './support/cli.js';

let server: TestServer;
const folder = temporaryFolder('assay-replay-');
const draft = join(folder, 'draft.rego');
const changed = {
  tee: 'sample' as const,
  getEvidence: async (d: Uint8Array) => ({ svn: '7', report_data: Buffer.from(d).toString('base64') }),
};
let good = '';
let bad = '';

beforeAll(async () => {
  writeFileSync(draft, 'package policy\n\ntrust_claims := {"hardware": 2} if input.sample.svn == "7"\n');
  server = await startTestServer();
  await prepareSample(server);
  for (const name of ['svn', 'major_version']) await server.admin('DELETE', `/api/v1/reference-values/${name}`);
  await server.admin('PUT', '/api/v1/reference-values/svn', { value: ['1'], expires: '2030-01-01T00:00:00Z' });
  await server.admin('PUT', '/api/v1/reference-values/major_version', { value: 1 });
  const [honest, other] = [guestOf(server), guestOf(server, { attester: changed })];
  await honest.attest();
  await other.attest();
  good = honest.lastAttempt ?? '';
  bad = other.lastAttempt ?? '';
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) =>
  assay(args, {
    env: { HOME: folder, ASSAY_CONFIG_HOME: folder, ASSAY_SERVER: server.url, ASSAY_TOKEN: server.token },
  });

interface Told {
  readonly recorded: { readonly decision: string };
  readonly replayed: { readonly decision: string; readonly summary: string; readonly as_of?: boolean };
}
const replay = (attempt: string, body: object) =>
  server.admin('POST', `/api/v1/attestations/${attempt}/replay`, body) as Promise<Told>;

describe('a stored attempt asked again', () => {
  test('unchanged gives what it gave', async () => {
    for (const [attempt, decision] of [
      [good, 'accept'],
      [bad, 'refuse'],
    ] as const) {
      const told = await replay(attempt, {});
      expect([told.recorded.decision, told.replayed.decision]).toEqual([decision, decision]);
    }
  });

  test('for a date after the end of a value is refused, and says so', async () => {
    const { replayed } = await replay(good, { at: '2031-01-01T00:00:00Z' });
    expect(replayed).toMatchObject({ decision: 'refuse', as_of: true });
    expect(replayed.summary).toContain('ended');
  });

  test('with a draft, or with other values, is decided by them; nothing is stored', async () => {
    const text = 'package policy\n\ntrust_claims := {"hardware": 2} if input.sample.svn == "7"\n';
    expect((await replay(bad, { policies: { default_cpu: text } })).replayed.decision).toBe('accept');
    expect((await replay(good, { policies: { default_cpu: text } })).replayed.decision).toBe('refuse');
    expect((await replay(bad, { values: { svn: ['7'] } })).replayed.decision).toBe('accept');
    expect((await replay(bad, { reference_values: 'current' })).replayed.decision).toBe('refuse');
    const { current } = (await server.admin('GET', '/api/v1/reference-values/svn')) as { current: { value: unknown } };
    expect(current.value).toEqual(['1']);
  });

  test.each([
    [{ policies: { other: 'package policy' } }, 'policy.id.known'],
    [{ policies: { default_cpu: 'nonsense' } }, 'policy.file.parse'],
    [{ at: 'yesterday' }, 'request.body.form'],
    [{ reference_values: 'all' }, 'request.body.form'],
    [{ extra: 1 }, 'request.body.form'],
  ])('with %j is refused: %s', async (body, code) => {
    const headers = { authorization: `Bearer ${server.token}` };
    const path = `/api/v1/attestations/${good}/replay`;
    const answer = await server.send('POST', path, { headers, body: JSON.stringify(body) });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.json()).toMatchObject({ code });
    expect((await server.send('POST', path, { body: '{}' })).status).toBe(401);
    const unknown = await server.send('POST', '/api/v1/attestations/nope/replay', { headers, body: '{}' });
    expect(unknown.json()).toMatchObject({ code: 'audit.attempt.known' });
  });

  test('whose policy has changed since is asked the text that was in force then', async () => {
    const { text } = (await server.admin('GET', '/api/v1/attestation-policies/default_cpu')) as { text: string };
    await server.admin('PUT', '/api/v1/attestation-policies/default_cpu', {
      text: 'package policy\n\ntrust_claims := {}\n',
    });
    expect((await replay(good, {})).replayed.decision).toBe('accept');
    await server.admin('PUT', '/api/v1/attestation-policies/default_cpu', { text });
  });
});

describe('the commands', () => {
  test('audit replay: exit codes follow the decision', async () => {
    const same = await run('audit', 'replay', bad);
    expect(same.code).toBe(1);
    expect(same.out).toMatch(/^then: refuse: .*\nnow: {2}refuse: /m);
    expect((await run('audit', 'replay', bad, '--policy', draft)).code).toBe(0);
    expect((await run('audit', 'replay', bad, '--policy', `default_cpu=${draft}`, '--json')).json()).toMatchObject({
      replayed: { decision: 'accept' },
    });
    expect((await run('audit', 'replay', good, '--at', '2031-01-01T00:00:00Z')).code).toBe(1);
  });

  test('policy test: what a draft would have said of past attempts', async () => {
    const told = (await run('policy', 'test', 'default_cpu', '--policy', draft, '--json')).json() as {
      changed: number;
      tested: unknown[];
    };
    expect([told.tested.length, told.changed]).toEqual([2, 2]);
    const table = await run('policy', 'test', 'default_cpu', '--policy', draft, '--last', '1');
    expect(table.out).toContain('1 asked, 1 would change');
    for (const line of table.out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect((await run('policy', 'test', 'default_cpu', '--policy', draft, '--attempt', good)).code).toBe(1);
    expect((await run('policy', 'test', 'resource', '--policy', draft)).code).toBe(2);
    expect((await run('policy', 'test', 'default_cpu', '--policy', draft, '--last', '0')).code).toBe(2);
  });

  test('rv approve: shows first, stores only with --yes and a reason, and the guest then passes', async () => {
    const shown = await run('rv', 'approve', bad);
    expect(shown.out).toMatch(/^svn +7 +\["1"\] +\["1","7"\]$/m);
    expect(shown.out).toContain('with these: accept');
    expect(shown.out).toContain('nothing is stored yet');
    expect((await run('rv', 'approve', bad, '--yes')).code).toBe(2);
    expect((await run('rv', 'approve', bad, '--name', 'other', '--json')).json()).toMatchObject({
      proposals: [],
      stored: false,
    });
    const stored = await run(
      'rv',
      'approve',
      bad,
      '--yes',
      '--reason',
      'release 7',
      '--expires',
      '2029-01-01T00:00:00Z',
    );
    expect(stored).toMatchObject({ code: 0 });
    const { current, history } = (await server.admin('GET', '/api/v1/reference-values/svn')) as {
      current: { value: unknown; expires: number };
      history: { attempt?: string; reason?: string }[];
    };
    expect(current).toMatchObject({ value: ['1', '7'], expires: Date.parse('2029-01-01T00:00:00Z') });
    expect(history[0]).toMatchObject({ attempt: bad, reason: 'release 7' });
    expect(await guestOf(server, { attester: changed }).attest()).toMatch(/^ey/);
    expect((await run('audit', 'replay', bad, '--current-values')).code).toBe(0);
    expect((await run('rv', 'approve', bad)).out).toContain('no comparison with a reference value stands in its way');
  }, 60_000);
});
