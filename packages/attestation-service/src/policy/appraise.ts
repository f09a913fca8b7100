/** One claim set against one policy: trust vector, tier, extensions, and why it is not better. */
import {
  AssayError,
  asAssayError,
  type FindingDraft,
  type FindingRef,
  failed,
  notChecked,
  type Origin,
  type PolicyUse,
  passed,
} from '@assay/bytes/findings';
import { TRUST_CLAIMS, trustStatus, trustTier } from '@assay/protocol';
import type { AppraisalInput } from '../evaluate/verify.js';
import type { SubmodResult } from '../token/ear.js';
import { claimRules } from './claim-rules.js';
import type { Budget, CompiledPolicy, EvaluationInput, RuleOutcome } from './engine.js';
import { type ExplainContext, explainRule } from './explain.js';
import { nullComparisons } from './null-comparisons.js';
import { type FullTrustVector, type OutputPlace, readExtensions, readTrustClaims } from './output.js';
import type { ReferenceValueRecorder } from './reference-values.js';
import type { PolicyTrace } from './trace.js';

export interface PolicyInForce {
  readonly id: string;
  readonly version?: number;
  readonly compiled: CompiledPolicy;
}

export interface Appraisal {
  /** Undefined: the policy gave nothing that can be used. */
  readonly result: SubmodResult | undefined;
  readonly findings: readonly FindingDraft[];
  readonly policy: PolicyUse;
}

/** Evaluates the policy over a claim set. Never throws for what a policy or a claim holds. */
export function appraise(
  input: AppraisalInput,
  policy: PolicyInForce,
  referenceValues: ReferenceValueRecorder,
  now: Date,
  budget?: Budget,
): Appraisal {
  const use = { id: policy.id, digest: policy.compiled.digest, submod: input.submod };
  const used: PolicyUse = policy.version === undefined ? use : { ...use, version: policy.version };
  const evaluation: EvaluationInput = {
    input: input.input,
    now,
    query: referenceValues.query,
    ...(budget === undefined ? {} : { budget }),
  };
  try {
    return appraised(input, policy, used, evaluation, referenceValues);
  } catch (thrown) {
    const error = asAssayError(thrown);
    return { result: undefined, findings: [policyFault(error, input.submod)], policy: used };
  }
}

function appraised(
  input: AppraisalInput,
  policy: PolicyInForce,
  used: PolicyUse,
  evaluation: EvaluationInput,
  referenceValues: ReferenceValueRecorder,
): Appraisal {
  const { compiled } = policy;
  const place: OutputPlace = {
    subject: input.submod,
    policy: `policy ${policy.id}`,
    origin: originOf(policy),
    rules: compiled.rules,
  };
  const outcome = compiled.evaluate('trust_claims', evaluation);
  const vector = readTrustClaims(outcome, place);
  const extensions = readExtensions(compiled.evaluate('extensions', evaluation), place);
  const findings = [...vector.findings, ...extensions.findings];
  const watching = referenceValues.fork();
  const watch = watcher(compiled, { ...evaluation, query: watching.query }, outcome, input.submod);
  const context = (trace: PolicyTrace): ExplainContext => ({
    subject: input.submod,
    policy: { id: policy.id, digest: compiled.digest },
    input: input.input,
    trace,
    referenceValues: watching,
    origins: input.origins,
    now: evaluation.now,
  });
  if (outcome.kind === 'undefined') {
    const { trace, fault } = watch();
    return {
      result: undefined,
      findings: [...fault, ...explainRule('trust_claims', undefined, context(trace)).findings, ...extensions.findings],
      policy: used,
    };
  }
  if (vector.value === undefined || extensions.value === undefined)
    return { result: undefined, findings, policy: used };
  const tier = trustStatus(vector.value);
  if (tier === 'affirming')
    findings.push(...doubts(policy, input, referenceValues, watch), passed('policy.tier.accepted', input.submod, tier));
  else findings.push(...explanations(vector.value, compiled, context, watch, input.submod, tier));
  // Two evaluations of one policy on one input that differ: neither can be believed.
  if (findings.some(({ id, outcome: how }) => id === 'internal.trace.differs' && how === 'fail'))
    return { result: undefined, findings, policy: used };
  return {
    result: { submod: input.submod, tier, vector: vector.value, annotated: input.input, extensions: extensions.value },
    findings,
    policy: { ...used, tier },
  };
}

interface Watched {
  readonly trace: PolicyTrace;
  /** `internal.trace.differs`, if the second evaluation gave something else. */
  readonly fault: readonly FindingDraft[];
}

/** The traced evaluation, made when it is first needed: on the hot path never. */
function watcher(
  compiled: CompiledPolicy,
  evaluation: EvaluationInput,
  first: RuleOutcome,
  subject: string,
): () => Watched {
  let watched: Watched | undefined;
  return () => {
    if (watched !== undefined) return watched;
    const traced = tracedAgain(compiled, evaluation);
    if (traced instanceof AssayError) {
      const why = `not explained: the traced evaluation stopped: ${traced.title}`;
      watched = {
        trace: { file: compiled.file, rules: [] },
        fault: [notChecked('internal.trace.differs', why, { subject })],
      };
      return watched;
    }
    const { outcome, trace } = traced;
    const same = JSON.stringify(outcome) === JSON.stringify(first);
    const fault = same
      ? []
      : [
          failed('internal.trace.differs', {
            subject,
            params: { actual: JSON.stringify(outcome), expected: JSON.stringify(first) },
            source: 'second evaluation of the same policy on the same input',
          }),
        ];
    watched = { trace, fault };
    return watched;
  };
}

/** An explanation that does not come to its end is missing; what was decided stands. */
function tracedAgain(compiled: CompiledPolicy, evaluation: EvaluationInput) {
  try {
    return compiled.trace('trust_claims', evaluation);
  } catch (thrown) {
    return asAssayError(thrown);
  }
}

/** Why the tier is not affirming: a finding for the tier, and under it the rules of the claims that made it so. */
function explanations(
  vector: FullTrustVector,
  compiled: CompiledPolicy,
  context: (trace: PolicyTrace) => ExplainContext,
  watch: () => Watched,
  submod: string,
  tier: string,
): readonly FindingDraft[] {
  const short = TRUST_CLAIMS.filter((claim) => trustTier(vector[claim]) !== 'affirming' && vector[claim] !== 0);
  const findings: FindingDraft[] = [];
  const causes: FindingRef[] = [];
  if (short.length > 0) {
    const { trace, fault } = watch();
    findings.push(...fault);
    const rules = claimRules(compiled.text);
    for (const claim of short) {
      const rule = rules.get(claim) ?? claim.replaceAll('-', '_');
      if (!compiled.rules.includes(rule)) continue;
      const explanation = explainRule(rule, vector[claim], context(trace));
      findings.push(...explanation.findings);
      causes.push(explanation.head);
    }
  }
  return [...unique(findings), tierFinding(submod, tier, short, vector, causes)];
}

function tierFinding(
  submod: string,
  tier: string,
  short: readonly (keyof FullTrustVector)[],
  vector: FullTrustVector,
  causedBy: readonly FindingRef[],
): FindingDraft {
  const claims = short.map((claim) => `${claim} = ${vector[claim]}`).join(', ');
  return failed('policy.tier.accepted', {
    subject: submod,
    params: { submod, tier, claims: claims === '' ? 'no claim is set' : claims },
    expected: 'affirming',
    actual: tier,
    compare: { relation: 'at-least', type: 'text' },
    source: 'AR4SI trustworthiness tiers',
    origin: { kind: 'spec', document: 'AR4SI', clause: 'trustworthiness tiers' },
    causes: [],
    causedBy: causedBy.length > 0 ? causedBy : [{ id: 'policy.rule.present', subject: submod }],
    ...(short.length > 0
      ? {}
      : { remedy: 'Let `trust_claims` of the policy give at least one claim a value other than 0.' }),
  });
}

/** The same fact, found under two rules, is one finding. */
function unique(findings: readonly FindingDraft[]): readonly FindingDraft[] {
  const seen = new Set<string>();
  return findings.filter((finding) => {
    const key = JSON.stringify([finding.id, finding.subject, finding.title]);
    return seen.has(key) ? false : seen.add(key);
  });
}

/**
 * An affirming appraisal may rest on a comparison with an absent reference value. It is looked for only when one was
 * absent, and once for each policy text, TEE and set of absent names, so that a steady state costs nothing.
 */
function doubts(
  policy: PolicyInForce,
  input: AppraisalInput,
  referenceValues: ReferenceValueRecorder,
  watch: () => Watched,
): readonly FindingDraft[] {
  const absent = referenceValues.uses.filter((use) => use.state !== 'present').map((use) => use.name);
  if (absent.length === 0) return [];
  const known = doubtsOf(policy.compiled);
  const key = JSON.stringify([input.tee, absent]);
  const before = known.get(key);
  if (before !== undefined) return before;
  const { trace, fault } = watch();
  const names = new Set(absent);
  const subject = { id: policy.id, digest: policy.compiled.digest };
  const found = [...fault, ...nullComparisons(trace, input.input, subject, (name) => names.has(name))];
  if (known.size >= 64) known.clear();
  known.set(key, found);
  return found;
}

const knownDoubts = new WeakMap<CompiledPolicy, Map<string, readonly FindingDraft[]>>();

function doubtsOf(compiled: CompiledPolicy): Map<string, readonly FindingDraft[]> {
  const known = knownDoubts.get(compiled) ?? new Map<string, readonly FindingDraft[]>();
  knownDoubts.set(compiled, known);
  return known;
}

/** A policy that does not come to an end is the owner's finding; its stage is the policy's, whatever the fault was. */
function policyFault(error: AssayError, submod: string): FindingDraft {
  const { finding } = error;
  return { ...finding, stage: 'policy', subject: submod, causedBy: [] };
}

function originOf(policy: PolicyInForce): Origin {
  return { kind: 'policy', policy: policy.id, digest: policy.compiled.digest };
}
