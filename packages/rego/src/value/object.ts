/** Access to objects of either representation, and the builder that picks one. */
import {
  canonicalKey,
  equals,
  type JsonObject,
  type ObjectEntry,
  RegoObject,
  sortedKeys,
  type Value,
} from './value.js';

export type AnyObject = JsonObject | RegoObject;

/** The value at a key, undefined when absent. */
export function objectGet(o: AnyObject, key: Value): Value | undefined {
  if (o instanceof RegoObject) return o.get(key);
  if (typeof key !== 'string') return undefined;
  return Object.hasOwn(o, key) ? o[key] : undefined;
}

export function objectHas(o: AnyObject, key: Value): boolean {
  if (o instanceof RegoObject) return o.has(key);
  return typeof key === 'string' && Object.hasOwn(o, key);
}

export function objectSize(o: AnyObject): number {
  return o instanceof RegoObject ? o.size : Object.keys(o).length;
}

/** Keys in order. */
export function objectKeys(o: AnyObject): readonly Value[] {
  return o instanceof RegoObject ? o.entries().map((entry) => entry.key) : sortedKeys(o);
}

/** Sets an own property even when its name is `__proto__`. */
function define(o: Record<string, Value>, key: string, value: Value): void {
  if (key === '__proto__') {
    Object.defineProperty(o, key, { value, enumerable: true, writable: true, configurable: true });
  } else {
    o[key] = value;
  }
}

/** Collects entries; the result is a plain object as long as every key is a string. */
export class ObjectBuilder {
  #plain: Record<string, Value> | undefined = {};
  #map: Map<string, ObjectEntry> | undefined;
  #size = 0;

  get size(): number {
    return this.#map?.size ?? this.#size;
  }

  /** Adds every entry of an object, replacing keys already there. */
  static from(o: AnyObject): ObjectBuilder {
    const builder = new ObjectBuilder();
    if (o instanceof RegoObject) {
      for (const { key, value } of o.map.values()) builder.set(key, value);
    } else {
      for (const key of Object.keys(o)) builder.set(key, o[key] as Value);
    }
    return builder;
  }

  get(key: Value): Value | undefined {
    if (this.#map !== undefined) return this.#map.get(canonicalKey(key))?.value;
    const plain = this.#plain as Record<string, Value>;
    return typeof key === 'string' && Object.hasOwn(plain, key) ? plain[key] : undefined;
  }

  has(key: Value): boolean {
    return this.get(key) !== undefined;
  }

  /** Adds or replaces. */
  set(key: Value, value: Value): this {
    if (this.#map === undefined && typeof key === 'string') {
      const plain = this.#plain as Record<string, Value>;
      if (!Object.hasOwn(plain, key)) this.#size++;
      define(plain, key, value);
      return this;
    }
    this.#map ??= this.#widen();
    const canonical = canonicalKey(key);
    const old = this.#map.get(canonical);
    this.#map.set(canonical, { key: old?.key ?? key, value });
    return this;
  }

  /** Adds; false when the key is already there with a different value (then nothing changes). */
  setUnique(key: Value, value: Value): boolean {
    const old = this.get(key);
    if (old !== undefined) return equals(old, value);
    this.set(key, value);
    return true;
  }

  delete(key: Value): void {
    if (this.#map !== undefined) {
      this.#map.delete(canonicalKey(key));
      return;
    }
    const plain = this.#plain as Record<string, Value>;
    if (typeof key === 'string' && Object.hasOwn(plain, key)) {
      delete plain[key];
      this.#size--;
    }
  }

  #widen(): Map<string, ObjectEntry> {
    const map = new Map<string, ObjectEntry>();
    const plain = this.#plain as Record<string, Value>;
    for (const key of Object.keys(plain)) map.set(canonicalKey(key), { key, value: plain[key] as Value });
    this.#plain = undefined;
    return map;
  }

  /** The object; the builder must not be used afterwards. */
  build(): AnyObject {
    if (this.#map === undefined) return this.#plain as JsonObject;
    return new RegoObject(this.#map);
  }
}

/** An object from entries; later keys replace earlier ones. */
export function objectFrom(entries: Iterable<readonly [Value, Value]>): AnyObject {
  const builder = new ObjectBuilder();
  for (const [key, value] of entries) builder.set(key, value);
  return builder.build();
}
