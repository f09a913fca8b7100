/** `json.patch`: RFC 6902, on any value, sets included. Whatever fails makes the call undefined. */
import {
  canonicalKey,
  equals,
  isArray,
  isObject,
  ObjectBuilder,
  objectEntries,
  objectGet,
  objectHas,
  objectSize,
  RegoSet,
  SetBuilder,
  toSafeInteger,
  type Value,
} from '../../value/index.js';
import { checkDepth } from '../../value/limits.js';
import { isNumber } from '../../value/value.js';
import { arrayOperand, operand } from '../operands.js';
import { type Builtin, type BuiltinContext, T } from '../types.js';
import { pathSegments } from './json-paths.js';

type Path = readonly Value[];

const INDEX = /^(?:0|[1-9]\d{0,9})$/;

/** The array index a segment names, at most `last`. */
function index(segment: Value, last: number): number | undefined {
  const i =
    typeof segment === 'string' && INDEX.test(segment)
      ? Number(segment)
      : isNumber(segment)
        ? toSafeInteger(segment)
        : undefined;
  return i === undefined || i < 0 || i > last ? undefined : i;
}

function child(v: Value, segment: Value): Value | undefined {
  if (isArray(v)) {
    const i = index(segment, v.length - 1);
    return i === undefined ? undefined : v[i];
  }
  if (v instanceof RegoSet) return v.map.get(canonicalKey(segment));
  return isObject(v) ? objectGet(v, segment) : undefined;
}

function find(v: Value, path: Path): Value | undefined {
  let at: Value | undefined = v;
  for (const segment of path) {
    if (at === undefined) return undefined;
    at = child(at, segment);
  }
  return at;
}

/** What to do at the end of a path: the parent with the change made, or undefined when it cannot be. */
type Edit = (parent: Value, segment: Value, ctx: BuiltinContext) => Value | undefined;

function edit(v: Value, path: Path, change: Edit, ctx: BuiltinContext, depth = 0): Value | undefined {
  checkDepth(depth);
  const segment = path[depth];
  if (segment === undefined) return undefined;
  if (depth === path.length - 1) return change(v, segment, ctx);
  const old = child(v, segment);
  if (old === undefined) return undefined;
  const next = edit(old, path, change, ctx, depth + 1);
  return next === undefined ? undefined : put(v, segment, old, next, ctx);
}

/** The collection with one member exchanged. */
function put(v: Value, segment: Value, old: Value, next: Value, ctx: BuiltinContext): Value | undefined {
  if (isArray(v)) {
    const i = index(segment, v.length - 1);
    if (i === undefined) return undefined;
    ctx.budget.alloc(v.length);
    return v.with(i, next);
  }
  if (v instanceof RegoSet) {
    ctx.budget.alloc(v.size);
    const builder = new SetBuilder();
    for (const item of v.map.values()) builder.add(item === old ? next : item);
    return builder.build();
  }
  if (!isObject(v)) return undefined;
  ctx.budget.alloc(objectSize(v));
  return ObjectBuilder.from(v).set(segment, next).build();
}

const adding =
  (value: Value): Edit =>
  (parent, segment, ctx) => {
    if (isArray(parent)) {
      const i = segment === '-' ? parent.length : index(segment, parent.length);
      if (i === undefined) return undefined;
      ctx.budget.alloc(parent.length);
      return parent.toSpliced(i, 0, value);
    }
    if (parent instanceof RegoSet) {
      // The segment names the element, so it has to be the element.
      if (!equals(segment, value)) return undefined;
      ctx.budget.alloc(parent.size);
      return RegoSet.of([...parent.map.values(), value]);
    }
    if (!isObject(parent)) return undefined;
    ctx.budget.alloc(objectSize(parent));
    return ObjectBuilder.from(parent).set(segment, value).build();
  };

const removing: Edit = (parent, segment, ctx) => {
  if (isArray(parent)) {
    const i = index(segment, parent.length - 1);
    ctx.budget.alloc(parent.length);
    return i === undefined ? undefined : parent.toSpliced(i, 1);
  }
  if (parent instanceof RegoSet) {
    if (!parent.has(segment)) return undefined;
    ctx.budget.alloc(parent.size);
    return RegoSet.of([...parent.map.values()].filter((item) => !equals(item, segment)));
  }
  if (!isObject(parent) || !objectHas(parent, segment)) return undefined;
  ctx.budget.alloc(objectSize(parent));
  const builder = new ObjectBuilder();
  for (const { key, value } of objectEntries(parent)) if (!equals(key, segment)) builder.set(key, value);
  return builder.build();
};

const replacing =
  (value: Value): Edit =>
  (parent, segment, ctx) => {
    const old = child(parent, segment);
    if (old === undefined) return undefined;
    if (parent instanceof RegoSet && !equals(segment, value)) return undefined;
    return put(parent, segment, old, value, ctx);
  };

function add(v: Value, path: Path, value: Value, ctx: BuiltinContext): Value | undefined {
  return path.length === 0 ? value : edit(v, path, adding(value), ctx);
}

function pathOf(v: Value | undefined): Path | undefined {
  if (typeof v === 'string') return pathSegments(v);
  return v !== undefined && isArray(v) ? v : undefined;
}

function move(v: Value, from: Path, to: Path, ctx: BuiltinContext): Value | undefined {
  const value = find(v, from);
  if (value === undefined) return undefined;
  if (from.length === 0) return to.length === 0 ? v : undefined;
  const without = edit(v, from, removing, ctx);
  return without === undefined ? undefined : add(without, to, value, ctx);
}

function step(v: Value, operation: Value, ctx: BuiltinContext): Value | undefined {
  if (!isObject(operation)) return undefined;
  const path = pathOf(objectGet(operation, 'path'));
  if (path === undefined) return undefined;
  const value = objectGet(operation, 'value');
  const from = pathOf(objectGet(operation, 'from'));
  ctx.budget.step(path.length + (from?.length ?? 0) + 1);
  switch (objectGet(operation, 'op')) {
    case 'add':
      return value === undefined ? undefined : add(v, path, value, ctx);
    case 'remove':
      return path.length === 0 ? undefined : edit(v, path, removing, ctx);
    case 'replace':
      if (value === undefined) return undefined;
      return path.length === 0 ? value : edit(v, path, replacing(value), ctx);
    case 'move':
      return from === undefined ? undefined : move(v, from, path, ctx);
    case 'copy': {
      const source = from === undefined ? undefined : find(v, from);
      return source === undefined ? undefined : add(v, path, source, ctx);
    }
    case 'test': {
      const found = find(v, path);
      return found !== undefined && value !== undefined && equals(found, value) ? v : undefined;
    }
    default:
      return undefined;
  }
}

function patch(args: readonly Value[], ctx: BuiltinContext): Value | undefined {
  let v: Value | undefined = operand(args, 1);
  for (const operation of arrayOperand(args, 2)) {
    v = step(v, operation, ctx);
    if (v === undefined) return undefined;
  }
  return v;
}

/** Static type of one operation; the other members depend on `op`. */
const operation = T.object(T.any, T.any);

export const jsonPatchBuiltins: readonly Builtin[] = [
  { name: 'json.patch', args: [T.any, T.array(operation)], result: T.any, impl: patch },
];
