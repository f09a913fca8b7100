/** Which lines of a policy were evaluated. */
import type { Location, Module } from '../ast/types.js';
import { walkRule } from '../ast/visit.js';
import type { Branch, Definition, Statement } from '../compiler/ir.js';
import type { Emitter } from '../eval/codegen/emitter.js';
import type { Enumerate, Evaluate } from '../eval/rules/branch.js';
import type { Instrument } from '../eval/runtime.js';

export interface FileCoverage {
  readonly file: string;
  /** Rows of statements and of heads that were evaluated, ascending. */
  readonly covered: readonly number[];
  readonly notCovered: readonly number[];
  /** Percent of rows that are covered, 0 to 100. */
  readonly coverage: number;
}

export interface CoverageReport {
  readonly files: readonly FileCoverage[];
  readonly coverage: number;
}

/** Notes statements that are reached and heads that get a value. */
export class CoverageInstrument implements Instrument {
  readonly #hits = new Map<string, Set<number>>();

  before(e: Emitter, statement: Statement): void {
    e.check(this.#mark(statement.loc));
  }

  branch(_definition: Definition, branch: Branch, evaluate: Evaluate): Evaluate {
    const mark = this.#mark(branch.loc);
    return (c, args) => {
      const value = evaluate(c, args);
      if (value !== undefined) mark();
      return value;
    };
  }

  solutions(_definition: Definition, branch: Branch, enumerate: Enumerate): Enumerate {
    const mark = this.#mark(branch.loc);
    return (c, collect, key) => {
      enumerate(
        c,
        (layer, path, value) => {
          mark();
          collect(layer, path, value);
        },
        key,
      );
    };
  }

  /** Coverage of modules: rows of their rules' heads and statements, against what was noted. */
  report(modules: readonly Module[]): CoverageReport {
    const files = new Map<string, Set<number>>();
    for (const module of modules) {
      const rows = files.get(module.file) ?? new Set<number>();
      for (const row of evaluableRows(module)) rows.add(row);
      files.set(module.file, rows);
    }
    const reports = [...files].map(([file, rows]) => this.#file(file, rows));
    const covered = reports.reduce((sum, f) => sum + f.covered.length, 0);
    const all = reports.reduce((sum, f) => sum + f.covered.length + f.notCovered.length, 0);
    return { files: reports, coverage: percent(covered, all) };
  }

  #file(file: string, rows: ReadonlySet<number>): FileCoverage {
    const hits = this.#hits.get(file) ?? new Set<number>();
    const sorted = [...rows].sort((a, b) => a - b);
    const covered = sorted.filter((row) => hits.has(row));
    return {
      file,
      covered,
      notCovered: sorted.filter((row) => !hits.has(row)),
      coverage: percent(covered.length, sorted.length),
    };
  }

  #mark(loc: Location): () => true {
    const hits = this.#hits.get(loc.file) ?? new Set<number>();
    this.#hits.set(loc.file, hits);
    return () => {
      hits.add(loc.row);
      return true;
    };
  }
}

function percent(part: number, all: number): number {
  return all === 0 ? 100 : Math.round((part / all) * 10_000) / 100;
}

function evaluableRows(module: Module): Set<number> {
  const rows = new Set<number>();
  for (const rule of module.rules) {
    rows.add(rule.loc.row);
    for (const branch of rule.else) rows.add(branch.loc.row);
    walkRule(rule, {
      statement: (statement) => {
        if (statement.kind !== 'some') rows.add(statement.loc.row);
        return undefined;
      },
    });
  }
  return rows;
}
