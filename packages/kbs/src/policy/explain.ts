/** Why the resource policy did not allow: for the owner, after the answer is decided. */
import { explainRule, policyDigest } from '@assay/attestation-service';
import { isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, failed } from '@assay/bytes/findings';
import { jsonAt, trustTier } from '@assay/protocol';
import type { AllowOutcome, AllowPolicy } from './engine.js';
import { POLICY_TEXTS } from './texts.gen.js';

const CPU_EVIDENCE = '/submods/cpu0/ear.veraison.annotated-evidence';

/** Findings behind a denial, causes before consequences; the last one is about the rule itself. */
export function explainDenial(
  policy: AllowPolicy,
  subject: string,
  documents: { readonly input: JsonObject; readonly data: JsonObject },
  outcome: AllowOutcome,
  now: Date,
): readonly FindingDraft[] {
  switch (outcome.kind) {
    case 'absent':
      return policy.warnings.map((warning) => ({ ...warning, outcome: 'fail' as const }));
    case 'undefined':
    case 'value': {
      const findings = traced(policy, subject, documents, outcome, now) ?? [bare(policy, outcome)];
      return behind(knownCauses(policy, documents.input), findings);
    }
    case 'error':
      return [];
  }
}

/**
 * What a shipped policy means is known here, so that the owner reads the reason in words and not as a line of Rego. A policy
 * of the owner's own is explained by its trace alone.
 */
function knownCauses(policy: AllowPolicy, claims: JsonObject): readonly FindingDraft[] {
  if (policy.text === POLICY_TEXTS.default) return provesNothing(claims);
  if (policy.text === POLICY_TEXTS.affirming) return notAffirming(claims);
  return [];
}

function provesNothing(claims: JsonObject): readonly FindingDraft[] {
  const where = 'the default resource policy';
  if (Object.hasOwn(members(jsonAt(claims, CPU_EVIDENCE)), 'sample'))
    return [failed('evidence.sample.allowed', { params: { where }, subject: 'cpu0', actual: 'sample' })];
  const emulated = submodsOf(claims).filter(([, submod]) =>
    Object.values(members(submod['ear.veraison.annotated-evidence'])).some(
      (part) => members(part)['emulated'] === true,
    ),
  );
  return emulated.map(([subject]) =>
    failed('evidence.emulated.policy', { params: { policy: where }, subject, actual: true, expected: false }),
  );
}

function notAffirming(claims: JsonObject): readonly FindingDraft[] {
  return submodsOf(claims)
    .filter(([, submod]) => submod['ear.status'] !== 'affirming')
    .map(([subject, submod]) => {
      const tier = typeof submod['ear.status'] === 'string' ? submod['ear.status'] : 'not appraised';
      const params = { submod: subject, tier, claims: shortfalls(submod) };
      return failed('policy.tier.accepted', { params, subject, expected: 'affirming', actual: tier });
    });
}

/** The trust claims that keep a part from being affirming: `hardware = 97, executables = 33`. */
function shortfalls(submod: JsonObject): string {
  const vector = Object.entries(members(submod['ear.trustworthiness-vector']));
  const worse = vector.filter(
    ([, value]) => typeof value === 'number' && ['warning', 'contraindicated'].includes(trustTier(value)),
  );
  return worse.length === 0
    ? 'no claim is made'
    : worse.map(([name, value]) => `${name} = ${String(value)}`).join(', ');
}

function submodsOf(claims: JsonObject): readonly (readonly [string, JsonObject])[] {
  return Object.entries(members(claims['submods'])).map(([name, submod]) => [name, members(submod)]);
}

function members(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** Known causes first, and what stopped the policy as their consequence. */
function behind(known: readonly FindingDraft[], findings: readonly FindingDraft[]): readonly FindingDraft[] {
  if (known.length === 0) return findings;
  const refs = known.map(({ id, subject }) => ({ id, subject }));
  const caused = findings.map((finding) => ({ ...finding, causedBy: [...(finding.causedBy ?? []), ...refs] }));
  return [...known, ...caused];
}

/** Evaluates once more with tracing, on the same documents and time. */
function traced(
  policy: AllowPolicy,
  subject: string,
  documents: { readonly input: JsonObject; readonly data: JsonObject },
  outcome: AllowOutcome,
  now: Date,
): readonly FindingDraft[] | undefined {
  const again = policy.trace(documents.input, documents.data, now);
  if (again === undefined) return undefined;
  if (JSON.stringify(again.outcome) !== JSON.stringify(outcome)) {
    const params = { actual: JSON.stringify(again.outcome), expected: JSON.stringify(outcome) };
    return [failed('internal.trace.differs', { params, subject: policy.file })];
  }
  const value = outcome.kind === 'value' ? outcome.value : undefined;
  const { findings } = explainRule('allow', value, {
    subject,
    policy: { id: policy.file.replace(/\.rego$/, ''), digest: policyDigest(policy.text) },
    input: documents.input,
    trace: again.trace,
    referenceValues: undefined,
    origins: {},
    now,
  });
  return findings;
}

/** What can be said without a trace. */
function bare(policy: AllowPolicy, outcome: AllowOutcome): FindingDraft {
  const { file } = policy;
  const origin = { kind: 'policy' as const, policy: file, rule: 'data.policy.allow' };
  if (outcome.kind !== 'value')
    return failed('policy.rule.defined', { params: { rule: 'allow', why: 'no body holds' }, subject: file, origin });
  const shown = typeof outcome.value === 'boolean' ? outcome.value : `${typeof outcome.value}, not a boolean`;
  const params = { rule: 'allow', value: shown, location: file, why: 'no body of the rule holds' };
  return failed('policy.rule.unmet', { params, subject: file, origin, expected: true });
}
