import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Attester, Kbc } from '@assay/guest';
import { parseResourceUri } from '@assay/protocol';
import { postgresForTests } from '@assay/storage/testing';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allowAllPolicy, guestOf, prepareSample, startTestServer, type TestServer } from './support/assay.js';
import { within } from './support/wait.js';

const postgres = await postgresForTests();
const uri = parseResourceUri('kbs:///default/key/1');
const changedSample: Attester = {
  tee: 'sample',
  getEvidence: async (reportData) => ({ svn: '9', report_data: Buffer.from(reportData).toString('base64') }),
};
const works = (guest: Kbc): Promise<boolean> =>
  guest.getResource(uri).then(
    () => true,
    () => false,
  );
const folder = temporaryFolder('assay-replicas-');

afterAll(async () => {
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(postgres === undefined)('two replicas on one PostgreSQL, with the same key-encryption key', () => {
  let one: TestServer;
  let two: TestServer;

  beforeAll(async () => {
    const host = encodeURIComponent(postgres?.host ?? '');
    const url = `postgres://${postgres?.user}@${host}/${postgres?.database}`;
    const settings = { storage: { backend: 'postgres' as const, postgres_url: url, pool: 5 } };
    const [a, b] = [mkdtempSync(join(folder, 'a-')), mkdtempSync(join(folder, 'b-'))];
    one = await startTestServer(settings, { dataDir: a });
    for (const name of readdirSync(a)) if (name.endsWith('.key')) copyFileSync(join(a, name), join(b, name));
    two = await startTestServer(settings, { dataDir: b });
    await prepareSample(one);
    // What was set at one must have reached the other; how soon is a test of its own below.
    await within(5000, () => works(guestOf(two)));
  }, 60_000);

  afterAll(async () => {
    await one?.stop();
    await two?.stop();
  });

  test('auth at one, attest at the other, the secret at either', async () => {
    let step = 0;
    const guest = guestOf(one, {
      // Each request goes to the other replica than the one before.
      transport: (request) => (step++ % 2 === 0 ? one : two).transport(request),
    });
    expect(Buffer.from(await guest.getResource(uri)).toString()).toBe('the secret');
    expect(Buffer.from(await guest.getResource(uri)).toString()).toBe('the secret');
    expect(step).toBe(4);
  });

  test('the token of one opens the other, and both publish the same key', async () => {
    const guest = guestOf(one);
    const token = await guest.attest();
    const answer = await two.send('GET', '/kbs/v0/resource/default/key/1', {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(200);
    const keys = await Promise.all([one, two].map(async (s) => (await s.send('GET', '/.well-known/jwks.json')).text));
    expect(keys[0]).toBe(keys[1]);
  });

  test('the admin token of the first start is good at both', async () => {
    expect(two.token).toBe('');
    const headers = { authorization: `Bearer ${one.token}` };
    expect((await two.send('GET', '/api/v1/session', { headers })).status).toBe(200);
  });

  test('a policy and a reference value set at one are in force at the other within two seconds', async () => {
    const allowed = (): Promise<boolean> => works(guestOf(two, { attester: changedSample }));
    const refused = async (): Promise<boolean> => !(await allowed());
    expect(await allowed()).toBe(false);
    await one.admin('PUT', '/api/v1/reference-values/svn', { value: ['1', '9'] });
    expect(await within(2000, allowed)).toBe(true);
    await one.admin('PUT', '/api/v1/resource-policy', { text: 'package policy\n\nallow := false\n' });
    expect(await within(2000, refused)).toBe(true);
    await one.admin('PUT', '/api/v1/resource-policy', { text: allowAllPolicy });
    expect(await within(2000, allowed)).toBe(true);
    const text = 'package policy\n\ntrust_claims := {"executables": 33}\n';
    await one.admin('PUT', '/api/v1/attestation-policies/default_cpu', { text });
    const second = await within(2000, async () => {
      const guest = guestOf(two);
      await guest.attest();
      const detail = (await one.admin('GET', `/api/v1/attestations/${guest.lastAttempt}`)) as {
        verdict: { policies: { version: number }[] };
      };
      return detail.verdict.policies[0]?.version === 2;
    });
    expect(second).toBe(true);
  });

  test('one nonce gives one attempt, however many replicas are asked at once', async () => {
    const sent: { path: string; headers: Readonly<Record<string, string>>; body: Uint8Array }[] = [];
    const probe = guestOf(one, {
      transport: async (request) => {
        if (request.path === '/kbs/v0/attest') {
          sent.push({ path: request.path, headers: request.headers, body: request.body ?? new Uint8Array() });
          throw new Error('kept');
        }
        return one.transport(request);
      },
    });
    await probe.attest().catch(() => undefined);
    const [kept] = sent;
    if (kept === undefined) throw new Error('no attestation was made');
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        (n % 2 === 0 ? one : two).send('POST', kept.path, { headers: kept.headers, body: kept.body }),
      ),
    );
    const tokens = new Set(answers.filter((a) => a.status === 200).map((a) => (a.json() as { token: string }).token));
    // A session that has been attested answers with its token, as upstream: never with another one.
    expect(tokens.size).toBe(1);
    expect(answers.every((a) => a.status === 200 || a.status === 401)).toBe(true);
    const cookie = kept.headers['cookie'] ?? '';
    expect(answers.filter((a) => a.status === 200).length).toBeGreaterThanOrEqual(1);
    const page = (await one.admin('GET', '/api/v1/attestations?limit=5')) as { items: { state: string }[] };
    expect(page.items.filter((item) => item.state === 'attested').length).toBeGreaterThanOrEqual(1);
    expect((await two.send('GET', '/kbs/v0/resource/default/key/1', { headers: { cookie } })).status).toBe(200);
  });

  test('without the key-encryption key a replica does not start', async () => {
    const host = encodeURIComponent(postgres?.host ?? '');
    const url = `postgres://${postgres?.user}@${host}/${postgres?.database}`;
    const dataDir = mkdtempSync(join(folder, 'c-'));
    await expect(
      startTestServer({ storage: { backend: 'postgres', postgres_url: url, pool: 2 } }, { dataDir }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^kms\./) });
    expect(readdirSync(dataDir)).toEqual([]);
  });
});
