/** A rule for a TEE that the owner made weaker than its default: said at start, and in each verdict that rests on it. */
export interface Loosened {
  /** Name inside the TEE's section. */
  readonly key: string;
  readonly actual: unknown;
  /** What it opens. */
  readonly why: string;
}
