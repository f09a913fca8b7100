/** Building and combining sets. */
import { canonicalKey, RegoSet, type Value } from './value.js';

export class SetBuilder {
  readonly #map = new Map<string, Value>();

  get size(): number {
    return this.#map.size;
  }

  /** Adds an element; false when it was already there. */
  add(value: Value): boolean {
    const key = canonicalKey(value);
    if (this.#map.has(key)) return false;
    this.#map.set(key, value);
    return true;
  }

  /** Adds every element of a set. */
  addAll(set: RegoSet): void {
    for (const [key, value] of set.map) if (!this.#map.has(key)) this.#map.set(key, value);
  }

  has(value: Value): boolean {
    return this.#map.has(canonicalKey(value));
  }

  /** The set; the builder must not be used afterwards. */
  build(): RegoSet {
    return new RegoSet(this.#map);
  }
}

export const EMPTY_SET: RegoSet = new RegoSet(new Map());

export function setUnion(a: RegoSet, b: RegoSet): RegoSet {
  if (a.size === 0) return b;
  if (b.size === 0) return a;
  const map = new Map(a.map);
  for (const [key, value] of b.map) if (!map.has(key)) map.set(key, value);
  return new RegoSet(map);
}

export function setIntersection(a: RegoSet, b: RegoSet): RegoSet {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  const map = new Map<string, Value>();
  for (const [key, value] of small.map) if (large.map.has(key)) map.set(key, value);
  return new RegoSet(map);
}

export function setDifference(a: RegoSet, b: RegoSet): RegoSet {
  const map = new Map<string, Value>();
  for (const [key, value] of a.map) if (!b.map.has(key)) map.set(key, value);
  return new RegoSet(map);
}

export function isSubset(sub: RegoSet, sup: RegoSet): boolean {
  if (sub.size > sup.size) return false;
  for (const key of sub.map.keys()) if (!sup.map.has(key)) return false;
  return true;
}
