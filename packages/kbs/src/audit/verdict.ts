/** One verdict per attempt: what this service checked, and what the Attestation Service found, in one list. */
import {
  assembleVerdict,
  type Finding,
  type FindingDraft,
  keyed,
  type Outcome,
  STAGES,
  type Stage,
  stageOf,
  type Verdict,
  type VerdictInput,
} from '@assay/bytes/findings';

/** A verdict of this service's own checks alone: no evidence was looked at. */
export function ownVerdict(input: Omit<VerdictInput, 'asked'>): Verdict {
  return assembleVerdict({ ...input, asked: false });
}

/**
 * Puts this service's checks before the Attestation Service's. A check of ours that failed is the first root and decides; the
 * word about authenticity stays the Attestation Service's.
 */
export function joinVerdicts(own: readonly FindingDraft[], appraised: Verdict): Verdict {
  const mine = keyed(own).map((finding) => {
    const caused_by = finding.caused_by?.map((key) => `k${key.slice(1)}`);
    return { ...finding, key: `k${finding.key.slice(1)}`, ...(caused_by === undefined ? {} : { caused_by }) };
  });
  const failing = mine.filter((finding) => finding.outcome === 'fail');
  const roots = failing.map((finding) => finding.key).filter((key) => !appraised.roots.includes(key));
  return {
    ...appraised,
    ...(failing.length === 0 ? {} : { decision: 'refuse' as const, summary: failing[0]?.title ?? appraised.summary }),
    stages: joinStages(mine, appraised),
    roots: [...roots, ...appraised.roots],
    findings: [
      ...mine.map((finding) => (finding.outcome === 'fail' ? { ...finding, role: 'root' as const } : finding)),
      ...appraised.findings,
    ],
  };
}

/** Outcome of each stage, in the order of the pipeline. */
function joinStages(mine: readonly Finding[], appraised: Verdict): Verdict['stages'] {
  const stages: { [stage in Stage]?: Outcome } = {};
  for (const stage of STAGES) {
    const own = mine.filter((finding) => stageOf(finding) === stage).map((finding) => finding.outcome);
    const outcome = own.includes('fail') ? 'fail' : (appraised.stages[stage] ?? own[0]);
    if (outcome !== undefined) stages[stage] = outcome;
  }
  return stages;
}

/** Ids of the roots, first one first. */
export function rootIds(verdict: Verdict): readonly string[] {
  return verdict.roots.flatMap((key) => {
    const finding = verdict.findings.find((candidate) => candidate.key === key);
    return finding === undefined ? [] : [finding.id];
  });
}
