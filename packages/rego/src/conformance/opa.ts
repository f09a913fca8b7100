/** Suites `v0` and `v1`: the conformance cases of OPA. */

import type { Builtin } from '../builtins/types.js';
import { compilePolicy, type HostFunction } from '../eval/policy.js';
import { readAnnotations } from '../parser/annotations.js';
import { canonicalKey, isArray, isObject, objectEntries, objectFrom, toJson, type Value } from '../value/index.js';
import { type CaseReader, type CaseResult, errorResult, type Verdict } from './case.js';
import { hostSettings, sleepFunction } from './host.js';

export function runOpaCase(test: CaseReader, suite: 'v0' | 'v1', builtins: readonly Builtin[]): Verdict {
  const result = evaluate(test, suite, builtins);
  const code = test.text('want_error_code');
  const message = test.text('want_error');
  if (code !== undefined || message !== undefined) {
    const expected = { error: { code, message } };
    if (!('error' in result)) return { pass: false, expected, result };
    const codeFits = code === undefined || result.error.code === code;
    return { pass: codeFits && textFits(message, result.error.message, code !== undefined), expected, result };
  }
  const want = test.get('want_result') ?? [];
  const expected = { bindings: toJson(want) };
  const pass =
    'bindings' in result &&
    isArray(want) &&
    sameRows(result.bindings as readonly Value[], want, test.flag('sort_bindings') === true);
  return { pass, expected, result };
}

/** Texts are compared as substrings; those that come from other libraries are worded differently, and the code decides. */
function textFits(want: string | undefined, got: string, codeKnown: boolean): boolean {
  return want === undefined || got.includes(want) || codeKnown;
}

function evaluate(test: CaseReader, suite: 'v0' | 'v1', builtins: readonly Builtin[]): CaseResult {
  const hostFunctions: HostFunction[] = [sleepFunction];
  try {
    const modules = test.texts('modules').map((text, i) => ({ file: `test-${i}.rego`, text }));
    const policy = compilePolicy(modules, builtins, {
      regoVersion: suite,
      hostFunctions,
      annotations: readAnnotations,
    });
    const query = test.text('query') ?? '';
    const data = test.get('data');
    const { results } = policy.evaluate({
      ...hostSettings(),
      query,
      data: data === undefined || data === null ? {} : data,
      input: inputOf(test, suite, builtins),
      strictBuiltinErrors: test.flag('strict_error') === true,
      env: envOf(test),
    });
    return { bindings: results.map((row) => toJson(row.bindings)) };
  } catch (error) {
    return errorResult(error);
  }
}

function inputOf(test: CaseReader, suite: 'v0' | 'v1', builtins: readonly Builtin[]): Value | undefined {
  const term = test.text('input_term');
  if (term === undefined) return test.get('input');
  const policy = compilePolicy([], builtins, { regoVersion: suite });
  return policy.evaluate({ query: `x = ${term}` }).results[0]?.bindings['x'];
}

function envOf(test: CaseReader): Record<string, string> | undefined {
  const env = test.get('env');
  if (env === undefined || env === null || !isObject(env)) return undefined;
  return Object.fromEntries(objectEntries(env).map((e) => [String(e.key), String(e.value)]));
}

/** Rows as an unordered collection. */
export function sameRows(got: readonly Value[], want: readonly Value[], sort: boolean): boolean {
  const normal = (rows: readonly Value[]): string[] => rows.map((row) => canonicalKey(sort ? sorted(row) : row)).sort();
  const a = normal(got);
  const b = normal(want);
  return a.length === b.length && a.every((key, i) => key === b[i]);
}

/** With every array in order, at any depth. */
export function sorted(value: Value): Value {
  if (isArray(value)) {
    const items = value.map(sorted);
    return items
      .map((item) => ({ item, key: canonicalKey(item) }))
      .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
      .map((x) => x.item);
  }
  if (isObject(value)) return objectFrom(objectEntries(value).map((e) => [e.key, sorted(e.value)] as const));
  return value;
}
