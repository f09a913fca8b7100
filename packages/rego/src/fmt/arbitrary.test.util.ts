/**
 * Random programs for property tests.
 *
 * `arbitraryModule` covers the grammar (most of its modules do not compile); `arbitraryProgram` yields modules that are safe
 * and well formed, over the input of `arbitraryInput`, for tests of the compiler and the evaluator.
 */
import fc from 'fast-check';
import {
  arrayTerm,
  assignStatement,
  booleanTerm,
  callTerm,
  dotted,
  infixTerm,
  nullTerm,
  numberTerm,
  objectTerm,
  refTerm,
  setTerm,
  stringTerm,
  termStatement,
  unifyStatement,
  varTerm,
} from '../ast/build.js';
import { noLocation as loc } from '../ast/location.js';
import type {
  Body,
  Else,
  Head,
  InfixOperator,
  JsonValue,
  Module,
  Rule,
  Statement,
  Term,
  TermStatement,
  VarTerm,
  WithModifier,
} from '../ast/types.js';
import { isGround, varsOf } from '../ast/visit.js';

const names = ['a', 'b', 'x', 'y', 'foo', 'p', 'q', 'r1', 'input', 'data', 'count', '_tmp'];
const words = ['a', 'b', 'foo', 'bar-baz', 'if', 'not', '', 'x y', '0', 'default', 'ü', '"', '\\', '{', '\n', '#'];

const name = fc.constantFrom(...names);
const variable: fc.Arbitrary<VarTerm> = fc
  .oneof({ weight: 6, arbitrary: name }, fc.constant('_'))
  .map((n) => varTerm(n));
const plainVariable: fc.Arbitrary<VarTerm> = name.map((n) => varTerm(n));
const text = fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'grapheme', maxLength: 6 }));
const rawText = text.map((t) => t.replaceAll('`', '').replaceAll('\0', ''));
const number = fc
  .oneof(
    fc.constantFrom('0', '1', '-1', '1.50', '1e2', '-0.5', '.5', '-.25', '123456789012345678901234567890', '2E-3'),
    fc.integer().map(String),
  )
  .map((n) => numberTerm(n));
const string = fc.oneof(
  { weight: 4, arbitrary: text.map((t) => stringTerm(t)) },
  rawText.map((t) => stringTerm(t, loc, true)),
);
const scalar: fc.Arbitrary<Term> = fc.oneof(
  number,
  string,
  fc.boolean().map((b) => booleanTerm(b)),
  fc.constant(nullTerm()),
);
const operator = fc.constantFrom<Exclude<InfixOperator, 'in'>>(
  ...(['+', '-', '*', '/', '%', '&', '|', '==', '!=', '<', '<=', '>', '>='] as const),
);

interface Level {
  readonly term: fc.Arbitrary<Term>;
  readonly body: fc.Arbitrary<Body>;
}

function templateOf(term: fc.Arbitrary<Term>): fc.Arbitrary<Term> {
  const part = fc.oneof(
    text,
    term.map((t): TermStatement => termStatement(t)),
  );
  return fc.tuple(fc.array(part, { maxLength: 4 }), fc.boolean()).map(([list, raw]): Term => {
    const parts: (string | TermStatement)[] = [];
    for (const item of list) {
      const last = parts.at(-1);
      // Between backquotes, neither a backquote nor a backslash in front of a hole can be written.
      const clean = typeof item === 'string' && raw ? item.replace(/[`\\\0]/g, '') : item;
      if (clean === '') continue;
      if (typeof clean === 'string' && typeof last === 'string') parts[parts.length - 1] = last + clean;
      else parts.push(clean);
    }
    return { kind: 'template', parts, raw, loc };
  });
}

function infixOf(term: fc.Arbitrary<Term>): fc.Arbitrary<Term> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(operator, term, term).map(([op, a, b]) => infixTerm(op, [a, b])) },
    fc.tuple(term, term).map(([a, b]) => infixTerm('in', [a, b])),
    fc.tuple(term, term, term).map(([a, b, c]) => infixTerm('in', [a, b, c])),
  );
}

function refOf(term: fc.Arbitrary<Term>): fc.Arbitrary<Term> {
  const part = fc.oneof({ weight: 3, arbitrary: text.map((t): Term => stringTerm(t)) }, term);
  const path = fc.array(part, { minLength: 1, maxLength: 3 });
  const isHead = (t: Term) => !['null', 'boolean', 'number', 'string', 'template', 'ref'].includes(t.kind);
  const head = fc.oneof({ weight: 5, arbitrary: plainVariable }, term.filter(isHead));
  return fc.tuple(head, path).map(([h, p]) => refTerm(h, p));
}

function termOf(below: Level): fc.Arbitrary<Term> {
  const { term, body } = below;
  const terms = fc.array(term, { maxLength: 3 });
  const callee = fc.constantFrom('count', 'f', 'data.lib.f', 'time.now_ns', 'contains').map((n) => dotted(n));
  return fc.oneof(
    scalar,
    { weight: 3, arbitrary: variable },
    refOf(term),
    infixOf(term),
    fc.tuple(callee, terms).map(([c, args]) => callTerm(c, args)),
    terms.map((items) => arrayTerm(items)),
    terms.map((items) => setTerm(items)),
    fc.array(fc.record({ key: term, value: term }), { maxLength: 2 }).map((entries) => objectTerm(entries)),
    fc.tuple(term, body).map(([t, b]): Term => ({ kind: 'array-comprehension', term: t, body: b, loc })),
    fc.tuple(term, body).map(([t, b]): Term => ({ kind: 'set-comprehension', term: t, body: b, loc })),
    fc
      .tuple(term, term, body)
      .map(([key, value, b]): Term => ({ kind: 'object-comprehension', key, value, body: b, loc })),
    templateOf(term),
  );
}

function statementOf(below: Level): fc.Arbitrary<Statement> {
  const { term, body } = below;
  const target = fc.constantFrom('input', 'input.a.b', 'data.foo', 'count').map((n) => dotted(n));
  const modifier = fc.tuple(target, term).map(([t, value]): WithModifier => ({ target: t, value, loc }));
  const withs = fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(modifier, { maxLength: 2 }));
  const expression = fc.oneof(
    { weight: 3, arbitrary: term.map((t) => termStatement(t)) },
    fc.tuple(term, term).map(([a, b]) => unifyStatement(a, b)),
    fc.tuple(term, term).map(([a, b]) => assignStatement(a, b)),
  );
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(expression, withs).map(([e, w]): Statement => ({ ...e, with: w })) },
    fc.tuple(expression, withs).map(([statement, w]): Statement => ({ kind: 'not', statement, with: w, loc })),
    fc
      .array(variable, { minLength: 1, maxLength: 2 })
      .map((vars): Statement => ({ kind: 'some', vars, with: [], loc })),
    fc.tuple(fc.option(term, { nil: undefined }), term, term, withs).map(([key, value, domain, w]): Statement => {
      return { kind: 'some-in', ...(key ? { key } : {}), value, domain, with: w, loc };
    }),
    fc
      .tuple(fc.option(variable, { nil: undefined }), variable, term, body)
      .map(([key, value, domain, b]): Statement => {
        return { kind: 'every', ...(key ? { key } : {}), value, domain, body: b, with: [], loc };
      }),
  );
}

function level(depth: number): Level {
  if (depth === 0) {
    const term: fc.Arbitrary<Term> = fc.oneof(scalar, variable);
    return {
      term,
      body: fc.array(
        term.map((t): Statement => termStatement(t)),
        { minLength: 1, maxLength: 2 },
      ),
    };
  }
  const below = level(depth - 1);
  return { term: termOf(below), body: fc.array(statementOf(below), { minLength: 1, maxLength: 3 }) };
}

const ruleName = fc.constantFrom('p', 'q', 'allow', 'r_1').map((n) => varTerm(n));

function ruleOf({ term, body }: Level): fc.Arbitrary<readonly Rule[]> {
  const part = fc.oneof({ weight: 2, arbitrary: text.map((t): Term => stringTerm(t)) }, variable, term);
  const head = fc
    .record({
      name: ruleName,
      path: fc.array(part, { maxLength: 2 }),
      kind: fc.constantFrom('value' as const, 'set' as const, 'function' as const),
      args: fc.array(term, { minLength: 1, maxLength: 3 }),
      value: fc.option(term, { nil: undefined }),
      key: term,
      operator: fc.constantFrom(':=' as const, '=' as const),
    })
    .map(({ name: n, path, kind, args, value, key, operator: sign }): Head => {
      if (kind === 'set') return { kind, ref: [n, ...path], key, contains: true, loc };
      const withValue = value ? { value, operator: sign } : {};
      if (kind === 'value') return { kind, ref: [n, ...path], ...withValue, contains: false, loc };
      // A callable path consists of names only.
      const strings = path.filter((p) => p.kind === 'string' && !p.raw);
      return { kind, ref: [n, ...strings], args, ...withValue, contains: false, loc };
    });
  const branch = fc
    .record({ value: term, valued: fc.boolean(), body, bodied: fc.boolean(), operator: fc.constantFrom(':=', '=') })
    .map((b): Else => {
      const withValue = b.valued || !b.bodied ? { value: b.value, operator: b.operator as ':=' | '=' } : {};
      return { ...withValue, body: b.bodied ? b.body : [], ifKeyword: b.bodied, loc };
    });
  const more = fc.oneof({ weight: 3, arbitrary: fc.constant<Body[]>([]) }, fc.array(body, { maxLength: 2 }));
  const elses = fc.oneof({ weight: 2, arbitrary: fc.constant<Else[]>([]) }, fc.array(branch, { maxLength: 2 }));
  return fc
    .record({ head, body, bodied: fc.boolean(), more, elses, isDefault: fc.nat(9) })
    .map(({ head: h, body: b, bodied, more: bodies, elses: branches, isDefault }): readonly Rule[] => {
      const base = { kind: 'rule' as const, head: h, else: [], chained: false, default: false, loc };
      if (isDefault === 0 && h.kind === 'value' && h.value && isGround(h.value)) {
        return [{ ...base, default: true, body: [], ifKeyword: false }];
      }
      const needed = h.kind === 'set' ? bodied : bodied || h.value === undefined;
      if (!needed) return [{ ...base, body: [], ifKeyword: false }];
      const first: Rule = { ...base, body: b, ifKeyword: true };
      const fixed = h.ref.slice(1).every((p) => varsOf(p, { closures: true }).length === 0);
      if (branches.length > 0 && h.kind !== 'set' && fixed) return [{ ...first, else: branches }];
      return [first, ...bodies.map((next): Rule => ({ ...first, body: next, chained: true }))];
    });
}

/** Any v1 module of the grammar; it has no source text and mostly does not compile. */
export function arbitraryModule(depth = 2): fc.Arbitrary<Module> {
  const path = fc.array(text, { maxLength: 2 });
  const imports = fc.array(
    fc.record({ path, root: fc.constantFrom('data', 'input'), alias: fc.constantFrom('z', 'w') }),
    { maxLength: 3 },
  );
  return fc.record({ path, imports, rules: fc.array(ruleOf(level(depth)), { maxLength: 4 }) }).map(
    (m): Module => ({
      kind: 'module',
      file: '',
      version: 'v1',
      package: { kind: 'package', path: ['pkg', ...m.path], loc },
      imports: m.imports.map((i) => ({ kind: 'import', path: [i.root, ...i.path], alias: i.alias, loc })),
      rules: m.rules.flat(),
      comments: [],
      annotations: [],
      loc,
    }),
  );
}

// ---------------------------------------------------------------------------------------------------------------------
// Programs that compile

/** Documents in the shape that `arbitraryProgram` looks into: `{"xs": [..], "o": {..}, "n": 1, "s": ".."}`. */
export const arbitraryInput: fc.Arbitrary<JsonValue> = fc.record(
  {
    xs: fc.array(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constantFrom('a', 'b', null, true)), { maxLength: 4 }),
    o: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 3 }), { maxKeys: 3 }),
    n: fc.integer({ min: -3, max: 10 }),
    s: fc.constantFrom('', 'a', 'abc', 'a,b'),
  },
  { requiredKeys: [] },
);

const inputRefs = ['input.xs', 'input.o', 'input.n', 'input.s', 'input.xs[0]', 'input.o.a', 'input.none'];
// A minus at the start of a statement would continue the one before.
const smallConstants = [
  '0',
  '1',
  '2',
  '(-1)',
  '"a"',
  '"b"',
  'true',
  'false',
  'null',
  '[1, 2]',
  '{"a": 1}',
  '{1, "a"}',
  'set()',
];

/** An expression over the names in scope, as text. */
function expressionText(scope: readonly string[], depth: number): fc.Arbitrary<string> {
  const leaf = fc.constantFrom(...smallConstants, ...inputRefs, ...scope);
  if (depth === 0) return leaf;
  const inner = expressionText(scope, depth - 1);
  const bound = `v${scope.length}_${depth}`;
  const within = expressionText([...scope, bound], depth - 1);
  return fc.oneof(
    { weight: 2, arbitrary: leaf },
    fc
      .tuple(inner, fc.constantFrom('+', '-', '*', '==', '!=', '<', '>='), inner)
      .map(([a, o, b]) => `(${a} ${o} ${b})`),
    fc.tuple(inner, inner).map(([a, b]) => `(${a} in ${b})`),
    fc.tuple(fc.constantFrom('count', 'is_number', 'type_name', 'json.marshal'), inner).map(([f, a]) => `${f}(${a})`),
    fc.tuple(inner, inner).map(([a, b]) => `[${a}, ${b}]`),
    fc.tuple(inner, inner).map(([a, b]) => `{${a.startsWith('(') ? a : `(${a})`}, ${b}}`),
    inner.map((a) => `{"k": ${a.startsWith('(') ? a : `(${a})`}}`),
    fc.tuple(within, inner).map(([t, d]) => `[(${t}) | some ${bound} in ${d}]`),
    fc.tuple(within, inner, within).map(([t, d, c]) => `{(${t}) | some ${bound} in ${d}; ${c}}`),
    fc.tuple(inner).map(([a]) => `{${bound}: 1 | some ${bound} in ${a}}`),
  );
}

/** Statements of a body; each may bind a name that later ones use. */
function bodyText(
  rules: readonly string[],
  length: number,
  depth: number,
): fc.Arbitrary<{ lines: string[]; scope: string[] }> {
  let body = fc.constant({ lines: [] as string[], scope: [] as string[] });
  for (let i = 0; i < length; i++) {
    body = body.chain(({ lines, scope }) => {
      const known = [...rules, ...scope];
      const expression = expressionText(known, depth);
      const fresh = `x${i}`;
      const other = `k${i}`;
      const binding = (line: string, ...bound: string[]) => ({ lines: [...lines, line], scope: [...scope, ...bound] });
      return fc.oneof(
        expression.map((e) => binding(`${fresh} := ${e}`, fresh)),
        expression.map((e) => binding(`some ${fresh} in ${e}`, fresh)),
        expression.map((e) => binding(`some ${other}, ${fresh} in ${e}`, other, fresh)),
        expression.map((e) => binding(e)),
        expression.map((e) => binding(`not ${e}`)),
        fc.tuple(expression, expression).map(([a, b]) => binding(`${a} == ${b}`)),
        fc.tuple(expression, expressionText([...known, fresh], depth)).map(([d, e]) => {
          return binding(`every ${fresh} in ${d} { ${e} }`);
        }),
        fc.tuple(expression, expression).map(([a, b]) => binding(`${a} with input.n as ${b}`)),
      );
    });
  }
  return body;
}

/** Text of a module `package test` with rules `r0`, `r1`, …, each using earlier ones: safe, not recursive, free of conflicts. */
export function arbitraryProgram(
  options: { readonly rules?: number; readonly depth?: number } = {},
): fc.Arbitrary<string> {
  const depth = options.depth ?? 2;
  const count = options.rules ?? 4;
  const rule = (index: number): fc.Arbitrary<string> => {
    const earlier = Array.from({ length: index }, (_, i) => `r${i}`);
    const self = `r${index}`;
    const body = fc.nat({ max: 3 }).chain((length) => bodyText(earlier, length + 1, depth));
    return body.chain(({ lines, scope }) => {
      const block = `{\n\t${lines.join('\n\t')}\n}`;
      const value = expressionText([...earlier, ...scope], 1);
      return fc.oneof(
        fc.constant(`${self} if ${block}`),
        fc.constant(`default ${self} := false\n\n${self} if ${block}`),
        value.map((v) => `${self} contains ${v} if ${block}`),
        value.map((v) => `${self} := [(${v}) | ${lines.join('; ')}]`),
        fc.tuple(expressionText(earlier, 1)).map(([v]) => `${self} := ${v}`),
        fc.tuple(expressionText(earlier, 1)).map(([v]) => `${self} := true if ${block} else := ${v}`),
      );
    });
  };
  return fc
    .tuple(...Array.from({ length: count }, (_, i) => rule(i)))
    .map((rules) => `package test\n\n${rules.join('\n\n')}\n`);
}
