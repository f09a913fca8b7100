import type { JsonObject, JsonValue } from '@assay/bytes';
import {
  assayError,
  assembleVerdict,
  type Finding,
  type FindingDraft,
  passed,
  type Verdict,
  warned,
} from '@assay/bytes/findings';
import { describe, expect, test } from 'vitest';
import type { AppraisalInput } from '../evaluate/verify.js';
import { appraise } from './appraise.js';
import { DEFAULT_POLICIES } from './default-policies.js';
import { compilePolicy } from './engine.js';
import { plainReferenceValues, ReferenceValueRecorder, type ReferenceValueView } from './reference-values.js';

const now = new Date('2026-11-21T10:00:00Z');
const HEX = 'a1f3930413247bb38cfc171579ea3c12d5fe4901f0c792f63fd75d98f1ef827c23500644e0e692e6be917f9050d3d38c';
const BASE64 = 'ofOTBBMke7OM/BcVeeo8EtX+SQHwx5L2P9ddmPHvgnwjUAZE4OaS5r6Rf5BQ09OM';

interface Case {
  readonly policy: string;
  readonly input: JsonObject;
  readonly values?: { readonly [name: string]: JsonValue };
  readonly view?: ReferenceValueView;
  readonly origins?: AppraisalInput['origins'];
  readonly before?: readonly FindingDraft[];
}

function verdictOf({ policy, input, values = {}, view, origins = {}, before = [] }: Case): Verdict {
  const recorder = new ReferenceValueRecorder(view ?? plainReferenceValues(values), now);
  const submodule: AppraisalInput = { submod: 'cpu0', class: 'cpu', tee: 'x', input, origins };
  const inForce = { id: 'p', compiled: compilePolicy('p.rego', policy) };
  const { findings } = appraise(submodule, inForce, recorder, now);
  const all = [passed('evidence.json.form', 'x'), ...before, ...findings];
  return assembleVerdict({ kind: 'x', at: now, asked: true, findings: all, referenceValues: recorder.uses });
}

const roots = (verdict: Verdict): Finding[] =>
  verdict.findings.filter((finding) => verdict.roots.includes(finding.key));
const root = (verdict: Verdict): Finding | undefined => roots(verdict)[0];
const of = (verdict: Verdict, id: string): Finding[] => verdict.findings.filter((finding) => finding.id === id);

/** One rule for hardware, 97 unless its body holds. */
const hardware = (...body: readonly string[]): string =>
  [
    'package policy',
    'default hardware := 97',
    'trust_claims := {"hardware": hardware}',
    'hardware := 2 if {',
    ...body,
    '}',
  ].join('\n');

describe('the root of a refusal', () => {
  test('a literal that differs: the rule, with line, operands and progress', () => {
    const verdict = verdictOf({
      policy: hardware('input.tdx.debug == false', 'input.tdx.tcb_status == "UpToDate"'),
      input: { tdx: { debug: false, tcb_status: 'OutOfDate' } },
    });
    expect(root(verdict)).toMatchObject({
      id: 'policy.rule.unmet',
      title: 'hardware stays 97: p.rego:6: input.tdx.tcb_status == "UpToDate"',
      expected: 'UpToDate',
      actual: 'OutOfDate',
      subject: 'cpu0',
      compare: {
        relation: 'rule',
        operator: '==',
        text: 'input.tdx.tcb_status == "UpToDate"',
        held_before: 1,
        bodies: 1,
        left: { origin: { claim: 'input.tdx.tcb_status' }, value: 'OutOfDate' },
        right: { origin: { literal: true }, value: 'UpToDate' },
      },
      origin: { kind: 'policy', policy: 'p', rule: 'data.policy.hardware', location: 'p.rego:6:1' },
    });
    expect(of(verdict, 'policy.tier.accepted')[0]).toMatchObject({
      role: 'consequence',
      caused_by: [root(verdict)?.key],
    });
  });

  test('an expression over several lines is one line of the title', () => {
    const policy = hardware('input.tdx.tcb_status in {', '\t"UpToDate",', '\t"SWHardeningNeeded",', '}');
    const verdict = verdictOf({ policy, input: { tdx: { tcb_status: 'OutOfDate' } } });
    expect(root(verdict)?.title).toBe(
      'hardware stays 97: p.rego:5: input.tdx.tcb_status in { "UpToDate", "SWHardeningNeeded", }',
    );
    const without = policy.replace('default hardware := 97\n', '');
    expect(
      of(verdictOf({ policy: without, input: { tdx: { tcb_status: 'x' } } }), 'policy.rule.defined')[0]?.title,
    ).not.toMatch(/\\u|\n/);
  });

  test('hex compared with base64, in a literal and in a reference value', () => {
    const literal = verdictOf({ policy: hardware(`input.snp.m == "${BASE64}"`), input: { snp: { m: HEX } } });
    expect(root(literal)).toMatchObject({
      id: 'policy.compare.encoding',
      title: 'input.snp.m is hex, the literal is base64; both are the same bytes',
      expected: BASE64,
      actual: HEX,
      compare: {
        also: ['equal-after-decoding: base64'],
        left: { encoding: 'hex', length: 48 },
        right: { encoding: 'base64', length: 48 },
      },
      remedy: 'Write the literal of line 5 in hex.',
      causes: [{ confirmed: true }],
    });
    const registered = verdictOf({
      policy: hardware('input.snp.m in query_reference_value("m")'),
      input: { snp: { m: HEX } },
      values: { m: ['other', BASE64] },
    });
    expect(root(registered)).toMatchObject({
      id: 'policy.compare.encoding',
      remedy: 'Write the reference value m in hex.',
    });
    expect(of(registered, 'policy.rule.unmet')).toEqual([]);
  });

  test('a number compared with a text', () => {
    const verdict = verdictOf({ policy: hardware('input.az.svn == 3'), input: { az: { svn: '3' } } });
    expect(root(verdict)).toMatchObject({
      id: 'policy.compare.type',
      title: 'input.az.svn is the text 3, compared with the number 3',
      remedy: 'Write the literal as a text.',
    });
  });

  test('a claim that is absent, with the nearest name', () => {
    const verdict = verdictOf({
      policy: hardware('input.snp.tcb_bootloader >= 3'),
      input: { snp: { reported_tcb_bootloader: 3 } },
    });
    expect(root(verdict)).toMatchObject({
      id: 'policy.claim.present',
      title: 'input.snp.tcb_bootloader is absent; input.snp.reported_tcb_bootloader exists',
    });
    expect(of(verdict, 'policy.rule.unmet')[0]?.role).toBe('consequence');
  });

  test('a reference value that was never registered, with what the guest shows and the command', () => {
    const verdict = verdictOf({
      policy: hardware('input.snp.m in query_reference_value("measurement")'),
      input: { snp: { m: 'abc' } },
      values: { snp_launch_measurement: ['abc'] },
    });
    expect(root(verdict)).toMatchObject({
      id: 'rv.value.present',
      subject: 'measurement',
      title: 'no reference value `measurement`; the nearest name is `snp_launch_measurement`',
      actual: 'abc',
      actions: [{ run: 'assay rv set measurement abc', on: 'owner' }],
    });
    expect(verdict.reference_values).toEqual([{ name: 'measurement', state: 'missing' }]);
  });

  test('the value is found through a variable', () => {
    const verdict = verdictOf({
      policy: hardware('least := query_reference_value("least")', 'least != null', 'input.snp.svn >= least'),
      input: { snp: { svn: 1 } },
    });
    expect(root(verdict)).toMatchObject({ id: 'rv.value.present', subject: 'least' });
  });

  test('a reference value that has ended', () => {
    const ended = {
      value: ['abc'],
      publisher: 'ana',
      registeredAt: Date.UTC(2025, 0, 1),
      expires: Date.UTC(2026, 10, 1),
    };
    const verdict = verdictOf({
      policy: hardware('input.snp.m in query_reference_value("m")'),
      input: { snp: { m: 'abc' } },
      view: { lookup: () => undefined, ended: () => ended, names: ['m'] },
    });
    expect(root(verdict)).toMatchObject({
      id: 'rv.value.time',
      title: "`m` ended 2026-11-01T00:00:00Z, 20 days before this server's clock; set by ana",
      origin: { kind: 'reference-value', name: 'm', publisher: 'ana' },
    });
    expect(verdict.reference_values).toMatchObject([{ name: 'm', state: 'expired', publisher: 'ana' }]);
  });

  test('a claim that is none of the values', () => {
    const verdict = verdictOf({
      policy: hardware('input.snp.m in query_reference_value("m")'),
      input: { snp: { m: 'abc' } },
      values: { m: ['x', 'y'] },
    });
    expect(root(verdict)).toMatchObject({
      id: 'rv.match.any',
      subject: 'snp.m',
      title: 'm abc is none of the 2 values of m',
      expected: ['x', 'y'],
      actual: 'abc',
    });
  });

  test('a rule that another rule rests on', () => {
    const policy = `${hardware('kernel_known')}\nkernel_known if {\n  some e in input.x.events\n  e.digest == query_reference_value("k")\n}`;
    const verdict = verdictOf({ policy, input: { x: { events: [{ digest: 'a' }] } }, values: {} });
    expect(root(verdict)).toMatchObject({ id: 'rv.value.present', subject: 'k' });
    expect(of(verdict, 'policy.rule.defined')[0]?.title).toContain('`kernel_known` is undefined: p.rego:9');
    expect(of(verdict, 'policy.rule.unmet')[0]?.title).toBe('hardware stays 97: p.rego:5: kernel_known');
  });

  test('trust_claims without a value, because a part has none', () => {
    const policy = 'package policy\ntrust_claims := {"hardware": hardware}\nhardware := 2 if input.x.y == 1';
    const verdict = verdictOf({ policy, input: { x: { y: 2 } } });
    expect(root(verdict)).toMatchObject({
      id: 'policy.rule.defined',
      title: '`hardware` is undefined: p.rego:3: input.x.y == 1',
    });
    expect(verdict.summary).toContain('hardware');
  });

  test('the check that made the claim, when it warned', () => {
    const warning = warned('rv.value.form', { subject: 'level', params: { name: 'x', actual: 'y', expected: 'z' } });
    const verdict = verdictOf({
      policy: hardware('input.tdx.tcb_status == "UpToDate"'),
      input: { tdx: { tcb_status: 'OutOfDate' } },
      origins: { tcb_status: { id: 'rv.value.form', subject: 'level' } },
      before: [warning],
    });
    expect(root(verdict)?.id).toBe('rv.value.form');
    const unmet = of(verdict, 'policy.rule.unmet')[0];
    expect(unmet?.caused_by).toEqual([root(verdict)?.key]);
    expect(unmet?.compare?.left?.origin).toEqual({ claim: 'input.tdx.tcb_status', from: root(verdict)?.key });
  });

  test('a rule without a body says so itself', () => {
    const verdict = verdictOf({ policy: 'package policy\ntrust_claims := {"hardware": 97}', input: { x: {} } });
    expect(root(verdict)).toMatchObject({
      id: 'policy.tier.accepted',
      title: 'cpu0 is contraindicated: hardware = 97',
    });
  });
});

describe('bodies', () => {
  test('of the evidence at hand are shown, not those of another TEE', () => {
    const verdict = verdictOf({
      policy: DEFAULT_POLICIES['default_cpu'] ?? '',
      input: { sample: { svn: '1', launch_digest: 'x', debug: false } },
    });
    expect(
      roots(verdict)
        .map((finding) => finding.subject)
        .sort(),
    ).toEqual(['launch_digest', 'svn']);
  });

  test('the one that got furthest is shown', () => {
    const policy = `${hardware('input.x.a == 1')}\nhardware := 2 if {\n  input.x.a == 2\n  input.x.b == 1\n}`;
    const verdict = verdictOf({ policy, input: { x: { a: 2, b: 2 } } });
    expect(root(verdict)?.title).toBe('hardware stays 97: p.rego:9: input.x.b == 1');
    expect(root(verdict)?.compare).toMatchObject({ held_before: 1, bodies: 2 });
  });
});

describe('a comparison with null that holds', () => {
  const policy = hardware('input.x.svn >= query_reference_value("least")');

  test('is a warning that stands in an accepted verdict', () => {
    const verdict = verdictOf({ policy, input: { x: { svn: 0 } } });
    expect(verdict.decision).toBe('accept');
    expect(of(verdict, 'policy.compare.null')).toMatchObject([
      {
        outcome: 'warn',
        severity: 'critical',
        title: 'reference value least is absent, and p.rego:5 holds all the same: it compares with null',
      },
    ]);
  });

  test('is none when the value is there, or when the policy asks for its absence', () => {
    expect(of(verdictOf({ policy, input: { x: { svn: 0 } }, values: { least: 0 } }), 'policy.compare.null')).toEqual(
      [],
    );
    const asks = hardware('query_reference_value("revoked") == null');
    expect(of(verdictOf({ policy: asks, input: { x: {} } }), 'policy.compare.null')).toEqual([]);
    const differs = hardware('input.x.svn != query_reference_value("revoked")');
    expect(of(verdictOf({ policy: differs, input: { x: { svn: 1 } } }), 'policy.compare.null')).toEqual([]);
  });
});

describe('policies that do not come to an end', () => {
  test.each<[string, string, RegExp]>([
    [
      'two values',
      'package policy\ntrust_claims := {"hardware": 2} if input.x\ntrust_claims := {"hardware": 3} if input.x',
      /conflict/,
    ],
    [
      'too much work',
      'package policy\ntrust_claims := {"hardware": count([1 | numbers.range(0, 3000)[_]; numbers.range(0, 3000)[_]])}',
      /cancel/,
    ],
  ])('%s', (_, policy, words) => {
    const verdict = verdictOf({ policy, input: { x: true } });
    expect(verdict.decision).toBe('refuse');
    expect(root(verdict)?.id).toBe('policy.eval.completes');
    expect(root(verdict)?.title).toMatch(words);
  });
});

describe('an explanation decides nothing', () => {
  const text = hardware('input.tdx.tcb_status == "UpToDate"');
  const submodule: AppraisalInput = {
    submod: 'cpu0',
    class: 'cpu',
    tee: 'x',
    input: { tdx: { tcb_status: 'OutOfDate' } },
    origins: {},
  };
  const appraised = (trace: ReturnType<typeof compilePolicy>['trace']) => {
    const recorder = new ReferenceValueRecorder(plainReferenceValues({}), now);
    return appraise(submodule, { id: 'p', compiled: { ...compilePolicy('p.rego', text), trace } }, recorder, now);
  };

  test('a traced evaluation that stops leaves the appraisal as it is', () => {
    const { result, findings } = appraised(() => {
      throw assayError('policy.eval.completes', {
        params: { location: 'p.rego:5', code: 'eval_timeout', message: 'x' },
      });
    });
    expect(result?.tier).toBe('contraindicated');
    expect(findings.find(({ id }) => id === 'internal.trace.differs')).toMatchObject({
      outcome: 'not-checked',
      title: expect.stringMatching(/^not explained: /),
    });
    expect(findings.map(({ id }) => id)).toContain('policy.tier.accepted');
  });

  test('one that gives something else is a defect, and is not believed', () => {
    const { result, findings } = appraised(() => ({
      outcome: { kind: 'value', value: { hardware: 2 } },
      trace: { file: 'p.rego', rules: [] },
    }));
    const differs = findings.find(({ id }) => id === 'internal.trace.differs');
    expect(differs).toMatchObject({ outcome: 'fail', severity: 'critical' });
    expect(result).toBeUndefined();
  });

  test('one that gives the same adds nothing', () => {
    const compiled = compilePolicy('p.rego', text);
    const { findings } = appraised((rule, evaluation) => compiled.trace(rule, evaluation));
    expect(findings.map(({ id }) => id)).toEqual(['policy.rule.unmet', 'policy.tier.accepted']);
  });
});
