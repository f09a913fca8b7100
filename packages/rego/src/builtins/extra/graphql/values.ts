/** Values of correct type (section 5.6). */
import { type Definition, type TypeNode, typeName, typeText, VALUE_KIND, type ValueNode } from './ast.js';
import { GraphqlError } from './lexer.js';
import type { Schema } from './schema.js';

export type OnVariable = (variable: ValueNode, type: TypeNode, hasDefault: boolean) => void;

function fail(value: ValueNode, message: string): GraphqlError {
  return new GraphqlError(message, value.position);
}

/** The value as it would be written. */
function text(value: ValueNode): string {
  switch (value.Kind) {
    case VALUE_KIND.variable:
      return `$${value.Raw}`;
    case VALUE_KIND.string:
    case VALUE_KIND.block:
      return JSON.stringify(value.Raw);
    case VALUE_KIND.list:
      return `[${value.Children.map((child) => text(child.Value)).join(',')}]`;
    case VALUE_KIND.object:
      return `{${value.Children.map((child) => `${child.Name}:${text(child.Value)}`).join(',')}}`;
    default:
      return value.Raw;
  }
}

const KIND_TEXT: Readonly<Record<string, (kind: number) => boolean>> = {
  Int: (kind) => kind === VALUE_KIND.int,
  Float: (kind) => kind === VALUE_KIND.int || kind === VALUE_KIND.float,
  String: (kind) => kind === VALUE_KIND.string || kind === VALUE_KIND.block,
  Boolean: (kind) => kind === VALUE_KIND.boolean,
  ID: (kind) => kind === VALUE_KIND.int || kind === VALUE_KIND.string || kind === VALUE_KIND.block,
};

/** Checks a value against a type; variables in it are handed to `onVariable`. Throws GraphqlError. */
export function checkValue(
  schema: Schema,
  value: ValueNode,
  type: TypeNode,
  onVariable: OnVariable = () => {},
  hasDefault = false,
): void {
  if (value.Kind === VALUE_KIND.variable) {
    onVariable(value, type, hasDefault);
    return;
  }
  if (value.Kind === VALUE_KIND.null) {
    if (type.NonNull) throw fail(value, `Expected value of type "${typeText(type)}", found null.`);
    return;
  }
  if (type.Elem !== undefined) {
    // Section 3.11: a single value stands for a list of one.
    if (value.Kind !== VALUE_KIND.list) checkValue(schema, value, type.Elem, onVariable);
    else for (const child of value.Children) checkValue(schema, child.Value, type.Elem, onVariable);
    return;
  }
  const definition = schema.types.get(typeName(type));
  if (definition === undefined) throw fail(value, `Unknown type "${typeName(type)}".`);
  if (definition.Kind === 'SCALAR') checkScalar(value, type, definition, onVariable);
  else if (definition.Kind === 'ENUM') checkEnum(value, definition);
  else if (definition.Kind === 'INPUT_OBJECT') checkObject(schema, value, type, definition, onVariable);
  else throw fail(value, `${typeText(type)} cannot represent value: ${text(value)}`);
}

function checkScalar(value: ValueNode, type: TypeNode, definition: Definition, onVariable: OnVariable): void {
  const accepts = Object.hasOwn(KIND_TEXT, definition.Name) ? KIND_TEXT[definition.Name] : undefined;
  if (accepts === undefined) {
    // A custom scalar takes anything; variables inside it still count as used.
    for (const child of value.Children) {
      if (child.Value.Kind === VALUE_KIND.variable) onVariable(child.Value, type, true);
      else if (child.Value.Children.length > 0) checkScalar(child.Value, type, definition, onVariable);
    }
    return;
  }
  if (!accepts(value.Kind)) {
    const kinds: Readonly<Record<string, string>> = {
      Int: 'non-integer value',
      Float: 'non numeric value',
      String: 'a non string value',
      Boolean: 'a non boolean value',
      ID: 'a non-string and non-integer value',
    };
    throw fail(value, `${definition.Name} cannot represent ${kinds[definition.Name]}: ${text(value)}`);
  }
  if (definition.Name === 'Int' && (BigInt(value.Raw) > 2147483647n || BigInt(value.Raw) < -2147483648n)) {
    throw fail(value, `Int cannot represent non 32-bit signed integer value: ${value.Raw}`);
  }
}

function checkEnum(value: ValueNode, definition: Definition): void {
  if (value.Kind !== VALUE_KIND.enum) {
    throw fail(value, `Enum "${definition.Name}" cannot represent non-enum value: ${text(value)}.`);
  }
  if (!definition.EnumValues.some(({ Name }) => Name === value.Raw)) {
    throw fail(value, `Value "${text(value)}" does not exist in "${definition.Name}" enum.`);
  }
}

function checkObject(
  schema: Schema,
  value: ValueNode,
  type: TypeNode,
  definition: Definition,
  onVariable: OnVariable,
): void {
  if (value.Kind !== VALUE_KIND.object) {
    throw fail(value, `Expected value of type "${typeText(type)}", found ${text(value)}.`);
  }
  for (const [i, child] of value.Children.entries()) {
    const field = definition.Fields.find(({ Name }) => Name === child.Name);
    if (field === undefined) throw fail(value, `Field "${child.Name}" is not defined by type "${definition.Name}".`);
    if (value.Children.slice(0, i).some(({ Name }) => Name === child.Name)) {
      throw fail(value, `There can be only one input field named "${child.Name}".`);
    }
    checkValue(schema, child.Value, field.Type, onVariable, field.DefaultValue !== undefined);
  }
  for (const field of definition.Fields) {
    if (!field.Type.NonNull || field.DefaultValue !== undefined) continue;
    if (value.Children.some(({ Name }) => Name === field.Name)) continue;
    throw fail(
      value,
      `Field "${definition.Name}.${field.Name}" of required type "${typeText(field.Type)}" was not provided.`,
    );
  }
}
