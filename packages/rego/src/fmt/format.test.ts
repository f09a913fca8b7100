import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fuzzRuns, vectorsArea } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RegoErrors } from '../ast/errors.js';
import type { Module, RegoVersion } from '../ast/types.js';
import { parseModule } from '../parser/index.js';
import { lex } from '../parser/lexer.js';
import { arbitraryModule, arbitraryProgram } from './arbitrary.test.util.js';
import { format } from './index.js';

/** The meaning of a module: places, redundant parentheses and the order of imports left out. */
function meaning(module: Module): string {
  const plain = (value: unknown): string =>
    JSON.stringify(value, (key, v: unknown) => {
      if (key === 'loc' || key === 'parens') return undefined;
      if (typeof v !== 'object' || v === null || Array.isArray(v)) return v;
      return Object.fromEntries(Object.entries(v).sort(([x], [y]) => (x < y ? -1 : 1)));
    });
  return plain({ package: module.package, imports: module.imports.map(plain).sort(), rules: module.rules });
}

const commentsOf = (module: Module) => module.comments.map((comment) => comment.text.trimEnd()).sort();

function expectFaithful(text: string, regoVersion: RegoVersion): void {
  const before = parseModule(text, { regoVersion });
  const formatted = format(text, { regoVersion });
  const after = parseModule(formatted, { regoVersion });
  expect(meaning(after), formatted).toBe(meaning(before));
  expect(commentsOf(after), formatted).toEqual(commentsOf(before));
  expect(format(formatted, { regoVersion })).toBe(formatted);
}

const formatted = (text: string, regoVersion: RegoVersion = 'v1') => format(text, { regoVersion });

describe('style', () => {
  test('one statement a line, tabs, a space around operators', () => {
    expect(formatted('package  a\np  if{x:=1+2*3;x>input.y}')).toBe(
      'package a\n\np if {\n\tx := 1 + (2 * 3)\n\tx > input.y\n}\n',
    );
  });

  test('a body on the line of the head stays there, a longer one gets braces', () => {
    expect(formatted('package a\np if { x }\nq if {\n x }')).toBe('package a\n\np if x\n\nq if {\n\tx\n}\n');
  });

  test('v0 bodies always get lines of their own', () => {
    expect(formatted('package a\np{true}\nq[x]{x=1}{x=2}', 'v0')).toBe(
      'package a\n\np {\n\ttrue\n}\n\nq[x] {\n\tx = 1\n} {\n\tx = 2\n}\n',
    );
  });

  test('short rules on consecutive lines stay together', () => {
    expect(formatted('package a\np := 1\nq := 2\n\n\nr := 3')).toBe('package a\n\np := 1\nq := 2\n\nr := 3\n');
  });

  test('collections keep the lines that their items were on', () => {
    expect(formatted('package a\np := {"a": 1,\n"b": 2, "c": [1,\n 2]}\nq := [\n1, 2]')).toBe(
      'package a\n\np := {\n\t"a": 1,\n\t"b": 2, "c": [\n\t\t1,\n\t\t2,\n\t],\n}\n\nq := [1, 2]\n',
    );
  });

  test('imports are sorted within their group', () => {
    expect(formatted('package a\nimport data.z # zz\nimport data.b as c\n\nimport data.a')).toBe(
      'package a\n\nimport data.b as c\nimport data.z # zz\n\nimport data.a\n',
    );
  });

  test('else stays on the line of the brace, or moves behind a blank line', () => {
    expect(formatted('package a\np := 1 if {\nx\n} else := 2 if {\ny\n}\nelse := 3')).toBe(
      'package a\n\np := 1 if {\n\tx\n} else := 2 if {\n\ty\n}\n\nelse := 3\n',
    );
  });

  test('with modifiers keep their lines', () => {
    expect(
      formatted('package a\np if {\nx with input as 1\nwith data.y as 2 with data.z as 3\ny\n  with input as 1\n}'),
    ).toBe(
      'package a\n\np if {\n\tx with input as 1\n\t\twith data.y as 2 with data.z as 3\n\ty\n\t\twith input as 1\n}\n',
    );
  });

  test('comments stay with what they describe', () => {
    const text = [
      '# top',
      '',
      'package a # pkg',
      '',
      '# about p',
      'p if { # opening',
      '  x # first',
      '',
      '',
      '  # before y',
      '  y == [1, # one',
      '    # inner',
      '    2]',
      '  # last',
      '} # closing',
      '# end',
    ].join('\n');
    expect(formatted(text)).toBe(
      [
        '# top',
        '',
        'package a # pkg',
        '',
        '# about p',
        'p if { # opening',
        '\tx # first',
        '',
        '\t# before y',
        '\ty == [',
        '\t\t1, # one',
        '\t\t# inner',
        '\t\t2,',
        '\t]',
        '\t# last',
        '} # closing',
        '',
        '# end',
        '',
      ].join('\n'),
    );
  });

  test('operations inside operations get parentheses, chains do not', () => {
    expect(formatted('package a\np := a+b-c\nq := x%2==0\nr := a-(b-c)\ns := a|b|c&d')).toBe(
      'package a\n\np := a + b - c\nq := (x % 2) == 0\nr := a - (b - c)\ns := a | b | (c & d)\n',
    );
  });

  test('every keeps its line, or gets a line for each statement', () => {
    expect(formatted('package a\np if {\nevery x in y {a;b}\nevery x in y { # c\na\n}\n}')).toBe(
      'package a\n\np if {\n\tevery x in y { a; b }\n\tevery x in y { # c\n\t\ta\n\t}\n}\n',
    );
  });

  test('raw strings over several lines are not indented', () => {
    expect(formatted('package a\np if {\nx == `a\n  b`\n}')).toBe('package a\n\np if {\n\tx == `a\n  b`\n}\n');
  });

  test('names that are keywords stay quoted', () => {
    expect(formatted('package a.if\np := input["x"]["a-b"].not')).toBe(
      'package a["if"]\n\np := input.x["a-b"]["not"]\n',
    );
  });
});

describe('what brackets could swallow', () => {
  test.each([
    ['a union in front of a collection is no comprehension', 'p := [(a | b)]'],
    ['a union as first value of an object', 'p := {"k": (a | b)}'],
    ['a union as first statement of a body', 'p if {\n\t(a | b)\n\tc\n}'],
    ['a set literal as only statement', 'p if {\n\t{1, 2}\n}'],
    ['a pair in a comma list', 'p := [(1, 2 in x)]'],
    ['an operator behind a line break', 'p if {\n\tx\n\t(-1) == y\n}'],
    ['a body behind else', 'p if x\n\nelse if {\n\t{"a": 1}\n}'],
    ['braces of a template', 'p := $"\\{ {x} {{1}}"'],
  ])('%s', (_, rule) => {
    const text = `package a\n\n${rule}\n`;
    expect(formatted(text)).toBe(text);
    expectFaithful(text, 'v1');
  });
});

describe('any tree', () => {
  test('parses back to itself, and its text is a fixed point', () => {
    fc.assert(
      fc.property(arbitraryModule(), (module) => {
        const text = format(module);
        const parsed = parseModule(text);
        expect(meaning(parsed), text).toBe(meaning(module));
        expectFaithful(text, 'v1');
      }),
      { numRuns: fuzzRuns(150) },
    );
  });

  test('programs with random line breaks and comments keep both meaning and comments', () => {
    const gap = fc.constantFrom(' ', '\n', ' # c\n', '\n\n\t# d\n', '\n\n');
    fc.assert(
      fc.property(arbitraryProgram(), fc.array(gap, { minLength: 1, maxLength: 12 }), (program, gaps) => {
        let i = 0;
        // Behind a comma, inside brackets, everything may break.
        const text = program.replaceAll(', ', () => `,${gaps[i++ % gaps.length]}`);
        expectFaithful(text, 'v1');
      }),
      { numRuns: fuzzRuns(150) },
    );
  });
});

const folder = vectorsArea('rego');

describe.skipIf(folder === undefined)('the corpus', () => {
  test('every module that parses keeps its meaning and comments, and its format is a fixed point', () => {
    let count = 0;
    for (const [text, version] of corpusModules(folder ?? '')) {
      try {
        parseModule(text, { regoVersion: version });
      } catch (error) {
        expect(error).toBeInstanceOf(RegoErrors);
        continue;
      }
      expectFaithful(text, version);
      count++;
    }
    expect(count).toBeGreaterThan(3000);
  });

  test('comments and blank lines wherever a line may break, and CR LF', () => {
    const modules = [...corpusModules(folder ?? '')];
    const inserted = fc.constantFrom('', '', '', ' # a\n', '\n', ' # b\n\n# c\n', '\n# d\n\n');
    const insertions = fc.array(inserted, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.constantFrom(...modules), insertions, fc.boolean(), ([text, version], list, crlf) => {
        const broken = breakLines(text, list);
        const changed = crlf ? broken.replaceAll('\n', '\r\n') : broken;
        try {
          parseModule(changed, { regoVersion: version });
        } catch (error) {
          expect(error).toBeInstanceOf(RegoErrors);
          return;
        }
        expectFaithful(changed, version);
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});

/** Inserts the texts in turn where a line ends, and behind opening brackets, commas and operators. */
function breakLines(text: string, insertions: readonly string[]): string {
  const open = new Set([',', '{', '[', '(', ':=', '=', '|', '==', '+', ':']);
  const { tokens } = lex(text);
  let out = '';
  let last = 0;
  for (const [i, token] of tokens.entries()) {
    out += text.slice(last, token.start);
    last = token.start;
    if (token.newlineBefore || open.has(tokens[i - 1]?.kind ?? '')) out += insertions[i % insertions.length];
  }
  return out + text.slice(last);
}

interface Case {
  readonly modules?: readonly string[];
  readonly policy?: string;
  readonly rego_version?: RegoVersion;
}

function* corpusModules(root: string): Generator<[string, RegoVersion]> {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.json') || entry.name === 'manifest.json') continue;
    const path = join(entry.parentPath, entry.name);
    const suite = relative(root, path).split(/[\\/]/)[0];
    const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: readonly Case[] };
    for (const { modules = [], policy, rego_version } of cases) {
      const version = rego_version ?? (suite === 'v0' ? 'v0' : 'v1');
      for (const text of policy === undefined ? modules : [...modules, policy]) yield [text, version];
    }
  }
}
