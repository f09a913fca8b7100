/** Random programs through the whole engine: formatting changes no result, and nothing but the engine's own errors comes out. */
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RegoErrors } from '../ast/errors.js';
import type { JsonValue } from '../ast/types.js';
import { compile } from '../compile.js';
import { EvaluationError } from '../eval/errors.js';
import { print } from '../value/index.js';
import { arbitraryInput, arbitraryModule, arbitraryProgram } from './arbitrary.test.util.js';
import { format } from './index.js';

/** The package's value as text, or which error there was. */
function outcomeOf(text: string, input: JsonValue): string {
  try {
    // Without static types: programs that could never succeed are to be evaluated too.
    const policy = compile([{ file: 'test.rego', text }], { typeCheck: false });
    const { results } = policy.evaluate({ query: 'x = data.test', input });
    const value = results[0]?.bindings['x'];
    return value === undefined ? 'undefined' : print(value);
  } catch (error) {
    if (error instanceof RegoErrors) return `${error.errors[0]?.code}: ${error.errors[0]?.message}`;
    if (error instanceof EvaluationError) return error.code;
    throw error;
  }
}

describe('random programs', () => {
  test('compile, and evaluate to the same value when formatted', () => {
    let values = 0;
    let runs = 0;
    fc.assert(
      fc.property(arbitraryProgram(), arbitraryInput, (text, input) => {
        const outcome = outcomeOf(text, input);
        expect(outcome).not.toMatch(/^rego_/);
        expect(outcomeOf(format(text), input)).toBe(outcome);
        runs++;
        if ((outcome.match(/"r\d":/g)?.length ?? 0) >= 2) values++;
      }),
      { numRuns: fuzzRuns(100) },
    );
    // The generator is of use only while most programs define something.
    expect(values).toBeGreaterThan(runs / 2);
  });

  test('any module of the grammar is compiled or refused', () => {
    fc.assert(
      fc.property(arbitraryModule(), (module) => {
        outcomeOf(format(module).replace(/^package .*/, 'package test'), {});
      }),
      { numRuns: fuzzRuns(150) },
    );
  });
});
