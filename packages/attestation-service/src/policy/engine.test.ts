import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { AssayError } from '@assay/bytes/findings';
import { vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICIES } from './default-policies.js';
import { compilePolicy, evaluationBudget } from './engine.js';
import { policyWarnings } from './lint.js';

const now = new Date('2026-11-21T10:00:00Z');
const fault = (text: string): AssayError => {
  try {
    compilePolicy('p.rego', text);
  } catch (thrown) {
    if (thrown instanceof AssayError) return thrown;
    throw thrown;
  }
  throw new Error('it compiled');
};

describe('compiling', () => {
  test('names every error with its place', () => {
    const error = fault('package policy\n\nallow if {\n  x == \n}\n');
    expect(error.code).toBe('policy.file.parse');
    expect(error.message).toMatch(/^p\.rego:\d+:\d+: rego_parse_error: /);
    expect(error.findings.length).toBeGreaterThan(0);
  });

  test.each<[string, string]>([
    ['nothing', ''],
    ['no package', 'allow := true'],
    ['an unknown function', 'package policy\ntrust_claims := {"hardware": frobnicate(1)}'],
    ['an unsafe variable', 'package policy\ntrust_claims := {"hardware": x}'],
    ['recursion', 'package policy\na := b\nb := a'],
    ['a NUL', 'package policy\n\u0000'],
  ])('%s does not compile', (_, text) => {
    expect(fault(text).code).toBe('policy.file.parse');
  });

  test('another package would never be asked', () => {
    const error = fault('package authz\nallow := true');
    expect(error.code).toBe('policy.package.name');
    expect(error.message).toBe('package is `authz`; rules are read from `policy`, so none of allow is seen');
  });

  test('import rego.v1 is tolerated', () => {
    expect(compilePolicy('p.rego', 'package policy\nimport rego.v1\ntrust_claims := {"hardware": 2}').rules).toEqual([
      'trust_claims',
    ]);
  });

  test.each<[string, string, readonly string[]]>([
    ['a rule of another name', 'trust_claim := {"hardware": 2}', ['policy.rule.present']],
    ['an unknown trust claim', 'trust_claims := {"instance_identity": 2}', ['policy.trust-claim.known']],
    [
      'order against a value that may be absent',
      'trust_claims := {"hardware": 2} if input.x >= query_reference_value("x")',
      ['policy.compare.null'],
    ],
    [
      'hex against base64',
      'trust_claims := {"hardware": 2} if input.snp.measurement == "ofOTBBMke7OM/BcVeeo8EtX+SQHwx5L2P9ddmPHvgnwjUAZE4OaS5r6Rf5BQ09OM"',
      ['policy.compare.encoding'],
    ],
    [
      'an expression whose types never fit: it runs in the field, so it is stored',
      'trust_claims := {"hardware": 2} if { x := 1; x == "1" }',
      ['policy.compare.type'],
    ],
    ['nothing suspicious', 'trust_claims := {"hardware": 2}', []],
  ])('%s is warned of when it is set', (_, rule, ids) => {
    const warnings = policyWarnings('p', compilePolicy('p.rego', `package policy\n${rule}\n`));
    expect(warnings.map(({ id }) => id)).toEqual(ids);
    for (const { outcome, title, remedy } of warnings) {
      expect([outcome, title?.startsWith('p.rego'), remedy?.endsWith('.')]).toEqual(['warn', true, true]);
    }
  });

  test.each(Object.entries(DEFAULT_POLICIES))('%s is shipped without a warning', (id, text) => {
    expect(policyWarnings(id, compilePolicy(`${id}.rego`, text))).toEqual([]);
  });

  test('reference values that the text names are known', () => {
    const text =
      'package policy\ntrust_claims := {"hardware": count(query_reference_value("a\\u0062")), "configuration": count(query_reference_value(`raw`))}';
    expect(compilePolicy('p.rego', text).referenceValues).toEqual(['ab', 'raw']);
  });
});

describe('the host function', () => {
  test('takes one argument: anything else ends in an error of the owner, at the latest when it is evaluated', () => {
    const text = 'package policy\ntrust_claims := {"hardware": query_reference_value("a", "b", "c")}';
    const query = (): JsonValue => 2;
    const run = () => compilePolicy('p.rego', text).evaluate('trust_claims', { input: {}, now, query });
    expect(run).toThrow(AssayError);
  });

  test('a failure of it ends the evaluation: an outage is not "no value"', () => {
    const compiled = compilePolicy(
      'p.rego',
      'package policy\ntrust_claims := {"hardware": 2} if 1 in query_reference_value("a")',
    );
    const query = (): JsonValue => {
      throw new Error('RVPS is out');
    };
    expect(() => compiled.evaluate('trust_claims', { input: {}, now, query })).toThrow(AssayError);
  });
});

interface VectorCase {
  readonly note: string;
  readonly policy: string;
  readonly input: JsonObject;
  readonly reference_values: JsonObject;
  readonly expect: { readonly [path: string]: JsonObject };
}

const folder = vectorsArea('rego');
const cases: readonly VectorCase[] =
  folder === undefined ? [] : JSON.parse(readFileSync(join(folder, 'attestation', 'cases.json'), 'utf8')).cases;
const applicable = cases.flatMap((vector) =>
  (['trust_claims', 'extensions'] as const).flatMap((rule) => {
    const expected = vector.expect[`data.policy.${rule}`];
    return expected === undefined ? [] : [{ note: `${vector.note}: ${rule}`, vector, rule, expected }];
  }),
);

describe.skipIf(folder === undefined)('attestation vectors', () => {
  test('there are some', () => {
    expect(applicable.length).toBeGreaterThan(5);
  });

  test.each(applicable)('$note', ({ vector, rule, expected }) => {
    const values = vector.reference_values;
    const query = (name: string): JsonValue => (Object.hasOwn(values, name) ? (values[name] ?? null) : null);
    const run = () => compilePolicy('policy.rego', vector.policy).evaluate(rule, { input: vector.input, now, query });
    if (isJsonObject(expected) && 'error' in expected) expect(run).toThrow(AssayError);
    else if ('undefined' in expected) expect(run()).toEqual({ kind: 'undefined' });
    else if ('absent_rule' in expected) expect(run()).toEqual({ kind: 'absent' });
    else expect(run()).toEqual({ kind: 'value', value: expected['value'] });
  });
});

describe('the time of one request', () => {
  const slow = compilePolicy(
    'p.rego',
    `package policy
trust_claims := {"hardware": count([1 | some x in input.list; some y in input.list; some z in input.list; x + y + z == 0])}`,
  );
  const input = { list: Array.from({ length: 120 }, (_, i) => i + 1) };
  const query = () => null;

  test('is shared by all its evaluations: what is over ends the next one', () => {
    let time = 0;
    const budget = evaluationBudget(1000, () => time);
    expect(budget.remaining()).toBe(1000);
    time = 5000;
    expect(budget.remaining()).toBe(1);
    expect(() => slow.evaluate('trust_claims', { input, now, query, budget })).toThrow(
      expect.objectContaining({ code: 'policy.eval.completes' }),
    );
  });

  test('does not end what is quick', () => {
    const budget = evaluationBudget();
    const quick = { input: { list: [1, 2] }, now, query, budget };
    expect(slow.evaluate('trust_claims', quick)).toEqual({ kind: 'value', value: { hardware: 0 } });
  });
});
