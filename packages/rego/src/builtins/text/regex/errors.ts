/** Reasons RE2 gives for refusing an expression (wording of the Go package `regexp/syntax`). */
const REGEX_ERROR_TEXT = {
  charClass: 'invalid character class',
  charRange: 'invalid character class range',
  escape: 'invalid escape sequence',
  namedCapture: 'invalid named capture',
  perlOp: 'invalid or unsupported Perl syntax',
  repeatOp: 'invalid nested repetition operator',
  repeatSize: 'invalid repeat count',
  missingBracket: 'missing closing ]',
  missingParen: 'missing closing )',
  missingArgument: 'missing argument to repetition operator',
  trailingBackslash: 'trailing backslash at end of expression',
  unexpectedParen: 'unexpected )',
  nesting: 'expression nests too deeply',
  large: 'expression too large',
} as const;

export type RegexErrorCode = keyof typeof REGEX_ERROR_TEXT;

/** An expression that RE2 refuses. The message reads like Go's: "error parsing regexp: missing closing ]: `[`". */
export class RegexSyntaxError extends Error {
  override readonly name = 'RegexSyntaxError';
  readonly code: RegexErrorCode;
  readonly fragment: string;

  constructor(code: RegexErrorCode, fragment: string) {
    super(`error parsing regexp: ${REGEX_ERROR_TEXT[code]}: \`${fragment}\``);
    this.code = code;
    this.fragment = fragment;
  }
}
