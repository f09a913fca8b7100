/** Questions about resolved terms: which variables they name, which are free in a closure. */
import type { Body, Local, Scope, Statement, Term } from './ir.js';

/** Calls `visit` for every local that a term names, closures included (only what is free in them). */
export function forEachLocal(term: Term, visit: (local: Local) => void): void {
  switch (term.kind) {
    case 'const':
      return;
    case 'local':
      visit(term.local);
      return;
    case 'ref':
      if (typeof term.root !== 'string') forEachLocal(term.root, visit);
      for (const part of term.path) forEachLocal(part, visit);
      return;
    case 'call':
      for (const arg of term.args) forEachLocal(arg, visit);
      return;
    case 'array':
    case 'set':
      for (const item of term.items) forEachLocal(item, visit);
      return;
    case 'object':
      for (const [key, value] of term.entries) {
        forEachLocal(key, visit);
        forEachLocal(value, visit);
      }
      return;
    case 'comprehension':
      for (const local of closureLocals(term.scope, [...(term.key ? [term.key] : []), term.value], term.body))
        visit(local);
      return;
    case 'template':
      for (const part of term.parts) {
        if (typeof part !== 'string') for (const local of closureLocals(part.scope, [], part.body)) visit(local);
      }
      return;
  }
}

function localsOf(...terms: readonly Term[]): Set<Local> {
  const found = new Set<Local>();
  for (const term of terms) forEachLocal(term, (local) => found.add(local));
  return found;
}

/** All locals that a statement names from outside its own nested scopes. */
export function statementLocals(statement: Statement): Set<Local> {
  const found = new Set<Local>();
  const add = (term: Term): void => forEachLocal(term, (local) => found.add(local));
  switch (statement.kind) {
    case 'term':
      add(statement.term);
      break;
    case 'unify':
      add(statement.left);
      add(statement.right);
      break;
    case 'not':
      for (const local of statementLocals(statement.statement)) found.add(local);
      break;
    case 'some-in':
      if (statement.key) add(statement.key);
      add(statement.value);
      add(statement.domain);
      break;
    case 'every':
      add(statement.domain);
      for (const local of closureLocals(statement.scope, [], statement.body)) found.add(local);
      break;
  }
  for (const modifier of statement.with)
    if (modifier.value.kind !== 'user' && modifier.value.kind !== 'builtin') add(modifier.value);
  return found;
}

/** Locals that a nested body takes from outside. */
export function closureLocals(scope: Scope, heads: readonly Term[], body: Body): Set<Local> {
  const found = localsOf(...heads);
  for (const statement of body) for (const local of statementLocals(statement)) found.add(local);
  for (const local of found) if (local.owner === scope) found.delete(local);
  return found;
}

/** Variables in pattern position: those that unification with a value can bind. */
export function patternLocals(term: Term, into: Set<Local> = new Set()): Set<Local> {
  if (term.kind === 'local') into.add(term.local);
  else if (term.kind === 'array') for (const item of term.items) patternLocals(item, into);
  else if (term.kind === 'object') for (const [, value] of term.entries) patternLocals(value, into);
  return into;
}

/** The leading constant string parts of a reference. */
export function staticPrefix(path: readonly Term[]): string[] {
  const prefix: string[] = [];
  for (const part of path) {
    if (part.kind !== 'const' || typeof part.value !== 'string') break;
    prefix.push(part.value);
  }
  return prefix;
}
