/** Terms and infix expressions. */
import { infixTerm } from '../ast/build.js';
import type { Body, CallTerm, InfixOperator, ObjectEntry, RefTerm, StringTerm, Term, VarTerm } from '../ast/types.js';
import { dottedName } from '../ast/visit.js';
import { Cursor, SyntaxFailure } from './cursor.js';
import { checkNumber } from './numbers.js';
import type { Token, TokenKind } from './tokens.js';

/** All infix operators but `in` associate to the left; a higher number binds tighter. */
const precedence: Partial<Record<TokenKind, number>> = {
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

/** An operand that was read before it was known that an operator follows. */
interface Started {
  readonly term: Term;
  readonly start: Token;
}

const kindNames: Partial<Record<Term['kind'], string>> = {
  'array-comprehension': 'arraycomprehension',
  'set-comprehension': 'setcomprehension',
  'object-comprehension': 'objectcomprehension',
  template: 'templatestring',
};

/** How OPA's messages name a kind of term. */
export const kindName = (term: Term): string => kindNames[term.kind] ?? term.kind;

export abstract class TermParser extends Cursor {
  /** Statements up to the closing token, which is left in place. */
  protected abstract body(end: TokenKind): Body;

  /** Reads one hole of a template string up to its `}`. */
  protected abstract templateHole(): Extract<Body[number], { kind: 'term' }>;

  /**
   * An expression with all infix operators, `:=` and `=` excepted. `pairs` allows `k, v in c`: not inside comma lists.
   */
  protected expression(pairs: boolean, started?: Started): Term {
    const start = started?.start ?? this.peek();
    let left = this.#binary(1, started);
    let height = this.height;
    if (pairs && this.at(',')) {
      const member = this.attempt(() => {
        this.next();
        const value = this.#binary(1);
        height = Math.max(height, this.height);
        if (!this.atKeyword('in')) this.unexpected();
        this.next();
        const domain = this.#binary(1);
        this.raise(Math.max(height, this.height));
        return infixTerm('in', [left, value, domain], this.locFrom(start));
      });
      if (!(member instanceof SyntaxFailure)) {
        left = member;
        height = this.height;
      }
    }
    while (this.atKeyword('in')) {
      this.next();
      const domain = this.#binary(1);
      this.raise(Math.max(height, this.height));
      height = this.height;
      left = infixTerm('in', [left, domain], this.locFrom(start));
    }
    this.height = height;
    return left;
  }

  #binary(minimum: number, started?: Started): Term {
    const start = started?.start ?? this.peek();
    let left = started?.term ?? this.term();
    let height = this.height;
    for (;;) {
      const operator = this.peek().kind;
      const level = precedence[operator];
      if (level === undefined || level < minimum) break;
      this.next();
      const right = this.#binary(level + 1);
      this.raise(Math.max(height, this.height));
      height = this.height;
      left = infixTerm(operator as InfixOperator, [left, right], this.locFrom(start));
    }
    this.height = height;
    return left;
  }

  /** One term: a scalar, a name, a collection, something in parentheses, with the reference and call parts behind it. */
  protected term(): Term {
    return this.memoized(() => this.nested(() => this.#suffixes(this.#primary())));
  }

  #primary(): Term {
    const token = this.peek();
    this.height = 1;
    switch (token.kind) {
      case 'ident':
        return this.#word(token);
      case 'number':
      case '-':
      case '.':
        return this.#number();
      case 'string':
        this.next();
        return { kind: 'string', value: token.text, raw: token.raw, loc: this.locOf(token) };
      case 'template-start':
        return this.#template();
      case '[':
        return this.#array();
      case '{':
        return this.#braces();
      case '(':
        return this.#parentheses();
      default:
        return this.unexpected();
    }
  }

  #word(token: Token): Term {
    const loc = this.locOf(token);
    if (this.isKeyword(token) && token.text !== 'contains' && !this.keywordStartsRef()) {
      if (token.text !== 'null' && token.text !== 'true' && token.text !== 'false') this.unexpected();
      this.next();
      return token.text === 'null' ? { kind: 'null', loc } : { kind: 'boolean', value: token.text === 'true', loc };
    }
    this.next();
    return { kind: 'var', name: token.text, wildcard: token.text === '_', loc };
  }

  #number(): Term {
    const start = this.peek();
    let prefix = '';
    if (this.accept('-')) prefix = '-';
    if (this.at('.') && (prefix === '' || this.peek(1).kind === 'number')) {
      this.next();
      prefix += '.';
      if (!this.atAdjacent('number')) this.unexpected('expected number');
    }
    if (!this.at('number')) this.unexpected('expected number');
    const literal = this.next();
    const problem = checkNumber(prefix, literal.text);
    if (problem !== undefined) this.fail(problem, literal, this.index - 1);
    return { kind: 'number', text: prefix + literal.text, loc: this.locFrom(start) };
  }

  #parentheses(): Term {
    const start = this.next();
    const inner = this.expression(true);
    if (!this.at(')')) this.#close('non-terminated expression');
    this.next();
    if (inner.kind !== 'call' || inner.infix === undefined) return inner;
    return { ...inner, parens: true, loc: this.locFrom(start) };
  }

  #close(message: string): never {
    if (this.at('illegal')) this.unexpected();
    return this.fail(message);
  }

  #template(): Term {
    const start = this.peek();
    const parts: (string | ReturnType<TermParser['templateHole']>)[] = [];
    let height = 0;
    for (;;) {
      const literal = this.next();
      if (literal.text !== '') parts.push(literal.text);
      if (!literal.hole) break;
      parts.push(this.templateHole());
      height = Math.max(height, this.height);
      if (!this.at('template-continue')) this.#close('expected } to end template string expression');
    }
    this.raise(height);
    return { kind: 'template', parts, raw: start.raw, loc: this.locFrom(start) };
  }

  // References and calls

  #suffixes(head: Term): Term {
    if (!this.atAdjacent('.') && !this.atAdjacent('[') && !this.atAdjacent('(')) return head;
    return this.refParts(head);
  }

  /**
   * Reads `.name`, `[expr]` and `(args)` parts behind `head`, as long as no white space comes between. With `detached`,
   * white space may stand before the first one.
   */
  protected refParts(head: Term, detached = false): Term {
    switch (head.kind) {
      case 'null':
      case 'boolean':
      case 'number':
      case 'string':
      case 'template':
      case 'ref':
        return this.fail(`illegal ref (head cannot be ${kindName(head)})`, this.tokens[this.index - 1]);
      default:
    }
    const from = { ...head.loc };
    const loc = () => ({ ...from, end: this.previousEnd() });
    let height = this.height;
    let base: Term = head;
    let path: Term[] = [];
    let called = false;
    for (let first = detached; ; first = false) {
      const follows = (kind: TokenKind) => (first ? this.at(kind) : this.atAdjacent(kind));
      if (follows('.')) {
        path.push(this.#dotted());
      } else if (follows('[')) {
        path.push(this.nested(() => this.#bracketed()));
        height = Math.max(height, this.height);
      } else if (follows('(') && !(called && path.length === 0)) {
        const callee = path.length === 0 ? base : ({ kind: 'ref', head: base, path, loc: loc() } satisfies RefTerm);
        base = this.#call(callee, loc);
        height = Math.max(height, this.height);
        path = [];
        called = true;
      } else {
        break;
      }
      this.raise(height);
      height = called && path.length === 0 ? this.height : height;
    }
    this.raise(height);
    return path.length === 0 ? base : { kind: 'ref', head: base, path, loc: loc() };
  }

  #dotted(): StringTerm {
    this.next();
    const name = this.peek();
    if (name.kind !== 'ident' || name.spaceBefore) this.unexpected('expected ident');
    this.next();
    return { kind: 'string', value: name.text, raw: false, loc: this.locOf(name) };
  }

  #bracketed(): Term {
    this.next();
    const part = this.expression(true);
    if (!this.at(']')) this.unexpected('expected ]');
    this.next();
    return part;
  }

  #call(callee: Term, loc: () => Term['loc']): Term {
    const open = this.next();
    if (callee.kind === 'var' && callee.name === 'set' && this.accept(')')) {
      this.height = 1;
      return { kind: 'set', items: [], loc: loc() };
    }
    const args = this.nested(() => this.#list(')', []));
    this.next();
    if ((callee.kind !== 'var' && callee.kind !== 'ref') || dottedName(callee) === undefined) {
      return this.fail('illegal call: a function is called by its name', open, this.index - 1);
    }
    return { kind: 'call', callee: callee as VarTerm | CallTerm['callee'], args, loc: loc() };
  }

  // Collections

  /** Terms between commas up to `end`, which is left in place; one trailing comma is fine. */
  #list(end: TokenKind, first: readonly Term[], height = 0): Term[] {
    const items = [...first];
    let highest = height;
    while (!this.at(end)) {
      items.push(this.expression(false));
      highest = Math.max(highest, this.height);
      if (!this.at(end) && !this.accept(',')) this.unexpected(`expected "," or "${end}"`);
    }
    this.raise(highest);
    return items;
  }

  /** The rest of a comma list whose first operand has been read, perhaps with operators to come. */
  #listAfter(end: TokenKind, started: Started): Term[] {
    const first = this.expression(false, started);
    const height = this.height;
    if (!this.at(end) && !this.accept(',')) this.unexpected(`expected "," or "${end}"`);
    return this.#list(end, [first], height);
  }

  /** A comma right behind the opening bracket is tolerated, and rules a comprehension out. */
  #leadingComma(): boolean {
    return this.accept(',');
  }

  /** Tries what follows `|` as the body of a comprehension. A failure at a comma means: it is a union after all. */
  #comprehensionBody(end: TokenKind): Body | undefined {
    const body = this.attempt(() => {
      this.next();
      return this.nested(() => this.body(end));
    });
    if (!(body instanceof SyntaxFailure)) return body;
    if (body.token.kind !== ',') throw body;
    return undefined;
  }

  #array(): Term {
    const open = this.next();
    if (this.accept(']')) return { kind: 'array', items: [], loc: this.locFrom(open) };
    const comprehension = !this.#leadingComma();
    const start = this.peek();
    const term = this.term();
    const height = this.height;
    if (comprehension && this.at('|')) {
      const body = this.#comprehensionBody(']');
      if (body) {
        this.next();
        this.raise(Math.max(height, this.height));
        return { kind: 'array-comprehension', term, body, loc: this.locFrom(open) };
      }
      this.height = height;
    }
    const items = this.#listAfter(']', { term, start });
    this.next();
    return { kind: 'array', items, loc: this.locFrom(open) };
  }

  #braces(): Term {
    const open = this.next();
    if (this.accept('}')) return { kind: 'object', entries: [], loc: this.locFrom(open) };
    const comprehension = !this.#leadingComma();
    const start = this.peek();
    const term = this.term();
    const height = this.height;
    if (this.at(':')) return this.#object(open, term, comprehension);
    if (comprehension && this.at('|')) {
      const body = this.#comprehensionBody('}');
      if (body) {
        this.next();
        this.raise(Math.max(height, this.height));
        return { kind: 'set-comprehension', term, body, loc: this.locFrom(open) };
      }
      this.height = height;
    }
    const first = this.expression(false, { term, start });
    if (this.at(':')) return this.#object(open, first, comprehension);
    const firstHeight = this.height;
    if (!this.at('}') && !this.accept(',')) this.unexpected('non-terminated set');
    const items = this.#list('}', [first], firstHeight);
    this.next();
    return { kind: 'set', items, loc: this.locFrom(open) };
  }

  #object(open: Token, key: Term, comprehension: boolean): Term {
    const keyHeight = this.height;
    this.next();
    const start = this.peek();
    const value = this.term();
    const valueHeight = this.height;
    if (comprehension && this.at('|')) {
      const body = this.attempt(() => {
        this.next();
        return this.nested(() => this.body('}'));
      });
      if (!(body instanceof SyntaxFailure)) {
        this.next();
        this.raise(Math.max(keyHeight, valueHeight, this.height));
        return { kind: 'object-comprehension', key, value, body, loc: this.locFrom(open) };
      }
      this.height = valueHeight;
      const entry: ObjectEntry = { key, value: this.expression(false, { term: value, start }) };
      // What stands after the union tells which reading was meant; only a comma or the end makes it an object.
      if (!this.at('}') && !this.at(',')) throw body;
      return this.#entries(open, entry, Math.max(keyHeight, this.height));
    }
    const entry: ObjectEntry = { key, value: this.expression(false, { term: value, start }) };
    return this.#entries(open, entry, Math.max(keyHeight, this.height));
  }

  #entries(open: Token, first: ObjectEntry, firstHeight: number): Term {
    const entries = [first];
    let height = firstHeight;
    if (!this.at('}') && !this.accept(',')) this.unexpected('non-terminated object');
    while (!this.at('}')) {
      const key = this.expression(false);
      height = Math.max(height, this.height);
      if (!this.accept(':')) this.unexpected('expected ":"');
      const value = this.expression(false);
      height = Math.max(height, this.height);
      entries.push({ key, value });
      if (!this.at('}') && !this.accept(',')) this.unexpected('expected "," or "}"');
    }
    this.next();
    this.raise(height);
    return { kind: 'object', entries, loc: this.locFrom(open) };
  }
}
