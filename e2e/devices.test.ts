import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_POLICIES } from '@assay/attestation-service';
import type { Attester } from '@assay/guest';
import { parseResourceUri } from '@assay/protocol';
import {
  createTestWorld,
  EMULATED_NRAS_ISSUER,
  emulatedAttester,
  type NvidiaOverrides,
  startEmulatedNvidia,
  startEmulatedPcs,
} from '@assay/soft-tee';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { affirmingPolicy, guestOf, startTestServer, type TestServer } from './support/assay.js';

/** Composite evidence: an emulated TD with emulated NVIDIA devices, which NVIDIA's emulated services vouch for. */
const folder = temporaryFolder('assay-devices-');
const world = createTestWorld({ now: () => new Date(), random: (n) => randomBytes(n) });
const uri = parseResourceUri('default/key/1');
const machine = world.nvidia.machine();
let pcs: Awaited<ReturnType<typeof startEmulatedPcs>>;
let nvidia: Awaited<ReturnType<typeof startEmulatedNvidia>>;
let local: TestServer;
let remote: TestServer;

const cpuPolicy = `package policy

trust_claims := {"hardware": hardware}

default hardware := 97

hardware := 2 if input.tdx.tcb_status == "UpToDate"
`;

/** What local verification proves of a device, in the words of its own claims. */
const devicePolicy = `package policy

trust_claims := {"hardware": hardware, "executables": executables}

default hardware := 97

default executables := 33

hardware := 2 if input.nvidia.ocsp_status == "good"

executables := 3 if input.nvidia.rim.measres == "success"
`;

beforeAll(async () => {
  pcs = await startEmulatedPcs(world, { kind: 'pccs' });
  nvidia = await startEmulatedNvidia(world);
  const roots = join(folder, 'roots.pem');
  const { pki } = world.nvidia;
  writeFileSync(
    roots,
    world.intel.pki.root().pem + pki.root().pem + pki.manifestRoot().pem + pki.dpu(1n, new Date()).root.pem,
  );
  const common = {
    collateral: { pccs: [pcs.url], intel_pcs: 'off', amd_kds: 'off', allow_http: true },
    trust: { emulated_roots: [roots] },
  };
  local = await startTestServer({
    ...common,
    nvidia: { rim: 'required', ocsp: 'required', rim_service: nvidia.url, ocsp_responder: `${nvidia.url}/ocsp` },
  });
  remote = await startTestServer({
    ...common,
    nvidia: { verifier: 'remote', nras: `${nvidia.url}/v4/attest`, nras_issuer: EMULATED_NRAS_ISSUER },
  });
  for (const server of [local, remote]) {
    await server.admin('PUT', '/api/v1/resource-policy', { text: affirmingPolicy });
    await server.admin('PUT', '/api/v1/attestation-policies/default_cpu', { text: cpuPolicy });
    await server.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from('for a TEE with devices'));
  }
}, 60_000);

beforeEach(async () => {
  nvidia.restore();
  world.nvidia.orders = {};
  for (const name of ['default_gpu', 'default_switch']) {
    await local.admin('PUT', `/api/v1/attestation-policies/${name}`, { text: devicePolicy });
  }
});

afterAll(async () => {
  await local.stop();
  await remote.stop();
  await pcs.close();
  await nvidia.close();
  rmSync(folder, { recursive: true, force: true });
});

function guest(server: TestServer, devices: NvidiaOverrides['devices'], ...others: Attester[]) {
  return guestOf(server, {
    attester: emulatedAttester('tdx', world),
    devices: [emulatedAttester('nvidia', world, { devices: devices ?? [] }), ...others],
  });
}

type Submods = Record<string, { 'ear.status': string; 'ear.veraison.annotated-evidence': Record<string, unknown> }>;

function submodsOf(token: string): Submods {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { submods: Submods };
  return claims.submods;
}

async function refusalsOf(server: TestServer, attempt: string | undefined): Promise<string[]> {
  const detail = (await server.admin('GET', `/api/v1/attestations/${attempt}`)) as {
    verdict: { findings: { id: string; outcome: string; subject?: string }[] };
  };
  return detail.verdict.findings
    .filter(({ outcome }) => outcome === 'fail')
    .map(({ id, subject }) => `${id} ${subject ?? ''}`.trim());
}

const twelve = [
  ...Array.from({ length: 8 }, (_, n) => `gpu${n}`),
  ...Array.from({ length: 4 }, (_, n) => `switch${n}`),
];

describe('a protected PCIe machine, verified here', () => {
  test('has a submodule for the CPU, each device and the topology, and gets its secret', async () => {
    const kbc = guest(local, machine);
    const submods = submodsOf(await kbc.attest());
    expect(Object.keys(submods).sort()).toEqual(['cpu0', ...twelve, 'ppcie0'].sort());
    expect(new Set(Object.values(submods).map((submod) => submod['ear.status']))).toEqual(new Set(['affirming']));
    expect(submods['gpu7']?.['ear.veraison.annotated-evidence']['nvidia']).toMatchObject({
      arch: 'Hopper',
      uuid: machine[7]?.uuid,
      rim: { measres: 'success' },
      ocsp_status: 'good',
      emulated: true,
    });
    expect(Buffer.from(await kbc.getResource(uri)).toString()).toBe('for a TEE with devices');
  });

  test('asks about manifests and certificates once, not for every handshake', async () => {
    await guest(local, machine).attest();
    const before = nvidia.requests();
    await guest(local, machine).attest();
    expect(nvidia.requests()).toBe(before);
  });

  test('one swapped GPU, made for another nonce, refuses all', async () => {
    const swapped = machine.map((device, at) =>
      at === 5 ? { device, nonce: new Uint8Array(randomBytes(32)) } : device,
    );
    const kbc = guest(local, swapped);
    await expect(kbc.getResource(uri)).rejects.toMatchObject({ status: 401, code: 'evidence.refused' });
    expect(await refusalsOf(local, kbc.lastAttempt)).toEqual(['nvidia.report.nonce gpu5']);
  });

  test('a CPU that is accepted releases nothing for a GPU that is not', async () => {
    const [gpu] = machine;
    if (gpu === undefined) throw new Error('no GPU');
    const alter = (report: Uint8Array): Uint8Array => report.map((octet, at) => (at === 60 ? octet ^ 1 : octet));
    const kbc = guest(local, [{ device: gpu, alter }]);
    await expect(kbc.getResource(uri)).rejects.toMatchObject({ status: 401 });
    expect(await refusalsOf(local, kbc.lastAttempt)).toEqual(['nvidia.report.signature gpu0']);
  });

  test('devices that were exchanged on the way are refused by what the CPU bound', async () => {
    const kbc = guestOf(
      {
        ...local,
        transport: async (request) => {
          if (!request.path.endsWith('/attest') || request.body === undefined) return local.transport(request);
          const text = Buffer.from(request.body).toString('utf8');
          // Another order of the same authentic devices: nothing of them changes but the text.
          const body = JSON.parse(text) as { 'tee-evidence': { additional_evidence: string } };
          const devices = JSON.parse(body['tee-evidence'].additional_evidence) as {
            nvidia: { device_evidence_list: unknown[] };
          };
          devices.nvidia.device_evidence_list.reverse();
          body['tee-evidence'].additional_evidence = JSON.stringify(devices);
          return local.transport({ ...request, body: Buffer.from(JSON.stringify(body)) });
        },
      },
      {
        attester: emulatedAttester('tdx', world),
        devices: [emulatedAttester('nvidia', world, { devices: machine.slice(0, 2) })],
      },
    );
    await expect(kbc.attest()).rejects.toMatchObject({ status: 401 });
    expect(await refusalsOf(local, kbc.lastAttempt)).toEqual(['binding.report-data.match tdx']);
  });

  test('a revoked certificate refuses', async () => {
    const fresh = world.nvidia.device('to-be-revoked');
    world.nvidia.orders = { ocsp: { status: 'revoked' } };
    const kbc = guest(local, [fresh]);
    await expect(kbc.attest()).rejects.toMatchObject({ status: 401 });
    expect(await refusalsOf(local, kbc.lastAttempt)).toContain('nvidia.chain.revoked gpu0');
  });

  test.each(['rim', 'ocsp'])('while the service %s is out, nothing is decided', async (route) => {
    nvidia.order(route, { kind: 'status', status: 404 });
    const fresh = world.nvidia.device(`without-${route}`, 'HOPPER', { driverVersion: `600.${route.length}` });
    const kbc = guest(local, [fresh]);
    await expect(kbc.attest()).rejects.toMatchObject({ status: 503, code: 'unavailable' });
    expect((await refusalsOf(local, kbc.lastAttempt)).join()).toContain(
      route === 'rim' ? 'nvidia.rim.missing' : 'nvidia.ocsp.missing',
    );
  });

  test('the default policy knows the remote service’s claims alone: no secret for what was verified here', async () => {
    for (const name of ['default_gpu', 'default_switch']) {
      const kept = (await remote.admin('GET', `/api/v1/attestation-policies/${name}`)) as { text: string };
      await local.admin('PUT', `/api/v1/attestation-policies/${name}`, { text: kept.text });
    }
    const kbc = guest(local, machine.slice(0, 1));
    expect(submodsOf(await kbc.attest())['gpu0']?.['ear.status']).toBe('contraindicated');
    await expect(kbc.getResource(uri)).rejects.toMatchObject({ status: 401, code: 'resource.refused' });
  });

  test('a DPU beside the GPUs is a submodule of its own', async () => {
    await local.admin('PUT', '/api/v1/attestation-policies/default_nvidia-dpu', {
      text: 'package policy\n\ntrust_claims := {"hardware": 2} if input.nvidiadpu.device_class == "bluefield3"\n',
    });
    const kbc = guest(local, machine.slice(0, 1), emulatedAttester('nvidiadpu', world));
    const submods = submodsOf(await kbc.attest());
    expect(Object.keys(submods).sort()).toEqual(['cpu0', 'gpu0', 'nvidia-dpu0']);
    expect(submods['nvidia-dpu0']?.['ear.veraison.annotated-evidence']['nvidiadpu']).toMatchObject({
      device_class: 'bluefield3',
      firmware_layers_count: 2,
      emulated: true,
    });
  });
});

describe('a protected PCIe machine, verified by the remote service', () => {
  test('has the claims of the service', async () => {
    const kbc = guest(remote, machine);
    const submods = submodsOf(await kbc.attest());
    expect(Object.keys(submods).sort()).toEqual(['cpu0', ...twelve, 'ppcie0'].sort());
    expect(submods['gpu0']?.['ear.veraison.annotated-evidence']['nvidia']).toMatchObject({
      measres: 'success',
      secboot: true,
      dbgstat: 'disabled',
      'x-nvidia-overall-att-result': true,
      emulated: true,
    });
  });

  test('default policies refuse emulated devices; those for development affirm them, and the secret is released', async () => {
    const statuses = async (): Promise<string[]> => {
      const submods = submodsOf(await guest(remote, machine).attest());
      return [...new Set(twelve.map((name) => submods[name]?.['ear.status'] ?? ''))];
    };
    expect(await statuses()).toEqual(['contraindicated']);
    for (const name of ['default_gpu', 'default_switch']) {
      const text = (DEFAULT_POLICIES[name] ?? '').replaceAll('\tnot emulated\n', '');
      await remote.admin('PUT', `/api/v1/attestation-policies/${name}`, { text });
    }
    expect(await statuses()).toEqual(['affirming']);
    expect(Buffer.from(await guest(remote, machine).getResource(uri)).toString()).toBe('for a TEE with devices');
  });

  test('a nonce that the service did not find refuses', async () => {
    world.nvidia.orders = { nras: { device: { 'x-nvidia-gpu-attestation-report-nonce-match': false } } };
    const kbc = guest(remote, machine.slice(0, 1));
    await expect(kbc.attest()).rejects.toMatchObject({ status: 401 });
    expect(await refusalsOf(remote, kbc.lastAttempt)).toEqual(['nvidia.nras.result gpu0']);
  });

  test('while the service is out, nothing is decided', async () => {
    nvidia.order('attest', { kind: 'status', status: 403 });
    const kbc = guest(remote, machine.slice(0, 1));
    await expect(kbc.attest()).rejects.toMatchObject({ status: 503 });
    expect(await refusalsOf(remote, kbc.lastAttempt)).toContain('nvidia.nras.missing gpu0');
  });
});
