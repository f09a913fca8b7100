import { createHash, randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_POLICIES } from '@assay/attestation-service';
import { parseResourceUri } from '@assay/protocol';
import {
  AZURE_DEFECTS,
  type AzureDefect,
  createTestWorld,
  type EmulatedOverrides,
  type EmulatedTee,
  emulatedAttester,
  startEmulatedKds,
  startEmulatedPcs,
  TPM_DEFECTS,
  type TpmDefect,
} from '@assay/soft-tee';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { affirmingPolicy, guestOf, startTestServer, type TestServer } from './support/assay.js';

/** The whole handshake with an emulated TPM and with emulated Azure confidential VMs, collateral from emulated PCS and KDS. */
const folder = temporaryFolder('assay-azure-tpm-');
const world = createTestWorld({ now: () => new Date(), random: (n) => randomBytes(n) });
const uri = parseResourceUri('default/key/1');
const developmentPolicy = (DEFAULT_POLICIES['default_cpu'] ?? '').replaceAll('\tnot emulated\n', '');
let pcs: Awaited<ReturnType<typeof startEmulatedPcs>>;
let kds: Awaited<ReturnType<typeof startEmulatedKds>>;
let server: TestServer;

beforeAll(async () => {
  pcs = await startEmulatedPcs(world, { kind: 'pccs' });
  kds = await startEmulatedKds(world);
  const roots = join(folder, 'emulated-roots.pem');
  writeFileSync(roots, world.intel.pki.root().pem + world.amd.ark('Milan').pem + world.tpm.root().pem);
  server = await startTestServer({
    collateral: { pccs: [pcs.url], intel_pcs: 'off', amd_kds: kds.url, allow_http: true },
    trust: { emulated_roots: [roots] },
  });
  await server.admin('PUT', '/api/v1/resource-policy', { text: affirmingPolicy });
  await server.admin('PUT', '/api/v1/attestation-policies/default_cpu', { text: developmentPolicy });
  await server.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from('for a vTPM'));
}, 60_000);

afterAll(async () => {
  await server.stop();
  await pcs.close();
  await kds.close();
  rmSync(folder, { recursive: true, force: true });
});

function guest<Tee extends EmulatedTee>(tee: Tee, overrides?: EmulatedOverrides[Tee], at: TestServer = server) {
  return guestOf(at, { attester: emulatedAttester(tee, world, overrides) });
}

type Claims = Readonly<Record<string, unknown>>;

function evidenceOf(token: string): Readonly<Record<string, Claims>> {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    submods: { cpu0: { 'ear.veraison.annotated-evidence': Record<string, Claims> } };
  };
  return claims.submods.cpu0['ear.veraison.annotated-evidence'];
}

/** Findings of the last attempt that did not hold, as id and title. */
async function refusals(at: TestServer = server): Promise<string> {
  const list = (await at.admin('GET', '/api/v1/attestations?limit=1')) as { items: { attempt: string }[] };
  const detail = (await at.admin('GET', `/api/v1/attestations/${list.items[0]?.attempt}`)) as {
    verdict: { findings: { id: string; outcome: string; title?: string; remedy?: string }[] };
  };
  const failed = detail.verdict.findings.filter(({ outcome }) => outcome === 'fail');
  expect(failed.every(({ remedy }) => (remedy ?? '') !== '')).toBe(true);
  return failed.map(({ id, title }) => `${id}: ${title}`).join('\n');
}

async function register(values: Readonly<Record<string, unknown>>): Promise<void> {
  for (const [name, value] of Object.entries(values)) {
    await server.admin('PUT', `/api/v1/reference-values/${name}`, { value: [value] });
  }
}

describe('an emulated TPM', () => {
  test('is authentic under its maker’s root, and gets its secret once its values are registered', async () => {
    const { tpm, report_data: reportData } = evidenceOf(await guest('tpm').attest());
    expect(tpm).toMatchObject({ emulated: true, ak_trust: 'certificate' });
    expect(reportData).toMatch(/^[0-9a-f]{128}$/);
    await expect(guest('tpm').getResource(uri)).rejects.toMatchObject({ code: 'resource.refused' });
    expect(await refusals()).toContain('input.tpm.pcr11');
    await register({ tpm_pcr11: tpm?.['pcr11'], trusted_aks: tpm?.['ak_public'] });
    expect(Buffer.from(await guest('tpm').getResource(uri)).toString()).toBe('for a vTPM');
  });

  test.each(['unknown-ak', 'unrestricted-ak', 'changed-pcr', 'log-added-event'] as const)(
    'with %s is not accepted',
    async (name) => {
      const defect: TpmDefect = TPM_DEFECTS[name];
      await expect(guest('tpm', defect.make(world)).attest()).rejects.toMatchObject({
        status: 401,
        code: 'evidence.refused',
      });
      expect(await refusals()).toContain(`${defect.finding}: `);
    },
  );

  test('whose key nobody vouches for is left to policy where the owner says so', async () => {
    const lenient = await startTestServer({ tpm: { untrusted_ak: 'policy' } });
    const token = await guest('tpm', { certificate: 'none' }, lenient).attest();
    expect(evidenceOf(token)['tpm']).toMatchObject({ ak_trust: 'policy' });
    await lenient.stop();
  });
});

describe.each(['az-snp-vtpm', 'az-tdx-vtpm'] as const)('an emulated %s guest', (tee) => {
  const hardware = tee === 'az-snp-vtpm' ? 'snp' : 'tdx';

  test('is authentic, and gets its secret once its values are registered', async () => {
    const evidence = evidenceOf(await guest(tee).attest());
    const claims = evidence[tee] as Claims & { tpm: Claims; quote?: { body: Claims } };
    expect(claims).toMatchObject({ emulated: true });
    await register({
      [hardware === 'snp' ? 'snp_pcr11' : 'tdx_pcr11']: claims.tpm['pcr11'],
      measurement: claims['measurement'] ?? '',
      tcb_bootloader: claims['reported_tcb_bootloader'] ?? '',
      tcb_microcode: claims['reported_tcb_microcode'] ?? '',
      tcb_snp: claims['reported_tcb_snp'] ?? '',
      tcb_tee: claims['reported_tcb_tee'] ?? '',
      smt_enabled: claims['platform_smt_enabled'] ?? '',
      tsme_enabled: claims['platform_tsme_enabled'] ?? '',
      abi_major: claims['policy_abi_major'] ?? '',
      abi_minor: claims['policy_abi_minor'] ?? '',
      single_socket: claims['policy_single_socket'] ?? '',
      smt_allowed: claims['policy_smt_allowed'] ?? '',
      mr_td: claims.quote?.body['mr_td'] ?? '',
      xfam: claims.quote?.body['xfam'] ?? '',
    });
    expect(Buffer.from(await guest(tee).getResource(uri)).toString()).toBe('for a vTPM');
  });

  test('of evidence version 0 and 1 is taken as well', async () => {
    for (const version of [0, 1] as const) expect(await guest(tee, { version }).attest()).not.toBe('');
  });

  test('binds init-data in PCR 8', async () => {
    const initData = 'algorithm = "sha256"\nversion = "0.1.0"\n\n[data]\n"policy.rego" = "package agent_policy"\n';
    const digest = new Uint8Array(createHash('sha256').update(initData).digest());
    const attester = (bound: boolean) => emulatedAttester(tee, world, bound ? { tpm: { initData: digest } } : {});
    const bound = guestOf(server, { attester: attester(true), initDataToml: initData });
    expect(evidenceOf(await bound.attest())).toMatchObject({ init_data_claims: expect.any(Object) });
    const unbound = guestOf(server, { attester: attester(false), initDataToml: initData });
    await expect(unbound.attest()).rejects.toMatchObject({ code: 'evidence.refused' });
    expect(await refusals()).toContain('binding.init-data.match: ');
  });

  test.each(
    Object.entries(AZURE_DEFECTS as Readonly<Record<string, AzureDefect>>).filter(
      ([name, { on }]) =>
        on.includes(hardware) && ['stale-user-data', 'json-of-other-vm', 'other-vmpl', 'changed-pcr'].includes(name),
    ),
  )('with %s is not accepted', async (_, defect) => {
    await expect(guest(tee, defect.make(world)).attest()).rejects.toMatchObject({
      status: 401,
      code: 'evidence.refused',
    });
    expect(await refusals()).toContain(`${defect.finding}: `);
  });
});

test('a VCEK that did not come along is fetched from AMD', async () => {
  expect(evidenceOf(await guest('az-snp-vtpm', { vcek: 'none' }).attest())).toHaveProperty('az-snp-vtpm');
});
