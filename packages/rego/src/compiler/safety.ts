/**
 * Safety and order: every variable must be bound by some statement before another needs it. Bodies are reordered greedily,
 * taking the first statement in source order whose needs are met; what is left over names unsafe variables.
 */
import type { Location } from '../ast/types.js';
import type { CompileContext } from './context.js';
import type { Body, Branch, Local, Scope, Statement, Term } from './ir.js';
import { forEachLocal, patternLocals, statementLocals } from './terms.js';

/** The variables that are bound at some point. */
export interface Bound {
  has(local: Local): boolean;
}

/** What is bound, and what one statement adds to it: bodies may be long, so nothing is copied. */
class Extended implements Bound {
  readonly #base: Bound;
  readonly added = new Set<Local>();

  constructor(base: Bound) {
    this.#base = base;
  }

  has(local: Local): boolean {
    return this.added.has(local) || this.#base.has(local);
  }

  add(local: Local): void {
    if (!this.#base.has(local)) this.added.add(local);
  }
}

export function orderBranch(branch: Branch, context: CompileContext): void {
  const { ordered, bound } = orderBody(branch.body, new Set(branch.params), context);
  branch.body = ordered;
  checkHead([branch.value, ...branch.suffix], bound, branch.loc, context);
}

/** Orders a body in which `outer` is bound already, nested bodies included. */
export function orderBody(
  body: Body,
  outer: ReadonlySet<Local>,
  context: CompileContext,
): { readonly ordered: Statement[]; readonly bound: Set<Local> } {
  const bound = new Set(outer);
  const ordered: Statement[] = [];
  const left = [...body];
  while (left.length > 0) {
    const at = left.findIndex((statement) => unmet(statement, bound, body).size === 0);
    const [statement] = at < 0 ? [] : left.splice(at, 1);
    if (statement === undefined) break;
    for (const local of outputs(statement, bound)) bound.add(local);
    orderNested(statement, bound, context);
    ordered.push(statement);
  }
  reportUnsafe(left, bound, body, context);
  return { ordered: [...ordered, ...left], bound };
}

function reportUnsafe(left: readonly Statement[], bound: Bound, body: Body, context: CompileContext): void {
  const reported = new Set<string>();
  for (const statement of left) {
    for (const local of unmet(statement, bound, body)) {
      if (local.generated || reported.has(local.name)) continue;
      reported.add(local.name);
      context.diagnostics.add('safety', 'rego_unsafe_var_error', `var ${local.name} is unsafe`, statement.loc);
    }
  }
}

function checkHead(terms: readonly Term[], bound: Bound, loc: Location, context: CompileContext): void {
  if (context.diagnostics.has('safety')) return;
  for (const term of terms) {
    forEachLocal(term, (local) => {
      if (bound.has(local)) return;
      context.diagnostics.add('safety', 'rego_unsafe_var_error', `var ${local.name} is unsafe`, loc);
    });
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Nested bodies

function orderNested(statement: Statement, bound: ReadonlySet<Local>, context: CompileContext): void {
  const term = (t: Term): void => orderClosures(t, bound, context);
  for (const modifier of statement.with) {
    if (modifier.value.kind !== 'user' && modifier.value.kind !== 'builtin') term(modifier.value);
  }
  switch (statement.kind) {
    case 'term':
      term(statement.term);
      break;
    case 'unify':
      term(statement.left);
      term(statement.right);
      break;
    case 'not':
      orderNested(statement.statement, bound, context);
      break;
    case 'some-in':
      if (statement.key) term(statement.key);
      term(statement.value);
      term(statement.domain);
      break;
    case 'every': {
      term(statement.domain);
      const inner = new Set(bound);
      inner.add(statement.value);
      if (statement.key) inner.add(statement.key);
      statement.body = orderBody(statement.body, inner, context).ordered;
      break;
    }
  }
}

function orderClosures(term: Term, bound: ReadonlySet<Local>, context: CompileContext): void {
  switch (term.kind) {
    case 'const':
    case 'local':
      return;
    case 'ref':
      if (typeof term.root !== 'string') orderClosures(term.root, bound, context);
      for (const part of term.path) orderClosures(part, bound, context);
      return;
    case 'call':
      for (const arg of term.args) orderClosures(arg, bound, context);
      return;
    case 'array':
    case 'set':
      for (const item of term.items) orderClosures(item, bound, context);
      return;
    case 'object':
      for (const [key, value] of term.entries) {
        orderClosures(key, bound, context);
        orderClosures(value, bound, context);
      }
      return;
    case 'comprehension': {
      const inner = orderBody(term.body, bound, context);
      term.body = inner.ordered;
      checkHead(term.key ? [term.key, term.value] : [term.value], inner.bound, term.loc, context);
      return;
    }
    case 'template':
      for (const part of term.parts) {
        if (typeof part !== 'string') part.body = orderBody(part.body, bound, context).ordered;
      }
      return;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Needs and outputs

/** The variables that a statement binds when evaluated with `bound` known. */
function outputs(statement: Statement, bound: Bound): ReadonlySet<Local> {
  const known = new Extended(bound);
  const add = (local: Local): void => known.add(local);
  const grow = (term: Term): void => {
    // A key bound by one reference may be the root of another: repeat until nothing is added.
    for (let before = -1; before !== known.added.size; ) {
      before = known.added.size;
      referenceOutputs(term, known, add);
    }
  };
  for (const modifier of statement.with) {
    if (modifier.value.kind !== 'user' && modifier.value.kind !== 'builtin') grow(modifier.value);
  }
  switch (statement.kind) {
    case 'term':
      grow(statement.term);
      break;
    case 'unify':
      grow(statement.right);
      if (!statement.assign) grow(statement.left);
      unifyOutputs(statement.left, statement.right, statement.assign, known, add);
      break;
    case 'some-in':
      grow(statement.domain);
      for (const pattern of statement.key ? [statement.key, statement.value] : [statement.value]) {
        for (const local of patternLocals(pattern)) known.add(local);
      }
      break;
    case 'every':
      grow(statement.domain);
      break;
    case 'not':
      break;
  }
  return known.added;
}

/** Evaluating a term binds the keys that its references range over; with those, everything in it is bound. */
export function isEvaluable(term: Term, bound: Bound): boolean {
  const known = new Extended(bound);
  for (let before = -1; before !== known.added.size; ) {
    before = known.added.size;
    referenceOutputs(term, known, (local) => known.add(local));
  }
  return isBound(term, known);
}

/** The variables that a statement still needs. */
function unmet(statement: Statement, bound: Bound, body: Body): Set<Local> {
  const needed = statementLocals(statement);
  const out = outputs(statement, bound);
  for (const local of needed) if (bound.has(local) || out.has(local)) needed.delete(local);
  if (statement.kind === 'not' && needed.size > 0) {
    for (const local of innerKeys(statement.statement)) {
      if (!body.some((other) => other !== statement && statementLocals(other).has(local))) needed.delete(local);
    }
  }
  return needed;
}

/** Keys of references among the arguments of a negated call: they range inside the negation unless bound elsewhere. */
function innerKeys(statement: Statement): Set<Local> {
  const keys = new Set<Local>();
  if (statement.kind !== 'term' || statement.term.kind !== 'call') return keys;
  const { term } = statement;
  const visit = (arg: Term): void => {
    if (arg.kind === 'ref') {
      for (const part of arg.path) for (const local of patternLocals(part)) keys.add(local);
    } else if (arg.kind === 'call') arg.args.forEach(visit);
  };
  if (term.callee.name === 'equal')
    for (const arg of term.args) {
      if (arg.kind === 'call') visit(arg);
    }
  else term.args.forEach(visit);
  return keys;
}

/** Keys that evaluating the references of a term enumerates. Patterns and comprehensions inside bind nothing. */
function referenceOutputs(term: Term, bound: Bound, add: (local: Local) => void): void {
  switch (term.kind) {
    case 'ref':
      if (typeof term.root !== 'string') {
        referenceOutputs(term.root, bound, add);
        if (!isBound(term.root, bound)) return;
      }
      for (const part of term.path) {
        referenceOutputs(part, bound, add);
        for (const local of patternLocals(part)) if (!bound.has(local)) add(local);
      }
      return;
    case 'call':
      for (const arg of term.args) referenceOutputs(arg, bound, add);
      return;
    case 'array':
    case 'set':
      for (const item of term.items) referenceOutputs(item, bound, add);
      return;
    case 'object':
      for (const [key, value] of term.entries) {
        referenceOutputs(key, bound, add);
        referenceOutputs(value, bound, add);
      }
      return;
    default:
      return;
  }
}

export function isBound(term: Term, bound: Bound): boolean {
  let all = true;
  forEachLocal(term, (local) => {
    if (!bound.has(local)) all = false;
  });
  return all;
}

/** Closure of what unification of two terms binds: a bound side binds the pattern variables of the other. */
function unifyOutputs(left: Term, right: Term, assign: boolean, bound: Bound, add: (local: Local) => void): void {
  for (let changed = true; changed; ) {
    changed = false;
    const bind = (local: Local): void => {
      if (bound.has(local)) return;
      changed = true;
      add(local);
    };
    unifyStep(left, right, assign, bound, bind);
  }
}

function unifyStep(left: Term, right: Term, assign: boolean, bound: Bound, bind: (local: Local) => void): void {
  if (left.kind === 'array' && right.kind === 'array' && left.items.length === right.items.length) {
    left.items.forEach((item, i) => {
      const other = right.items[i];
      if (other) unifyStep(item, other, assign, bound, bind);
    });
    return;
  }
  const pairs = matchObjects(left, right);
  if (pairs !== undefined) {
    for (const [a, b] of pairs) unifyStep(a, b, assign, bound, bind);
    return;
  }
  bindPattern(left, right, bound, bind);
  if (!assign) bindPattern(right, left, bound, bind);
}

function bindPattern(pattern: Term, value: Term, bound: Bound, bind: (local: Local) => void): void {
  if (isBound(value, bound)) for (const local of patternLocals(pattern)) bind(local);
}

/** Values of two object terms with the same constant keys, pairwise. */
export function matchObjects(left: Term, right: Term): [Term, Term][] | undefined {
  if (left.kind !== 'object' || right.kind !== 'object' || left.entries.length !== right.entries.length)
    return undefined;
  const pairs: [Term, Term][] = [];
  for (const [key, value] of left.entries) {
    if (key.kind !== 'const' || typeof key.value !== 'string') return undefined;
    const other = right.entries.find(([k]) => k.kind === 'const' && k.value === key.value);
    if (other === undefined) return undefined;
    pairs.push([value, other[1]]);
  }
  return pairs;
}

/** The locals of a scope that a query reports: all but wildcards and generated ones. */
export function reportable(locals: Iterable<Local>, scope: Scope): Local[] {
  return [...locals].filter((local) => local.owner === scope && !local.generated && !local.wildcard);
}
