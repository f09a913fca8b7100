/**
 * Rego: parser, compiler to closures, built-ins, formatter, tests.
 *
 * This entry point runs anywhere, browsers included. `@assay/rego/node` adds the built-ins that need Node (X.509, JWT
 * signatures, YAML, GraphQL and others) and the conformance runner.
 */
export {
  formatDiagnostic,
  type RegoDiagnostic,
  type RegoErrorCode,
  RegoErrors,
} from './ast/errors.js';
export { formatLocation, type Location } from './ast/location.js';
export type { Module, Query, RegoVersion, Rule, Statement, Term } from './ast/types.js';
export { pureBuiltins } from './builtins/pure.js';
export { type Builtin, type BuiltinContext, BuiltinError, T, type TypeSpec } from './builtins/types.js';
export { compile } from './compile.js';
export { EvaluationError, type EvaluationErrorCode } from './eval/errors.js';
export type { EvaluationSettings, HostImplementation } from './eval/evaluation.js';
export { DEFAULT_LIMITS, type Limits } from './eval/limits.js';
export type {
  CompileOptions,
  EvaluateOptions,
  EvaluateResult,
  HostFunction,
  Outcome,
  Policy,
  PreparedEntrypoint,
  Source,
} from './eval/policy.js';
export type { Row } from './eval/query.js';
export type { Mode } from './eval/runtime.js';
export { format } from './fmt/index.js';
export { type ParseOptions, parseModule, parseQuery } from './parser/index.js';
export {
  compare,
  display,
  equals,
  type JsonObject,
  parseJson,
  print,
  RegoObject,
  RegoSet,
  toJson,
  toJsonText,
  type Value,
} from './value/index.js';
