/** One question to the resource policy, and why the answer is no. */
import type { JsonObject } from '@assay/bytes';
import { type AssayError, assayError, type FindingDraft, onOneLine, passed } from '@assay/bytes/findings';
import { isUnattested, UNATTESTED_TEE } from '@assay/evidence';
import type { AllowPolicy } from './engine.js';
import { explainDenial } from './explain.js';

export interface PolicyQuestion {
  /** Claims of the verified token: `input`. */
  readonly claims: JsonObject;
  readonly plugin: string;
  /** Segments after the plug-in's name: `data["resource-path"]`. */
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

export interface Decided {
  readonly allow: boolean;
  /** `resource.policy.allows`, and where it does not hold what it comes from. */
  readonly findings: readonly FindingDraft[];
  /** Set when not allowed: `resource.policy.allows`, or `policy.eval.completes` where the evaluation itself did not work. */
  readonly refusal?: AssayError;
  /** The rule gave no boolean: missing, undefined or another type. Upstream counts that as an error beside the denial. */
  readonly undecided?: true;
}

/** Decides. Only `true` allows: false, undefined, another type, a missing rule and an error deny. */
export function decide(policy: AllowPolicy, question: PolicyQuestion, now: Date): Decided {
  if (isUnattested(question.claims)) return neverReleased(question);
  const data = {
    plugin: question.plugin,
    'resource-path': question.path,
    query: question.query,
  };
  const outcome = policy.evaluate(question.claims, data, now);
  const resource = `${question.plugin}/${question.path.join('/')}`;
  if (outcome.kind === 'value' && outcome.value === true)
    return { allow: true, findings: [passed('resource.policy.allows', resource)] };
  if (outcome.kind === 'error') {
    const refusal = assayError('policy.eval.completes', {
      params: { location: outcome.location, code: outcome.code, message: outcome.message },
      subject: resource,
    });
    return { allow: false, findings: [refusal.finding], refusal, undecided: true };
  }
  const explained = explainDenial(policy, resource, { input: question.claims, data }, outcome, now);
  const stopped = explained[explained.length - 1];
  const text = stopped?.compare?.text;
  const why = text === undefined ? wordsFor(outcome) : onOneLine(text);
  const refusal = assayError('resource.policy.allows', {
    params: { resource, location: locationOf(stopped) ?? policy.file, why },
    subject: resource,
    expected: true,
    origin: { kind: 'policy', policy: policy.file, rule: 'data.policy.allow' },
    source: 'resource policy, rule allow',
    causedBy: explained.map(({ id, subject }) => ({ id, subject })),
  });
  const isBoolean = outcome.kind === 'value' && typeof outcome.value === 'boolean';
  return {
    allow: false,
    findings: [...explained, refusal.finding],
    refusal,
    ...(isBoolean ? {} : { undecided: true as const }),
  };
}

/** A guest without attestation gets nothing: this is asked before any policy, and no policy can answer otherwise. */
function neverReleased({ plugin, path }: PolicyQuestion): Decided {
  const refusal = assayError('evidence.attestation.present', {
    params: { tee: UNATTESTED_TEE },
    subject: `${plugin}/${path.join('/')}`,
    stage: 'release',
    source: 'no policy is asked about a guest that was not attested',
  });
  return { allow: false, findings: [refusal.finding], refusal };
}

function wordsFor(outcome: { readonly kind: string; readonly value?: unknown }): string {
  if (outcome.kind === 'absent') return 'it has no rule allow in package policy';
  if (outcome.kind === 'undefined') return 'allow is undefined';
  return outcome.value === false ? 'allow is false' : `allow is ${typeof outcome.value}, not a boolean`;
}

/** Where the policy stopped: `resource-policy.rego:7`. */
function locationOf(stopped: FindingDraft | undefined): string | undefined {
  const location = stopped?.origin?.['location'];
  return typeof location === 'string' ? location.replace(/^(.*:\d+):\d+$/, '$1') : undefined;
}
