/**
 * The syntax tree of Rego: what the parser returns, before any name is resolved.
 *
 * All nodes are plain immutable data, told apart by `kind`. Infix operators are calls of the built-in that implements them
 * (`1 + 2` is a call of `plus` with `infix: '+'`), except `:=` and `=`, which are statements. Nothing is desugared that the
 * formatter would have to guess back.
 */
import type { Location } from './location.js';

export type { Location } from './location.js';
export { formatLocation } from './location.js';

/** The dialect that a module was read in: `v0` with `import rego.v1` counts as `v1`. */
export type RegoVersion = 'v0' | 'v1';

interface Node {
  readonly loc: Location;
}

// ---------------------------------------------------------------------------------------------------------------------
// Terms

export interface NullTerm extends Node {
  readonly kind: 'null';
}

export interface BooleanTerm extends Node {
  readonly kind: 'boolean';
  readonly value: boolean;
}

/** `text` is the literal as written, a leading `-` included and white space after it dropped: `-1.50`, `1e3`, `.5`. */
export interface NumberTerm extends Node {
  readonly kind: 'number';
  readonly text: string;
}

/** `value` is the text with its escapes resolved; `raw` tells that it was written between backquotes. */
export interface StringTerm extends Node {
  readonly kind: 'string';
  readonly value: string;
  readonly raw: boolean;
}

/** A name. Each `_` is a variable of its own: `wildcard` is true then and `name` is `_`. */
export interface VarTerm extends Node {
  readonly kind: 'var';
  readonly name: string;
  readonly wildcard: boolean;
}

/** `head.path[0][path[1]]`: `path` is not empty, a dotted part is a string term. `head` is a var, or a call or collection. */
export interface RefTerm extends Node {
  readonly kind: 'ref';
  readonly head: Term;
  readonly path: readonly Term[];
}

export type InfixOperator = '+' | '-' | '*' | '/' | '%' | '&' | '|' | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in';

/**
 * A call. `callee` names the function (`count`, `data.lib.f`, `time.now_ns`); all parts of a `ref` callee are strings.
 *
 * With `infix`, it was written as an operator and `callee` is the built-in of `infixBuiltins` (`a in c` is
 * `internal.member_2(a, c)`, `k, v in c` is `internal.member_3(k, v, c)`): never a user's function of that name.
 */
export interface CallTerm extends Node {
  readonly kind: 'call';
  readonly callee: VarTerm | RefTerm;
  readonly args: readonly Term[];
  readonly infix?: InfixOperator;
  /** Written in parentheses; kept for the formatter, without meaning otherwise. */
  readonly parens?: true;
}

export interface ArrayTerm extends Node {
  readonly kind: 'array';
  readonly items: readonly Term[];
}

export interface ObjectEntry {
  readonly key: Term;
  readonly value: Term;
}

/** Entries in source order; the same key may occur twice. */
export interface ObjectTerm extends Node {
  readonly kind: 'object';
  readonly entries: readonly ObjectEntry[];
}

/** `{a, b}`, or `set()` where `items` is empty. */
export interface SetTerm extends Node {
  readonly kind: 'set';
  readonly items: readonly Term[];
}

export interface ArrayComprehension extends Node {
  readonly kind: 'array-comprehension';
  readonly term: Term;
  readonly body: Body;
}

export interface SetComprehension extends Node {
  readonly kind: 'set-comprehension';
  readonly term: Term;
  readonly body: Body;
}

export interface ObjectComprehension extends Node {
  readonly kind: 'object-comprehension';
  readonly key: Term;
  readonly value: Term;
  readonly body: Body;
}

/** `$"text {hole} text"`: literal text (escapes resolved) and holes, in order. */
export interface TemplateTerm extends Node {
  readonly kind: 'template';
  readonly parts: readonly (string | TemplateHole)[];
  readonly raw: boolean;
}

/** One `{…}`: a statement (`term`, never `some`, `every`, `not`, `:=`, `=`), which may carry `with`. */
export type TemplateHole = TermStatement;

export type Scalar = NullTerm | BooleanTerm | NumberTerm | StringTerm;
export type Comprehension = ArrayComprehension | SetComprehension | ObjectComprehension;
export type Term =
  | Scalar
  | VarTerm
  | RefTerm
  | CallTerm
  | ArrayTerm
  | ObjectTerm
  | SetTerm
  | Comprehension
  | TemplateTerm;

// ---------------------------------------------------------------------------------------------------------------------
// Statements

/** Statements in source order, never empty where the grammar asks for one. */
export type Body = readonly Statement[];

/** `target` is a var or ref term: `input…`, `data…` or the name of a function. */
export interface WithModifier extends Node {
  readonly target: VarTerm | RefTerm;
  readonly value: Term;
}

interface StatementNode extends Node {
  readonly with: readonly WithModifier[];
}

/** A term that must be defined and not false. */
export interface TermStatement extends StatementNode {
  readonly kind: 'term';
  readonly term: Term;
}

/** `left = right` */
export interface UnifyStatement extends StatementNode {
  readonly kind: 'unify';
  readonly left: Term;
  readonly right: Term;
}

/** `target := value` */
export interface AssignStatement extends StatementNode {
  readonly kind: 'assign';
  readonly target: Term;
  readonly value: Term;
}

/** `some x, y` */
export interface SomeStatement extends StatementNode {
  readonly kind: 'some';
  readonly vars: readonly VarTerm[];
}

/** `some value in domain`, `some key, value in domain`: key and value may be patterns. */
export interface SomeInStatement extends StatementNode {
  readonly kind: 'some-in';
  readonly key?: Term;
  readonly value: Term;
  readonly domain: Term;
}

/** `every value in domain { body }`, `every key, value in domain { body }` */
export interface EveryStatement extends StatementNode {
  readonly kind: 'every';
  readonly key?: VarTerm;
  readonly value: VarTerm;
  readonly domain: Term;
  readonly body: Body;
}

/** `not statement`; modifiers stand on the `not`, the inner statement has none. */
export interface NotStatement extends StatementNode {
  readonly kind: 'not';
  readonly statement: TermStatement | UnifyStatement | AssignStatement;
}

export type Statement =
  | TermStatement
  | UnifyStatement
  | AssignStatement
  | SomeStatement
  | SomeInStatement
  | EveryStatement
  | NotStatement;

// ---------------------------------------------------------------------------------------------------------------------
// Modules

/** Text after the `#`, up to the end of the line (a final CR dropped). */
export interface Comment extends Node {
  readonly kind: 'comment';
  readonly text: string;
}

/** `package a.b["c"]`: path `['a', 'b', 'c']`, `data` left out. */
export interface Package extends Node {
  readonly kind: 'package';
  readonly path: readonly string[];
}

/** `import data.a.b as c`: path `['data', 'a', 'b']`. `rego.v1` and `future.keywords` imports are kept in the list. */
export interface Import extends Node {
  readonly kind: 'import';
  readonly path: readonly string[];
  readonly alias?: string;
}

/**
 * The head of a rule.
 *
 * `ref` holds the name and, for reference heads, its further parts; it has at least one element, the first is a var.
 * - `value`: `p := v`, `p[k] := v`, `a.b[x].c := v`, and `p` or `p[x]` without a value (meaning `true`).
 * - `set`: `ref contains key` (v0 also `p[key] { … }`, whose `ref` is then `[p]`).
 * - `function`: `ref(args) := value`.
 */
export interface Head extends Node {
  readonly kind: 'value' | 'set' | 'function';
  readonly ref: readonly [VarTerm, ...Term[]];
  /** Only for functions; never empty. */
  readonly args?: readonly Term[];
  /** Only for sets. */
  readonly key?: Term;
  /** As written; absent means `true` (and never stands for a set). */
  readonly value?: Term;
  /** The sign before `value`. */
  readonly operator?: ':=' | '=';
  /** The `contains` keyword was written. */
  readonly contains: boolean;
}

/** One `else` branch. No value means `true`; an empty body always holds. */
export interface Else extends Node {
  readonly value?: Term;
  readonly operator?: ':=' | '=';
  readonly body: Body;
  /** The `if` keyword was written. */
  readonly ifKeyword: boolean;
}

/**
 * One definition of a rule. `p { a } { b }` becomes two rules with the same head object, the second marked `chained`.
 */
export interface Rule extends Node {
  readonly kind: 'rule';
  readonly default: boolean;
  readonly head: Head;
  /** Empty where no body was written: it always holds. */
  readonly body: Body;
  readonly ifKeyword: boolean;
  readonly else: readonly Else[];
  readonly chained: boolean;
}

export type AnnotationScope = 'rule' | 'document' | 'package' | 'subpackages';

/** One `# METADATA` block, its fields in OPA's JSON shape (`title`, `description`, `custom`, …; `scope` always set). */
export interface Annotation extends Node {
  readonly kind: 'annotation';
  readonly scope: AnnotationScope;
  readonly fields: { readonly [name: string]: JsonValue };
  /** What it belongs to; a rule is the first definition after the block. */
  readonly target: Package | Rule;
}

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export interface Module extends Node {
  readonly kind: 'module';
  readonly file: string;
  /** The source, where there is one. */
  readonly text?: string;
  readonly version: RegoVersion;
  readonly package: Package;
  readonly imports: readonly Import[];
  readonly rules: readonly Rule[];
  readonly comments: readonly Comment[];
  /** Read from the comments when first asked for; malformed METADATA blocks are left out. */
  readonly annotations: readonly Annotation[];
}

/** A query: one body, parsed on its own. */
export type Query = Body;
