/** Statements and bodies as text. */
import type { Body, Statement } from '../ast/types.js';
import { commentText, tabs } from './source.js';
import { startsWithUnion, TermPrinter } from './terms.js';

export class StatementPrinter extends TermPrinter {
  statement(statement: Statement, indent: number): string {
    let text = this.#plain(statement, indent);
    let row = this.source.endRow({ ...statement.loc, end: this.#end(statement) });
    let inner = indent;
    for (const modifier of statement.with) {
      const broken = modifier.loc.row > row && !this.isFlat;
      row = this.source.endRow(modifier.loc);
      if (broken) inner = indent + 1;
      text += broken ? `\n${tabs(inner)}` : ' ';
      text += `with ${this.term(modifier.target, inner)} as ${this.term(modifier.value, inner)}`;
    }
    return text;
  }

  /** Where a statement ends in the source, its modifiers left out. */
  #end(statement: Statement): number {
    switch (statement.kind) {
      case 'term':
        return statement.term.loc.end;
      case 'unify':
        return statement.right.loc.end;
      case 'assign':
        return statement.value.loc.end;
      case 'not':
        return this.#end(statement.statement);
      case 'some':
        return statement.loc.end;
      case 'some-in':
        return statement.domain.loc.end;
      case 'every':
        return this.source.closingBrace(statement.body.at(-1)?.loc.end ?? statement.loc.end);
    }
  }

  #plain(statement: Statement, indent: number): string {
    switch (statement.kind) {
      case 'term':
        return this.term(statement.term, indent);
      case 'unify':
        return `${this.term(statement.left, indent)} = ${this.term(statement.right, indent)}`;
      case 'assign':
        return `${this.term(statement.target, indent)} := ${this.term(statement.value, indent)}`;
      case 'not':
        return `not ${this.#plain(statement.statement, indent)}`;
      case 'some':
        return `some ${statement.vars.map((v) => v.name).join(', ')}`;
      case 'some-in': {
        const key = statement.key ? `${this.relation(statement.key, indent)}, ` : '';
        return `some ${key}${this.relation(statement.value, indent)} in ${this.relation(statement.domain, indent)}`;
      }
      case 'every': {
        const key = statement.key ? `${statement.key.name}, ` : '';
        const head = `every ${key}${statement.value.name} in ${this.relation(statement.domain, indent)}`;
        const { loc } = statement;
        const oneLine = statement.body.every((inner) => inner.loc.row === loc.row);
        if (this.isFlat || (oneLine && !this.source.hasComments(loc.offset, loc.end))) {
          return `${head} { ${this.inline(statement.body)} }`;
        }
        return `${head} ${this.braces(statement.body, indent, this.source.endRow(statement.domain.loc))}`;
      }
    }
  }

  /** `{`, the statements one a line, `}`. A comment behind the brace, on line `row` of the source, stays there. */
  protected braces(body: Body, indent: number, row: number): string {
    const close = this.source.closingBrace(body.at(-1)?.loc.end ?? 0);
    const comment = this.source.takeTrailing(row, body[0]?.loc.offset ?? close);
    return `{${comment ? ` ${commentText(comment)}` : ''}\n${this.block(body, indent + 1, close)}${tabs(indent)}}`;
  }

  /** Whether the first operand of a statement is followed by `|`. */
  #union(statement: Statement): boolean {
    if (statement.kind === 'term') return startsWithUnion(statement.term);
    if (statement.kind === 'unify') return startsWithUnion(statement.left);
    return statement.kind === 'assign' && startsWithUnion(statement.target);
  }

  /** A statement in its place in a body, where the statements around it could swallow a part of it. */
  #placed(statement: Statement, first: boolean, indent: number): string {
    const text = this.statement(statement, indent);
    if (first && this.#union(statement)) return this.statement(withParens(statement), indent);
    // Behind another statement, a leading minus would be taken for an operator.
    if (!first && text.startsWith('-')) return text.replace(/^-[0-9.eE+]*(?:(?<=[eE])-[0-9]+)?/, '($&)');
    return text;
  }

  protected override inline(body: Body): string {
    return this.flat(() => body.map((statement, index) => this.#placed(statement, index === 0, 0)).join('; '));
  }

  protected override block(body: Body, indent: number, close: number): string {
    let text = '';
    let previous: number | undefined;
    const gap = (row: number) => (previous !== undefined && row - previous > 1 ? '\n' : '');
    const comments = (limit: number) => {
      for (const comment of this.source.takeBefore(limit)) {
        text += `${gap(comment.loc.row)}${tabs(indent)}${commentText(comment)}\n`;
        previous = comment.loc.row;
      }
    };
    for (const [index, statement] of body.entries()) {
      comments(statement.loc.offset);
      text += gap(statement.loc.row);
      const printed = this.#placed(statement, index === 0, indent);
      const limit = body[index + 1]?.loc.offset ?? close;
      previous = this.source.endRow(statement.loc);
      text += this.line(printed, statement.loc.end, previous, limit, indent);
    }
    comments(close);
    return text;
  }
}

/** The same statement with its first operand in parentheses. */
function withParens(statement: Statement): Statement {
  if (statement.kind === 'term' && statement.term.kind === 'call') {
    return { ...statement, term: { ...statement.term, parens: true } };
  }
  if (statement.kind === 'unify' && statement.left.kind === 'call') {
    return { ...statement, left: { ...statement.left, parens: true } };
  }
  if (statement.kind === 'assign' && statement.target.kind === 'call') {
    return { ...statement, target: { ...statement.target, parens: true } };
  }
  return statement;
}
