import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fuzzRuns, vectorsArea } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RegoErrors } from '../ast/errors.js';
import type { Module } from '../ast/types.js';
import { arbitraryInput, arbitraryModule, arbitraryProgram } from '../fmt/arbitrary.test.util.js';
import { allBuiltins, compile } from '../node.js';
import { print, toJsonText, type Value } from '../value/index.js';
import { EvaluationError } from './errors.js';
import type { EvaluateOptions, Policy, Source } from './policy.js';

const LIMITS = { steps: 200_000, allocations: 200_000, results: 1_000 };

/** The rows of a query as text, or the code of an error of the engine; anything else thrown is a finding. */
function outcome(modules: readonly (Source | Module)[], query: string, options: EvaluateOptions = {}): string {
  try {
    const { results } = compile(modules).evaluate({ ...options, query, limits: LIMITS });
    return results.map((row) => toJsonText(row.bindings)).join('\n');
  } catch (error) {
    if (error instanceof RegoErrors) return error.errors[0]?.code ?? '';
    if (error instanceof EvaluationError) return error.code;
    throw error;
  }
}

describe('random programs', () => {
  test('well-formed ones compile and evaluate, traced or not to the same result', () => {
    fc.assert(
      fc.property(arbitraryProgram(), arbitraryInput, (text, input) => {
        const modules = [{ file: '', text }];
        const plain = outcome(modules, 'x := data.test', { input });
        expect(plain).not.toMatch(/^rego_(parse|compile|unsafe|recursion)/);
        // A traced evaluation uses no rule index and closures of its own.
        expect(outcome(modules, 'x := data.test', { input, trace: true })).toBe(plain);
      }),
      { numRuns: fuzzRuns(150) },
    );
  });

  test('a rule asked for alone has the value that the whole document holds', () => {
    fc.assert(
      fc.property(arbitraryProgram({ rules: 3 }), arbitraryInput, (text, input) => {
        let whole: unknown;
        let policy: Policy;
        try {
          policy = compile([{ file: '', text }]);
          whole = policy.evaluate({ query: 'x := data.test', input, limits: LIMITS }).results[0]?.bindings['x'];
        } catch (error) {
          // Types that never fit are refused, and limits may be reached.
          expect(error instanceof RegoErrors || error instanceof EvaluationError).toBe(true);
          return;
        }
        for (const rule of ['r0', 'r1', 'r2']) {
          const { outcome: alone } = policy.evaluate({ entrypoint: `data.test.${rule}`, input, limits: LIMITS });
          const within = (whole as Record<string, Value>)[rule];
          expect(alone.kind === 'value' ? print(alone.value) : undefined).toBe(
            within === undefined ? undefined : print(within),
          );
        }
      }),
      { numRuns: fuzzRuns(100) },
    );
  });

  test('anything of the grammar is compiled or refused', () => {
    fc.assert(
      fc.property(arbitraryModule(), (module) => {
        outcome([module], 'x := data.pkg');
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});

/** Texts of the corpus, with the queries that their cases ask. */
function corpus(
  dir: string,
): { readonly modules: readonly string[]; readonly query: string; readonly input: unknown }[] {
  const found: { modules: readonly string[]; query: string; input: unknown }[] = [];
  for (const topic of readdirSync(join(dir, 'v1'))) {
    for (const file of readdirSync(join(dir, 'v1', topic)).slice(0, 2)) {
      const { cases } = JSON.parse(readFileSync(join(dir, 'v1', topic, file), 'utf8')) as {
        cases: { modules?: string[]; query: string; input?: unknown }[];
      };
      for (const c of cases.slice(0, 2)) {
        const size = (c.modules ?? []).join('').length;
        if (size > 0 && size < 4_000) found.push({ modules: c.modules ?? [], query: c.query, input: c.input ?? {} });
      }
    }
  }
  return found;
}

const dir = vectorsArea('rego');

describe.skipIf(dir === undefined)('mutated corpus cases', () => {
  const cases = dir === undefined ? [] : corpus(dir);
  const pieces = [
    'not ',
    'some x in ',
    '[_]',
    ' with input as {}',
    ' := ',
    ' = ',
    '{',
    '}',
    'data',
    'input',
    'p',
    ' | ',
    '1',
    '""',
    ' if ',
    ' else := 2',
    'every y in x { y }',
    ' contains ',
  ];

  test('never crash and never hang', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.nat({ max: cases.length - 1 }),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 12 }), fc.constantFrom(...pieces)), { minLength: 1, maxLength: 3 }),
        (at, edits) => {
          const chosen = cases[at];
          if (chosen === undefined) return;
          const modules = chosen.modules.map((text, i) => ({ file: `${i}.rego`, text: mutate(text, edits) }));
          outcome(modules, chosen.query, { input: chosen.input as never, now: 0n });
        },
      ),
      { numRuns: fuzzRuns(400) },
    );
  });
});

function mutate(text: string, edits: readonly (readonly [number, number, string])[]): string {
  let mutated = text;
  for (const [position, length, piece] of edits) {
    const at = position % (mutated.length + 1);
    mutated = mutated.slice(0, at) + piece + mutated.slice(at + length);
  }
  return mutated;
}

test('the fuzz targets see all built-ins', () => {
  expect(allBuiltins.length).toBeGreaterThan(190);
  expect(new Set(allBuiltins.map((builtin) => builtin.name)).size).toBe(allBuiltins.length);
});
