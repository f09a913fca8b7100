/** Validation of queries against a schema (section 5). The first error found, operations before fragments, is reported. */
import {
  type Argument,
  type ArgumentDefinition,
  type Definition,
  type Directive,
  type Field,
  type FragmentDefinition,
  type OperationDefinition,
  type QueryDocument,
  type Selection,
  type TypeNode,
  typeName,
  typeText,
  VALUE_KIND,
  type ValueNode,
  type VariableDefinition,
} from './ast.js';
import { GraphqlError, type Position } from './lexer.js';
import { mergeConflict } from './overlap.js';
import { fieldDefinition, isComposite, isInputKind, type Schema } from './schema.js';
import { checkValue } from './values.js';

/** Selections visited in one validation; fragments are followed per operation. */
const MAX_STEPS = 100_000;

/** Throws GraphqlError. */
export function validateQuery(schema: Schema, document: QueryDocument): void {
  new Validator(schema, document).run();
}

interface Located {
  readonly position?: Position;
}

function failAt(at: Located, message: string): GraphqlError {
  return new GraphqlError(message, at.position);
}

class Validator {
  readonly #schema: Schema;
  readonly #document: QueryDocument;
  readonly #fragments: ReadonlyMap<string, FragmentDefinition>;
  readonly #usedFragments = new Set<string>();
  #variables: ReadonlyMap<string, VariableDefinition> | undefined;
  #usedVariables = new Set<string>();
  #visiting: string[] = [];
  #steps = 0;

  constructor(schema: Schema, document: QueryDocument) {
    this.#schema = schema;
    this.#document = document;
    this.#fragments = new Map([...document.Fragments].reverse().map((fragment) => [fragment.Name, fragment]));
  }

  run(): void {
    const { Operations, Fragments } = this.#document;
    for (const [i, operation] of Operations.entries()) {
      if (operation.Name === '' && Operations.length > 1) {
        throw failAt(operation, 'This anonymous operation must be the only defined operation.');
      }
      if (operation.Name !== '' && Operations.slice(0, i).some(({ Name }) => Name === operation.Name)) {
        throw failAt(operation, `There can be only one operation named "${operation.Name}".`);
      }
      this.#operation(operation);
    }
    for (const [i, fragment] of Fragments.entries()) {
      if (Fragments.slice(0, i).some(({ Name }) => Name === fragment.Name)) {
        throw failAt(fragment, `There can be only one fragment named "${fragment.Name}".`);
      }
      this.#variables = undefined;
      this.#fragment(fragment);
    }
    for (const fragment of Fragments) {
      if (!this.#usedFragments.has(fragment.Name)) throw failAt(fragment, `Fragment "${fragment.Name}" is never used.`);
    }
  }

  #operation(operation: OperationDefinition): void {
    const root = this.#schema.roots[operation.Operation];
    if (root === undefined) {
      throw failAt(operation, `Schema does not support operation type "${operation.Operation}"`);
    }
    this.#defineVariables(operation.VariableDefinitions);
    this.#directives(operation.Directives, operation.Operation.toUpperCase());
    if (operation.Operation === 'subscription') this.#singleField(operation);
    this.#visiting = [];
    this.#selections(operation.SelectionSet, root);
    for (const variable of operation.VariableDefinitions) {
      if (this.#usedVariables.has(variable.Variable)) continue;
      const where = operation.Name === '' ? '' : ` in operation "${operation.Name}"`;
      throw failAt(variable, `Variable "$${variable.Variable}" is never used${where}.`);
    }
    const conflict = mergeConflict(this.#schema, root, operation.SelectionSet, this.#fragments);
    if (conflict !== undefined) throw conflict;
  }

  #defineVariables(list: readonly VariableDefinition[]): void {
    const variables = new Map<string, VariableDefinition>();
    for (const variable of list) {
      if (variables.has(variable.Variable)) {
        throw failAt(variable, `There can be only one variable named "$${variable.Variable}".`);
      }
      const definition = this.#schema.types.get(typeName(variable.Type));
      if (definition === undefined) throw failAt(variable.Type, `Unknown type "${typeName(variable.Type)}".`);
      if (!isInputKind(definition.Kind)) {
        throw failAt(
          variable,
          `Variable "$${variable.Variable}" cannot be non-input type "${typeText(variable.Type)}".`,
        );
      }
      if (variable.DefaultValue !== undefined) checkValue(this.#schema, variable.DefaultValue, variable.Type);
      this.#directives(variable.Directives, 'VARIABLE_DEFINITION');
      variables.set(variable.Variable, variable);
    }
    this.#variables = variables;
    this.#usedVariables = new Set();
  }

  #singleField(operation: OperationDefinition): void {
    const name = operation.Name === '' ? 'Anonymous Subscription' : `Subscription "${operation.Name}"`;
    if (operation.SelectionSet.length > 1) throw failAt(operation, `${name} must select only one top level field.`);
    const first = operation.SelectionSet[0];
    if (first?.node === 'Field' && first.Name.startsWith('__')) {
      throw failAt(operation, `${name} must not select an introspection top level field.`);
    }
  }

  #fragment(fragment: FragmentDefinition): void {
    const type = this.#conditionType(fragment.TypeCondition, fragment, `Fragment "${fragment.Name}"`);
    this.#directives(fragment.Directives, 'FRAGMENT_DEFINITION');
    this.#visiting = [fragment.Name];
    this.#selections(fragment.SelectionSet, type);
  }

  #conditionType(name: string, at: Located, what: string): Definition {
    const type = this.#schema.types.get(name);
    if (type === undefined) throw failAt(at, `Unknown type "${name}".`);
    if (!isComposite(type)) throw failAt(at, `${what} cannot condition on non composite type "${name}".`);
    return type;
  }

  #selections(list: readonly Selection[], parent: Definition): void {
    for (const selection of list) {
      if (++this.#steps > MAX_STEPS) throw failAt(selection, 'query is too large to validate');
      if (selection.node === 'Field') this.#field(selection, parent);
      else if (selection.node === 'InlineFragment') {
        const type =
          selection.TypeCondition === '' ? parent : this.#conditionType(selection.TypeCondition, selection, 'Fragment');
        if (!this.#overlaps(type, parent)) {
          throw failAt(
            selection,
            `Fragment cannot be spread here as objects of type "${parent.Name}" can never be of type "${type.Name}".`,
          );
        }
        this.#directives(selection.Directives, 'INLINE_FRAGMENT');
        this.#selections(selection.SelectionSet, type);
      } else {
        this.#directives(selection.Directives, 'FRAGMENT_SPREAD');
        this.#spread(selection.Name, selection, parent);
      }
    }
  }

  #spread(name: string, at: Located, parent: Definition): void {
    const fragment = this.#fragments.get(name);
    if (fragment === undefined) throw failAt(at, `Unknown fragment "${name}".`);
    this.#usedFragments.add(name);
    const start = this.#visiting.indexOf(name);
    if (start >= 0) {
      const via = this.#visiting.slice(start + 1).map((step) => `"${step}"`);
      throw failAt(
        at,
        `Cannot spread fragment "${name}" within itself${via.length === 0 ? '' : ` via ${via.join(', ')}`}.`,
      );
    }
    const type = this.#conditionType(fragment.TypeCondition, fragment, `Fragment "${name}"`);
    if (!this.#overlaps(type, parent)) {
      throw failAt(
        at,
        `Fragment "${name}" cannot be spread here as objects of type "${parent.Name}" can never be of type "${type.Name}".`,
      );
    }
    this.#visiting.push(name);
    this.#selections(fragment.SelectionSet, type);
    this.#visiting.pop();
  }

  #overlaps(a: Definition, b: Definition): boolean {
    if (a.Name === b.Name) return true;
    const left = this.#schema.possible.get(a.Name) ?? [];
    const right = this.#schema.possible.get(b.Name) ?? [];
    return left.some(({ Name }) => right.some((other) => other.Name === Name));
  }

  #field(field: Field, parent: Definition): void {
    const definition = fieldDefinition(parent, field.Name);
    if (definition === undefined) throw failAt(field, `Cannot query field "${field.Name}" on type "${parent.Name}".`);
    this.#arguments(
      field.Arguments,
      definition.Arguments,
      `Field "${field.Name}"`,
      (name) => `Unknown argument "${name}" on field "${parent.Name}.${field.Name}".`,
      field,
    );
    this.#directives(field.Directives, 'FIELD');
    const type = this.#schema.types.get(typeName(definition.Type));
    if (type === undefined) throw failAt(field, `Unknown type "${typeName(definition.Type)}".`);
    if (!isComposite(type)) {
      if (field.SelectionSet.length > 0) {
        throw failAt(
          field,
          `Field "${field.Name}" must not have a selection since type "${typeText(definition.Type)}" has no subfields.`,
        );
      }
      return;
    }
    if (field.SelectionSet.length === 0) {
      throw failAt(
        field,
        `Field "${field.Name}" of type "${typeText(definition.Type)}" must have a selection of subfields. Did you mean "${field.Name} { ... }"?`,
      );
    }
    this.#selections(field.SelectionSet, type);
  }

  #directives(list: readonly Directive[], location: string): void {
    for (const [i, directive] of list.entries()) {
      const definition = this.#schema.directives.get(directive.Name);
      if (definition === undefined) throw failAt(directive, `Unknown directive "@${directive.Name}".`);
      if (!definition.Locations.includes(location)) {
        throw failAt(directive, `Directive "@${directive.Name}" may not be used on ${location}.`);
      }
      if (!definition.IsRepeatable && list.slice(0, i).some(({ Name }) => Name === directive.Name)) {
        throw failAt(directive, `The directive "@${directive.Name}" can only be used once at this location.`);
      }
      this.#arguments(
        directive.Arguments,
        definition.Arguments,
        `Directive "@${directive.Name}"`,
        (name) => `Unknown argument "${name}" on directive "@${directive.Name}".`,
        directive,
      );
    }
  }

  #arguments(
    given: readonly Argument[],
    defined: readonly ArgumentDefinition[],
    owner: string,
    unknown: (name: string) => string,
    at: Located,
  ): void {
    for (const [i, arg] of given.entries()) {
      const definition = defined.find(({ Name }) => Name === arg.Name);
      if (definition === undefined) throw failAt(at, unknown(arg.Name));
      if (given.slice(0, i).some(({ Name }) => Name === arg.Name)) {
        throw failAt(at, `There can be only one argument named "${arg.Name}".`);
      }
      this.#value(arg.Value, definition.Type, definition.DefaultValue !== undefined);
    }
    for (const { Name, Type, DefaultValue } of defined) {
      if (!Type.NonNull || DefaultValue !== undefined || given.some((arg) => arg.Name === Name)) continue;
      throw failAt(at, `${owner} argument "${Name}" of type "${typeText(Type)}" is required, but it was not provided.`);
    }
  }

  #value(value: ValueNode, type: TypeNode, hasDefault: boolean): void {
    checkValue(
      this.#schema,
      value,
      type,
      (variable, wanted, wantedDefault) => {
        this.#variable(variable, wanted, wantedDefault);
      },
      hasDefault,
    );
  }

  /** Variables are checked per operation; a fragment by itself declares none. */
  #variable(value: ValueNode, type: TypeNode, hasDefault: boolean): void {
    if (this.#variables === undefined || value.Kind !== VALUE_KIND.variable) return;
    const definition = this.#variables.get(value.Raw);
    if (definition === undefined) throw failAt(value, `Variable "$${value.Raw}" is not defined.`);
    this.#usedVariables.add(value.Raw);
    // Section 5.8.5: a nullable variable fits where it or the position has a default.
    let wanted = type;
    const isFilled = definition.DefaultValue !== undefined && definition.DefaultValue.Kind !== VALUE_KIND.null;
    if (wanted.NonNull && !definition.Type.NonNull && (isFilled || hasDefault)) wanted = { ...wanted, NonNull: false };
    if (!fits(definition.Type, wanted)) {
      throw failAt(
        value,
        `Variable "$${value.Raw}" of type "${typeText(definition.Type)}" used in position expecting type "${typeText(type)}".`,
      );
    }
  }
}

function fits(actual: TypeNode, wanted: TypeNode): boolean {
  if (wanted.NonNull && !actual.NonNull) return false;
  if (wanted.Elem === undefined || actual.Elem === undefined) {
    return wanted.Elem === actual.Elem && wanted.NamedType === actual.NamedType;
  }
  return fits(actual.Elem, wanted.Elem);
}
