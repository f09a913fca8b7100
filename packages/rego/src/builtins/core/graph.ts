/** `walk` and `graph.*`. */
import {
  type AnyObject,
  isArray,
  isObject,
  objectEntries,
  objectGet,
  RegoSet,
  SetBuilder,
  typeName,
  type Value,
} from '../../value/index.js';
import { checkDepth } from '../../value/limits.js';
import { objectOperand, operand } from '../operands.js';
import { type Builtin, type BuiltinContext, operandError, type RelationHint, T } from '../types.js';

/** Depth first, a node before its children; sets use the element as its own path segment. */
function* walk(
  v: Value,
  path: readonly Value[],
  depth: number,
  ctx: BuiltinContext,
  hint: RelationHint | undefined,
): Iterable<Value> {
  checkDepth(depth);
  ctx.budget.step(1);
  ctx.budget.alloc(2 + (path.length >> 1));
  yield [path, v];
  if (v === null || typeof v !== 'object') return;
  const below = (key: Value): readonly Value[] => (hint?.ignorePath === true ? path : [...path, key]);
  if (isArray(v)) {
    for (let i = 0; i < v.length; i++) yield* walk(v[i] as Value, below(i), depth + 1, ctx, hint);
  } else if (v instanceof RegoSet) {
    for (const item of v.values()) yield* walk(item, below(item), depth + 1, ctx, hint);
  } else if (isObject(v)) {
    for (const { key, value } of objectEntries(v)) yield* walk(value, below(key), depth + 1, ctx, hint);
  }
}

/** Nodes an array or set of nodes holds; anything else holds none. */
function nodes(v: Value | undefined): readonly Value[] {
  if (v === undefined) return [];
  if (isArray(v)) return v;
  return v instanceof RegoSet ? v.values() : [];
}

function roots(args: readonly Value[]): readonly Value[] {
  const v = operand(args, 2);
  if (!isArray(v) && !(v instanceof RegoSet)) throw operandError(2, '{array, set}', typeName(v), v);
  return nodes(v);
}

function reachable(args: readonly Value[], ctx: BuiltinContext): Value {
  const graph = objectOperand(args, 1);
  const queue = [...roots(args)];
  const reached = new SetBuilder();
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const edges = objectGet(graph, next);
    if (edges === undefined || !reached.add(next)) continue;
    const neighbours = nodes(edges);
    ctx.budget.step(neighbours.length + 1);
    ctx.budget.alloc(neighbours.length + 1);
    for (const node of neighbours) if (!reached.has(node)) queue.push(node);
  }
  return reached.build();
}

/**
 * Extends `path` by `node` and its neighbours. A path ends at a node without edges, before an unknown node, and before a
 * node that was already left on the way out of the same first step (this bounds the walk to the edges of the graph).
 */
function extend(
  graph: AnyObject,
  node: Value,
  path: readonly Value[],
  left: SetBuilder,
  out: SetBuilder,
  ctx: BuiltinContext,
): void {
  checkDepth(path.length);
  const edges = objectGet(graph, node);
  const here = edges === undefined ? path : [...path, node];
  ctx.budget.step(1);
  ctx.budget.alloc(here.length);
  const neighbours = nodes(edges);
  if (neighbours.length === 0) out.add(here);
  for (const neighbour of neighbours) {
    if (left.has(neighbour)) {
      out.add(here);
    } else {
      left.add(node);
      extend(graph, neighbour, here, left, out, ctx);
    }
  }
}

function reachablePaths(args: readonly Value[], ctx: BuiltinContext): Value {
  const graph = objectOperand(args, 1);
  const out = new SetBuilder();
  for (const root of roots(args)) {
    const edges = objectGet(graph, root);
    if (edges === undefined) continue;
    const neighbours = nodes(edges);
    if (neighbours.length === 0) out.add([root]);
    for (const neighbour of neighbours) {
      const left = new SetBuilder();
      left.add(root);
      // A root that is its own neighbour has no path but itself.
      if (left.has(neighbour)) out.add([root]);
      else extend(graph, neighbour, [root], left, out, ctx);
    }
  }
  return out.build();
}

const graphType = T.object(T.any, T.union(T.array(), T.set()));
const nodeList = T.union(T.array(), T.set());

export const graphBuiltins: readonly Builtin[] = [
  {
    name: 'walk',
    args: [T.any],
    result: T.tuple(T.array(), T.any),
    relation: true,
    relationImpl: (args, ctx, hint) => walk(operand(args, 1), [], 0, ctx, hint),
  },
  { name: 'graph.reachable', args: [graphType, nodeList], result: T.set(), impl: reachable },
  { name: 'graph.reachable_paths', args: [graphType, nodeList], result: T.set(T.array()), impl: reachablePaths },
];
