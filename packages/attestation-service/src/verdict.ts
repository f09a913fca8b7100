/** From what was verified and appraised to the verdict, and to the token if there is to be one. */
import type { JsonObject } from '@assay/bytes';
import {
  assembleVerdict,
  type FindingDraft,
  notChecked,
  type PolicyUse,
  type ReferenceValueUse,
  type Verdict,
} from '@assay/bytes/findings';
import type { Verified } from './evaluate/verify.js';
import type { Appraisal } from './policy/appraise.js';
import type { SubmodResult } from './token/ear.js';

export interface VerdictParts {
  readonly kind: string;
  readonly attempt?: string;
  readonly at: Date;
  readonly asOf?: boolean;
  readonly verified: Pick<Verified, 'accepted' | 'findings' | 'inputs' | 'collateral'>;
  readonly appraisals: readonly Appraisal[];
  /** Findings beside the submodules': ignored policy ids and the like. */
  readonly notes: readonly FindingDraft[];
  readonly referenceValues: readonly ReferenceValueUse[];
}

export interface Concluded {
  readonly verdict: Verdict;
  /** All submodules, if every one has an appraisal; undefined: no token. */
  readonly results: readonly SubmodResult[] | undefined;
}

export function conclude(parts: VerdictParts): Concluded {
  const { verified, appraisals } = parts;
  const results = appraisals.flatMap((appraisal) => (appraisal.result === undefined ? [] : [appraisal.result]));
  const complete = verified.accepted && results.length > 0 && results.length === verified.inputs.length;
  const verdict = assembleVerdict({
    kind: parts.kind,
    ...(parts.attempt === undefined ? {} : { attempt: parts.attempt }),
    at: parts.at,
    ...(parts.asOf === true ? { asOf: true } : {}),
    asked: true,
    findings: [
      ...verified.findings,
      ...(verified.accepted ? [] : [unappraised(verified.findings)]),
      ...parts.notes,
      ...appraisals.flatMap((appraisal) => appraisal.findings),
    ],
    claims: Object.fromEntries(verified.inputs.map((input): [string, JsonObject] => [input.submod, input.input])),
    collateral: verified.collateral,
    policies: appraisals.map((appraisal): PolicyUse => appraisal.policy),
    referenceValues: parts.referenceValues,
    tiers: Object.fromEntries(results.map((result) => [result.submod, result.tier])),
  });
  return { verdict, results: complete && verdict.verdict === 'accept' ? results : undefined };
}

/** Nothing was appraised, because of what failed before. */
function unappraised(findings: readonly FindingDraft[]): FindingDraft {
  return notChecked('policy.tier.accepted', 'not appraised: the evidence was not accepted', {
    causedBy: findings
      .filter((finding) => finding.outcome === 'fail')
      .map((finding) => ({ id: finding.id, subject: finding.subject })),
  });
}
