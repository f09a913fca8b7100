import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeBase64url } from '@assay/bytes';
import { parseResourceUri } from '@assay/protocol';
import { type RunningServer, startServer } from '@assay/server';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { affirmingPolicy, guestOf, settingsWith, startTestServer, type TestServer } from './support/assay.js';

/** RVPS, Attestation Service and KBS as three servers, joined by the CoCo gRPC interfaces. */
const folder = temporaryFolder('assay-apart-');
const grpcToken = 'a-shared-token-of-the-services';
const uri = parseResourceUri('default/key/1');
let rvps: RunningServer;
let attestation: RunningServer;
let kbs: TestServer;

beforeAll(async () => {
  rvps = await startServer({
    settings: settingsWith({ http: { insecure_http: true }, grpc: { listen: '127.0.0.1:0', token: grpcToken } }),
    dataDir: join(folder, 'rvps'),
    role: 'rvps',
  });
  attestation = await startServer({
    settings: settingsWith({
      http: { insecure_http: true },
      grpc: { listen: '127.0.0.1:0', token: grpcToken },
      rvps: { type: 'grpc', address: `http://${rvps.grpc}` },
    }),
    dataDir: join(folder, 'as'),
    role: 'attestation-service',
  });
  const keys = join(folder, 'as-keys.json');
  writeFileSync(keys, await (await fetch(`${attestation.urls[0]}/.well-known/jwks.json`)).text());
  kbs = await startTestServer({
    attestation_service: { type: 'grpc', address: `http://${attestation.grpc}` },
    attestation_token: { trusted_jwk_sets: [keys] },
    grpc: { token: grpcToken },
  });
});

afterAll(async () => {
  await kbs.stop();
  await attestation.close();
  await rvps.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a guest attests through all three and gets its secret; a changed one does not, and its owner reads why', async () => {
  const values = { launch_digest: ['abcde'], svn: ['1'], major_version: 1, minimum_minor_version: 4 };
  const payload = Buffer.from(JSON.stringify(values)).toString('base64');
  await kbs.admin('POST', '/kbs/v0/reference-value', { version: '0.1.0', type: 'sample', payload });
  expect(
    (await kbs.send('GET', '/kbs/v0/reference-value/svn', { headers: { authorization: `Bearer ${kbs.token}` } })).text,
  ).toBe('["1"]');
  await kbs.admin('PUT', '/api/v1/resource-policy', { text: affirmingPolicy });
  await kbs.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from('far away'));
  expect(Buffer.from(await guestOf(kbs).getResource(uri)).toString()).toBe('far away');

  const changed = guestOf(kbs, {
    attester: {
      tee: 'sample',
      getEvidence: async (d) => ({ svn: '2', report_data: Buffer.from(d).toString('base64') }),
    },
  });
  await expect(changed.getResource(uri)).rejects.toMatchObject({ status: 401, code: 'resource.refused' });
  const detail = (await kbs.admin('GET', `/api/v1/attestations/${changed.lastAttempt}`)) as {
    verdict: { findings: { id: string; title?: string }[] };
  };
  const said = detail.verdict.findings.map((finding) => `${finding.id} ${finding.title ?? ''}`).join('\n');
  expect(said).toContain('svn');
});

test('an attestation policy set at the KBS reaches the Attestation Service', async () => {
  const text = 'package policy\n\ntrust_claims := {"executables": 3, "hardware": 2, "configuration": 2}\n';
  await kbs.admin('POST', '/kbs/v0/attestation-policy', {
    policy_id: 'default_cpu',
    policy: encodeBase64url(Buffer.from(text)),
  });
  const changed = guestOf(kbs, {
    attester: {
      tee: 'sample',
      getEvidence: async (d) => ({ svn: '9', report_data: Buffer.from(d).toString('base64') }),
    },
  });
  expect(Buffer.from(await changed.getResource(uri)).toString()).toBe('far away');
});

test('the services answer their own health, REST and keys', async () => {
  const url = attestation.urls[0] ?? '';
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect(((await (await fetch(`${url}/.well-known/jwks.json`)).json()) as { keys: unknown[] }).keys).toHaveLength(1);
  const listed = (await (await fetch(`${url}/policy`)).json()) as { 'policy-id': string }[];
  expect(listed.map((p) => p['policy-id'])).toContain('default_cpu');
  expect((await fetch(`${url}/policy`, { method: 'POST', body: '{}' })).status).toBeGreaterThanOrEqual(400);
  const token = await fetch(`${url}/attestation`, {
    method: 'POST',
    body: JSON.stringify({
      verification_requests: [
        { tee: 'sample', evidence: encodeBase64url(Buffer.from('{"svn":"1","report_data":"AAAA"}')) },
      ],
      policy_ids: [],
    }),
  });
  expect(token.status).toBe(200);
  expect(await token.text()).toMatch(/^ey/);
});

test('an RVPS that is away is an outage, not a missing value', async () => {
  const text =
    'package policy\n\ndefault hw := 97\n\nhw := 2 if input.sample.svn in query_reference_value("svn")\n\ntrust_claims := {"hardware": hw}\n';
  await kbs.admin('POST', '/kbs/v0/attestation-policy', {
    policy_id: 'default_cpu',
    policy: encodeBase64url(Buffer.from(text)),
  });
  expect(await guestOf(kbs).attest()).toMatch(/^ey/);
  await rvps.close();
  const answer = await guestOf(kbs)
    .attest()
    .catch((error: unknown) => error);
  expect(answer).toMatchObject({ status: 503, code: 'unavailable' });
});
