/** Run-time errors, with OPA's codes. */
import { formatLocation, type Location } from '../ast/types.js';

export type EvaluationErrorCode =
  | 'eval_conflict_error'
  | 'eval_type_error'
  | 'eval_builtin_error'
  | 'eval_with_merge_error'
  | 'eval_cancel_error'
  | 'eval_internal_error';

/** An evaluation ended without a result. The text is `file:row: code: reason`. */
export class EvaluationError extends Error {
  override readonly name: string = 'EvaluationError';
  readonly code: EvaluationErrorCode;
  /** The text without place and code. */
  readonly reason: string;
  readonly loc: Location | undefined;

  constructor(code: EvaluationErrorCode, reason: string, loc?: Location, cause?: unknown) {
    const place = loc === undefined || loc.row === 0 ? '' : `${formatLocation(loc)}: `;
    super(`${place}${code}: ${reason}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.reason = reason;
    this.loc = loc;
  }
}

export function conflict(reason: string, loc: Location | undefined): EvaluationError {
  return new EvaluationError('eval_conflict_error', reason, loc);
}

export const MULTIPLE_OUTPUTS = 'complete rules must not produce multiple outputs';
export const MULTIPLE_FUNCTION_OUTPUTS = 'functions must not produce multiple outputs for same inputs';
export const DUPLICATE_KEYS = 'object keys must be unique';
