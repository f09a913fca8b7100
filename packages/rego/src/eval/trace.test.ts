import { describe, expect, test } from 'vitest';
import { compile } from '../compile.js';
import { T, type Value } from '../index.js';
import type { TraceReport } from './trace.js';

const text = `package policy

default hardware := 97

hardware := 2 if {
	input.snp
	input.snp.tcb >= query_reference_value("min_tcb")
}

ids contains id if {
	some c in input.containers
	id := c.id
	id != "b"
}

double(x) := x * 2 if x > 0

r := double(input.n)
`;

function trace(entrypoint: string, input: Value): TraceReport {
  const references = { name: 'query_reference_value', args: [T.string], impl: () => 9 };
  const policy = compile([{ file: 'policy.rego', text }], { hostFunctions: [references] });
  const report = policy.evaluate({ entrypoint, input, trace: true }).trace;
  if (report === undefined) throw new Error('no trace');
  return report;
}

describe('explanations', () => {
  test('name the expression, its place, and the values compared', () => {
    const report = trace('data.policy.hardware', { snp: { tcb: 5 } });
    expect(report).toEqual({
      truncated: false,
      rules: [
        {
          path: 'data.policy.hardware',
          bodies: [
            {
              file: 'policy.rego',
              row: 5,
              col: 1,
              succeeded: false,
              failure: {
                expression: 'input.snp.tcb >= query_reference_value("min_tcb")',
                row: 7,
                col: 2,
                operands: [
                  { expression: 'input.snp.tcb', value: 5 },
                  { expression: 'query_reference_value("min_tcb")', value: 9 },
                ],
                attempts: 1,
              },
            },
            { file: 'policy.rego', row: 3, col: 1, succeeded: true },
          ],
        },
      ],
    });
  });

  test('an undefined operand has no value', () => {
    const [body] = trace('data.policy.hardware', {}).rules[0]?.bodies ?? [];
    expect(body?.failure).toMatchObject({ expression: 'input.snp', operands: [{ expression: 'input.snp' }] });
    expect(body?.failure?.operands[0]).not.toHaveProperty('value');
  });

  test('bodies that iterate tell the last attempt and their number', () => {
    const failed = trace('data.policy.ids', { containers: [{ id: 'b' }, { id: 'b' }] }).rules[0]?.bodies[0];
    expect(failed?.failure).toMatchObject({ expression: 'id != "b"', attempts: 2, operands: [{ value: 'b' }] });
    expect(trace('data.policy.ids', { containers: [{ id: 'a' }, { id: 'b' }] }).rules[0]?.bodies[0]?.succeeded).toBe(
      true,
    );
  });

  test('functions are rules of their own', () => {
    const report = trace('data.policy.r', { n: -1 });
    expect(report.rules.map((rule) => rule.path)).toEqual(['data.policy.r', 'data.policy.double']);
    expect(report.rules[1]?.bodies[0]?.failure).toMatchObject({
      expression: 'x > 0',
      operands: [{ expression: 'x', value: -1 }],
    });
  });

  test('only when asked for', () => {
    expect(
      compile([{ file: '', text: 'package a\n\np := 1' }]).evaluate({ entrypoint: 'data.a.p' }).trace,
    ).toBeUndefined();
  });
});
