/** Rules: heads, bodies, else branches, and the statements that stand for rules. */
import type { Body, Else, Head, Rule, Statement, Term, VarTerm } from '../ast/types.js';
import { varsOf, walkTerm } from '../ast/visit.js';
import { SyntaxFailure } from './cursor.js';
import { StatementParser } from './statements.js';
import { kindName } from './terms.js';
import type { Token } from './tokens.js';

type RuleRef = readonly [VarTerm, ...Term[]];

interface ParsedHead {
  readonly ref: RuleRef;
  readonly args: readonly Term[] | undefined;
  readonly key: Term | undefined;
  readonly value: Term | undefined;
  readonly operator: ':=' | '=' | undefined;
  readonly contains: boolean;
  readonly start: Token;
  readonly loc: Head['loc'];
}

/** Operators after which a text is no rule: `p == 1` at the top level. */
const operators: ReadonlySet<string> = new Set([
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '+',
  '-',
  '*',
  '/',
  '%',
  '&',
  '|',
  'in',
]);

export abstract class RuleParser extends StatementParser {
  /** One rule as written; several when further braced bodies repeat its head. */
  protected rules(): readonly Rule[] {
    const start = this.peek();
    const isDefault = this.atKeyword('default');
    if (isDefault) {
      this.next();
      if (this.atReserved()) this.unexpected('expected rule head name');
      return [this.#defaultRule(start)];
    }
    if (!this.at('ident') || this.atReserved()) return [this.#fromStatement()];
    const begin = this.index;
    const head = this.#head();
    if (this.atKeyword('if')) return this.#withBodies(head, true);
    if (this.at('{')) return this.#withBodies(head, false);
    if (head.contains) return [this.#rule(head, [], false, false)];
    if (head.value === undefined || this.atKeyword('with')) {
      this.index = begin;
      return [this.#fromStatement()];
    }
    if (this.at(';')) this.fail('multiple expressions cannot be used for rule head', head.start);
    return [this.#rule(head, [], false, false)];
  }

  // Heads

  #head(): ParsedHead {
    const start = this.next();
    const name: VarTerm = { kind: 'var', name: start.text, wildcard: start.text === '_', loc: this.locOf(start) };
    // Unlike elsewhere, white space is allowed behind the first name of a head: `sum (a, b) := c { … }`.
    const target = this.nested(() => this.#headParts(name));
    const { ref, args } = this.#headRef(target, start);
    let key: Term | undefined;
    let value: Term | undefined;
    let operator: ':=' | '=' | undefined;
    let contains = false;
    if (this.atKeyword('contains')) {
      if (target.kind === 'call') {
        this.unexpected(
          'the contains keyword can only be used with multi-value rule definitions (e.g., p contains <VALUE> { ... })',
        );
      }
      contains = true;
      this.next();
      key = this.expression(true);
    } else if (this.at(':=') || this.at('=')) {
      operator = this.next().kind === ':=' ? ':=' : '=';
      value = this.expression(true);
    }
    return { ref, args, key, value, operator, contains, start, loc: this.locFrom(start) };
  }

  #headParts(name: VarTerm): Term {
    const token = this.peek();
    // `a-b` at the start of a line is most likely meant as a name.
    if (operators.has(token.kind) && !token.spaceBefore) this.unexpected();
    if (token.kind !== '.' && token.kind !== '[' && token.kind !== '(') return name;
    return this.refParts(name, true);
  }

  #headRef(target: Term, start: Token): { ref: RuleRef; args: readonly Term[] | undefined } {
    if (target.kind === 'var') return { ref: [target], args: undefined };
    if (target.kind === 'ref' && target.head.kind === 'var')
      return { ref: [target.head, ...target.path], args: undefined };
    if (target.kind === 'call' && target.infix === undefined) {
      const { ref } = this.#headRef(target.callee, start);
      // `f() = 1` is the plain rule `f`.
      return { ref, args: target.args.length === 0 ? undefined : target.args };
    }
    return this.fail(`invalid rule head: ${this.text.slice(target.loc.offset, target.loc.end)}`, start);
  }

  #makeHead(head: ParsedHead, oldStyle: boolean): Head {
    const { ref, args, value, operator, contains, loc } = head;
    const withValue = value !== undefined && operator !== undefined ? { value, operator } : {};
    if (contains && head.key) return { kind: 'set', ref, key: head.key, contains, loc };
    if (args) return { kind: 'function', ref, args, ...withValue, contains, loc };
    const [name, key] = ref;
    // Without `if` and `contains`, `p[x]` and `p.x` are members of the partial set p.
    if (oldStyle && value === undefined && key && ref.length === 2)
      return { kind: 'set', ref: [name], key, contains, loc };
    return { kind: 'value', ref, ...withValue, contains, loc };
  }

  #rule(head: ParsedHead, body: Body, ifKeyword: boolean, isDefault: boolean, start = head.start): Rule {
    return {
      kind: 'rule',
      default: isDefault,
      head: this.#makeHead(head, !ifKeyword && !isDefault),
      body,
      ifKeyword,
      else: [],
      chained: false,
      loc: this.locFrom(start),
    };
  }

  // Default rules

  #defaultRule(start: Token): Rule {
    if (!this.at('ident')) this.unexpected('expected rule head name');
    const head = this.#head();
    const loc = this.locFrom(start);
    if (head.value === undefined) return this.fail('illegal default rule (must have a value)', start);
    this.#checkDefaultValue(head.value, loc);
    this.#checkDefaultArgs(head.args ?? [], loc);
    if (this.atKeyword('if') || this.at('{')) this.fail('default rule cannot have a body');
    return this.#rule(head, [], false, true, start);
  }

  #checkDefaultValue(value: Term, loc: Rule['loc']): void {
    walkTerm(value, {
      term: (term) => {
        if (term.kind.endsWith('-comprehension')) return false;
        if (term.kind !== 'var' && term.kind !== 'ref' && term.kind !== 'call') return true;
        this.report(`illegal default rule (value cannot contain ${term.kind})`, loc);
        return false;
      },
    });
  }

  #checkDefaultArgs(args: readonly Term[], loc: Rule['loc']): void {
    const seen = new Set<string>();
    for (const arg of args) {
      if (arg.kind !== 'var' && this.version === 'v0') continue;
      if (arg.kind !== 'var') this.report(`illegal default rule (arguments cannot contain ${kindName(arg)})`, loc);
      else if (seen.has(arg.name) && !arg.wildcard) {
        this.report(`illegal default rule (arguments cannot be repeated ${arg.name})`, loc);
      } else seen.add(arg.name);
    }
  }

  // Bodies

  #withBodies(parsed: ParsedHead, ifKeyword: boolean): readonly Rule[] {
    const body = ifKeyword ? this.#ifBody() : this.#bracedBody();
    const first = this.#rule(parsed, body, ifKeyword, false);
    if (this.atKeyword('else')) {
      const branches = this.#elseBranches(first.head, parsed, ifKeyword);
      if (this.at('{')) this.unexpected('expected else keyword');
      return [{ ...first, else: branches, loc: this.locFrom(parsed.start) }];
    }
    const rules = [first];
    while (this.at('{')) {
      const start = this.peek();
      const more = this.#bracedBody();
      rules.push({ ...first, body: more, chained: true, loc: this.locFrom(start) });
    }
    return rules;
  }

  /** After `if`: one statement, or a braced body. A plain set literal is read as a body: a set is never false. */
  #ifBody(): Body {
    this.next();
    const begin = this.index;
    const braced = this.at('{');
    const single = this.attempt(() => this.statement());
    if (single instanceof SyntaxFailure) {
      if (!braced) throw single;
    } else if (!braced || single.kind !== 'term' || single.term.kind !== 'set') {
      return [single];
    }
    this.index = begin;
    return this.#bracedBody();
  }

  #bracedBody(): Body {
    if (!this.accept('{')) this.unexpected('expected {');
    const body = this.nested(() => this.body('}'));
    this.next();
    return body;
  }

  #elseBranches(head: Head, parsed: ParsedHead, ifKeyword: boolean): readonly Else[] {
    if (parsed.ref.length > 1 && parsed.ref.slice(1).some(hasVariable)) {
      this.fail('else keyword cannot be used on rules with variables in head');
    }
    const oldPartial = !ifKeyword && parsed.ref.length === 2 && parsed.args === undefined;
    if (head.kind === 'set' || oldPartial) this.fail('else keyword cannot be used on multi-value rules');
    const branches: Else[] = [];
    while (this.atKeyword('else')) branches.push(this.#else());
    return branches;
  }

  #else(): Else {
    const start = this.next();
    let value: Term | undefined;
    let operator: ':=' | '=' | undefined;
    if (this.at(':=') || this.at('=')) {
      operator = this.next().kind === ':=' ? ':=' : '=';
      value = this.expression(true);
    } else if (!this.at('{') && !this.atKeyword('if')) {
      this.unexpected('expected else value term or rule body');
    }
    const withValue = value !== undefined && operator !== undefined ? { value, operator } : {};
    const ifKeyword = this.atKeyword('if');
    let body: Body = [];
    if (ifKeyword) {
      this.next();
      if (this.at('eof')) this.unexpected('rule body expected');
      body = this.at('{') ? this.#bracedBody() : [this.statement()];
    } else if (this.at('{')) {
      body = this.#bracedBody();
    }
    return { ...withValue, body, ifKeyword, loc: this.locFrom(start) };
  }

  // Statements that stand for rules

  /** What was not recognised as a rule is read as a statement, to tell what is wrong with it; `f(x)` and `p[x]` are rules. */
  #fromStatement(): Rule {
    const start = this.peek();
    const statement = this.statement();
    if (this.at(';')) this.fail('multiple expressions cannot be used for rule head', start);
    if (statement.with.length > 0) this.fail('expressions using with keyword cannot be used for rule head', start);
    switch (statement.kind) {
      case 'not':
        return this.fail('negated expressions cannot be used for rule head', start);
      case 'some':
      case 'some-in':
        return this.fail("'some' declarations cannot be used for rule head", start);
      case 'every':
        return this.fail('expression cannot be used for rule head', start);
      default:
        return this.#fromExpression(statement, start);
    }
  }

  #fromExpression(statement: Extract<Statement, { kind: 'term' | 'unify' | 'assign' }>, start: Token): Rule {
    const target =
      statement.kind === 'term' ? statement.term : statement.kind === 'unify' ? statement.left : statement.target;
    if (target.kind === 'var' && this.isKeyword(start)) {
      return this.fail(`${target.name} keyword cannot be used for rule name`, start);
    }
    const isName = target.kind === 'call' && target.infix === undefined;
    if (target.kind === 'call' && target.infix !== undefined && operators.has(target.infix)) {
      return this.fail('rule name conflicts with built-in function', start);
    }
    if (statement.kind !== 'term' || (!isName && target.kind !== 'ref')) {
      return this.fail(`${kindName(target)} cannot be used for rule name${this.importHint(this.peek())}`, start);
    }
    if (target.kind === 'call' && target.args.length === 0) {
      return this.fail('rule argument list must take at least one argument', start);
    }
    const { ref, args } = this.#headRef(target, start);
    const head: ParsedHead = {
      ref,
      args,
      key: undefined,
      value: undefined,
      operator: undefined,
      contains: false,
      start,
      loc: statement.loc,
    };
    return this.#rule(head, [], false, false);
  }
}

/** A variable among the keys of a head reference; a reference such as `input.x` counts by its own keys only. */
function hasVariable(term: Term): boolean {
  if (term.kind === 'ref' && term.head.kind === 'var') return term.path.some(hasVariable);
  return varsOf(term).length > 0;
}
