/** Unification, specialised by what is bound: assign, compare, or take apart. */
import type { Term, UnifyStatement } from '../../compiler/ir.js';
import { isBound, isEvaluable, matchObjects } from '../../compiler/safety.js';
import { patternLocals } from '../../compiler/terms.js';
import { equals, isArray, isObject, objectGet, objectKeys, objectSize, type Value } from '../../value/index.js';
import { EvaluationError } from '../errors.js';
import { assign, type Emitter, readSlot } from './emitter.js';
import { pure } from './terms.js';

type Pair = readonly [Term, Term];

export function emitUnify(e: Emitter, statement: UnifyStatement): void {
  const pairs = decompose(statement.left, statement.right);
  if (pairs === undefined) {
    const { loc } = statement;
    const strict = e.runtime.mode === 'regorus';
    e.check(() => {
      if (strict)
        throw new EvaluationError('eval_type_error', 'mismatch in number of array elements or object keys', loc);
      return false;
    });
    return;
  }
  const left = [...pairs];
  while (left.length > 0) {
    // A pair can be solved once one of its sides can be evaluated; solving it may make others ready.
    const ready = left.findIndex(([a, b]) => canEvaluate(e, a) || canEvaluate(e, b));
    const [pair] = left.splice(Math.max(ready, 0), 1);
    if (pair !== undefined) emitPair(e, pair);
  }
}

/** Pairs of terms of which at most one is a pattern; undefined where the shapes can never match. */
function decompose(left: Term, right: Term): Pair[] | undefined {
  if (left.kind === 'array' && right.kind === 'array') {
    if (left.items.length !== right.items.length) return undefined;
    const pairs: Pair[] = [];
    for (const [i, item] of left.items.entries()) {
      const inner = decompose(item, right.items[i] as Term);
      if (inner === undefined) return undefined;
      pairs.push(...inner);
    }
    return pairs;
  }
  if (shapesDiffer(left, right)) return undefined;
  const matched = matchObjects(left, right);
  if (matched === undefined) return [[left, right]];
  const pairs: Pair[] = [];
  for (const [a, b] of matched) {
    const inner = decompose(a, b);
    if (inner === undefined) return undefined;
    pairs.push(...inner);
  }
  return pairs;
}

/** An array against an object, or objects with different constant keys. Constants were folded, so they count too. */
function shapesDiffer(left: Term, right: Term): boolean {
  const a = literalShape(left);
  const b = literalShape(right);
  return a !== undefined && b !== undefined && a !== b && (left.kind !== 'const' || right.kind !== 'const');
}

function literalShape(term: Term): string | undefined {
  if (term.kind === 'array') return `array of ${term.items.length}`;
  if (term.kind === 'object') {
    const keys = term.entries.map(([key]) =>
      key.kind === 'const' && typeof key.value === 'string' ? key.value : undefined,
    );
    return keys.includes(undefined) ? undefined : `object with ${JSON.stringify(keys.sort())}`;
  }
  if (term.kind !== 'const' || typeof term.value !== 'object' || term.value === null) return undefined;
  if (isArray(term.value)) return `array of ${term.value.length}`;
  if (!isObject(term.value)) return undefined;
  const keys = objectKeys(term.value);
  return keys.every((key) => typeof key === 'string') ? `object with ${JSON.stringify([...keys].sort())}` : undefined;
}

/** All variables are bound, or will be by the references that evaluating the term ranges over. */
function canEvaluate(e: Emitter, term: Term): boolean {
  if (isBound(term, e.bound)) return true;
  if (patternLocals(term).size > 0 && [...patternLocals(term)].some((local) => !e.bound.has(local))) return false;
  return isEvaluable(term, e.bound);
}

function emitPair(e: Emitter, [a, b]: Pair): void {
  if (a.kind === 'local' && b.kind === 'local' && !e.bound.has(a.local) && !e.bound.has(b.local)) return;
  const rightIsValue = canEvaluate(e, b);
  const [pattern, term] = rightIsValue ? [a, b] : [b, a];
  if (pattern.kind === 'local' && !e.bound.has(pattern.local)) {
    const value = pure(e, term);
    // Evaluating the other side may have bound the variable (`x = input.xs[x]`).
    if (!e.bound.has(pattern.local)) {
      e.bound.add(pattern.local);
      e.check(assign(pattern.local.slot, value));
      return;
    }
    emitEquals(e, pattern, value);
    return;
  }
  if (isBound(pattern, e.bound)) {
    emitEquals(e, pattern, pure(e, term));
    return;
  }
  emitMatch(e, pattern, e.store(pure(e, term)));
}

function emitEquals(e: Emitter, term: Term, value: ReturnType<typeof pure>): void {
  if (term.kind === 'const') {
    const want = term.value;
    e.check((c, s) => {
      const v = value(c, s);
      return v !== undefined && equals(want, v);
    });
    return;
  }
  const other = pure(e, term);
  e.check((c, s) => {
    const v = value(c, s);
    if (v === undefined) return false;
    const w = other(c, s);
    return w !== undefined && equals(w, v);
  });
}

/** Matches the value in a slot against a pattern: binds its open variables, compares the rest. */
export function emitMatch(e: Emitter, pattern: Term, slot: number): void {
  if (pattern.kind === 'local' && !e.bound.has(pattern.local)) {
    const to = pattern.local.slot;
    e.bound.add(pattern.local);
    e.check((_c, s) => {
      s[to] = s[slot];
      return true;
    });
    return;
  }
  const open = [...patternLocals(pattern)].some((local) => !e.bound.has(local));
  if (!open) {
    emitEquals(e, pattern, readSlot(slot));
    return;
  }
  if (pattern.kind === 'array') emitArrayMatch(e, pattern.items, slot);
  else if (pattern.kind === 'object') emitObjectMatch(e, pattern.entries, slot);
}

function emitArrayMatch(e: Emitter, items: readonly Term[], slot: number): void {
  const size = items.length;
  e.check((_c, s) => {
    const v = s[slot] as Value;
    return isArray(v) && v.length === size;
  });
  for (const [i, item] of items.entries()) {
    if (item.kind === 'local' && item.local.wildcard) {
      e.bound.add(item.local);
      continue;
    }
    const at = item.kind === 'local' && !e.bound.has(item.local) ? item.local.slot : e.slot();
    e.check((_c, s) => {
      s[at] = (s[slot] as readonly Value[])[i];
      return true;
    });
    if (item.kind === 'local' && at === item.local.slot) e.bound.add(item.local);
    else emitMatch(e, item, at);
  }
}

function emitObjectMatch(e: Emitter, entries: readonly (readonly [Term, Term])[], slot: number): void {
  const size = entries.length;
  e.check((_c, s) => {
    const v = s[slot] as Value;
    return isObject(v) && objectSize(v) === size;
  });
  for (const [key, item] of entries) {
    const k = pure(e, key);
    const at = e.store((c, s) => {
      const name = k(c, s);
      const v = s[slot] as Value;
      return name === undefined || !isObject(v) ? undefined : objectGet(v, name);
    });
    emitMatch(e, item, at);
  }
}
