/** Statements, bodies and queries. */
import type { Body, Statement, Term, TermStatement, VarTerm, WithModifier } from '../ast/types.js';
import { SyntaxFailure } from './cursor.js';
import { TermParser } from './terms.js';
import { type Token, type TokenKind, tokenName } from './tokens.js';

type Expression = Extract<Statement, { kind: 'term' | 'unify' | 'assign' }>;

export abstract class StatementParser extends TermParser {
  protected override body(end: TokenKind): Body {
    if (this.at(end)) this.fail('found empty body');
    return this.statements(end);
  }

  /** Statements separated by `;` or line breaks, up to `end`, which is left in place. */
  protected statements(end: TokenKind): Body {
    const body: Statement[] = [];
    let height = 0;
    for (;;) {
      body.push(this.statement());
      height = Math.max(height, this.height);
      if (this.accept(';')) continue;
      if (this.at(end)) break;
      if (!this.peek().newlineBefore) this.unexpected(`expected \\n or ; or ${tokenName(end)}`);
    }
    this.height = height;
    return body;
  }

  protected statement(): Statement {
    return this.nested(() => this.#statement());
  }

  #statement(): Statement {
    const start = this.peek();
    if (this.atKeyword('not')) return this.#not(start);
    if (this.atKeyword('some')) return this.#some(start);
    if (this.atKeyword('every')) return this.#every(start);
    const expression = this.#expressionStatement();
    const modifiers = this.#modifiers();
    return { ...expression, with: modifiers, loc: this.locFrom(start) };
  }

  #not(start: Token): Statement {
    this.next();
    if (this.atKeyword('some')) this.unexpected("illegal negation of 'some'");
    if (this.atKeyword('every')) this.unexpected("illegal negation of 'every'");
    const statement = this.#expressionStatement();
    const modifiers = this.#modifiers();
    return { kind: 'not', statement, with: modifiers, loc: this.locFrom(start) };
  }

  /** `a`, `a = b`, `a := b` */
  #expressionStatement(): Expression {
    const start = this.peek();
    const left = this.expression(true);
    const height = this.height;
    if (this.accept(':=')) {
      const value = this.expression(true);
      this.raise(Math.max(height, this.height));
      return { kind: 'assign', target: left, value, with: [], loc: this.locFrom(start) };
    }
    if (this.accept('=')) {
      const right = this.expression(true);
      this.raise(Math.max(height, this.height));
      return { kind: 'unify', left, right, with: [], loc: this.locFrom(start) };
    }
    return { kind: 'term', term: left, with: [], loc: this.locFrom(start) };
  }

  #modifiers(): readonly WithModifier[] {
    const modifiers: WithModifier[] = [];
    let height = this.height;
    while (this.atKeyword('with')) {
      const start = this.next();
      if (!this.at('ident') || this.atReserved()) this.unexpected('expected ident');
      const target = this.term();
      if (target.kind !== 'var' && target.kind !== 'ref') return this.unexpected('expected with target path');
      if (!this.atKeyword('as')) this.unexpected('expected as keyword');
      this.next();
      const value = this.expression(true);
      height = Math.max(height, this.height);
      modifiers.push({ target, value, loc: this.locFrom(start) });
    }
    this.height = height;
    return modifiers;
  }

  #some(start: Token): Statement {
    this.next();
    const member = this.attempt(() => {
      const term = this.expression(true);
      return term.kind === 'call' ? term : this.unexpected();
    });
    if (!(member instanceof SyntaxFailure)) {
      const parts = this.#member(member);
      if (!parts) return this.unexpected('expected `x in xs` or `x, y in xs` expression');
      const modifiers = this.#modifiers();
      return { kind: 'some-in', ...parts, with: modifiers, loc: this.locFrom(start) };
    }
    const vars: VarTerm[] = [];
    do {
      const token = this.peek();
      if (token.kind !== 'ident' || this.isKeyword(token)) this.unexpected('expected var');
      this.next();
      vars.push({ kind: 'var', name: token.text, wildcard: token.text === '_', loc: this.locOf(token) });
    } while (this.accept(','));
    this.height = 1;
    return { kind: 'some', vars, with: [], loc: this.locFrom(start) };
  }

  #member(term: Term): { key?: Term; value: Term; domain: Term } | undefined {
    if (term.kind !== 'call' || term.infix !== 'in') return undefined;
    const [a, b, c] = term.args;
    if (a && b && c) return { key: a, value: b, domain: c };
    return a && b ? { value: a, domain: b } : undefined;
  }

  #every(start: Token): Statement {
    this.next();
    const parts = this.#member(this.expression(true));
    let height = this.height;
    if (!parts) return this.unexpected('expected `x[, y] in xs { ... }` expression');
    const { key, value, domain } = parts;
    if (key !== undefined && key.kind !== 'var') return this.unexpected('expected key to be a variable');
    if (value.kind !== 'var') return this.unexpected('expected value to be a variable');
    if (!this.accept('{')) this.unexpected('missing body');
    const body = this.body('}');
    this.next();
    height = Math.max(height, this.height);
    this.raise(height);
    const modifiers = this.#modifiers();
    const loc = this.locFrom(start);
    return { kind: 'every', ...(key ? { key } : {}), value, domain, body, with: modifiers, loc };
  }

  protected override templateHole(): TermStatement {
    const start = this.peek();
    if (this.at('template-continue')) this.fail('invalid template-string expression');
    const statement = this.statement();
    switch (statement.kind) {
      case 'term':
        return statement;
      case 'not':
        return this.fail("unexpected negation ('not') in template-string expression", start);
      case 'unify':
        return this.fail("unexpected unification ('=') in template-string expression", start);
      case 'assign':
        return this.fail("unexpected assignment (':=') in template-string expression", start);
      case 'every':
        return this.fail("unexpected 'every' in template-string expression", start);
      default:
        return this.fail("unexpected 'some' in template-string expression", start);
    }
  }
}
