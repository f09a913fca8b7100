/** One-off evaluation, in the shape that a command line prints. */
import type { EvaluateOptions, Policy } from '../eval/policy.js';
import type { TraceReport } from '../eval/trace.js';
import { type JsonResult, toJson } from '../value/index.js';

export interface QueryReport {
  /** One per solution: values of the statements, and of the named variables. */
  readonly result: readonly { readonly expressions: readonly JsonResult[]; readonly bindings: JsonResult }[];
  readonly trace?: TraceReport;
}

/** Evaluates a query; values come as JSON (sets as sorted arrays). */
export function evalQuery(policy: Policy, query: string, options: EvaluateOptions = {}): QueryReport {
  const { results, trace } = policy.evaluate({ ...options, query });
  return {
    result: results.map((row) => ({ expressions: row.expressions.map(toJson), bindings: toJson(row.bindings) })),
    ...(trace === undefined ? {} : { trace }),
  };
}
