import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_POLICIES } from '@assay/attestation-service';
import { detectAttester, httpTransport } from '@assay/guest/services';
import { parseResourceUri } from '@assay/protocol';
import { createTestWorld, snpReport, startEmulatedKds, startEmulatedPcs, tdxQuote } from '@assay/soft-tee';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { FakeSystem } from '../packages/guest/src/attester/fake-system.test.helper.js';
import { allowAllPolicy, guestOf, startTestServer, type TestServer } from './support/assay.js';

// The first handshake fetches collateral and makes keys.
vi.setConfig({ testTimeout: 120_000 });

/**
 * The guest's own attesters on a kernel's interface, whose reports come from emulated hardware: what they make of the reports is
 * judged by the server, over TLS.
 */
const folder = temporaryFolder('assay-guest-hardware-');
const world = createTestWorld({ now: () => new Date(), random: (n) => randomBytes(n) });
let pcs: Awaited<ReturnType<typeof startEmulatedPcs>>;
let kds: Awaited<ReturnType<typeof startEmulatedKds>>;
let server: TestServer;

beforeAll(async () => {
  pcs = await startEmulatedPcs(world, { kind: 'pccs' });
  kds = await startEmulatedKds(world);
  const roots = join(folder, 'roots.pem');
  writeFileSync(roots, world.intel.pki.root().pem + world.amd.ark('Milan').pem);
  server = await startTestServer({
    http: { insecure_http: false },
    collateral: { pccs: [pcs.url], intel_pcs: 'off', amd_kds: kds.url, allow_http: true },
    trust: { emulated_roots: [roots] },
  });
  // Evidence that is not authentic gets no token at all; what is released to whom is tried elsewhere.
  await server.admin('PUT', '/api/v1/resource-policy', { text: allowAllPolicy });
  const policy = (DEFAULT_POLICIES['default_cpu'] ?? '').replaceAll('\tnot emulated\n', '');
  await server.admin('PUT', '/api/v1/attestation-policies/default_cpu', { text: policy });
  await server.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from('for a TEE'));
}, 60_000);

afterAll(async () => {
  await server.stop();
  await pcs.close();
  await kds.close();
  rmSync(folder, { recursive: true, force: true });
});

test.each([
  ['tdx', 'tdx_guest', tdxQuote],
  ['snp', 'sev_guest', snpReport],
] as const)('a guest whose kernel gives %s reports gets the secret', async (tee, provider, report) => {
  const system = new FakeSystem({}, { provider, report: (inblob) => report(world, inblob) });
  const attester = await detectAttester({ system, env: {}, arch: 'x64' });
  expect(attester.tee).toBe(tee);
  const transport = httpTransport({ url: server.url, ca: server.server.certificate?.certificate ?? '' });
  const guest = guestOf(server, { attester, transport });
  expect(Buffer.from(await guest.getResource(parseResourceUri('default/key/1'))).toString()).toBe('for a TEE');
});

test('a server whose certificate nobody vouches for gets no evidence', async () => {
  let asked = 0;
  const system = new FakeSystem({}, { provider: 'tdx_guest', report: () => Uint8Array.of(asked++) });
  const attester = await detectAttester({ system, env: {}, arch: 'x64' });
  const guest = guestOf(server, { attester, transport: httpTransport({ url: server.url }) });
  await expect(guest.attest()).rejects.toMatchObject({ reason: 'unavailable' });
  expect(asked).toBe(0);
});
