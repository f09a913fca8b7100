/** Compiles JSON Schema, drafts 4 to 7 in gojsonschema's mixed mode, references within the document only. */
import {
  type AnyObject,
  compareNumbers,
  isArray,
  isNumber,
  isObject,
  objectEntries,
  objectGet,
  type RegoNumber,
  toSafeInteger,
  typeName,
  type Value,
} from '../../../value/index.js';
import { compileRegex } from '../../text/regex/cache.js';
import { RegexSyntaxError } from '../../text/regex/errors.js';
import type { Regex } from '../../text/regex/regex.js';
import { type Schema, SchemaError, TYPES } from './schema.js';

const MAX_DEPTH = 200;

/** Throws SchemaError. */
export function compileSchema(document: Value): Schema {
  return new Compiler(document).compile(document, 0);
}

class Compiler {
  readonly #root: Value;
  /** By identity of the schema object, so that recursive references close the loop. */
  readonly #done = new Map<Value, Schema>();
  #ids: Map<string, Value> | undefined;

  constructor(root: Value) {
    this.#root = root;
  }

  compile(node: Value, depth: number): Schema {
    if (depth > MAX_DEPTH) throw new SchemaError('schema is nested too deeply');
    if (typeof node === 'boolean') return { always: node };
    if (!isObject(node)) throw invalidType('boolean', typeName(node) === 'null' ? 'null' : typeName(node));
    const known = this.#done.get(node);
    if (known !== undefined) return known;
    const schema: Schema = {};
    this.#done.set(node, schema);
    const reference = text(node, '$ref');
    if (reference !== undefined) {
      schema.ref = this.compile(this.#resolve(reference), depth + 1);
      if (schema.ref === schema) throw new SchemaError(`Reference ${reference} must be canonical`);
      return schema;
    }
    for (const key of ['$schema', '$id', 'id', 'title', 'description']) text(node, key);
    this.#general(node, schema, depth);
    this.#object(node, schema, depth);
    this.#array(node, schema, depth);
    numbers(node, schema);
    strings(node, schema);
    return schema;
  }

  #general(node: AnyObject, schema: Schema, depth: number): void {
    const definitions = objectGet(node, 'definitions');
    if (definitions !== undefined) {
      if (!isObject(definitions)) throw invalidType('array of schemas', 'definitions');
      for (const { value } of objectEntries(definitions)) {
        if (!isObject(value) && typeof value !== 'boolean') throw invalidType('array of schemas', 'definitions');
        this.compile(value, depth + 1);
      }
    }
    const types = objectGet(node, 'type');
    if (types !== undefined) schema.types = readTypes(types);
    const enumeration = objectGet(node, 'enum');
    if (enumeration !== undefined) {
      if (!isArray(enumeration)) throw mustBe('enum', 'an', 'array');
      schema.enumeration = enumeration;
    }
    const constant = objectGet(node, 'const');
    if (constant !== undefined) schema.constant = { value: constant };
    for (const key of ['allOf', 'anyOf', 'oneOf'] as const) {
      const list = objectGet(node, key);
      if (list === undefined) continue;
      if (!isArray(list)) throw mustBe(key, 'an', 'array');
      schema[key] = list.map((item) => this.compile(item, depth + 1));
    }
    const not = this.#sub(node, 'not', depth);
    if (not !== undefined) schema.not = not;
    const condition = this.#sub(node, 'if', depth);
    const thenSchema = this.#sub(node, 'then', depth);
    const elseSchema = this.#sub(node, 'else', depth);
    if (condition !== undefined) schema.condition = { test: condition, whenTrue: thenSchema, whenFalse: elseSchema };
  }

  #sub(node: AnyObject, key: string, depth: number): Schema | undefined {
    const value = objectGet(node, key);
    if (value === undefined) return undefined;
    if (!isObject(value) && typeof value !== 'boolean') throw mustBe(key, 'an', 'object');
    return this.compile(value, depth + 1);
  }

  #object(node: AnyObject, schema: Schema, depth: number): void {
    const properties = objectGet(node, 'properties');
    if (properties !== undefined) {
      if (!isObject(properties)) throw new SchemaError('Invalid type. Expected: object, given: properties');
      schema.properties = new Map(
        objectEntries(properties).map(({ key, value }) => [key as string, this.compile(value, depth + 1)]),
      );
    }
    const patterns = objectGet(node, 'patternProperties');
    if (patterns !== undefined) {
      if (!isObject(patterns)) throw invalidType('valid schema', 'patternProperties');
      schema.patternProperties = objectEntries(patterns).map(({ key, value }) => ({
        source: key as string,
        regex: pattern(key as string, () => new SchemaError(`Invalid regex pattern '${key as string}'`)),
        schema: this.compile(value, depth + 1),
      }));
    }
    const additional = objectGet(node, 'additionalProperties');
    if (additional !== undefined) {
      if (!isObject(additional) && typeof additional !== 'boolean') {
        throw invalidType('boolean/valid schema', 'additionalProperties');
      }
      schema.additionalProperties = this.compile(additional, depth + 1);
    }
    const names = this.#sub(node, 'propertyNames', depth);
    if (names !== undefined) schema.propertyNames = names;
    const required = objectGet(node, 'required');
    if (required !== undefined) schema.required = uniqueTexts(required, 'required');
    const dependencies = objectGet(node, 'dependencies');
    if (dependencies !== undefined) {
      if (!isObject(dependencies)) throw invalidType('object', 'dependencies');
      schema.dependencies = new Map(
        objectEntries(dependencies).map(({ key, value }) => [key as string, this.#dependency(value, depth)]),
      );
    }
    count(node, 'minProperties', schema);
    count(node, 'maxProperties', schema);
    ordered(schema.minProperties, schema.maxProperties, 'minProperties', 'maxProperties');
  }

  #dependency(value: Value, depth: number): readonly string[] | Schema {
    if (!isArray(value)) {
      if (!isObject(value) && typeof value !== 'boolean') {
        throw invalidType('schema or array of strings', 'dependency');
      }
      return this.compile(value, depth + 1);
    }
    if (!value.every((item) => typeof item === 'string')) throw invalidType('schema or array of strings', 'dependency');
    return value as readonly string[];
  }

  #array(node: AnyObject, schema: Schema, depth: number): void {
    const items = objectGet(node, 'items');
    if (items !== undefined) {
      if (isArray(items)) schema.items = items.map((item) => this.compile(item, depth + 1));
      else if (isObject(items) || typeof items === 'boolean') schema.items = this.compile(items, depth + 1);
      else throw invalidType('schema/array of schemas', 'items');
    }
    const additional = objectGet(node, 'additionalItems');
    if (additional !== undefined) {
      if (!isObject(additional) && typeof additional !== 'boolean')
        throw invalidType('boolean/schema', 'additionalItems');
      schema.additionalItems = this.compile(additional, depth + 1);
    }
    const contains = this.#sub(node, 'contains', depth);
    if (contains !== undefined) schema.contains = contains;
    count(node, 'minItems', schema);
    count(node, 'maxItems', schema);
    const unique = objectGet(node, 'uniqueItems');
    if (unique !== undefined) {
      if (typeof unique !== 'boolean') throw mustBe('uniqueItems', 'a', 'boolean');
      schema.uniqueItems = unique;
    }
  }

  /** References: `#`, `#/json/pointer`, or an `$id` of the same document. Nothing is ever fetched. */
  #resolve(reference: string): Value {
    const hash = reference.indexOf('#');
    const base = hash < 0 ? reference : reference.slice(0, hash);
    const fragment = hash < 0 ? '' : decode(reference.slice(hash + 1));
    this.#ids ??= collectIds(this.#root);
    const direct = this.#ids.get(reference);
    if (direct !== undefined) return direct;
    const start = base === '' ? this.#root : this.#ids.get(base);
    if (start === undefined) {
      throw new SchemaError(
        `Could not read schema from reference ${reference}: references outside the document are not followed`,
      );
    }
    let current: Value = start;
    if (fragment === '') return current;
    if (!fragment.startsWith('/')) throw new SchemaError(`Object has no key '${fragment}'`);
    for (const raw of fragment.slice(1).split('/')) {
      const token = raw.replaceAll('~1', '/').replaceAll('~0', '~');
      const next: Value | undefined = isArray(current)
        ? current[/^(0|[1-9][0-9]*)$/.test(token) ? Number(token) : -1]
        : isObject(current)
          ? objectGet(current, token)
          : undefined;
      if (next === undefined) throw new SchemaError(`Object has no key '${token}'`);
      current = next;
    }
    return current;
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function collectIds(root: Value): Map<string, Value> {
  const ids = new Map<string, Value>();
  const work: [Value, number][] = [[root, 0]];
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    const [node, depth] = next;
    if (depth > MAX_DEPTH) continue;
    if (isArray(node)) for (const item of node) work.push([item, depth + 1]);
    else if (isObject(node)) {
      const id = objectGet(node, '$id') ?? objectGet(node, 'id');
      if (typeof id === 'string') ids.set(id.replace(/#$/, ''), node);
      for (const { value } of objectEntries(node)) work.push([value, depth + 1]);
    }
  }
  return ids;
}

function invalidType(expected: string, given: string): SchemaError {
  return new SchemaError(`Invalid type. Expected: ${expected}, given: ${given}`);
}

function mustBe(key: string, article: 'a' | 'an', type: string): SchemaError {
  return new SchemaError(`${key} must be of ${article} ${type}`);
}

function text(node: AnyObject, key: string): string | undefined {
  const value = objectGet(node, key);
  if (value === undefined) return undefined;
  // `id` may be a property name of a schema for identifiers; only texts are identifiers of the schema.
  if (typeof value !== 'string') throw invalidType('string', key);
  return value;
}

function readTypes(value: Value): readonly string[] {
  const list = isArray(value) ? value : [value];
  const out: string[] = [];
  for (const item of list) {
    if (typeof item !== 'string') throw invalidType('string/array of strings', 'type');
    if (!TYPES.includes(item)) {
      const known = TYPES.join(' ');
      throw new SchemaError(
        `has a primitive type that is NOT VALID -- given: /${item}/ Expected valid values are:[${known}]`,
      );
    }
    if (out.includes(item)) throw new SchemaError(`${item} type is duplicated`);
    out.push(item);
  }
  return out;
}

function uniqueTexts(value: Value, key: string): readonly string[] {
  if (!isArray(value)) throw mustBe(key, 'an', 'array');
  if (!value.every((item) => typeof item === 'string')) throw new SchemaError(`${key} items must be string`);
  if (new Set(value).size !== value.length) throw new SchemaError(`${key} items must be unique`);
  return value as readonly string[];
}

type CountKey = 'minProperties' | 'maxProperties' | 'minItems' | 'maxItems' | 'minLength' | 'maxLength';

function count(node: AnyObject, key: CountKey, schema: Schema): void {
  const value = objectGet(node, key);
  if (value === undefined) return;
  const n = isNumber(value) ? toSafeInteger(value) : undefined;
  if (n === undefined) throw mustBe(key, 'an', 'integer');
  if (n < 0) throw new SchemaError(`${key} must be greater than or equal to 0`);
  schema[key] = n;
}

function ordered(low: number | undefined, high: number | undefined, lowKey: string, highKey: string): void {
  if (low !== undefined && high !== undefined && low > high) {
    throw new SchemaError(`${lowKey} cannot be greater than ${highKey}`);
  }
}

function numbers(node: AnyObject, schema: Schema): void {
  const multiple = objectGet(node, 'multipleOf');
  if (multiple !== undefined) {
    if (!isNumber(multiple)) throw invalidType('number', 'multipleOf');
    if (compareNumbers(multiple, 0) <= 0) throw new SchemaError('multipleOf must be strictly greater than 0');
    schema.multipleOf = multiple;
  }
  limit(node, schema, 'minimum', 'exclusiveMinimum');
  limit(node, schema, 'maximum', 'exclusiveMaximum');
  const { minimum, maximum } = schema;
  if (minimum !== undefined && maximum !== undefined && compareNumbers(minimum, maximum) > 0) {
    throw new SchemaError('minimum cannot be greater than maximum');
  }
}

/** Draft 4 has a boolean `exclusive...` beside the limit, later drafts a limit of its own. */
function limit(
  node: AnyObject,
  schema: Schema,
  key: 'minimum' | 'maximum',
  exclusiveKey: 'exclusiveMinimum' | 'exclusiveMaximum',
): void {
  const number = (name: string): RegoNumber | undefined => {
    const value = objectGet(node, name);
    if (value === undefined || typeof value === 'boolean') return undefined;
    if (!isNumber(value)) throw mustBe(name, 'a', 'number');
    return value;
  };
  const plain = objectGet(node, key);
  if (typeof plain === 'boolean') throw mustBe(key, 'a', 'number');
  const bound = number(key);
  const exclusive = objectGet(node, exclusiveKey);
  if (typeof exclusive === 'boolean') {
    if (bound === undefined) throw new SchemaError(`${exclusiveKey} cannot be used without ${key}`);
    schema[exclusive ? exclusiveKey : key] = bound;
    return;
  }
  if (bound !== undefined) schema[key] = bound;
  const own = number(exclusiveKey);
  if (own !== undefined) schema[exclusiveKey] = own;
}

function strings(node: AnyObject, schema: Schema): void {
  count(node, 'minLength', schema);
  count(node, 'maxLength', schema);
  ordered(schema.minLength, schema.maxLength, 'minLength', 'maxLength');
  const source = objectGet(node, 'pattern');
  if (source !== undefined) {
    if (typeof source !== 'string') throw mustBe('pattern', 'a', 'string');
    schema.pattern = { source, regex: pattern(source, () => new SchemaError('pattern must be a valid regex')) };
  }
  const format = objectGet(node, 'format');
  if (format !== undefined) {
    if (typeof format !== 'string') throw mustBe('format', 'a', 'string');
    schema.format = format;
  }
}

function pattern(source: string, refused: () => SchemaError): Regex {
  try {
    return compileRegex(source);
  } catch (error) {
    if (error instanceof RegexSyntaxError) throw refused();
    throw error;
  }
}
