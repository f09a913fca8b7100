import { randomBytes } from 'node:crypto';
import { encodeUtf8, type JsonObject } from '@assay/bytes';
import {
  azSnpVtpmVerifier,
  azTdxVtpmVerifier,
  createAzSnpVtpmVerifier,
  createAzTdxVtpmVerifier,
  type Verifier,
  type VerifierResult,
  type VerifyInput,
} from '@assay/evidence';
import { azSnpNeeds, azTdxNeeds } from '@assay/evidence/az';
import { initDataPcr, selectPcrs } from '@assay/evidence/tpm';
import { parseCertificates } from '@assay/evidence/x509';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  AZURE_DEFECTS,
  type AzSnpOverrides,
  type AzTdxOverrides,
  type AzureDefect,
  type AzureHardware,
  agentTpmLog,
  azSnpEvidence,
  azTdxEvidence,
  azureTpm,
  SNP_POLICY,
  type TestWorld,
} from '../index.js';
import { createCachedTestWorld } from '../testing/index.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const REPORT_DATA = Uint8Array.from(randomBytes(48));
type Overrides = AzSnpOverrides & AzTdxOverrides;
let world: TestWorld;
let amdEndorsements: Readonly<Record<string, Uint8Array>>;
let verifiers: Readonly<Record<AzureHardware, Verifier>>;

beforeAll(async () => {
  world = await createCachedTestWorld(() => NOW);
  const { amd } = world;
  const { product } = amd.chip();
  amdEndorsements = { ask: amd.intermediate('ask', product).der, ark: amd.ark(product).der, crl: amd.crl(product) };
  verifiers = {
    snp: createAzSnpVtpmVerifier({ snp: { emulatedRoots: world.anchors(['Milan']).amd } }),
    tdx: createAzTdxVtpmVerifier({ tdx: { emulatedRoots: [world.anchors().intel] } }),
  };
}, 60_000);

function evidenceOf(hardware: AzureHardware, overrides: Overrides = {}): JsonObject {
  return (hardware === 'snp' ? azSnpEvidence : azTdxEvidence)(world, REPORT_DATA, overrides);
}

function endorsementsOf(hardware: AzureHardware): Readonly<Record<string, Uint8Array>> {
  const { intel } = world;
  if (hardware === 'tdx')
    return { collateral: encodeUtf8(JSON.stringify(intel.collateral({ tee: 'tdx', platform: intel.platform() }))) };
  return amdEndorsements;
}

function verify(
  hardware: AzureHardware,
  overrides: Overrides = {},
  more: Partial<VerifyInput> & { readonly using?: Verifier } = {},
): VerifierResult {
  const { using = verifiers[hardware], ...input } = more;
  return using.verify({
    evidence: evidenceOf(hardware, overrides),
    endorsements: endorsementsOf(hardware),
    reportData: [{ bytes: REPORT_DATA, algorithm: 'sha384', members: 'nonce, tee-pubkey' }],
    initData: undefined,
    now: NOW,
    ...input,
  });
}
const failures = (result: VerifierResult): readonly string[] => [
  ...new Set(result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)),
];
const claimsOf = (result: VerifierResult) => (result.accepted ? result.claimSets[0]?.claims : undefined) ?? {};

describe.each(['snp', 'tdx'] as const)('events of the Attestation Agent on %s', (hardware) => {
  const agentEvents = [{ pcr: 17, text: 'd PullImage {"image":"a"}' }];

  test.each<[string, Overrides]>([
    ['of version 2', {}],
    ['of version 1', { version: 1 }],
    ['without a version', { version: 0 }],
  ])('are claims with evidence %s', (_, overrides) => {
    const result = verify(hardware, { ...overrides, tpm: { agentEvents } });
    expect(failures(result)).toEqual([]);
    expect(claimsOf(result)['uefi_event_logs']).toMatchObject([
      { index: 17, details: { data: { domain: 'd', operation: 'PullImage' } } },
    ]);
    expect(verify(hardware).findings.some(({ id }) => id.startsWith('eventlog.'))).toBe(false);
  });

  test.each<[string, (log: Uint8Array) => Uint8Array, string]>([
    [
      'says something else',
      () => agentTpmLog([{ pcr: 17, text: 'd PullImage {"image":"b"}' }]),
      'eventlog.register.replay',
    ],
    [
      'is of another register',
      () => agentTpmLog([{ pcr: 12, text: 'd PullImage {"image":"a"}' }]),
      'eventlog.register.replay',
    ],
    ['is cut', (log) => log.subarray(0, -1), 'eventlog.log.form'],
  ])('are refused where the log %s', (_, alterAgentLog, finding) => {
    const result = verify(hardware, { tpm: { agentEvents, alterAgentLog } });
    expect([result.accepted, failures(result)]).toEqual([false, [finding]]);
  });

  test('are refused where the member is of another form', () => {
    const evidence = { ...evidenceOf(hardware), agent_event_log: 7 };
    expect(failures(verify(hardware, {}, { evidence }))).toEqual(['evidence.json.form']);
  });
});

describe.each(['snp', 'tdx'] as const)('a confidential VM on %s', (hardware) => {
  test.each<[string, Overrides]>([
    ['of version 2', {}],
    ['of version 1', { version: 1 }],
    ['without a version', { version: 0 }],
    ['with a framed signature', { framed: true }],
    ['of version 1, with user-data of its own', { version: 1, userData: new Uint8Array(64).fill(4) }],
    [
      'of an early image, without user-data',
      { version: 0, runtime: ({ keys, 'vm-configuration': c }) => ({ keys, 'vm-configuration': c }) },
    ],
  ])('is accepted with evidence %s, as emulated', (_, overrides) => {
    const result = verify(hardware, overrides);
    expect(failures(result)).toEqual([]);
    expect(result).toMatchObject({ accepted: true, matched: 0 });
    expect(claimsOf(result)).toMatchObject({
      emulated: true,
      report_data: Buffer.from(REPORT_DATA).toString('hex'),
      tpm: { pcr00: expect.stringMatching(/^[0-9a-f]{64}$/), pcr23: '00'.repeat(32) },
    });
  });

  test('with user-data of another exchange warns before version 2, which demands them', () => {
    const stale = { version: 1, userData: new Uint8Array(64).fill(4) } as const;
    const outcome = ({ findings }: VerifierResult) => findings.find(({ id }) => id === 'az.boot.same')?.outcome;
    expect(outcome(verify(hardware, stale))).toBe('warn');
    expect(outcome(verify(hardware, { version: 1 }))).toBe('not-checked');
    expect(outcome(verify(hardware))).toBe('pass');
    expect(outcome(verify(hardware, { userData: new Uint8Array(64) }))).toBe('fail');
  });

  test('is refused by a verifier that was not told of the root', () => {
    const result = verify(hardware, {}, { using: hardware === 'snp' ? azSnpVtpmVerifier : azTdxVtpmVerifier });
    expect(result.accepted).toBe(false);
    expect(failures(result)).toContain('az.hcl.hardware');
    expect(failures(result)).toContain(hardware === 'snp' ? 'snp.chain.root' : 'dcap.pck.root');
  });

  test('is not accepted without the vendor’s endorsements, and not refused for that', () => {
    const overrides = hardware === 'snp' ? { vcek: 'none' as const } : {};
    const result = verify(hardware, overrides, { endorsements: {} });
    expect(result.accepted).toBe(false);
    expect(failures(result)).not.toContain('az.hcl.hardware');
    const unmet = result.findings.filter(({ outcome }) => outcome === 'fail');
    expect(unmet.length).toBeGreaterThan(0);
    expect(unmet.every(({ guest_code: code }) => code === 'unavailable')).toBe(true);
  });

  test('has to answer a nonce', () => {
    const result = verify(hardware, {}, { reportData: undefined });
    expect(failures(result)).toEqual(['binding.report-data.match']);
  });

  test('quotes the nonce as it is, without zeros behind it', () => {
    const padded = Uint8Array.from([...REPORT_DATA, ...new Uint8Array(16)]);
    expect(failures(verify(hardware, { tpm: { extraData: padded } }))).toEqual(['binding.report-data.match']);
  });

  test('binds init-data in PCR 8', () => {
    const digest = Uint8Array.from(randomBytes(32));
    const bound = verify(hardware, { tpm: { initData: digest } }, { initData: { digest } });
    expect(failures(bound)).toEqual([]);
    expect(claimsOf(bound)).toMatchObject({ init_data: Buffer.from(initDataPcr(digest)).toString('hex') });
    expect(failures(verify(hardware, {}, { initData: { digest } }))).toEqual(['binding.init-data.match']);
    const few = { tpm: { initData: digest, selection: [selectPcrs('sha256', [0, 7])] } };
    expect(failures(verify(hardware, few, { initData: { digest } }))).toEqual(['tpm.pcr.selection']);
  });

  test('keeps the owner’s rules', () => {
    const options = { requiredPcrs: [7, 11], leastVersion: 2 } as const;
    const using =
      hardware === 'snp'
        ? createAzSnpVtpmVerifier({ ...options, snp: { emulatedRoots: world.anchors(['Milan']).amd } })
        : createAzTdxVtpmVerifier({ ...options, tdx: { emulatedRoots: [world.anchors().intel] } });
    expect(failures(verify(hardware, {}, { using }))).toEqual([]);
    expect(failures(verify(hardware, { version: 1 }, { using }))).toEqual(['evidence.json.form']);
    const few = { tpm: { selection: [selectPcrs('sha256', [0, 7])] } };
    expect(failures(verify(hardware, few, { using }))).toEqual(['tpm.pcr.selection']);
  });

  test('may bring an AK certificate, padded as the NV index is; with a root its chain is judged', () => {
    const tpm = azureTpm(world);
    const der = world.tpm.akCertificate(tpm).der;
    const akCertificate = Uint8Array.from([...der, ...new Uint8Array(100)]);
    const unrooted = verify(hardware, { akCertificate });
    expect(failures(unrooted)).toEqual([]);
    expect(unrooted.findings.find(({ id }) => id === 'az.ak.certificate')).toMatchObject({ outcome: 'not-checked' });
    expect(failures(verify(hardware, { akCertificate: Uint8Array.from([...der, 0, 1]) }))).toEqual([
      'az.ak.certificate',
    ]);
    const akRoots = parseCertificates(Buffer.from(world.tpm.root().pem));
    const using =
      hardware === 'snp'
        ? createAzSnpVtpmVerifier({ akRoots, snp: { emulatedRoots: world.anchors(['Milan']).amd } })
        : createAzTdxVtpmVerifier({ akRoots, tdx: { emulatedRoots: [world.anchors().intel] } });
    expect(failures(verify(hardware, { akCertificate }, { using }))).toEqual(['az.ak.certificate']);
    const chain = Buffer.from(world.tpm.akChain(tpm));
    const whole = verify(hardware, { akCertificate: chain }, { using });
    expect(failures(whole)).toEqual([]);
    expect(whole.findings).toContainEqual(expect.objectContaining({ id: 'az.ak.certificate', outcome: 'pass' }));
  });

  const defects = Object.entries(AZURE_DEFECTS as Readonly<Record<string, AzureDefect>>).filter(([, { on }]) =>
    on.includes(hardware),
  );
  test.each(defects)('%s', (_, defect) => {
    const result = verify(hardware, defect.make(world));
    if (defect.finding !== null) expect(failures(result)).toContain(defect.finding);
    expect(result.accepted).toBe(defect.verdict === 'accept');
    // One defect is one reason: without its check the evidence would be accepted.
    const named = [defect.finding, ...(defect.also ?? [])];
    expect(failures(result).filter((id) => !named.includes(id))).toEqual([]);
  });

  test.each<[string, (evidence: JsonObject) => unknown]>([
    ['`evidence` is a string', () => 'text'],
    ['`evidence` is null', () => null],
    ['version', (evidence) => ({ ...evidence, version: 3 })],
    ['version', (evidence) => ({ ...evidence, version: '2' })],
    ['tpm_quote', (evidence) => ({ ...evidence, tpm_quote: [] })],
    ['hcl_report', (evidence) => ({ ...evidence, hcl_report: '====' })],
    ['hcl_report', (evidence) => ({ ...evidence, hcl_report: 'A'.repeat(20_000) })],
    ['ak_cert', (evidence) => ({ ...evidence, ak_cert: {} })],
    ['tpm_quote', ({ version: _version, ...evidence }) => ({ ...evidence, tpm_quote: 1, quote: 1 })],
  ])('evidence with another %s is refused, and does not throw', (member, change) => {
    const evidence = JSON.parse(JSON.stringify(change(evidenceOf(hardware)))) as JsonObject;
    const result = verify(hardware, {}, { evidence });
    expect(failures(result)).toEqual(['evidence.json.form']);
    if (member !== 'tpm_quote') expect(result.findings[0]?.title).toContain(member);
  });
});

describe('evidence without a version', () => {
  test.each<[string, (evidence: JsonObject) => JsonObject]>([
    ['report', (evidence) => ({ ...evidence, report: 'text' })],
    ['report', (evidence) => ({ ...evidence, report: [] })],
    ['report', (evidence) => ({ ...evidence, report: new Array(9000).fill(0) })],
    ['report[1]', (evidence) => ({ ...evidence, report: [0, 256] })],
    ['report[1]', (evidence) => ({ ...evidence, report: [0, 1.5] })],
    ['report[0]', (evidence) => ({ ...evidence, report: ['0'] })],
    ['quote', (evidence) => ({ ...evidence, quote: [] })],
    ['vcek', (evidence) => ({ ...evidence, vcek: [1] })],
    ['vcek', (evidence) => ({ ...evidence, vcek: '' })],
    ['vcek', (evidence) => ({ ...evidence, vcek: 'A'.repeat(20_000) })],
  ])('with another %s is refused', (member, change) => {
    const result = verify('snp', {}, { evidence: change(evidenceOf('snp', { version: 0 })) });
    expect(failures(result)).toEqual(['evidence.json.form']);
    expect(result.findings[0]?.title).toContain(`\`${member}\``);
  });

  test('may leave the VCEK out', () => {
    const chip = world.amd.chip();
    const endorsements = { ...endorsementsOf('snp'), vcek: world.amd.vcek(chip, chip.tcb).der };
    expect(failures(verify('snp', { version: 0, vcek: 'none' }, { endorsements }))).toEqual([]);
  });
});

test('an AK certificate is not compared with a key that is none', () => {
  const akCertificate = world.tpm.akCertificate(azureTpm(world)).der;
  const result = verify('snp', { ...AZURE_DEFECTS['two-aks'].make(), akCertificate });
  expect(failures(result)).toEqual(['az.hcl.key']);
  expect(result.findings).toContainEqual(expect.objectContaining({ id: 'az.ak.certificate', outcome: 'not-checked' }));
});

test('claims of az-snp-vtpm are texts, the measurement base64, and no chip is named', () => {
  const { emulated, report_data: _r, init_data: _i, tpm: _tpm, ...claims } = claimsOf(verify('snp'));
  expect(emulated).toBe(true);
  expect(Object.values(claims).every((value) => typeof value === 'string')).toBe(true);
  expect(claims).toMatchObject({
    policy_debug_allowed: 'false',
    policy_abi_major: '0',
    reported_tcb_snp: expect.any(String),
  });
  expect(Buffer.from(String(claims['measurement']), 'base64')).toHaveLength(48);
  expect(claims).not.toHaveProperty('chip_id');
});

test('claims of az-tdx-vtpm are those of tdx, without a log', () => {
  const claims = claimsOf(verify('tdx'));
  expect(claims).toMatchObject({
    quote: { header: { tee_type: '81000000' }, body: { mr_td: expect.stringMatching(/^[0-9a-f]{96}$/) } },
    td_attributes: { debug: false },
    tcb_status: 'UpToDate',
  });
  expect(claims).not.toHaveProperty('uefi_event_logs');
});

test('rules for the hardware hold beneath the vTPM, and none allows another VMPL', () => {
  const emulatedRoots = world.anchors(['Milan']).amd;
  const debug = { snp: { report: { policy: SNP_POLICY.reservedMustBeOne | SNP_POLICY.debug } } };
  expect(failures(verify('snp', debug))).toEqual(['snp.guest.debug']);
  const lenient = createAzSnpVtpmVerifier({
    snp: { emulatedRoots, rules: { debugAllowed: true, maximumVmpl: 3 } },
  });
  expect(failures(verify('snp', debug, { using: lenient }))).toEqual([]);
  const vmpl = verify('snp', { snp: { report: { vmpl: 2 } } }, { using: lenient });
  expect(failures(vmpl)).toEqual(['snp.guest.vmpl', 'az.hcl.hardware']);
});

test('needs are those of the hardware', () => {
  const snp = azSnpNeeds(evidenceOf('snp'));
  expect(snp).toMatchObject({ product: 'Milan', kind: 'VCEK', suppliesLeaf: true });
  expect(azSnpNeeds(evidenceOf('snp', { vcek: 'none' }))).toMatchObject({ suppliesLeaf: false });
  expect(azSnpNeeds(evidenceOf('snp', { header: { magic: 'XXXX' } }))).toBeUndefined();
  expect(azSnpNeeds({})).toBeUndefined();
  expect(azTdxNeeds(evidenceOf('tdx'))).toMatchObject({ tee: 'tdx', fmspc: expect.any(String) });
  expect(azTdxNeeds(evidenceOf('snp'))).toBeUndefined();
});

test('a VCEK that did not come along may be fetched', () => {
  const chip = world.amd.chip();
  const endorsements = { ...endorsementsOf('snp'), vcek: world.amd.vcek(chip, chip.tcb).der };
  expect(failures(verify('snp', { vcek: 'none' }, { endorsements }))).toEqual([]);
});
