/** What the parser and the compiler report. */
import { formatLocation, type Location } from './location.js';

export type RegoErrorCode =
  | 'rego_parse_error'
  | 'rego_compile_error'
  | 'rego_type_error'
  | 'rego_unsafe_var_error'
  | 'rego_recursion_error';

/** One finding about a source text; `row` and `col` count from 1. */
export interface RegoDiagnostic {
  readonly code: RegoErrorCode;
  readonly message: string;
  readonly loc: Location;
  /** The line of source the finding stands on, where it is known. */
  readonly line?: string;
}

/** `file:row: code: message` */
export function formatDiagnostic(diagnostic: RegoDiagnostic): string {
  const text = `${diagnostic.code}: ${diagnostic.message}`;
  return diagnostic.loc === undefined || diagnostic.loc.row === 0 ? text : `${formatLocation(diagnostic.loc)}: ${text}`;
}

/** All findings of one stage, in source order; the message lists them as OPA does. */
export class RegoErrors extends Error {
  override readonly name: string = 'RegoErrors';
  readonly errors: readonly RegoDiagnostic[];

  constructor(errors: readonly RegoDiagnostic[]) {
    super(
      errors.length === 1 && errors[0]
        ? `1 error occurred: ${formatDiagnostic(errors[0])}`
        : `${errors.length} errors occurred:\n${errors.map(formatDiagnostic).join('\n')}`,
    );
    this.errors = errors;
  }
}
