/** What is suspicious about a policy before any evidence has met it. */
import { type FindingDraft, nearestName, warned } from '@assay/bytes/findings';
import type { CompiledPolicy } from './engine.js';

/** Findings of `policy set`: they refuse nothing, they are shown to who sets the policy. */
export function policyWarnings(id: string, policy: CompiledPolicy): readonly FindingDraft[] {
  if (policy.rules.includes('trust_claims')) return [];
  const nearest = nearestName('trust_claims', policy.rules);
  return [
    warned('policy.rule.present', {
      subject: id,
      params: { expected: 'trust_claims', nearest: nearest === undefined ? 'none' : `\`${nearest}\`` },
      expected: 'trust_claims',
      actual: policy.rules,
      compare: { relation: 'present', type: 'text' },
      source: `policy ${id}`,
      origin: { kind: 'policy', policy: id, digest: policy.digest },
    }),
  ];
}
