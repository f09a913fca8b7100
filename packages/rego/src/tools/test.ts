/** The test runner: rules named `test_…` must be true. */
import type { Rule } from '../ast/types.js';
import { formatPath, type RuleNode } from '../compiler/ir.js';
import { EvaluationError } from '../eval/errors.js';
import type { EvaluationSettings } from '../eval/evaluation.js';
import type { Policy } from '../eval/policy.js';
import type { TraceReport } from '../eval/trace.js';
import type { Value } from '../value/index.js';
import { CoverageInstrument, type CoverageReport } from './coverage.js';

export interface TestOptions extends EvaluationSettings {
  readonly data?: Value;
  /** Only tests whose path matches. */
  readonly filter?: RegExp;
  /** Milliseconds that go up, for durations. */
  readonly clock: () => number;
  readonly coverage?: boolean;
  /** Explain failed tests. */
  readonly explain?: boolean;
}

export interface TestResult {
  /** `data.policy_test.test_allow` */
  readonly name: string;
  readonly file: string;
  readonly row: number;
  readonly outcome: 'pass' | 'fail' | 'error' | 'skip';
  /** What the rule was instead of true, or the error. */
  readonly message?: string;
  readonly milliseconds: number;
  readonly output: readonly string[];
  readonly trace?: TraceReport;
}

export interface TestReport {
  readonly results: readonly TestResult[];
  readonly passed: number;
  readonly failed: number;
  readonly errors: number;
  readonly skipped: number;
  readonly coverage?: CoverageReport;
}

/**
 * Runs every rule whose name begins with `test_`, in source order; those that begin with `todo_test_` are listed as skipped.
 * A test passes when its rule is true; any other value, or none, is a failure.
 */
export function runTests(policy: Policy, options: TestOptions): TestReport {
  const instrument = options.coverage === true ? new CoverageInstrument() : undefined;
  const results = testRules(policy)
    .filter(({ node }) => options.filter === undefined || options.filter.test(formatPath(node.path)))
    .map(({ node, rule }) => runTest(policy, node, rule, options, instrument));
  const count = (outcome: TestResult['outcome']): number => results.filter((r) => r.outcome === outcome).length;
  return {
    results,
    passed: count('pass'),
    failed: count('fail'),
    errors: count('error'),
    skipped: count('skip'),
    ...(instrument === undefined ? {} : { coverage: instrument.report(policy.modules) }),
  };
}

function testRules(policy: Policy): { readonly node: RuleNode; readonly rule: Rule }[] {
  const found: { node: RuleNode; rule: Rule }[] = [];
  for (const node of policy.program.tree.nodes) {
    const name = node.path.at(-1) ?? '';
    const rule = node.definitions[0]?.rule;
    if (rule !== undefined && node.kind !== 'function' && /^(todo_)?test_/.test(name)) found.push({ node, rule });
  }
  return found.sort((a, b) =>
    a.rule.loc.file === b.rule.loc.file
      ? a.rule.loc.offset - b.rule.loc.offset
      : a.rule.loc.file < b.rule.loc.file
        ? -1
        : 1,
  );
}

function runTest(
  policy: Policy,
  node: RuleNode,
  rule: Rule,
  options: TestOptions,
  instrument: CoverageInstrument | undefined,
): TestResult {
  const output: string[] = [];
  const name = formatPath(node.path);
  const about = { name, file: rule.loc.file, row: rule.loc.row, output };
  if (node.path.at(-1)?.startsWith('todo_') === true) return { ...about, outcome: 'skip', milliseconds: 0 };
  const settings = { ...options, prints: (line: string): unknown => output.push(line) };
  const entry = instrument === undefined ? policy.prepare(name) : policy.prepareInstrumented(name, instrument);
  const begin = options.clock();
  try {
    const result = entry.evaluate(undefined, settings);
    const milliseconds = options.clock() - begin;
    if (result.kind === 'value' && result.value === true) return { ...about, outcome: 'pass', milliseconds };
    const message = result.kind === 'value' ? 'the rule is not true' : 'the rule is undefined';
    const trace =
      options.explain === true ? policy.evaluate({ ...options, entrypoint: name, trace: true }).trace : undefined;
    return { ...about, outcome: 'fail', message, milliseconds, ...(trace === undefined ? {} : { trace }) };
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    return { ...about, outcome: 'error', message: error.message, milliseconds: options.clock() - begin };
  }
}
