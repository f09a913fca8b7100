/** Every claim set against the policy of its class, all against one state of policies and reference values. */
import {
  AssayError,
  type FindingDraft,
  failed,
  listInLine,
  notChecked,
  type ReferenceValueUse,
} from '@assay/bytes/findings';
import type { ReferenceValueSource } from '@assay/rvps';
import { type Appraisal, appraise } from '../policy/appraise.js';
import { type Budget, evaluationBudget } from '../policy/engine.js';
import { explainFormerValues } from '../policy/former-values.js';
import { endingValues, ReferenceValueRecorder } from '../policy/reference-values.js';
import type { ActivePolicy, PolicySnapshot } from '../policy/store.js';
import { markUnattested } from './unattested.js';
import type { AppraisalInput } from './verify.js';

export interface Appraised {
  readonly appraisals: readonly Appraisal[];
  readonly notes: readonly FindingDraft[];
  readonly referenceValues: readonly ReferenceValueUse[];
}

/** Rounds of asking a remote RVPS for names that policies make up as they go. */
const MOST_ROUNDS = 8;

/** @throws AssayError `rv.query.answers`: an outage is not "no value" */
export async function appraiseAll(
  inputs: readonly AppraisalInput[],
  policyIds: readonly string[],
  policies: PolicySnapshot,
  source: ReferenceValueSource,
  now: Date,
): Promise<Appraised> {
  const [base = 'default', ...ignored] = policyIds;
  const chosen = inputs.map((input) => ({
    input,
    id: `${base}_${input.class}`,
    active: policies.policies.get(`${base}_${input.class}`),
  }));
  const names = new Set(chosen.flatMap(({ active }) => mentioned(active)));
  for (let round = 1; ; round += 1) {
    const view = await source.snapshot(names);
    const recorder = new ReferenceValueRecorder(view, now);
    const budget = evaluationBudget();
    const appraisals = chosen.map(({ input, id, active }) =>
      appraiseOne(input, id, active, policies, recorder, now, budget),
    );
    const unasked = view.revision === undefined ? recorder.uses.filter((use) => !names.has(use.name)) : [];
    if (unasked.length === 0 || round === MOST_ROUNDS) {
      const explained = appraisals.map(async (appraisal) => ({
        ...appraisal,
        findings: await explainFormerValues(appraisal.findings, source, view, now),
      }));
      return {
        appraisals: await Promise.all(explained),
        notes: [...ignored.map(ignoredPolicy), ...endingValues(recorder.uses, now)],
        referenceValues: recorder.uses,
      };
    }
    for (const use of unasked) names.add(use.name);
  }
}

function appraiseOne(
  input: AppraisalInput,
  id: string,
  active: ActivePolicy | undefined,
  policies: PolicySnapshot,
  recorder: ReferenceValueRecorder,
  now: Date,
  budget: Budget,
): Appraisal {
  if (active === undefined) return without(input, id, unknownPolicy(id, input.submod, [...policies.policies.keys()]));
  const { compiled, record } = active;
  if (compiled instanceof AssayError) return without(input, id, { ...compiled.finding, stage: 'policy' });
  const appraisal = appraise(input, { id, version: record.version, compiled }, recorder, now, budget);
  return markUnattested(appraisal, input);
}

function without(input: AppraisalInput, id: string, finding: FindingDraft): Appraisal {
  return { result: undefined, findings: [finding], policy: { id, digest: '', submod: input.submod } };
}

function mentioned(active: ActivePolicy | undefined): readonly string[] {
  return active === undefined || active.compiled instanceof AssayError ? [] : active.compiled.referenceValues;
}

function unknownPolicy(id: string, submod: string, known: readonly string[]): FindingDraft {
  return failed('policy.id.known', {
    subject: submod,
    params: { id, list: listInLine([...known].sort()) },
    expected: id,
    actual: [...known].sort(),
    compare: { relation: 'present', type: 'text' },
    source: 'policies stored here; the id is the one asked for with the class of the claims',
  });
}

function ignoredPolicy(id: string): FindingDraft {
  return notChecked('policy.id.known', 'not asked: only the first policy id of a request counts', { subject: id });
}
