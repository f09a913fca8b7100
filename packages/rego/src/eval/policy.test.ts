import { describe, expect, test } from 'vitest';
import { RegoErrors } from '../ast/errors.js';
import { T } from '../builtins/types.js';
import { compile } from '../compile.js';
import { RegoSet, toJson, type Value } from '../value/index.js';
import { EvaluationError } from './errors.js';
import type { CompileOptions, EvaluateOptions, Policy } from './policy.js';

const policyOf = (text: string, options: CompileOptions = {}): Policy =>
  compile([{ file: 'a.rego', text: `package p\n${text}` }], options);

/** Value of `data.p.<rule>` as JSON; undefined where it has none. */
function valueFor(
  text: string,
  rule = 'r',
  options: Omit<CompileOptions, 'builtins'> & Omit<EvaluateOptions, 'builtins'> = {},
): unknown {
  const outcome = policyOf(text, options).evaluate({ ...options, entrypoint: `data.p.${rule}` });
  return outcome.outcome.kind === 'value' ? toJson(outcome.outcome.value) : undefined;
}

function failureOf(run: () => unknown): EvaluationError {
  try {
    run();
  } catch (error) {
    if (error instanceof EvaluationError) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

describe('entry points', () => {
  const policy = policyOf('r := input.x\n\nf(x) := x\n\ns contains 1 if false');

  test('a value, a rule without value, and no such rule are three outcomes', () => {
    expect(policy.evaluate({ entrypoint: 'data.p.r', input: { x: 1 } }).outcome).toEqual({ kind: 'value', value: 1 });
    expect(policy.evaluate({ entrypoint: 'data.p.r', input: {} }).outcome).toEqual({ kind: 'undefined' });
    expect(policy.evaluate({ entrypoint: 'data.p.nope' }).outcome).toEqual({ kind: 'absent' });
    expect(policy.evaluate({ entrypoint: 'data.p.f' }).outcome).toEqual({ kind: 'absent' });
    expect(policy.evaluate({ entrypoint: 'input.x' }).outcome).toEqual({ kind: 'absent' });
  });

  test('a partial set without members is an empty set', () => {
    expect(policy.evaluate({ entrypoint: 'data.p.s' }).outcome).toEqual({ kind: 'value', value: RegoSet.of([]) });
  });

  test('prepared entry points do not remember earlier documents', () => {
    const prepared = policy.prepare('data.p.r');
    expect(prepared.evaluate({ x: 1 })).toEqual({ kind: 'value', value: 1 });
    expect(prepared.evaluate({ x: 2 })).toEqual({ kind: 'value', value: 2 });
    expect(prepared.evaluate(undefined)).toEqual({ kind: 'undefined' });
  });

  test('a document that the host changes between evaluations is read anew', () => {
    const prepared = policyOf('r if { s := {input.a}; s[{"k": 2}] }').prepare('data.p.r');
    const input = { a: { k: 1 } };
    expect(prepared.evaluate(input).kind).toBe('undefined');
    input.a.k = 2;
    expect(prepared.evaluate(input).kind).toBe('value');
  });

  test('names that objects inherit are no members', () => {
    expect(
      valueFor('r := [x | some n in ["constructor", "__proto__", "toString"]; x := input[n]]', 'r', { input: {} }),
    ).toEqual([]);
    expect(valueFor('r := input.constructor', 'r', { input: {} })).toBeUndefined();
    expect(valueFor('r := data.__proto__')).toBeUndefined();
    expect(valueFor('r := input.a.length', 'r', { input: { a: [1] } })).toBeUndefined();
  });
});

describe('queries', () => {
  test('a row holds the named variables, and the values of the statements', () => {
    const { results } = compile([]).evaluate({ query: 'x := [1, 2][_]; x > 0' });
    expect(results).toEqual([
      { bindings: { x: 1 }, expressions: [true, true] },
      { bindings: { x: 2 }, expressions: [true, true] },
    ]);
  });

  test('one statement alone may be false', () => {
    expect(compile([]).evaluate({ query: '1 == 2' }).results).toEqual([{ bindings: {}, expressions: [false] }]);
    expect(compile([]).evaluate({ query: '1 == 1; 1 == 2' }).results).toEqual([]);
  });

  test('a query that does not compile is refused', () => {
    expect(() => compile([]).evaluate({ query: 'x > 1' })).toThrow(RegoErrors);
    expect(() => compile([]).evaluate({ query: 'data.p.r = x; y' })).toThrow('var y is unsafe');
  });
});

describe('rules', () => {
  test('definitions that differ are a conflict, equal ones are not', () => {
    expect(
      failureOf(() => valueFor('r := 1 if input.a\n\nr := 2 if input.b', 'r', { input: { a: 1, b: 1 } })),
    ).toMatchObject({
      code: 'eval_conflict_error',
      reason: 'complete rules must not produce multiple outputs',
      loc: { file: 'a.rego', row: 2 },
    });
    expect(valueFor('r := 1 if input.a\n\nr := 1.0 if input.b', 'r', { input: { a: 1, b: 1 } })).toBe(1);
    expect(failureOf(() => valueFor('f(x) := 1\n\nf(x) := 2\n\nr := f(1)')).code).toBe('eval_conflict_error');
    expect(failureOf(() => valueFor('r[k] := v if { some v, k in ["a", "a"] }')).reason).toBe(
      'object keys must be unique',
    );
  });

  test('else branches are tried in order, defaults fill in', () => {
    const text = 'default r := 9\n\nr := 1 if input == 1 else := 2 if input == 2';
    expect([1, 2, 3].map((input) => valueFor(text, 'r', { input }))).toEqual([1, 2, 9]);
  });

  test('the rule index finds every definition that can hold', () => {
    const text = `r contains "a" if input.k == "a"
r contains "b" if input.k == "b"
r contains "b2" if "b" == input.k
r contains "one" if input.k == 1
r contains "any" if input.x
r contains "any2" if input.x.y
r contains "always"`;
    expect(valueFor(text, 'r', { input: { k: 'b', x: { y: 1 } } })).toEqual(['always', 'any', 'any2', 'b', 'b2']);
    expect(valueFor(text, 'r', { input: { k: 1.0, x: false } })).toEqual(['always', 'one']);
    expect(valueFor(text, 'r', { input: { k: ['b'] } })).toEqual(['always']);
    expect(valueFor(text)).toEqual(['always']);
  });

  test('a partial rule asked for one key evaluates only that key', () => {
    const text = 'q[k] := 1 / v if some k, v in {"a": 1, "b": 0}\n\nr := q.a\n\ns := q';
    expect(valueFor(text, 'r', { strictBuiltinErrors: true })).toBe(1);
    expect(() => valueFor(text, 's', { strictBuiltinErrors: true })).toThrow('divide by zero');
    expect(valueFor('q[k][v] := true if some k, v in {"a": "b"}\n\nr := q.a.b')).toBe(true);
  });

  test('documents merge packages, rules and base data', () => {
    const policy = compile([
      { file: '1', text: 'package a.b\n\nc := 1\n\nu := 2 if false\n\nf(x) := x' },
      { file: '2', text: 'package a\n\nr[k] := 1 if some k in ["x"]\n\nr.fixed := 2' },
    ]);
    const [row] = policy.evaluate({ query: 'x := data.a', data: { a: { base: 0, b: { d: 3 } } } }).results;
    expect(row?.bindings['x']).toEqual({ base: 0, b: { c: 1, d: 3 }, r: { x: 1, fixed: 2 } });
  });

  test('the language works without import in v1, and bare bodies in v0', () => {
    expect(valueFor('r { x := 1; x > 0 }', 'r', { regoVersion: 'v0' })).toBe(true);
    expect(() => policyOf('r { true }')).toThrow('`if` keyword is required before rule body');
  });
});

describe('comprehensions', () => {
  test('without outer variables are evaluated once, not once per iteration', () => {
    const text = `r := count([x | some x in input.xs; x in {y | some y in input.ys}])`;
    const many = Array.from({ length: 300 }, (_, i) => i);
    expect(valueFor(text, 'r', { input: { xs: many, ys: many }, limits: { steps: 5_000 } })).toBe(300);
  });

  test('are evaluated anew where documents are replaced', () => {
    const text = `f(_) := [y | some y in input.ys]

r := [a, b] if { a := f(1); b := f(1) with input.ys as [9] }`;
    expect(valueFor(text, 'r', { input: { ys: [1] } })).toEqual([[1], [9]]);
  });

  test('with outer variables follow them', () => {
    expect(valueFor('r := [ys | some x in [1, 2]; ys := [y | y := x + 1]]')).toEqual([[2], [3]]);
  });
});

describe('negation', () => {
  const text = 'r if not input.level > 1';

  test('covers its whole expression', () => {
    expect(valueFor(text, 'r', { input: {} })).toBe(true);
    expect(valueFor(text, 'r', { input: { level: 2 } })).toBeUndefined();
  });

  test('in the lifted reading operands are evaluated before it', () => {
    expect(valueFor(text, 'r', { input: {}, negation: 'lifted' })).toBeUndefined();
    expect(valueFor(text, 'r', { input: { level: 1 }, negation: 'lifted' })).toBe(true);
    expect(valueFor('r if not input.level == 1', 'r', { input: {}, negation: 'lifted' })).toBe(true);
    expect(valueFor('r if not input.level', 'r', { input: {}, negation: 'lifted' })).toBe(true);
  });
});

describe('with', () => {
  test('replaces documents for one statement, and nothing after it', () => {
    const text = 'q := input.a\n\nr := [x, y] if { x := q with input.a as 2; y := q }';
    expect(valueFor(text, 'r', { input: { a: 1 } })).toEqual([2, 1]);
  });

  test('hides rules below a replaced path and keeps their siblings', () => {
    const policy = compile([
      { file: '1', text: 'package a\n\nb := 1\n\nc := 2' },
      { file: '2', text: 'package p\n\nr := x if x := data.a with data.a.b as 7' },
    ]);
    expect(policy.evaluate({ entrypoint: 'data.p.r' }).outcome).toEqual({ kind: 'value', value: { b: 7, c: 2 } });
  });

  test('a replacement below a scalar of the base data is an error', () => {
    const policy = policyOf('r := x if x := data.a with data.a.b as 1');
    expect(failureOf(() => policy.evaluate({ entrypoint: 'data.p.r', data: { a: 1 } })).code).toBe(
      'eval_with_merge_error',
    );
  });

  test('replaces functions, operators included, and the replacement sees the originals', () => {
    expect(valueFor('f(x) := count(x) + 1\n\nr := x if x := count([1]) with count as f')).toBe(2);
    expect(valueFor('f(_, _) := 5\n\nr := x if x := 1 + 1 with plus as f')).toBe(5);
    expect(
      valueFor('r := x if x := query("a") with query as 3', 'r', {
        hostFunctions: [{ name: 'query', args: [T.string] }],
      }),
    ).toBe(3);
  });
});

describe('host functions', () => {
  const calls: Value[][] = [];
  const reference = {
    name: 'query_reference_value',
    args: [T.string],
    impl: (args: readonly Value[]) => {
      calls.push([...args]);
      return args[0] === 'list' ? ['a', 'b'] : null;
    },
  };

  test('are called once per evaluation and arguments, and never with an undefined one', () => {
    calls.length = 0;
    const text = `q if input.x in query_reference_value("list")

r := [q, x, y] if { x := query_reference_value("list")[0]; n := "list"; y := query_reference_value(n) }

s := query_reference_value(input.missing)`;
    const policy = policyOf(text, { hostFunctions: [reference] });
    expect(policy.evaluate({ entrypoint: 'data.p.r', input: { x: 'b' } }).outcome).toMatchObject({
      value: [true, 'a', ['a', 'b']],
    });
    expect(calls.length).toBeLessThanOrEqual(2);
    calls.length = 0;
    expect(policy.evaluate({ entrypoint: 'data.p.s', input: {} }).outcome.kind).toBe('undefined');
    expect(calls).toEqual([]);
  });

  test('a failure or a wrong number of arguments ends the evaluation, strict or not', () => {
    const failing = {
      name: 'ask',
      args: [T.string],
      impl: () => {
        throw new Error('no network');
      },
    };
    expect(() => valueFor('r if not ask("x")', 'r', { hostFunctions: [failing] })).toThrow('ask: no network');
    expect(() => valueFor('r if ask("x", "y")', 'r', { hostFunctions: [failing] })).toThrow(
      'incorrect number of parameters',
    );
  });

  test('rules win over them, they win over built-ins, and an evaluation may supply them', () => {
    const count = { name: 'count', args: [T.any], impl: () => 42 };
    expect(valueFor('r := count([1])', 'r', { hostFunctions: [count] })).toBe(42);
    expect(valueFor('count(_) := 7\n\nr := count([1])', 'r', { hostFunctions: [count] })).toBe(7);
    const policy = policyOf('r := ask("x")', { hostFunctions: [{ name: 'ask', args: [T.string] }] });
    expect(() => policy.evaluate({ entrypoint: 'data.p.r' })).toThrow('supplied no implementation');
    const builtins = { ask: ([name]: readonly Value[]) => `${String(name)}!` };
    expect(policy.evaluate({ entrypoint: 'data.p.r', builtins }).outcome).toEqual({ kind: 'value', value: 'x!' });
  });

  test('may evaluate the same entry point again', () => {
    let depth = 0;
    const again = { name: 'again', args: [], impl: (): Value => (depth++ < 2 ? String(outcome().kind) : 0) };
    const prepared = policyOf('r := [1, again()]', { hostFunctions: [again] }).prepare('data.p.r');
    const outcome = (): ReturnType<typeof prepared.evaluate> => prepared.evaluate({});
    expect(outcome()).toEqual({ kind: 'value', value: [1, 'value'] });
  });
});

describe('time and randomness', () => {
  test('come from the caller only', () => {
    expect(valueFor('r := time.now_ns()')).toBeUndefined();
    expect(() => valueFor('r := time.now_ns()', 'r', { strictBuiltinErrors: true })).toThrow('pass `now`');
    expect(valueFor('r := time.now_ns()', 'r', { now: new Date(5) })).toBe(5_000_000);
    expect(() => valueFor('r := rand.intn("a", 10)', 'r', { strictBuiltinErrors: true })).toThrow('pass `random`');
  });
});

describe('built-in errors', () => {
  test('make the call undefined, or end the evaluation when strict', () => {
    expect(valueFor('default r := "no"\n\nr := to_number("x")')).toBe('no');
    expect(failureOf(() => valueFor('r := to_number("x")', 'r', { strictBuiltinErrors: true }))).toMatchObject({
      code: 'eval_builtin_error',
      loc: { row: 2 },
    });
  });

  test('print shows undefined arguments, to a listener only', () => {
    const lines: string[] = [];
    expect(valueFor('r if print("a", input.x)', 'r', { prints: (line) => lines.push(line) })).toBe(true);
    expect(lines).toEqual(['a <undefined>']);
    expect(valueFor('r if print(1 / 0)', 'r', { strictBuiltinErrors: true })).toBe(true);
  });
});
