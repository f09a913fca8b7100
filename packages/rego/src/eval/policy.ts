/** The engine's face: compile modules once, evaluate entry points and queries many times. */
import type { Module, RegoVersion } from '../ast/types.js';
import type { Builtin, TypeSpec } from '../builtins/types.js';
import { T } from '../builtins/types.js';
import { type CompileSettings, compileModules, compileQuery, type Program } from '../compiler/compile.js';
import type { RuleNode } from '../compiler/ir.js';
import { findNode } from '../compiler/tree.js';
import { type AnnotationReader, parseModule, parseQuery } from '../parser/index.js';
import type { Value } from '../value/index.js';
import { EvaluationError } from './errors.js';
import { type EvaluationSettings, EvaluationState, evaluationError, type HostImplementation } from './evaluation.js';
import { DEFAULT_LIMITS } from './limits.js';
import { compileRows, type Row, type RunQuery } from './query.js';
import { type Instrument, type Mode, Runtime } from './runtime.js';
import { type TraceReport, Tracer } from './trace.js';

/** A module as text. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

/** A function that the host offers to policies. Without `impl`, each evaluation supplies it. */
export interface HostFunction {
  readonly name: string;
  readonly args: readonly TypeSpec[];
  readonly result?: TypeSpec;
  readonly impl?: HostImplementation;
}

export interface CompileOptions {
  /** Language version of modules and queries. Default `v1`. */
  readonly regoVersion?: RegoVersion;
  /** Further checks: unused variables and the ones that v1 makes always. */
  readonly strict?: boolean;
  /** Whose results to give where OPA and regorus differ. Default `opa`. */
  readonly mode?: Mode;
  /** `whole` (default): `not` covers its expression; `lifted`: OPA evaluates references among call arguments before it. */
  readonly negation?: 'whole' | 'lifted';
  /** Functions of the host; they win over built-ins of the same name. */
  readonly hostFunctions?: readonly HostFunction[];
  /** The built-in functions; by default those of the entry point that was imported. */
  readonly builtins?: readonly Builtin[];
  /** Static type checks. Default: on, off in regorus mode (which has none). */
  readonly typeCheck?: boolean;
  /** v0 modules may use `if contains in every` without importing them. */
  readonly futureKeywords?: boolean;
  /** Reads METADATA blocks, for `rego.metadata.*`; the node entry point supplies one. */
  readonly annotations?: AnnotationReader;
}

export interface EvaluateOptions extends EvaluationSettings {
  /** A query, such as `data.policy.allow = x`. */
  readonly query?: string;
  /** The path of a rule, such as `data.policy.allow`. */
  readonly entrypoint?: string;
  readonly input?: Value | undefined;
  readonly data?: Value | undefined;
  /** Explain: which bodies failed, and where. */
  readonly trace?: boolean;
}

/** What became of an entry point: a value, a rule without value, or no such rule. */
export type Outcome =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'undefined' }
  | { readonly kind: 'absent' };

export interface EvaluateResult {
  /** Solutions of the query; for an entry point none. */
  readonly results: readonly Row[];
  /** For an entry point. */
  readonly outcome: Outcome;
  readonly trace?: TraceReport;
}

const UNDEFINED_OUTCOME: Outcome = Object.freeze({ kind: 'undefined' });
const ABSENT: Outcome = Object.freeze({ kind: 'absent' });
const NO_SETTINGS: EvaluationSettings & { readonly data?: Value } = Object.freeze({});

/** A compiled set of modules. Immutable; evaluations do not see each other. */
export class Policy {
  readonly program: Program;
  readonly #runtime: Runtime;
  readonly #options: CompileOptions;
  readonly #queries = new Map<string, RunQuery>();

  constructor(program: Program, options: CompileOptions) {
    this.program = program;
    this.#options = options;
    this.#runtime = new Runtime(program, options.mode ?? 'opa', undefined);
  }

  get mode(): Mode {
    return this.#runtime.mode;
  }

  get modules(): readonly Module[] {
    return this.program.modules;
  }

  /**
   * Evaluates a query or an entry point.
   * @throws RegoErrors when the query does not compile
   * @throws EvaluationError on conflicts, failures of host functions, exhausted limits, and strict built-in errors
   */
  evaluate(options: EvaluateOptions): EvaluateResult {
    const tracer = options.trace === true ? new Tracer() : undefined;
    const runtime = tracer === undefined ? this.#runtime : new Runtime(this.program, this.mode, tracer);
    if (options.entrypoint !== undefined) {
      const outcome = new Prepared(runtime, this.#node(options.entrypoint)).evaluate(options.input, options);
      return { results: [], outcome, ...(tracer === undefined ? {} : { trace: tracer.report() }) };
    }
    if (options.query === undefined) throw new TypeError('evaluate needs a `query` or an `entrypoint`');
    const rows = this.#compiledQuery(options.query, runtime);
    const state = new EvaluationState(runtime);
    try {
      const layer = state.start(options.input, options.data ?? {}, options);
      const results = rows(layer, options.limits?.results ?? DEFAULT_LIMITS.results);
      return { results, outcome: ABSENT, ...(tracer === undefined ? {} : { trace: tracer.report() }) };
    } catch (error) {
      throw evaluationError(error);
    }
  }

  /** An entry point to be evaluated many times. */
  prepare(entrypoint: string): PreparedEntrypoint {
    return new Prepared(this.#runtime, this.#node(entrypoint));
  }

  /** As {@link prepare}, with closures that report what they do (coverage). They are compiled anew. */
  prepareInstrumented(entrypoint: string, instrument: Instrument): PreparedEntrypoint {
    return new Prepared(new Runtime(this.program, this.mode, instrument), this.#node(entrypoint));
  }

  #compiledQuery(text: string, runtime: Runtime): RunQuery {
    const known = runtime === this.#runtime ? this.#queries.get(text) : undefined;
    if (known !== undefined) return known;
    const version = this.#options.regoVersion ?? 'v1';
    const query = parseQuery(text, { regoVersion: version, futureKeywords: true });
    const run = compileRows(runtime, compileQuery(this.program, query, version), query);
    if (runtime === this.#runtime) {
      if (this.#queries.size >= 100) this.#queries.clear();
      this.#queries.set(text, run);
    }
    return run;
  }

  #node(entrypoint: string): RuleNode | undefined {
    const [root, ...path] = entrypointPath(entrypoint);
    const node = root === 'data' ? findNode(this.program.tree.root, path) : undefined;
    return node?.kind === undefined || node.kind === 'function' ? undefined : node;
  }
}

/** `data.a["b-c"].d` or `a/b/d` as path parts. */
function entrypointPath(entrypoint: string): string[] {
  const [statement] = parseQuery(entrypoint);
  if (statement?.kind !== 'term' || statement.term.kind !== 'ref' || statement.term.head.kind !== 'var') return [];
  const parts = [statement.term.head.name];
  for (const part of statement.term.path) {
    if (part.kind !== 'string') return [];
    parts.push(part.value);
  }
  return parts;
}

export interface PreparedEntrypoint {
  /**
   * Evaluates the rule over an input document.
   * @throws EvaluationError
   */
  evaluate(input: Value | undefined, settings?: EvaluationSettings & { readonly data?: Value | undefined }): Outcome;
}

class Prepared implements PreparedEntrypoint {
  readonly #runtime: Runtime;
  readonly #node: RuleNode | undefined;
  #state: EvaluationState | undefined;

  constructor(runtime: Runtime, node: RuleNode | undefined) {
    this.#runtime = runtime;
    this.#node = node;
  }

  evaluate(
    input: Value | undefined,
    settings: EvaluationSettings & { readonly data?: Value | undefined } = NO_SETTINGS,
  ): Outcome {
    if (this.#node === undefined) return ABSENT;
    // Taken while in use, so that a host function may evaluate the same entry point again.
    const state = this.#state ?? new EvaluationState(this.#runtime);
    this.#state = undefined;
    try {
      const layer = state.start(input, settings.data ?? {}, settings);
      const value = this.#runtime.rule(this.#node).evaluate(layer);
      return value === undefined ? UNDEFINED_OUTCOME : { kind: 'value', value };
    } catch (error) {
      throw evaluationError(error);
    } finally {
      state.finish();
      this.#state = state;
    }
  }
}

/**
 * Compiles modules.
 * @throws RegoErrors with every finding of the first stage that failed
 */
export function compilePolicy(
  modules: readonly (Source | Module)[],
  builtins: readonly Builtin[],
  options: CompileOptions = {},
): Policy {
  const { regoVersion = 'v1', futureKeywords, annotations } = options;
  const parsed = modules.map((module) =>
    'kind' in module
      ? module
      : parseModule(module.text, {
          file: module.file,
          regoVersion,
          ...(futureKeywords === undefined ? {} : { futureKeywords }),
          ...(annotations === undefined ? {} : { annotations }),
        }),
  );
  const typeCheck = options.typeCheck ?? options.mode !== 'regorus';
  const settings: CompileSettings = {
    builtins: byName(options.builtins ?? builtins),
    hostFunctions: new Map((options.hostFunctions ?? []).map((f) => [f.name, hostBuiltin(f)])),
    strict: options.strict === true,
    negation: options.negation ?? 'whole',
    localFirst: options.mode === 'regorus',
    typeCheck,
  };
  return new Policy(compileModules(parsed, settings), options);
}

/** Tables of built-ins are constants: one map serves all compilations that use the same list. */
const tables = new WeakMap<readonly Builtin[], ReadonlyMap<string, Builtin>>();

function byName(builtins: readonly Builtin[]): ReadonlyMap<string, Builtin> {
  const known = tables.get(builtins);
  if (known !== undefined) return known;
  const table = new Map(builtins.map((builtin) => [builtin.name, builtin]));
  tables.set(builtins, table);
  return table;
}

function hostBuiltin(f: HostFunction): Builtin {
  return {
    name: f.name,
    args: f.args,
    result: f.result ?? T.any,
    nondeterministic: true,
    impl:
      f.impl ??
      (() => {
        throw new EvaluationError(
          'eval_builtin_error',
          `${f.name}: the host supplied no implementation for this evaluation`,
        );
      }),
  };
}
