/** Statements to steps. */
import type { Body, Callee, Statement, Term, With } from '../../compiler/ir.js';
import type { Value } from '../../value/index.js';
import { enumerate, isCollection } from '../access.js';
import { EvaluationError } from '../errors.js';
import { overlayWith, replaceAt } from '../overlay.js';
import { Layer, type Mock, type Pure } from '../state.js';
import { type Emitter, succeed } from './emitter.js';
import { rangeOver } from './references.js';
import { pure } from './terms.js';
import { emitMatch, emitUnify } from './unify.js';

export function emitBody(e: Emitter, body: Body): void {
  for (const statement of body) emitStatement(e, statement);
}

export function emitStatement(e: Emitter, statement: Statement): void {
  e.runtime.instrument?.before(e, statement);
  if (statement.with.length > 0) emitWith(e, statement);
  else emitBare(e, statement);
}

function emitBare(e: Emitter, statement: Statement): void {
  switch (statement.kind) {
    case 'term': {
      const value = pure(e, statement.term);
      e.check((c, s) => {
        const v = value(c, s);
        return v !== undefined && v !== false;
      });
      return;
    }
    case 'unify':
      emitUnify(e, statement);
      return;
    case 'not': {
      const inner = e.nested();
      emitBare(inner, statement.statement);
      const run = inner.link(succeed);
      e.check((c, s) => !run(c, s));
      return;
    }
    case 'some-in':
      emitSomeIn(e, statement);
      return;
    case 'every':
      emitEvery(e, statement);
      return;
  }
}

function emitSomeIn(e: Emitter, statement: Statement & { kind: 'some-in' }): void {
  const domain = pure(e, statement.domain);
  const from = e.slot();
  const { loc } = statement;
  const strict = e.runtime.mode === 'regorus';
  e.check((c, s) => {
    const v = domain(c, s);
    if (v === undefined) return false;
    if (!isCollection(v)) {
      if (strict)
        throw new EvaluationError('eval_type_error', '`some .. in collection` expects array/set/object.', loc);
      return false;
    }
    s[from] = v;
    return true;
  });
  const { key, value } = statement;
  const keySlot = openSlot(e, key);
  const valueSlot = openSlot(e, value);
  e.generate((next) => rangeOver((_c, v, visit) => enumerate(v, visit), from, keySlot, valueSlot, next));
  settlePattern(e, key, keySlot);
  settlePattern(e, value, valueSlot);
}

/** An open variable receives its value directly, other patterns from a slot of their own. */
function openSlot(e: Emitter, pattern: Term | undefined): number {
  return pattern?.kind === 'local' && !e.bound.has(pattern.local) ? pattern.local.slot : e.slot();
}

function settlePattern(e: Emitter, pattern: Term | undefined, slot: number): void {
  if (pattern === undefined) return;
  if (pattern.kind === 'local' && pattern.local.slot === slot && !e.bound.has(pattern.local))
    e.bound.add(pattern.local);
  else emitMatch(e, pattern, slot);
}

function emitEvery(e: Emitter, statement: Statement & { kind: 'every' }): void {
  const domain = pure(e, statement.domain);
  const inner = e.nested();
  const { key, value } = statement;
  inner.bound.add(value);
  if (key) inner.bound.add(key);
  emitBody(inner, statement.body);
  const run = inner.link(succeed);
  e.check((c, s) => {
    const v = domain(c, s);
    if (v === undefined || !isCollection(v)) return false;
    const failedOnce = enumerate(v, (k, item) => {
      if (--c.meter.fuel < 0) c.meter.refuel();
      if (key) s[key.slot] = k;
      s[value.slot] = item;
      return !run(c, s);
    });
    return !failedOnce;
  });
}

// ---------------------------------------------------------------------------------------------------------------------
// with

function emitWith(e: Emitter, statement: Statement): void {
  const replacements = statement.with.map((modifier) => replacement(e, modifier));
  const outer = e.slot();
  const inner = e.nested();
  emitBare(inner, statement);
  for (const local of inner.bound) e.bound.add(local);
  const enter = (c: Layer, s: unknown[]): Layer | undefined => {
    // The values are those of the documents outside, whatever the modifiers before them replaced.
    const given: (Value | undefined)[] = [];
    for (const r of replacements) {
      const v = r.value?.(c, s);
      if (r.value !== undefined && v === undefined) return undefined;
      given.push(v);
    }
    let layer: Layer = c;
    replacements.forEach((r, i) => {
      layer = r.apply(layer, given[i]);
    });
    return layer;
  };
  e.generate((next) => {
    const run = inner.link((_c, s) => next(s[outer] as Layer, s));
    return (c, s) => {
      const layer = enter(c, s);
      if (layer === undefined) return false;
      s[outer] = c;
      return run(layer, s);
    };
  });
}

interface Replacement {
  readonly value: Pure | undefined;
  apply(c: Layer, value: Value | undefined): Layer;
}

function replacement(e: Emitter, modifier: With): Replacement {
  const { target } = modifier;
  const callee = calleeOf(modifier.value);
  const value = callee === undefined ? pure(e, modifier.value as Term) : undefined;
  if (target.kind === 'function') {
    const { name } = target.callee;
    return {
      value,
      apply: (c, v) => {
        const mocks = new Map(c.mocks);
        const mock: Mock = callee === undefined ? { kind: 'value', value: v as Value } : { kind: 'callee', callee };
        mocks.set(name, mock);
        return new Layer(c.evaluation, c.input, c.data, c.overlay, mocks);
      },
    };
  }
  const { path } = target;
  if (target.kind === 'input') {
    return {
      value,
      apply: (c, v) => new Layer(c.evaluation, replaceAt(c.input, path, v as Value), c.data, c.overlay, c.mocks),
    };
  }
  return {
    value,
    apply: (c, v) => new Layer(c.evaluation, c.input, c.data, overlayWith(c.overlay, path, v as Value), c.mocks),
  };
}

function calleeOf(value: Term | Callee): Callee | undefined {
  return value.kind === 'user' || value.kind === 'builtin' ? value : undefined;
}
