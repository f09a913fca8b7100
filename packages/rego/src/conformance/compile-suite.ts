/** Suite `compile`: outcomes of parsing and compiling. */
import type { Builtin } from '../builtins/types.js';
import { compilePolicy } from '../eval/policy.js';
import { isArray, toJson } from '../value/index.js';
import { type CaseReader, type CaseResult, errorResult, type Verdict } from './case.js';
import { sameRows } from './opa.js';

export function runCompileCase(test: CaseReader, builtins: readonly Builtin[]): Verdict {
  const result = evaluate(test, builtins);
  const code = test.text('want_error_code');
  if (code !== undefined) {
    const message = test.text('want_error');
    const pass =
      'error' in result &&
      result.error.code === code &&
      (message === undefined || result.error.message.includes(message));
    return { pass, expected: { error: { code, message } }, result };
  }
  const want = test.get('want_result');
  const expected = want === undefined ? { compiles: true } : { bindings: toJson(want) };
  const pass =
    'bindings' in result && (want === undefined || (isArray(want) && sameRows(result.bindings as never, want, false)));
  return { pass, expected, result };
}

function evaluate(test: CaseReader, builtins: readonly Builtin[]): CaseResult {
  const regoVersion = test.text('rego_version') === 'v0' ? 'v0' : 'v1';
  try {
    const modules = test.texts('modules').map((text, i) => ({ file: `test-${i}.rego`, text }));
    const policy = compilePolicy(modules, builtins, { regoVersion });
    const query = test.text('query');
    if (query === undefined) return { bindings: [] };
    return { bindings: policy.evaluate({ query }).results.map((row) => toJson(row.bindings)) };
  } catch (error) {
    return errorResult(error);
  }
}
