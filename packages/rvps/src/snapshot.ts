import type { ReferenceValueFact, ReferenceValueSnapshot } from './contract.js';
import { hasEnded } from './expiry.js';

type Named<Fact> = Fact & { readonly name: string };

/** A view over values that do not change. */
export class FixedSnapshot<Fact extends ReferenceValueFact> implements ReferenceValueSnapshot<Fact> {
  readonly revision: number | undefined;
  readonly names: readonly string[];
  readonly #values: ReadonlyMap<string, Named<Fact>>;

  constructor(values: Iterable<Named<Fact>>, revision?: number) {
    const sorted = [...values].sort((a, b) => (a.name < b.name ? -1 : 1)).map((value) => Object.freeze(value));
    this.#values = new Map(sorted.map((value) => [value.name, value]));
    this.names = Object.freeze([...this.#values.keys()]);
    this.revision = revision;
  }

  /** All values, also those that have ended, by name. */
  get everything(): readonly Named<Fact>[] {
    return [...this.#values.values()];
  }

  lookup(name: string, now: number): Fact | undefined {
    const value = this.#values.get(name);
    return value === undefined || hasEnded(value.expires, now) ? undefined : value;
  }

  ended(name: string, now: number): Fact | undefined {
    const value = this.#values.get(name);
    return value !== undefined && hasEnded(value.expires, now) ? value : undefined;
  }

  all(now: number): readonly Named<Fact>[] {
    return this.everything.filter((value) => !hasEnded(value.expires, now));
  }
}
