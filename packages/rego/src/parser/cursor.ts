/** What every parsing function stands on: the tokens, the place in them, speculation, limits and errors. */

import { type RegoDiagnostic, RegoErrors } from '../ast/errors.js';
import type { Comment, Location, RegoVersion, Term } from '../ast/types.js';
import type { AnnotationReader } from './annotations.js';
import { lex } from './lexer.js';
import { baseKeywords, futureKeywords, type Token, type TokenKind, tokenName } from './tokens.js';

export interface ParseOptions {
  /** Name of the text in messages. */
  readonly file?: string;
  /** Language version; `v1` when absent. */
  readonly regoVersion?: RegoVersion;
  /** v0 only: reserve `if contains in every` without an import. */
  readonly futureKeywords?: boolean;
  /** Longest text taken, in UTF-16 units. Default 4 Mi. */
  readonly maxLength?: number;
  /** Deepest nesting of terms and bodies, operators of one chain included. Default 400. */
  readonly maxDepth?: number;
  /** After how many syntax errors to give up. Default 20. */
  readonly maxErrors?: number;
  /** Reads METADATA blocks (`readAnnotations`). Without it a module has no annotations. */
  readonly annotations?: AnnotationReader;
}

const MAX_LENGTH = 4 * 1024 * 1024;
const MAX_DEPTH = 400;
const MAX_ERRORS = 20;

/** Thrown where the text stops making sense; caught by speculation and by the recovery between rules. */
export class SyntaxFailure {
  readonly message: string;
  readonly token: Token;
  readonly index: number;
  /** Limits are not a matter of choice: no other reading is tried after them. */
  readonly fatal: boolean;

  constructor(message: string, token: Token, index: number, fatal = false) {
    this.message = message;
    this.token = token;
    this.index = index;
    this.fatal = fatal;
  }
}

interface MemoEntry {
  readonly term: Term | undefined;
  readonly failure: SyntaxFailure | undefined;
  readonly end: number;
  readonly height: number;
}

export abstract class Cursor {
  protected readonly text: string;
  protected readonly file: string;
  protected version: RegoVersion;
  protected readonly comments: readonly Comment[];
  protected readonly tokens: readonly Token[];
  protected index = 0;
  protected readonly keywords: Set<string>;
  protected readonly errors: RegoDiagnostic[] = [];
  protected readonly maxErrors: number;
  protected readonly readAnnotations: AnnotationReader | undefined;
  /** Height of the term parsed last: bounds what recursive readers of the tree have to go through. */
  protected height = 0;
  readonly #maxDepth: number;
  #depth = 0;
  #speculating = 0;
  readonly #memo = new Map<number, MemoEntry>();

  constructor(text: string, options: ParseOptions) {
    this.text = text;
    this.file = options.file ?? '';
    this.version = options.regoVersion ?? 'v1';
    this.#maxDepth = options.maxDepth ?? MAX_DEPTH;
    this.maxErrors = options.maxErrors ?? MAX_ERRORS;
    this.readAnnotations = options.annotations;
    const maxLength = options.maxLength ?? MAX_LENGTH;
    if (text.length > maxLength) {
      const message = `text is too long: ${text.length} characters, at most ${maxLength} are taken`;
      const loc: Location = { file: this.file, row: 1, col: 1, offset: 0, end: 0 };
      throw new RegoErrors([{ code: 'rego_parse_error', message, loc }]);
    }
    this.keywords = new Set(baseKeywords);
    if (this.version === 'v1' || options.futureKeywords === true) for (const k of futureKeywords) this.keywords.add(k);
    const lexed = lex(text, this.file);
    this.tokens = lexed.tokens;
    this.comments = lexed.comments;
  }

  // Tokens

  protected peek(ahead = 0): Token {
    const token = this.tokens[Math.min(this.index + ahead, this.tokens.length - 1)];
    if (token === undefined) throw new Error('the token list is never empty');
    return token;
  }

  protected next(): Token {
    const token = this.peek();
    if (this.index < this.tokens.length - 1) this.index++;
    return token;
  }

  protected at(kind: TokenKind): boolean {
    return this.peek().kind === kind;
  }

  /** The token stands right behind the one before it. */
  protected atAdjacent(kind: TokenKind): boolean {
    const token = this.peek();
    return token.kind === kind && !token.spaceBefore;
  }

  protected accept(kind: TokenKind): boolean {
    if (!this.at(kind)) return false;
    this.next();
    return true;
  }

  protected isKeyword(token: Token): boolean {
    return token.kind === 'ident' && this.keywords.has(token.text);
  }

  /** At the keyword `word`. One that begins a reference is none, `p contains["a"]` excepted. */
  protected atKeyword(word: string): boolean {
    const token = this.peek();
    if (token.kind !== 'ident' || token.text !== word || !this.keywords.has(word)) return false;
    return word === 'contains' || !this.keywordStartsRef();
  }

  /** At a reserved word that cannot be read as a name here. */
  protected atReserved(): boolean {
    return this.isKeyword(this.peek()) && !this.keywordStartsRef();
  }

  /** A keyword that begins a reference (`else.foo`, `not["x"]`) is an ordinary name. */
  protected keywordStartsRef(): boolean {
    if (!this.isKeyword(this.peek())) return false;
    const after = this.peek(1);
    return (after.kind === '.' || after.kind === '[') && !after.spaceBefore;
  }

  // Places

  protected previousEnd(): number {
    return this.tokens[this.index - 1]?.end ?? 0;
  }

  protected locOf(token: Token): Location {
    return { file: this.file, row: token.row, col: token.col, offset: token.start, end: token.end };
  }

  /** From `start` up to the token consumed last. */
  protected locFrom(start: Token): Location {
    const end = Math.max(this.previousEnd(), start.start);
    return { file: this.file, row: start.row, col: start.col, offset: start.start, end };
  }

  // Errors

  protected fail(message: string, token: Token = this.peek(), index = this.index): never {
    throw new SyntaxFailure(message, token, index);
  }

  /** `unexpected X token`, with OPA's names of tokens. */
  protected unexpected(note = ''): never {
    const token = this.peek();
    if (token.kind === 'illegal') this.fail(token.text);
    const keyword = this.isKeyword(token);
    const what = keyword ? `${token.text} keyword` : `${tokenName(token.kind)} token`;
    const hint = this.importHint(token);
    this.fail(`unexpected ${what}${note === '' ? '' : `: ${note}`}${hint}`);
  }

  /** In v0: which import would make a keyword of a word around the place of an error. */
  protected importHint(token: Token): string {
    const candidates = [token, this.tokens[this.index - 1], this.tokens[this.index - 2]];
    const word = candidates.find((t) => t?.kind === 'ident' && futureKeywords.includes(t.text) && !this.isKeyword(t));
    return word
      ? ` (hint: \`import future.keywords.${word.text}\` or \`import rego.v1\` makes \`${word.text}\` a keyword)`
      : '';
  }

  protected report(message: string, loc: Location, code: RegoDiagnostic['code'] = 'rego_parse_error'): void {
    this.errors.push({ code, message, loc, line: this.lineAt(loc.offset) });
  }

  protected lineAt(offset: number): string {
    const start = this.text.lastIndexOf('\n', offset - 1) + 1;
    const end = this.text.indexOf('\n', offset);
    return this.text.slice(start, end < 0 ? undefined : end).replace(/\r$/, '');
  }

  // Speculation

  /** Runs `parse`; where it fails, goes back and returns the failure. */
  protected attempt<T>(parse: () => T): T | SyntaxFailure {
    const index = this.index;
    const depth = this.#depth;
    this.#speculating++;
    try {
      return parse();
    } catch (failure) {
      if (!(failure instanceof SyntaxFailure) || failure.fatal) throw failure;
      this.index = index;
      this.#depth = depth;
      return failure;
    } finally {
      this.#speculating--;
    }
  }

  /**
   * Parses a term, remembering the outcome while speculating: texts that are read twice (as comprehension, then as
   * collection) would otherwise take time exponential in their nesting.
   */
  protected memoized(parse: () => Term): Term {
    const start = this.index;
    const known = this.#memo.get(start);
    if (known) {
      if (known.failure) throw known.failure;
      if (known.term) {
        this.index = known.end;
        this.height = known.height;
        return known.term;
      }
    }
    if (this.#speculating === 0) return parse();
    try {
      const term = parse();
      this.#memo.set(start, { term, failure: undefined, end: this.index, height: this.height });
      return term;
    } catch (failure) {
      if (failure instanceof SyntaxFailure && !failure.fatal) {
        this.#memo.set(start, { term: undefined, failure, end: this.index, height: 0 });
      }
      throw failure;
    }
  }

  /** What was remembered is of no use beyond the statement at hand, and wrong once an import adds keywords. */
  protected forget(): void {
    this.#memo.clear();
    this.#depth = 0;
  }

  // Limits

  protected nested<T>(parse: () => T): T {
    if (++this.#depth > this.#maxDepth) this.#tooDeep();
    const result = parse();
    this.#depth--;
    return result;
  }

  /** Notes the height of a node above children of the given height. */
  protected raise(childHeight: number): void {
    this.height = childHeight + 1;
    if (this.height > this.#maxDepth) this.#tooDeep();
  }

  #tooDeep(): never {
    throw new SyntaxFailure(
      `nesting is too deep: at most ${this.#maxDepth} levels are taken`,
      this.peek(),
      this.index,
      true,
    );
  }
}
