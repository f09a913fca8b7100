/** Why the resource policy did not allow: for the owner, after the answer is decided. */
import { type FindingDraft, failed } from '@assay/bytes/findings';
import type { AllowOutcome, AllowPolicy } from './engine.js';

/** Findings behind a denial, the root first; empty when the policy itself says all there is to say. */
export function explainDenial(policy: AllowPolicy, outcome: AllowOutcome): readonly FindingDraft[] {
  const { file } = policy;
  const origin = { kind: 'policy' as const, policy: file, rule: 'data.policy.allow' };
  switch (outcome.kind) {
    case 'absent':
      return policy.warnings.map((warning) => ({ ...warning, outcome: 'fail' as const }));
    case 'undefined':
      return [
        failed('policy.rule.defined', { params: { rule: 'allow', why: 'no body holds' }, subject: file, origin }),
      ];
    case 'value': {
      const shown = typeof outcome.value === 'boolean' ? outcome.value : `${typeof outcome.value}, not a boolean`;
      const params = { rule: 'allow', value: shown, location: file, why: 'no body of the rule holds' };
      return [failed('policy.rule.unmet', { params, subject: file, origin, expected: true })];
    }
    case 'error':
      return [];
  }
}
