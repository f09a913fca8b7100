/** Suite `attestation`: policies as an attestation service and a key broker evaluate them. */
import type { Builtin } from '../builtins/types.js';
import { T } from '../builtins/types.js';
import { compilePolicy, type HostFunction, type Outcome } from '../eval/policy.js';
import { equals, isObject, objectEntries, objectGet, toJson, type Value } from '../value/index.js';
import { type CaseReader, type CaseResult, errorResult, type Verdict } from './case.js';

export function runAttestationCase(test: CaseReader, builtins: readonly Builtin[]): Verdict {
  const want = test.get('expect');
  const entries = want !== undefined && isObject(want) ? objectEntries(want) : [];
  const found: unknown[] = [];
  let pass = true;
  let failed: CaseResult | undefined;
  for (const { key, value } of entries) {
    const outcome = evaluate(test, builtins, String(key));
    if ('error' in outcome) failed = outcome;
    else
      found.push({
        rule: key,
        ...(outcome.kind === 'value' ? { value: toJson(outcome.value) } : { [outcome.kind]: true }),
      });
    pass &&= fits(value, outcome);
  }
  return { pass, expected: toJson(want ?? null), result: failed ?? { bindings: found } };
}

type Found = Outcome | { readonly error: { readonly code: string; readonly message: string } };

/** The hint of an expected error is in the words of another engine; that there is an error is what counts. */
function fits(want: Value, outcome: Found): boolean {
  if (!isObject(want)) return false;
  if ('error' in outcome) return objectGet(want, 'error') !== undefined;
  switch (outcome.kind) {
    case 'value': {
      const value = objectGet(want, 'value');
      return value !== undefined && equals(value, outcome.value);
    }
    case 'undefined':
      return objectGet(want, 'undefined') === true;
    case 'absent':
      return objectGet(want, 'absent_rule') === true;
  }
}

function evaluate(test: CaseReader, builtins: readonly Builtin[], entrypoint: string): Found {
  const references = test.get('reference_values');
  const queryReferenceValue: HostFunction = {
    name: 'query_reference_value',
    args: [T.string],
    impl: ([name]) =>
      (references !== undefined && isObject(references) ? objectGet(references, name ?? null) : undefined) ?? null,
  };
  try {
    const policy = compilePolicy([{ file: '', text: test.text('policy') ?? '' }], builtins, {
      regoVersion: test.text('rego_version') === 'v0' ? 'v0' : 'v1',
      mode: 'regorus',
      hostFunctions: [queryReferenceValue],
    });
    return policy.prepare(entrypoint).evaluate(test.get('input'), { data: test.get('data') ?? {} });
  } catch (error) {
    return errorResult(error);
  }
}
