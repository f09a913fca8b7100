/** What is suspicious about a policy before any evidence has met it. */
import { type FindingDraft, type FindingId, reported } from '@assay/bytes/findings';
import { type CheckCode, check } from '@assay/rego/tools';
import { type CompiledPolicy, HOST_FUNCTIONS } from './engine.js';
import { typeWarnings } from './types.js';

/** The linter's codes as ids of the register. Codes that say how to write nicer Rego are for `assay rego check`. */
const IDS: { readonly [code in CheckCode]?: FindingId } = {
  'missing-rule': 'policy.rule.present',
  'misnamed-rule': 'policy.rule.present',
  'unknown-trust-claim': 'policy.trust-claim.known',
  'encoding-mismatch': 'policy.compare.encoding',
  'missing-reference-value': 'policy.compare.null',
};

/** Findings of `policy set`: they refuse nothing, they are shown to who sets the policy. */
export function policyWarnings(id: string, policy: CompiledPolicy): readonly FindingDraft[] {
  const found = check([{ file: policy.file, text: policy.text }], { purpose: 'attestation' });
  // A rule of a near name says all that the missing one says: one fact, one finding.
  const misnamed = found.some(({ code }) => code === 'misnamed-rule');
  const warnings = found.flatMap((finding): FindingDraft[] => {
    const known = IDS[finding.code];
    if (known === undefined || (misnamed && finding.code === 'missing-rule')) return [];
    const { row, col } = finding.loc;
    const place = row === 0 ? policy.file : `${policy.file}:${row}`;
    const warning = reported(known, `${place}: ${finding.message}`, {
      subject: id,
      source: `policy ${id}`,
      origin: { kind: 'policy', policy: id, digest: policy.digest, location: row === 0 ? place : `${place}:${col}` },
      remedy: sentence(finding.remedy),
    });
    return [{ ...warning, outcome: 'warn' }];
  });
  const types = typeWarnings(policy.file, policy.text, { hostFunctions: HOST_FUNCTIONS });
  return [...warnings, ...types.map((warning) => ({ ...warning, subject: id }))];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
