/** What the report says, beside what the owner wants: stage `appraise`, which policy has the last word on. */
import { encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed, type ShortfallRow, unmet, warned } from '@assay/bytes/findings';
import type { Product } from '../product.js';
import { type GuestPolicy, hexNumber, policyNames, readPlatformInfo, readPolicy } from '../report/policy.js';
import { allZero, type ReportFields, versionText } from '../report/report.js';
import { readTcb, type Tcb, tcbEntries } from '../tcb.js';
import type { SnpRules } from './rules.js';

const ABI = 'AMD 56860, ATTESTATION_REPORT';
const origin = { kind: 'spec', document: 'AMD 56860', clause: 'ATTESTATION_REPORT' } as const;

function setting(key: string): {
  readonly source: string;
  readonly origin: { readonly kind: 'setting'; readonly key: string };
} {
  return { source: `rule of the owner: snp.${key}`, origin: { kind: 'setting', key: `snp.${key}` } };
}

/** Every question, answered or said to be unasked. */
export function appraise(fields: ReportFields, product: Product, rules: SnpRules): FindingDraft[] {
  const policy = readPolicy(fields.policy);
  return [
    judgeTcbOrder(fields, product),
    judgeProvisional(fields, product),
    ...judgeMinimum(fields, product, rules),
    judgeMask(fields),
    judgeDebug(fields, policy, rules),
    judgeMigration(fields, policy, rules),
    ...judgePolicy(fields, policy, rules),
    judgeVmpl(fields, rules),
    ...judgeDigests(fields, rules),
    ...judgePlatform(fields, rules),
    judgeAliasCheck(fields, rules),
  ];
}

function judgeTcbOrder(fields: ReportFields, product: Product): FindingDraft {
  const [reported, committed, current] = [fields.reportedTcb, fields.committedTcb, fields.currentTcb].map((raw) =>
    readTcb(raw, product),
  ) as [Tcb, Tcb, Tcb];
  for (const [component, has] of tcbEntries(reported)) {
    const [middle = 0, last = 0] = [committed[component], current[component]];
    if (has <= middle && middle <= last) continue;
    return unmet('snp.tcb.order', {
      subject: 'report',
      params: { component, reported: has, committed: middle, current: last },
      expected: 'reported at most committed at most current',
      actual: [has, middle, last],
      compare: { relation: 'at-most', type: 'tcb', rows: [{ component, has, wants: middle }] },
      source: `${ABI}: REPORTED_TCB, COMMITTED_TCB, CURRENT_TCB`,
      origin,
    });
  }
  return passed('snp.tcb.order', 'report');
}

/** Firmware that is not committed can be rolled back without a reboot. */
function judgeProvisional(fields: ReportFields, product: Product): FindingDraft {
  const [current, committed] = [versionText(fields.current), versionText(fields.committed)];
  const [running, kept] = [readTcb(fields.currentTcb, product), readTcb(fields.committedTcb, product)];
  const rows = tcbEntries(running).flatMap(([component, has]): ShortfallRow[] =>
    has === kept[component] ? [] : [{ component, has, wants: kept[component] ?? null }],
  );
  if (current === committed && rows.length === 0) return passed('snp.tcb.provisional', 'report', current);
  const [row] = rows;
  const detail = (value: 'has' | 'wants'): string => (row === undefined ? '' : ` (${row.component} ${row[value]})`);
  return unmet('snp.tcb.provisional', {
    subject: 'report',
    params: { current: `${current}${detail('has')}`, committed: `${committed}${detail('wants')}` },
    expected: current,
    actual: committed,
    compare: { relation: 'equal', type: 'version', ...(rows.length === 0 ? {} : { rows }) },
    source: `${ABI}: COMMITTED_TCB and CURRENT_TCB`,
    origin,
  });
}

function judgeMinimum(fields: ReportFields, product: Product, rules: SnpRules): FindingDraft[] {
  const wanted = rules.minimumTcb?.[product];
  const { minimumFirmware: firmware } = rules;
  if (wanted === undefined && firmware === undefined) {
    return [
      notChecked('snp.tcb.minimum', `not checked: the owner sets no minimum TCB for ${product}`, { subject: 'report' }),
    ];
  }
  const reported = readTcb(fields.reportedTcb, product);
  const rows = tcbEntries(reported).flatMap(([component, has]): ShortfallRow[] => {
    const wants = wanted?.[component] ?? 0;
    return has >= wants ? [] : [{ component, has, wants, updated_by: 'BIOS' }];
  });
  const order = (version: { major: number; minor: number; build: number }): number =>
    (version.major << 16) | (version.minor << 8) | version.build;
  if (firmware !== undefined && order(fields.committed) < order(firmware)) {
    rows.push({
      component: 'firmware',
      has: versionText(fields.committed),
      wants: versionText(firmware),
      updated_by: 'BIOS',
    });
  }
  const [first] = rows;
  if (first === undefined) return [passed('snp.tcb.minimum', 'report')];
  return [
    failed('snp.tcb.minimum', {
      subject: 'report',
      params: { component: first.component, actual: first.has, expected: first.wants },
      expected: first.wants,
      actual: first.has,
      compare: { relation: 'at-least', type: 'tcb', rows },
      ...setting('minimum_tcb'),
    }),
  ];
}

function judgeMask({ chipId }: ReportFields): FindingDraft {
  if (!allZero(chipId)) return passed('snp.chip.masked', 'CHIP_ID');
  return unmet('snp.chip.masked', {
    subject: 'CHIP_ID',
    expected: 'a chip id',
    actual: encodeHex(chipId),
    compare: { relation: 'present', type: 'bytes' },
    source: `${ABI}: CHIP_ID`,
    origin,
  });
}

function judgeDebug({ policy: value }: ReportFields, { flags }: GuestPolicy, rules: SnpRules): FindingDraft {
  if (!flags.debug) return passed('snp.guest.debug', 'report', false);
  const facts = {
    subject: 'report',
    params: { actual: hexNumber(value) },
    expected: false,
    actual: true,
    compare: { relation: 'equal', type: 'flags' },
  } as const;
  // What the owner relaxes still warns.
  if (rules.debugAllowed === true) return warned('snp.guest.debug', { ...facts, ...setting('debug_allowed') });
  return failed('snp.guest.debug', { ...facts, source: 'AMD 56860, guest policy: DEBUG', origin });
}

function judgeMigration(fields: ReportFields, { flags }: GuestPolicy, rules: SnpRules): FindingDraft {
  const agent = encodeHex(fields.reportIdMa);
  if (!flags.migrateMa) return passed('snp.guest.migration', 'report', false);
  const { migrationAgents = [] } = rules;
  if (migrationAgents.includes(agent)) return passed('snp.guest.migration', 'report', agent);
  return failed('snp.guest.migration', {
    subject: 'report',
    params: { actual: agent },
    expected: migrationAgents,
    actual: agent,
    compare: { relation: 'one-of', type: 'flags' },
    ...setting('migration_agents'),
  });
}

function judgePolicy(fields: ReportFields, policy: GuestPolicy, rules: SnpRules): FindingDraft[] {
  const { guestPolicy, minimumAbi } = rules;
  if (guestPolicy === undefined && minimumAbi === undefined) {
    return [
      notChecked('snp.guest.policy', 'not checked: the owner sets no rule for the guest policy', { subject: 'report' }),
    ];
  }
  const differing = Object.entries(guestPolicy ?? {}).flatMap(([flag, wanted]) =>
    policy.flags[flag as keyof GuestPolicy['flags']] === wanted ? [] : [`${flag} ${wanted ? 'on' : 'off'}`],
  );
  const abi = (major: number, minor: number): number => major * 256 + minor;
  if (minimumAbi !== undefined && abi(policy.abiMajor, policy.abiMinor) < abi(minimumAbi.major, minimumAbi.minor)) {
    differing.push(`ABI ${minimumAbi.major}.${minimumAbi.minor} or later`);
  }
  if (differing.length === 0) return [passed('snp.guest.policy', 'report', hexNumber(fields.policy))];
  return [
    failed('snp.guest.policy', {
      subject: 'report',
      params: { actual: hexNumber(fields.policy), names: policyNames(policy), expected: differing.join(', ') },
      expected: differing,
      actual: hexNumber(fields.policy),
      compare: { relation: 'equal', type: 'flags' },
      ...setting('guest_policy'),
    }),
  ];
}

function judgeVmpl({ vmpl }: ReportFields, rules: SnpRules): FindingDraft {
  const limit = rules.maximumVmpl ?? 0;
  if (vmpl <= limit) return passed('snp.guest.vmpl', 'report', vmpl);
  return failed('snp.guest.vmpl', {
    subject: 'report',
    params: { actual: vmpl, expected: limit },
    expected: limit,
    actual: vmpl,
    compare: { relation: 'at-most', type: 'integer' },
    ...setting('maximum_vmpl'),
  });
}

function judgeDigests(fields: ReportFields, rules: SnpRules): FindingDraft[] {
  const asked = [
    ['ID_KEY_DIGEST', 'id_key_digests', fields.idKeyDigest, rules.idKeyDigests],
    ['AUTHOR_KEY_DIGEST', 'author_key_digests', fields.authorKeyDigest, rules.authorKeyDigests],
  ] as const;
  return asked.map(([field, key, digest, known]) => {
    const actual = encodeHex(digest);
    if (known === undefined)
      return notChecked('snp.guest.author', `not checked: the owner names no ${field}`, { subject: field });
    if (known.includes(actual)) return passed('snp.guest.author', field, actual);
    return failed('snp.guest.author', {
      subject: field,
      params: { field, actual, expected: known.length === 1 ? (known[0] ?? '') : `one of ${known.length} known` },
      expected: known,
      actual,
      compare: { relation: 'one-of', type: 'digest' },
      ...setting(key),
    });
  });
}

function judgePlatform(fields: ReportFields, { platform }: SnpRules): FindingDraft[] {
  const asked = Object.entries(platform ?? {}).filter(([flag]) => flag !== 'aliasCheckComplete');
  if (asked.length === 0) {
    return [
      notChecked('snp.platform.smt', 'not checked: the owner sets no rule for the platform', { subject: 'report' }),
    ];
  }
  const info = readPlatformInfo(fields.platformInfo);
  const word = (on: boolean): string => (on ? 'on' : 'off');
  return asked.map(([flag, wanted]) => {
    const actual = info[flag as keyof typeof info];
    if (actual === wanted) return passed('snp.platform.smt', flag, actual);
    // Here the owner asks for it: a rule that is not met refuses.
    return failed('snp.platform.smt', {
      subject: flag,
      severity: 'high',
      params: { feature: flag, actual: word(actual), expected: word(wanted) },
      expected: wanted,
      actual,
      compare: { relation: 'equal', type: 'flags' },
      ...setting('platform'),
    });
  });
}

function judgeAliasCheck(fields: ReportFields, { platform }: SnpRules): FindingDraft {
  const { aliasCheckComplete: done } = readPlatformInfo(fields.platformInfo);
  if (done) return passed('snp.platform.alias', 'report');
  const facts = {
    subject: 'report',
    expected: true,
    actual: false,
    compare: { relation: 'equal', type: 'flags' },
  } as const;
  if (platform?.aliasCheckComplete === true) {
    return failed('snp.platform.alias', { ...facts, severity: 'high', ...setting('platform') });
  }
  return warned('snp.platform.alias', { ...facts, source: `${ABI}: PLATFORM_INFO, ALIAS_CHECK_COMPLETE`, origin });
}
