/** `graphql.*`: documents become the syntax trees that gqlparser makes, positions left out. */
import { isObject, typeName, type Value } from '../../../value/index.js';
import { operand, stringOperand } from '../../operands.js';
import { type Builtin, type BuiltinContext, failure, operandError, T } from '../../types.js';
import type { QueryDocument, SchemaDocument } from './ast.js';
import { GraphqlError } from './lexer.js';
import { parseQuery } from './parser.js';
import { buildSchema, type Schema } from './schema.js';
import { parseSchema } from './schema-parser.js';
import { queryFromValue, schemaFromValue, toValue } from './shapes.js';
import { validateQuery } from './validate.js';

/** Parsing and validating a character costs about this many steps. */
const STEPS_PER_CHARACTER = 2;
const MAX_LENGTH = 1 << 20;

function charged(text: string, ctx: BuiltinContext): string {
  if (text.length > MAX_LENGTH) throw new GraphqlError('document is too long');
  ctx.budget.step(1 + text.length * STEPS_PER_CHARACTER);
  ctx.budget.alloc(1 + text.length);
  return text;
}

function readQuery(value: Value, ctx: BuiltinContext): QueryDocument {
  if (typeof value === 'string') return parseQuery(charged(value, ctx));
  if (isObject(value)) return queryFromValue(value);
  throw operandError(1, ['string', 'object'], typeName(value));
}

function readSchema(value: Value, pos: number, ctx: BuiltinContext): SchemaDocument {
  if (typeof value === 'string') return parseSchema(charged(value, ctx));
  if (isObject(value)) return schemaFromValue(value);
  throw operandError(pos, ['string', 'object'], typeName(value));
}

function message(error: GraphqlError): string {
  const { position } = error;
  const text = error.message.replace(/\.$/, '');
  return position === undefined ? text : `${text} in GraphQL string at location ${position.line}:${position.column}`;
}

function attempt<R>(run: () => R): R {
  try {
    return run();
  } catch (error) {
    if (error instanceof GraphqlError) throw failure(message(error));
    throw error;
  }
}

/** Is it so, where any error of the documents (wrong operand types included) means no? */
function holds(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof GraphqlError) return false;
    throw error;
  }
}

function shown(document: QueryDocument | SchemaDocument, ctx: BuiltinContext): Value {
  return toValue(document, ctx.regoVersion ?? 'v1');
}

function isDocument(value: Value): boolean {
  return typeof value === 'string' || isObject(value);
}

function checked(args: readonly Value[], ctx: BuiltinContext): [QueryDocument, SchemaDocument] {
  const query = readQuery(operand(args, 1), ctx);
  const document = readSchema(operand(args, 2), 2, ctx);
  const schema: Schema = buildSchema(document);
  validateQuery(schema, query);
  return [query, document];
}

function parse(args: readonly Value[], ctx: BuiltinContext): Value {
  return attempt(() => checked(args, ctx).map((document) => shown(document, ctx)));
}

function parseAndVerify(args: readonly Value[], ctx: BuiltinContext): Value {
  if (!args.every(isDocument)) return [false, {}, {}];
  let result: Value = [false, {}, {}];
  holds(() => {
    result = [true, ...checked(args, ctx).map((document) => shown(document, ctx))];
  });
  return result;
}

function isValid(args: readonly Value[], ctx: BuiltinContext): Value {
  return args.every(isDocument) && holds(() => checked(args, ctx));
}

function schemaIsValid(args: readonly Value[], ctx: BuiltinContext): Value {
  return args.every(isDocument) && holds(() => buildSchema(readSchema(operand(args, 1), 1, ctx)));
}

const DOCUMENT = T.union(T.string, T.object());

export const graphqlBuiltins: readonly Builtin[] = [
  { name: 'graphql.parse', args: [DOCUMENT, DOCUMENT], result: T.tuple(T.object(), T.object()), impl: parse },
  {
    name: 'graphql.parse_and_verify',
    args: [DOCUMENT, DOCUMENT],
    result: T.tuple(T.boolean, T.object(), T.object()),
    impl: parseAndVerify,
  },
  {
    name: 'graphql.parse_query',
    args: [T.string],
    result: T.object(),
    impl: (args, ctx) => attempt(() => shown(parseQuery(charged(stringOperand(args, 1), ctx)), ctx)),
  },
  {
    name: 'graphql.parse_schema',
    args: [T.string],
    result: T.object(),
    impl: (args, ctx) => attempt(() => shown(parseSchema(charged(stringOperand(args, 1), ctx)), ctx)),
  },
  { name: 'graphql.is_valid', args: [DOCUMENT, DOCUMENT], result: T.boolean, impl: isValid },
  { name: 'graphql.schema_is_valid', args: [DOCUMENT], result: T.boolean, impl: schemaIsValid },
];
