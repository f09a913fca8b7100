/**
 * The engine's trace joined with the syntax tree: which body got how far, and what its expressions are made of.
 *
 * The engine tells where each body stopped and the values there; what stood before, operators and literals are read from
 * the tree.
 */
import type { JsonValue } from '@assay/bytes';
import { type EvaluateResult, type Module, type Rule, type Statement, type Term, toJson } from '@assay/rego';
import type { PolicyTrace, TracedBody, TracedExpression, TracedOperand, TracedRule } from './trace.js';

/** What the engine reports of a traced evaluation. */
export type TraceReport = NonNullable<EvaluateResult['trace']>;
type TraceBody = TraceReport['rules'][number]['bodies'][number];

/** A body of the text, with its statements in source order. */
interface SourceBody {
  readonly row: number;
  readonly col: number;
  readonly statements: readonly Statement[];
}

export function tracedPolicy(module: Module, report: TraceReport): PolicyTrace {
  const text = module.text ?? '';
  const bodies = module.rules.flatMap(bodiesOf);
  const rules = report.rules.map((rule): TracedRule => {
    const traced = rule.bodies.flatMap((body) => {
      const source = sourceOf(body, bodies);
      return source === undefined ? [] : [{ source, body: tracedBody(body, source, text) }];
    });
    return {
      name: rule.path.slice(rule.path.lastIndexOf('.') + 1),
      succeeded: rule.bodies.some((body) => body.succeeded),
      bodies: traced.map(({ body }) => body),
    };
  });
  return { file: module.file, rules };
}

function bodiesOf(rule: Rule): readonly SourceBody[] {
  // A default has no body; it holds whatever else fails.
  if (rule.default) return [];
  const own = { row: rule.loc.row, col: rule.loc.col, statements: rule.body };
  return [own, ...rule.else.map((branch) => ({ row: branch.loc.row, col: branch.loc.col, statements: branch.body }))];
}

function sourceOf(traced: TraceBody, bodies: readonly SourceBody[]): SourceBody | undefined {
  return bodies.find((body) => body.row === traced.row && body.col === traced.col);
}

function tracedBody(traced: TraceBody, source: SourceBody, text: string): TracedBody {
  const { row, col } = source;
  const { failure } = traced;
  const expressions = source.statements.map((statement) => expressionOf(statement, text));
  if (traced.succeeded || failure === undefined) return { row, col, held: traced.succeeded ? expressions : [] };
  const at = expressions.findIndex((expression) => expression.row === failure.row && expression.col === failure.col);
  const found = expressions[at];
  const values = new Map(failure.operands.map((operand) => [operand.expression, operand.value]));
  const operands = (found?.operands ?? failure.operands.map((operand) => ({ text: operand.expression }))).map(
    (operand): TracedOperand => {
      const value = values.get(operand.text);
      return value === undefined ? operand : { ...operand, value: toJson(value) as JsonValue };
    },
  );
  const unmet = { row: failure.row, col: failure.col, text: failure.expression, ...found, operands };
  return { row, col, held: expressions.slice(0, Math.max(0, at)), unmet };
}

function expressionOf(statement: Statement, text: string): TracedExpression {
  const { loc } = statement;
  return { row: loc.row, col: loc.col, text: slice(statement, text), ...partsOf(statement, text) };
}

function partsOf(statement: Statement, text: string): Pick<TracedExpression, 'operator' | 'operands'> {
  switch (statement.kind) {
    case 'term': {
      const { term } = statement;
      if (term.kind !== 'call' || term.infix === undefined) return { operands: [operandOf(term, text)] };
      return { operator: term.infix, operands: term.args.map((argument) => operandOf(argument, text)) };
    }
    case 'unify':
      return { operator: '=', operands: [operandOf(statement.left, text), operandOf(statement.right, text)] };
    case 'assign':
      return { operator: ':=', operands: [operandOf(statement.target, text), operandOf(statement.value, text)] };
    case 'some-in':
    case 'every':
      return { operands: [operandOf(statement.domain, text)] };
    case 'some':
    case 'not':
      return { operands: [] };
  }
}

function operandOf(term: Term, text: string): TracedOperand {
  const value = literal(term);
  return value === undefined ? { text: slice(term, text) } : { text: slice(term, text), value };
}

/** The value of a term that is written out. */
function literal(term: Term): JsonValue | undefined {
  switch (term.kind) {
    case 'null':
      return null;
    case 'boolean':
    case 'string':
      return term.value;
    case 'number':
      return Number(term.text);
    case 'array': {
      const items = term.items.map(literal);
      return items.some((item) => item === undefined) ? undefined : items.filter((item) => item !== undefined);
    }
    default:
      return undefined;
  }
}

function slice(node: { readonly loc: { readonly offset: number; readonly end: number } }, text: string): string {
  return text.slice(node.loc.offset, node.loc.end);
}
