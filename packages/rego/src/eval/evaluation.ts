/** One evaluation: its meter, its caches, and what built-ins may know. Reused between evaluations of a prepared entry point. */
import type { RegoVersion } from '../ast/types.js';
import { type BuiltinContext, failure } from '../builtins/types.js';
import type { RuleNode } from '../compiler/ir.js';
import { ResourceLimitError, resetValueCaches, type Value } from '../value/index.js';
import { EvaluationError } from './errors.js';
import { DEFAULT_LIMITS, type Limits, Meter } from './limits.js';
import type { Mode, Runtime } from './runtime.js';
import { type Evaluation, Layer, type RuleEvaluator } from './state.js';

/** A host function's implementation. Its failure ends the evaluation; undefined makes the call undefined. */
export type HostImplementation = (args: readonly Value[], context: BuiltinContext) => Value | undefined;

/** What an evaluation is given besides its documents. */
export interface EvaluationSettings {
  /** The time that `time.now_ns` tells. Without it the built-in fails. */
  readonly now?: Date | bigint | undefined;
  /** Cryptographically good randomness, for `rand.intn` and `uuid.rfc4122`. Without it they fail. */
  readonly random?: ((length: number) => Uint8Array) | undefined;
  /** Environment variables that `opa.runtime` shows. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Built-in errors end the evaluation instead of making the call undefined. */
  readonly strictBuiltinErrors?: boolean | undefined;
  /** Implementations of host functions that were declared when compiling. */
  readonly builtins?: Readonly<Record<string, HostImplementation>> | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** Receives what the policy prints. */
  readonly prints?: ((line: string) => void) | undefined;
  /** Receives what the policy notes with `trace`. */
  readonly note?: ((message: string) => void) | undefined;
  /** Waits, for `test.sleep`. */
  readonly sleep?: ((ns: bigint) => void) | undefined;
}

const NOTHING: EvaluationSettings = Object.freeze({});
const NO_DATA: Value = Object.freeze({});

class Context implements BuiltinContext {
  readonly mode: Mode;
  readonly regoVersion: RegoVersion;
  readonly budget: Meter;
  #settings: EvaluationSettings = NOTHING;
  #memo: Map<string, Value> | undefined;

  constructor(mode: Mode, regoVersion: RegoVersion, budget: Meter) {
    this.mode = mode;
    this.regoVersion = regoVersion;
    this.budget = budget;
  }

  start(settings: EvaluationSettings): void {
    this.#settings = settings;
    this.#memo = undefined;
  }

  get now(): bigint {
    const { now } = this.#settings;
    if (now === undefined) throw failure('the time is not known: pass `now` to the evaluation');
    return typeof now === 'bigint' ? now : BigInt(now.getTime()) * 1_000_000n;
  }

  get env(): Readonly<Record<string, string>> {
    return this.#settings.env ?? {};
  }

  random(length: number): Uint8Array {
    const { random } = this.#settings;
    if (random === undefined) throw failure('there is no randomness: pass `random` to the evaluation');
    return random(length);
  }

  get memo(): Map<string, Value> {
    this.#memo ??= new Map();
    return this.#memo;
  }

  get strict(): boolean {
    return this.#settings.strictBuiltinErrors === true;
  }

  get runtime(): Value {
    const { env } = this.#settings;
    return env === undefined ? {} : { env: { ...env } };
  }

  get prints(): ((line: string) => void) | undefined {
    return this.#settings.prints;
  }

  get note(): ((message: string) => void) | undefined {
    return this.#settings.note;
  }

  get sleep(): ((ns: bigint) => void) | undefined {
    return this.#settings.sleep;
  }
}

export class EvaluationState implements Evaluation {
  readonly meter = new Meter();
  readonly builtins: Context;
  readonly host: unknown[] = [];
  readonly cacheSize: number;
  readonly root: RuleNode;
  readonly layer: Layer;
  ids: WeakMap<object, number> | undefined;
  nextId = 0;
  strict = false;
  implementations: Readonly<Record<string, HostImplementation>> | undefined;
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.builtins = new Context(runtime.mode, runtime.program.modules[0]?.version ?? 'v1', this.meter);
    this.cacheSize = runtime.cacheSize;
    this.root = runtime.program.tree.root;
    this.layer = new Layer(this, undefined, NO_DATA, undefined, undefined);
  }

  rule(node: RuleNode): RuleEvaluator {
    return this.#runtime.rule(node);
  }

  /** Begins an evaluation over the given documents. */
  start(input: Value | undefined, data: Value, settings: EvaluationSettings): Layer {
    resetValueCaches();
    this.meter.start(settings.limits === undefined ? DEFAULT_LIMITS : { ...DEFAULT_LIMITS, ...settings.limits });
    this.builtins.start(settings);
    this.strict = settings.strictBuiltinErrors === true;
    this.implementations = settings.builtins;
    const { layer } = this;
    layer.input = input;
    layer.data = data;
    return layer;
  }

  /** Drops the documents and all that was computed from them: nothing of one evaluation stays for the next, or in memory. */
  finish(): void {
    this.builtins.start(NOTHING);
    this.implementations = undefined;
    this.ids = undefined;
    this.nextId = 0;
    this.host.fill(undefined);
    const { layer } = this;
    layer.input = undefined;
    layer.data = NO_DATA;
    layer.cache.fill(undefined);
  }
}

/** What is thrown out of an evaluation: engine limits and exhausted stacks become `eval_cancel_error`. */
export function evaluationError(error: unknown): unknown {
  if (error instanceof ResourceLimitError)
    return new EvaluationError('eval_cancel_error', error.message, undefined, error);
  if (error instanceof RangeError && /call stack/i.test(error.message)) {
    return new EvaluationError('eval_cancel_error', 'evaluation nests too deeply', undefined, error);
  }
  return error;
}
