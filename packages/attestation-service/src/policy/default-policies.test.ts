import { readdirSync, readFileSync } from 'node:fs';
import type { JsonObject, JsonValue } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICIES } from './default-policies.js';
import { compilePolicy, type RuleOutcome } from './engine.js';

const now = new Date('2026-11-21T10:00:00Z');
const folder = new URL('../../policies/', import.meta.url);

function run(
  policy: string,
  input: JsonObject,
  values: JsonObject = {},
  rule: 'trust_claims' | 'extensions' = 'trust_claims',
): RuleOutcome {
  const compiled = compilePolicy(`${policy}.rego`, DEFAULT_POLICIES[policy] ?? '');
  return compiled.evaluate(rule, {
    input,
    now,
    query: (name) => (Object.hasOwn(values, name) ? (values[name] ?? null) : null),
  });
}

/** executables, hardware, configuration */
function claims(policy: string, input: JsonObject, values: JsonObject = {}): readonly unknown[] {
  const outcome = run(policy, input, values);
  if (outcome.kind !== 'value') return [outcome.kind];
  const value = outcome.value as { readonly [claim: string]: JsonValue };
  return [value['executables'], value['hardware'], value['configuration']];
}

test('the embedded texts are the files', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.rego'));
  expect(Object.keys(DEFAULT_POLICIES).sort()).toEqual(files.map((name) => name.replace('.rego', '')).sort());
  for (const name of files)
    expect(DEFAULT_POLICIES[name.replace('.rego', '')]).toBe(readFileSync(new URL(name, folder), 'utf8'));
});

const NOTHING = [33, 97, 36];

interface Platform {
  readonly policy: string;
  readonly input: JsonObject;
  readonly values: JsonObject;
  readonly best: readonly number[];
  /** A change of claims or values, and what it costs. */
  readonly worse: readonly (readonly [
    string,
    (platform: { input: JsonObject; values: JsonObject }) => { input?: JsonObject; values?: JsonObject },
    readonly number[],
  ])[];
}

const sample = { svn: '1', launch_digest: 'abcde', platform_version: { major: 1, minor: 4 }, debug: false };
const snp = {
  measurement: 'aa',
  reported_tcb_bootloader: 3,
  reported_tcb_microcode: 209,
  reported_tcb_snp: 20,
  reported_tcb_tee: 0,
  policy_debug_allowed: false,
  policy_migrate_ma: false,
  platform_smt_enabled: true,
  platform_tsme_enabled: false,
  policy_abi_major: 0,
  policy_abi_minor: 31,
  policy_single_socket: false,
  policy_smt_allowed: true,
};
const tdx = {
  quote: {
    header: { tee_type: '81000000', vendor_id: '939a7233f79c4ca9940a0db3957f0607' },
    body: { mr_td: 'm', rtmr_1: 'r1', rtmr_2: 'r2', xfam: 'x' },
  },
  tcb_status: 'UpToDate',
  collateral_expiration_status: '0',
  td_attributes: { debug: false },
  uefi_event_logs: [
    {
      type_name: 'EV_EFI_BOOT_SERVICES_APPLICATION',
      details: { device_paths: ['Pci(0,0)', 'File(kernel)'] },
      digests: [{ alg: 'SHA-384', digest: 'k' }],
    },
    {
      type_name: 'EV_EVENT_TAG',
      details: { string: 'LOADED_IMAGE::LoadOptions' },
      digests: [{ alg: 'SHA-384', digest: 'p' }],
    },
  ],
};
const azSnp = {
  measurement: 'bA==',
  tpm: { pcr11: 'c' },
  reported_tcb_bootloader: '3',
  reported_tcb_microcode: '209',
  reported_tcb_snp: '20',
  reported_tcb_tee: '0',
  platform_smt_enabled: 'true',
  platform_tsme_enabled: 'false',
  policy_abi_major: '0',
  policy_abi_minor: '31',
  policy_single_socket: 'false',
  policy_smt_allowed: 'true',
};
const chain = { 'x-nvidia-cert-status': 'valid', 'x-nvidia-cert-ocsp-status': 'good' };
const gpu = {
  'x-nvidia-gpu-attestation-report-cert-chain': chain,
  'x-nvidia-gpu-attestation-report-cert-chain-fwid-match': true,
  'x-nvidia-gpu-attestation-report-parsed': true,
  'x-nvidia-gpu-attestation-report-signature-verified': true,
  'x-nvidia-gpu-arch-check': true,
  secboot: true,
  dbgstat: 'disabled',
  'x-nvidia-gpu-vbios-version': '96.00',
  'x-nvidia-gpu-driver-version': '570.1',
  'x-nvidia-gpu-driver-rim-fetched': true,
  'x-nvidia-gpu-driver-rim-schema-validated': true,
  'x-nvidia-gpu-driver-rim-signature-verified': true,
  'x-nvidia-gpu-driver-rim-version-match': true,
  'x-nvidia-gpu-driver-rim-measurements-available': true,
  'x-nvidia-gpu-vbios-rim-fetched': true,
  'x-nvidia-gpu-vbios-rim-schema-validated': true,
  'x-nvidia-gpu-vbios-rim-signature-verified': true,
  'x-nvidia-gpu-vbios-rim-version-match': true,
  'x-nvidia-gpu-vbios-rim-measurements-available': true,
  'x-nvidia-gpu-vbios-rim-cert-chain': chain,
  measres: 'success',
};
const nvswitch = {
  'x-nvidia-switch-attestation-report-cert-chain': chain,
  'x-nvidia-switch-attestation-report-cert-chain-fwid-match': true,
  'x-nvidia-switch-attestation-report-parsed': true,
  'x-nvidia-switch-attestation-report-signature-verified': true,
  'x-nvidia-switch-arch-check': true,
  secboot: true,
  dbgstat: 'disabled',
  'x-nvidia-switch-bios-version': '1',
  'x-nvidia-switch-bios-rim-fetched': true,
  'x-nvidia-switch-bios-rim-schema-validated': true,
  'x-nvidia-switch-bios-rim-signature-verified': true,
  'x-nvidia-switch-bios-rim-version-match': true,
  'x-nvidia-switch-bios-rim-measurements-available': true,
  'x-nvidia-switch-bios-rim-cert-chain': chain,
  measres: 'success',
};

const without = (values: JsonObject, ...names: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));

const PLATFORMS: { readonly [name: string]: Platform } = {
  sample: {
    policy: 'default_cpu',
    input: { sample },
    values: { launch_digest: ['abcde'], svn: ['1'], major_version: 1, minimum_minor_version: 4 },
    best: [3, 2, 2],
    worse: [
      ['newer minor is wanted', ({ values }) => ({ values: { ...values, minimum_minor_version: 5 } }), [3, 97, 2]],
      ['minimum is not registered', ({ values }) => ({ values: without(values, 'minimum_minor_version') }), [3, 97, 2]],
      ['other major', ({ values }) => ({ values: { ...values, major_version: 2 } }), [3, 97, 2]],
      ['other svn', ({ values }) => ({ values: { ...values, svn: ['2'] } }), [3, 97, 2]],
      ['other digest', ({ values }) => ({ values: { ...values, launch_digest: ['x'] } }), [33, 2, 2]],
      ['debug', () => ({ input: { sample: { ...sample, debug: true } } }), [3, 2, 36]],
    ],
  },
  snp: {
    policy: 'default_cpu',
    input: { snp },
    values: {
      snp_launch_measurement: ['aa'],
      snp_bootloader: [3],
      snp_microcode: [209],
      snp_snp_svn: [20],
      snp_tee_svn: [0],
      snp_smt_enabled: true,
      snp_tsme_enabled: false,
      snp_guest_abi_major: 0,
      snp_guest_abi_minor: 31,
      snp_single_socket: false,
      snp_smt_allowed: true,
    },
    best: [3, 2, 2],
    worse: [
      ['other measurement', () => ({ input: { snp: { ...snp, measurement: 'bb' } } }), [33, 2, 2]],
      ['older microcode', () => ({ input: { snp: { ...snp, reported_tcb_microcode: 1 } } }), [3, 97, 2]],
      ['platform values not registered', ({ values }) => ({ values: without(values, 'snp_smt_enabled') }), [3, 2, 3]],
      ['debug allowed', () => ({ input: { snp: { ...snp, policy_debug_allowed: true } } }), [3, 2, 36]],
      ['migration agent', () => ({ input: { snp: { ...snp, policy_migrate_ma: true } } }), [3, 2, 36]],
    ],
  },
  tdx: {
    policy: 'default_cpu',
    input: { tdx },
    values: { rtmr_1: ['r1'], rtmr_2: ['r2'], tdvfkernel: 'k', tdvfkernelparams: 'p', mr_td: ['m'], xfam: ['x'] },
    best: [3, 2, 2],
    worse: [
      ['kernel is registered as a list', ({ values }) => ({ values: { ...values, tdvfkernel: ['k'] } }), [4, 2, 2]],
      ['other kernel', ({ values }) => ({ values: { ...values, tdvfkernel: 'z' } }), [4, 2, 2]],
      ['command line is not registered', ({ values }) => ({ values: without(values, 'tdvfkernelparams') }), [4, 2, 2]],
      ['no event log', () => ({ input: { tdx: without(tdx, 'uefi_event_logs') } }), [4, 2, 2]],
      ['other rtmr_2', ({ values }) => ({ values: { ...values, rtmr_2: ['z'] } }), [33, 2, 2]],
      ['TCB out of date', () => ({ input: { tdx: { ...tdx, tcb_status: 'OutOfDate' } } }), [3, 97, 2]],
      ['collateral ended', () => ({ input: { tdx: { ...tdx, collateral_expiration_status: '1' } } }), [3, 97, 2]],
      ['debug', () => ({ input: { tdx: { ...tdx, td_attributes: { debug: true } } } }), [3, 2, 36]],
      ['other features', ({ values }) => ({ values: { ...values, xfam: ['y'] } }), [3, 2, 36]],
    ],
  },
  'az-snp-vtpm': {
    policy: 'default_cpu',
    input: { 'az-snp-vtpm': azSnp },
    values: {
      measurement: ['bA=='],
      snp_pcr11: ['c'],
      tcb_bootloader: ['3'],
      tcb_microcode: ['209'],
      tcb_snp: ['20'],
      tcb_tee: ['0'],
      smt_enabled: ['true'],
      tsme_enabled: ['false'],
      abi_major: ['0'],
      abi_minor: ['31'],
      single_socket: ['false'],
      smt_allowed: ['true'],
    },
    best: [3, 2, 2],
    worse: [
      ['other PCR 11', ({ values }) => ({ values: { ...values, snp_pcr11: ['d'] } }), [33, 2, 2]],
      ['values as numbers', ({ values }) => ({ values: { ...values, tcb_bootloader: [3] } }), [3, 97, 2]],
      ['values as booleans', ({ values }) => ({ values: { ...values, smt_enabled: [true] } }), [3, 2, 36]],
    ],
  },
  'az-tdx-vtpm': {
    policy: 'default_cpu',
    input: { 'az-tdx-vtpm': { ...tdx, tpm: { pcr11: 'c' } } },
    values: { tdx_pcr11: ['c'], mr_td: ['m'], xfam: ['x'] },
    best: [3, 2, 2],
    worse: [['other MRTD', ({ values }) => ({ values: { ...values, mr_td: ['z'] } }), [3, 97, 2]]],
  },
  tpm: {
    policy: 'default_cpu',
    input: { tpm: { pcr11: 'c', ak_public: 'k' } },
    values: { tpm_pcr11: ['c'], trusted_aks: ['k'] },
    best: [3, 2, 0],
    worse: [['unknown key', ({ values }) => ({ values: { ...values, trusted_aks: ['z'] } }), [33, 2, 0]]],
  },
  se: { policy: 'default_cpu', input: { se: { version: 1 } }, values: {}, best: [3, 2, 2], worse: [] },
  gpu: {
    policy: 'default_gpu',
    input: { nvidia: gpu },
    values: { allowed_vbios_versions: ['96.00'], allowed_driver_versions: ['570.1'] },
    best: [3, 2, 2],
    worse: [
      [
        'driver is not registered',
        ({ values }) => ({ values: { ...values, allowed_driver_versions: ['1'] } }),
        [3, 2, 3],
      ],
      ['debug', () => ({ input: { nvidia: { ...gpu, dbgstat: 'enabled' } } }), [3, 2, 36]],
      ['emulated', () => ({ input: { nvidia: { ...gpu, emulated: true } } }), [3, 97, 2]],
      ['measurements differ', () => ({ input: { nvidia: { ...gpu, measres: 'fail' } } }), [33, 2, 2]],
      [
        'revoked',
        () => ({
          input: {
            nvidia: {
              ...gpu,
              'x-nvidia-gpu-attestation-report-cert-chain': { ...chain, 'x-nvidia-cert-ocsp-status': 'revoked' },
            },
          },
        }),
        [3, 97, 2],
      ],
      ...Object.entries(gpu)
        .filter(([, value]) => value === true)
        .map(
          ([name]) =>
            [`${name} is false`, () => ({ input: { nvidia: { ...gpu, [name]: false } } }), costOf(name)] as const,
        ),
    ],
  },
  switch: {
    policy: 'default_switch',
    input: { nvidia: nvswitch },
    values: { allowed_switch_bios_versions: ['1'] },
    best: [3, 2, 2],
    worse: [
      ['emulated', () => ({ input: { nvidia: { ...nvswitch, emulated: true } } }), [3, 97, 2]],
      [
        'BIOS is not registered',
        ({ values }) => ({ values: { ...values, allowed_switch_bios_versions: [] } }),
        [3, 2, 3],
      ],
      ...Object.entries(nvswitch)
        .filter(([, value]) => value === true)
        .map(
          ([name]) =>
            [`${name} is false`, () => ({ input: { nvidia: { ...nvswitch, [name]: false } } }), costOf(name)] as const,
        ),
    ],
  },
  sampledevice: {
    policy: 'default_gpu',
    input: { sampledevice: { svn: '2' } },
    values: { device_svn: ['2'] },
    best: [33, 2, 36],
    worse: [['not registered', () => ({ values: {} }), NOTHING]],
  },
};

/** What a false claim of a device costs: its report, its firmware images or its configuration. */
function costOf(name: string): readonly number[] {
  if (name === 'secboot') return [3, 2, 36];
  return name.includes('-rim-') ? [33, 2, 2] : [3, 97, 2];
}

describe.each(Object.entries(PLATFORMS))('%s', (_, platform) => {
  test('is affirmed when every value is registered', () => {
    expect(claims(platform.policy, platform.input, platform.values)).toEqual(platform.best);
  });

  test.each(platform.worse)('%s', (_name, change, expected) => {
    const { input = platform.input, values = platform.values } = change(platform);
    expect(claims(platform.policy, input, values)).toEqual(expected);
  });
});

test.each(['sgx', 'cca', 'csv', 'made-up'])('%s has no rules and stays contraindicated', (tee) => {
  expect(claims('default_cpu', { [tee]: { debug: false } }, { measurement: ['x'] })).toEqual(NOTHING);
});

test('hardware of a CPU is not affirmed by claims alone', () => {
  // NVIDIA's service has judged its claims itself, and the verifiers of se and tpm have compared everything there is.
  const judged = ['gpu', 'switch', 'se', 'tpm'];
  const platforms = Object.entries(PLATFORMS).filter(([name]) => !judged.includes(name));
  expect(platforms.length).toBeGreaterThan(4);
  for (const [, { policy, input }] of platforms) expect(claims(policy, input)[1]).toBe(97);
});

test('a protected-PCIe topology is affirmed by its presence', () => {
  expect(claims('default_ppcie', { nvidia: { gpu_count: 8, switch_count: 4 } })).toEqual([0, 0, 2]);
});

describe('identifiers', () => {
  const container = (image: JsonValue, uid: JsonValue): JsonObject => ({
    OCI: { Annotations: { 'io.kubernetes.cri.image-name': image }, Process: { User: { UID: uid } } },
  });
  const extensions = (init_data_claims: JsonValue): unknown => {
    const outcome = run('default_cpu', { sample, init_data_claims }, {}, 'extensions');
    return outcome.kind === 'value' ? outcome.value : outcome.kind;
  };
  const identifiers = (validated: JsonObject) => [{ name: 'ear.trustee.identifiers', key: -18, value: { validated } }];

  test('are the images and users of the verified agent policy, in order, duplicates kept', () => {
    const containers = [container('busybox', 0), container('nginx', 101), container('busybox', 0)];
    expect(extensions({ agent_policy_claims: { containers } })).toEqual(
      identifiers({ container_images: ['busybox', 'nginx', 'busybox'], container_uids: [0, 101, 0] }),
    );
  });

  test.each<[string, JsonValue]>([
    ['no init-data', null],
    ['no agent policy', { 'aa.toml': {} }],
    ['no container', { agent_policy_claims: { containers: [] } }],
    ['containers of another form', { agent_policy_claims: { containers: 'x' } }],
  ])('%s: none, but present', (_, claimsOfInitData) => {
    expect(extensions(claimsOfInitData)).toEqual(identifiers({}));
  });

  test('a list that would be empty is left out', () => {
    const containers = [{ OCI: { Process: { User: { UID: 7 } } } }];
    expect(extensions({ agent_policy_claims: { containers } })).toEqual(identifiers({ container_uids: [7] }));
  });
});

test('a TEE without rules is contraindicated, not an error: sgx, cca, csv, nitro', () => {
  for (const tee of ['sgx', 'cca', 'csv', 'nitro'])
    expect(
      claims('default_cpu', { [tee]: { debug: false, emulated: true }, report_data: '00', init_data_claims: {} }),
    ).toEqual(NOTHING);
});

test('emulated hardware is known by its claim, whatever the TEE', () => {
  const text = `${DEFAULT_POLICIES['default_cpu'] ?? ''}\nhardware := 2 if {\n\tnot emulated\n\tinput.cca\n}\n`;
  const hardware = (input: JsonObject): unknown => {
    const outcome = compilePolicy('own.rego', text).evaluate('trust_claims', { input, now, query: () => null });
    return outcome.kind === 'value' ? (outcome.value as JsonObject)['hardware'] : outcome.kind;
  };
  const beside = { report_data: '00', init_data_claims: null, runtime_data_claims: {} };
  expect(hardware({ ...beside, cca: { realm: {} } })).toBe(2);
  expect(hardware({ ...beside, cca: { realm: {}, emulated: true } })).toBe(97);
});
