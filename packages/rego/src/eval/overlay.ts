/** What `with data…` replaces: a tree of paths. Immutable; each `with` builds a new one. */

import type { AnyObject } from '../value/index.js';
import { isObject, ObjectBuilder, objectGet } from '../value/index.js';
import type { Value } from '../value/value.js';

/** A replaced document (`value`), or replaced documents below. */
export interface Overlay {
  readonly value: Value | undefined;
  readonly children: ReadonlyMap<string, Overlay> | undefined;
}

export function overlayWith(overlay: Overlay | undefined, path: readonly Value[], value: Value): Overlay {
  const [key, ...rest] = path;
  if (key === undefined) return { value, children: undefined };
  if (overlay?.value !== undefined) return { value: replaceAt(overlay.value, path, value), children: undefined };
  const children = new Map(overlay?.children);
  const name = String(key);
  children.set(name, overlayWith(children.get(name), rest, value));
  return { value: undefined, children };
}

/** A copy of a document with the value at a path replaced; parents that are missing or no objects become objects. */
export function replaceAt(document: Value | undefined, path: readonly Value[], value: Value): Value {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const parent: AnyObject = document !== undefined && isObject(document) ? document : {};
  const builder = ObjectBuilder.from(parent);
  builder.set(key, replaceAt(objectGet(parent, key), rest, value));
  return builder.build();
}
