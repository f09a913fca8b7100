import type { Charge } from './pike.js';
import { Regex } from './regex.js';

/** Bounded least-recently-used map. */
export class LruCache<V> {
  readonly #entries = new Map<string, V>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  getOrCreate(key: string, create: () => V): V {
    let value = this.#entries.get(key);
    if (value === undefined) {
      value = create();
      if (this.#entries.size >= this.#capacity) {
        const oldest = this.#entries.keys().next();
        if (!oldest.done) this.#entries.delete(oldest.value);
      }
    } else {
      this.#entries.delete(key);
    }
    this.#entries.set(key, value);
    return value;
  }
}

/** Compiled expressions kept across evaluations; patterns in policies are few and mostly constant. */
const CAPACITY = 128;
const compiled = new LruCache<Regex>(CAPACITY);

/** Compiles with the process-wide cache; `charge` hears of the cost if it was not there. Throws RegexSyntaxError. */
export function compileRegex(pattern: string, charge?: Charge): Regex {
  return compiled.getOrCreate(pattern, () => {
    const regex = Regex.compile(pattern);
    charge?.(pattern.length + regex.size);
    return regex;
  });
}
