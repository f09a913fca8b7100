/**
 * Syntax trees as gqlparser shapes them; the capitalised names are those of the JSON form that policies see, where
 * `position` is left out.
 */
import type { Position } from './lexer.js';

interface Located {
  position?: Position;
}

export const VALUE_KIND = {
  variable: 0,
  int: 1,
  float: 2,
  string: 3,
  block: 4,
  boolean: 5,
  null: 6,
  enum: 7,
  list: 8,
  object: 9,
} as const;

export interface ValueNode extends Located {
  Raw: string;
  Children: ChildValue[];
  Kind: number;
  ExpectedTypeHasDefault: boolean;
}

export interface ChildValue extends Located {
  Name: string;
  Value: ValueNode;
}

export interface TypeNode extends Located {
  NamedType: string;
  Elem: TypeNode | undefined;
  NonNull: boolean;
}

export interface Argument extends Located {
  Name: string;
  Value: ValueNode;
}

export interface Directive extends Located {
  Name: string;
  Arguments: Argument[];
  Location: string;
}

export interface Field extends Located {
  node: 'Field';
  Alias: string;
  Name: string;
  Arguments: Argument[];
  Directives: Directive[];
  SelectionSet: Selection[];
}

interface FragmentSpread extends Located {
  node: 'FragmentSpread';
  Name: string;
  Directives: Directive[];
}

interface InlineFragment extends Located {
  node: 'InlineFragment';
  TypeCondition: string;
  Directives: Directive[];
  SelectionSet: Selection[];
}

export type Selection = Field | FragmentSpread | InlineFragment;

export interface VariableDefinition extends Located {
  Variable: string;
  Type: TypeNode;
  DefaultValue: ValueNode | undefined;
  Directives: Directive[];
  Used: boolean;
}

export interface OperationDefinition extends Located {
  Operation: string;
  Name: string;
  VariableDefinitions: VariableDefinition[];
  Directives: Directive[];
  SelectionSet: Selection[];
}

export interface FragmentDefinition extends Located {
  Name: string;
  VariableDefinition: VariableDefinition[];
  TypeCondition: string;
  Directives: Directive[];
  SelectionSet: Selection[];
}

export interface QueryDocument {
  Operations: OperationDefinition[];
  Fragments: FragmentDefinition[];
}

export interface ArgumentDefinition extends Located {
  Description: string;
  Name: string;
  DefaultValue: ValueNode | undefined;
  Type: TypeNode;
  Directives: Directive[];
}

export interface FieldDefinition extends ArgumentDefinition {
  Arguments: ArgumentDefinition[];
}

export interface EnumValueDefinition extends Located {
  Description: string;
  Name: string;
  Directives: Directive[];
}

export interface Definition extends Located {
  Kind: string;
  Description: string;
  Name: string;
  Directives: Directive[];
  Interfaces: string[];
  Fields: FieldDefinition[];
  Types: string[];
  EnumValues: EnumValueDefinition[];
  BuiltIn: boolean;
}

export interface DirectiveDefinition extends Located {
  Description: string;
  Name: string;
  Arguments: ArgumentDefinition[];
  Locations: string[];
  IsRepeatable: boolean;
}

export interface OperationTypeDefinition extends Located {
  Operation: string;
  Type: string;
}

export interface SchemaDefinition extends Located {
  Description: string;
  Directives: Directive[];
  OperationTypes: OperationTypeDefinition[];
}

export interface SchemaDocument {
  Schema: SchemaDefinition[];
  SchemaExtension: SchemaDefinition[];
  Directives: DirectiveDefinition[];
  Definitions: Definition[];
  Extensions: Definition[];
}

export function typeName(type: TypeNode): string {
  return type.Elem === undefined ? type.NamedType : typeName(type.Elem);
}

/** `[Name!]!` */
export function typeText(type: TypeNode): string {
  return `${type.Elem === undefined ? type.NamedType : `[${typeText(type.Elem)}]`}${type.NonNull ? '!' : ''}`;
}
