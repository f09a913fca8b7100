/**
 * The value model: null, booleans, exact numbers, strings, arrays, objects with any keys, sets.
 * JSON as `JSON.parse` returns it *is* a value; nothing is converted on the way in.
 */
import { checkDepth, MAX_TEXT_LENGTH, MAX_WALK_NODES, ResourceLimitError } from './limits.js';
import { canonicalNumber, compareNumbers, RegoDecimal, type RegoNumber } from './number.js';
import { compareStrings } from './strings.js';

/** A plain object with string keys. Only own properties count; read it through `object.ts`. */
export interface JsonObject {
  readonly [key: string]: Value;
}

export type Value = null | boolean | string | RegoNumber | readonly Value[] | JsonObject | RegoObject | RegoSet;

type TypeName = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object' | 'set';

export interface ObjectEntry {
  readonly key: Value;
  readonly value: Value;
}

/** An object some of whose keys are not strings. Immutable once built (see `ObjectBuilder`). */
export class RegoObject {
  /** Canonical key to entry, in insertion order. */
  readonly map: ReadonlyMap<string, ObjectEntry>;
  #sorted: readonly ObjectEntry[] | undefined;
  /** Canonical key of the whole; filled by {@link canonicalKey}. */
  canonical: string | undefined;

  constructor(map: ReadonlyMap<string, ObjectEntry>) {
    this.map = map;
  }

  get size(): number {
    return this.map.size;
  }

  get(key: Value): Value | undefined {
    return this.map.get(canonicalKey(key))?.value;
  }

  has(key: Value): boolean {
    return this.map.has(canonicalKey(key));
  }

  /** Entries in the order of their keys. */
  entries(): readonly ObjectEntry[] {
    this.#sorted ??= [...this.map.values()].sort((a, b) => compare(a.key, b.key));
    return this.#sorted;
  }
}

/** A set. Immutable once built (see `SetBuilder`). */
export class RegoSet {
  /** Canonical key to element, in insertion order. */
  readonly map: ReadonlyMap<string, Value>;
  #sorted: readonly Value[] | undefined;
  /** Canonical key of the whole; filled by {@link canonicalKey}. */
  canonical: string | undefined;

  constructor(map: ReadonlyMap<string, Value>) {
    this.map = map;
  }

  static of(values: Iterable<Value>): RegoSet {
    const map = new Map<string, Value>();
    for (const value of values) {
      const key = canonicalKey(value);
      if (!map.has(key)) map.set(key, value);
    }
    return new RegoSet(map);
  }

  get size(): number {
    return this.map.size;
  }

  has(value: Value): boolean {
    return this.map.has(canonicalKey(value));
  }

  /** Elements in order. */
  values(): readonly Value[] {
    this.#sorted ??= [...this.map.values()].sort(compare);
    return this.#sorted;
  }
}

export function isNumber(v: Value): v is RegoNumber {
  return typeof v === 'number' || typeof v === 'bigint' || v instanceof RegoDecimal;
}

export function isArray(v: Value): v is readonly Value[] {
  return Array.isArray(v);
}

/** Object of either representation. */
export function isObject(v: Value): v is JsonObject | RegoObject {
  return (
    typeof v === 'object' && v !== null && !Array.isArray(v) && !(v instanceof RegoSet) && !(v instanceof RegoDecimal)
  );
}

export function typeName(v: Value): TypeName {
  switch (typeof v) {
    case 'boolean':
      return 'boolean';
    case 'string':
      return 'string';
    case 'number':
    case 'bigint':
      return 'number';
    default:
      if (v === null) return 'null';
      if (Array.isArray(v)) return 'array';
      if (v instanceof RegoSet) return 'set';
      return v instanceof RegoDecimal ? 'number' : 'object';
  }
}

function rank(v: Value): number {
  switch (typeof v) {
    case 'boolean':
      return 1;
    case 'number':
    case 'bigint':
      return 2;
    case 'string':
      return 3;
    default:
      if (v === null) return 0;
      if (Array.isArray(v)) return 4;
      if (v instanceof RegoSet) return 6;
      return v instanceof RegoDecimal ? 2 : 5;
  }
}

/** Own keys of a plain object in code point order. */
export function sortedKeys(o: JsonObject): string[] {
  const keys = Object.keys(o);
  for (let i = 1; i < keys.length; i++) {
    if (compareStrings(keys[i - 1] as string, keys[i] as string) > 0) return keys.sort(compareStrings);
  }
  return keys;
}

/** Entries of an object in the order of their keys. */
export function objectEntries(o: JsonObject | RegoObject): readonly ObjectEntry[] {
  if (o instanceof RegoObject) return o.entries();
  return sortedKeys(o).map((key) => ({ key, value: o[key] as Value }));
}

/** Total order of values: null < boolean < number < string < array < object < set. Returns -1, 0 or 1. */
export function compare(a: Value, b: Value): number {
  if (a === b) return 0;
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : 0;
  return compareDeep(a, b, 0, { left: MAX_WALK_NODES });
}

interface WalkBudget {
  left: number;
}

function spend(budget: WalkBudget): void {
  if (--budget.left < 0) throw new ResourceLimitError('value is too large to compare');
}

function compareDeep(a: Value, b: Value, depth: number, budget: WalkBudget): number {
  if (a === b) return 0;
  spend(budget);
  checkDepth(depth);
  const kind = rank(a);
  const other = rank(b);
  if (kind !== other) return kind < other ? -1 : 1;
  switch (kind) {
    case 1:
      return a === false ? -1 : 1;
    case 2:
      return compareNumbers(a as RegoNumber, b as RegoNumber);
    case 3:
      return compareStrings(a as string, b as string);
    case 4:
      return compareLists(a as readonly Value[], b as readonly Value[], depth, budget);
    case 6:
      return compareLists((a as RegoSet).values(), (b as RegoSet).values(), depth, budget);
    default:
      return compareObjects(a as JsonObject | RegoObject, b as JsonObject | RegoObject, depth, budget);
  }
}

function compareLists(a: readonly Value[], b: readonly Value[], depth: number, budget: WalkBudget): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const c = compareDeep(a[i] as Value, b[i] as Value, depth + 1, budget);
    if (c !== 0) return c;
  }
  return a.length < b.length ? -1 : a.length > b.length ? 1 : 0;
}

function compareObjects(
  a: JsonObject | RegoObject,
  b: JsonObject | RegoObject,
  depth: number,
  budget: WalkBudget,
): number {
  const x = objectEntries(a);
  const y = objectEntries(b);
  const n = Math.min(x.length, y.length);
  for (let i = 0; i < n; i++) {
    const left = x[i] as ObjectEntry;
    const right = y[i] as ObjectEntry;
    const c =
      compareDeep(left.key, right.key, depth + 1, budget) || compareDeep(left.value, right.value, depth + 1, budget);
    if (c !== 0) return c;
  }
  return x.length < y.length ? -1 : x.length > y.length ? 1 : 0;
}

/** Equality by value; cheaper than {@link compare} for composites. */
export function equals(a: Value, b: Value): boolean {
  if (a === b) return true;
  const kind = typeof a;
  if (kind === typeof b) {
    if (kind === 'string' || kind === 'boolean' || kind === 'bigint') return false;
    if (kind === 'number') return a === b;
  } else if (kind === 'string' || typeof b === 'string' || kind === 'boolean' || typeof b === 'boolean') {
    return false;
  }
  return equalsDeep(a, b, 0, { left: MAX_WALK_NODES });
}

function equalsDeep(a: Value, b: Value, depth: number, budget: WalkBudget): boolean {
  if (a === b) return true;
  spend(budget);
  checkDepth(depth);
  const kind = rank(a);
  if (kind !== rank(b)) return false;
  switch (kind) {
    case 2:
      return compareNumbers(a as RegoNumber, b as RegoNumber) === 0;
    case 4: {
      const x = a as readonly Value[];
      const y = b as readonly Value[];
      return x.length === y.length && x.every((v, i) => equalsDeep(v, y[i] as Value, depth + 1, budget));
    }
    case 5:
      return equalObjects(a as JsonObject | RegoObject, b as JsonObject | RegoObject, depth, budget);
    case 6: {
      const x = a as RegoSet;
      const y = b as RegoSet;
      if (x.size !== y.size) return false;
      for (const key of x.map.keys()) if (!y.map.has(key)) return false;
      return true;
    }
    default:
      return false;
  }
}

function equalObjects(
  a: JsonObject | RegoObject,
  b: JsonObject | RegoObject,
  depth: number,
  budget: WalkBudget,
): boolean {
  if (a instanceof RegoObject && b instanceof RegoObject) {
    if (a.size !== b.size) return false;
    for (const [key, entry] of a.map) {
      const other = b.map.get(key);
      if (other === undefined || !equalsDeep(entry.value, other.value, depth + 1, budget)) return false;
    }
    return true;
  }
  if (a instanceof RegoObject || b instanceof RegoObject) return compareObjects(a, b, depth, budget) === 0;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key) || !equalsDeep(a[key] as Value, b[key] as Value, depth + 1, budget)) return false;
  }
  return true;
}

/** First unit of every canonical key that does not stand for a plain string. */
const TAG = '\u0000';

/**
 * Canonical keys of plain arrays and objects met during one evaluation. A host may change its documents between two
 * evaluations, so the engine empties it with {@link resetValueCaches} when it starts one.
 */
let canonicalCache = new WeakMap<object, string>();
let canonicalCacheUsed = false;
const CACHE_FROM = 8;

/** Forgets what was remembered about host documents. To be called whenever the host may have changed them. */
export function resetValueCaches(): void {
  if (!canonicalCacheUsed) return;
  canonicalCacheUsed = false;
  canonicalCache = new WeakMap();
}

/** A text that is equal for equal values and differs for others. Strings are their own key unless they begin with NUL. */
export function canonicalKey(v: Value): string {
  if (typeof v === 'string') return v.charCodeAt(0) === 0 ? `${TAG}s${v}` : v;
  if (typeof v === 'number' && Number.isSafeInteger(v)) return v === 0 ? `${TAG}n0` : `${TAG}n${v}`;
  return canonicalDeep(v, 0, { left: MAX_WALK_NODES });
}

function canonicalDeep(v: Value, depth: number, budget: WalkBudget): string {
  if (--budget.left < 0) throw new ResourceLimitError('value is too large to be a key');
  checkDepth(depth);
  switch (typeof v) {
    case 'string':
      return v.charCodeAt(0) === 0 ? `${TAG}s${v}` : v;
    case 'boolean':
      return v ? `${TAG}t` : `${TAG}f`;
    case 'number':
    case 'bigint':
      return `${TAG}n${canonicalNumber(v)}`;
    default:
  }
  if (v === null) return `${TAG}z`;
  if (v instanceof RegoDecimal) return `${TAG}n${canonicalNumber(v)}`;
  if (v instanceof RegoSet) {
    v.canonical ??= joined(`${TAG}<`, [...v.map.keys()].sort(), budget);
    return v.canonical;
  }
  if (v instanceof RegoObject) {
    v.canonical ??= canonicalObject(
      [...v.map].map(([k, entry]): [string, Value] => [k, entry.value]),
      depth,
      budget,
    );
    return v.canonical;
  }
  const cached = canonicalCache.get(v);
  if (cached !== undefined) return cached;
  const before = budget.left;
  let key: string;
  if (Array.isArray(v)) {
    key = joined(
      `${TAG}[`,
      v.map((item: Value) => canonicalDeep(item, depth + 1, budget)),
      budget,
    );
  } else {
    const o = v as JsonObject;
    const pairs = Object.keys(o).map((k): [string, Value] => [canonicalKey(k), o[k] as Value]);
    key = canonicalObject(pairs, depth, budget);
  }
  if (before - budget.left >= CACHE_FROM) {
    canonicalCache.set(v, key);
    canonicalCacheUsed = true;
  }
  return key;
}

function canonicalObject(pairs: [string, Value][], depth: number, budget: WalkBudget): string {
  pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  const parts: string[] = [];
  for (const [key, value] of pairs) parts.push(key, canonicalDeep(value, depth + 1, budget));
  return joined(`${TAG}{`, parts, budget);
}

function joined(tag: string, parts: readonly string[], budget: WalkBudget): string {
  let out = tag;
  for (const part of parts) {
    // The length makes the text unambiguous whatever the part holds.
    out += `${part.length}:${part}`;
    if (out.length > MAX_TEXT_LENGTH) throw new ResourceLimitError('value is too large to be a key');
  }
  budget.left -= parts.length;
  return out;
}
