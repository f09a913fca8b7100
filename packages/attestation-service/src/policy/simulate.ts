/** Trying a draft, and asking an old verdict again: pure functions over stored claims. */
import { isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import {
  assembleVerdict,
  type Finding,
  type FindingDraft,
  type PolicyUse,
  type ReferenceValueUse,
  stageOf,
  type Verdict,
} from '@assay/bytes/findings';
import type { AppraisalInput } from '../evaluate/verify.js';
import type { SubmodResult } from '../token/ear.js';
import { appraise, type PolicyInForce } from './appraise.js';
import { type CompiledPolicy, compilePolicy } from './engine.js';
import {
  endingValues,
  plainReferenceValues,
  ReferenceValueRecorder,
  type ReferenceValueView,
  recordedReferenceValues,
} from './reference-values.js';

export interface DraftEvaluation {
  /** Undefined: the policy gave nothing that can be used; the findings say why. */
  readonly result: SubmodResult | undefined;
  readonly findings: readonly FindingDraft[];
  readonly referenceValues: readonly ReferenceValueUse[];
}

/**
 * Evaluates a policy text over the claims of one submodule (the annotated evidence of a token or verdict).
 *
 * @throws AssayError `policy.file.parse`, `policy.package.name`
 */
export function evaluatePolicy(
  draftText: string,
  claims: JsonObject,
  referenceValues: { readonly [name: string]: JsonValue },
  now: Date,
): DraftEvaluation {
  const compiled = compilePolicy('draft.rego', draftText);
  const recorder = new ReferenceValueRecorder(plainReferenceValues(referenceValues), now);
  const appraisal = appraise(appraisalInput('cpu0', claims), { id: 'draft', compiled }, recorder, now);
  return { result: appraisal.result, findings: appraisal.findings, referenceValues: recorder.uses };
}

export interface ReplayOptions {
  /** Texts to ask instead of the recorded ones, by stored id; also where the recorded texts come from, by digest. */
  readonly policies: (use: PolicyUse) => string | undefined;
  /** Another time; reference values that had ended by then are over. Default: the verdict's own. */
  readonly at?: Date;
  /** Other reference values. Default: those that the verdict recorded. */
  readonly referenceValues?: ReferenceValueView;
}

/**
 * Asks the policies of a stored verdict again, over its recorded claims and reference values: with another policy text, for
 * another date, or unchanged, which gives the same verdict.
 *
 * What was found about the evidence itself stands as it was recorded; evidence is not stored and not verified again.
 *
 * @throws AssayError `policy.file.parse`, `policy.id.known` for a text that is not at hand
 */
export function replay(verdict: Verdict, options: ReplayOptions): Verdict {
  const at = options.at ?? new Date(verdict.at);
  const view = options.referenceValues ?? recordedReferenceValues(verdict.reference_values ?? []);
  const recorder = new ReferenceValueRecorder(view, at);
  const compiledByText = new Map<string, CompiledPolicy>();
  const appraisals = (verdict.policies ?? []).flatMap((use) => {
    const claims = claimsOf(verdict, use.submod);
    const text = options.policies(use);
    if (claims === undefined || text === undefined) return [];
    const compiled = compiledByText.get(text) ?? compilePolicy(`${use.id}.rego`, text);
    compiledByText.set(text, compiled);
    const policy: PolicyInForce = {
      id: use.id,
      compiled,
      ...(use.version === undefined ? {} : { version: use.version }),
    };
    return [appraise(appraisalInput(use.submod ?? '', claims), policy, recorder, at)];
  });
  return assembleVerdict({
    kind: verdict.kind,
    ...(verdict.attempt === undefined ? {} : { attempt: verdict.attempt }),
    at,
    ...(options.at === undefined ? {} : { asOf: true }),
    asked: true,
    findings: [
      ...verdict.findings.filter(stands).map((finding) => asDraft(finding, verdict.findings)),
      ...endingValues(recorder.uses, at),
      ...appraisals.flatMap((appraisal) => appraisal.findings).map((finding) => asRecorded(finding, verdict.findings)),
    ],
    ...(verdict.claims === undefined ? {} : { claims: verdict.claims }),
    ...(verdict.collateral === undefined ? {} : { collateral: verdict.collateral }),
    policies: appraisals.map((appraisal) => appraisal.policy),
    referenceValues: recorder.uses,
    tiers: Object.fromEntries(
      appraisals.flatMap(({ result }) => (result === undefined ? [] : [[result.submod, result.tier]])),
    ),
  });
}

function claimsOf(verdict: Verdict, submod: string | undefined): JsonObject | undefined {
  const claims = verdict.claims as JsonValue | undefined;
  const found =
    isJsonObject(claims) && submod !== undefined && Object.hasOwn(claims, submod) ? claims[submod] : undefined;
  return isJsonObject(found) ? found : undefined;
}

function appraisalInput(submod: string, input: JsonObject): AppraisalInput {
  const tee = Object.keys(input).find((name) => !/^(?:init_data|report_data|runtime_data)/.test(name)) ?? '';
  return { submod, class: 'cpu', tee, input, origins: {} };
}

/** What policies, reference values and releases said is asked anew; what was found before, and what was never asked, stands. */
function stands(finding: Finding): boolean {
  if (finding.outcome === 'not-checked') return true;
  const area = finding.id.slice(0, finding.id.indexOf('.'));
  const again = ['policy', 'rv', 'resource'].includes(area) || finding.id === 'internal.trace.differs';
  return !again && stageOf(finding) !== 'release';
}

/** What the history of reference values said then is not asked again: the same mismatch keeps its recorded explanation. */
function asRecorded(finding: FindingDraft, recorded: readonly Finding[]): FindingDraft {
  if (finding.id !== 'rv.match.any' && finding.id !== 'rv.value.present') return finding;
  const facts = ({ id, subject, expected, actual, origin }: FindingDraft | Finding) =>
    JSON.stringify([id, subject, expected, actual, origin]);
  const known = recorded.find((one) => facts(one) === facts(finding));
  if (known === undefined) return finding;
  const { causes, remedy, compare } = known;
  return {
    ...finding,
    ...(causes === undefined ? {} : { causes }),
    ...(remedy === undefined ? {} : { remedy }),
    ...(compare === undefined ? {} : { compare }),
  };
}

/** Keys are given anew: causes are named by id and subject again. */
function asDraft(finding: Finding, all: readonly Finding[]): FindingDraft {
  const { key: _key, role: _role, caused_by: keys = [], ...draft } = finding;
  const causes = all.filter((other) => keys.includes(other.key));
  if (causes.length === 0) return draft;
  return { ...draft, causedBy: causes.map(({ id, subject }) => ({ id, subject })) };
}
