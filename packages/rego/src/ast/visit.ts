/** Walking the tree. Depth is bounded by the parser's nesting limit, so recursion is safe here. */
import type { Body, Head, Rule, Statement, Term, VarTerm } from './types.js';

/** Calls `visit` for each direct sub-term of a term; bodies of comprehensions and holes go to `visitBody`. */
export function forEachChild(
  term: Term,
  visit: (child: Term) => void,
  visitBody: (body: Body, owner: Term) => void = () => undefined,
): void {
  switch (term.kind) {
    case 'null':
    case 'boolean':
    case 'number':
    case 'string':
    case 'var':
      return;
    case 'ref':
      visit(term.head);
      for (const part of term.path) visit(part);
      return;
    case 'call':
      for (const arg of term.args) visit(arg);
      return;
    case 'array':
    case 'set':
      for (const item of term.items) visit(item);
      return;
    case 'object':
      for (const entry of term.entries) {
        visit(entry.key);
        visit(entry.value);
      }
      return;
    case 'array-comprehension':
    case 'set-comprehension':
      visit(term.term);
      visitBody(term.body, term);
      return;
    case 'object-comprehension':
      visit(term.key);
      visit(term.value);
      visitBody(term.body, term);
      return;
    case 'template':
      for (const part of term.parts) if (typeof part !== 'string') visitBody([part], term);
      return;
  }
}

/** The terms that stand directly in a statement: not those of an `every` body, which is a body of its own. */
export function statementTerms(statement: Statement): readonly Term[] {
  const withs = statement.with.flatMap((modifier): Term[] => [modifier.target, modifier.value]);
  switch (statement.kind) {
    case 'term':
      return [statement.term, ...withs];
    case 'unify':
      return [statement.left, statement.right, ...withs];
    case 'assign':
      return [statement.target, statement.value, ...withs];
    case 'some':
      return [...statement.vars, ...withs];
    case 'some-in':
      return [...(statement.key ? [statement.key] : []), statement.value, statement.domain, ...withs];
    case 'every':
      return [...(statement.key ? [statement.key] : []), statement.value, statement.domain, ...withs];
    case 'not':
      return [...statementTerms(statement.statement), ...withs];
  }
}

export interface Visitor {
  /** Return `false` to leave the term's inside out. The callee of a call is not visited as a term. */
  readonly term?: (term: Term) => boolean | undefined;
  readonly statement?: (statement: Statement) => boolean | undefined;
}

export function walkTerm(term: Term, visitor: Visitor): void {
  if (visitor.term?.(term) === false) return;
  forEachChild(
    term,
    (child) => walkTerm(child, visitor),
    (body) => walkBody(body, visitor),
  );
}

/** Depth first, source order; goes into `not`, `every` bodies and comprehensions. */
export function walkStatement(statement: Statement, visitor: Visitor): void {
  if (visitor.statement?.(statement) === false) return;
  for (const term of statementTerms(statement)) walkTerm(term, visitor);
  if (statement.kind === 'every') walkBody(statement.body, visitor);
}

export function walkBody(body: Body, visitor: Visitor): void {
  for (const statement of body) walkStatement(statement, visitor);
}

export function walkHead(head: Head, visitor: Visitor): void {
  for (const part of head.ref) walkTerm(part, visitor);
  for (const arg of head.args ?? []) walkTerm(arg, visitor);
  if (head.key) walkTerm(head.key, visitor);
  if (head.value) walkTerm(head.value, visitor);
}

export function walkRule(rule: Rule, visitor: Visitor): void {
  walkHead(rule.head, visitor);
  walkBody(rule.body, visitor);
  for (const branch of rule.else) {
    if (branch.value) walkTerm(branch.value, visitor);
    walkBody(branch.body, visitor);
  }
}

/** All variables of a term in source order, wildcards included, those inside closures only when asked for. */
export function varsOf(term: Term, options: { readonly closures?: boolean } = {}): VarTerm[] {
  const found: VarTerm[] = [];
  const visitor: Visitor = {
    term: (t) => {
      if (t.kind === 'var') found.push(t);
      return options.closures === true || !isClosure(t);
    },
  };
  walkTerm(term, visitor);
  return found;
}

/** Comprehensions and template strings: terms with bodies of their own. */
export function isClosure(term: Term): boolean {
  return (
    term.kind === 'array-comprehension' ||
    term.kind === 'set-comprehension' ||
    term.kind === 'object-comprehension' ||
    term.kind === 'template'
  );
}

/** A constant: scalars and collections of constants. */
export function isGround(term: Term): boolean {
  switch (term.kind) {
    case 'null':
    case 'boolean':
    case 'number':
    case 'string':
      return true;
    case 'array':
    case 'set':
      return term.items.every(isGround);
    case 'object':
      return term.entries.every((entry) => isGround(entry.key) && isGround(entry.value));
    default:
      return false;
  }
}

/** `data.a.b`, `count`: the dotted name of a var, or of a ref whose head is a var and whose parts are strings. */
export function dottedName(term: Term): string | undefined {
  if (term.kind === 'var') return term.name;
  if (term.kind !== 'ref' || term.head.kind !== 'var') return undefined;
  const parts = [term.head.name];
  for (const part of term.path) {
    if (part.kind !== 'string') return undefined;
    parts.push(part.value);
  }
  return parts.join('.');
}
