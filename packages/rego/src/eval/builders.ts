/** Collecting the documents that partial rules define. */
import type { Location } from '../ast/types.js';
import { canonicalKey, equals, ObjectBuilder, SetBuilder, type Value } from '../value/index.js';
import { conflict, DUPLICATE_KEYS } from './errors.js';
import type { Meter } from './limits.js';

type Item =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'set'; readonly builder: SetBuilder }
  | { readonly kind: 'document'; readonly document: DocumentBuilder };

/** An object under construction whose leaves are values (one per path) and sets (grown by several solutions). */
export class DocumentBuilder {
  readonly #items = new Map<string, { readonly key: Value; item: Item }>();
  readonly #meter: Meter;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  /** One value at a path; a second, different one is a conflict. */
  put(path: readonly Value[], value: Value, loc: Location): void {
    this.#at(
      path,
      loc,
      () => ({ kind: 'value', value }),
      (item) => item.kind === 'value' && equals(item.value, value),
    );
  }

  /** One element of the set at a path. */
  add(path: readonly Value[], element: Value, loc: Location): void {
    this.#at(
      path,
      loc,
      () => {
        const builder = new SetBuilder();
        builder.add(element);
        return { kind: 'set', builder };
      },
      (item) => {
        if (item.kind === 'set') item.builder.add(element);
        return item.kind === 'set';
      },
    );
  }

  /** An object at a path, even when nothing is put into it. */
  open(path: readonly Value[], loc: Location): void {
    if (path.length === 0) return;
    this.#at(
      path,
      loc,
      () => ({ kind: 'document', document: new DocumentBuilder(this.#meter) }),
      (item) => item.kind === 'document',
    );
  }

  #at(path: readonly Value[], loc: Location, create: () => Item, merge: (item: Item) => boolean): void {
    let at: DocumentBuilder = this;
    for (const [i, key] of path.entries()) {
      const last = i === path.length - 1;
      const canonical = canonicalKey(key);
      const found = at.#items.get(canonical);
      if (found === undefined) {
        this.#meter.alloc(1);
        const item: Item = last ? create() : { kind: 'document', document: new DocumentBuilder(this.#meter) };
        at.#items.set(canonical, { key, item });
        if (item.kind === 'document') at = item.document;
      } else if (last) {
        if (!merge(found.item)) throw conflict(DUPLICATE_KEYS, loc);
      } else if (found.item.kind === 'document') at = found.item.document;
      else throw conflict(DUPLICATE_KEYS, loc);
    }
  }

  build(): Value {
    const builder = new ObjectBuilder();
    for (const { key, item } of this.#items.values()) {
      builder.set(
        key,
        item.kind === 'value' ? item.value : item.kind === 'set' ? item.builder.build() : item.document.build(),
      );
    }
    return builder.build();
  }
}
