/**
 * Documents that rules may be part of: inner nodes of the rule tree, merged with the base document at the same path and with
 * what `with` replaced there. They stay open (a position in the three trees) while keys are applied, and are built at the end.
 */
import type { RuleNode } from '../compiler/ir.js';
import { type AnyObject, isObject, ObjectBuilder, objectEntries, type Value } from '../value/index.js';
import { baseLookup, documentKeys, enumerate, lookup, sortStrings } from './access.js';
import { EvaluationError } from './errors.js';
import type { Overlay } from './overlay.js';
import type { Layer } from './state.js';

/** A position below `data`. It travels in slots like a value, but never leaves {@link settle}. */
export class OpenDocument {
  readonly node: RuleNode | undefined;
  readonly base: Value | undefined;
  readonly overlay: Overlay | undefined;

  constructor(node: RuleNode | undefined, base: Value | undefined, overlay: Overlay | undefined) {
    this.node = node;
    this.base = base;
    this.overlay = overlay;
  }
}

/** A value, or an open document standing in for one. */
type Position = Value | OpenDocument | undefined;

function at(c: Layer, node: RuleNode | undefined, base: Value | undefined, overlay: Overlay | undefined): Position {
  if (overlay?.value !== undefined) return overlay.value;
  if (node?.kind === 'function') return base;
  if (node?.kind !== undefined) return c.evaluation.rule(node).evaluate(c);
  if (node === undefined && overlay === undefined) return base;
  return new OpenDocument(node, base, overlay);
}

/** One key further. */
export function documentStep(c: Layer, position: Value, key: Value): Value | undefined {
  const open: unknown = position;
  if (!(open instanceof OpenDocument)) return lookup(position, key);
  if (typeof key !== 'string') return baseLookup(open.base, key);
  const node = open.node?.children.get(key);
  const overlay = open.overlay?.children?.get(key);
  return at(c, node, lookup(open.base, key), overlay) as Value | undefined;
}

/** The position at a path of names below `data`. */
export function resolveDocument(c: Layer, names: readonly string[]): Value | undefined {
  let position: Value | undefined = at(c, c.evaluation.root, c.data, c.overlay) as Value | undefined;
  for (const name of names) {
    if (position === undefined) return undefined;
    position = documentStep(c, position, name);
  }
  return position;
}

/** Names and values below a position, in order. Rules without a value are left out. */
export function enumerateDocument(c: Layer, position: Value, visit: (key: Value, value: Value) => boolean): boolean {
  const open: unknown = position;
  if (!(open instanceof OpenDocument)) return enumerate(position, visit);
  for (const key of keysOf(open)) {
    const value = documentStep(c, position, key);
    if (value !== undefined && visit(key, value)) return true;
  }
  return false;
}

function keysOf(open: OpenDocument): Value[] {
  const names = new Set<string>();
  const others: Value[] = [];
  for (const key of documentKeys(open.base)) {
    if (typeof key === 'string') names.add(key);
    else others.push(key);
  }
  for (const [name, child] of open.node?.children ?? []) if (child.kind !== 'function') names.add(name);
  for (const name of open.overlay?.children?.keys() ?? []) names.add(name);
  return [...others, ...sortStrings(names)];
}

/** The document as a value. */
export function settle(c: Layer, position: Value | undefined): Value | undefined {
  const open: unknown = position;
  if (!(open instanceof OpenDocument)) return position;
  const { node } = open;
  if (node === undefined) return merge(c, open);
  const known = c.cache[node.index];
  if (known !== undefined) return known as Value;
  const value = merge(c, open);
  c.cache[node.index] = value;
  return value;
}

function merge(c: Layer, open: OpenDocument): Value {
  const { base } = open;
  if (base !== undefined && !isObject(base) && open.overlay !== undefined) {
    throw new EvaluationError('eval_with_merge_error', 'real and replacement data could not be merged');
  }
  const builder = base !== undefined && isObject(base) ? copyOf(c, base) : new ObjectBuilder();
  const position = open as unknown as Value;
  const names = new Set([...(open.node?.children.keys() ?? []), ...(open.overlay?.children?.keys() ?? [])]);
  for (const name of names) {
    const value = settle(c, documentStep(c, position, name));
    if (value !== undefined)
      builder.set(name, open.overlay === undefined ? preferBase(builder.get(name), value) : value);
  }
  return builder.build();
}

/** In the document as a whole, base data wins over the value of a rule at the same path (asked for by path, the rule wins). */
function preferBase(base: Value | undefined, value: Value): Value {
  if (base === undefined) return value;
  if (!isObject(base) || !isObject(value)) return base;
  const builder = ObjectBuilder.from(value);
  for (const { key, value: inner } of objectEntries(base)) {
    const other = builder.get(key);
    builder.set(key, other === undefined ? inner : preferBase(inner, other));
  }
  return builder.build();
}

function copyOf(c: Layer, base: AnyObject): ObjectBuilder {
  const builder = ObjectBuilder.from(base);
  c.meter.alloc(builder.size);
  return builder;
}
