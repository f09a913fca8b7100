/** Texts made to hurt: each ends, soon, in a tree or in `RegoErrors`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fuzzRuns, vectorsArea } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RegoErrors } from '../ast/errors.js';
import type { RegoVersion } from '../ast/types.js';
import { type ParseOptions, parseModule, parseQuery } from './index.js';

/** The message of the refusal; undefined where the text parses. Anything else than `RegoErrors` is a defect. */
function outcome(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (error instanceof RegoErrors) return error.message;
    throw error;
  }
}

const queried = (text: string, options?: ParseOptions) => outcome(() => parseQuery(text, options));

describe('limits', () => {
  test.each([
    ['brackets', '['.repeat(100_000)],
    ['braces', '{'.repeat(100_000)],
    ['parentheses', '('.repeat(100_000)],
    ['objects', '{"a":'.repeat(50_000)],
    ['calls', 'f('.repeat(50_000)],
    ['references', 'a['.repeat(50_000)],
    ['templates', '$"{'.repeat(50_000)],
    ['comprehensions', '[x | '.repeat(50_000)],
    ['every', 'every x in y { '.repeat(20_000)],
    ['a chain of operators', `1${'+1'.repeat(50_000)}`],
    ['a chain of memberships', `1${' in x'.repeat(50_000)}`],
    ['a chain of parenthesised chains', `${'('.repeat(300)}1${' + 1)'.repeat(300)}${' + 1'.repeat(300)}`],
  ])('%s: nesting ends in an error', (_, text) => {
    expect(queried(text)).toContain('nesting is too deep: at most 400 levels are taken');
  });

  test('the limits can be set', () => {
    expect(queried('[[[1]]]', { maxDepth: 3 })).toContain('nesting is too deep');
    expect(queried('[[[1]]]', { maxDepth: 10 })).toBeUndefined();
    expect(queried('true', { maxLength: 3 })).toContain('text is too long: 4 characters, at most 3 are taken');
  });

  test('errors are cut off', () => {
    const text = `package a\n${'p := ^\n'.repeat(1000)}`;
    const errors = (options: ParseOptions) => outcome(() => parseModule(text, options))?.split('\n').length;
    expect(errors({})).toBe(21);
    expect(errors({ maxErrors: 3 })).toBe(4);
  });
});

describe('speculation takes linear time', () => {
  const n = 90;
  test.each([
    ['arrays that could be comprehensions', `${'[x | '.repeat(n)}y, z${', 1]'.repeat(n)}`],
    ['sets that could be comprehensions', `${'{x | '.repeat(n)}y, z${', 1}'.repeat(n)}`],
    ['objects that could be comprehensions', `${'{"a": x | '.repeat(n)}1${', "b": 1}'.repeat(n)}`],
    ['objects with an error inside', `${'{"a": x | '.repeat(n)}y ^ z${', "b": 1}'.repeat(n)}`],
    ['pairs that are none', `${'(a, '.repeat(n)}b${')'.repeat(n)}`],
    ['declarations that are none', `${'[1 | some (a, '.repeat(n)}b${')]'.repeat(n)}`],
  ])('%s', (_, text) => {
    const start = process.cpuUsage();
    queried(text);
    const { user, system } = process.cpuUsage(start);
    // Microseconds of this process: the machine may be busy with others.
    expect(user + system).toBeLessThan(4_000_000);
  });
});

describe('fuzz', () => {
  const pieces = [
    ...[
      'package a',
      'import rego.v1',
      'p',
      'x',
      'f(',
      ':=',
      '=',
      '==',
      '|',
      '&',
      '-',
      '1',
      '.5',
      '"s"',
      '`r`',
      '$"',
      '$`',
    ],
    ...[
      '{',
      '}',
      '[',
      ']',
      '(',
      ')',
      ',',
      ';',
      ':',
      '.',
      '\n',
      ' ',
      '#c\n',
      'if',
      'in',
      'some',
      'every',
      'not',
      'with',
    ],
    ...['as', 'else', 'default', 'contains', 'true', 'null', 'set()', 'input', '_', '\\', '"', '`', '\0', 'ü', '😀'],
  ];

  test('any sequence of tokens gives a tree or an error', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 40 }), fc.boolean(), (list, v0) => {
        const regoVersion: RegoVersion = v0 ? 'v0' : 'v1';
        outcome(() => parseModule(list.join(''), { regoVersion }));
        outcome(() => parseModule(`package a\np if { ${list.join(' ')} }`, { regoVersion }));
        queried(list.join(' '), { regoVersion });
      }),
      { numRuns: fuzzRuns(400) },
    );
  });

  test('any text gives a tree or an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        queried(text);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});

const folder = vectorsArea('rego');

interface Case {
  readonly note: string;
  readonly modules?: readonly string[];
  readonly policy?: string;
  readonly query?: string;
  readonly input_term?: string;
  readonly rego_version?: RegoVersion;
  readonly want_error_code?: string;
  readonly want_error?: string;
  readonly error?: string;
}

describe.skipIf(folder === undefined)('the corpus', () => {
  const cases = folder === undefined ? [] : [...corpus(folder)];
  const modulesOf = ({ modules = [], policy }: Case) => (policy === undefined ? modules : [...modules, policy]);

  test('what should parse does', () => {
    const refused: string[] = [];
    for (const { suite, version, item } of cases) {
      // Errors of suite regorus are in its own words, and many are parse errors.
      if (item.want_error_code === 'rego_parse_error' || item.error !== undefined) continue;
      for (const text of modulesOf(item)) {
        const message = outcome(() => parseModule(text, { regoVersion: version }));
        if (message !== undefined) refused.push(`${suite} ${item.note}: ${message}`);
      }
      if (item.query !== undefined) {
        const message = queried(item.query, { regoVersion: version });
        if (message !== undefined) refused.push(`${suite} ${item.note}: ${message}`);
      }
    }
    // regorus takes `if` as a keyword in v0 without its import there.
    expect(refused).toEqual([expect.stringContaining('keywords_in_refs/package field')]);
  });

  test('what should be refused while parsing is, with its text', () => {
    let count = 0;
    for (const { version, item } of cases) {
      if (item.want_error_code !== 'rego_parse_error') continue;
      const messages = modulesOf(item).map((text) => outcome(() => parseModule(text, { regoVersion: version })));
      expect(messages.join('\n'), item.note).toContain('rego_parse_error');
      expect(messages.join('\n'), item.note).toContain(item.want_error ?? '');
      count++;
    }
    expect(count).toBeGreaterThan(20);
  });

  test('mutated modules give a tree or an error', () => {
    const texts = cases.flatMap(({ version, item }) => modulesOf(item).map((text) => ({ text, version })));
    const bits = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '(',
      ')',
      '"',
      '`',
      '|',
      ',',
      ';',
      '\n',
      '.',
      '$"',
      '{x | ',
      ' in ',
      ':=',
    );
    const edit = fc.record({ at: fc.nat(), remove: fc.nat({ max: 6 }), insert: bits });
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        ({ text, version }, edits) => {
          let mutated = text;
          for (const { at, remove, insert } of edits) {
            const from = at % (mutated.length + 1);
            mutated = mutated.slice(0, from) + insert + mutated.slice(from + remove);
          }
          outcome(() => parseModule(mutated, { regoVersion: version }));
        },
      ),
      { numRuns: fuzzRuns(1000) },
    );
  });
});

function* corpus(root: string): Generator<{ suite: string; version: RegoVersion; item: Case }> {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.json') || entry.name === 'manifest.json') continue;
    const path = join(entry.parentPath, entry.name);
    const suite = relative(root, path).split(/[\\/]/)[0] ?? '';
    const { cases: items } = JSON.parse(readFileSync(path, 'utf8')) as { cases: readonly Case[] };
    for (const item of items) yield { suite, version: item.rego_version ?? (suite === 'v0' ? 'v0' : 'v1'), item };
  }
}
