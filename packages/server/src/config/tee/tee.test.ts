import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { fatalIssues, renderIssue } from '../issues.js';
import { defaultSettings, loadConfig } from '../load.js';
import type { Settings } from '../schema.js';
import { sgxRules } from './sgx.js';
import { snpRules } from './snp.js';
import { tdxRules } from './tdx.js';

function load(text: string) {
  const path = join(temporaryFolder('assay-tee-'), 'assay.toml');
  writeFileSync(path, text);
  return loadConfig({ file: path });
}

function settingsOf(text: string): Settings {
  const { settings, issues } = load(text);
  if (settings === undefined) throw new Error(issues.map(renderIssue).join('\n'));
  return settings;
}

describe('without settings the rules are the verifiers’ own', () => {
  const { sgx, snp, tdx } = defaultSettings();

  test('tdx', () => {
    expect(tdxRules(tdx)).toEqual({
      endingWithin: 86_400_000,
      appraisal: { allowDebug: false, allowUnknownAttributes: false, allowSeptVe: false },
      events: { logRequired: false, secureBoot: false },
    });
  });

  test('sgx', () => {
    expect(sgxRules(sgx)).toEqual({ endingWithin: 86_400_000, appraisal: { allowDebug: false, enclaveFlags: 0n } });
  });

  test('snp', () => {
    expect(snpRules(snp)).toEqual({
      debugAllowed: false,
      maximumVmpl: 0,
      migrationAgents: [],
      crlRequired: false,
      endingWithin: 86_400_000,
    });
  });

  test('and nothing is warned of', () => {
    expect(loadConfig({}).issues).toEqual([]);
  });
});

test('rules of tdx and sgx', () => {
  const text = (section: string, more: string): string => `[${section}]
debug_allowed = true
accepted_tcb_statuses = ["UpToDate", "SWHardeningNeeded"]
accepted_advisories = ["INTEL-SA-00586"]
minimum_evaluation = 18
ending_within = 48
${more}
`;
  const { sgx, tdx } = settingsOf(
    text('tdx', 'unknown_attributes_allowed = true\nsept_ve_allowed = true') +
      text('sgx', 'enclave_flags = ["KSS", "MODE64BIT"]'),
  );
  const both = {
    acceptedStatuses: ['UpToDate', 'SWHardeningNeeded'],
    acceptedAdvisories: ['INTEL-SA-00586'],
    minimumEvaluation: 18,
    endingWithin: 2 * 86_400_000,
  };
  expect(tdxRules(tdx)).toEqual({
    ...both,
    appraisal: { allowDebug: true, allowUnknownAttributes: true, allowSeptVe: true },
    events: { logRequired: false, secureBoot: false },
  });
  expect(sgxRules(sgx)).toEqual({ ...both, appraisal: { allowDebug: true, enclaveFlags: 0x84n } });
});

test('rules for the boot of a TD', () => {
  const [one, two, three] = ['ab', 'cd', 'ef'].map((byte) => byte.repeat(48));
  const { tdx } = settingsOf(`[tdx]
event_log_required = true
kernel_digests = ["${one}"]
cmdline_digests = ["${two}"]
initrd_digests = ["${three}"]
secure_boot_required = true
`);
  expect(tdxRules(tdx).events).toEqual({
    logRequired: true,
    secureBoot: true,
    kernels: [one],
    commandLines: [two],
    initrds: [three],
  });
});

test('an empty list of advisories accepts none; of statuses, too', () => {
  const { tdx } = settingsOf('[tdx]\naccepted_advisories = []\naccepted_tcb_statuses = []\n');
  expect(tdxRules(tdx)).toMatchObject({ acceptedAdvisories: [], acceptedStatuses: [] });
});

test('rules of snp', () => {
  const digest = 'ab'.repeat(48);
  const { snp } = settingsOf(`[snp]
debug_allowed = true
maximum_vmpl = 1
migration_agents = ["${'cd'.repeat(32)}"]
guest_policy = ["single_socket=on", "mem_aes256_xts=off"]
minimum_abi = "1.55"
minimum_tcb = ["Milan snp=24 microcode=219", "Turin fmc=1"]
minimum_firmware = "1.55.31"
id_key_digests = ["${digest}"]
author_key_digests = []
platform = ["smt=off", "alias_check_complete=on"]
crl_required = true
ending_within = 720
`);
  expect(snpRules(snp)).toEqual({
    debugAllowed: true,
    maximumVmpl: 1,
    migrationAgents: ['cd'.repeat(32)],
    guestPolicy: { singleSocket: true, memAes256Xts: false },
    minimumAbi: { major: 1, minor: 55 },
    minimumTcb: { Milan: { snp: 24, microcode: 219 }, Turin: { fmc: 1 } },
    minimumFirmware: { major: 1, minor: 55, build: 31 },
    idKeyDigests: [digest],
    authorKeyDigests: [],
    platform: { smt: false, aliasCheckComplete: true },
    crlRequired: true,
    endingWithin: 720 * 3_600_000,
  });
});

test.each([
  ['tdx', 'accepted_tcb_statuses = ["Revoked"]', 'tdx.accepted_tcb_statuses.0'],
  ['tdx', 'accepted_tcb_statuses = ["uptodate"]', '"UpToDate" | "SWHardeningNeeded"'],
  ['tdx', 'accepted_advisories = ["a b"]', 'an advisory like `INTEL-SA-00586` is wanted'],
  ['tdx', 'accepted_advisories = "INTEL-SA-00586"', 'list of strings is wanted'],
  ['tdx', 'kernel_digests = ["ab"]', 'SHA-384 in 96 hex digits, lower case is wanted'],
  ['sgx', 'enclave_flags = ["DEBUG"]', '`sgx.enclave_flags.0` is `"DEBUG"`'],
  ['sgx', 'unknown_attributes_allowed = true', '`sgx.unknown_attributes_allowed` is not a setting'],
  ['snp', 'maximum_vmpl = 4', 'integer, 0 to 3 is wanted'],
  ['snp', 'guest_policy = ["debug=yes"]', 'a flag like `smt=off` is wanted'],
  ['snp', 'guest_policy = ["singleSocket=on"]', 'a flag like `smt=off` is wanted'],
  ['snp', 'platform = ["single_socket=on"]', 'a flag like `smt=off` is wanted'],
  ['snp', 'minimum_abi = "1"', 'a version like `1.55` is wanted'],
  ['snp', 'minimum_firmware = "1.55.256"', 'a version like `1.55.31` is wanted'],
  ['snp', 'minimum_tcb = ["Rome snp=1"]', 'a product with its components'],
  ['snp', 'minimum_tcb = ["Milan fmc=1"]', 'a product with its components'],
  ['snp', 'minimum_tcb = ["Milan snp=256"]', 'a product with its components'],
  ['snp', 'minimum_tcb = ["Milan"]', 'a product with its components'],
  ['snp', 'id_key_digests = ["AB"]', 'SHA-384 in 96 hex digits, lower case is wanted'],
  ['snp', 'migration_agents = ["ab"]', 'REPORT_ID_MA in 64 hex digits'],
])('refuses [%s] %s', (section, line, message) => {
  const { settings, issues } = load(`[${section}]\n${line}\n`);
  expect(settings).toBeUndefined();
  expect(fatalIssues(issues).map(renderIssue).join('\n')).toContain(message);
});

test.each([
  ['guest_policy = ["smt=on", "smt=off"]', 'snp.guest_policy'],
  ['platform = ["ecc=on", "ecc=on"]', 'snp.platform'],
  ['minimum_tcb = ["Milan snp=1", "Milan snp=2"]', 'snp.minimum_tcb'],
  ['minimum_tcb = ["Milan snp=1 snp=2"]', 'snp.minimum_tcb'],
])('a rule that stands twice is refused, not chosen between: %s', (line, key) => {
  const { snp } = settingsOf(`[snp]\n${line}\n`);
  expect(() => snpRules(snp)).toThrow(expect.objectContaining({ code: 'config.file.form' }));
  expect(() => snpRules(snp)).toThrow(key);
});

test('each rule that is loosened is said at start, and what it opens', () => {
  const { issues } = load(`[tdx]
debug_allowed = true
unknown_attributes_allowed = true
sept_ve_allowed = true
[sgx]
debug_allowed = true
[snp]
debug_allowed = true
maximum_vmpl = 1
migration_agents = ["${'cd'.repeat(32)}"]
`);
  expect(issues.every(({ id, why = '' }) => id === 'config.value.insecure' && why !== '')).toBe(true);
  expect(issues.map(({ key }) => key)).toEqual([
    'tdx.debug_allowed',
    'tdx.unknown_attributes_allowed',
    'tdx.sept_ve_allowed',
    'sgx.debug_allowed',
    'snp.debug_allowed',
    'snp.maximum_vmpl',
    'snp.migration_agents',
  ]);
});

test('lists of rules come from the environment as well', () => {
  const { settings } = loadConfig({
    env: { ASSAY_SNP_MINIMUM_TCB: 'Milan snp=24 microcode=219,Genoa snp=22', ASSAY_SGX_ENCLAVE_FLAGS: 'KSS' },
  });
  expect(settings?.snp.minimum_tcb).toEqual(['Milan snp=24 microcode=219', 'Genoa snp=22']);
  expect(settings?.sgx.enclave_flags).toEqual(['KSS']);
});
