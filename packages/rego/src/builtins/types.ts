/** The contract between the evaluator and its built-in functions. */
import { typeName, type Value } from '../value/index.js';

/** Static types of built-in operands and results, as the type checker reads them. */
export type TypeSpec =
  | { readonly kind: 'any' | 'null' | 'boolean' | 'number' | 'string' }
  /** `items`: the fixed leading elements; `of`: type of any further ones. */
  | { readonly kind: 'array'; readonly items: readonly TypeSpec[]; readonly of?: TypeSpec }
  /** `props`: keys that are always there; `key`/`value`: types of any further entries. */
  | {
      readonly kind: 'object';
      readonly props: readonly { readonly key: Value; readonly value: TypeSpec }[];
      readonly key?: TypeSpec;
      readonly value?: TypeSpec;
    }
  | { readonly kind: 'set'; readonly of: TypeSpec }
  | { readonly kind: 'union'; readonly options: readonly TypeSpec[] }
  | { readonly kind: 'function'; readonly args: readonly TypeSpec[]; readonly result: TypeSpec };

const any: TypeSpec = { kind: 'any' };

/** Builders for {@link TypeSpec}. */
export const T = {
  any,
  null: { kind: 'null' } as TypeSpec,
  boolean: { kind: 'boolean' } as TypeSpec,
  number: { kind: 'number' } as TypeSpec,
  string: { kind: 'string' } as TypeSpec,
  array: (of: TypeSpec = any): TypeSpec => ({ kind: 'array', items: [], of }),
  tuple: (...items: readonly TypeSpec[]): TypeSpec => ({ kind: 'array', items }),
  object: (key: TypeSpec = any, value: TypeSpec = any): TypeSpec => ({ kind: 'object', props: [], key, value }),
  record: (props: Readonly<Record<string, TypeSpec>>): TypeSpec => ({
    kind: 'object',
    props: Object.entries(props).map(([key, value]) => ({ key, value })),
  }),
  set: (of: TypeSpec = any): TypeSpec => ({ kind: 'set', of }),
  union: (...options: readonly TypeSpec[]): TypeSpec => ({ kind: 'union', options }),
} as const;

/** Array or set of strings: the usual "collection of strings". */
export const STRINGS: TypeSpec = T.union(T.array(T.string), T.set(T.string));

/** Charges work and memory; both throw `ResourceLimitError` when the evaluation has used up its share. */
export interface Budget {
  /** `n` units of work, about one visited element or 16 scanned characters each. */
  step(n: number): void;
  /** `n` units of memory, about one element of a collection or 16 characters of text each. */
  alloc(n: number): void;
}

/** What a built-in may know about the evaluation it runs in. One per evaluation. */
export interface BuiltinContext {
  /** The evaluation's time, nanoseconds since the Unix epoch. */
  readonly now: bigint;
  /** Environment variables shown by `opa.runtime`. */
  readonly env: Readonly<Record<string, string>>;
  /** Cryptographically good randomness, injected by the host. */
  random(length: number): Uint8Array;
  /** Results of non-deterministic built-ins, one value per query: key is `<name> <canonical arguments>`. */
  readonly memo: Map<string, Value>;
  readonly budget: Budget;
  /** Built-in errors abort instead of making the call undefined. */
  readonly strict: boolean;
  /** Which engine's results and wordings to give where the two differ. */
  readonly mode: 'opa' | 'regorus';
  /**
   * Language of the policy. Version 0 also stands for the results of OPA 0.x where later releases changed them
   * (`io.jwt.encode_sign`, `graphql.*`). Default: v1.
   */
  readonly regoVersion?: 'v0' | 'v1';
  /** Result of `opa.runtime()`. */
  readonly runtime: Value;
  /** Receives one line per `print` call. */
  readonly prints?: ((line: string) => void) | undefined;
  /** Receives the notes of `trace`. */
  readonly note?: ((message: string) => void) | undefined;
  /** `rego.metadata.*` at the calling rule; absent where the engine has none. */
  readonly metadata?: { chain(): Value; rule(): Value };
  /** Waits, for the test runner's `test.sleep`; absent elsewhere. Nanoseconds. */
  readonly sleep?: ((ns: bigint) => void) | undefined;
}

/** How the caller will use a relation's solutions. */
export interface RelationHint {
  /** `walk`: the path is not looked at; solutions may carry an empty one. */
  readonly ignorePath?: boolean;
}

interface BuiltinBase {
  readonly name: string;
  readonly args: readonly TypeSpec[];
  readonly result: TypeSpec;
  /** One value per query for the same arguments; never evaluated at compile time. */
  readonly nondeterministic?: true;
  /** Known to v0 modules only. */
  readonly deprecated?: true;
  /** Any number of further arguments of this type (`print`). */
  readonly variadic?: TypeSpec;
}

/** A function: undefined means that the call has no value. */
export interface FunctionBuiltin extends BuiltinBase {
  readonly impl: (args: readonly Value[], ctx: BuiltinContext) => Value | undefined;
  readonly relation?: never;
}

/** A relation (`walk`): zero or more solutions, each of the result type. */
export interface RelationBuiltin extends BuiltinBase {
  readonly relation: true;
  readonly relationImpl: (args: readonly Value[], ctx: BuiltinContext, hint?: RelationHint) => Iterable<Value>;
  readonly impl?: never;
}

/** A built-in. Arguments are always defined and as many as `args` (or more, if `variadic`). */
export type Builtin = FunctionBuiltin | RelationBuiltin;

export type BuiltinErrorKind = 'eval_type_error' | 'eval_builtin_error';

/** What an operand check found, for engines that word it differently. */
export interface OperandMismatch {
  /** Counted from 1. */
  readonly pos: number;
  readonly want: readonly string[];
  readonly value: Value;
}

/**
 * A built-in refuses its arguments (`eval_type_error`) or fails (`eval_builtin_error`). The message lacks the leading
 * `<name>: `, which the engine adds. The call becomes undefined unless built-in errors are strict.
 */
export class BuiltinError extends Error {
  readonly kind: BuiltinErrorKind;
  readonly mismatch: OperandMismatch | undefined;

  constructor(kind: BuiltinErrorKind, message: string, mismatch?: OperandMismatch) {
    super(message);
    this.name = 'BuiltinError';
    this.kind = kind;
    this.mismatch = mismatch;
  }
}

/** A built-in failure, to be thrown. */
export function failure(message: string): BuiltinError {
  return new BuiltinError('eval_builtin_error', message);
}

/** A type failure with a text of its own, to be thrown. */
export function typeFailure(message: string): BuiltinError {
  return new BuiltinError('eval_type_error', message);
}

/**
 * "operand 1 must be string but got number", to be thrown. Several kinds print as "one of {a, b}" in the order given;
 * the value itself is for engines that print it.
 */
export function operandError(pos: number, want: string | readonly string[], got: string, value?: Value): BuiltinError {
  const list = typeof want === 'string' ? [want] : want;
  const text = list.length === 1 ? list[0] : `one of {${list.join(', ')}}`;
  const message = `operand ${pos} must be ${text} but got ${got}`;
  return new BuiltinError('eval_type_error', message, value === undefined ? undefined : { pos, want: list, value });
}

/** As {@link operandError} for a value of the wrong type. */
export function wrongType(pos: number, want: string | readonly string[], value: Value): BuiltinError {
  return operandError(pos, want, typeName(value), value);
}

export type { Value };
