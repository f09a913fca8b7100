/**
 * The resolved form of a program, between the syntax tree and the closures.
 *
 * Every name is settled here: a variable is a `Local` (one object per declaration), a reference starts at `input`, at `data` or
 * at a term, and a call knows its function. Nothing is reordered yet; `safety.ts` orders bodies, `codegen` reads them.
 */
import type { Location, Module, Rule } from '../ast/types.js';
import type { Builtin } from '../builtins/types.js';
import type { Value } from '../value/value.js';

/** The slots that one activation of a body needs; `size` grows while its code is generated. */
export interface Activation {
  size: number;
}

/** A body with names of its own: a rule, a comprehension, an `every` body, a template hole, a query. */
export interface Scope {
  readonly parent: Scope | undefined;
  readonly activation: Activation;
}

/** One variable. Two declarations of the same name are two locals. */
export interface Local {
  readonly name: string;
  readonly owner: Scope;
  readonly slot: number;
  readonly wildcard: boolean;
  /** Made by the compiler, never shown. */
  readonly generated: boolean;
  readonly loc: Location;
}

interface Node {
  readonly loc: Location;
}

export interface ConstTerm extends Node {
  readonly kind: 'const';
  readonly value: Value;
}
export interface LocalTerm extends Node {
  readonly kind: 'local';
  readonly local: Local;
}
/** `root` applied to `path`; a bare `input` or `data` has an empty path, a term root never has. */
export interface RefTerm extends Node {
  readonly kind: 'ref';
  readonly root: 'input' | 'data' | Term;
  readonly path: readonly Term[];
}
export interface CallTerm extends Node {
  readonly kind: 'call';
  readonly callee: Callee;
  readonly args: readonly Term[];
  readonly infix: boolean;
}
export interface ArrayTerm extends Node {
  readonly kind: 'array';
  readonly items: readonly Term[];
}
export interface SetTerm extends Node {
  readonly kind: 'set';
  readonly items: readonly Term[];
}
export interface ObjectTerm extends Node {
  readonly kind: 'object';
  readonly entries: readonly (readonly [Term, Term])[];
}
export interface ComprehensionTerm extends Node {
  readonly kind: 'comprehension';
  readonly collection: 'array' | 'set' | 'object';
  readonly scope: Scope;
  readonly key: Term | undefined;
  readonly value: Term;
  /** Ordered by `safety.ts`, in place. */
  body: Body;
}
export interface TemplateTerm extends Node {
  readonly kind: 'template';
  readonly parts: readonly (string | TemplateHole)[];
}
export interface TemplateHole {
  readonly scope: Scope;
  /** The value that the hole prints. */
  readonly result: Local;
  body: Body;
}

export type Term =
  | ConstTerm
  | LocalTerm
  | RefTerm
  | CallTerm
  | ArrayTerm
  | SetTerm
  | ObjectTerm
  | ComprehensionTerm
  | TemplateTerm;

/** A function: a rule (`node`), a built-in, or one that the host supplies (also a `Builtin`). */
export type Callee =
  | { readonly kind: 'user'; readonly name: string; readonly node: RuleNode; readonly arity: number }
  | { readonly kind: 'builtin'; readonly name: string; readonly builtin: Builtin; readonly host: boolean };

/** `with` replaces a document at a path, or a function by a function or by a value. */
export type WithTarget =
  | { readonly kind: 'input' | 'data'; readonly path: readonly Value[] }
  | { readonly kind: 'function'; readonly callee: Callee };
export interface With extends Node {
  readonly target: WithTarget;
  readonly value: Term | Callee;
}

interface StatementNode extends Node {
  readonly with: readonly With[];
}
export interface TermStatement extends StatementNode {
  readonly kind: 'term';
  readonly term: Term;
}
/** `assign` marks `:=`, whose left side is a pattern of fresh variables. */
export interface UnifyStatement extends StatementNode {
  readonly kind: 'unify';
  readonly left: Term;
  readonly right: Term;
  readonly assign: boolean;
}
export interface NotStatement extends StatementNode {
  readonly kind: 'not';
  readonly statement: TermStatement | UnifyStatement;
}
export interface SomeInStatement extends StatementNode {
  readonly kind: 'some-in';
  readonly key: Term | undefined;
  readonly value: Term;
  readonly domain: Term;
}
export interface EveryStatement extends StatementNode {
  readonly kind: 'every';
  readonly scope: Scope;
  readonly key: Local | undefined;
  readonly value: Local;
  readonly domain: Term;
  body: Body;
}
export type Statement = TermStatement | UnifyStatement | NotStatement | SomeInStatement | EveryStatement;
export type Body = readonly Statement[];

/** One branch of a definition: the main body or an `else`. */
export interface Branch {
  readonly scope: Scope;
  /** Parameters as slots, then the patterns that they must match as leading statements of `body`. */
  readonly params: readonly Local[];
  body: Body;
  /** The value (`true` where none is written); for sets the element. */
  readonly value: Term;
  /** Terms of the head reference after its string prefix. */
  readonly suffix: readonly Term[];
  readonly loc: Location;
}

/** One definition of a rule with its else chain. */
export interface Definition {
  readonly rule: Rule;
  readonly module: Module;
  readonly kind: 'value' | 'set' | 'function';
  readonly node: RuleNode;
  branches: readonly Branch[];
}

/**
 * What a rule path holds: `complete` (one value), `set`, `function`, or `partial`: heads with variable parts, which merge with
 * every rule below.
 */
export type RuleKind = 'complete' | 'set' | 'function' | 'partial';

/** A node of the tree of rules, keyed by the string parts of rule paths below `data`. */
export interface RuleNode {
  readonly path: readonly string[];
  readonly children: Map<string, RuleNode>;
  readonly definitions: Definition[];
  defaultDefinition: Definition | undefined;
  kind: RuleKind | undefined;
  arity: number;
  /** Position in the per-query cache. */
  readonly index: number;
  /** A module of this package exists. */
  package: boolean;
}

/** `data.a.b["c-d"]` */
export function formatPath(path: readonly string[]): string {
  return path.reduce(
    (text, part) => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(part) ? `${text}.${part}` : `${text}[${JSON.stringify(part)}]`),
    'data',
  );
}
