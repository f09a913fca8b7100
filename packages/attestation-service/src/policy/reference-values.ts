/** What policies ask of the reference values in one evaluation, and what they were told. */
import type { JsonValue } from '@assay/bytes';
import { distance, type FindingDraft, type ReferenceValueUse, utc, warned } from '@assay/bytes/findings';

/** A reference value as a policy meets it, with its origin. Times are milliseconds since 1970. */
export interface ReferenceValueFact {
  readonly value: JsonValue;
  readonly publisher?: string | undefined;
  readonly registeredAt?: number | undefined;
  readonly expires?: number | undefined;
}

/** One immutable state of the reference values. */
export interface ReferenceValueView {
  /** The live value, or undefined. */
  lookup(name: string, now: number): ReferenceValueFact | undefined;
  /** A value that has ended, to tell it from one that never was. */
  ended?(name: string, now: number): ReferenceValueFact | undefined;
  /** Names, for the nearest one. */
  readonly names: readonly string[];
}

/** Answers `query_reference_value` and remembers what was asked. One per evaluation. */
export class ReferenceValueRecorder {
  readonly #view: ReferenceValueView;
  readonly #now: number;
  readonly #uses = new Map<string, ReferenceValueUse>();

  constructor(view: ReferenceValueView, now: Date) {
    this.#view = view;
    this.#now = now.getTime();
  }

  /** The value, or `null` where there is none: the host function's answer. */
  readonly query = (name: string): JsonValue => {
    const known = this.#uses.get(name);
    if (known !== undefined) return (known.value ?? null) as JsonValue;
    const use = this.#look(name);
    this.#uses.set(name, use);
    return (use.value ?? null) as JsonValue;
  };

  /** A recorder over the same state: what an explanation looks up is not what the decision rests on. */
  fork(): ReferenceValueRecorder {
    return new ReferenceValueRecorder(this.#view, new Date(this.#now));
  }

  /** Everything that was asked, by name. */
  get uses(): readonly ReferenceValueUse[] {
    return [...this.#uses.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get names(): readonly string[] {
    return this.#view.names;
  }

  use(name: string): ReferenceValueUse | undefined {
    return this.#uses.get(name);
  }

  #look(name: string): ReferenceValueUse {
    const live = this.#view.lookup(name, this.#now);
    if (live !== undefined) return { name, ...described(live), value: live.value, state: 'present' };
    const ended = this.#view.ended?.(name, this.#now);
    if (ended !== undefined) return { name, ...described(ended), state: 'expired' };
    return { name, state: 'missing' };
  }
}

function described(fact: ReferenceValueFact): Pick<ReferenceValueUse, 'expires' | 'publisher' | 'registered_at'> {
  return {
    ...(fact.expires === undefined ? {} : { expires: utc(new Date(fact.expires)) }),
    ...(fact.publisher === undefined ? {} : { publisher: fact.publisher }),
    ...(fact.registeredAt === undefined ? {} : { registered_at: utc(new Date(fact.registeredAt)) }),
  };
}

/** A view over plain values: drafts, tests, `assay policy test --rv FILE`. */
export function plainReferenceValues(values: { readonly [name: string]: JsonValue }): ReferenceValueView {
  const known = new Map(Object.entries(values));
  return {
    lookup: (name) => {
      const value = known.get(name);
      return value === undefined ? undefined : { value };
    },
    names: [...known.keys()].sort(),
  };
}

/** A view over what a verdict recorded: values that it did not ask for are missing. */
export function recordedReferenceValues(uses: readonly ReferenceValueUse[]): ReferenceValueView {
  const known = new Map(uses.map((use) => [use.name, use]));
  const fact = (use: ReferenceValueUse): ReferenceValueFact => ({
    value: (use.value ?? null) as JsonValue,
    publisher: use.publisher,
    registeredAt: use.registered_at === undefined ? undefined : Date.parse(use.registered_at),
    expires: use.expires === undefined ? undefined : Date.parse(use.expires),
  });
  const over = (use: ReferenceValueUse, now: number): boolean =>
    use.state === 'expired' || (use.expires !== undefined && now > Date.parse(use.expires));
  return {
    lookup: (name, now) => {
      const use = known.get(name);
      return use === undefined || use.state === 'missing' || over(use, now) ? undefined : fact(use);
    },
    ended: (name, now) => {
      const use = known.get(name);
      return use !== undefined && use.state !== 'missing' && over(use, now) ? fact(use) : undefined;
    },
    names: uses.filter((use) => use.state !== 'missing').map((use) => use.name),
  };
}

/** A value that ends within this time is told of: long enough to renew it in working hours. */
const SOON_MS = 14 * 86_400_000;

/** `rv.value.ending` for each value that a decision rests on and that ends soon. It refuses nothing yet. */
export function endingValues(uses: readonly ReferenceValueUse[], now: Date): readonly FindingDraft[] {
  return uses.flatMap((use) => {
    const left = use.expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(use.expires) - now.getTime();
    if (use.state !== 'present' || left > SOON_MS) return [];
    const { name, state: _, value: __, ...facts } = use;
    const params = { name, time: use.expires ?? null, distance: distance(left) };
    return [
      warned('rv.value.ending', {
        subject: name,
        params,
        actual: use.expires ?? null,
        source: `reference value ${name}${use.publisher === undefined ? '' : `, set by ${use.publisher}`}`,
        origin: { kind: 'reference-value', name, ...facts },
      }),
    ];
  });
}
