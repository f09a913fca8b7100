/** One verdict per attempt: what this service checked, and what the Attestation Service found, in one list. */
import {
  assembleVerdict,
  type Decision,
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
    ...(failing.length === 0
      ? {}
      : { decision: decide(failing, appraised), summary: failing[0]?.title ?? appraised.summary }),
    stages: joinStages(mine, appraised),
    roots: [...roots, ...appraised.roots],
    findings: [
      ...mine.map((finding) => (finding.outcome === 'fail' ? { ...finding, role: 'root' as const } : finding)),
      ...appraised.findings,
    ],
  };
}

/** What could not be done here says nothing about the guest: that alone leaves it undecided. */
function decide(failing: readonly Finding[], appraised: Verdict): Decision {
  const refused = failing.some((finding) => stageOf(finding) !== 'operate') || appraised.decision === 'refuse';
  return refused ? 'refuse' : 'undecided';
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

/** Largest verdict that is kept whole, bytes. Evidence of many devices stays below; a guest's own texts may not. */
export const LARGEST_VERDICT = 2 * 1024 * 1024;

/**
 * A verdict as it is kept, of bounded size: what a guest sends ends up in claims and findings, and the store is everybody's.
 * Claims are left out first, then what was compared; ids, outcomes and titles always stay.
 */
export function encodeVerdict(verdict: Verdict): Uint8Array {
  const whole = Buffer.from(JSON.stringify(verdict));
  if (whole.length <= LARGEST_VERDICT) return whole;
  const smaller: Verdict = { ...verdict, claims: { omitted: `verdict of ${whole.length} bytes` } };
  const second = Buffer.from(JSON.stringify(smaller));
  if (second.length <= LARGEST_VERDICT) return second;
  const { reference_values: _, ...rest } = smaller;
  const findings = verdict.findings.map(
    ({ expected: _e, actual: _a, compare: _c, origin: _o, actions: _x, ...kept }) => kept,
  );
  return Buffer.from(JSON.stringify({ ...rest, findings }));
}
