/**
 * One verdict from many stages: keys, causes, roots and consequences, order, stages, the word and the decision.
 */
import { utc } from './dates.js';
import type {
  CollateralUse,
  Comparison,
  Decision,
  Finding,
  FindingData,
  FindingDraft,
  FindingRef,
  Operand,
  Outcome,
  PolicyUse,
  ReferenceValueUse,
  Role,
  Stage,
  Verdict,
  VerdictWord,
} from './model.js';
import { SEVERITIES, STAGES } from './model.js';
import { registerEntry, registerOrder } from './register/index.js';

export interface VerdictInput {
  /** TEE or what was verified. */
  readonly kind: string;
  readonly attempt?: string;
  /** Time of verification. */
  readonly at: Date;
  /** The time was chosen by the caller. */
  readonly asOf?: boolean;
  /** In execution order. */
  readonly findings: readonly FindingDraft[];
  /** A policy was asked, so there is a decision. */
  readonly asked: boolean;
  readonly claims?: FindingData;
  readonly collateral?: readonly CollateralUse[];
  readonly policies?: readonly PolicyUse[];
  readonly referenceValues?: readonly ReferenceValueUse[];
  readonly tiers?: { readonly [submod: string]: string };
}

const EVIDENCE_STAGES: readonly Stage[] = ['parse', 'endorse', 'authenticate', 'bind'];

/** Gives keys `f1`, `f2` … in order, and resolves the references between drafts to keys. */
export function keyed(drafts: readonly FindingDraft[]): Finding[] {
  const keys = drafts.map((_, index) => `f${index + 1}`);
  return drafts.map((draft, index) => {
    const { causedBy, compare, ...rest } = draft;
    const causes = new Set<string>();
    for (const ref of causedBy ?? []) for (const key of resolve(ref, index)) causes.add(key);
    if (draft.outcome === 'not-checked' && causes.size === 0)
      for (const key of unmetNeeds(draft, index)) causes.add(key);
    const shared = {
      ...rest,
      ...(compare === undefined ? {} : { compare: withKeys(compare, index) }),
      ...(causes.size === 0 ? {} : { caused_by: [...causes] }),
    };
    return { id: draft.id, key: keys[index] ?? '', ...withoutId(shared) };
  });

  /** Keys of what did not hold under a reference; a cause that passed is none. */
  function resolve(ref: FindingRef, self: number): string[] {
    const found: string[] = [];
    drafts.forEach((candidate, index) => {
      if (index !== self && matches(candidate, ref) && (candidate.outcome === 'fail' || candidate.outcome === 'warn')) {
        found.push(keys[index] ?? '');
      }
    });
    return found;
  }

  function unmetNeeds(draft: FindingDraft, self: number): string[] {
    const needs = registerEntry(draft.id).needs ?? [];
    return drafts.flatMap((candidate, index) =>
      index !== self && candidate.outcome === 'fail' && needs.includes(candidate.id) ? [keys[index] ?? ''] : [],
    );
  }

  function withKeys(compare: Comparison, self: number): Comparison {
    const side = (operand: Operand | undefined): Operand | undefined => {
      const from = operand?.origin['from'];
      if (operand === undefined || typeof from !== 'string') return operand;
      const at = drafts.findIndex((candidate, index) => index !== self && candidate.id === from);
      const { from: _, ...origin } = operand.origin;
      return { ...operand, origin: at < 0 ? origin : { ...origin, from: keys[at] ?? '' } };
    };
    const left = side(compare.left);
    const right = side(compare.right);
    return { ...compare, ...(left === undefined ? {} : { left }), ...(right === undefined ? {} : { right }) };
  }
}

function withoutId<T extends { readonly id: unknown }>(value: T): Omit<T, 'id'> {
  const { id: _, ...rest } = value;
  return rest;
}

function matches(candidate: FindingDraft, ref: FindingRef): boolean {
  if (typeof ref === 'string') return candidate.id === ref;
  return candidate.id === ref.id && (ref.subject === undefined || candidate.subject === ref.subject);
}

/** Any `fail` of severity critical or high refuses. */
export function refuses(finding: Pick<Finding, 'outcome' | 'severity'>): boolean {
  return finding.outcome === 'fail' && (finding.severity === 'critical' || finding.severity === 'high');
}

/** Assembles the verdict. Never throws: whatever the findings, there is a root or nothing failed. */
export function assembleVerdict(input: VerdictInput): Verdict {
  const findings = keyed(input.findings);
  const roles = assignRoles(findings);
  const roots = orderRoots(findings.filter((finding) => roles.get(finding.key) === 'root'));
  const word = verdictWord(findings);
  const decision = input.asked ? decide(findings, word) : undefined;
  return {
    ...(word === undefined ? {} : { verdict: word }),
    ...(decision === undefined ? {} : { decision }),
    kind: input.kind,
    ...(input.attempt === undefined ? {} : { attempt: input.attempt }),
    at: utc(input.at),
    ...(input.asOf === true ? { as_of: true as const } : {}),
    ...validity(input.collateral),
    summary: summarise(roots, word, decision, input.tiers),
    stages: stageOutcomes(findings),
    roots: roots.map((root) => root.key),
    findings: findings.map((finding) => withRole(finding, roles.get(finding.key))),
    ...(input.claims === undefined ? {} : { claims: input.claims }),
    ...(input.collateral === undefined || input.collateral.length === 0 ? {} : { collateral: input.collateral }),
    ...(input.policies === undefined ? {} : { policies: input.policies }),
    ...(input.referenceValues === undefined ? {} : { reference_values: input.referenceValues }),
    ...(input.tiers === undefined ? {} : { tiers: input.tiers }),
  };
}

/** A passing finding keeps only what tells it apart; the register has its stage. */
function withRole(finding: Finding, role: Role | undefined): Finding {
  if (finding.outcome !== 'pass') return role === undefined ? finding : { ...finding, role };
  const { id, key, outcome, subject, actual, via } = finding;
  return {
    id,
    key,
    outcome,
    ...(subject === undefined ? {} : { subject }),
    ...(actual === undefined ? {} : { actual }),
    ...(via === undefined ? {} : { via }),
  };
}

function assignRoles(findings: readonly Finding[]): ReadonlyMap<string, Role> {
  const byKey = new Map(findings.map((finding) => [finding.key, finding]));
  const causesOf = (finding: Finding): Finding[] =>
    (finding.caused_by ?? []).flatMap((key) => {
      const cause = byKey.get(key);
      return cause !== undefined && (cause.outcome === 'fail' || cause.outcome === 'warn') ? [cause] : [];
    });
  // What takes part: every fail, and the warnings that fails lead back to.
  const taking = new Set<Finding>();
  const pending = findings.filter((finding) => finding.outcome === 'fail');
  for (let finding = pending.pop(); finding !== undefined; finding = pending.pop()) {
    if (taking.has(finding)) continue;
    taking.add(finding);
    pending.push(...causesOf(finding));
  }
  const roles = new Map<string, Role>();
  for (const finding of findings) {
    if (taking.has(finding)) roles.set(finding.key, causesOf(finding).length === 0 ? 'root' : 'consequence');
    else if (finding.outcome === 'not-checked' && causesOf(finding).length > 0) roles.set(finding.key, 'consequence');
  }
  breakCycles([...taking], causesOf, roles);
  return roles;
}

/** Findings that blame each other in a circle have no root: the first of the circle in the pipeline becomes it. */
function breakCycles(taking: readonly Finding[], causesOf: (f: Finding) => Finding[], roles: Map<string, Role>): void {
  const rooted = new Set<Finding>(taking.filter((finding) => roles.get(finding.key) === 'root'));
  for (;;) {
    let grew = true;
    while (grew) {
      grew = false;
      for (const finding of taking) {
        if (!rooted.has(finding) && causesOf(finding).some((cause) => rooted.has(cause))) {
          rooted.add(finding);
          grew = true;
        }
      }
    }
    const [first] = orderRoots(taking.filter((finding) => !rooted.has(finding)));
    if (first === undefined) return;
    roles.set(first.key, 'root');
    rooted.add(first);
  }
}

/** Earliest stage first, then severity, then the register's order. */
function orderRoots(roots: readonly Finding[]): Finding[] {
  return [...roots].sort(
    (a, b) =>
      STAGES.indexOf(stageOf(a)) - STAGES.indexOf(stageOf(b)) ||
      SEVERITIES.indexOf(a.severity ?? 'low') - SEVERITIES.indexOf(b.severity ?? 'low') ||
      registerOrder(a.id) - registerOrder(b.id) ||
      Number(a.key.slice(1)) - Number(b.key.slice(1)),
  );
}

/** Stage of a finding; the register knows it where the finding leaves it out. */
export function stageOf(finding: Pick<Finding, 'id' | 'stage'>): Stage {
  return finding.stage ?? registerEntry(finding.id).stage;
}

function stageOutcomes(findings: readonly Finding[]): { [stage in Stage]?: Outcome } {
  const worst: readonly Outcome[] = ['fail', 'warn', 'pass', 'not-checked'];
  const stages: { [stage in Stage]?: Outcome } = {};
  for (const stage of STAGES) {
    const outcomes = findings.filter((finding) => stageOf(finding) === stage).map((finding) => finding.outcome);
    const outcome = worst.find((candidate) => outcomes.includes(candidate));
    if (outcome !== undefined) stages[stage] = outcome;
  }
  return stages;
}

/** About authenticity only: policy, release and the owner's rules do not touch it. */
function verdictWord(findings: readonly Finding[]): VerdictWord | undefined {
  const refusing = findings.filter(refuses);
  const missing = (finding: Finding): boolean =>
    stageOf(finding) === 'operate' || (stageOf(finding) === 'endorse' && finding.guest_code === 'unavailable');
  if (refusing.some((finding) => EVIDENCE_STAGES.includes(stageOf(finding)) && !missing(finding))) return 'reject';
  if (refusing.some(missing)) return 'incomplete';
  if (refusing.some((finding) => stageOf(finding) === 'request')) return undefined;
  return findings.some((finding) => EVIDENCE_STAGES.includes(stageOf(finding))) ? 'accept' : undefined;
}

function decide(findings: readonly Finding[], word: VerdictWord | undefined): Decision {
  if (word === 'incomplete') return 'undecided';
  return word === 'reject' || findings.some(refuses) ? 'refuse' : 'accept';
}

function summarise(
  roots: readonly Finding[],
  word: VerdictWord | undefined,
  decision: Decision | undefined,
  tiers: { readonly [submod: string]: string } | undefined,
): string {
  const title = roots[0]?.title;
  if (title !== undefined) return title;
  const appraisal = Object.entries(tiers ?? {}).map(([submod, tier]) => `${submod} ${tier}`);
  if (word === 'accept') return ['evidence is authentic', ...appraisal].join(', ');
  return decision === 'accept' ? 'accepted' : 'nothing was verified';
}

/** The earliest end of anything the verdict rests on. */
function validity(collateral: readonly CollateralUse[] | undefined): { readonly valid_until?: string } {
  const times = (collateral ?? []).flatMap((item) => (item.next_update === undefined ? [] : [item.next_update]));
  const earliest = times.sort((a, b) => Date.parse(a) - Date.parse(b))[0];
  return earliest === undefined ? {} : { valid_until: earliest };
}
