/** Reading a value by key, and enumerating its keys. */
import {
  compareStrings,
  formatNumber,
  isArray,
  isNumber,
  isObject,
  objectEntries,
  objectGet,
  RegoObject,
  RegoSet,
  sortedKeys,
  type Value,
} from '../value/index.js';
import type { JsonObject } from '../value/value.js';

/** Names that every plain object inherits: reading them needs an ownership check. */
export function isInherited(key: string): boolean {
  return key in Object.prototype;
}

/** `v[key]` for a key known when compiling, which no prototype has (see {@link isInherited}). */
export function field(v: Value | undefined, key: string): Value | undefined {
  if (typeof v !== 'object' || v === null) return undefined;
  const proto: unknown = Object.getPrototypeOf(v);
  if (proto === Object.prototype || proto === null) return (v as JsonObject)[key];
  return lookup(v, key);
}

/** `v[key]`: object by key, array by index, set by member. */
export function lookup(v: Value | undefined, key: Value): Value | undefined {
  if (typeof v !== 'object' || v === null) return undefined;
  if (isArray(v)) return typeof key === 'number' && key >= 0 ? v[key] : undefined;
  if (v instanceof RegoSet) return v.has(key) ? key : undefined;
  if (isObject(v)) return objectGet(v, key);
  return undefined;
}

/** As {@link lookup} in base documents, which are addressed by path: `data.a[2]` finds the key `"2"`. */
export function baseLookup(v: Value | undefined, key: Value): Value | undefined {
  const found = lookup(v, key);
  if (found !== undefined || v === undefined || !isNumber(key) || !isObject(v)) return found;
  return objectGet(v, formatNumber(key));
}

/** Keys and values of a collection, in order; nothing for other values. Stops when `visit` returns true. */
export function enumerate(v: Value | undefined, visit: (key: Value, value: Value) => boolean): boolean {
  if (typeof v !== 'object' || v === null) return false;
  if (isArray(v)) {
    for (let i = 0; i < v.length; i++) if (visit(i, v[i] as Value)) return true;
    return false;
  }
  if (v instanceof RegoSet) {
    for (const item of v.values()) if (visit(item, item)) return true;
    return false;
  }
  if (v instanceof RegoObject) {
    for (const entry of v.entries()) if (visit(entry.key, entry.value)) return true;
    return false;
  }
  if (!isObject(v)) return false;
  for (const key of sortedKeys(v)) if (visit(key, v[key] as Value)) return true;
  return false;
}

export function isCollection(v: Value): boolean {
  return typeof v === 'object' && v !== null && (isArray(v) || v instanceof RegoSet || isObject(v));
}

/** Own keys of an object as the names of a document, in order; none for other values. */
export function documentKeys(v: Value | undefined): Value[] {
  return v !== undefined && isObject(v) ? objectEntries(v).map((entry) => entry.key) : [];
}

export function sortStrings(keys: Iterable<string>): string[] {
  return [...keys].sort(compareStrings);
}
