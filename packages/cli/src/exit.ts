/** Exit codes of `assay`; documented in docs/reference/commands.md. */
export const EXIT = {
  /** Done, or accepted. */
  done: 0,
  /** Refused by a check: evidence rejected, policy denied, signature bad. */
  refused: 1,
  /** The command line is wrong. */
  usage: 2,
  /** Input is malformed. */
  malformed: 3,
  /** A peer or a file could not be reached. */
  unreachable: 4,
  /** A defect. */
  internal: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a message, a hint and an exit code. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exit: ExitCode;
  /** What to do next, one line. */
  readonly hint: string | undefined;
  /** The whole error as data, for `--json`. */
  readonly data: unknown;

  constructor(
    message: string,
    exit: ExitCode,
    options: { readonly hint?: string; readonly data?: unknown; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exit = exit;
    this.hint = options.hint;
    this.data = options.data;
  }
}
