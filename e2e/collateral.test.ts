import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createTestWorld,
  type EmulatedOverrides,
  emulatedAttester,
  startEmulatedKds,
  startEmulatedPcs,
} from '@assay/soft-tee';
import { startTestProxy } from '@assay/soft-tee/testing';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { guestOf, type SettingsChange, startTestServer, type TestServer } from './support/assay.js';

/** Where collateral comes from, and which one: settings of the owner, tried on the emulated vendors. */
const folder = temporaryFolder('assay-collateral-');
const roots = join(folder, 'roots.pem');
const world = createTestWorld({ now: () => new Date(), random: (n) => randomBytes(n) });
let pcs: Awaited<ReturnType<typeof startEmulatedPcs>>;
let kds: Awaited<ReturnType<typeof startEmulatedKds>>;
const servers: TestServer[] = [];

beforeAll(async () => {
  pcs = await startEmulatedPcs(world, { kind: 'pccs' });
  kds = await startEmulatedKds(world);
  writeFileSync(roots, world.intel.pki.root().pem + world.amd.ark('Milan').pem);
}, 60_000);

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

afterAll(async () => {
  await pcs.close();
  await kds.close();
  rmSync(folder, { recursive: true, force: true });
});

async function server(collateral: SettingsChange['collateral']): Promise<TestServer> {
  const started = await startTestServer({
    collateral: { pccs: [pcs.url], intel_pcs: 'off', amd_kds: kds.url, allow_http: true, ...collateral },
    trust: { emulated_roots: [roots] },
  });
  servers.push(started);
  return started;
}

function guest<Tee extends keyof EmulatedOverrides>(at: TestServer, tee: Tee, overrides?: EmulatedOverrides[Tee]) {
  return guestOf(at, { attester: emulatedAttester(tee, world, overrides) });
}

function claims(token: string, tee: string): Record<string, unknown> {
  const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    submods: { cpu0: { 'ear.veraison.annotated-evidence': Record<string, Record<string, unknown>> } };
  };
  return payload.submods.cpu0['ear.veraison.annotated-evidence'][tee] ?? {};
}

async function findings(at: TestServer): Promise<{ id: string; outcome: string; remedy?: string }[]> {
  const { items } = (await at.admin('GET', '/api/v1/attestations?limit=1')) as { items: { attempt: string }[] };
  const attempt = items[0]?.attempt ?? '';
  const detail = (await at.admin('GET', `/api/v1/attestations/${attempt}`)) as { verdict: { findings: [] } };
  return detail.verdict.findings;
}

test('an SGX guest is verified with collateral of API v3, which has none for TDX', async () => {
  const old = await server({ pcs_api: 3 });
  const before = pcs.log.length;
  expect(claims(await guest(old, 'sgx').attest(), 'sgx')).toMatchObject({ tcb_status: 'UpToDate' });
  const asked = pcs.log.slice(before);
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.filter((path) => !path.startsWith('/sgx/certification/v3/'))).toEqual([]);
  await expect(guest(old, 'tdx').attest()).rejects.toMatchObject({ status: 503, code: 'unavailable' });
});

test('a pinned evaluation is the one that counts; one that is not served leaves the verdict open', async () => {
  expect(claims(await guest(await server({}), 'tdx').attest(), 'tdx')).toMatchObject({ tcb_eval_num: 18 });
  const pinned = await server({ tcb_evaluation_number: 17 });
  expect(claims(await guest(pinned, 'tdx').attest(), 'tdx')).toMatchObject({ tcb_eval_num: 17 });
  const { ca, fmspc } = world.intel.platform();
  expect(await pinned.admin('GET', '/api/v1/collateral')).toMatchObject({ evaluations: [], pinned_evaluation: 17 });
  await pinned.admin('POST', '/api/v1/collateral/refresh', { tee: 'tdx', fmspc, ca });
  expect(await pinned.admin('GET', '/api/v1/collateral')).toMatchObject({
    evaluations: [
      {
        tee: 'tdx',
        numbers: [
          { number: 18, tcb_date: '2024-11-13T00:00:00Z', recovery_event: '2024-11-12T00:00:00Z' },
          { number: 17, tcb_date: '2024-03-13T00:00:00Z', recovery_event: '2024-03-12T00:00:00Z' },
        ],
      },
    ],
  });
  const unknown = await server({ tcb_evaluation_number: 12 });
  await expect(guest(unknown, 'tdx').attest()).rejects.toMatchObject({ status: 503, code: 'unavailable' });
});

test('vendors are asked by way of the proxy, whose password nobody repeats', async () => {
  const names = { 'pccs.test': '127.0.0.1', 'kds.test': '127.0.0.1' };
  const proxy = await startTestProxy({ credentials: 'assay:hunter2', names });
  const [toPcs, toKds] = [pcs.url.replace('127.0.0.1', 'pccs.test'), kds.url.replace('127.0.0.1', 'kds.test')];
  const behind = { pccs: [toPcs], amd_kds: toKds };
  const through = await server({ ...behind, proxy: `http://assay:hunter2@${proxy.host}` });
  expect(await guest(through, 'tdx').attest()).toMatch(/^ey/);
  expect(await guest(through, 'snp').attest()).toMatch(/^ey/);
  expect(proxy.asked.filter((line) => line.includes('pccs.test')).length).toBeGreaterThanOrEqual(4);
  expect(proxy.asked.filter((line) => line.includes('kds.test')).length).toBeGreaterThanOrEqual(2);

  const wrong = await server({ ...behind, proxy: `http://assay:wrong-pass@${proxy.host}` });
  await expect(guest(wrong, 'tdx').attest()).rejects.toMatchObject({ status: 503, code: 'unavailable' });
  expect(JSON.stringify(await findings(wrong))).not.toContain('wrong-pass');
  const straight = await server({ ...behind, proxy: `http://${proxy.host}`, no_proxy: ['pccs.test'] });
  const asked = proxy.asked.length;
  await expect(guest(straight, 'tdx').attest()).rejects.toMatchObject({ status: 503 });
  expect(proxy.asked).toHaveLength(asked);
  const refused = await startTestServer({ collateral: { proxy: 'socks5://assay:hunter2@proxy' } }).catch(
    (e: unknown) => e,
  );
  expect(String(refused)).toContain('collateral.proxy');
  expect(JSON.stringify(refused) + String(refused)).not.toContain('hunter2');
  await proxy.close();
});

test('a VLEK that the host does not hand out comes from the owner’s folder', async () => {
  const bare = { signer: 'vlek', certificates: 'none' } as const;
  const without = await server({});
  await expect(guest(without, 'snp', bare).attest()).rejects.toMatchObject({ status: 503, code: 'unavailable' });
  expect(await findings(without)).toContainEqual(
    expect.objectContaining({ id: 'snp.leaf.source', remedy: expect.stringContaining('collateral.amd_folder') }),
  );
  const leaves = join(folder, 'leaves');
  mkdirSync(join(leaves, 'vlek', 'Milan'), { recursive: true });
  const empty = await server({ amd_folder: leaves });
  await expect(guest(empty, 'snp', bare).attest()).rejects.toMatchObject({ status: 503, code: 'unavailable' });
  writeFileSync(join(leaves, 'vlek', 'Milan', 'vlek.pem'), world.amd.vlek(world.amd.chip()).pem);
  const filled = await server({ amd_folder: leaves });
  expect(await guest(filled, 'snp', bare).attest()).toMatch(/^ey/);
  expect(kds.log.filter((path) => path.startsWith('/vlek/v1/Milan/cert?'))).toEqual([]);
});
