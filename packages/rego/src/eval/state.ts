/** What closures get at run time: the evaluation, and the layer of documents that is in force. */
import type { BuiltinContext } from '../builtins/types.js';
import type { Callee, RuleNode } from '../compiler/ir.js';
import type { Value } from '../value/value.js';
import type { Meter } from './limits.js';
import type { Overlay } from './overlay.js';

/** Marks "evaluated, without value" in caches. */
export const UNDEFINED: unique symbol = Symbol('undefined');

/** The local variables of one activation, and whatever else its closures keep there. */
export type Slots = unknown[];

/** A term whose value is at hand: no enumeration. */
export type Pure = (c: Layer, s: Slots) => Value | undefined;
/** The rest of a body; true stops the enumeration. */
export type Cont = (c: Layer, s: Slots) => boolean;

export type Mock =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'callee'; readonly callee: Callee };
export type Mocks = ReadonlyMap<string, Mock>;

/** A rule path at run time. */
export interface RuleEvaluator {
  /** The value of the whole document; undefined for functions. */
  evaluate(c: Layer): Value | undefined;
  /** The value under a key: partial rules evaluate only what can define it. */
  lookup(c: Layer, key: Value): Value | undefined;
  /** The value of a function. */
  call(c: Layer, args: readonly Value[]): Value | undefined;
}

/** One evaluation: what stays the same whatever `with` replaces. */
export interface Evaluation {
  /** Implementations of host functions given for this evaluation. */
  readonly implementations:
    | Readonly<Record<string, (args: readonly Value[], context: BuiltinContext) => Value | undefined>>
    | undefined;
  readonly meter: Meter;
  readonly builtins: BuiltinContext;
  readonly strict: boolean;
  /** Results of host functions called with constants, by call site. */
  readonly host: unknown[];
  /** Numbers for composite values, to remember function calls by identity. */
  ids: WeakMap<object, number> | undefined;
  nextId: number;
  rule(node: RuleNode): RuleEvaluator;
  /** The tree of rules below `data`. */
  readonly root: RuleNode;
  /** Entries of a layer's cache. */
  readonly cacheSize: number;
}

/** The documents in force. A `with` makes a new layer, with caches of its own. */
export class Layer {
  input: Value | undefined;
  data: Value;
  readonly overlay: Overlay | undefined;
  readonly mocks: Mocks | undefined;
  readonly evaluation: Evaluation;
  readonly meter: Meter;
  /** By rule node, then by compiled cache site. */
  readonly cache: unknown[];
  #unmocked: Layer | undefined;

  constructor(
    evaluation: Evaluation,
    input: Value | undefined,
    data: Value,
    overlay: Overlay | undefined,
    mocks: Mocks | undefined,
  ) {
    this.evaluation = evaluation;
    this.meter = evaluation.meter;
    this.input = input;
    this.data = data;
    this.overlay = overlay;
    this.mocks = mocks;
    this.cache = new Array(evaluation.cacheSize).fill(undefined);
    this.#unmocked = undefined;
  }

  /** The same documents with the original functions: what a replacement function sees. */
  unmocked(): Layer {
    if (this.mocks === undefined) return this;
    this.#unmocked ??= new Layer(this.evaluation, this.input, this.data, this.overlay, undefined);
    return this.#unmocked;
  }
}
