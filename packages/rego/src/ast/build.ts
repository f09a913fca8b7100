/** Constructors for nodes, for rewrites and tests; `loc` defaults to no place. */
import { type Location, noLocation } from './location.js';
import type {
  ArrayTerm,
  AssignStatement,
  BooleanTerm,
  CallTerm,
  InfixOperator,
  NullTerm,
  NumberTerm,
  ObjectEntry,
  ObjectTerm,
  RefTerm,
  SetTerm,
  StringTerm,
  Term,
  TermStatement,
  UnifyStatement,
  VarTerm,
  WithModifier,
} from './types.js';

/** The built-in behind each infix operator; `in` with a key is `internal.member_3`. */
export const infixBuiltins: Readonly<Record<InfixOperator, string>> = {
  '+': 'plus',
  '-': 'minus',
  '*': 'mul',
  '/': 'div',
  '%': 'rem',
  '&': 'and',
  '|': 'or',
  '==': 'equal',
  '!=': 'neq',
  '<': 'lt',
  '<=': 'lte',
  '>': 'gt',
  '>=': 'gte',
  in: 'internal.member_2',
};

export const nullTerm = (loc: Location = noLocation): NullTerm => ({ kind: 'null', loc });
export const booleanTerm = (value: boolean, loc: Location = noLocation): BooleanTerm => ({
  kind: 'boolean',
  value,
  loc,
});
export const numberTerm = (text: string | number, loc: Location = noLocation): NumberTerm => ({
  kind: 'number',
  text: String(text),
  loc,
});
export const stringTerm = (value: string, loc: Location = noLocation, raw = false): StringTerm => ({
  kind: 'string',
  value,
  raw,
  loc,
});
export const varTerm = (name: string, loc: Location = noLocation): VarTerm => ({
  kind: 'var',
  name,
  wildcard: name === '_',
  loc,
});
export const refTerm = (head: Term, path: readonly Term[], loc: Location = noLocation): RefTerm => ({
  kind: 'ref',
  head,
  path,
  loc,
});

/** `dotted('data.a.b')`: a var for one name, otherwise a ref with string parts. */
export function dotted(name: string, loc: Location = noLocation): VarTerm | RefTerm {
  const [head = '', ...rest] = name.split('.');
  if (rest.length === 0) return varTerm(head, loc);
  return refTerm(
    varTerm(head, loc),
    rest.map((part) => stringTerm(part, loc)),
    loc,
  );
}

export const callTerm = (
  name: string | VarTerm | RefTerm,
  args: readonly Term[],
  loc: Location = noLocation,
): CallTerm => ({
  kind: 'call',
  callee: typeof name === 'string' ? dotted(name, loc) : name,
  args,
  loc,
});

/** `left op right`; `in` takes two or three operands. */
export const infixTerm = (infix: InfixOperator, args: readonly Term[], loc: Location = noLocation): CallTerm => ({
  kind: 'call',
  callee: dotted(infix === 'in' && args.length === 3 ? 'internal.member_3' : infixBuiltins[infix], loc),
  args,
  infix,
  loc,
});
export const arrayTerm = (items: readonly Term[], loc: Location = noLocation): ArrayTerm => ({
  kind: 'array',
  items,
  loc,
});
export const setTerm = (items: readonly Term[], loc: Location = noLocation): SetTerm => ({ kind: 'set', items, loc });
export const objectTerm = (entries: readonly ObjectEntry[], loc: Location = noLocation): ObjectTerm => ({
  kind: 'object',
  entries,
  loc,
});

export const termStatement = (
  term: Term,
  withs: readonly WithModifier[] = [],
  loc: Location = term.loc,
): TermStatement => ({ kind: 'term', term, with: withs, loc });
export const unifyStatement = (
  left: Term,
  right: Term,
  withs: readonly WithModifier[] = [],
  loc: Location = left.loc,
): UnifyStatement => ({ kind: 'unify', left, right, with: withs, loc });
export const assignStatement = (
  target: Term,
  value: Term,
  withs: readonly WithModifier[] = [],
  loc: Location = target.loc,
): AssignStatement => ({ kind: 'assign', target, value, with: withs, loc });
