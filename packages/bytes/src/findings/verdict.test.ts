import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failed, notChecked, passed, unmet, warned } from './make.js';
import type { FindingDraft } from './model.js';
import { FINDING_IDS, registerEntry } from './register/index.js';
import { assembleVerdict, type VerdictInput } from './verdict.js';

const at = new Date('2026-11-21T10:02:13Z');
const verdictOf = (findings: readonly FindingDraft[], more: Partial<VerdictInput> = {}) =>
  assembleVerdict({ kind: 'sample', at, findings, asked: true, ...more });

const evidencePassed = passed('evidence.json.form', 'sample');
const bound = passed('binding.report-data.match', 'sample');
const noValue = failed('rv.value.present', {
  subject: 'svn',
  params: { name: 'svn', nearest: 'none is registered' },
});
const unmetRule = failed('policy.rule.unmet', {
  subject: 'cpu0',
  params: { rule: 'hardware', value: 97, location: 'default_cpu.rego:9', why: 'x' },
  causedBy: ['rv.value.present'],
});
const tier = failed('policy.tier.accepted', {
  subject: 'cpu0',
  params: { submod: 'cpu0', tier: 'contraindicated', claims: 'hardware = 97' },
  causedBy: [{ id: 'policy.rule.unmet', subject: 'cpu0' }],
});
const unbound = failed('binding.report-data.match', {
  subject: 'sample',
  params: { actual: 'aa', expected: 'bb', alg: 'sha384', members: 'nonce' },
});

describe('words', () => {
  test('authentic evidence is accepted, and the decision follows the policy', () => {
    expect(verdictOf([evidencePassed, bound])).toMatchObject({ verdict: 'accept', decision: 'accept', roots: [] });
    expect(verdictOf([evidencePassed, bound, tier])).toMatchObject({ verdict: 'accept', decision: 'refuse' });
  });

  test('no decision where no policy was asked', () => {
    expect(verdictOf([evidencePassed, bound], { asked: false })).not.toHaveProperty('decision');
  });

  test('evidence that is not bound is rejected', () => {
    expect(verdictOf([evidencePassed, unbound])).toMatchObject({ verdict: 'reject', decision: 'refuse' });
  });

  test('a service that is out decides nothing, unless the evidence is refused anyway', () => {
    const out = failed('rv.query.answers', { params: { address: 'rvps', ms: 10_000, reason: 'timeout' } });
    expect(verdictOf([evidencePassed, bound, out])).toMatchObject({ verdict: 'incomplete', decision: 'undecided' });
    expect(verdictOf([evidencePassed, unbound, out])).toMatchObject({ verdict: 'reject', decision: 'refuse' });
  });

  test('a request that does not follow the protocol has no verdict', () => {
    const used = failed('session.nonce.single', { params: { time: 't', attempt: 'a' } });
    const verdict = verdictOf([used]);
    expect(verdict).not.toHaveProperty('verdict');
    expect(verdict.decision).toBe('refuse');
  });

  test('warnings and failures of medium severity refuse nothing', () => {
    const warning = unmet('rv.value.ending', { params: { name: 'svn', time: 't', distance: '3 days' } });
    const medium = failed('policy.lint.always', { params: { location: 'l', rule: 'r', always: 'always true' } });
    expect(verdictOf([evidencePassed, bound, warning, medium]).decision).toBe('accept');
  });
});

describe('roots and consequences', () => {
  test('a chain has one root; the summary is its title', () => {
    const verdict = verdictOf([evidencePassed, bound, noValue, unmetRule, tier]);
    expect(verdict.roots).toEqual(['f3']);
    expect(verdict.summary).toBe(noValue.title);
    expect(verdict.findings.map((finding) => finding.role)).toEqual([
      undefined,
      undefined,
      'root',
      'consequence',
      'consequence',
    ]);
    expect(verdict.findings[3]?.caused_by).toEqual(['f3']);
  });

  test('a warning becomes a root only when a failure rests on it', () => {
    const warning = warned('rv.value.form', { subject: 'svn', params: { name: 'svn', actual: 'x', expected: 'y' } });
    const alone = verdictOf([evidencePassed, warning]);
    expect(alone.roots).toEqual([]);
    const blamed = verdictOf([evidencePassed, warning, { ...tier, causedBy: ['rv.value.form'] }]);
    expect(blamed.roots).toEqual(['f2']);
    expect(blamed.findings[2]?.role).toBe('consequence');
  });

  test('a cause that passed is none', () => {
    const verdict = verdictOf([passed('rv.value.present', 'svn'), unmetRule]);
    expect(verdict.roots).toEqual(['f2']);
    expect(verdict.findings[1]).not.toHaveProperty('caused_by');
  });

  test('what was not asked because of a failure is its consequence', () => {
    const malformed = failed('evidence.json.form', { params: { member: 'svn', actual: 'absent', expected: 'text' } });
    const verdict = verdictOf([malformed, notChecked('binding.report-data.match', 'not compared')]);
    expect(verdict.findings[1]).toMatchObject({ caused_by: ['f1'], role: 'consequence' });
  });

  test('roots: earlier stage first, then severity', () => {
    const verdict = verdictOf([tier, noValue, unbound].map((finding) => ({ ...finding, causedBy: [] })));
    expect(verdict.roots).toEqual(['f3', 'f2', 'f1']);
  });

  test('findings that blame each other have one root', () => {
    const a = { ...unmetRule, causedBy: ['policy.tier.accepted' as const] };
    const verdict = verdictOf([a, tier]);
    expect(verdict.roots).toEqual(['f1']);
    expect(verdict.findings[1]?.role).toBe('consequence');
  });

  test('an operand names the finding that made its claim', () => {
    const verdict = verdictOf([
      noValue,
      {
        ...unmetRule,
        compare: {
          relation: 'rule',
          type: 'text',
          left: { origin: { claim: 'input.sample.svn', from: 'rv.value.present' } },
        },
      },
    ]);
    expect(verdict.findings[1]?.compare?.left?.origin).toEqual({ claim: 'input.sample.svn', from: 'f1' });
  });
});

test('stages hold the worst outcome of each', () => {
  const warning = warned('rv.value.ending', { params: { name: 'svn', time: 't', distance: '3 days' } });
  expect(
    verdictOf([evidencePassed, notChecked('binding.init-data.match', 'not compared'), warning, noValue]).stages,
  ).toEqual({
    parse: 'pass',
    bind: 'not-checked',
    appraise: 'fail',
  });
});

test('a passing finding is stored small', () => {
  expect(verdictOf([evidencePassed]).findings[0]).toEqual({
    id: 'evidence.json.form',
    key: 'f1',
    outcome: 'pass',
    subject: 'sample',
  });
});

test('whatever the findings, there is a root or nothing failed', () => {
  const arbitraryFinding: fc.Arbitrary<FindingDraft> = fc
    .record({
      id: fc.constantFrom(...FINDING_IDS),
      outcome: fc.constantFrom('pass' as const, 'fail' as const, 'warn' as const, 'not-checked' as const),
      severity: fc.constantFrom('critical' as const, 'high' as const, 'medium' as const, 'low' as const),
      causedBy: fc.array(fc.constantFrom(...FINDING_IDS.slice(0, 12)), { maxLength: 3 }),
    })
    .map((finding) => ({ ...finding, stage: registerEntry(finding.id).stage }));
  fc.assert(
    fc.property(fc.array(arbitraryFinding, { maxLength: 25 }), (findings) => {
      const verdict = verdictOf(findings);
      const failures = findings.some((finding) => finding.outcome === 'fail');
      expect(verdict.roots.length > 0).toBe(failures);
      const keys = new Set(verdict.findings.map((finding) => finding.key));
      expect(keys.size).toBe(findings.length);
      // Every failure is a root or leads back to one.
      const reached = new Set(verdict.roots);
      for (let size = -1; size !== reached.size; ) {
        size = reached.size;
        for (const finding of verdict.findings) {
          if (finding.caused_by?.some((key) => reached.has(key)) === true) reached.add(finding.key);
        }
      }
      for (const finding of verdict.findings) if (finding.outcome === 'fail') expect(reached).toContain(finding.key);
    }),
    { numRuns: 300 },
  );
});
