/** Syntax trees to values and back, in the JSON form of gqlparser without positions and without empty members. */
import { isArray, isNumber, isObject, objectGet, toSafeInteger, typeName, type Value } from '../../../value/index.js';
import type { QueryDocument, SchemaDocument } from './ast.js';
import { GraphqlError } from './lexer.js';

type Shape =
  | 'string'
  | 'boolean'
  | 'number'
  | { readonly list: Shape | keyof typeof NODES }
  | { readonly node: keyof typeof NODES }
  | { readonly optional: keyof typeof NODES };

const list = (of: Shape | string): Shape => ({ list: of as Shape });
const node = (of: string): Shape => ({ node: of as never });
const optional = (of: string): Shape => ({ optional: of as never });
const selections = list('Selection');
const directives = list('Directive');

const NODES: Readonly<Record<string, Readonly<Record<string, Shape>>>> = {
  QueryDocument: { Operations: list('OperationDefinition'), Fragments: list('FragmentDefinition') },
  OperationDefinition: {
    Operation: 'string',
    Name: 'string',
    VariableDefinitions: list('VariableDefinition'),
    Directives: directives,
    SelectionSet: selections,
  },
  FragmentDefinition: {
    Name: 'string',
    VariableDefinition: list('VariableDefinition'),
    TypeCondition: 'string',
    Directives: directives,
    SelectionSet: selections,
  },
  VariableDefinition: {
    Variable: 'string',
    Type: node('Type'),
    DefaultValue: optional('Value'),
    Directives: directives,
    Used: 'boolean',
  },
  Field: {
    Alias: 'string',
    Name: 'string',
    Arguments: list('Argument'),
    Directives: directives,
    SelectionSet: selections,
  },
  FragmentSpread: { Name: 'string', Directives: directives },
  InlineFragment: { TypeCondition: 'string', Directives: directives, SelectionSet: selections },
  Argument: { Name: 'string', Value: node('Value') },
  Directive: { Name: 'string', Arguments: list('Argument'), Location: 'string' },
  Value: { Raw: 'string', Children: list('ChildValue'), Kind: 'number', ExpectedTypeHasDefault: 'boolean' },
  ChildValue: { Name: 'string', Value: node('Value') },
  Type: { NamedType: 'string', Elem: optional('Type'), NonNull: 'boolean' },
  SchemaDocument: {
    Schema: list('SchemaDefinition'),
    SchemaExtension: list('SchemaDefinition'),
    Directives: list('DirectiveDefinition'),
    Definitions: list('Definition'),
    Extensions: list('Definition'),
  },
  SchemaDefinition: { Description: 'string', Directives: directives, OperationTypes: list('OperationType') },
  OperationType: { Operation: 'string', Type: 'string' },
  DirectiveDefinition: {
    Description: 'string',
    Name: 'string',
    Arguments: list('ArgumentDefinition'),
    Locations: list('string'),
    IsRepeatable: 'boolean',
  },
  Definition: {
    Kind: 'string',
    Description: 'string',
    Name: 'string',
    Directives: directives,
    Interfaces: list('string'),
    Fields: list('FieldDefinition'),
    Types: list('string'),
    EnumValues: list('EnumValue'),
    BuiltIn: 'boolean',
  },
  FieldDefinition: {
    Description: 'string',
    Name: 'string',
    Arguments: list('ArgumentDefinition'),
    DefaultValue: optional('Value'),
    Type: node('Type'),
    Directives: directives,
  },
  ArgumentDefinition: {
    Description: 'string',
    Name: 'string',
    DefaultValue: optional('Value'),
    Type: node('Type'),
    Directives: directives,
  },
  EnumValue: { Description: 'string', Name: 'string', Directives: directives },
};

const MAX_DEPTH = 400;

type Tree = { readonly [name: string]: unknown };

/** Members that came with OPA 1.x, as `Node.Member`. */
const LATER_MEMBERS: ReadonlySet<string> = new Set(['Value.ExpectedTypeHasDefault']);

/** `regoVersion` v0 gives the trees of OPA 0.x, which lacked some members. */
export function toValue(document: QueryDocument | SchemaDocument, regoVersion: 'v0' | 'v1'): Value {
  const write = new Writer(regoVersion === 'v0' ? LATER_MEMBERS : new Set());
  return write.node(document as unknown as Tree, 'Operations' in document ? 'QueryDocument' : 'SchemaDocument');
}

class Writer {
  readonly #omitted: ReadonlySet<string>;

  constructor(omitted: ReadonlySet<string>) {
    this.#omitted = omitted;
  }

  node(tree: Tree, name: string): Value {
    const kind = name === 'Selection' ? (tree['node'] as string) : name;
    const out: Record<string, Value> = {};
    for (const [key, shape] of Object.entries(NODES[kind] ?? {})) {
      if (this.#omitted.has(`${kind}.${key}`)) continue;
      const value = this.#member(tree[key], shape);
      if (value !== undefined) out[key] = value;
    }
    return out;
  }

  /** Empty lists and missing nodes are left out; empty texts are not. */
  #member(member: unknown, shape: Shape): Value | undefined {
    if (typeof shape === 'string') return member as Value;
    if ('list' in shape) {
      const items = member as readonly unknown[];
      if (items.length === 0) return undefined;
      if (shape.list === 'string') return items as readonly Value[];
      return items.map((item) => this.node(item as Tree, shape.list as string));
    }
    if (member === undefined) return undefined;
    return this.node(member as Tree, 'node' in shape ? (shape.node as string) : (shape.optional as string));
  }
}

export function queryFromValue(value: Value): QueryDocument {
  return nodeFrom(value, 'QueryDocument', 0) as unknown as QueryDocument;
}

export function schemaFromValue(value: Value): SchemaDocument {
  return nodeFrom(value, 'SchemaDocument', 0) as unknown as SchemaDocument;
}

function mismatch(value: Value, want: string): GraphqlError {
  return new GraphqlError(`json: cannot unmarshal ${typeName(value)} into Go value of type ${want}`);
}

function nodeFrom(value: Value, name: string, depth: number): Tree {
  if (depth > MAX_DEPTH) throw new GraphqlError('document is nested too deeply');
  if (!isObject(value)) throw mismatch(value, `ast.${name}`);
  const kind = name === 'Selection' ? selectionKind(value) : name;
  const out: Record<string, unknown> = name === 'Selection' ? { node: kind } : {};
  for (const [key, shape] of Object.entries(NODES[kind] ?? {})) {
    out[key] = memberFrom(objectGet(value, key), shape, depth + 1);
  }
  return out;
}

/** The JSON form does not name the kind of a selection; its members tell. */
function selectionKind(value: Parameters<typeof objectGet>[0]): string {
  if (objectGet(value, 'Alias') !== undefined) return 'Field';
  if (objectGet(value, 'TypeCondition') !== undefined) return 'InlineFragment';
  return objectGet(value, 'SelectionSet') !== undefined && objectGet(value, 'Name') === undefined
    ? 'InlineFragment'
    : 'FragmentSpread';
}

function memberFrom(value: Value | undefined, shape: Shape, depth: number): unknown {
  const given = value === null ? undefined : value;
  if (shape === 'string' || shape === 'boolean') {
    if (given === undefined) return shape === 'string' ? '' : false;
    if (typeof given !== shape) throw mismatch(given, shape === 'string' ? 'string' : 'bool');
    return given;
  }
  if (shape === 'number') {
    const number = given === undefined ? 0 : isNumber(given) ? toSafeInteger(given) : undefined;
    if (number === undefined) throw mismatch(given ?? null, 'int');
    return number;
  }
  if ('list' in shape) {
    if (given === undefined) return [];
    if (!isArray(given)) throw mismatch(given, `[]ast.${String(shape.list)}`);
    return given.map((item) =>
      shape.list === 'string' ? memberFrom(item, 'string', depth) : nodeFrom(item, String(shape.list), depth),
    );
  }
  if ('optional' in shape) return given === undefined ? undefined : nodeFrom(given, String(shape.optional), depth);
  return nodeFrom(given ?? {}, String(shape.node), depth);
}
