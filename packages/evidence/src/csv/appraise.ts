/** What the report says, beside what the owner wants: stage `appraise`, which policy has the last word on. */
import { type FindingDraft, failed, notChecked, passed, warned } from '@assay/bytes/findings';
import { hexWord } from './chain-findings.js';
import { csvPolicyNames, readCsvPolicy } from './report/policy.js';
import type { CsvReport } from './report/report.js';
import type { CsvRules } from './rules.js';

export function appraise(report: CsvReport, rules: CsvRules): FindingDraft[] {
  return [judgeDebug(report, rules), judgePolicy(report, rules), judgeMask(report)];
}

function judgeDebug({ policy: value }: CsvReport, rules: CsvRules): FindingDraft {
  if (readCsvPolicy(value).flags.nodbg) return passed('csv.guest.debug', 'report', hexWord(value));
  const facts = {
    subject: 'report',
    params: { actual: hexWord(value) },
    expected: 'NODBG',
    actual: hexWord(value),
    compare: { relation: 'equal', type: 'flags' },
  } as const;
  if (rules.debugAllowed === true) {
    const origin = { kind: 'setting', key: 'csv.debug_allowed' } as const;
    return warned('csv.guest.debug', { ...facts, source: 'rule of the owner: csv.debug_allowed', origin });
  }
  const origin = { kind: 'spec', document: 'Hygon CSV guest policy' } as const;
  return failed('csv.guest.debug', { ...facts, source: 'Hygon CSV guest policy: bit 0, NODBG', origin });
}

function judgePolicy({ policy: value }: CsvReport, { requiredPolicy = [] }: CsvRules): FindingDraft {
  if (requiredPolicy.length === 0) {
    const why = 'not checked: the owner sets no rule for the guest policy';
    return notChecked('csv.guest.policy', why, { subject: 'report', actual: hexWord(value) });
  }
  const policy = readCsvPolicy(value);
  const missing = requiredPolicy.filter((flag) => !policy.flags[flag]);
  if (missing.length === 0) return passed('csv.guest.policy', 'report', hexWord(value));
  return failed('csv.guest.policy', {
    subject: 'report',
    params: { actual: hexWord(value), names: csvPolicyNames(policy), expected: missing.join(', ') },
    expected: [...requiredPolicy],
    actual: hexWord(value),
    compare: { relation: 'equal', type: 'flags' },
    source: 'rule of the owner: csv.required_policy',
    origin: { kind: 'setting', key: 'csv.required_policy' },
  });
}

/**
 * Version 1 signs masked bytes, and the mask is not signed: whoever holds a genuine report can change every field by the same four
 * bytes. A known measurement rules that out, because a changed mask changes it too.
 */
function judgeMask({ anonce, version }: CsvReport): FindingDraft {
  if (anonce === undefined) return passed('csv.report.mask', 'report', version);
  return warned('csv.report.mask', {
    subject: 'anonce',
    expected: 'a signed mask',
    actual: null,
    compare: { relation: 'signed-by', type: 'bytes' },
    source: 'Hygon CSV attestation report, version 1: the signature covers bytes 0 to 179 as they are transmitted',
    origin: { kind: 'spec', document: 'Hygon CSV attestation report' },
  });
}
