/** Errors of one compilation, by stage: as in OPA, only those of the first stage that failed are reported. */
import { type RegoDiagnostic, type RegoErrorCode, RegoErrors } from '../ast/errors.js';
import type { Location } from '../ast/types.js';

/** Stages in the order in which OPA runs them. */
export type Stage =
  | 'imports'
  | 'locals'
  | 'with'
  | 'conflicts'
  | 'functions'
  | 'safety'
  | 'recursion'
  | 'types'
  | 'deprecated';

const ORDER: readonly Stage[] = [
  'imports',
  'locals',
  'with',
  'conflicts',
  'functions',
  'safety',
  'recursion',
  'types',
  'deprecated',
];

export class Diagnostics {
  readonly #found = new Map<Stage, RegoDiagnostic[]>();

  add(stage: Stage, code: RegoErrorCode, message: string, loc: Location): void {
    const list = this.#found.get(stage) ?? [];
    // One finding per place and text: a term that is resolved twice (an else branch's parameters) reports once.
    if (!list.some((d) => d.message === message && d.loc.offset === loc.offset && d.loc.file === loc.file)) {
      list.push({ code, message, loc });
    }
    this.#found.set(stage, list);
  }

  has(stage: Stage): boolean {
    return this.#found.has(stage);
  }

  /** Throws what the earliest failed stage found, in source order. */
  throwIfAny(): void {
    for (const stage of ORDER) {
      const list = this.#found.get(stage);
      if (list !== undefined) throw new RegoErrors(sortBySource(list));
    }
  }
}

function sortBySource(list: readonly RegoDiagnostic[]): RegoDiagnostic[] {
  return [...list].sort((a, b) =>
    a.loc.file < b.loc.file ? -1 : a.loc.file > b.loc.file ? 1 : a.loc.offset - b.loc.offset,
  );
}
