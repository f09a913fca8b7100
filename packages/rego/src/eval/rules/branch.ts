/** One branch of a definition as a closure from arguments to a value, or feeding a collector. */

import type { Branch, Definition, Local } from '../../compiler/ir.js';
import { orderBody } from '../../compiler/safety.js';
import { equals, type Value } from '../../value/index.js';
import { Emitter, frameFactory, succeed } from '../codegen/emitter.js';
import { emitBody } from '../codegen/statements.js';
import { pure } from '../codegen/terms.js';
import { conflict, MULTIPLE_FUNCTION_OUTPUTS, MULTIPLE_OUTPUTS } from '../errors.js';
import type { Runtime } from '../runtime.js';
import type { Layer, Slots } from '../state.js';

export type Evaluate = (c: Layer, args: readonly Value[]) => Value | undefined;

/** The value of a branch; all its solutions must agree. */
export function compileBranch(runtime: Runtime, definition: Definition, branch: Branch): Evaluate {
  const e = emitter(runtime, definition, branch, branch.params);
  const evaluate = branchValue(e, definition, branch);
  return runtime.instrument === undefined ? evaluate : runtime.instrument.branch(definition, branch, evaluate);
}

function branchValue(e: Emitter, definition: Definition, branch: Branch): Evaluate {
  const frame = frameFactory(branch.scope.activation);
  const open = withArguments(frame, branch.params);
  const { value } = branch;
  if (value.kind === 'const') {
    const constant = value.value;
    if (e.steps.length === 0) return () => constant;
    const run = e.link(succeed);
    return (c, args) => (run(c, open(args)) ? constant : undefined);
  }
  const read = pure(e, value);
  if (e.steps.every((step) => step.kind === 'check')) {
    const run = e.link(succeed);
    return (c, args) => {
      const s = open(args);
      return run(c, s) ? read(c, s) : undefined;
    };
  }
  const acc = e.slot();
  const message = definition.kind === 'function' ? MULTIPLE_FUNCTION_OUTPUTS : MULTIPLE_OUTPUTS;
  const run = e.link((c, s) => {
    const v = read(c, s);
    const earlier = s[acc] as Value | undefined;
    if (earlier === undefined) s[acc] = v;
    else if (v !== undefined && !equals(earlier, v)) throw conflict(message, branch.loc);
    return false;
  });
  return (c, args) => {
    const s = open(args);
    run(c, s);
    return s[acc] as Value | undefined;
  };
}

function withArguments(frame: () => Slots, params: readonly Local[]): (args: readonly Value[]) => Slots {
  const [a, b] = params;
  if (a === undefined) return frame;
  if (b === undefined) {
    return (args) => {
      const s = frame();
      s[a.slot] = args[0];
      return s;
    };
  }
  return (args) => {
    const s = frame();
    for (let i = 0; i < params.length; i++) s[(params[i] as Local).slot] = args[i];
    return s;
  };
}

function emitter(runtime: Runtime, definition: Definition, branch: Branch, bound: Iterable<Local>): Emitter {
  const e = new Emitter(runtime, branch.scope.activation, bound, definition);
  emitBody(e, branch.body);
  return e;
}

/** Gets every solution of a branch of a set or partial rule: the path below the rule, and the value or element. */
export type Collect = (c: Layer, path: readonly Value[], value: Value) => void;
export type Enumerate = (c: Layer, collect: Collect, key?: Value) => void;

/**
 * All solutions of a branch. With `keyed`, the variable of the first path part is bound beforehand, so that only
 * solutions with that key are looked for.
 */
export function compileSolutions(runtime: Runtime, definition: Definition, branch: Branch, keyed: boolean): Enumerate {
  const first = branch.suffix[0];
  const local = keyed && first?.kind === 'local' ? first.local : undefined;
  const e = new Emitter(runtime, branch.scope.activation, local === undefined ? [] : [local], definition);
  const body =
    local === undefined ? branch.body : orderBody(branch.body, new Set([local]), runtime.program.context).ordered;
  emitBody(e, body);
  const parts = branch.suffix.map((part) => pure(e, part));
  const value = pure(e, branch.value);
  const acc = e.slot();
  const frame = frameFactory(branch.scope.activation);
  // Every further solution would be the same.
  const constantHead = [branch.value, ...branch.suffix].every((term) => term.kind === 'const');
  const run = e.link((c, s) => {
    const v = value(c, s);
    const path: Value[] = [];
    for (const part of parts) {
      const key = part(c, s);
      if (key === undefined) return false;
      path.push(key);
    }
    if (v !== undefined) (s[acc] as Collect)(c, path, v);
    return constantHead;
  });
  const constant = keyed && first?.kind === 'const' ? first.value : undefined;
  const enumerate: Enumerate = (c, collect, key) => {
    if (constant !== undefined && key !== undefined && !equals(constant, key)) return;
    const s = frame();
    if (local !== undefined) s[local.slot] = key;
    s[acc] = collect;
    run(c, s);
  };
  return runtime.instrument === undefined ? enumerate : runtime.instrument.solutions(definition, branch, enumerate);
}
