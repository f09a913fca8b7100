import { describe, expect, test } from 'vitest';
import { RegoErrors } from '../ast/errors.js';
import type { Module, RegoVersion, Rule, Statement, Term } from '../ast/types.js';
import { annotationErrors, readAnnotations } from './annotations.js';
import { parseModule, parseQuery, parseTerm } from './index.js';

function errorOf(parse: () => unknown): RegoErrors {
  try {
    parse();
  } catch (error) {
    if (error instanceof RegoErrors) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const module = (text: string, regoVersion: RegoVersion = 'v1'): Module =>
  parseModule(`package a\n${text}`, { regoVersion, annotations: readAnnotations });
const refusal = (text: string, regoVersion: RegoVersion = 'v1'): string =>
  errorOf(() => module(text, regoVersion)).message;
function rule(text: string, regoVersion: RegoVersion = 'v1'): Rule {
  const [first] = module(text, regoVersion).rules;
  if (first === undefined) throw new Error('no rule');
  return first;
}

/** A short form of a term: operators and collections as nested arrays. */
function sketch(term: Term): unknown {
  switch (term.kind) {
    case 'null':
      return null;
    case 'boolean':
      return term.value;
    case 'number':
      return Number(term.text);
    case 'string':
      return JSON.stringify(term.value);
    case 'var':
      return term.name;
    case 'ref':
      return ['ref', sketch(term.head), ...term.path.map(sketch)];
    case 'call':
      return [term.infix ?? 'call', ...(term.infix ? [] : [sketch(term.callee)]), ...term.args.map(sketch)];
    case 'array':
    case 'set':
      return [term.kind, ...term.items.map(sketch)];
    case 'object':
      return [term.kind, ...term.entries.map((entry) => [sketch(entry.key), sketch(entry.value)])];
    case 'array-comprehension':
    case 'set-comprehension':
      return [term.kind, sketch(term.term), ...term.body.map(sketchStatement)];
    case 'object-comprehension':
      return [term.kind, sketch(term.key), sketch(term.value), ...term.body.map(sketchStatement)];
    case 'template':
      return ['template', ...term.parts.map((part) => (typeof part === 'string' ? part : sketchStatement(part)))];
  }
}

function sketchStatement(statement: Statement): unknown {
  switch (statement.kind) {
    case 'term':
      return sketch(statement.term);
    case 'unify':
      return ['=', sketch(statement.left), sketch(statement.right)];
    case 'assign':
      return [':=', sketch(statement.target), sketch(statement.value)];
    case 'not':
      return ['not', sketchStatement(statement.statement)];
    case 'some':
      return ['some', ...statement.vars.map(sketch)];
    case 'some-in':
      return [
        'some-in',
        statement.key ? sketch(statement.key) : undefined,
        sketch(statement.value),
        sketch(statement.domain),
      ];
    case 'every':
      return [
        'every',
        statement.key?.name,
        statement.value.name,
        sketch(statement.domain),
        ...statement.body.map(sketchStatement),
      ];
  }
}

const term = (text: string) => sketch(parseTerm(text));
const query = (text: string, regoVersion: RegoVersion = 'v1') => parseQuery(text, { regoVersion }).map(sketchStatement);

describe('terms', () => {
  test.each<[string, unknown]>([
    ['1 + 2 * 3 - 4', ['-', ['+', 1, ['*', 2, 3]], 4]],
    ['(1 + 2) * 3', ['*', ['+', 1, 2], 3]],
    ['a | b & c == d', ['==', ['|', 'a', ['&', 'b', 'c']], 'd']],
    ['1 - -2', ['-', 1, -2]],
    ['- 1', -1],
    ['a -1', ['-', 'a', 1]],
    ['a == b == c', ['==', ['==', 'a', 'b'], 'c']],
    ['1, 2 in [2] in [false, true]', ['in', ['in', 1, 2, ['array', 2]], ['array', false, true]]],
    ['[1, 1 in [2]]', ['array', 1, ['in', 1, ['array', 2]]]],
    ['(1, 1 in [2])', ['in', 1, 1, ['array', 2]]],
    ['f(1, 2 in x)', ['call', 'f', 1, ['in', 2, 'x']]],
    ['{}', ['object']],
    ['set()', ['set']],
    ['{1, 2,}', ['set', 1, 2]],
    ['[, 1]', ['array', 1]],
    ['{"a": 1, b: 2}', ['object', ['"a"', 1], ['b', 2]]],
    ['a.b["c"][0][x]', ['ref', 'a', '"b"', '"c"', 0, 'x']],
    ['f(x).y[1]', ['ref', ['call', 'f', 'x'], '"y"', 1]],
    ['a.b.f(x)', ['call', ['ref', 'a', '"b"', '"f"'], 'x']],
    ['[1, 2][0]', ['ref', ['array', 1, 2], 0]],
    ['{1 | 1}', ['set-comprehension', 1, 1]],
    ['{x | y}', ['set-comprehension', 'x', 'y']],
    ['[x | y, 5]', ['array', ['|', 'x', 'y'], 5]],
    ['[x - y | z]', ['array', ['|', ['-', 'x', 'y'], 'z']]],
    ['[x | y, 5 in c]', ['array-comprehension', 'x', ['in', 'y', 5, 'c']]],
    ['{({1} | {2})}', ['set', ['|', ['set', 1], ['set', 2]]]],
    ['{, 1 | 2}', ['set', ['|', 1, 2]]],
    ['{a + 1: b | c}', ['object-comprehension', ['+', 'a', 1], 'b', 'c']],
    ['{"a": b | c, "d": 1}', ['object', ['"a"', ['|', 'b', 'c']], ['"d"', 1]]],
    ['[x | x := y[_]; x > 1]', ['array-comprehension', 'x', [':=', 'x', ['ref', 'y', '_']], ['>', 'x', 1]]],
    ['contains("ab", "b")', ['call', 'contains', '"ab"', '"b"']],
    ['`a\\n"`', '"a\\\\n\\""'],
    ['"\\u00e9\\ud83d\\ude00\\/\\t"', '"é😀/\\t"'],
    ['"\\ud800"', '"\uFFFD"'],
    ['$"a\\{b} {x + 1}{"s"} \\t"', ['template', 'a{b} ', ['+', 'x', 1], '"s"', ' \t']],
    ['$`\\n{ {"a": 1}.a }\n`', ['template', '\\n', ['ref', ['object', ['"a"', 1]], '"a"'], '\n']],
    ['$"{$"{1}"}"', ['template', ['template', 1]]],
    ['data', 'data'],
    ['true.x', ['ref', 'true', '"x"']],
  ])('%s', (text, expected) => {
    expect(term(text)).toEqual(expected);
  });

  test('number literals keep their text', () => {
    const texts = ['1.50', '-1e2', '.5', '- .25', '0', '0.1e-3', '123456789012345678901234567890'];
    const read = texts.map((text) => {
      const parsed = parseTerm(text);
      return parsed.kind === 'number' ? parsed.text : '';
    });
    expect(read).toEqual(['1.50', '-1e2', '.5', '-.25', '0', '0.1e-3', '123456789012345678901234567890']);
  });

  test.each([
    ['01', 'expected number without leading zero'],
    ['1.', 'expected fraction'],
    ['1e', 'expected exponent'],
    ['0a2b', 'illegal number format'],
    ['1e40000', 'number too big'],
    ['-x', 'unexpected ident token: expected number'],
    ['--1', 'unexpected minus token: expected number'],
    ['"a', 'non-terminated string'],
    ['"a\nb"', 'non-terminated string'],
    ['`a', 'non-terminated string'],
    ['$"a{1', 'non-terminated string'],
    ['"\\q"', 'illegal escape sequence'],
    ['"\\u12"', 'illegal escape sequence'],
    ['a ^ b', 'illegal token'],
    ['!a', 'illegal ! character'],
    ['a\0', 'illegal null character'],
    ['[1, 2', 'unexpected eof token: expected "," or "]"'],
    ['(1', 'non-terminated expression'],
    ['{1', 'non-terminated set'],
    ['{"a": 1', 'non-terminated object'],
    ['regex. match("a", "b")', 'unexpected ident token: expected ident'],
    ['"a".b', 'illegal ref (head cannot be string)'],
    ['a[x](1)', 'illegal call'],
    ['$"{not a}"', "unexpected negation ('not') in template-string expression"],
    ['$"{a = 1}"', "unexpected unification ('=') in template-string expression"],
    ['$"{a := 1}"', "unexpected assignment (':=') in template-string expression"],
    ['$"{some a}"', "unexpected 'some' in template-string expression"],
    ['$"{}"', 'invalid template-string expression'],
    ['$"{a b}"', 'expected } to end template string expression'],
    ['', 'empty text'],
    ['1 2', 'expected one term'],
  ])('%j is refused', (text, message) => {
    const error = errorOf(() => parseTerm(text));
    expect(error.message).toContain(message);
    expect(error.errors[0]?.code).toBe('rego_parse_error');
  });
});

describe('statements', () => {
  test.each<[string, unknown[]]>([
    ['x := 1; y = x\nz', [[':=', 'x', 1], ['=', 'y', 'x'], 'z']],
    ['not x == 1', [['not', ['==', 'x', 1]]]],
    ['some x, y', [['some', 'x', 'y']]],
    ['some x in xs', [['some-in', undefined, 'x', 'xs']]],
    ['some [a, 1], {"k": v} in xs', [['some-in', ['array', 'a', 1], ['object', ['"k"', 'v']], 'xs']]],
    ['every x in xs { x; y }', [['every', undefined, 'x', 'xs', 'x', 'y']]],
    ['every k, v in {1} { k\nv }', [['every', 'k', 'v', ['set', 1], 'k', 'v']]],
    ['x\n[1]', ['x', ['array', 1]]],
    ['x ==\n 1', [['==', 'x', 1]]],
    [
      'not.x; in.y; every["z"]',
      [
        ['ref', 'not', '"x"'],
        ['ref', 'in', '"y"'],
        ['ref', 'every', '"z"'],
      ],
    ],
    ['x # comment\ny', ['x', 'y']],
  ])('%j', (text, expected) => {
    expect(query(text)).toEqual(expected);
  });

  test('with modifiers, also on later lines', () => {
    const [statement] = parseQuery('p with input.a as 1 with data.f as g\n  with time.now_ns as 2');
    expect(statement?.with.map((w) => [sketch(w.target), sketch(w.value)])).toEqual([
      [['ref', 'input', '"a"'], 1],
      [['ref', 'data', '"f"'], 'g'],
      [['ref', 'time', '"now_ns"'], 2],
    ]);
  });

  test.each([
    ['a b', 'expected \\n or ; or eof'],
    ['a;', 'unexpected eof token'],
    ['not some x in y', "illegal negation of 'some'"],
    ['not every x in y { x }', "illegal negation of 'every'"],
    ['every x in y {}', 'found empty body'],
    ['every x in y', 'missing body'],
    ['every [x] in y { x }', 'expected value to be a variable'],
    ['every 1, x in y { x }', 'expected key to be a variable'],
    ['every x { x }', 'expected `x[, y] in xs { ... }` expression'],
    ['some f(x)', 'expected `x in xs` or `x, y in xs` expression'],
    ['some 1', 'expected var'],
    ['x with 1 as 2', 'expected ident'],
    ['x with input', 'expected as keyword'],
    ['x with f(y) as 2', 'expected with target path'],
    ['if', 'unexpected if keyword'],
  ])('%j is refused', (text, message) => {
    expect(errorOf(() => parseQuery(text)).message).toContain(message);
  });

  test('v0 knows in, if, every and contains as names until they are imported', () => {
    expect(query('if; contains; every', 'v0')).toEqual(['if', 'contains', 'every']);
    expect(errorOf(() => parseQuery('1 in [1]', { regoVersion: 'v0' })).message).toContain('import future.keywords.in');
    expect(parseQuery('1 in [1]', { regoVersion: 'v0', futureKeywords: true })).toHaveLength(1);
  });
});

describe('rules', () => {
  test('heads', () => {
    expect(rule('p := 1').head).toMatchObject({ kind: 'value', operator: ':=', value: { text: '1' } });
    expect(rule('p contains x if x').head).toMatchObject({ kind: 'set', key: { name: 'x' }, contains: true });
    expect(rule('a.b[x].c := 1 if x').head.ref.map(sketch)).toEqual(['a', '"b"', 'x', '"c"']);
    expect(rule('a.b contains 1').head.ref.map(sketch)).toEqual(['a', '"b"']);
    expect(rule('f(x, [y]) := x').head).toMatchObject({ kind: 'function', args: [{ name: 'x' }, { kind: 'array' }] });
    expect(rule('sum (a, b) := a + b').head).toMatchObject({ kind: 'function', args: [{ name: 'a' }, { name: 'b' }] });
    expect(rule('default p = false')).toMatchObject({ default: true, body: [], head: { operator: '=' } });
    expect(rule('f() := 1').head).toMatchObject({ kind: 'value', ref: [{ name: 'f' }] });
    expect(rule('p[x] if x').head).toMatchObject({ kind: 'value', ref: [{ name: 'p' }, { name: 'x' }] });
  });

  test('v0 reads two-part heads without value as members of a set', () => {
    expect(rule('p[x] { x }', 'v0').head).toMatchObject({ kind: 'set', ref: [{ name: 'p' }], key: { name: 'x' } });
    expect(rule('p.a { true }', 'v0').head).toMatchObject({ kind: 'set', ref: [{ name: 'p' }], key: { value: 'a' } });
    expect(rule('p["x"]', 'v0').head).toMatchObject({ kind: 'set', key: { value: 'x' } });
    expect(rule('p.q[x] { x }', 'v0').head).toMatchObject({ kind: 'value' });
    expect(rule('p[x] = 1 { x }', 'v0').head).toMatchObject({ kind: 'value', value: { text: '1' } });
    expect(rule('f(x) { x }', 'v0').head).toMatchObject({ kind: 'function' });
  });

  test('bodies', () => {
    const body = (text: string, version: RegoVersion = 'v1') => rule(text, version).body.map(sketchStatement);
    expect(body('p if x')).toEqual(['x']);
    expect(body('p if {x}')).toEqual(['x']);
    expect(body('p if {x, y}'.replace(', ', '\n'))).toEqual(['x', 'y']);
    expect(body('p if {"a": 1}')).toEqual([['object', ['"a"', 1]]]);
    expect(body('p if { 1 | 1 }')).toEqual([['set-comprehension', 1, 1]]);
    expect(body('p if {}')).toEqual([['object']]);
    expect(body('p if { {1} }')).toEqual([['set', 1]]);
    expect(body('p if some x in y')).toEqual([['some-in', undefined, 'x', 'y']]);
    expect(body('p { x; y }', 'v0')).toEqual(['x', 'y']);
  });

  test('further bodies share the head', () => {
    const { rules } = module('p := 1 if { x } { y }\n{ z }');
    expect(rules.map((r) => [r.chained, r.ifKeyword, r.body.length])).toEqual([
      [false, true, 1],
      [true, true, 1],
      [true, true, 1],
    ]);
    expect(rules[1]?.head).toBe(rules[0]?.head);
  });

  test('else branches, also behind a blank line', () => {
    const branches = rule('p := 1 if x\n\n# comment\nelse := 2 if { y } else if z else := 3').else;
    expect(branches.map((b) => [b.value && sketch(b.value), b.body.map(sketchStatement), b.ifKeyword])).toEqual([
      [2, ['y'], true],
      [undefined, ['z'], true],
      [3, [], false],
    ]);
  });

  test('keywords as first name of a reference', () => {
    const { rules } = module(
      'else.foo := 1\nnot.x contains "a"\nif.y := 2 if true\ndefault as.foo(_) := 42\ndefault.z := 1',
    );
    expect(rules.map((r) => r.head.ref.map(sketch))).toEqual([
      ['else', '"foo"'],
      ['not', '"x"'],
      ['if', '"y"'],
      ['as', '"foo"'],
      ['default', '"z"'],
    ]);
    expect(rules.map((r) => r.default)).toEqual([false, false, false, true, false]);
  });

  test.each<[string, RegoVersion, string]>([
    ['p { true }', 'v1', '`if` keyword is required before rule body'],
    ['f(x) { true }', 'v1', '`if` keyword is required before function body'],
    ['p[x] { x := 1 }', 'v1', '`contains` keyword is required for partial set rules'],
    ['p := 1 if x\nelse { y }', 'v1', '`if` keyword is required before rule body'],
    ['p', 'v1', 'var cannot be used for rule name'],
    ['p.q.r', 'v1', 'rule must have value assignment and/or body declaration'],
    ['f(1)', 'v1', 'function must have value assignment and/or body declaration'],
    ['p()', 'v1', 'rule argument list must take at least one argument'],
    ['p == 1', 'v1', 'rule name conflicts with built-in function'],
    ['not p', 'v1', 'negated expressions cannot be used for rule head'],
    ['some x', 'v1', "'some' declarations cannot be used for rule head"],
    ['"a"', 'v1', 'string cannot be used for rule name'],
    ['[x] := 1', 'v1', 'array cannot be used for rule name'],
    ['contains := 1', 'v1', 'contains keyword cannot be used for rule name'],
    ['if := 1', 'v1', 'unexpected if keyword'],
    ['p := 1; q := 2', 'v1', 'multiple expressions cannot be used for rule head'],
    ['p := q with input as 1', 'v1', 'expressions using with keyword cannot be used for rule head'],
    ['p {}', 'v0', 'found empty body'],
    ['p if { true; }', 'v1', 'unexpected } token'],
    ['p if { a = "foo"bar }', 'v1', 'expected \\n or ; or }'],
    ['default p', 'v1', 'illegal default rule (must have a value)'],
    ['default p[0]', 'v1', 'illegal default rule (must have a value)'],
    ['default p := x', 'v1', 'illegal default rule (value cannot contain var)'],
    ['default p := [input.x]', 'v1', 'illegal default rule (value cannot contain ref)'],
    ['default p := 1 + 1', 'v1', 'illegal default rule (value cannot contain call)'],
    ['default f(1) := 2', 'v1', 'illegal default rule (arguments cannot contain number)'],
    ['default f(x, x) := 2', 'v1', 'illegal default rule (arguments cannot be repeated x)'],
    ['p contains 1 if x\nelse := 2', 'v1', 'else keyword cannot be used on multi-value rules'],
    ['p[x] := 1 if x\nelse := 2', 'v1', 'else keyword cannot be used on rules with variables in head'],
    ['p if x\nelse', 'v1', 'unexpected eof token: expected else value term or rule body'],
    ['p { x } else = 1 { y } { z }', 'v0', 'unexpected { token: expected else keyword'],
    ['p if { x }', 'v0', 'var cannot be used for rule name (hint: `import future.keywords.if`'],
    ['f(x) contains 1', 'v1', 'the contains keyword can only be used with multi-value rule definitions'],
    ['f(x).y := 1', 'v1', 'invalid rule head: f(x).y'],
    ['[][0]', 'v1', 'invalid rule head: [][0]'],
    ['a-b := 1', 'v1', 'unexpected minus token'],
    ['p() contains 1', 'v1', 'the contains keyword can only be used with multi-value rule definitions'],
    ['p := {"a": 1 "b": 2}', 'v1', 'unexpected string token: non-terminated object'],
    ['{ a := 1 }', 'v1', 'unexpected assign token: non-terminated set'],
    ['p { every x in [1] { x } }', 'v0', 'import future.keywords.every'],
    ['import data.a.if\np := 1', 'v1', 'unexpected import path, must not end with a keyword, got: if'],
    ['import data.a as if', 'v1', 'unexpected if keyword: expected var'],
    ['import foo.bar', 'v1', 'must begin with one of: {data, future, input, rego}, got: foo'],
    ['import future.keywords.nope', 'v1', 'unexpected keyword, must be one of [contains every if in]'],
    ['import future.foo', 'v1', 'invalid import, must be `future.keywords`'],
    ['import future.keywords as x', 'v0', '`future` imports cannot be aliased'],
    ['import rego.v2', 'v1', 'invalid import `rego.v2`, must be `rego.v1`'],
    ['import rego.v1 as x', 'v0', '`rego` imports cannot be aliased'],
    ['import rego.v1\nimport future.keywords', 'v0', 'mutually exclusive'],
    ['import future.keywords\nimport rego.v1', 'v0', 'mutually exclusive'],
    ['package b', 'v1', 'unexpected package'],
  ])('%j (%s) is refused', (text, version, message) => {
    expect(refusal(text, version)).toContain(message);
  });

  test('a rule without else keeps the words of the next line to itself', () => {
    const { rules } = module('p := "a"\nif.foo := 1\nq := [1]\nin.x := 2\nwith.y := 3');
    expect(rules.map((r) => sketch(r.head.ref[0]))).toEqual(['p', 'if', 'q', 'in', 'with']);
  });
});

describe('modules', () => {
  test('imports', () => {
    const read = parseModule(
      'package a["b"].not\nimport data.x.y as z\nimport input["a-b"]\nimport rego.v1\nimport future.keywords.in',
    );
    expect(read.package.path).toEqual(['a', 'b', 'not']);
    expect(read.imports.map((i) => [i.path, i.alias])).toEqual([
      [['data', 'x', 'y'], 'z'],
      [['input', 'a-b'], undefined],
      [['rego', 'v1'], undefined],
      [['future', 'keywords', 'in'], undefined],
    ]);
  });

  test('rego.v1 turns a v0 module into v1', () => {
    expect(module('import rego.v1\np if 1 in [1]', 'v0').version).toBe('v1');
    expect(refusal('import rego.v1\np { true }', 'v0')).toContain('`if` keyword is required');
  });

  test('future.keywords reserves words from there on; every brings in', () => {
    expect(rule('import future.keywords\np contains x if some x in [1]', 'v0').head.kind).toBe('set');
    expect(rule('import future.keywords.every\np { every x in [1] { x } }', 'v0').body[0]?.kind).toBe('every');
    expect(refusal('import future.keywords.if\np if some x in [1]', 'v0')).toContain('rego_parse_error');
  });

  test.each([
    ['p := 1', 'package expected'],
    ['import data.x\n\npackage test', 'package expected'],
    ['', 'empty module'],
    ['# only a comment', 'empty module'],
    ['package foo.', 'rego_parse_error: unexpected eof token: expected ident'],
    ['package a\0', 'illegal null character'],
  ])('%j is refused', (text, message) => {
    expect(errorOf(() => parseModule(text)).message).toContain(message);
  });

  test('errors of several rules are reported together, each at its place', () => {
    const error = errorOf(() =>
      parseModule('package a\n\np := ^\n\nq := 1 if {\n  x y\n}\n\nr := 2\n\ns := [1', { file: 'x.rego' }),
    );
    expect(error.errors.map((e) => [e.loc.row, e.loc.col, e.message])).toEqual([
      [3, 6, 'illegal token'],
      [6, 5, 'unexpected ident token: expected \\n or ; or }'],
      [11, 8, 'unexpected eof token: expected "," or "]"'],
    ]);
    expect(error.errors[1]?.line).toBe('  x y');
    expect(error.message).toContain('3 errors occurred:\nx.rego:3: rego_parse_error: illegal token');
  });

  test('complaints of v1 are collected', () => {
    expect(errorOf(() => module('p[x] { x }')).errors.map((e) => e.message)).toEqual([
      '`if` keyword is required before rule body',
      '`contains` keyword is required for partial set rules',
    ]);
  });

  test('locations count code points, and cut the text', () => {
    const text = '\uFEFFpackage a\r\n\r\np if {\r\n\tx == "😀"; y\r\n}\r\n';
    const { rules } = parseModule(text, { file: 'f' });
    const [first, second] = rules[0]?.body ?? [];
    expect(first?.loc).toMatchObject({ file: 'f', row: 4, col: 2 });
    expect(second?.loc).toMatchObject({ row: 4, col: 12 });
    expect(first && text.slice(first.loc.offset, first.loc.end)).toBe('x == "😀"');
  });

  test('comments keep their text', () => {
    const { comments } = parseModule('# a\r\npackage a #b\n#');
    expect(comments.map((c) => [c.text, c.loc.row, c.loc.col])).toEqual([
      [' a', 1, 1],
      ['b', 2, 11],
      ['', 3, 1],
    ]);
  });
});

describe('annotations', () => {
  test('go to the package or rule that follows', () => {
    const read = parseModule(
      [
        '# METADATA',
        '# title: Package',
        '# authors:',
        '# - Jane Doe <jane@example.com>',
        '# - name: John',
        '# related_resources:',
        '# - https://example.com',
        'package a',
        '',
        '# METADATA',
        '# entrypoint: true',
        '# custom:',
        '#   severity: 3',
        'p := 1',
        '',
        '# METADATA',
        '# description: second',
        '# unknown: dropped',
        'p := 1',
      ].join('\n'),
      { annotations: readAnnotations },
    );
    expect(read.annotations.map((a) => a.fields)).toEqual([
      {
        scope: 'package',
        title: 'Package',
        authors: [{ name: 'Jane Doe', email: 'jane@example.com' }, { name: 'John' }],
        related_resources: [{ ref: 'https://example.com' }],
      },
      { scope: 'document', entrypoint: true, custom: { severity: 3 } },
      { scope: 'rule', description: 'second' },
    ]);
    expect(read.annotations.map((a) => a.target)).toEqual([read.package, read.rules[0], read.rules[1]]);
    expect(read.annotations).toBe(read.annotations);
  });

  test('are not read without a YAML reader', () => {
    expect(parseModule('# METADATA\n# title: x\npackage a').annotations).toEqual([]);
  });

  test.each([
    ['# METADATA\n# title: [', 'not valid YAML'],
    ['# METADATA\n#', 'found whitespace'],
    ['# METADATA\n# - a', 'must be a YAML mapping'],
    ['# METADATA\n# scope: package', "annotation scope 'package' must be applied to package (have rule)"],
    ['# METADATA\n# scope: foo', "invalid annotation scope 'foo'"],
    ['# METADATA\n# scope: rule\n# entrypoint: true', 'annotation entrypoint applied to non-document'],
    ['# METADATA\n# authors:\n# - {}', "'name' and/or 'email' values required"],
    ['# METADATA\n# organizations: a', 'organizations must be a list'],
  ])('%j is a finding, no obstacle', (comment, message) => {
    const read = module(`${comment}\np := 1`);
    expect(read.annotations).toEqual([]);
    expect(annotationErrors(read).map((e) => e.message)).toEqual([expect.stringContaining(message)]);
  });
});
