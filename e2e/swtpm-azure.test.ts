import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeHex } from '@assay/bytes';
import { AZURE, azureAttester, azureKind, azureMetadata } from '@assay/guest';
import { akTemplate, evictControl } from '@assay/guest/tpm';
import { decodeJwtUnverified } from '@assay/protocol';
import { createTestWorld, startEmulatedKds, startEmulatedPcs } from '@assay/soft-tee';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guestOf, startTestServer, type TestServer } from './support/assay.js';
import { measure, measuredBoot, pcrAfter } from './support/measured-boot.js';
import { type AzureVm, azureVm } from './support/paravisor.js';
import { persist, type SoftwareTpm, swtpmPossible, type TpmMaker, tpmMaker } from './support/swtpm.js';

/** A real vTPM in an emulated VM of Azure: NV memory, paravisor, metadata service. */
describe.skipIf(!swtpmPossible())('Azure confidential VMs', () => {
  const world = createTestWorld({ now: () => new Date(), random: (n) => randomBytes(n) });
  const boot = measuredBoot();
  let maker: TpmMaker;
  let server: TestServer;
  const running: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    maker = tpmMaker();
    const pcs = await startEmulatedPcs(world, { kind: 'pccs' });
    const kds = await startEmulatedKds(world);
    running.push(pcs, kds);
    const roots = join(maker.folder, 'emulated-roots.pem');
    writeFileSync(roots, world.intel.pki.root().pem + world.amd.ark('Milan').pem);
    server = await startTestServer({
      collateral: { pccs: [pcs.url], intel_pcs: 'off', amd_kds: kds.url, allow_http: true },
      trust: { emulated_roots: [roots] },
    });
  }, 60_000);

  afterAll(async () => {
    await server?.stop();
    for (const one of running) await one.close();
    await maker?.close();
  });

  async function machine(
    kind: 'snp' | 'tdx',
    name: string,
    options?: { readonly stale: boolean },
  ): Promise<{ readonly vm: AzureVm; readonly device: SoftwareTpm }> {
    const device = await maker.manufacture(name, { certified: false });
    await device.use(async (tpm) => {
      await measure(tpm, boot);
      await persist(tpm, AZURE.attestationKey, akTemplate('rsa2048'));
    });
    const vm = await azureVm(kind, world, device, join(maker.folder, `${name}-bus.sock`), options);
    running.unshift(vm);
    return { vm, device };
  }

  const attesterOf = (kind: 'snp' | 'tdx', { address, metadata }: AzureVm, renewalMs = 5000) =>
    azureAttester(kind, { address, metadata: azureMetadata(metadata), renewalMs });

  test.each(['snp', 'tdx'] as const)(
    '%s: detected, authentic, and refused with another key',
    { timeout: 120_000 },
    async (kind) => {
      const { vm, device } = await machine(kind, kind);
      expect(await azureKind(vm.address)).toBe(kind);
      const guest = guestOf(server, { attester: attesterOf(kind, vm) });
      // Twice: the NV index for user-data is there the second time.
      await guest.attest();
      const { claims } = decodeJwtUnverified(await guest.attest());
      const { submods } = claims as unknown as { submods: { cpu0: Record<string, Record<string, unknown>> } };
      const evidence = submods.cpu0['ear.veraison.annotated-evidence']?.[`az-${kind}-vtpm`];
      expect(evidence).toMatchObject({ emulated: true, tpm: { pcr11: encodeHex(pcrAfter(boot, 11)) } });

      await device.use(async (tpm) => {
        await evictControl(tpm, AZURE.attestationKey, AZURE.attestationKey);
        await persist(tpm, AZURE.attestationKey, akTemplate('rsa2048'));
      });
      await expect(guest.attest()).rejects.toMatchObject({ code: 'evidence.refused' });
      const detail = (await server.admin('GET', `/api/v1/attestations/${guest.lastAttempt}`)) as {
        verdict: { findings: { id: string; outcome: string }[] };
      };
      const failed = detail.verdict.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
      expect(failed).toContain('tpm.signature.valid');
    },
  );

  test('a paravisor that does not renew its report, another kind, no metadata: no evidence', async () => {
    const { vm } = await machine('snp', 'stale', { stale: true });
    await expect(attesterOf('snp', vm, 600).getEvidence(new Uint8Array(48).fill(1))).rejects.toThrow('after 600 ms');
    // All zeros are what its report has.
    const zeros = new Uint8Array(48);
    await expect(attesterOf('tdx', vm).getEvidence(zeros)).rejects.toThrow('az-tdx-vtpm');
    const lost = azureAttester('snp', { address: vm.address, metadata: azureMetadata(`${vm.metadata}/none`) });
    await expect(lost.getEvidence(zeros)).rejects.toThrow('status 404');
    await expect(attesterOf('snp', vm).getEvidence(new Uint8Array(65))).rejects.toThrow('64 fit');
    await expect(attesterOf('snp', vm).getEvidence(zeros)).resolves.toMatchObject({ version: 2 });
  });

  test('a machine without such a report is none', async () => {
    const plain = await maker.manufacture('plain', { certified: false });
    expect(await azureKind(plain.address)).toBeUndefined();
    expect(await azureKind(`unix:${maker.folder}/nothing.sock`)).toBeUndefined();
  });
});
