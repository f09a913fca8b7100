/** SEV-SNP without attestation: components start, and nothing is ever released, whatever any policy says. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Attester, unattestedAttester } from '@assay/guest';
import { decodeJwtUnverified, parseResourceUri } from '@assay/protocol';
import { loadConfig } from '@assay/server';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allowAllPolicy, guestOf, startTestServer, type TestServer } from './support/assay.js';
import { assay } from './support/cli.js';

const URI = parseResourceUri('kbs:///default/key/1');
/** Calls everything genuine. */
const AFFIRM_ALL = `package policy
trust_claims := {"executables": 2, "hardware": 2, "configuration": 2}
`;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ development: { snp_without_attestation: true } });
  await server.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from('secret'));
  await server.admin('PUT', '/api/v1/resource-policy', { text: allowAllPolicy });
  await server.admin('PUT', '/api/v1/attestation-policies/default_cpu', { text: AFFIRM_ALL });
});
afterAll(() => server.stop());

const guest = () => guestOf(server, { attester: unattestedAttester() });

describe('with the mode on, and policies that allow everything', () => {
  test('a handshake gives a token that is marked and contraindicated', async () => {
    const token = await guest().attest();
    const { claims } = decodeJwtUnverified(token);
    expect(claims).toMatchObject({
      submods: {
        cpu0: {
          'ear.status': 'contraindicated',
          'ear.trustworthiness-vector': { hardware: 97 },
          'ear.veraison.annotated-evidence': { 'snp-no-attestation': { attested: false } },
        },
      },
    });
  });

  test('no secret is released: by session, by token, through any plug-in', async () => {
    const kbc = guest();
    await expect(kbc.getResource(URI)).rejects.toMatchObject({ status: 401, code: 'resource.refused' });
    const token = await kbc.attest();
    const bearer = { headers: { authorization: `Bearer ${token}` } };
    for (const path of ['resource/default/key/1', 'resource/default/none/1']) {
      const answer = await server.send('GET', `/kbs/v0/${path}`, bearer);
      expect([answer.status, (answer.json() as { code: string }).code]).toEqual([401, 'resource.refused']);
    }
    const attempt = (await server.admin('GET', `/api/v1/attestations/${kbc.lastAttempt}`)) as {
      releases: { decision: string; findings: { id: string; outcome: string }[] }[];
    };
    expect(attempt.releases.length).toBeGreaterThan(0);
    for (const { decision, findings } of attempt.releases) {
      expect(decision).toBe('refused');
      expect(findings).toContainEqual(expect.objectContaining({ id: 'evidence.attestation.present', outcome: 'fail' }));
    }
    const { items } = (await server.admin('GET', '/api/v1/resources/default/key/1/leases')) as { items: unknown[] };
    expect(items).toEqual([]);
  });

  test('a token is marked to a server that has the mode off, too', async () => {
    const kbc = guest();
    const token = await kbc.attest();
    const jwks = join(temporaryFolder('assay-jwks-'), 'jwks.json');
    writeFileSync(jwks, (await server.send('GET', '/.well-known/jwks.json')).text);
    const other = await startTestServer({ attestation_token: { trusted_jwk_sets: [jwks] } });
    await other.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from('secret'));
    await other.admin('PUT', '/api/v1/resource-policy', { text: allowAllPolicy });
    const answer = await other.send('GET', '/kbs/v0/resource/default/key/1', {
      headers: { authorization: `Bearer ${token}` },
    });
    expect([answer.status, (answer.json() as { code: string }).code]).toEqual([401, 'resource.refused']);
    await other.stop();
  });

  test('evidence that says it was attested, or anything else, is refused', async () => {
    for (const evidence of [{ attested: true }, { attested: false }, {}]) {
      const attester: Attester = { tee: 'snp-no-attestation', getEvidence: async () => evidence };
      await expect(guestOf(server, { attester }).attest()).rejects.toMatchObject({ status: 401 });
    }
  });

  test('readiness, doctor and the settings say so', async () => {
    expect((await server.send('GET', '/readyz')).json()).toEqual({
      ready: true,
      out: [],
      development: ['snp-no-attestation'],
    });
    const run = await assay(['doctor', '--server', server.url, '--only', 'ready', '--json']);
    expect(run.json()).toMatchObject({ checks: [{ part: 'ready', outcome: 'warn' }] });
    const { issues } = loadConfig({ flags: { 'development.snp_without_attestation': true } });
    expect(issues).toContainEqual(
      expect.objectContaining({ id: 'config.value.insecure', key: 'development.snp_without_attestation' }),
    );
  });
});

test('off by default: the TEE is not served', async () => {
  const plain = await startTestServer();
  await expect(guestOf(plain, { attester: unattestedAttester() }).attest()).rejects.toMatchObject({ status: 401 });
  expect((await plain.send('GET', '/readyz')).json()).toEqual({ ready: true, out: [] });
  await plain.stop();
});
