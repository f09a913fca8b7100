import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_POLICIES } from '@assay/attestation-service';
import { parseResourceUri } from '@assay/protocol';
import {
  createTestWorld,
  type EmulatedOverrides,
  type EmulatedTee,
  emulatedAttester,
  INTEL_DEFECTS,
  type IntelDefect,
  SNP_POLICY,
  sgxOverrides,
  startEmulatedKds,
  startEmulatedPcs,
  tdxOverrides,
} from '@assay/soft-tee';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { affirmingPolicy, guestOf, startTestServer, type TestServer } from './support/assay.js';

/** The whole handshake with emulated TDX, SGX and SNP, collateral from emulated PCS and KDS. */
const folder = temporaryFolder('assay-hardware-');
const world = createTestWorld({ now: () => new Date(), random: (n) => randomBytes(n) });
const uri = parseResourceUri('default/key/1');
let pcs: Awaited<ReturnType<typeof startEmulatedPcs>>;
let kds: Awaited<ReturnType<typeof startEmulatedKds>>;
let server: TestServer;

/** The default policy for development: the same rules, emulated hardware not refused. */
const developmentPolicy = (DEFAULT_POLICIES['default_cpu'] ?? '').replaceAll('\tnot emulated\n', '');

function collateralFrom(emulatedRoots: readonly string[]) {
  return {
    collateral: { pccs: [pcs.url], intel_pcs: 'off', amd_kds: kds.url, allow_http: true },
    trust: { emulated_roots: [...emulatedRoots] },
  };
}

beforeAll(async () => {
  pcs = await startEmulatedPcs(world, { kind: 'pccs' });
  kds = await startEmulatedKds(world);
  const roots = join(folder, 'emulated-roots.pem');
  writeFileSync(roots, world.intel.pki.root().pem + world.amd.ark('Milan').pem);
  server = await startTestServer(collateralFrom([roots]));
  await server.admin('PUT', '/api/v1/resource-policy', { text: affirmingPolicy });
  await server.admin('PUT', '/api/v1/attestation-policies/default_cpu', { text: developmentPolicy });
  await server.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from('for a TEE'));
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

interface Claims {
  readonly submods: {
    readonly cpu0: {
      readonly 'ear.status': string;
      readonly 'ear.veraison.annotated-evidence': Record<string, Record<string, unknown>>;
    };
  };
}

function claimsOf(token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims;
}

async function findingsOf(
  attempt: string | undefined,
): Promise<readonly { id: string; outcome: string; title?: string; remedy?: string; role?: string }[]> {
  const detail = (await server.admin('GET', `/api/v1/attestations/${attempt}`)) as { verdict: { findings: [] } };
  return detail.verdict.findings;
}

describe('an emulated TDX guest', () => {
  test('is authentic, says that it is emulated, and gets its secret once its values are registered', async () => {
    const evidence = claimsOf(await guest('tdx').attest()).submods.cpu0['ear.veraison.annotated-evidence'];
    const tdx = evidence['tdx'] as { emulated: boolean; tcb_status: string; quote: { body: Record<string, string> } };
    expect(tdx).toMatchObject({ emulated: true, tcb_status: 'UpToDate' });
    const { mr_td: mrTd, rtmr_1: rtmr1, rtmr_2: rtmr2, xfam } = tdx.quote.body;
    for (const [name, value] of Object.entries({ mr_td: mrTd, rtmr_1: rtmr1, rtmr_2: rtmr2, xfam })) {
      await server.admin('PUT', `/api/v1/reference-values/${name}`, { value: [value] });
    }
    expect(Buffer.from(await guest('tdx').getResource(uri)).toString()).toBe('for a TEE');
  });

  test('collateral is fetched once, not for every quote', async () => {
    const before = pcs.requests();
    for (let n = 0; n < 5; n++) await guest('tdx').attest();
    expect(pcs.requests()).toBe(before);
  });

  test('in debug mode is refused by the owner’s rules before any policy', async () => {
    const debug = guest('tdx', tdxOverrides((INTEL_DEFECTS.debug as IntelDefect).make(world, 'tdx')));
    await expect(debug.attest()).rejects.toMatchObject({ status: 401, code: 'appraisal.refused' });
  });

  test.each([
    ['changed-measurement', 'mr_td'],
    ['tcb-out-of-date', 'OutOfDate'],
  ] as const)('with %s gets a token, and no secret', async (defect, word) => {
    const overrides = tdxOverrides((INTEL_DEFECTS[defect] as IntelDefect).make(world, 'tdx'));
    const changed = guest('tdx', overrides);
    await expect(changed.getResource(uri)).rejects.toMatchObject({ status: 401, code: 'resource.refused' });
    const said = (await findingsOf(changed.lastAttempt)).map((f) => `${f.id} ${f.title ?? ''}`).join('\n');
    expect(said).toContain(word);
  });

  test.each(['qe-forged-key', 'pck-self-made', 'root-self-made'] as const)(
    'with %s is not accepted, and the owner reads why',
    async (defect) => {
      const { finding } = INTEL_DEFECTS[defect];
      const forged = guest('tdx', tdxOverrides((INTEL_DEFECTS[defect] as IntelDefect).make(world, 'tdx')));
      await expect(forged.attest()).rejects.toMatchObject({ status: 401, code: 'evidence.refused' });
      const list = (await server.admin('GET', '/api/v1/attestations?limit=1')) as { items: { attempt: string }[] };
      const failed = (await findingsOf(list.items[0]?.attempt)).filter((f) => f.outcome === 'fail');
      expect(failed.map((f) => f.id)).toContain(finding);
      expect(failed.every((f) => (f.remedy ?? '') !== '')).toBe(true);
    },
  );
});

test.each(['sgx', 'snp'] as const)('an emulated %s guest is authentic, and bound to its key', async (tee) => {
  const { cpu0 } = claimsOf(await guest(tee).attest()).submods;
  expect(cpu0['ear.veraison.annotated-evidence'][tee]).toMatchObject({ emulated: true });
});

describe('the owner’s rules for a TEE', () => {
  const made = (tee: 'tdx' | 'sgx' | 'snp') => {
    if (tee === 'tdx') return guestWith('tdx', tdxOverrides((INTEL_DEFECTS.debug as IntelDefect).make(world, 'tdx')));
    if (tee === 'sgx') return guestWith('sgx', sgxOverrides((INTEL_DEFECTS.debug as IntelDefect).make(world, 'sgx')));
    return guestWith('snp', { report: { policy: SNP_POLICY.reservedMustBeOne | SNP_POLICY.debug } });
  };
  const guestWith =
    <Tee extends EmulatedTee>(tee: Tee, overrides: EmulatedOverrides[Tee]) =>
    (at: TestServer) =>
      guest(tee, overrides, at);

  test.each(['tdx', 'sgx', 'snp'] as const)('%s in debug is refused, and let through by the setting', async (tee) => {
    const refused = { status: 401, code: 'appraisal.refused' };
    await expect(made(tee)(server).attest()).rejects.toMatchObject(refused);
    const lenient = await startTestServer({
      ...collateralFrom([join(folder, 'emulated-roots.pem')]),
      [tee]: { debug_allowed: true },
    });
    const debug = made(tee)(lenient);
    expect(await debug.attest()).toMatch(/^ey/);
    const { verdict } = (await lenient.admin('GET', `/api/v1/attestations/${debug.lastAttempt}`)) as {
      verdict: { findings: { outcome: string; origin?: { key?: string } }[] };
    };
    // What is let through is still said, with the setting that did it.
    expect(verdict.findings).toContainEqual(
      expect.objectContaining({
        outcome: 'warn',
        origin: expect.objectContaining({ key: `${tee}.debug_allowed` }),
      }),
    );
    await lenient.stop();
  });

  test('a report from VMPL 1, as on AWS, is refused, and let through by snp.maximum_vmpl', async () => {
    const vmpl = guestWith('snp', { report: { vmpl: 1 } });
    await expect(vmpl(server).attest()).rejects.toMatchObject({ status: 401, code: 'appraisal.refused' });
    const trusted = collateralFrom([join(folder, 'emulated-roots.pem')]);
    const aws = await startTestServer({ ...trusted, snp: { maximum_vmpl: 1 } });
    expect(await vmpl(aws).attest()).toMatch(/^ey/);
    await expect(guest('snp', { report: { vmpl: 2 } }, aws).attest()).rejects.toMatchObject({ status: 401 });
    await aws.stop();
  });

  test('what is asked of the TCB refuses before any policy', async () => {
    const trusted = collateralFrom([join(folder, 'emulated-roots.pem')]);
    const strict = await startTestServer({
      ...trusted,
      tdx: { accepted_tcb_statuses: ['UpToDate'] },
      sgx: { minimum_evaluation: 1000 },
      snp: { minimum_tcb: ['Milan microcode=255'] },
    });
    const old = tdxOverrides((INTEL_DEFECTS['tcb-out-of-date'] as IntelDefect).make(world, 'tdx'));
    const refused = { status: 401, code: 'appraisal.refused' };
    expect(await guest('tdx', undefined, strict).attest()).toMatch(/^ey/);
    await expect(guest('tdx', old, strict).attest()).rejects.toMatchObject(refused);
    await expect(guest('sgx', undefined, strict).attest()).rejects.toMatchObject(refused);
    await expect(guest('snp', undefined, strict).attest()).rejects.toMatchObject(refused);
    await strict.stop();
  });

  test('a CRL that is demanded and missing holds nothing against the guest', async () => {
    const trusted = { trust: { emulated_roots: [join(folder, 'emulated-roots.pem')] } };
    const away = { collateral: { pccs: [], intel_pcs: 'off', amd_kds: 'off' }, ...trusted };
    const [lenient, strict] = [
      await startTestServer(away),
      await startTestServer({ ...away, snp: { crl_required: true } }),
    ];
    // A report of version 2 names no product, so that no vendor is asked for its list.
    const chained = { certificates: 'chain', report: { version: 2 } } as const;
    expect(await guest('snp', chained, lenient).attest()).toMatch(/^ey/);
    await expect(guest('snp', chained, strict).attest()).rejects.toMatchObject({ status: 503, code: 'unavailable' });
    await lenient.stop();
    await strict.stop();
  });
});

test('default policies refuse emulated hardware, and no root is trusted by default', async () => {
  const roots = join(folder, 'emulated-roots.pem');
  const strict = await startTestServer(collateralFrom([roots]));
  expect(claimsOf(await guest('tdx', undefined, strict).attest()).submods.cpu0['ear.status']).toBe('contraindicated');
  await strict.stop();
  const production = await startTestServer(collateralFrom([]));
  await expect(guest('tdx', undefined, production).attest()).rejects.toMatchObject({
    status: 401,
    code: 'evidence.refused',
  });
  await expect(guest('snp', undefined, production).attest()).rejects.toMatchObject({
    status: 401,
    code: 'evidence.refused',
  });
  await production.stop();
});

test('without collateral nothing is accepted, and nothing is held against the guest', async () => {
  const away = await startTestServer({
    collateral: { pccs: [], intel_pcs: 'off', amd_kds: 'off' },
    trust: { emulated_roots: [join(folder, 'emulated-roots.pem')] },
  });
  await expect(guest('tdx', undefined, away).attest()).rejects.toMatchObject({ status: 503, code: 'unavailable' });
  await away.stop();
});

test('collateral past its end is used while nobody answers only for as long as the owner allows', async () => {
  const vendor = await startEmulatedPcs(world, { kind: 'pccs' });
  let now = Date.now();
  const start = (hours: number) =>
    startTestServer(
      {
        collateral: {
          pccs: [vendor.url],
          intel_pcs: 'off',
          amd_kds: 'off',
          allow_http: true,
          // The vendor's dates count alone.
          expire_after: 8760,
          stale_if_error: hours,
        },
        trust: { emulated_roots: [join(folder, 'emulated-roots.pem')] },
      },
      { now: () => new Date(now) },
    );
  const [strict, lenient] = [await start(0), await start(72)];
  for (const one of [strict, lenient]) expect(await guest('tdx', undefined, one).attest()).toMatch(/^ey/);
  await vendor.close();
  now += 31 * 86_400_000;
  const refused = { status: 401, code: 'evidence.refused' };
  await expect(guest('tdx', undefined, strict).attest()).rejects.toMatchObject(refused);
  const late = guest('tdx', undefined, lenient);
  expect(await late.attest()).toMatch(/^ey/);
  const detail = (await lenient.admin('GET', `/api/v1/attestations/${late.lastAttempt}`)) as {
    verdict: { findings: { id: string; outcome: string }[] };
  };
  expect(detail.verdict.findings).toContainEqual(
    expect.objectContaining({ id: 'collateral.item.stale', outcome: 'warn' }),
  );
  now += 3 * 86_400_000;
  await expect(guest('tdx', undefined, lenient).attest()).rejects.toMatchObject(refused);
  for (const one of [strict, lenient]) await one.stop();
});

test('a server that reaches no vendor verifies with a bundle of one that does', async () => {
  const roots = join(folder, 'emulated-roots.pem');
  await guest('tdx').attest();
  await guest('snp').attest();
  const { exporter_key: key, items } = (await server.admin('GET', '/api/v1/collateral')) as {
    exporter_key: string;
    items: { item: string; state: string }[];
  };
  expect(items.length).toBeGreaterThanOrEqual(6);
  expect(new Set(items.map(({ state }) => state))).toEqual(new Set(['good']));
  const bundle = JSON.stringify(await server.admin('POST', '/api/v1/collateral/export'));

  const offline = { pccs: [], intel_pcs: 'off', amd_kds: 'off' };
  const stranger = await startTestServer({ collateral: offline, trust: { emulated_roots: [roots] } });
  await expect(stranger.admin('POST', '/api/v1/collateral/import', Buffer.from(bundle))).rejects.toThrow(
    'collateral.bundle.signature',
  );
  await stranger.stop();

  const isolated = await startTestServer({
    collateral: { ...offline, exporters: [`lab=${key}`] },
    trust: { emulated_roots: [roots] },
  });
  await expect(guest('tdx', undefined, isolated).attest()).rejects.toMatchObject({ status: 503 });
  expect(await isolated.admin('POST', '/api/v1/collateral/import', Buffer.from(bundle))).toMatchObject({
    exporter: 'lab',
    refused: [],
  });
  expect(await guest('tdx', undefined, isolated).attest()).toMatch(/^ey/);
  expect(await guest('snp', undefined, isolated).attest()).toMatch(/^ey/);
  await isolated.stop();
});
