/** Tokens of Rego. Keywords are identifiers here: which words are reserved depends on the imports read so far. */

export type TokenKind =
  | 'eof'
  | 'illegal'
  | 'ident'
  | 'number'
  | 'string'
  | 'template-start'
  | 'template-continue'
  | Punctuation;

export type Punctuation =
  | ':='
  | '='
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | ','
  | ';'
  | ':'
  | '.'
  | '('
  | ')'
  | '['
  | ']'
  | '{'
  | '}';

export interface Token {
  readonly kind: TokenKind;
  /** UTF-16 index of the first unit, and of the unit after the last. */
  readonly start: number;
  readonly end: number;
  readonly row: number;
  /** Counts from 1, in code points. */
  readonly col: number;
  /** Identifier, number text, string value, literal text of a template part, or the message of an illegal token. */
  readonly text: string;
  /** White space, a line break or a comment stands before the token. */
  readonly spaceBefore: boolean;
  readonly newlineBefore: boolean;
  /** Strings and templates: written between backquotes. */
  readonly raw: boolean;
  /** Template parts: ends with `{`, so a hole follows. */
  readonly hole: boolean;
}

/** How OPA's messages name a token. */
const names: Partial<Record<TokenKind, string>> = {
  '+': 'plus',
  '-': 'minus',
  '*': 'mul',
  '/': 'div',
  '%': 'rem',
  '&': 'and',
  '|': 'or',
  '=': 'eq',
  '==': 'equal',
  ':=': 'assign',
  '!=': 'neq',
  '>': 'gt',
  '>=': 'gte',
  '<': 'lt',
  '<=': 'lte',
  'template-start': 'template-string',
  'template-continue': '}',
};

export function tokenName(kind: TokenKind): string {
  return names[kind] ?? kind;
}

/** Reserved in every version. */
export const baseKeywords: readonly string[] = [
  'as',
  'default',
  'else',
  'false',
  'import',
  'not',
  'null',
  'package',
  'some',
  'true',
  'with',
];

/** Reserved in v1; in v0 only after their import. */
export const futureKeywords: readonly string[] = ['contains', 'every', 'if', 'in'];
