/** Calling built-ins outside an evaluation: for tests and tools. */
import { parseJson, print, ResourceLimitError, type Value } from '../value/index.js';
import type { Builtin, BuiltinContext } from './types.js';

/** A context with a fixed clock, counted "randomness" and a budget of the given number of units. */
export function fixedContext(overrides: Partial<BuiltinContext> = {}, units = 10_000_000): BuiltinContext {
  let left = units;
  let counter = 0;
  const spend = (n: number): void => {
    left -= n;
    if (left < 0) throw new ResourceLimitError('budget is used up');
  };
  return {
    now: 1_700_000_000_000_000_000n,
    env: {},
    random: (length) => Uint8Array.from({ length }, () => (counter = (counter * 73 + 41) & 255)),
    memo: new Map(),
    budget: { step: spend, alloc: spend },
    strict: true,
    mode: 'opa',
    runtime: {},
    ...overrides,
  };
}

/** A function that calls built-ins of a list by name; relations give the array of their solutions. */
export function caller(
  builtins: readonly Builtin[],
  context: () => BuiltinContext = fixedContext,
): (name: string, ...args: readonly Value[]) => Value | undefined {
  const byName = new Map(builtins.map((builtin) => [builtin.name, builtin]));
  return (name, ...args) => {
    const builtin = byName.get(name);
    if (builtin === undefined) throw new RangeError(`no built-in named ${name}`);
    return builtin.relation === true ? [...builtin.relationImpl(args, context())] : builtin.impl(args, context());
  };
}

/** A value from JSON text, numbers exact. */
export function json(text: string): Value {
  return parseJson(text);
}

/** The value as text, `undefined` for none. */
export function termText(v: Value | undefined): string {
  return v === undefined ? 'undefined' : print(v);
}
