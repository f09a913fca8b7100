/** A refused call, in the words that simple-kbs' callers know. What else there is to say stands in the audit. */
import { AssayError, asAssayError } from '@assay/bytes/findings';
import type { AttemptId } from '../types.js';

export class SevRefusal extends AssayError {
  /** For the caller, who is not trusted. */
  readonly text: string;
  readonly attempt: AttemptId;

  constructor(error: AssayError, text: string, attempt: AttemptId) {
    super(error.finding, {
      cause: error,
      details: error.details,
      findings: error.findings,
      guestCode: error.guestCode,
    });
    this.text = text;
    this.attempt = attempt;
  }
}

/** Carries the words of a refusal from where it is known what they are. */
export class Worded extends Error {
  readonly error: AssayError;
  readonly text: string;

  constructor(text: string, error: AssayError) {
    super(text, { cause: error });
    this.error = error;
    this.text = text;
  }
}

/** The error and its words; `otherwise` where nobody found any. Outages say so, and nothing of the caller. */
export function worded(thrown: unknown, otherwise: string): { readonly error: AssayError; readonly text: string } {
  if (thrown instanceof Worded) return thrown;
  const error = asAssayError(thrown);
  if (error.guestCode === 'unavailable') return { error, text: 'service is not able to answer now' };
  if (error.guestCode === 'internal') return { error, text: 'internal error' };
  return { error, text: otherwise };
}
