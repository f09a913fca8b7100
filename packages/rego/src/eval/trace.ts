/**
 * Explanations: which bodies of which rules failed, at which expression, with which values.
 *
 * A traced evaluation runs on closures of its own, compiled for it; the ordinary ones carry no trace of this.
 */
import type { Location } from '../ast/types.js';
import { type Branch, type Definition, formatPath, type Statement, type Term } from '../compiler/ir.js';
import type { Value } from '../value/index.js';
import type { Emitter } from './codegen/emitter.js';
import { pure } from './codegen/terms.js';
import type { Enumerate, Evaluate } from './rules/branch.js';
import type { Instrument } from './runtime.js';
import type { Pure } from './state.js';

/** An operand of the failed expression. `value` is absent where it was undefined. */
export interface TraceOperand {
  readonly expression: string;
  readonly value?: Value;
}

/** The expression at which a body got stuck: the furthest that was reached and did not hold. */
export interface TraceFailure {
  readonly expression: string;
  readonly row: number;
  readonly col: number;
  /** As they were the last time the expression was tried. */
  readonly operands: readonly TraceOperand[];
  /** How often it was tried (bodies iterate). */
  readonly attempts: number;
}

/** One evaluation of one body. */
export interface TraceBody {
  readonly file: string;
  readonly row: number;
  readonly col: number;
  readonly succeeded: boolean;
  readonly failure?: TraceFailure;
}

export interface TraceRule {
  /** `data.policy.hardware` */
  readonly path: string;
  readonly bodies: readonly TraceBody[];
}

/** Rules in the order in which they were first evaluated. */
export interface TraceReport {
  readonly rules: readonly TraceRule[];
  /** More was evaluated than is kept. */
  readonly truncated: boolean;
}

interface Site {
  readonly order: number;
  readonly loc: Location;
  readonly expression: string;
  readonly operands: readonly { readonly expression: string; readonly value: Pure }[];
}

interface Frame {
  furthest: Site | undefined;
  attempts: number;
  values: readonly (Value | undefined)[];
}

/** Bodies kept; a function called in a loop would otherwise fill the memory. */
const MAX_BODIES = 10_000;

export class Tracer implements Instrument {
  readonly #rules = new Map<string, TraceBody[]>();
  readonly #frames: Frame[] = [];
  #orders = 0;
  #bodies = 0;

  before(e: Emitter, statement: Statement): void {
    if (e.level > 0 || e.definition === undefined) return;
    const text = e.definition.module.text ?? '';
    const site: Site = {
      order: this.#orders++,
      loc: statement.loc,
      expression: slice(text, statement.loc),
      operands: operandsOf(statement).flatMap((term) => this.#operand(e, term, text)),
    };
    e.check((c, s) => {
      const frame = this.#frames.at(-1);
      if (frame === undefined) return true;
      if (frame.furthest === undefined || site.order >= frame.furthest.order) {
        frame.attempts = frame.furthest === site ? frame.attempts + 1 : 1;
        frame.furthest = site;
        frame.values = site.operands.map((operand) => operand.value(c, s));
      }
      return true;
    });
  }

  branch(definition: Definition, branch: Branch, evaluate: Evaluate): Evaluate {
    return (c, args) =>
      this.#within(
        definition,
        branch,
        () => evaluate(c, args),
        (v) => v !== undefined,
      );
  }

  solutions(definition: Definition, branch: Branch, enumerate: Enumerate): Enumerate {
    return (c, collect, key) => {
      let found = false;
      this.#within(
        definition,
        branch,
        () =>
          enumerate(
            c,
            (layer, path, value) => {
              found = true;
              collect(layer, path, value);
            },
            key,
          ),
        () => found,
      );
    };
  }

  report(): TraceReport {
    const rules = [...this.#rules].map(([path, bodies]) => ({ path, bodies }));
    return { rules, truncated: this.#bodies > MAX_BODIES };
  }

  #within<R>(definition: Definition, branch: Branch, run: () => R, succeeded: (result: R) => boolean): R {
    const path = formatPath(definition.node.path);
    const bodies = this.#rules.get(path) ?? [];
    this.#rules.set(path, bodies);
    const frame: Frame = { furthest: undefined, attempts: 0, values: [] };
    this.#frames.push(frame);
    let result: R;
    try {
      result = run();
    } finally {
      this.#frames.pop();
    }
    if (++this.#bodies <= MAX_BODIES) bodies.push(body(branch, frame, succeeded(result)));
    return result;
  }

  /** An operand that can be read without enumerating anything. */
  #operand(e: Emitter, term: Term, text: string): { readonly expression: string; readonly value: Pure }[] {
    if (term.kind === 'const' || (term.kind === 'local' && !e.bound.has(term.local))) return [];
    const inner = e.nested();
    const value = pure(inner, term);
    return inner.steps.length === 0 ? [{ expression: slice(text, term.loc), value }] : [];
  }
}

function body(branch: Branch, frame: Frame, succeeded: boolean): TraceBody {
  const { file, row, col } = branch.loc;
  const site = frame.furthest;
  if (succeeded || site === undefined) return { file, row, col, succeeded };
  const operands = site.operands.map((operand, i): TraceOperand => {
    const value = frame.values[i];
    return value === undefined ? { expression: operand.expression } : { expression: operand.expression, value };
  });
  const failure = {
    expression: site.expression,
    row: site.loc.row,
    col: site.loc.col,
    operands,
    attempts: frame.attempts,
  };
  return { file, row, col, succeeded, failure };
}

function slice(text: string, loc: Location): string {
  return text.slice(loc.offset, loc.end);
}

/** The terms whose values tell why a statement did not hold. */
function operandsOf(statement: Statement): readonly Term[] {
  switch (statement.kind) {
    case 'term':
      return statement.term.kind === 'call' ? statement.term.args : [statement.term];
    case 'unify':
      return [statement.left, statement.right];
    case 'not':
      return operandsOf(statement.statement);
    case 'some-in':
    case 'every':
      return [statement.domain];
  }
}
