/** `json.remove` and `json.filter`: documents cut down by lists of paths. */
import {
  type AnyObject,
  canonicalKey,
  isArray,
  isObject,
  ObjectBuilder,
  objectEntries,
  RegoSet,
  SetBuilder,
  typeName,
  type Value,
} from '../../value/index.js';
import { checkDepth } from '../../value/limits.js';
import { collectionOperand, objectOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, operandError, T } from '../types.js';

/** Paths as a tree by canonical key; `null` ends a path and covers everything below. */
type PathTree = Map<string, PathTree | null>;

/** Segments of `a/b/0`: leading slashes do not count, `~1` and `~0` stand for `/` and `~` (RFC 6901). */
export function pathSegments(text: string): readonly string[] {
  if (text === '') return [];
  const parts = text.replace(/^\/+/, '').split('/');
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function pathTree(args: readonly Value[], ctx: BuiltinContext): PathTree {
  const root: PathTree = new Map();
  for (const item of collectionOperand(args, 2)) {
    if (typeof item !== 'string' && !isArray(item)) {
      const want = 'one of {set, array} containing string paths or array of path segments';
      throw operandError(2, want, typeName(item), item);
    }
    const segments = typeof item === 'string' ? pathSegments(item) : item;
    ctx.budget.alloc(segments.length);
    insert(root, segments);
  }
  return root;
}

function insert(root: PathTree, segments: readonly Value[]): void {
  let node = root;
  segments.forEach((segment, i) => {
    const key = canonicalKey(segment);
    const child = node.get(key);
    if (child === null) {
      node = new Map();
    } else if (i === segments.length - 1) {
      node.set(key, null);
    } else {
      const next = child ?? (new Map() as PathTree);
      node.set(key, next);
      node = next;
    }
  });
}

function remove(v: Value, tree: PathTree, ctx: BuiltinContext, depth: number): Value {
  checkDepth(depth);
  const rest = (item: Value, sub: PathTree | undefined): Value =>
    sub === undefined ? item : remove(item, sub, ctx, depth + 1);
  return rebuild(v, ctx, (key, item) => {
    const sub = tree.get(canonicalKey(key));
    return sub === null ? undefined : rest(item, sub);
  });
}

function filter(v: Value, tree: PathTree, ctx: BuiltinContext, depth: number): Value {
  checkDepth(depth);
  return rebuild(v, ctx, (key, item) => {
    const sub = tree.get(canonicalKey(key));
    if (sub === undefined) return undefined;
    return sub === null ? item : filter(item, sub, ctx, depth + 1);
  });
}

/**
 * A copy of a collection whose members went through `change`; undefined drops the member. Scalars stay. Array elements
 * are addressed by the decimal text of their index.
 */
function rebuild(v: Value, ctx: BuiltinContext, change: (key: Value, item: Value) => Value | undefined): Value {
  if (isArray(v)) {
    ctx.budget.alloc(v.length);
    return v.flatMap((item, i): Value[] => {
      const next = change(String(i), item);
      return next === undefined ? [] : [next];
    });
  }
  if (v instanceof RegoSet) {
    ctx.budget.alloc(v.size);
    const builder = new SetBuilder();
    for (const item of v.values()) {
      const next = change(item, item);
      if (next !== undefined) builder.add(next);
    }
    return builder.build();
  }
  if (!isObject(v)) return v;
  const entries = objectEntries(v);
  ctx.budget.alloc(entries.length);
  const builder = new ObjectBuilder();
  for (const { key, value } of entries) {
    const next = change(key, value);
    if (next !== undefined) builder.set(key, next);
  }
  return builder.build();
}

const paths = T.union(T.array(T.union(T.string, T.array())), T.set(T.union(T.string, T.array())));

const cut = (
  name: string,
  apply: (v: AnyObject, tree: PathTree, ctx: BuiltinContext, depth: number) => Value,
): Builtin => ({
  name,
  args: [T.object(), paths],
  result: T.any,
  impl: (args, ctx) => {
    const document = objectOperand(args, 1);
    return apply(document, pathTree(args, ctx), ctx, 0);
  },
});

export const jsonPathBuiltins: readonly Builtin[] = [cut('json.remove', remove), cut('json.filter', filter)];
