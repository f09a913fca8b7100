/** The one place where attestation policies meet the Rego engine. */
import { performance } from 'node:perf_hooks';
import type { JsonObject, JsonValue } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { EvaluationError, type HostImplementation, type Policy, T, toJson } from '@assay/rego';
import { compileModule } from './compile.js';
import { policyDigest } from './digest.js';
import type { PolicyTrace } from './trace.js';
import { tracedPolicy } from './traced-policy.js';

/** What a rule came to. `absent`: the policy has no such rule. */
export type RuleOutcome =
  | { readonly kind: 'value'; readonly value: JsonValue }
  | { readonly kind: 'undefined' }
  | { readonly kind: 'absent' };

/** Answers `query_reference_value(name)`; `null` for what is not there. */
type QueryReferenceValue = (name: string) => JsonValue;

export interface EvaluationInput {
  readonly input: JsonObject;
  readonly now: Date;
  readonly query: QueryReferenceValue;
  /** What is left for this request. Default: one evaluation's share. */
  readonly budget?: Budget;
}

/** Time that all evaluations of one request share: claims of many devices are no way to many times the share of one. */
export interface Budget {
  /** Milliseconds left; at least 1. */
  remaining(): number;
}

/** Milliseconds of one request, over all its submodules, rules and explanations. */
const REQUEST_MILLISECONDS = 5000;

export function evaluationBudget(milliseconds = REQUEST_MILLISECONDS, clock = () => performance.now()): Budget {
  const end = clock() + milliseconds;
  return { remaining: () => Math.max(1, end - clock()) };
}

/** A policy that compiled: immutable, good for any number of evaluations. */
export interface CompiledPolicy {
  readonly file: string;
  readonly text: string;
  readonly digest: string;
  /** Names of the rules in package `policy`. */
  readonly rules: readonly string[];
  /** Names of reference values that the text asks for literally. */
  readonly referenceValues: readonly string[];
  /**
   * Evaluates a rule of package `policy`.
   *
   * @throws AssayError `policy.eval.completes`
   */
  evaluate(rule: EntryPoint, evaluation: EvaluationInput): RuleOutcome;
  /** Evaluates again, watching. @throws AssayError `policy.eval.completes` */
  trace(rule: EntryPoint, evaluation: EvaluationInput): { readonly outcome: RuleOutcome; readonly trace: PolicyTrace };
}

export type EntryPoint = 'trust_claims' | 'extensions';

/** One evaluation's share: a policy of this size needs a few thousand steps. */
const LIMITS = { steps: 5_000_000, allocations: 5_000_000, milliseconds: 2000, clock: () => performance.now() };

const QUERY = 'query_reference_value';
/** What attestation policies may call besides the built-in functions. */
export const HOST_FUNCTIONS = [{ name: QUERY, args: [T.string], result: T.any }] as const;

const CONTRACT = 'contract of attestation policies: rules are read as data.policy.*';

const NO_TRACE = { rules: [], truncated: false };

/** @throws AssayError `policy.file.parse`, with one finding for each error of the text; `policy.package.name` */
export function compilePolicy(file: string, text: string): CompiledPolicy {
  const { policy, module, rules } = compileModule(file, text, CONTRACT, { hostFunctions: HOST_FUNCTIONS });
  const prepared = {
    trust_claims: policy.prepare('data.policy.trust_claims'),
    extensions: policy.prepare('data.policy.extensions'),
  };
  return {
    file,
    text,
    digest: policyDigest(text),
    rules,
    referenceValues: mentionedReferenceValues(text),
    evaluate: (rule, evaluation) =>
      guarded(file, () => outcomeOf(prepared[rule].evaluate(evaluation.input, settings(evaluation)))),
    trace: (rule, evaluation) =>
      guarded(file, () => {
        const { input } = evaluation;
        const entrypoint = `data.policy.${rule}`;
        const result = policy.evaluate({ entrypoint, input, trace: true, ...settings(evaluation) });
        return { outcome: outcomeOf(result.outcome), trace: tracedPolicy(module, result.trace ?? NO_TRACE) };
      }),
  };
}

function settings({ now, query, budget }: EvaluationInput) {
  const answer: HostImplementation = (args) => {
    const [name] = args;
    // Anything but one text is a mistake of the policy, which must not pass for "no such value".
    if (args.length !== 1 || typeof name !== 'string') throw new TypeError(`${QUERY} takes one text`);
    return query(name);
  };
  const milliseconds = Math.min(LIMITS.milliseconds, budget?.remaining() ?? LIMITS.milliseconds);
  return { now, limits: { ...LIMITS, milliseconds }, builtins: { [QUERY]: answer } };
}

function outcomeOf(outcome: ReturnType<ReturnType<Policy['prepare']>['evaluate']>): RuleOutcome {
  return outcome.kind === 'value' ? { kind: 'value', value: toJson(outcome.value) as JsonValue } : outcome;
}

/** Runs an evaluation; what the engine refuses becomes a finding of the owner's. */
function guarded<T>(file: string, run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    if (!(thrown instanceof EvaluationError)) throw thrown;
    const location = thrown.loc === undefined || thrown.loc.row === 0 ? file : `${file}:${thrown.loc.row}`;
    throw assayError('policy.eval.completes', {
      params: { location, code: thrown.code, message: thrown.reason },
      subject: file,
      source: `policy ${file}`,
      origin: { kind: 'policy', policy: file, location },
      cause: thrown,
    });
  }
}

function mentionedReferenceValues(text: string): readonly string[] {
  const names = new Set<string>();
  for (const match of text.matchAll(/query_reference_value\(\s*(?:"((?:[^"\\\n]|\\.)*)"|`([^`]*)`)\s*\)/g)) {
    const name = match[2] ?? unescaped(match[1] ?? '');
    if (name !== undefined) names.add(name);
  }
  return [...names];
}

function unescaped(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(`"${text}"`);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
