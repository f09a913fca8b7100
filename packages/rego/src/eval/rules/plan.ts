/**
 * The rule index: which definitions can hold at all, decided by what their leading statements ask of `input`.
 *
 * `input.a.b == "x"` puts a definition into a map by value. Any other leading statement about `input.a…` needs `input.a` to
 * be there: definitions with the same first name share one test. With else branches, every branch has to need it.
 */
import type { Branch, Definition, Statement, Term } from '../../compiler/ir.js';
import { canonicalKey, isNumber, type Value } from '../../value/index.js';
import { field, isInherited } from '../access.js';
import type { Layer } from '../state.js';

/** Visits the entries to try; stops when `visit` returns true. */
export interface Plan<T> {
  visit(c: Layer, visit: (item: T) => boolean): boolean;
}

interface Equality {
  readonly path: readonly string[];
  readonly value: Value;
}

/** Fewer definitions under one test are not worth it. */
const SMALLEST_GROUP = 2;

/** `items[i]` is what `definitions[i]` compiled to. */
export function planOf<T>(definitions: readonly Definition[], items: readonly T[]): Plan<T> {
  const equalities = new Map<
    string,
    { readonly path: readonly string[]; readonly byValue: Map<string, T[]>; size: number }
  >();
  const left: number[] = [];
  const grouped = new Map<number, string>();
  definitions.forEach((definition, i) => {
    const found = equalityOf(definition);
    if (found === undefined) return;
    const key = JSON.stringify(found.path);
    const group = equalities.get(key) ?? { path: found.path, byValue: new Map<string, T[]>(), size: 0 };
    const canonical = canonicalKey(found.value);
    group.byValue.set(canonical, [...(group.byValue.get(canonical) ?? []), items[i] as T]);
    group.size++;
    equalities.set(key, group);
    grouped.set(i, key);
  });
  for (const i of items.keys()) if ((equalities.get(grouped.get(i) ?? '')?.size ?? 0) < SMALLEST_GROUP) left.push(i);
  const plans: Plan<T>[] = [];
  for (const { path, byValue, size } of equalities.values())
    if (size >= SMALLEST_GROUP) plans.push(equality(path, byValue));
  const named = new Map<string, T[]>();
  const always: T[] = [];
  for (const i of left) {
    const definition = definitions[i];
    const name = definition && commonName(definition);
    if (name === undefined) always.push(items[i] as T);
    else named.set(name, [...(named.get(name) ?? []), items[i] as T]);
  }
  for (const [name, members] of named) plans.push(presence(name, each(members)));
  if (always.length > 0) plans.push(each(always));
  const [only] = plans;
  return plans.length === 1 && only !== undefined ? only : sequence(plans);
}

function each<T>(items: readonly T[]): Plan<T> {
  return {
    visit: (_c, visit) => {
      for (let i = 0; i < items.length; i++) if (visit(items[i] as T)) return true;
      return false;
    },
  };
}

function sequence<T>(plans: readonly Plan<T>[]): Plan<T> {
  return {
    visit: (c, visit) => {
      for (let i = 0; i < plans.length; i++) if ((plans[i] as Plan<T>).visit(c, visit)) return true;
      return false;
    },
  };
}

function presence<T>(name: string, plan: Plan<T>): Plan<T> {
  return { visit: (c, visit) => field(c.input, name) !== undefined && plan.visit(c, visit) };
}

function equality<T>(path: readonly string[], byValue: ReadonlyMap<string, T[]>): Plan<T> {
  return {
    visit: (c, visit) => {
      let v = c.input;
      for (let i = 0; i < path.length; i++) v = field(v, path[i] as string);
      // Only scalars are in the map; collections need no key to be known to be absent.
      if (v === undefined || (typeof v === 'object' && v !== null && !isNumber(v))) return false;
      return byValue.get(canonicalKey(v))?.some(visit) ?? false;
    },
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// What definitions need

function equalityOf(definition: Definition): Equality | undefined {
  const [branch, other] = definition.branches;
  const statement = other === undefined ? branch?.body[0] : undefined;
  if (statement === undefined || statement.with.length > 0) return undefined;
  if (statement.kind === 'unify') return comparison(statement.left, statement.right);
  if (statement.kind !== 'term' || statement.term.kind !== 'call') return undefined;
  const { callee, args } = statement.term;
  const [left, right] = args;
  if (callee.kind !== 'builtin' || callee.name !== 'equal' || callee.host) return undefined;
  return left && right && comparison(left, right);
}

function comparison(left: Term, right: Term): Equality | undefined {
  const path = inputPath(left) ?? inputPath(right);
  const constant = left.kind === 'const' ? left : right.kind === 'const' ? right : undefined;
  if (path === undefined || constant === undefined) return undefined;
  const { value } = constant;
  return typeof value === 'object' && value !== null ? undefined : { path, value };
}

function inputPath(term: Term): string[] | undefined {
  if (term.kind !== 'ref' || term.root !== 'input' || term.path.length === 0) return undefined;
  const path: string[] = [];
  for (const part of term.path) {
    if (part.kind !== 'const' || typeof part.value !== 'string' || isInherited(part.value)) return undefined;
    path.push(part.value);
  }
  return path;
}

/** The first name below `input` that all branches need. */
function commonName(definition: Definition): string | undefined {
  const [first, ...others] = definition.branches.map(neededName);
  return others.every((name) => name === first) ? first : undefined;
}

function neededName(branch: Branch): string | undefined {
  const statement = branch.body[0];
  return statement && neededBy(statement);
}

function neededBy(statement: Statement): string | undefined {
  if (statement.with.length > 0) return undefined;
  switch (statement.kind) {
    case 'term':
      return firstName(statement.term) ?? namesOfArguments(statement.term);
    case 'unify':
      return firstName(statement.right) ?? firstName(statement.left) ?? namesOfArguments(statement.right);
    case 'some-in':
    case 'every':
      return firstName(statement.domain);
    case 'not':
      return undefined;
  }
}

/** A call is undefined when an argument is; `print` and replaced functions are the exceptions. */
function namesOfArguments(term: Term): string | undefined {
  if (term.kind !== 'call' || term.callee.name === 'print') return undefined;
  for (const arg of term.args) {
    const name = firstName(arg);
    if (name !== undefined) return name;
  }
  return undefined;
}

function firstName(term: Term): string | undefined {
  if (term.kind !== 'ref' || term.root !== 'input') return undefined;
  const [part] = term.path;
  return part?.kind === 'const' && typeof part.value === 'string' && !isInherited(part.value) ? part.value : undefined;
}
