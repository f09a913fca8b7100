/** Builds a schema from its document and checks it (section 3), with the texts of gqlparser. */
import {
  type ArgumentDefinition,
  type Definition,
  type Directive,
  type DirectiveDefinition,
  type FieldDefinition,
  type OperationTypeDefinition,
  type SchemaDocument,
  type TypeNode,
  typeName,
  typeText,
} from './ast.js';
import { GraphqlError } from './lexer.js';
import { preludeDocument } from './prelude.js';

export interface Schema {
  readonly types: ReadonlyMap<string, Definition>;
  readonly directives: ReadonlyMap<string, DirectiveDefinition>;
  /** Object types behind an interface, a union, or the object itself. */
  readonly possible: ReadonlyMap<string, readonly Definition[]>;
  readonly roots: Readonly<Record<string, Definition | undefined>>;
}

const REDEFINABLE = new Set(['include', 'skip', 'deprecated', 'specifiedBy']);

/** Throws GraphqlError with the first thing that is wrong. */
export function buildSchema(document: SchemaDocument): Schema {
  const prelude = preludeDocument();
  const definitions = [...prelude.Definitions, ...document.Definitions];
  const types = collectTypes(definitions, document.Extensions);
  const schema: Schema = {
    types,
    directives: collectDirectives([...prelude.Directives, ...document.Directives]),
    possible: possibleTypes([...types.values()]),
    roots: collectRoots(document, types),
  };
  for (const name of [...types.keys()].sort()) checkDefinition(schema, types.get(name) as Definition);
  for (const name of [...schema.directives.keys()].sort()) {
    const directive = schema.directives.get(name) as DirectiveDefinition;
    checkName(directive.Name, directive);
    checkArguments(schema, directive.Arguments, directive);
  }
  const query = schema.roots['query'];
  if (query !== undefined) addIntrospection(query);
  return schema;
}

function collectTypes(definitions: readonly Definition[], extensions: readonly Definition[]): Map<string, Definition> {
  const types = new Map<string, Definition>();
  for (const definition of definitions) {
    if (types.has(definition.Name))
      throw new GraphqlError(`Cannot redeclare type ${definition.Name}.`, definition.position);
    // Extensions are added to a copy: the document itself is shown to the policy as it was given.
    types.set(definition.Name, copyOf(definition));
  }
  for (const extension of extensions) {
    let base = types.get(extension.Name);
    if (base === undefined) {
      base = {
        ...copyOf(extension),
        Directives: [],
        Interfaces: [],
        Fields: [],
        Types: [],
        EnumValues: [],
        Description: '',
      };
      types.set(extension.Name, base);
    }
    if (base.Kind !== extension.Kind) {
      throw new GraphqlError(
        `Cannot extend type ${extension.Name} because the base type is a ${base.Kind}, not ${extension.Kind}.`,
        extension.position,
      );
    }
    base.Directives.push(...extension.Directives);
    base.Interfaces.push(...extension.Interfaces);
    base.Fields.push(...extension.Fields);
    base.Types.push(...extension.Types);
    base.EnumValues.push(...extension.EnumValues);
  }
  return types;
}

function copyOf(definition: Definition): Definition {
  return {
    ...definition,
    Directives: [...definition.Directives],
    Interfaces: [...definition.Interfaces],
    Fields: [...definition.Fields],
    Types: [...definition.Types],
    EnumValues: [...definition.EnumValues],
  };
}

function possibleTypes(definitions: readonly Definition[]): Map<string, Definition[]> {
  const possible = new Map<string, Definition[]>();
  const byName = new Map(definitions.map((definition) => [definition.Name, definition]));
  const add = (name: string, definition: Definition | undefined): void => {
    if (definition === undefined) return;
    const list = possible.get(name) ?? [];
    list.push(definition);
    possible.set(name, list);
  };
  for (const definition of definitions) {
    if (definition.Kind === 'UNION') for (const member of definition.Types) add(definition.Name, byName.get(member));
    if (['OBJECT', 'INPUT_OBJECT', 'INTERFACE'].includes(definition.Kind)) {
      for (const name of definition.Interfaces) add(name, definition);
    }
    if (definition.Kind === 'OBJECT' || definition.Kind === 'INPUT_OBJECT') add(definition.Name, definition);
  }
  return possible;
}

function collectDirectives(list: readonly DirectiveDefinition[]): Map<string, DirectiveDefinition> {
  const directives = new Map<string, DirectiveDefinition>();
  for (const directive of list) {
    if (directives.has(directive.Name)) {
      // A schema may spell out the built-in directives; the built-in form stays.
      if (REDEFINABLE.has(directive.Name)) continue;
      throw new GraphqlError(`Cannot redeclare directive ${directive.Name}.`, directive.position);
    }
    directives.set(directive.Name, directive);
  }
  return directives;
}

function collectRoots(
  document: SchemaDocument,
  types: ReadonlyMap<string, Definition>,
): Record<string, Definition | undefined> {
  const second = document.Schema[1];
  if (second !== undefined) {
    throw new GraphqlError(
      'Cannot have multiple schema entry points, consider schema extensions instead.',
      second.position,
    );
  }
  const roots: Record<string, Definition | undefined> = {};
  const add = ({ Operation, Type, position }: OperationTypeDefinition): void => {
    const definition = types.get(Type);
    if (definition === undefined) {
      throw new GraphqlError(`Schema root ${Operation} refers to a type ${Type} that does not exist.`, position);
    }
    roots[Operation] = definition;
  };
  for (const entry of [...document.Schema, ...document.SchemaExtension])
    for (const operation of entry.OperationTypes) add(operation);
  if (document.Schema.length === 0) {
    // Without a `schema` the conventional names are the roots.
    for (const [operation, name] of [
      ['query', 'Query'],
      ['mutation', 'Mutation'],
      ['subscription', 'Subscription'],
    ] as const) {
      roots[operation] ??= types.get(name);
    }
  }
  return roots;
}

function namedType(name: string, isNonNull: boolean): TypeNode {
  return { NamedType: name, Elem: undefined, NonNull: isNonNull };
}

function addIntrospection(query: Definition): void {
  const field = (name: string, type: TypeNode, args: ArgumentDefinition[]): FieldDefinition => ({
    Description: '',
    Name: name,
    Arguments: args,
    DefaultValue: undefined,
    Type: type,
    Directives: [],
  });
  const name: ArgumentDefinition = {
    Description: '',
    Name: 'name',
    DefaultValue: undefined,
    Type: namedType('String', true),
    Directives: [],
  };
  query.Fields.push(
    field('__schema', namedType('__Schema', true), []),
    field('__type', namedType('__Type', false), [name]),
  );
}

type Located = Pick<Definition, 'position'>;

function fail(at: Located, message: string): GraphqlError {
  return new GraphqlError(message, at.position);
}

function checkName(name: string, at: Located): void {
  if (name.startsWith('__')) {
    throw fail(at, `Name "${name}" must not begin with "__", which is reserved by GraphQL introspection.`);
  }
}

function checkTypeReference(schema: Schema, type: TypeNode): void {
  if (!schema.types.has(typeName(type))) throw fail(type, `Undefined type ${typeName(type)}.`);
}

export function isInputKind(kind: string): boolean {
  return kind === 'SCALAR' || kind === 'ENUM' || kind === 'INPUT_OBJECT';
}

function checkArguments(schema: Schema, args: readonly ArgumentDefinition[], current?: DirectiveDefinition): void {
  for (const arg of args) {
    checkName(arg.Name, arg);
    checkTypeReference(schema, arg.Type);
    const { Kind } = schema.types.get(typeName(arg.Type)) as Definition;
    if (!isInputKind(Kind)) {
      throw fail(
        arg,
        `cannot use ${typeText(arg.Type)} as argument ${arg.Name} because ${Kind} is not a valid input type`,
      );
    }
    checkDirectives(schema, arg.Directives, 'ARGUMENT_DEFINITION', current);
  }
}

function checkDirectives(
  schema: Schema,
  list: readonly Directive[],
  location: string,
  current?: DirectiveDefinition,
): void {
  for (const directive of list) {
    checkName(directive.Name, directive);
    if (directive.Name === current?.Name) throw fail(directive, `Directive ${directive.Name} cannot refer to itself.`);
    const definition = schema.directives.get(directive.Name);
    if (definition === undefined) throw fail(directive, `Undefined directive ${directive.Name}.`);
    if (!definition.Locations.includes(location)) {
      throw fail(directive, `Directive ${directive.Name} is not applicable on ${location}.`);
    }
  }
}

const OUTPUT_KINDS = ['SCALAR', 'OBJECT', 'INTERFACE', 'UNION', 'ENUM'];
const INPUT_KINDS = ['SCALAR', 'ENUM', 'INPUT_OBJECT'];

function checkDefinition(schema: Schema, definition: Definition): void {
  const { Kind, Name } = definition;
  for (const field of definition.Fields) {
    checkName(field.Name, field);
    checkTypeReference(schema, field.Type);
    checkArguments(schema, field.Arguments);
    const location = Kind === 'INPUT_OBJECT' ? 'INPUT_FIELD_DEFINITION' : 'FIELD_DEFINITION';
    checkDirectives(schema, field.Directives, location);
  }
  for (const member of definition.Types) {
    const type = schema.types.get(member);
    if (type === undefined) throw fail(definition, `Undefined type "${member}".`);
    if (type.Kind !== 'OBJECT') throw fail(definition, `${Kind} type "${member}" must be OBJECT.`);
  }
  for (const name of definition.Interfaces) checkImplements(schema, definition, name);
  checkContents(schema, definition);
  const seen = new Set<string>();
  for (const field of definition.Fields) {
    if (seen.has(field.Name)) throw fail(field, `Field ${Name}.${field.Name} can only be defined once.`);
    seen.add(field.Name);
  }
  if (!definition.BuiltIn) checkName(Name, definition);
  checkDirectives(schema, definition.Directives, Kind);
}

function checkContents(schema: Schema, definition: Definition): void {
  const { Kind, Name } = definition;
  const kindOf = (field: FieldDefinition): string => schema.types.get(typeName(field.Type))?.Kind ?? '';
  if (Kind === 'OBJECT' || Kind === 'INTERFACE') {
    if (definition.Fields.length === 0) throw fail(definition, `${Kind} ${Name}: must define one or more fields.`);
    for (const field of definition.Fields) {
      if (!OUTPUT_KINDS.includes(kindOf(field))) {
        throw fail(field, `${Kind} ${Name}: field must be one of ${OUTPUT_KINDS.join(', ')}.`);
      }
    }
  }
  if (Kind === 'ENUM') {
    if (definition.EnumValues.length === 0)
      throw fail(definition, `ENUM ${Name}: must define one or more unique enum values.`);
    for (const value of definition.EnumValues) {
      if (['true', 'false', 'null'].includes(value.Name))
        throw fail(definition, `ENUM ${Name}: non-enum value ${value.Name}.`);
    }
  }
  if (Kind === 'INPUT_OBJECT') {
    if (definition.Fields.length === 0)
      throw fail(definition, `INPUT_OBJECT ${Name}: must define one or more input fields.`);
    for (const field of definition.Fields) {
      if (!INPUT_KINDS.includes(kindOf(field))) {
        throw fail(field, `${kindOf(field)} ${field.Name}: field must be one of ${INPUT_KINDS.join(', ')}.`);
      }
    }
  }
}

/** Section 3.6: an object has every field of its interfaces, with compatible types and arguments. */
function checkImplements(schema: Schema, definition: Definition, name: string): void {
  const required = schema.types.get(name);
  if (required === undefined) throw fail(definition, `Undefined type "${name}".`);
  if (required.Kind !== 'INTERFACE') throw fail(definition, `"${name}" is a non interface type ${required.Kind}.`);
  const prefix = `For ${definition.Name} to implement ${name}`;
  for (const wanted of required.Fields) {
    const found = definition.Fields.find((field) => field.Name === wanted.Name);
    if (found === undefined) throw fail(definition, `${prefix} it must have a field called ${wanted.Name}.`);
    if (!isCovariant(schema, wanted.Type, found.Type)) {
      throw fail(found, `${prefix} the field ${wanted.Name} must have type ${typeText(wanted.Type)}.`);
    }
    for (const arg of wanted.Arguments) {
      const other = found.Arguments.find(({ Name }) => Name === arg.Name);
      const same = `${prefix} the field ${wanted.Name} must have the same arguments but`;
      if (other === undefined) throw fail(found, `${same} it is missing ${arg.Name}.`);
      if (!isCompatible(arg.Type, other.Type)) throw fail(other, `${same} ${arg.Name} has the wrong type.`);
    }
    for (const arg of found.Arguments) {
      const isExtra = !wanted.Arguments.some(({ Name }) => Name === arg.Name);
      if (isExtra && arg.Type.NonNull && arg.DefaultValue === undefined) {
        throw fail(
          arg,
          `${prefix} any additional arguments on ${found.Name} must be optional or have a default value but ${arg.Name} is required.`,
        );
      }
    }
  }
  for (const ancestor of required.Interfaces) {
    if (definition.Interfaces.includes(ancestor)) continue;
    if (ancestor === definition.Name) {
      throw fail(
        definition,
        `Type ${definition.Name} cannot implement ${name} because it would create a circular reference.`,
      );
    }
    throw fail(definition, `Type ${definition.Name} must implement ${ancestor} because it is implemented by ${name}.`);
  }
}

function isCovariant(schema: Schema, wanted: TypeNode, actual: TypeNode): boolean {
  if (wanted.NonNull && !actual.NonNull) return false;
  if (wanted.Elem !== undefined) return actual.Elem !== undefined && isCovariant(schema, wanted.Elem, actual.Elem);
  if (wanted.NamedType === actual.NamedType) return true;
  return (schema.possible.get(wanted.NamedType) ?? []).some(({ Name }) => Name === actual.NamedType);
}

/** Can a value of type `other` go where `type` is wanted? Names and lists must agree; non-null fits nullable. */
function isCompatible(type: TypeNode, other: TypeNode): boolean {
  if (type.NamedType !== other.NamedType) return false;
  if (type.Elem !== undefined && other.Elem === undefined) return false;
  if (type.Elem !== undefined && other.Elem !== undefined && !isCompatible(type.Elem, other.Elem)) return false;
  return !other.NonNull || type.NonNull;
}

export function isComposite(definition: Definition | undefined): boolean {
  return definition !== undefined && ['OBJECT', 'INTERFACE', 'UNION'].includes(definition.Kind);
}

const TYPENAME: FieldDefinition = {
  Description: '',
  Name: '__typename',
  Arguments: [],
  DefaultValue: undefined,
  Type: { NamedType: 'String', Elem: undefined, NonNull: true },
  Directives: [],
};

export function fieldDefinition(parent: Definition, name: string): FieldDefinition | undefined {
  if (name === '__typename') return TYPENAME;
  return parent.Fields.find((field) => field.Name === name);
}
