/** A traced evaluation in the form that explanations are made from. */
import type { JsonValue } from '@assay/bytes';

/** One side of an expression. */
export interface TracedOperand {
  /** Source text. */
  readonly text: string;
  /** Absent: undefined. */
  readonly value?: JsonValue;
}

/** One expression of a body, as it was evaluated. */
export interface TracedExpression {
  readonly row: number;
  readonly col: number;
  readonly text: string;
  /** `==`, `in`, `>=` …; absent for a bare term. */
  readonly operator?: string;
  readonly operands: readonly TracedOperand[];
}

/** One body of a rule: a definition, or a branch of its `else` chain. */
export interface TracedBody {
  readonly row: number;
  readonly col: number;
  /** Expressions that held before the one that did not; all of them where the body holds. */
  readonly held: readonly TracedExpression[];
  /** The first that did not hold, at the attempt that got furthest. Absent where the body holds. */
  readonly unmet?: TracedExpression;
}

export interface TracedRule {
  /** Name in package `policy`. */
  readonly name: string;
  /** It has a value, by one of its bodies or its default. */
  readonly succeeded: boolean;
  readonly bodies: readonly TracedBody[];
}

export interface PolicyTrace {
  readonly file: string;
  readonly rules: readonly TracedRule[];
}
