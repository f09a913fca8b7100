/** All of `@assay/rego`, with the built-ins that need Node, METADATA annotations, and the conformance runner. */
import type { Module } from './ast/types.js';
import { nodeCryptoBuiltins } from './builtins/crypto/node.js';
import { extraBuiltins } from './builtins/extra/index.js';
import { netBuiltins } from './builtins/net/index.js';
import { pureBuiltins } from './builtins/pure.js';
import { globsMatchBuiltins } from './builtins/text/globs-match.js';
import type { Builtin } from './builtins/types.js';
import type { ConformanceCase } from './conformance/case.js';
import { type ConformanceOptions, runCases } from './conformance/run.js';
import { type CompileOptions, compilePolicy, type Policy, type Source } from './eval/policy.js';
import { readAnnotations } from './parser/annotations.js';

export type { CaseResult, ConformanceCase } from './conformance/case.js';
export { CONFORMANCE_SUITES, type ConformanceOptions } from './conformance/run.js';
export * from './index.js';
export { annotationErrors, readAnnotations } from './parser/annotations.js';

/** Every built-in. What needs the network is among them, but refuses unless the host supplies it. */
export const allBuiltins: readonly Builtin[] = [
  ...pureBuiltins,
  ...globsMatchBuiltins,
  ...netBuiltins,
  ...nodeCryptoBuiltins,
  ...extraBuiltins,
];

/**
 * Compiles modules with all built-ins.
 * @throws RegoErrors with every finding of the first stage that failed
 */
export function compile(modules: readonly (Source | Module)[], options: CompileOptions = {}): Policy {
  return compilePolicy(modules, allBuiltins, { annotations: readAnnotations, ...options });
}

/** Runs the conformance corpus in a folder; see `CONFORMANCE.md` for what is not passed, and why. */
export function runRegoConformance(dir: string, options: ConformanceOptions = {}): ConformanceCase[] {
  return runCases(dir, allBuiltins, options);
}
