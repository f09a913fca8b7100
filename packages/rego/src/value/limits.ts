/**
 * A bound of the engine was reached (steps, collection size, output size, nesting depth). It always aborts the
 * evaluation, strict mode or not, and is reported with OPA's code `eval_cancel_error`.
 */
export class ResourceLimitError extends Error {
  readonly code = 'eval_cancel_error';

  constructor(message: string) {
    super(message);
    this.name = 'ResourceLimitError';
  }
}

/** Nodes visited by one walk over a value (comparison, canonical key, printing): shared structure can be exponential. */
export const MAX_WALK_NODES = 5_000_000;

/** UTF-16 units in one text produced from a value (printing, JSON, canonical key). */
export const MAX_TEXT_LENGTH = 32 * 1024 * 1024;

/** Nesting of one value; deeper values would exhaust the call stack of the host. */
const MAX_VALUE_DEPTH = 1_000;

/** Fails when a value nests deeper than {@link MAX_VALUE_DEPTH}. */
export function checkDepth(depth: number): void {
  if (depth > MAX_VALUE_DEPTH) {
    throw new ResourceLimitError(`value is nested deeper than ${MAX_VALUE_DEPTH} levels`);
  }
}
