/** Walking and rebuilding the tree. Depth is bounded by the parser's nesting limit, so recursion is safe here. */
import type { Body, Head, Module, Rule, Statement, Term, TermStatement, VarTerm, WithModifier } from './types.js';

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

export function walkModule(module: Module, visitor: Visitor): void {
  for (const rule of module.rules) walkRule(rule, visitor);
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

/**
 * Rebuilds a term with each direct child replaced. A child mapped to itself keeps the node: unchanged terms stay the
 * same object. Bodies go through `mapBody`.
 */
export function mapChildren(term: Term, map: (child: Term) => Term, mapBody: (body: Body) => Body = (b) => b): Term {
  switch (term.kind) {
    case 'null':
    case 'boolean':
    case 'number':
    case 'string':
    case 'var':
      return term;
    case 'ref': {
      const head = map(term.head);
      const path = mapList(term.path, map);
      return head === term.head && path === term.path ? term : { ...term, head, path };
    }
    case 'call': {
      const args = mapList(term.args, map);
      return args === term.args ? term : { ...term, args };
    }
    case 'array':
    case 'set': {
      const items = mapList(term.items, map);
      return items === term.items ? term : { ...term, items };
    }
    case 'object': {
      const entries = mapList(term.entries, (entry) => {
        const key = map(entry.key);
        const value = map(entry.value);
        return key === entry.key && value === entry.value ? entry : { key, value };
      });
      return entries === term.entries ? term : { ...term, entries };
    }
    case 'array-comprehension':
    case 'set-comprehension': {
      const head = map(term.term);
      const body = mapBody(term.body);
      return head === term.term && body === term.body ? term : { ...term, term: head, body };
    }
    case 'object-comprehension': {
      const key = map(term.key);
      const value = map(term.value);
      const body = mapBody(term.body);
      return key === term.key && value === term.value && body === term.body ? term : { ...term, key, value, body };
    }
    case 'template': {
      const parts = mapList(term.parts, (part) => {
        if (typeof part === 'string') return part;
        const [hole] = mapBody([part]);
        return hole?.kind === 'term' ? (hole as TermStatement) : part;
      });
      return parts === term.parts ? term : { ...term, parts };
    }
  }
}

function mapWith(modifiers: readonly WithModifier[], map: (term: Term) => Term): readonly WithModifier[] {
  return mapList(modifiers, (modifier) => {
    const value = map(modifier.value);
    return value === modifier.value ? modifier : { ...modifier, value };
  });
}

/** Rebuilds a statement with its terms (with-values too, with-targets not) and its `every` body mapped. */
export function mapStatement(
  s: Statement,
  map: (term: Term) => Term,
  mapBody: (body: Body) => Body = (b) => b,
): Statement {
  const modifiers = mapWith(s.with, map);
  switch (s.kind) {
    case 'term':
      return { ...s, term: map(s.term), with: modifiers };
    case 'unify':
      return { ...s, left: map(s.left), right: map(s.right), with: modifiers };
    case 'assign':
      return { ...s, target: map(s.target), value: map(s.value), with: modifiers };
    case 'some':
      return { ...s, with: modifiers };
    case 'some-in':
      return {
        ...s,
        ...(s.key ? { key: map(s.key) } : {}),
        value: map(s.value),
        domain: map(s.domain),
        with: modifiers,
      };
    case 'every':
      return { ...s, domain: map(s.domain), body: mapBody(s.body), with: modifiers };
    case 'not': {
      const inner = mapStatement(s.statement, map, mapBody);
      const kept = inner.kind === 'term' || inner.kind === 'unify' || inner.kind === 'assign' ? inner : s.statement;
      return { ...s, statement: kept, with: modifiers };
    }
  }
}

function mapList<T>(list: readonly T[], map: (item: T) => T): readonly T[] {
  let changed = false;
  const mapped = list.map((item) => {
    const next = map(item);
    if (next !== item) changed = true;
    return next;
  });
  return changed ? mapped : list;
}
