import { describe, expect, test } from 'vitest';
import { RegoErrors } from '../ast/errors.js';
import { compile } from '../compile.js';
import type { CompileOptions } from '../eval/policy.js';

/** `row: code: message` of each error; empty where the module compiles. */
function errors(text: string, options: CompileOptions = {}): string[] {
  try {
    compile([{ file: '', text: `package p\n${text}` }], options);
    return [];
  } catch (error) {
    if (!(error instanceof RegoErrors)) throw error;
    return error.errors.map((e) => `${e.loc.row}: ${e.code}: ${e.message.split('\n')[0] ?? ''}`);
  }
}

describe('the first stage that fails is reported, with all it found', () => {
  test.each([
    ['r if { x := 1; x := 2 }', '2: rego_compile_error: var x assigned above'],
    ['r if { x == 1; x := 2 }', '2: rego_compile_error: var x referenced above'],
    ['r if { some x; x := 1 }', '2: rego_compile_error: var x declared above'],
    ['r if { some x; true }', '2: rego_compile_error: declared var x unused'],
    ['f(x) if { x := 1 }', '2: rego_compile_error: arg x redeclared'],
    ['r if { input.x := 1 }', '2: rego_compile_error: cannot assign to ref'],
    ['r if { not x := 1 }', '2: rego_compile_error: cannot assign vars inside negated expression'],
    ['r if { data := 1 }', '2: rego_compile_error: variables must not shadow data (use a different variable name)'],
    ['r if { nope(1) }', '2: rego_type_error: undefined function nope'],
    ['r if { data.a.f(1) }', '2: rego_type_error: undefined function data.a.f'],
    ['f(x) := x\n\nr := f', '4: rego_type_error: function data.p.f used as reference, not called'],
    ['f(x) := x\n\nr := f(1, 2)', '4: rego_type_error: function data.p.f has arity 1, got 2 arguments'],
    ['r := count()', '2: rego_type_error: count: arity mismatch'],
    ['r := 1\n\nr contains 1', '4: rego_type_error: conflicting rules data.p.r found'],
    ['r := 1\n\nr.a := 2', '2: rego_type_error: rule data.p.r conflicts with [data.p.r.a (4)]'],
    ['default r := 1\n\ndefault r := 2\n\nr := 3', '4: rego_type_error: multiple default rules data.p.r found'],
    ['r if { true with input.a as x }', '2: rego_unsafe_var_error: var x is unsafe'],
    ['r if { not input.xs[_].f }', '2: rego_unsafe_var_error: var _ is unsafe'],
    ['r if { x < 1; y > 2 }', '2: rego_unsafe_var_error: var x is unsafe'],
    ['r := r', '2: rego_recursion_error: rule data.p.r is recursive: data.p.r -> data.p.r'],
    [
      'a if b\n\nb if not c\n\nc if data.p[input.x]',
      '2: rego_recursion_error: rule data.p.a is recursive: data.p.a -> data.p.b -> data.p.c -> data.p.a',
    ],
    [
      'r if { true with walk as count }',
      '2: rego_compile_error: with keyword replacing built-in function: target must not be a relation',
    ],
    [
      'r if { true with eq as count }',
      '2: rego_compile_error: with keyword replacing built-in function: replacement of "eq" invalid',
    ],
    ['r if { count([]) with count as plus }', '2: rego_type_error: count: arity mismatch'],
    ['r if { 1 == "a" }', '2: rego_type_error: match error'],
    ['r if { [1, 2] = [x] }', '2: rego_type_error: match error'],
    ['r if { x := [1, 2]; [y] = x }', '2: rego_type_error: match error'],
    ['r := upper(1)', '2: rego_type_error: upper: invalid argument(s)'],
    ['r := x.b if { x := {"a": 1} }', '2: rego_type_error: undefined ref: b'],
    ['r := any([true])', '2: rego_type_error: deprecated built-in function calls in expression: any'],
  ])('%s', (text, message) => {
    expect(errors(text)[0]).toBe(message);
  });

  test('an unknown function hides an unsafe variable, which hides a type error', () => {
    expect(errors('a if nope(1)\n\nb if { x > 1 }\n\nc if { 1 == "a" }')).toEqual([
      '2: rego_type_error: undefined function nope',
    ]);
    expect(errors('b if { x > 1 }\n\nc if { 1 == "a" }')).toEqual(['2: rego_unsafe_var_error: var x is unsafe']);
    expect(errors('b if { x > 1; y > 1 }')).toHaveLength(2);
  });
});

describe('programs that compile', () => {
  test.each([
    'r if { x > 1; x = 2 }',
    'r if { f(x) == y; x = 1; y = 2 }\n\nf(x) := x',
    'r := [y | y := x] if { x := 1 }',
    'r if { some i; input.xs[i] == input.ys[i] }',
    'r if { [x, y] = [y, 1] }',
    'r if { every x in input.xs { x > input.min } }',
    'r if { foo == input.foos[foo] }',
    'q := 1\n\nr := q if { some q; [1, 2][q] }',
    'r if { 1 < "a" }\n\ns := 1 == "a"',
    'r := input.a.b.c[_]',
    'r if not count(input.xs[_]) == 0',
  ])('%s', (text) => {
    expect(errors(text)).toEqual([]);
  });
});

describe('strict mode', () => {
  test.each([
    ['import data.a\n\nr := 1', 'import data.a unused'],
    ['r if { x := 1; true }', 'assigned var x unused'],
    ['f(x) := 1', 'unused argument x. (hint: use _ (wildcard variable) instead)'],
  ])('%s', (text, message) => {
    expect(errors(text)).toEqual([]);
    expect(errors(text, { strict: true })).toEqual([expect.stringContaining(message)]);
  });

  test('v0 modules are held to what v1 asks for', () => {
    const text = 'import data.a.x\nimport data.b.x\nr = any([x])';
    expect(errors(text, { regoVersion: 'v0' })).toEqual([]);
    expect(errors(text, { regoVersion: 'v0', strict: true })[0]).toContain('import must not shadow import data.a.x');
  });
});
