import { describe, expect, test } from 'vitest';
import { allBuiltins } from '../node.js';
import { parseJson } from '../value/index.js';
import { runAttestationCase } from './attestation-suite.js';
import { CaseReader } from './case.js';
import { runCompileCase } from './compile-suite.js';
import { runOpaCase, sameRows } from './opa.js';
import { runRegorusCase } from './regorus-suite.js';

const reader = (fields: unknown): CaseReader => new CaseReader(parseJson(JSON.stringify(fields)));
const modules = ['package test\n\np := {1, 2}\n\nq if to_number("x")'];

describe('a case passes only when the result is the expected one', () => {
  test('bindings', () => {
    const run = (want: unknown): boolean =>
      runOpaCase(reader({ modules, query: 'data.test.p = x', want_result: want }), 'v1', allBuiltins).pass;
    expect(run([{ x: [1, 2] }])).toBe(true);
    expect(run([{ x: [2, 1] }])).toBe(false);
    expect(run([{ x: [1, 2] }, { x: [1, 2] }])).toBe(false);
    expect(run([])).toBe(false);
  });

  test('errors', () => {
    const run = (fields: object): boolean =>
      runOpaCase(reader({ modules, query: 'data.test.q = x', ...fields }), 'v1', allBuiltins).pass;
    expect(run({ want_error_code: 'eval_builtin_error', strict_error: true })).toBe(true);
    expect(run({ want_error_code: 'eval_builtin_error' })).toBe(false);
    expect(run({ want_error_code: 'eval_type_error', strict_error: true })).toBe(false);
    expect(run({ want_error: 'no such text', strict_error: true })).toBe(false);
  });

  test('compilation', () => {
    const run = (fields: object): boolean => runCompileCase(reader({ modules, ...fields }), allBuiltins).pass;
    expect(run({ compiles: true })).toBe(true);
    expect(run({ want_error_code: 'rego_type_error' })).toBe(false);
    expect(run({ modules: ['package a\np := x'], want_error_code: 'rego_unsafe_var_error' })).toBe(true);
    expect(run({ modules: ['package a\np := x'], want_error_code: 'rego_unsafe_var_error', want_error: 'no' })).toBe(
      false,
    );
  });

  test('attestation', () => {
    const policy = 'package policy\n\np := query_reference_value("a")\n\nq if input.x';
    const run = (expect: object): boolean =>
      runAttestationCase(reader({ policy, input: {}, reference_values: { a: 1 }, expect }), allBuiltins).pass;
    expect(run({ 'data.policy.p': { value: 1 }, 'data.policy.q': { undefined: true } })).toBe(true);
    expect(run({ 'data.policy.p': { value: 2 } })).toBe(false);
    expect(run({ 'data.policy.r': { absent_rule: true } })).toBe(true);
    expect(run({ 'data.policy.q': { absent_rule: true } })).toBe(false);
  });

  test('regorus', () => {
    const run = (want: unknown): boolean =>
      runRegorusCase(
        reader({ modules: ['package test\np = {1, 2}'], query: 'data.test.p', want_result: want }),
        allBuiltins,
      ).pass;
    expect(run({ 'set!': [2, 1] })).toBe(true);
    expect(run([1, 2])).toBe(false);
    expect(run('#undefined')).toBe(false);
  });

  test('rows are an unordered collection', () => {
    expect(sameRows([{ x: 1 }, { x: 2 }], [{ x: 2 }, { x: 1 }], false)).toBe(true);
    expect(sameRows([{ x: [2, 1] }], [{ x: [1, 2] }], false)).toBe(false);
    expect(sameRows([{ x: [2, 1] }], [{ x: [1, 2] }], true)).toBe(true);
  });
});
