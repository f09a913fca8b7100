/** Field selection merging (section 5.3.2): fields that answer under one name must be the same field. */
import {
  type Definition,
  type Field,
  type FragmentDefinition,
  type Selection,
  type TypeNode,
  typeName,
  typeText,
  type ValueNode,
} from './ast.js';
import { GraphqlError } from './lexer.js';
import { fieldDefinition, isComposite, type Schema } from './schema.js';

interface Entry {
  readonly field: Field;
  readonly parent: Definition;
  readonly type: TypeNode | undefined;
}

/** Fields collected and pairs compared before a query is refused as too large. */
const MAX_PAIRS = 200_000;

export function mergeConflict(
  schema: Schema,
  root: Definition,
  selections: readonly Selection[],
  fragments: ReadonlyMap<string, FragmentDefinition>,
): GraphqlError | undefined {
  return new Merger(schema, fragments).check([{ parent: root, selections }]);
}

interface Group {
  readonly parent: Definition;
  readonly selections: readonly Selection[];
}

class Merger {
  readonly #schema: Schema;
  readonly #fragments: ReadonlyMap<string, FragmentDefinition>;
  #pairs = 0;

  constructor(schema: Schema, fragments: ReadonlyMap<string, FragmentDefinition>) {
    this.#schema = schema;
    this.#fragments = fragments;
  }

  check(groups: readonly Group[]): GraphqlError | undefined {
    const byAlias = new Map<string, Entry[]>();
    const seen = new Set<string>();
    for (const group of groups) this.#collect(group, byAlias, seen);
    for (const [alias, entries] of byAlias) {
      const first = entries[0] as Entry;
      for (const other of entries.slice(1)) {
        if (++this.#pairs > MAX_PAIRS) throw new GraphqlError('query is too large to validate', other.field.position);
        const reason = this.#difference(first, other);
        if (reason !== undefined) {
          return new GraphqlError(
            `Fields "${alias}" conflict because ${reason}. Use different aliases on the fields to fetch both if this was intentional.`,
            first.field.position,
          );
        }
      }
      const below = entries.flatMap(({ field, type }) => {
        const parent = type && this.#schema.types.get(typeName(type));
        return parent === undefined || !isComposite(parent) ? [] : [{ parent, selections: field.SelectionSet }];
      });
      const conflict = below.length === 0 ? undefined : this.check(below);
      if (conflict !== undefined) return conflict;
    }
    return undefined;
  }

  #collect({ parent, selections }: Group, byAlias: Map<string, Entry[]>, seen: Set<string>): void {
    for (const selection of selections) {
      if (++this.#pairs > MAX_PAIRS) throw new GraphqlError('query is too large to validate', selection.position);
      if (selection.node === 'Field') {
        const list = byAlias.get(selection.Alias) ?? [];
        list.push({ field: selection, parent, type: fieldDefinition(parent, selection.Name)?.Type });
        byAlias.set(selection.Alias, list);
        continue;
      }
      let condition: string;
      let inner: readonly Selection[];
      if (selection.node === 'InlineFragment') {
        condition = selection.TypeCondition === '' ? parent.Name : selection.TypeCondition;
        inner = selection.SelectionSet;
      } else {
        const fragment = this.#fragments.get(selection.Name);
        if (fragment === undefined || seen.has(`${parent.Name} ${selection.Name}`)) continue;
        seen.add(`${parent.Name} ${selection.Name}`);
        condition = fragment.TypeCondition;
        inner = fragment.SelectionSet;
      }
      const type = this.#schema.types.get(condition);
      if (type !== undefined) this.#collect({ parent: type, selections: inner }, byAlias, seen);
    }
  }

  #difference(a: Entry, b: Entry): string | undefined {
    // Two different object types never answer for the same object; then only the shapes must agree.
    const exclusive = a.parent.Name !== b.parent.Name && a.parent.Kind === 'OBJECT' && b.parent.Kind === 'OBJECT';
    if (!exclusive) {
      if (a.field.Name !== b.field.Name) return `${a.field.Name} and ${b.field.Name} are different fields`;
      if (!sameArguments(a.field, b.field)) return 'they have differing arguments';
    }
    if (a.type !== undefined && b.type !== undefined && this.#shapesDiffer(a.type, b.type)) {
      return `they return conflicting types ${typeText(a.type)} and ${typeText(b.type)}`;
    }
    return undefined;
  }

  #shapesDiffer(a: TypeNode, b: TypeNode): boolean {
    if (a.NonNull !== b.NonNull) return true;
    if (a.Elem !== undefined || b.Elem !== undefined) {
      return a.Elem === undefined || b.Elem === undefined || this.#shapesDiffer(a.Elem, b.Elem);
    }
    const [left, right] = [this.#schema.types.get(a.NamedType), this.#schema.types.get(b.NamedType)];
    return !(isComposite(left) && isComposite(right)) && a.NamedType !== b.NamedType;
  }
}

function sameArguments(a: Field, b: Field): boolean {
  if (a.Arguments.length !== b.Arguments.length) return false;
  return a.Arguments.every((arg) => {
    const other = b.Arguments.find(({ Name }) => Name === arg.Name);
    return other !== undefined && sameValue(arg.Value, other.Value);
  });
}

function sameValue(a: ValueNode, b: ValueNode): boolean {
  if (a.Kind !== b.Kind || a.Raw !== b.Raw || a.Children.length !== b.Children.length) return false;
  return a.Children.every((child, i) => {
    const other = b.Children[i] as (typeof b.Children)[number];
    return child.Name === other.Name && sameValue(child.Value, other.Value);
  });
}
