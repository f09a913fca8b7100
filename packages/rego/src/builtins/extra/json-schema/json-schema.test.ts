// biome-ignore-all lint/suspicious/noThenProperty: `then` is a keyword of JSON Schema
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RegoSet, ResourceLimitError, type Value } from '../../../value/index.js';
import { type BuiltinContext, BuiltinError } from '../../types.js';
import { jsonSchemaBuiltins } from './index.js';

const ctx = { budget: { step: () => {}, alloc: () => {} } } as unknown as BuiltinContext;

function call(name: string, ...args: Value[]): Value | undefined {
  const builtin = jsonSchemaBuiltins.find((b) => b.name === name);
  if (builtin?.impl === undefined) throw new Error(`no built-in ${name}`);
  return builtin.impl(args, ctx);
}

/** Texts of the findings ("field: description"), empty when the document matches. */
function findings(document: Value, schema: Value): string[] {
  // Scalars come as JSON text.
  const given = typeof document === 'object' && document !== null ? document : JSON.stringify(document);
  const [valid, list] = call('json.match_schema', given, schema) as [boolean, { error: string; type: string }[]];
  expect(valid).toBe(list.length === 0);
  return list.map(({ error }) => error);
}

describe('json.match_schema', () => {
  test.each<[Value, Value, string[]]>([
    [{ id: 'x' }, { properties: { id: { type: 'integer' } } }, ['id: Invalid type. Expected: integer, given: string']],
    [{}, { required: ['id'] }, ['(root): id is required']],
    [
      { a: [{ b: 1 }] },
      { properties: { a: { items: { properties: { b: { type: ['string', 'null'] } } } } } },
      ['a.0.b: Invalid type. Expected: [string,null], given: integer'],
    ],
    [1.5, { type: 'integer' }, ['(root): Invalid type. Expected: integer, given: number']],
    [1, { type: 'number' }, []],
    [
      'ab',
      { minLength: 3, pattern: '^c' },
      ['(root): String length must be greater than or equal to 3', "(root): Does not match pattern '^c'"],
    ],
    ['abcd', { maxLength: 3 }, ['(root): String length must be less than or equal to 3']],
    [7, { multipleOf: 2, maximum: 6 }, ['(root): Must be a multiple of 2', '(root): Must be less than or equal to 6']],
    [0.3, { multipleOf: 0.1 }, []],
    [5, { minimum: 5, exclusiveMinimum: true }, ['(root): Must be greater than 5']],
    [5, { exclusiveMaximum: 5 }, ['(root): Must be less than 5']],
    [4, { minimum: 5 }, ['(root): Must be greater than or equal to 5']],
    [[1, 1], { uniqueItems: true }, ['(root): array items must be unique']],
    [[1], { minItems: 2 }, ['(root): Array must have at least 2 items']],
    [[1, 2], { maxItems: 1 }, ['(root): Array must have at most 1 items']],
    [
      [1, 'a', 2],
      { items: [{ type: 'integer' }], additionalItems: { type: 'integer' } },
      ['1: Invalid type. Expected: integer, given: string'],
    ],
    [[1, 2], { items: [{}], additionalItems: false }, ['(root): No additional items allowed on array']],
    [
      ['a'],
      { contains: { type: 'integer' } },
      ['(root): At least one of the items must match', '0: Invalid type. Expected: integer, given: string'],
    ],
    [
      { a: 1, b: 2 },
      { properties: { a: {} }, additionalProperties: false },
      ['(root): Additional property b is not allowed'],
    ],
    [
      { x1: 'a' },
      { patternProperties: { '^x': { type: 'integer' } }, additionalProperties: false },
      ['x1: Invalid type. Expected: integer, given: string'],
    ],
    [
      { ab: 1 },
      { propertyNames: { maxLength: 1 } },
      ['(root): Property name of "ab" does not match', '(root): String length must be less than or equal to 1'],
    ],
    [{ a: 1 }, { dependencies: { a: ['b'] } }, ['(root): Has a dependency on b']],
    [{ a: 1 }, { dependencies: { a: { required: ['c'] } } }, ['(root): c is required']],
    [{ a: 1 }, { minProperties: 2 }, ['(root): Must have at least 2 properties']],
    [{ a: 1, b: 1 }, { maxProperties: 1 }, ['(root): Must have at most 1 properties']],
    ['x', { enum: ['a', 1] }, ['(root): (root) must be one of the following: "a", 1']],
    ['x', { const: 'y' }, ['(root): (root) does not match: "y"']],
    [
      'x',
      { allOf: [{ type: 'string' }, { minLength: 2 }] },
      ['(root): String length must be greater than or equal to 2', '(root): Must validate all the schemas (allOf)'],
    ],
    [
      1,
      { anyOf: [{ type: 'string' }, { minimum: 2 }] },
      ['(root): Must validate at least one schema (anyOf)', '(root): Must be greater than or equal to 2'],
    ],
    [1, { oneOf: [{ type: 'integer' }, { minimum: 0 }] }, ['(root): Must validate one and only one schema (oneOf)']],
    [1, { not: { type: 'integer' } }, ['(root): Must not validate the schema (not)']],
    [
      1,
      { if: { type: 'integer' }, then: { minimum: 2 } },
      ['(root): Must validate "then" as "if" was valid', '(root): Must be greater than or equal to 2'],
    ],
    [
      'a',
      { if: { type: 'integer' }, else: { minLength: 2 } },
      [
        '(root): Must validate "else" as "if" was not valid',
        '(root): String length must be greater than or equal to 2',
      ],
    ],
    [{ a: 1 }, { properties: { a: false } }, ['a: False always fails validation']],
    [
      { n: { n: { n: 1 } } },
      { properties: { n: { $ref: '#' } }, type: 'object' },
      ['n.n.n: Invalid type. Expected: object, given: integer'],
    ],
    [
      { a: 1 },
      { definitions: { s: { type: 'string' } }, properties: { a: { $ref: '#/definitions/s' } } },
      ['a: Invalid type. Expected: string, given: integer'],
    ],
    [
      { a: 1 },
      { definitions: { s: { $id: '#s', type: 'string' } }, properties: { a: { $ref: '#s' } } },
      ['a: Invalid type. Expected: string, given: integer'],
    ],
    ['2020-02-30', { format: 'date' }, ["(root): Does not match format 'date'"]],
  ])('%j against %j', (document, schema, expected) => {
    expect(findings(document, schema)).toEqual(expected);
  });

  test('documents and schemas may be JSON text, and sets are arrays', () => {
    expect(call('json.match_schema', '{"id": 5}', '{"properties": {"id": {"type": "integer"}}}')).toEqual([true, []]);
    expect(call('json.match_schema', { a: RegoSet.of([1]) }, { properties: { a: { type: 'array' } } })).toEqual([
      true,
      [],
    ]);
    expect(() => call('json.match_schema', '{', {})).toThrow('invalid JSON string');
    expect(() => call('json.match_schema', 1, {})).toThrow('wrong type, expected string or object');
  });

  test('a reference that leads nowhere but to itself ends', () => {
    expect(() =>
      findings(
        {},
        { definitions: { a: { $ref: '#/definitions/b' }, b: { $ref: '#/definitions/a' } }, $ref: '#/definitions/a' },
      ),
    ).toThrow(ResourceLimitError);
  });

  test.each<[string, string[], string[]]>([
    ['date-time', ['2020-02-29T12:00:00Z', '2020-01-01T00:00:00.5+01:00'], ['2020-01-01', '2021-02-29T12:00:00Z']],
    ['email', ['a@b.c'], ['a', '@b', 'a@', 'a b@c']],
    ['hostname', ['a.b-c'], ['-a', 'a..b', 'a_b']],
    ['ipv4', ['1.2.3.4'], ['1.2.3', '::1']],
    ['ipv6', ['::1'], ['1.2.3.4', ':::']],
    ['uri', ['http://a/b?c#d'], ['a/b', 'http://a b']],
    ['uri-reference', ['a/b'], ['a b', '%zz']],
    ['uuid', ['123e4567-e89b-12d3-a456-426614174000'], ['123e4567']],
    ['regex', ['a+'], ['a(']],
    ['json-pointer', ['/a~1b'], ['a', '/~2']],
    ['relative-json-pointer', ['1/a', '0#'], ['/a']],
    ['time', ['12:00:00Z'], ['12:00']],
    ['unknown', ['anything'], []],
  ])('format %s', (format, good, bad) => {
    for (const text of good) expect(findings(text, { format })).toEqual([]);
    for (const text of bad) expect(findings(text, { format })).toEqual([`(root): Does not match format '${format}'`]);
  });
});

describe('json.verify_schema', () => {
  test.each<[Value, string | null]>([
    [{ type: 'object' }, null],
    [
      { type: 'unknown' },
      'has a primitive type that is NOT VALID -- given: /unknown/ Expected valid values are:[array boolean integer number null object string]',
    ],
    [{ type: ['string', 'string'] }, 'string type is duplicated'],
    [{ type: 1 }, 'Invalid type. Expected: string/array of strings, given: type'],
    [{ minLength: -1 }, 'minLength must be greater than or equal to 0'],
    [{ minItems: 2, properties: [] }, 'Invalid type. Expected: object, given: properties'],
    [{ minLength: 2, maxLength: 1 }, 'minLength cannot be greater than maxLength'],
    [{ minimum: 2, maximum: 1 }, 'minimum cannot be greater than maximum'],
    [{ multipleOf: 0 }, 'multipleOf must be strictly greater than 0'],
    [{ exclusiveMinimum: true }, 'exclusiveMinimum cannot be used without minimum'],
    [{ pattern: '(' }, 'pattern must be a valid regex'],
    [{ required: ['a', 'a'] }, 'required items must be unique'],
    [{ $ref: '#/definitions/none' }, "Object has no key 'definitions'"],
    [
      { $ref: 'http://example.com/schema' },
      'Could not read schema from reference http://example.com/schema: references outside the document are not followed',
    ],
    ['{', 'invalid JSON string'],
  ])('%j', (schema, message) => {
    expect(call('json.verify_schema', schema)).toEqual([
      message === null,
      message === null ? null : `jsonschema: ${message}`,
    ]);
  });

  test('fuzz: any document is judged or refused', () => {
    const keyword = fc.constantFrom(
      'type',
      'properties',
      'items',
      'allOf',
      'not',
      '$ref',
      'enum',
      'minimum',
      'required',
      'pattern',
      'if',
      'then',
      'dependencies',
      'additionalProperties',
      'a',
    );
    const schema = fc.letrec<{ value: Value }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<Value>(true, 'string', '#', '#/not', 1, null, 'a('),
        fc.array(tie('value'), { maxLength: 2 }),
        fc.dictionary(keyword, tie('value'), { maxKeys: 4 }),
      ) as fc.Arbitrary<Value>,
    })).value;
    fc.assert(
      fc.property(schema, schema, (document, candidate) => {
        try {
          call('json.match_schema', document, candidate);
        } catch (error) {
          expect(error instanceof BuiltinError || error instanceof ResourceLimitError).toBe(true);
        }
      }),
      { numRuns: 1500 },
    );
  });
});
