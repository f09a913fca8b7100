/**
 * The lifted reading of `not`, as OPA has it: references and calls among the arguments of a negated call are evaluated before
 * the negation, so that an undefined one makes the whole statement undefined.
 */
import type { Statement, Term, With } from './ir.js';
import type { NameScope } from './scopes.js';

type Negated = Statement & { kind: 'term' | 'unify' };

/** The statement with its operands replaced by variables; the statements that bind them go to `before`. */
export function liftOperands(
  statement: Negated,
  scope: NameScope,
  modifiers: readonly With[],
  before: Statement[],
): Negated {
  const inner = (term: Term): Term => liftArguments(term, scope, modifiers, before);
  if (statement.kind === 'unify') return { ...statement, left: inner(statement.left), right: inner(statement.right) };
  const { term } = statement;
  // A two-sided comparison for equality is a unification in OPA: only calls inside its operands are lifted.
  if (term.kind === 'call' && term.callee.name === 'equal') {
    return { ...statement, term: { ...term, args: term.args.map(inner) } };
  }
  return { ...statement, term: inner(term) };
}

function liftArguments(term: Term, scope: NameScope, modifiers: readonly With[], before: Statement[]): Term {
  if (term.kind !== 'call') return term;
  const args = term.args.map((arg) => {
    if (arg.kind !== 'ref' && arg.kind !== 'call' && arg.kind !== 'comprehension') return arg;
    const right = liftArguments(arg, scope, modifiers, before);
    const left: Term = { kind: 'local', local: scope.fresh('', arg.loc, true), loc: arg.loc };
    before.push({ kind: 'unify', left, right, assign: true, with: modifiers, loc: arg.loc });
    return left;
  });
  return { ...term, args };
}
