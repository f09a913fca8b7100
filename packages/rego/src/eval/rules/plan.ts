/**
 * The rule index: which definitions can hold at all, decided by their leading statements about `input`.
 *
 * `input.a.b == "x"` puts a definition into a map by value, `input.a` (existence) into a group that shares one test.
 * Definitions with else branches are never skipped, because a later branch may hold.
 */
import type { Definition, Statement, Term } from '../../compiler/ir.js';
import { canonicalKey, type Value } from '../../value/index.js';
import { field, isInherited } from '../access.js';
import type { Layer } from '../state.js';

/** Returns the entries to try, in source order within each group. */
export interface Plan<T> {
  visit(c: Layer, each: (item: T) => boolean): boolean;
}

interface Guard {
  readonly path: readonly string[];
  /** Undefined: the reference must be defined and not false. */
  readonly equal: Value | undefined;
}

const SMALLEST_GROUP = 2;

export function planOf<T>(definitions: readonly Definition[], items: readonly T[]): Plan<T> {
  const groups = new Map<string, { readonly path: readonly string[]; readonly members: { guard: Guard; item: T }[] }>();
  const always: T[] = [];
  definitions.forEach((definition, i) => {
    const item = items[i] as T;
    const guard = guardOf(definition);
    if (guard === undefined) {
      always.push(item);
      return;
    }
    const key = `${guard.equal === undefined ? 'exists' : 'equals'} ${JSON.stringify(guard.path)}`;
    const group = groups.get(key) ?? { path: guard.path, members: [] };
    group.members.push({ guard, item });
    groups.set(key, group);
  });
  const steps: Plan<T>[] = [];
  for (const { path, members } of groups.values()) {
    if (members.length < SMALLEST_GROUP) always.push(...members.map((member) => member.item));
    else if (members[0]?.guard.equal === undefined)
      steps.push(
        existence(
          path,
          members.map((member) => member.item),
        ),
      );
    else steps.push(equality(path, members));
  }
  if (steps.length === 0) return each(items);
  return sequence([
    ...steps,
    each(definitions.flatMap((_d, i) => (always.includes(items[i] as T) ? [items[i] as T] : []))),
  ]);
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

function existence<T>(path: readonly string[], items: readonly T[]): Plan<T> {
  const all = each(items);
  return {
    visit: (c, visit) => {
      const v = read(c, path);
      return v !== undefined && v !== false && all.visit(c, visit);
    },
  };
}

function equality<T>(path: readonly string[], members: readonly { guard: Guard; item: T }[]): Plan<T> {
  const byValue = new Map<string, T[]>();
  for (const { guard, item } of members) {
    if (guard.equal === undefined) continue;
    const key = canonicalKey(guard.equal);
    byValue.set(key, [...(byValue.get(key) ?? []), item]);
  }
  return {
    visit: (c, visit) => {
      const v = read(c, path);
      // Only scalars are indexed, so a collection cannot match and needs no key.
      if (v === undefined || (typeof v === 'object' && v !== null)) {
        return v !== undefined && typeof v === 'object' && visitNumber(byValue, v, visit);
      }
      const found = byValue.get(canonicalKey(v));
      return found?.some(visit) ?? false;
    },
  };
}

/** Exact decimals are objects of the engine, yet numbers: they have a key. */
function visitNumber<T>(byValue: ReadonlyMap<string, T[]>, v: Value, visit: (item: T) => boolean): boolean {
  const found = Array.isArray(v) ? undefined : byValue.get(canonicalKey(v));
  return found?.some(visit) ?? false;
}

function read(c: Layer, path: readonly string[]): Value | undefined {
  let at = c.input;
  for (let i = 0; i < path.length; i++) at = field(at, path[i] as string);
  return at;
}

function guardOf(definition: Definition): Guard | undefined {
  const [branch, other] = definition.branches;
  const statement = other === undefined ? branch?.body[0] : undefined;
  return statement && guardOfStatement(statement);
}

function guardOfStatement(statement: Statement): Guard | undefined {
  if (statement.with.length > 0) return undefined;
  if (statement.kind === 'unify') return comparison(statement.left, statement.right);
  if (statement.kind !== 'term') return undefined;
  const { term } = statement;
  if (term.kind === 'call') {
    const [left, right] = term.args;
    if (term.callee.kind !== 'builtin' || term.callee.name !== 'equal' || term.callee.host) return undefined;
    return left && right && comparison(left, right);
  }
  const path = inputPath(term);
  return path && { path, equal: undefined };
}

function comparison(left: Term, right: Term): Guard | undefined {
  const path = inputPath(left) ?? inputPath(right);
  const constant = left.kind === 'const' ? left : right.kind === 'const' ? right : undefined;
  if (path === undefined || constant === undefined) return undefined;
  const { value } = constant;
  return typeof value === 'object' && value !== null ? undefined : { path, equal: value };
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
