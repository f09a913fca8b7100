import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equals, type Value } from '../../../value/index.js';
import { type BuiltinContext, BuiltinError } from '../../types.js';
import { graphqlBuiltins } from './index.js';

const ctx = { budget: { step: () => {}, alloc: () => {} } } as unknown as BuiltinContext;

function call(name: string, ...args: Value[]): Value | undefined {
  return callIn(ctx, name, ...args);
}

function callIn(context: BuiltinContext, name: string, ...args: Value[]): Value | undefined {
  const builtin = graphqlBuiltins.find((b) => b.name === name);
  if (builtin?.impl === undefined) throw new Error(`no built-in ${name}`);
  return builtin.impl(args, context);
}

const SCHEMA = `
  interface Named { name: String! }
  type Dog implements Named { name: String!  barks(loud: Boolean = true, times: Int): Boolean owner: Person }
  type Cat implements Named { name: String!  meows: Int }
  type Person implements Named { name: String!  pets(first: Int!): [Pet!] }
  union Pet = Dog | Cat
  enum Size { SMALL LARGE }
  scalar Date
  input Filter { size: Size!  name: String = "x"  tags: [String!] }
  directive @once on FIELD
  directive @many repeatable on FIELD
  type Query { dog: Dog  named: Named  pets(filter: Filter): [Pet]  on(day: Date): Int  id(id: ID, f: Float, b: Boolean): ID }
  type Mutation { rename(name: String!): Named }
  type Subscription { added: Named  removed: Named }
`;

describe('validation of queries (the first error is reported)', () => {
  test.each<[string, string | null]>([
    ['{ dog { name barks(loud: false) } }', null],
    ['query Q($f: Filter) { pets(filter: $f) { ... on Dog { name } ... on Cat { meows } __typename } }', null],
    ['{ a: dog { name } b: named { ...N } } fragment N on Named { name }', null],
    ['{ __schema { types { name } } __type(name: "Dog") { kind } }', null],
    ['mutation { rename(name: "x") { name } }', null],
    ['query Q($n: Int = 3) { dog { owner { pets(first: $n) { __typename } } } }', null],
    ['{ on(day: "2020-01-01") id(id: 4, f: 1, b: true) }', null],
    ['{ pets(filter: {size: SMALL, tags: "one"}) { __typename } }', null],
    ['{ nope }', 'Cannot query field "nope" on type "Query" in GraphQL string at location 1:3'],
    ['{ dog }', 'Field "dog" of type "Dog" must have a selection of subfields. Did you mean "dog { ... }"? in'],
    ['{ dog { name { x } } }', 'Field "name" must not have a selection since type "String!" has no subfields in'],
    ['{ dog { barks(soft: 1) } }', 'Unknown argument "soft" on field "Dog.barks" in'],
    ['{ dog { barks(times: 1, times: 2) } }', 'There can be only one argument named "times" in'],
    [
      '{ dog { owner { pets { __typename } } } }',
      'Field "pets" argument "first" of type "Int!" is required, but it was not provided in',
    ],
    ['{ dog { barks(loud: 1) } }', 'Boolean cannot represent a non boolean value: 1 in'],
    ['{ dog { barks(times: 3000000000) } }', 'Int cannot represent non 32-bit signed integer value: 3000000000 in'],
    ['{ dog { barks(times: "1") } }', 'Int cannot represent non-integer value: "1" in'],
    ['{ id(f: "x") }', 'Float cannot represent non numeric value: "x" in'],
    ['{ id(id: true) }', 'ID cannot represent a non-string and non-integer value: true in'],
    ['{ pets(filter: {size: HUGE}) { __typename } }', 'Value "HUGE" does not exist in "Size" enum in'],
    ['{ pets(filter: {size: "SMALL"}) { __typename } }', 'Enum "Size" cannot represent non-enum value: "SMALL" in'],
    ['{ pets(filter: {}) { __typename } }', 'Field "Filter.size" of required type "Size!" was not provided in'],
    ['{ pets(filter: {size: null}) { __typename } }', 'Expected value of type "Size!", found null in'],
    ['{ pets(filter: {size: SMALL, x: 1}) { __typename } }', 'Field "x" is not defined by type "Filter" in'],
    ['{ pets(filter: 1) { __typename } }', 'Expected value of type "Filter", found 1 in'],
    ['query ($x: Int) { dog { name } }', 'Variable "$x" is never used in'],
    ['{ dog { barks(times: $x) } }', 'Variable "$x" is not defined in'],
    ['query ($x: Int, $x: Int) { dog { barks(times: $x) } }', 'There can be only one variable named "$x" in'],
    ['query ($x: Dog) { dog { name } }', 'Variable "$x" cannot be non-input type "Dog" in'],
    ['query ($x: Nope) { dog { name } }', 'Unknown type "Nope" in'],
    [
      'query ($x: String) { dog { barks(times: $x) } }',
      'Variable "$x" of type "String" used in position expecting type "Int" in',
    ],
    [
      'query ($x: Int) { dog { owner { pets(first: $x) { __typename } } } }',
      'Variable "$x" of type "Int" used in position expecting type "Int!" in',
    ],
    ['query ($x: Int = "a") { dog { barks(times: $x) } }', 'Int cannot represent non-integer value: "a" in'],
    ['{ dog { ...F } }', 'Unknown fragment "F" in'],
    ['{ dog { name } } fragment F on Dog { name }', 'Fragment "F" is never used in'],
    ['{ dog { ...F } } fragment F on Dog { name ...F }', 'Cannot spread fragment "F" within itself in'],
    [
      '{ dog { ...F } } fragment F on Dog { ...G } fragment G on Dog { ...F }',
      'Cannot spread fragment "F" within itself via "G" in',
    ],
    [
      '{ dog { ... on Cat { name } } }',
      'Fragment cannot be spread here as objects of type "Dog" can never be of type "Cat" in',
    ],
    [
      '{ dog { ...F } } fragment F on Cat { name }',
      'Fragment "F" cannot be spread here as objects of type "Dog" can never be of type "Cat" in',
    ],
    ['{ dog { ... on Size { x } } }', 'Fragment cannot condition on non composite type "Size" in'],
    ['{ dog { ... on Nope { x } } }', 'Unknown type "Nope" in'],
    [
      '{ dog { name } } fragment F on Dog { name } fragment F on Dog { name }',
      'There can be only one fragment named "F" in',
    ],
    ['query A { dog { name } } query A { dog { name } }', 'There can be only one operation named "A" in'],
    ['{ dog { name } } query A { dog { name } }', 'This anonymous operation must be the only defined operation in'],
    [
      'subscription { added { name } removed { name } }',
      'Anonymous Subscription must select only one top level field in',
    ],
    ['{ dog @nope { name } }', 'Unknown directive "@nope" in'],
    ['query @once { dog { name } }', 'Directive "@once" may not be used on QUERY in'],
    ['{ dog @once @once { name } }', 'The directive "@once" can only be used once at this location in'],
    ['{ dog @many @many { name } }', null],
    [
      '{ dog @include { name } }',
      'Directive "@include" argument "if" of type "Boolean!" is required, but it was not provided in',
    ],
    ['{ dog { x: name x: barks } }', 'Fields "x" conflict because name and barks are different fields.'],
    ['{ dog { barks(times: 1) barks(times: 2) } }', 'Fields "barks" conflict because they have differing arguments.'],
    [
      '{ pets { ... on Dog { x: name } ... on Cat { x: meows } } }',
      'Fields "x" conflict because they return conflicting types String! and Int.',
    ],
    ['{ pets { ... on Dog { name } ... on Cat { name } } }', null],
  ])('%s', (query, message) => {
    expect(call('graphql.is_valid', query, SCHEMA)).toBe(message === null);
    expect((call('graphql.parse_and_verify', query, SCHEMA) as Value[])[0]).toBe(message === null);
    if (message === null) expect(call('graphql.parse', query, SCHEMA)).toHaveLength(2);
    else expect(() => call('graphql.parse', query, SCHEMA)).toThrow(message);
  });

  test('a missing root is an error', () => {
    expect(() => call('graphql.parse', 'mutation { x }', 'type Query { a: Int }')).toThrow(
      'Schema does not support operation type "mutation" in GraphQL string at location 1:1',
    );
  });

  test('fragments that multiply are refused, not followed', () => {
    let query = '{ dog { ...F0 } }';
    for (let i = 0; i < 30; i++) query += ` fragment F${i} on Dog { ...F${i + 1} ...F${i + 1} }`;
    query += ' fragment F30 on Dog { name }';
    expect(() => call('graphql.parse', query, SCHEMA)).toThrow('query is too large to validate');
  });
});

describe('validation of schemas', () => {
  test.each<[string, string | null]>([
    [SCHEMA, null],
    ['type A { a: Int } type A { b: Int }', 'Cannot redeclare type A'],
    ['type A { a: Nope }', 'Undefined type Nope'],
    ['type A { a: Int a: Int }', 'Field A.a can only be defined once'],
    ['type A { __a: Int }', 'Name "__a" must not begin with "__", which is reserved by GraphQL introspection'],
    ['type A', 'OBJECT A: must define one or more fields'],
    ['input I { a: A } type A { a: Int }', 'OBJECT a: field must be one of SCALAR, ENUM, INPUT_OBJECT'],
    ['input I { a: Int } type A { a: I }', 'OBJECT A: field must be one of SCALAR, OBJECT, INTERFACE, UNION, ENUM'],
    ['type A { a(x: A): Int }', 'cannot use A as argument x because OBJECT is not a valid input type'],
    ['enum E { true }', 'ENUM E: non-enum value true'],
    ['union U = Int', 'UNION type "Int" must be OBJECT'],
    ['type A @nope { a: Int }', 'Undefined directive nope'],
    ['type A @skip(if: true) { a: Int }', 'Directive skip is not applicable on OBJECT'],
    ['directive @d(a: Int @d) on FIELD', 'Directive d cannot refer to itself'],
    ['directive @d on FIELD directive @d on FIELD', 'Cannot redeclare directive d'],
    ['directive @skip(if: Boolean!) on FIELD', null],
    ['type A implements I { a: Int }', 'Undefined type "I"'],
    ['type A implements B { a: Int } type B { a: Int }', '"B" is a non interface type OBJECT'],
    ['interface I { a: Int } type A implements I { b: Int }', 'For A to implement I it must have a field called a'],
    ['interface I { a: Int } type A implements I { a: String }', 'For A to implement I the field a must have type Int'],
    ['interface I { a: I } type A implements I { a: A }', null],
    [
      'interface I { a(x: Int): Int } type A implements I { a: Int }',
      'must have the same arguments but it is missing x',
    ],
    [
      'interface I { a(x: Int): Int } type A implements I { a(x: String): Int }',
      'must have the same arguments but x has the wrong type',
    ],
    [
      'interface I { a: Int } type A implements I { a(x: Int!): Int }',
      'must be optional or have a default value but x is required',
    ],
    [
      'interface I { a: Int } interface J implements I { a: Int } type A implements J { a: Int }',
      'Type A must implement I because it is implemented by J',
    ],
    ['schema { query: Nope }', 'Schema root query refers to a type Nope that does not exist'],
    ['schema { query: A } schema { query: A } type A { a: Int }', 'Cannot have multiple schema entry points'],
    ['extend type A { a: Int } scalar A', 'Cannot extend type A because the base type is a SCALAR, not OBJECT'],
  ])('%s', (schema, message) => {
    expect(call('graphql.schema_is_valid', schema)).toBe(message === null);
    if (message !== null) expect(() => call('graphql.parse', '', schema)).toThrow(message);
  });

  test('wrong operand types', () => {
    expect(call('graphql.schema_is_valid', 1)).toBe(false);
    expect(call('graphql.is_valid', 1, SCHEMA)).toBe(false);
    expect(call('graphql.parse_and_verify', 1, SCHEMA)).toEqual([false, {}, {}]);
    expect(() => call('graphql.parse', 1, SCHEMA)).toThrow('operand 1 must be one of {string, object} but got number');
    expect(() => call('graphql.parse', { Operations: 1 }, SCHEMA)).toThrow('json: cannot unmarshal number');
  });
});

describe('lexis', () => {
  test.each([
    ['{ a(b: 01) }', 'Invalid number, unexpected digit after 0: "1" in GraphQL string at location 1:9'],
    ['{ a(b: 1.) }', 'Invalid number, expected digit but got: ")" in GraphQL string at location 1:10'],
    ['{ a(b: -) }', 'Invalid number, expected digit but got: ")" in'],
    ['{ a(b: 1e) }', 'Invalid number, expected digit but got: ")" in'],
    ['{ a(b: "x) }', 'Unterminated string in'],
    ['{ a(b: """x) }', 'Unterminated string in'],
    ['{ a(b: "\\q") }', 'Invalid character escape sequence: \\q in'],
    ['{ a(b: "\\u00g0") }', 'Invalid character escape sequence: \\u00g0 in'],
    ["{ a(b: 'x') }", 'did you mean to use a double quote'],
    ['{ a ? }', 'Cannot parse the unexpected character "?" in GraphQL string at location 1:5'],
    ['{\n# é\n é }', 'Cannot parse the unexpected character "é" in GraphQL string at location 3:2'],
    ['{ \u0007 }', 'Cannot contain the invalid character "\\u0007" in'],
    [`{ a(b: ${'['.repeat(300)}`, 'document is nested too deeply in'],
  ])('%j', (query, message) => {
    expect(() => call('graphql.parse_query', query)).toThrow(message);
  });

  test('block strings lose their common indentation', () => {
    const tree = call('graphql.parse_query', '{ a(b: """\n    x\n      y \\"""\n\n  """) }');
    expect(JSON.stringify(tree)).toContain('"Raw":"x\\n  y \\"\\"\\""');
  });
});

describe('trees', () => {
  test('a tree given back as an object is the same document', () => {
    const query =
      'query Q($f: [Filter!] = [{size: SMALL}]) { ...F ... on Query @once { on(day: $f) } } fragment F on Query { dog { name } }';
    const queryTree = call('graphql.parse_query', query) as Value;
    const schemaTree = call('graphql.parse_schema', SCHEMA) as Value;
    const [shown] = call(
      'graphql.parse',
      call('graphql.parse_query', '{ dog { name } }') as Value,
      schemaTree,
    ) as Value[];
    expect(shown).toEqual(call('graphql.parse_query', '{ dog { name } }'));
    expect(() => call('graphql.parse', queryTree, schemaTree)).toThrow(
      'Directive "@once" may not be used on INLINE_FRAGMENT',
    );
    expect(call('graphql.schema_is_valid', schemaTree)).toBe(true);
  });

  test('version 0 policies see the trees of OPA 0.x', () => {
    const old = callIn({ ...ctx, regoVersion: 'v0' } as BuiltinContext, 'graphql.parse_query', '{ a(b: 1) }');
    expect(JSON.stringify(old)).not.toContain('ExpectedTypeHasDefault');
    expect(JSON.stringify(call('graphql.parse_query', '{ a(b: 1) }'))).toContain('ExpectedTypeHasDefault');
  });

  test('fuzz: any text parses or is refused; what parses survives the way through its tree', () => {
    const part = fc.constantFrom(
      ...'{ } ( ) [ ] : ! = @ $ ... | & a on query fragment type extend implements schema "s" """b""" 1 1.5 # \n , x'.split(
        ' ',
      ),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        const text = parts.join(' ');
        for (const name of ['graphql.parse_query', 'graphql.parse_schema']) {
          try {
            const tree = call(name, text) as Value;
            if (name === 'graphql.parse_schema') expect(call('graphql.schema_is_valid', tree)).toBeTypeOf('boolean');
            else expect(equals(tree, call(name, text) as Value)).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(BuiltinError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});
