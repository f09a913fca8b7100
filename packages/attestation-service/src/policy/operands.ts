/** What the two sides of an expression are: a claim, a reference value, a literal, a result. */
import type { JsonValue } from '@assay/bytes';
import type { Operand } from '@assay/bytes/findings';
import { claimPath, type Resolved, resolveClaim } from './claims.js';
import { encodingOf } from './encodings.js';
import type { TracedBody, TracedExpression, TracedOperand } from './trace.js';

export type Side =
  | {
      readonly kind: 'claim';
      readonly operand: TracedOperand;
      readonly path: readonly string[];
      readonly resolved: Resolved;
    }
  | { readonly kind: 'reference-value'; readonly operand: TracedOperand; readonly name: string }
  | { readonly kind: 'literal' | 'result'; readonly operand: TracedOperand };

/** Looks at an operand; a local variable counts as what it was bound to in the same body. */
export function sideOf(operand: TracedOperand, body: TracedBody, input: JsonValue): Side {
  const text = boundText(operand.text, body);
  const name = referenceValueName(text);
  if (name !== undefined) return { kind: 'reference-value', operand, name };
  const path = claimPath(text);
  if (path !== undefined) return { kind: 'claim', operand, path, resolved: resolveClaim(input, path) };
  const literal = /^(?:"|`|-?\d|true$|false$|null$|\[|\{)/.test(text);
  return { kind: literal ? 'literal' : 'result', operand };
}

/** Name of the reference value that a call asks for. */
function referenceValueName(text: string): string | undefined {
  const argument = /^query_reference_value\(\s*("(?:[^"\\]|\\.)*"|`[^`]*`)\s*\)$/.exec(text)?.[1];
  if (argument === undefined) return undefined;
  return argument.startsWith('`') ? argument.slice(1, -1) : unquoted(argument);
}

function unquoted(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `least` of `least := query_reference_value("x")` stands for the call. */
function boundText(text: string, body: TracedBody): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return text;
  const binding = body.held.find(
    (expression) =>
      expression.operator === ':=' && expression.operands[0]?.text === text && expression.operands[1] !== undefined,
  );
  return binding?.operands[1]?.text ?? text;
}

/** The two sides of an expression that compares, else undefined. */
export function sidesOf(
  expression: TracedExpression,
  body: TracedBody,
  input: JsonValue,
): readonly [Side, Side] | undefined {
  const [left, right] = expression.operands;
  if (expression.operator === undefined || left === undefined || right === undefined) return undefined;
  return [sideOf(left, body, input), sideOf(right, body, input)];
}

/** The side in the form that findings store. */
export function operandOf(side: Side, from: string | undefined): Operand {
  const value = side.operand.value;
  const encoding = typeof value === 'string' ? encodingOf(value) : undefined;
  return {
    origin: originOf(side, from),
    ...(value === undefined ? {} : { value }),
    ...(encoding === undefined ? {} : encoding),
  };
}

function originOf(side: Side, from: string | undefined): Operand['origin'] {
  if (side.kind === 'claim') return { claim: pathText(side.path), ...(from === undefined ? {} : { from }) };
  if (side.kind === 'reference-value') return { reference_value: side.name };
  return side.kind === 'literal' ? { literal: true } : { result: side.operand.text };
}

/** A claim path as policies write it. */
export function pathText(path: readonly string[]): string {
  const [head = '', ...rest] = path;
  return head + rest.map((part) => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(part) ? `.${part}` : `["${part}"]`)).join('');
}
