/** `regex.globs_match`, apart from the other text built-ins: rarely used, and too large for the browser entry point. */
import type { Value } from '../../value/index.js';
import { stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, failure, T } from '../types.js';
import { GlobExpressionError, globsIntersect } from './globs-intersect.js';

function globsMatch(args: readonly Value[], ctx: BuiltinContext): Value {
  try {
    return globsIntersect(stringOperand(args, 1), stringOperand(args, 2), (n) => ctx.budget.step(n));
  } catch (error) {
    if (error instanceof GlobExpressionError) throw failure(error.message);
    throw error;
  }
}

export const globsMatchBuiltins: readonly Builtin[] = [
  { name: 'regex.globs_match', args: [T.string, T.string], result: T.boolean, impl: globsMatch },
];
