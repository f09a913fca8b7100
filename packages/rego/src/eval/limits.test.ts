import { describe, expect, test } from 'vitest';
import { compile } from '../compile.js';
import { EvaluationError } from './errors.js';
import { EvaluationState } from './evaluation.js';
import type { EvaluateOptions } from './policy.js';
import { Runtime } from './runtime.js';

function run(text: string, rule: string, options: EvaluateOptions = {}): unknown {
  const { outcome } = compile([{ file: 'a.rego', text: `package p\n${text}` }]).evaluate({
    ...options,
    entrypoint: `data.p.${rule}`,
  });
  return outcome.kind === 'value' ? outcome.value : outcome.kind;
}

function cancelled(text: string, rule: string, options: EvaluateOptions = {}): string {
  try {
    run(text, rule, options);
  } catch (error) {
    expect(error).toBeInstanceOf(EvaluationError);
    expect(error).toMatchObject({ code: 'eval_cancel_error' });
    return (error as EvaluationError).reason;
  }
  throw new Error('nothing was cancelled');
}

const lines = (n: number, line: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => line(i)).join('\n');
const product = 'r := count([1 | some a in numbers.range(1, 1000); some b in numbers.range(1, 1000); a + b < 0])';

describe('a hostile policy ends with a clear error', () => {
  test('steps', () => {
    expect(cancelled(product, 'r', { limits: { steps: 50_000 } })).toBe('evaluation exceeded its limit of 50000 steps');
    expect(run(product, 'r')).toBe(0);
  });

  test('wall clock, by the clock that is given', () => {
    let now = 0;
    const clock = (): number => {
      now += 1;
      return now;
    };
    expect(cancelled(product, 'r', { limits: { milliseconds: 20, clock } })).toBe(
      'execution exceeded time limit of 20 ms',
    );
    expect(run('r := 1', 'r', { limits: { milliseconds: 20, clock } })).toBe(1);
  });

  test('memory', () => {
    const big = 'r := [[a, b] | some a in numbers.range(1, 300); some b in numbers.range(1, 300)]';
    expect(cancelled(big, 'r', { limits: { allocations: 10_000 } })).toContain('limit of 10000 units of memory');
  });

  test('chains of rules', () => {
    const chain = (n: number): string => `${lines(n, (i) => `r${i} := r${i + 1}`)}\nr${n} := 1`;
    expect(run(chain(500), 'r0')).toBe(1);
    expect(cancelled(chain(3_000), 'r0')).toBe('evaluation nests deeper than 600 levels of rules and iterations');
    expect(cancelled(chain(30), 'r0', { limits: { depth: 10 } })).toBe(
      'evaluation nests deeper than 10 levels of rules and iterations',
    );
  });

  test('bodies with very many iterations', () => {
    const body = (n: number): string =>
      `r if {\n${lines(n, (i) => `  some x${i} in [1]`)}\n${lines(n, (i) => `  x${i} == 1`)}\n}`;
    expect(run(body(500), 'r')).toBe(true);
    expect(cancelled(body(2_000), 'r')).toContain('nests deeper');
  });

  test('an exhausted call stack, whatever limits the caller sets', () => {
    const chain = `${lines(8_000, (i) => `r${i} := r${i + 1}`)}\nr8000 := 1`;
    expect(cancelled(chain, 'r0', { limits: { depth: 1_000_000 } })).toBe('evaluation nests too deeply');
  });

  test('values that double', () => {
    const double = `a0 := [1]\nb0 := [1]\n${lines(64, (i) => `a${i + 1} := [a${i}, a${i}]\nb${i + 1} := [b${i}, b${i}]`)}`;
    expect(cancelled(`${double}\nr := {a64}`, 'r')).toContain('too large');
    expect(cancelled(`${double}\nr := a64 == b64`, 'r')).toContain('too large');
    expect(
      cancelled(`s0 := "xxxxxxxxxx"\n${lines(64, (i) => `s${i + 1} := concat("", [s${i}, s${i}])`)}\nr := s64`, 'r'),
    ).not.toBe('');
  });

  test('functions that call each other twice are remembered', () => {
    expect(run(`f0(x) := x\n${lines(60, (i) => `f${i + 1}(x) := f${i}(x) + f${i}(x)`)}\nr := f60(1)`, 'r')).toBe(
      2n ** 60n,
    );
  });

  test('rows of a query', () => {
    const policy = compile([]);
    const query = 'x := numbers.range(1, 100)[_]';
    expect(policy.evaluate({ query }).results).toHaveLength(100);
    expect(() => policy.evaluate({ query, limits: { results: 99 } })).toThrow('too many results');
  });

  test('a limit that is no number is refused, and so is a time limit without a clock', () => {
    expect(() => run('r := 1', 'r', { limits: { steps: Number.NaN } })).toThrow('limit steps must be a number');
    expect(() => run('r := 1', 'r', { limits: { milliseconds: 5 } })).toThrow('needs a clock');
  });

  test('nothing of an evaluation stays behind', () => {
    const policy = compile([{ file: '', text: 'package p\n\nr := [input.secret, s]\n\ns := input.secret' }]);
    const state = new EvaluationState(new Runtime(policy.program, 'opa', undefined));
    const layer = state.start({ secret: 'x' }, {}, {});
    const node = policy.program.tree.root.children.get('p')?.children.get('r');
    expect(node && state.rule(node).evaluate(layer)).toEqual(['x', 'x']);
    state.finish();
    expect(JSON.stringify([layer.input, layer.data, layer.cache, state.host])).not.toContain('x');
  });

  test('long bodies are plain sequences', () => {
    expect(run(`r if {\n${lines(5_000, (i) => `  input.a != ${i}`)}\n}`, 'r', { input: { a: -1 } })).toBe(true);
  });
});
