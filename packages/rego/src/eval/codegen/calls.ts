/** Calls: user functions, built-ins, host functions, and what `with` puts in their place. */

import type { Location } from '../../ast/types.js';
import type { Builtin, FunctionBuiltin, RelationBuiltin } from '../../builtins/types.js';
import { BuiltinError } from '../../builtins/types.js';
import type { Callee, CallTerm } from '../../compiler/ir.js';
import { canonicalKey, ResourceLimitError, type Value } from '../../value/index.js';
import { EvaluationError } from '../errors.js';
import { metadataOf } from '../metadata.js';
import { type Layer, type Pure, UNDEFINED } from '../state.js';
import { type Emitter, readSlot } from './emitter.js';
import { operator } from './operators.js';
import { pure } from './terms.js';

/** Calls a function with arguments at hand. */
export type Invoke = (c: Layer, args: readonly Value[]) => Value | undefined;

export function callPure(e: Emitter, term: CallTerm): Pure {
  const { callee } = term;
  if (callee.kind === 'builtin' && callee.builtin.relation === true) return relationPure(e, term, callee.builtin);
  if (callee.name === 'print' && callee.kind === 'builtin') return printPure(e, term, callee.builtin);
  const metadata = metadataPure(e, term);
  if (metadata !== undefined) return metadata;
  const args = term.args.map((arg) => pure(e, arg));
  const invoke = invoker(e, callee, term.loc);
  const general = applied(callee.name, args, invoke);
  if (callee.kind === 'user') return general;
  if (callee.host) return hostPure(e, term, callee.builtin, general);
  const fast = operator(callee.name, args, callee.builtin, invoke);
  return fast === undefined ? general : (c, s) => (c.mocks === undefined ? fast(c, s) : general(c, s));
}

function applied(name: string, args: readonly Pure[], invoke: Invoke): Pure {
  const [a, b, d] = args;
  const direct: Pure =
    a === undefined
      ? (c) => invoke(c, [])
      : b === undefined
        ? (c, s) => {
            const x = a(c, s);
            return x === undefined ? undefined : invoke(c, [x]);
          }
        : d === undefined
          ? (c, s) => {
              const x = a(c, s);
              const y = x === undefined ? undefined : b(c, s);
              return x === undefined || y === undefined ? undefined : invoke(c, [x, y]);
            }
          : (c, s) => {
              const values: Value[] = [];
              for (const arg of args) {
                const v = arg(c, s);
                if (v === undefined) return undefined;
                values.push(v);
              }
              return invoke(c, values);
            };
  return (c, s) => {
    if (c.mocks === undefined || !c.mocks.has(name)) return direct(c, s);
    const values: Value[] = [];
    for (const arg of args) {
      const v = arg(c, s);
      if (v === undefined) return undefined;
      values.push(v);
    }
    return invokeMock(c, name, values);
  };
}

/** What `with name as …` put in place. A replacement function sees the original functions. */
function invokeMock(c: Layer, name: string, args: readonly Value[]): Value | undefined {
  const mock = c.mocks?.get(name);
  if (mock === undefined) return undefined;
  if (mock.kind === 'value') return mock.value;
  const inner = c.unmocked();
  if (mock.callee.kind === 'user') return c.evaluation.rule(mock.callee.node).call(inner, args);
  return callBuiltin(inner, mock.callee.builtin, args, undefined);
}

function invoker(e: Emitter, callee: Callee, loc: Location): Invoke {
  if (callee.kind === 'user') {
    const rule = e.runtime.rule(callee.node);
    return (c, args) => rule.call(c, args);
  }
  const { builtin } = callee;
  if (callee.host) return (c, args) => callHost(c, builtin, args, loc);
  return (c, args) => callBuiltin(c, builtin, args, loc);
}

/** A built-in's failure makes the call undefined unless errors are strict. */
function callBuiltin(c: Layer, builtin: Builtin, args: readonly Value[], loc: Location | undefined): Value | undefined {
  if (--c.meter.fuel < 0) c.meter.refuel();
  try {
    return (builtin as FunctionBuiltin).impl(args, c.evaluation.builtins);
  } catch (error) {
    return failed(c, builtin.name, error, loc);
  }
}

function failed(c: Layer, name: string, error: unknown, loc: Location | undefined): undefined {
  if (!(error instanceof BuiltinError)) throw error;
  if (c.evaluation.strict) throw new EvaluationError(error.kind, `${name}: ${error.message}`, loc, error);
  return undefined;
}

/** A host function's failure always ends the evaluation. */
function callHost(c: Layer, builtin: Builtin, args: readonly Value[], loc: Location): Value | undefined {
  const { memo } = c.evaluation.builtins;
  const key = `\u0000host ${builtin.name} ${canonicalKey(args)}`;
  const known = memo.get(key);
  if (known !== undefined) return known;
  const value = invokeHost(c, builtin, args, loc);
  if (value !== undefined) memo.set(key, value);
  return value;
}

function invokeHost(c: Layer, builtin: Builtin, args: readonly Value[], loc: Location): Value | undefined {
  if (--c.meter.fuel < 0) c.meter.refuel();
  const { implementations, builtins } = c.evaluation;
  const given =
    implementations !== undefined && Object.hasOwn(implementations, builtin.name)
      ? implementations[builtin.name]
      : undefined;
  try {
    return (given ?? (builtin as FunctionBuiltin).impl)(args, builtins);
  } catch (error) {
    if (error instanceof ResourceLimitError || error instanceof EvaluationError) throw error;
    const text = error instanceof Error ? error.message : String(error);
    throw new EvaluationError('eval_builtin_error', `${builtin.name}: ${text}`, loc, error);
  }
}

/** A host function of constants has one value per evaluation, kept by call site. */
function hostPure(e: Emitter, term: CallTerm, builtin: Builtin, general: Pure): Pure {
  const args: Value[] = [];
  // Queries come and go, so they get no place in the caches.
  if (e.definition === undefined) return general;
  for (const arg of term.args) {
    if (arg.kind !== 'const') return general;
    args.push(arg.value);
  }
  const site = e.runtime.hostSite(builtin.name, args);
  return (c, s) => {
    if (c.mocks !== undefined) return general(c, s);
    const { host } = c.evaluation;
    const known = host[site];
    if (known !== undefined) return known === UNDEFINED ? undefined : (known as Value);
    const value = invokeHost(c, builtin, args, term.loc);
    host[site] = value === undefined ? UNDEFINED : value;
    return value;
  };
}

function relationPure(e: Emitter, term: CallTerm, builtin: RelationBuiltin): Pure {
  const args = term.args.map((arg) => pure(e, arg));
  const slot = e.slot();
  const { loc } = term;
  const solutions = (c: Layer, values: readonly Value[]): Iterable<Value> => {
    try {
      return builtin.relationImpl(values, c.evaluation.builtins);
    } catch (error) {
      failed(c, builtin.name, error, loc);
      return [];
    }
  };
  e.generate((next) => (c, s) => {
    const values: Value[] = [];
    for (const arg of args) {
      const v = arg(c, s);
      if (v === undefined) return false;
      values.push(v);
    }
    for (const solution of solutions(c, values)) {
      if (--c.meter.fuel < 0) c.meter.refuel();
      s[slot] = solution;
      if (next(c, s)) return true;
    }
    return false;
  });
  return readSlot(slot);
}

/** `print` shows undefined arguments, and costs nothing while nobody listens. */
function printPure(e: Emitter, term: CallTerm, builtin: Builtin): Pure {
  const args = term.args.map((arg) => pure(e, arg));
  const { loc } = term;
  return (c, s) => {
    if (c.evaluation.builtins.prints === undefined) return true;
    const values = args.map((arg) => {
      const v = arg(c, s);
      return v === undefined ? '<undefined>' : v;
    });
    return callBuiltin(c, builtin, values, loc) ?? true;
  };
}

/** `rego.metadata.*` depends on the calling rule only. */
function metadataPure(e: Emitter, term: CallTerm): Pure | undefined {
  const { name } = term.callee;
  if (term.callee.kind !== 'builtin' || (name !== 'rego.metadata.chain' && name !== 'rego.metadata.rule'))
    return undefined;
  const value = metadataOf(e.runtime.program, e.definition, name === 'rego.metadata.chain' ? 'chain' : 'rule');
  return () => value;
}
