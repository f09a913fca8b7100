/** `json.match_schema` and `json.verify_schema`. */
import { isArray, isObject, JsonSyntaxError, parseJson, toJsonText, type Value } from '../../../value/index.js';
import { operand } from '../../operands.js';
import { LruCache } from '../../text/regex/cache.js';
import { type Builtin, type BuiltinContext, failure, T } from '../../types.js';
import { compileSchema } from './compile.js';
import { type Schema, SchemaError } from './schema.js';
import { validate } from './validate.js';

const CAPACITY = 32;
const compiled = new LruCache<Schema>(CAPACITY);

/** A document given as JSON text or as a value; throws SchemaError for anything else. Sets count as arrays. */
function load(value: Value, ctx: BuiltinContext): { readonly document: Value; readonly text: string } {
  if (typeof value === 'string') {
    ctx.budget.step(1 + (value.length >> 4));
    try {
      return { document: parseJson(value), text: value };
    } catch (error) {
      if (error instanceof JsonSyntaxError) throw new SchemaError('invalid JSON string');
      throw error;
    }
  }
  if (!isObject(value) && !isArray(value)) throw new SchemaError('wrong type, expected string or object');
  const text = toJsonText(value);
  ctx.budget.step(1 + (text.length >> 4));
  return { document: parseJson(text), text };
}

function schemaFrom(value: Value, ctx: BuiltinContext): Schema {
  const { document, text } = load(value, ctx);
  return compiled.getOrCreate(text, () => compileSchema(document));
}

function matchSchema(args: readonly Value[], ctx: BuiltinContext): Value {
  try {
    const { document } = load(operand(args, 1), ctx);
    const schema = schemaFrom(operand(args, 2), ctx);
    const findings = validate(schema, document, (n) => ctx.budget.step(n));
    ctx.budget.alloc(findings.length);
    return [
      findings.length === 0,
      findings.map(({ type, field, description }) => ({
        error: `${field}: ${description}`,
        type,
        field,
        desc: description,
      })),
    ];
  } catch (error) {
    if (error instanceof SchemaError) throw failure(error.message);
    throw error;
  }
}

function verifySchema(args: readonly Value[], ctx: BuiltinContext): Value {
  try {
    schemaFrom(operand(args, 1), ctx);
    return [true, null];
  } catch (error) {
    if (error instanceof SchemaError) return [false, `jsonschema: ${error.message}`];
    throw error;
  }
}

const DOCUMENT = T.union(T.string, T.object(), T.array());

export const jsonSchemaBuiltins: readonly Builtin[] = [
  {
    name: 'json.match_schema',
    args: [DOCUMENT, DOCUMENT],
    result: T.tuple(T.boolean, T.array(T.record({ error: T.string, type: T.string, field: T.string, desc: T.string }))),
    impl: matchSchema,
  },
  {
    name: 'json.verify_schema',
    args: [DOCUMENT],
    result: T.tuple(T.boolean, T.union(T.null, T.string)),
    impl: verifySchema,
  },
];
