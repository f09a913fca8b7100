import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BuiltinContext, BuiltinError, type Value } from '../types.js';
import { compileGlob, GlobSyntaxError, quoteGlob } from './glob.js';
import { GlobExpressionError, globsIntersect } from './globs-intersect.js';
import { globsMatchBuiltins } from './globs-match.js';
import { textBuiltins } from './index.js';

const spent = { steps: 0, units: 0 };
const ctx = {
  budget: {
    step: (n: number) => {
      spent.steps += n;
    },
    alloc: (n: number) => {
      spent.units += n;
    },
  },
} as BuiltinContext;

function call(name: string, ...args: Value[]): Value | undefined {
  const builtin = [...textBuiltins, ...globsMatchBuiltins].find((b) => b.name === name);
  if (builtin?.impl === undefined) throw new Error(`no built-in ${name}`);
  return builtin.impl(args, ctx);
}

describe('glob.match', () => {
  test.each<[string, readonly string[] | null, string, boolean]>([
    ['*.github.com', ['.'], 'api.github.com', true],
    ['*.github.com', ['.'], 'a.b.github.com', false],
    ['**.github.com', ['.'], 'a.b.github.com', true],
    ['*', [], 'foo.bar', false],
    ['*', null, 'foo.bar', true],
    ['*:github:com', [':'], 'api:github:com', true],
    ['?at', ['f'], 'fat', false],
    ['[!a-c]at', [], 'fat', true],
    ['[!abc]x', ['.'], '.x', true],
    ['{cat,bat,[fr]at}', [], 'rat', true],
    ['{a,{b,c}}d', [], 'cd', true],
    ['{a,{b,c}}d', [], 'd', false],
    ['a\\*b', null, 'a*b', true],
    ['a\\*b', null, 'axb', false],
    ['a,b}', null, 'a,b}', true],
    ['[\\]]', null, ']', true],
    ['a*', ['é'], 'abéc', false],
  ])('%s with %j on %s is %s', (pattern, delimiters, text, expected) => {
    expect(call('glob.match', pattern, delimiters, text)).toBe(expected);
  });

  test.each(['[a', '[]', '[a-cx]', '[c-a]', '[a-'])('refuses %s', (pattern) => {
    expect(() => call('glob.match', pattern, [], 'a')).toThrow(BuiltinError);
  });

  test('delimiters are single characters', () => {
    expect(() => call('glob.match', '*', ['ab'], 'a')).toThrow('operand 2 must be array of characters');
    expect(() => call('glob.match', '*', [1], 'a')).toThrow(
      'operand 2 must be array of strings but got array containing number',
    );
    expect(() => call('glob.match', '*', 'x', 'a')).toThrow('operand 2 must be one of {array, null} but got string');
  });

  test('patterns with different delimiters do not share a cache entry', () => {
    expect(call('glob.match', '*', ['a', 'b'], 'b')).toBe(false);
    expect(call('glob.match', '*', ['a'], 'b')).toBe(true);
  });

  test('fuzz: ends with an answer or a refusal, and quoting makes any text match itself only', () => {
    const soup = fc.string({ unit: fc.constantFrom(...'ab*?[]{}!,\\-. é'), maxLength: 20 });
    fc.assert(
      fc.property(soup, soup, (pattern, text) => {
        try {
          compileGlob(pattern, ['.']).test(text);
        } catch (error) {
          expect(error).toBeInstanceOf(GlobSyntaxError);
        }
        expect(compileGlob(quoteGlob(pattern), ['.']).test(pattern)).toBe(true);
        expect(compileGlob(quoteGlob(pattern), []).test(text)).toBe(pattern === text);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('regex.globs_match', () => {
  test.each<[string, string, boolean]>([
    ['[a-z]+', '[0-9]*', false],
    ['b.*', 'baz', true],
    ['[a-z]+\\[[0-9]+\\]', 'foo\\[1\\]', true],
    ['a*', 'b*', false],
    ['a+b', 'aaab', true],
    ['.+x', 'x', false],
    ['a*a', 'a', true],
    ['[a-c]*d', '[b-z]+', true],
  ])('%s and %s: %s', (left, right, expected) => {
    expect(call('regex.globs_match', left, right)).toBe(expected);
    expect(call('regex.globs_match', right, left)).toBe(expected);
  });

  test.each([
    ['pqrs]', "input:pqrs], pos:5, set-close ']' with no preceding '[': the input provided is invalid"],
    ['*a', "input:*a, pos:1, flag '*' must be preceded by a non-flag"],
    ['a+*', "pos:3, flag '*' must be preceded by a non-flag"],
    ['[a', 'found [ without matching ]'],
    ['[-a]', "range character '-' must be preceded by a Unicode character"],
    ['[a-b-c]', "range character '-' must be preceded by a Unicode character"],
    ['[a-', "range character '-' must be followed by a Unicode character"],
    ['[a-]b', "range character '-' cannot be followed by a special symbol"],
    ['[z-a]', "range is out of order: 'a' comes before 'z' in Unicode"],
    ['a\\', 'input ends with a \\ (escape) character'],
  ])('refuses %s', (expression, message) => {
    expect(() => globsIntersect(expression, 'a')).toThrow(GlobExpressionError);
    expect(() => call('regex.globs_match', 'a', expression)).toThrow(message);
  });

  test('quotes are members of sets', () => {
    expect(() => call('regex.globs_match', '[a-z]+', 'foo["bar"]')).not.toThrow();
  });

  test('fuzz: a literal intersects an expression exactly when it matches', () => {
    const piece = fc
      .tuple(fc.constantFrom('a', 'b', '.', '[ab]'), fc.constantFrom('', '*', '+'))
      .map((p) => p.join(''));
    const expression = fc.array(piece, { maxLength: 6 }).map((p) => p.join(''));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(expression, text, (source, literal) => {
        expect(globsIntersect(source, literal)).toBe(new RegExp(`^(?:${source})$`).test(literal));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('regex built-ins', () => {
  test('a wrong pattern is a built-in error with the text of Go', () => {
    expect(() => call('regex.match', '[', 'x')).toThrow('error parsing regexp: missing closing ]: `[`');
    expect(call('regex.is_valid', '[')).toBe(false);
    expect(call('regex.is_valid', 1)).toBe(false);
    expect(call('regex.is_valid', 'a+')).toBe(true);
  });

  test('find and replace', () => {
    expect(call('regex.find_n', 'a.', 'paranormal', -1)).toEqual(['ar', 'an', 'al']);
    expect(call('regex.find_n', 'a.', 'paranormal', 2)).toEqual(['ar', 'an']);
    expect(call('regex.find_all_string_submatch_n', 'a(x*)(y)?b', '-ab-axb-', -1)).toEqual([
      ['ab', '', ''],
      ['axb', 'x', ''],
    ]);
    expect(call('regex.split', 'z+', 'pizza')).toEqual(['pi', 'a']);
    expect(call('regex.replace', 'foo', '(foo)', '$1$1')).toBe('foofoo');
    expect(() => call('regex.find_n', 'a', 'a', 1.5)).toThrow(
      'operand 3 must be integer number but got floating-point number',
    );
  });

  test('template_match', () => {
    expect(call('regex.template_match', 'urn:foo:{.*}', 'urn:foo:bar:baz', '{', '}')).toBe(true);
    expect(call('regex.template_match', 'a.b<[0-9]+>', 'axb1', '<', '>')).toBe(false);
    expect(call('regex.template_match', 'a.b<[0-9]+>', 'a.b1', '<', '>')).toBe(true);
    expect(() => call('regex.template_match', 'a{b', 'a', '{', '}')).toThrow('unbalanced braces');
    expect(() => call('regex.template_match', 'a{b)|(c}', 'x', '{', '}')).toThrow('error parsing regexp: unexpected )');
    expect(() => call('regex.template_match', 'a', 'a', '{{', '}')).toThrow(
      'start delimiter has to be exactly one character long but is 2 long',
    );
  });

  test('compiling is charged once', () => {
    const cost = (): number => {
      const before = spent.steps;
      call('regex.is_valid', '(?:charged once){900}');
      return spent.steps - before;
    };
    expect(cost()).toBeGreaterThan(1000);
    expect(cost()).toBeLessThan(10);
  });

  test('work is charged', () => {
    const before = { ...spent };
    call('regex.match', '(a+)+$', `${'a'.repeat(100_000)}!`);
    call('regex.replace', 'a'.repeat(1000), 'a', 'b'.repeat(1000));
    expect(spent.steps - before.steps).toBeGreaterThan(1000);
    expect(spent.units - before.units).toBeGreaterThan(60_000);
  });
});
