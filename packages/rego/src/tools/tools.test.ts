import { describe, expect, test } from 'vitest';
import { compile } from '../compile.js';
import { benchmark, check, evalQuery, runTests } from './index.js';

const policy = {
  file: 'policy.rego',
  text: `package policy

default allow := false

allow if {
	input.role == "admin"
}

allow if {
	input.role == "reader"
	input.action == "read"
}
`,
};
const tests = {
  file: 'policy_test.rego',
  text: `package policy_test

import data.policy

test_admin if policy.allow with input as {"role": "admin"}

test_wrong if {
	print("role", "guest")
	policy.allow with input as {"role": "guest"}
}

test_breaks if { x := {1: 2 | true}; y := {k: v | some k, v in {"a": 1}}; z := {"a": v | some v in [1, 2]}; x == y; z }

test_number := 1

todo_test_later if false
`,
};

function clock(): () => number {
  let now = 0;
  return () => {
    now += 2;
    return now;
  };
}

describe('runTests', () => {
  const suite = compile([policy, tests]);

  test('tells passes, failures, errors and skips, in source order', () => {
    const report = runTests(suite, { clock: clock() });
    expect(report.results.map((r) => [r.name, r.outcome, r.row])).toEqual([
      ['data.policy_test.test_admin', 'pass', 5],
      ['data.policy_test.test_wrong', 'fail', 7],
      ['data.policy_test.test_breaks', 'error', 12],
      ['data.policy_test.test_number', 'fail', 14],
      ['data.policy_test.todo_test_later', 'skip', 16],
    ]);
    expect(report).toMatchObject({ passed: 1, failed: 2, errors: 1, skipped: 1 });
    expect(report.results[0]?.milliseconds).toBe(2);
    expect(report.results[1]).toMatchObject({ output: ['role guest'], message: 'the rule is undefined' });
    expect(report.results[2]?.message).toContain('object keys must be unique');
    expect(report.results[3]?.message).toBe('the rule is not true');
  });

  test('filters by path and explains failures', () => {
    const { results } = runTests(suite, { clock: clock(), filter: /wrong/, explain: true });
    expect(results).toHaveLength(1);
    expect(results[0]?.trace?.rules.map((rule) => rule.path)).toContain('data.policy.allow');
  });

  test('coverage lists the rows that ran and those that did not', () => {
    const { coverage } = runTests(suite, { clock: clock(), filter: /admin/, coverage: true });
    const file = coverage?.files.find((f) => f.file === 'policy.rego');
    expect(file).toEqual({ file: 'policy.rego', covered: [5, 6], notCovered: [3, 9, 10, 11], coverage: 33.33 });
    expect(coverage?.coverage).toBeLessThan(100);
  });
});

describe('check', () => {
  const codes = (text: string, options: Parameters<typeof check>[1] = { purpose: 'attestation' }): string[] =>
    check([{ file: 'a.rego', text }], options).map((f) => f.code);

  test('a sound policy has no findings', () => {
    const text = `package policy

trust_claims := {"executables": executables, "hardware": 2}

default executables := 33

executables := 3 if {
	input.snp.measurement in query_reference_value("m")
	least := query_reference_value("svn")
	least != null
	input.snp.svn >= least
}
`;
    expect(check([{ file: 'a.rego', text }], { purpose: 'attestation', trusteeProfile: true })).toEqual([]);
  });

  test('texts that do not parse or compile', () => {
    expect(codes('package policy\n\np {')).toEqual(['syntax']);
    expect(codes('package policy\n\ntrust_claims := {"hardware": x}')).toEqual(['compile']);
    expect(codes('package a\n\np if { x := 1; true }', {})).toEqual(['strict']);
  });

  test.each([
    ['a wrong rule name', 'package policy\n\ntrust_claim := {"hardware": 2}', ['missing-rule', 'misnamed-rule']],
    ['a wrong package', 'package polcy\n\ntrust_claims := {"hardware": 2}', ['package-name']],
    ['an unknown trust claim', 'package policy\n\ntrust_claims := {"hardwares": 2}', ['unknown-trust-claim']],
    ['an underscore in a trust claim', 'package policy\n\ntrust_claims := {"file_system": 2}', ['unknown-trust-claim']],
  ])('%s', (_name, text, expected) => {
    expect(codes(text)).toEqual(expected);
  });

  test.each([
    ['input.snp.measurement == "q83vEjRWeJCrze8SNFZ4kA=="', 'encoding-mismatch'],
    ['input.snp.measurement in ["q83vEjRWeJCrze8SNFZ4kA=="]', 'encoding-mismatch'],
    ['input.snp.measurement == "ABCDEF0123456789"', 'encoding-mismatch'],
    ['crypto.sha256("a") == base64.encode("a")', 'encoding-mismatch'],
    ['input.snp.svn >= query_reference_value("svn")', 'missing-reference-value'],
    ['query_reference_value("svn") <= input.snp.svn', 'missing-reference-value'],
  ])('%s', (expression, code) => {
    const text = `package policy\n\ntrust_claims := {"hardware": 2} if ${expression}\n`;
    expect(codes(text)).toEqual([code]);
  });

  test.each([
    'input.snp.measurement == "abcdef0123456789"',
    'input.snp.svn >= 3',
    'input.snp.svn == query_reference_value("svn")',
    'input.name == "q83vEjRWeJCrze8SNFZ4kA=="',
  ])('%s is fine', (expression) => {
    expect(codes(`package policy\n\ntrust_claims := {"hardware": 2} if ${expression}\n`)).toEqual([]);
  });

  test('resource policies are asked for allow', () => {
    expect(codes('package policy\n\nallow := true', { purpose: 'resource' })).toEqual([]);
    expect(codes('package policy\n\nallowed := true', { purpose: 'resource' })).toEqual([
      'missing-rule',
      'misnamed-rule',
    ]);
  });

  test('the trustee profile names what that engine lacks, unless the policy defines it', () => {
    const text = 'package policy\n\nallow if hex.encode("a") == $"{input.x}"';
    expect(codes(text, { purpose: 'resource', trusteeProfile: true })).toEqual(['trustee-builtin', 'trustee-syntax']);
    expect(codes(text, { purpose: 'resource' })).toEqual([]);
  });
});

test('evalQuery gives JSON', () => {
  const result = evalQuery(compile([policy]), 'x := {2, 1}; data.policy.allow = y', { input: { role: 'admin' } });
  expect(result).toEqual({ result: [{ expressions: [true, true], bindings: { x: [1, 2], y: true } }] });
});

test('benchmark counts evaluations by the clock it is given', () => {
  let now = 0;
  const report = benchmark(compile([policy]), {
    entrypoint: 'data.policy.allow',
    input: { role: 'admin' },
    milliseconds: 100,
    clock: () => {
      now += 0.5;
      return now;
    },
  });
  expect(report.evaluations).toBeGreaterThan(100);
  expect(report.microseconds.fastest).toBeLessThanOrEqual(report.microseconds.median);
  expect(report.perSecond).toBeCloseTo(1_000_000 / report.microseconds.median);
});
