/** `compile` with the built-ins that run anywhere. */
import type { Module } from './ast/types.js';
import { pureBuiltins } from './builtins/pure.js';
import { type CompileOptions, compilePolicy, type Policy, type Source } from './eval/policy.js';

/**
 * Compiles modules to closures; no code is generated as text, so it works under a strict content security policy.
 *
 * @param modules texts with their file names, or modules parsed before
 * @throws RegoErrors with every finding of the first stage that failed
 */
export function compile(modules: readonly (Source | Module)[], options: CompileOptions = {}): Policy {
  return compilePolicy(modules, pureBuiltins, options);
}
