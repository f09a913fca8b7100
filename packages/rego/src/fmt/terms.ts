/** Terms as text. */
import type { Body, CallTerm, Comment, Location, ObjectEntry, Term } from '../ast/types.js';
import { pathPart, quote, templateText } from './quote.js';
import { commentText, type Source, tabs } from './source.js';

const level: Readonly<Record<string, number>> = {
  in: 0,
  '==': 1,
  '!=': 1,
  '<': 1,
  '<=': 1,
  '>': 1,
  '>=': 1,
  '|': 2,
  '&': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
};

const isInfix = (term: Term): term is CallTerm & { infix: string } => term.kind === 'call' && term.infix !== undefined;

/** The text begins with one term and `|`: behind an opening bracket this would be read as a comprehension. */
export function startsWithUnion(term: Term): boolean {
  if (!isInfix(term) || term.parens) return false;
  const [left] = term.args;
  if (left === undefined) return false;
  if (isInfix(left) && !left.parens && !operandNeedsParens(term, left, 'left')) return startsWithUnion(left);
  return term.infix === '|';
}

/** Operands that are operations themselves get parentheses, unless they continue a chain of one level: `a + b - c`. */
function operandNeedsParens(parent: CallTerm & { infix: string }, child: Term, side: 'left' | 'right'): boolean {
  if (!isInfix(child)) return false;
  return (
    child.parens === true || side === 'right' || child.infix === 'in' || level[child.infix] !== level[parent.infix]
  );
}

interface Item {
  readonly text: string;
  readonly loc: Pick<Location, 'offset' | 'end' | 'row'>;
  readonly endRow: number;
}

export abstract class TermPrinter {
  protected readonly source: Source;
  /** Above zero while everything has to stay on one line. */
  #flat = 0;
  /** Comments that stood in front of a bracket which opened on the current line: they stay outside of it. */
  #deferred: Comment[] = [];

  constructor(source: Source) {
    this.source = source;
  }

  /** The statements of a body, one a line, each line indented and ended. */
  protected abstract block(body: Body, indent: number, close: number): string;
  protected abstract inline(body: Body): string;

  protected get isFlat(): boolean {
    return this.#flat > 0;
  }

  protected flat<T>(print: () => T): T {
    this.#flat++;
    const result = print();
    this.#flat--;
    return result;
  }

  /** An expression where any operator may stand. */
  term(term: Term, indent: number): string {
    switch (term.kind) {
      case 'null':
        return 'null';
      case 'boolean':
        return String(term.value);
      case 'number':
        return term.text;
      case 'string':
        return term.raw ? `\`${term.value}\`` : quote(term.value);
      case 'var':
        return term.name;
      case 'ref':
        return this.ref(term.head, term.path, indent);
      case 'call':
        return this.#call(term, indent);
      case 'array':
        return this.list('[', ']', term.items, term.loc, indent, { first: true });
      case 'set':
        return term.items.length === 0 ? 'set()' : this.list('{', '}', term.items, term.loc, indent, { first: true });
      case 'object':
        return this.#object(term.entries, term.loc, indent);
      case 'array-comprehension':
        return this.#comprehension('[', this.operand(term.term, indent), ']', term.body, term.loc, indent);
      case 'set-comprehension':
        return this.#comprehension('{', this.operand(term.term, indent), '}', term.body, term.loc, indent);
      case 'object-comprehension': {
        const head = `${this.#key(term.key, true, indent)}: ${this.operand(term.value, indent)}`;
        return this.#comprehension('{', head, '}', term.body, term.loc, indent);
      }
      case 'template': {
        const mark = term.raw ? '`' : '"';
        const parts = term.parts.map((part) => {
          return typeof part === 'string' ? templateText(part, term.raw) : `{${this.flat(() => this.inline([part]))}}`;
        });
        return `$${mark}${parts.join('')}${mark}`;
      }
    }
  }

  /** A term where no operator may stand outside parentheses. */
  protected operand(term: Term, indent: number): string {
    return isInfix(term) ? this.parenthesised(term, indent) : this.term(term, indent);
  }

  protected parenthesised(term: Term, indent: number): string {
    const text = this.term(term, indent);
    return isInfix(term) && !term.parens ? `(${text})` : text;
  }

  /** An item of a comma list, where `k, v in c` would be two items. */
  #item(term: Term, first: boolean, indent: number): string {
    const pair = isInfix(term) && term.args.length === 3;
    return pair || (first && startsWithUnion(term)) ? this.parenthesised(term, indent) : this.term(term, indent);
  }

  #key(key: Term, first: boolean, indent: number): string {
    return this.#item(key, first, indent);
  }

  /** A relation-level operand: of `in`, `some` and `every`. */
  relation(term: Term, indent: number): string {
    return isInfix(term) && term.infix === 'in' ? this.parenthesised(term, indent) : this.term(term, indent);
  }

  ref(head: Term, path: readonly Term[], indent: number): string {
    let text = this.operand(head, indent);
    for (const part of path) {
      text += part.kind === 'string' && !part.raw ? pathPart(part.value) : `[${this.term(part, indent)}]`;
    }
    return text;
  }

  #call(term: CallTerm, indent: number): string {
    if (isInfix(term)) {
      const text = this.#infix(term, indent);
      return term.parens ? `(${text})` : text;
    }
    const callee = this.term(term.callee, indent);
    // The brackets of a call begin behind its name.
    const loc = { ...term.loc, offset: term.callee.loc.end };
    return callee + this.list('(', ')', term.args, loc, indent, { first: false });
  }

  #infix(term: CallTerm & { infix: string }, indent: number): string {
    const side = (operand: Term, where: 'left' | 'right') =>
      operandNeedsParens(term, operand, where) ? this.parenthesised(operand, indent) : this.term(operand, indent);
    const [a, b, c] = term.args;
    if (a === undefined || b === undefined) return '';
    if (c !== undefined)
      return `${this.relation(a, indent)}, ${this.relation(b, indent)} in ${this.relation(c, indent)}`;
    if (term.infix === 'in') return `${this.relation(a, indent)} in ${this.relation(b, indent)}`;
    return `${side(a, 'left')} ${term.infix} ${side(b, 'right')}`;
  }

  // Collections

  protected list(
    open: string,
    close: string,
    terms: readonly Term[],
    loc: Location,
    indent: number,
    options: { first: boolean },
  ): string {
    return this.#bracketed(open, close, loc, indent, terms, (term, index, inner) => ({
      text: this.#item(term, options.first && index === 0, inner),
      loc: term.loc,
      endRow: this.source.endRow(term.loc),
    }));
  }

  #object(entries: readonly ObjectEntry[], loc: Location, indent: number): string {
    return this.#bracketed('{', '}', loc, indent, entries, (entry, index, inner) => {
      const key = this.#key(entry.key, index === 0, inner);
      return {
        text: `${key}: ${this.#item(entry.value, index === 0, inner)}`,
        loc: { ...entry.key.loc, end: entry.value.loc.end },
        endRow: this.source.endRow(entry.value.loc),
      };
    });
  }

  /**
   * A collection: items that shared a line keep sharing it. On one line when the items were on one line and no comment is
   * inside; otherwise each of the source's lines gets a line of its own, with a comma at its end.
   */
  #bracketed<T extends Term | ObjectEntry>(
    open: string,
    close: string,
    loc: Location,
    indent: number,
    parts: readonly T[],
    print: (part: T, index: number, indent: number) => Item,
  ): string {
    const rowOf = (part: T): number => ('key' in part && !('kind' in part) ? part.key.loc.row : (part as Term).loc.row);
    const first = parts[0];
    const oneLine = first === undefined || parts.every((part) => rowOf(part) === rowOf(first));
    const commented = this.source.hasComments(loc.offset, loc.end);
    if (this.isFlat || (oneLine && !commented)) {
      return open + parts.map((part, index) => print(part, index, indent).text).join(', ') + close;
    }
    return this.#apart(loc.offset, () => this.#lines(open, close, loc, indent, parts, print, rowOf));
  }

  /** Prints what stands on lines of its own inside brackets, which leave comments in front of them alone. */
  #apart(offset: number, print: () => string): string {
    const outer = [...this.#deferred, ...this.source.takeBefore(offset)];
    this.#deferred = [];
    const text = print();
    this.#deferred = outer;
    return text;
  }

  #lines<T extends Term | ObjectEntry>(
    open: string,
    close: string,
    loc: Location,
    indent: number,
    parts: readonly T[],
    print: (part: T, index: number, indent: number) => Item,
    rowOf: (part: T) => number,
  ): string {
    let text = `${open}\n`;
    for (let i = 0; i < parts.length; ) {
      const row = rowOf(parts[i] as T);
      const from = (startOf(parts[i] as T) ?? loc).offset;
      text += this.#ownLines(this.source.takeBefore(from), indent + 1);
      const items: Item[] = [];
      for (; i < parts.length && rowOf(parts[i] as T) === row; i++) items.push(print(parts[i] as T, i, indent + 1));
      const last = items.at(-1);
      if (last === undefined) break;
      const following = parts[i];
      const limit = following === undefined ? loc.end : startOf(following).offset;
      text += this.line(`${items.map((item) => item.text).join(', ')},`, last.loc.end, last.endRow, limit, indent + 1);
    }
    text += this.#ownLines(this.source.takeBefore(loc.end), indent + 1);
    return text + tabs(indent) + close;
  }

  #ownLines(comments: readonly Comment[], indent: number): string {
    return comments.map((comment) => `${tabs(indent)}${commentText(comment)}\n`).join('');
  }

  /**
   * One line of output with the comments that belong to it: the one behind it stays behind it, those inside (which have lost
   * their place) go in front, or behind if there is but one.
   */
  protected line(text: string, end: number, endRow: number, limit: number, indent: number): string {
    const inside = [...this.#deferred, ...this.source.takeBefore(end)];
    this.#deferred = [];
    const trailing = this.source.takeTrailing(endRow, limit) ?? (inside.length === 1 ? inside.pop() : undefined);
    const behind = trailing ? ` ${commentText(trailing)}` : '';
    return `${this.#ownLines(inside, indent)}${tabs(indent)}${text}${behind}\n`;
  }

  #comprehension(open: string, head: string, close: string, body: Body, loc: Location, indent: number): string {
    const oneLine = body.every((statement) => statement.loc.row === loc.row);
    if (this.isFlat || (oneLine && !this.source.hasComments(loc.offset, loc.end))) {
      return `${open}${head} | ${this.inline(body)}${close}`;
    }
    const block = this.#apart(loc.offset, () => this.block(body, indent + 1, loc.end));
    return `${open}${head} |\n${block}${tabs(indent)}${close}`;
  }
}

function startOf(part: Term | ObjectEntry): Location {
  return 'kind' in part ? part.loc : part.key.loc;
}
