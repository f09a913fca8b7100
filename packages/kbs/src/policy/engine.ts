/** The one place that knows the Rego engine: a text becomes a compiled policy, a question an outcome. */
import { compileModule, type PolicyTrace, tracedPolicy } from '@assay/attestation-service';
import type { JsonObject, JsonValue } from '@assay/bytes';
import { type AssayError, type FindingDraft, nearestName, warned } from '@assay/bytes/findings';
import { EvaluationError, type Outcome, type Policy, type PreparedEntrypoint, toJson } from '@assay/rego';

export type AllowOutcome =
  | { readonly kind: 'value'; readonly value: JsonValue }
  /** The rule exists and no body holds. */
  | { readonly kind: 'undefined' }
  /** There is no rule of this name. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly location: string };

const ALLOW = 'data.policy.allow';
const CONTRACT = 'resource policies: the answer is data.policy.allow';

/** Bounds of one decision: far above what any policy over a token needs, far below what would stop the service. */
const LIMITS = {
  steps: 2_000_000,
  allocations: 4_000_000,
  depth: 200,
  milliseconds: 2000,
  clock: () => performance.now(),
};
/** `data.policy.allow` of one text, compiled. Immutable; evaluations share nothing. */
export interface AllowPolicy {
  /** Name of the text in messages. */
  readonly file: string;
  readonly text: string;
  /** What is odd about it without being wrong: another package, no rule `allow`. It then denies everything. */
  readonly warnings: readonly FindingDraft[];
  /** Why it cannot be evaluated at all. */
  readonly fault?: AssayError;
  evaluate(input: JsonObject, data: JsonObject, now: Date): AllowOutcome;
  /** Evaluates again, watching; undefined where that ends in an error. */
  trace(input: JsonObject, data: JsonObject, now: Date): Traced | undefined;
}

interface Traced {
  readonly outcome: AllowOutcome;
  readonly trace: PolicyTrace;
}

/** @throws AssayError `policy.file.parse` with one finding per error; `policy.package.name` */
export function compileAllowPolicy(text: string, file: string): AllowPolicy {
  const { policy, rules } = compileModule(file, text, CONTRACT);
  const entry = policy.prepare(ALLOW);
  return {
    file,
    text,
    warnings: oddities(rules, file),
    evaluate: (input, data, now) => evaluate(entry, file, input, data, now),
    trace: (input, data, now) => trace(policy, input, data, now),
  };
}

/** Stands for a stored text that does not compile (any more): it denies everything and says why. */
export function brokenPolicy(text: string, file: string, fault: AssayError): AllowPolicy {
  const outcome: AllowOutcome = { kind: 'error', code: fault.code, message: fault.title, location: file };
  return { file, text, warnings: [fault.finding], fault, evaluate: () => outcome, trace: () => undefined };
}

function evaluate(
  entry: PreparedEntrypoint,
  file: string,
  input: JsonObject,
  data: JsonObject,
  now: Date,
): AllowOutcome {
  try {
    return outcomeOf(entry.evaluate(input, { data, now, limits: LIMITS }));
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    const { code, reason, loc } = error;
    return {
      kind: 'error',
      code,
      message: reason,
      location: loc === undefined ? file : `${loc.file}:${loc.row}:${loc.col}`,
    };
  }
}

function trace(policy: Policy, input: JsonObject, data: JsonObject, now: Date): Traced | undefined {
  const [module] = policy.modules;
  if (module === undefined) return undefined;
  try {
    const result = policy.evaluate({ entrypoint: ALLOW, input, data, now, limits: LIMITS, trace: true });
    if (result.trace === undefined) return undefined;
    return { outcome: outcomeOf(result.outcome), trace: tracedPolicy(module, result.trace) };
  } catch (error) {
    if (error instanceof EvaluationError) return undefined;
    throw error;
  }
}

function outcomeOf(outcome: Outcome): AllowOutcome {
  return outcome.kind === 'value' ? { kind: 'value', value: toJson(outcome.value) as JsonValue } : outcome;
}

/** A policy that compiles and can never allow: told when it is set, so that nobody waits for the first refusal. */
function oddities(rules: readonly string[], file: string): readonly FindingDraft[] {
  if (rules.includes('allow')) return [];
  const nearest = nearestName('allow', rules);
  return [
    warned('policy.rule.present', {
      params: { expected: 'allow', nearest: nearest === undefined ? 'none' : `\`${nearest}\`` },
      subject: file,
      source: CONTRACT,
    }),
  ];
}
