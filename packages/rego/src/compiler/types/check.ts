/**
 * Static type checks, for programs that could never succeed: arguments of built-ins, unification and `==` statements of types
 * that have no value in common, keys that a known document lacks. `input` and base data have any type.
 */
import type { Location } from '../../ast/types.js';
import { T, type TypeSpec } from '../../builtins/types.js';
import type { Value } from '../../value/index.js';
import type { Diagnostics } from '../diagnostics.js';
import type { Body, Branch, CallTerm, Local, RefTerm, RuleNode, Statement, Term } from '../ir.js';
import { formatPath } from '../ir.js';
import type { RuleTree } from '../tree.js';
import { formatType, iteration, overlap, select, typeOfValue, union } from './algebra.js';

/** Types of rules' documents and of functions' results. */
export type RuleTypes = Map<RuleNode, TypeSpec>;

/**
 * Checks all rules. `order` has each rule behind the ones it depends on, so that types are known when they are asked for and
 * long chains of rules need no deep recursion.
 */
export function checkRuleTypes(tree: RuleTree, order: readonly RuleNode[], diagnostics: Diagnostics): RuleTypes {
  const types: RuleTypes = new Map();
  const checker = new TypeChecker(tree, types, diagnostics);
  for (const node of order) checker.typeOfRule(node);
  return types;
}

/** Checks a query against rules whose types are known. */
export function checkQueryTypes(tree: RuleTree, types: RuleTypes, query: Body, diagnostics: Diagnostics): void {
  new TypeChecker(tree, types, diagnostics).body(query, new Map(), false);
}

type Environment = Map<Local, TypeSpec>;

class TypeChecker {
  readonly #tree: RuleTree;
  readonly #diagnostics: Diagnostics;
  readonly #rules: RuleTypes;
  /** Inside a statement whose `with` may replace documents: what rules are is not known then. */
  #replaced = 0;

  constructor(tree: RuleTree, types: RuleTypes, diagnostics: Diagnostics) {
    this.#tree = tree;
    this.#rules = types;
    this.#diagnostics = diagnostics;
  }

  /** The type of a rule's document, or of a function's result. Rules are not recursive, so this ends. */
  typeOfRule(node: RuleNode): TypeSpec {
    const known = this.#rules.get(node);
    if (known !== undefined) return known;
    this.#rules.set(node, T.any);
    const replaced = this.#replaced;
    this.#replaced = 0;
    const type = this.#ruleType(node);
    this.#replaced = replaced;
    this.#rules.set(node, type);
    return type;
  }

  #ruleType(node: RuleNode): TypeSpec {
    const definitions = node.defaultDefinition ? [...node.definitions, node.defaultDefinition] : node.definitions;
    const values = definitions.flatMap((d) => d.branches.map((branch) => this.#branch(branch)));
    if (node.kind === 'set') return T.set(union(values));
    return node.kind === 'partial' ? T.object() : union(values);
  }

  #branch(branch: Branch): TypeSpec {
    const types: Environment = new Map();
    this.body(branch.body, types, true);
    return this.#term(branch.value, types);
  }

  /** `rule`: in rule bodies `==` statements are unifications; in queries they are comparisons. */
  body(body: Body, types: Environment, rule: boolean): void {
    for (const statement of body) this.#statement(statement, types, rule);
  }

  #statement(statement: Statement, types: Environment, rule: boolean): void {
    for (const { value } of statement.with)
      if (value.kind !== 'user' && value.kind !== 'builtin') this.#term(value, types);
    if (statement.with.length > 0) this.#replaced++;
    this.#bare(statement, types, rule);
    if (statement.with.length > 0) this.#replaced--;
  }

  #bare(statement: Statement, types: Environment, rule: boolean): void {
    switch (statement.kind) {
      case 'term': {
        const { term } = statement;
        if (rule && term.kind === 'call' && term.infix && term.callee.name === 'equal') {
          const [left, right] = term.args;
          if (left && right) this.#unify(left, right, types, statement.loc);
          return;
        }
        this.#term(term, types);
        return;
      }
      case 'unify':
        this.#unify(statement.left, statement.right, types, statement.loc);
        return;
      case 'not':
        this.#bare(statement.statement, types, rule);
        return;
      case 'some-in': {
        const domain = iteration(this.#term(statement.domain, types));
        if (statement.key) this.#bind(statement.key, domain.key, types);
        this.#bind(statement.value, domain.value, types);
        return;
      }
      case 'every': {
        const domain = iteration(this.#term(statement.domain, types));
        if (statement.key) types.set(statement.key, domain.key);
        types.set(statement.value, domain.value);
        this.body(statement.body, types, rule);
        return;
      }
    }
  }

  #unify(left: Term, right: Term, types: Environment, loc: Location): void {
    const b = this.#term(right, types);
    this.#bind(left, b, types);
    const a = this.#term(left, types);
    this.#bind(right, a, types);
    if (overlap(a, b)) return;
    this.#error(`match error\n\tleft  : ${formatType(a)}\n\tright : ${formatType(b)}`, loc);
  }

  /** Gives the variables of a pattern that have no type yet what the other side tells. */
  #bind(pattern: Term, type: TypeSpec, types: Environment): void {
    if (pattern.kind === 'local') {
      if (!types.has(pattern.local)) types.set(pattern.local, type);
    } else if (pattern.kind === 'array') {
      pattern.items.forEach((item, i) => {
        this.#bind(item, (type.kind === 'array' ? select(type, i, T.number) : undefined) ?? T.any, types);
      });
    } else if (pattern.kind === 'object') {
      for (const [key, value] of pattern.entries) {
        const known = key.kind === 'const' ? key.value : undefined;
        const inner =
          type.kind === 'object' ? select(type, known, known === undefined ? T.any : typeOfValue(known)) : T.any;
        this.#bind(value, inner ?? T.any, types);
      }
    }
  }

  #term(term: Term, types: Environment): TypeSpec {
    switch (term.kind) {
      case 'const':
        return typeOfValue(term.value);
      case 'local':
        return types.get(term.local) ?? T.any;
      case 'ref':
        return this.#reference(term, types);
      case 'call':
        return this.#call(term, types);
      case 'array':
        return T.tuple(...term.items.map((item) => this.#term(item, types)));
      case 'set':
        return T.set(union(term.items.map((item) => this.#term(item, types))));
      case 'object':
        return this.#object(term, types);
      case 'comprehension': {
        this.body(term.body, types, true);
        const value = this.#term(term.value, types);
        if (term.collection === 'array') return T.array(value);
        if (term.collection === 'set') return T.set(value);
        return T.object(term.key ? this.#term(term.key, types) : T.any, value);
      }
      case 'template':
        for (const part of term.parts) if (typeof part !== 'string') this.body(part.body, types, true);
        return T.string;
    }
  }

  #object(term: Term & { kind: 'object' }, types: Environment): TypeSpec {
    const props: { key: Value; value: TypeSpec }[] = [];
    const keys: TypeSpec[] = [];
    const values: TypeSpec[] = [];
    for (const [key, value] of term.entries) {
      const type = this.#term(value, types);
      if (key.kind === 'const') props.push({ key: key.value, value: type });
      else {
        keys.push(this.#term(key, types));
        values.push(type);
      }
    }
    if (keys.length === 0) return { kind: 'object', props };
    return { kind: 'object', props, key: union(keys), value: union(values) };
  }

  #reference(ref: RefTerm, types: Environment): TypeSpec {
    const keys = ref.path.map((part) => this.#term(part, types));
    const start = this.#start(ref, types);
    if (start === undefined) return T.any;
    let type = start.type;
    for (let i = start.used; i < ref.path.length; i++) {
      const part = ref.path[i] as Term;
      const known = part.kind === 'const' ? part.value : undefined;
      const next = select(type, known, keys[i] ?? T.any);
      if (next === undefined) {
        this.#error(`undefined ref: ${describe(ref, i + 1)}`, ref.loc);
        return T.any;
      }
      // A key that is still open gets the type of the keys it ranges over.
      if (part.kind === 'local' && !types.has(part.local)) types.set(part.local, iteration(type).key);
      type = next;
    }
    return type;
  }

  #start(ref: RefTerm, types: Environment): { readonly type: TypeSpec; readonly used: number } | undefined {
    if (ref.root === 'input') return undefined;
    if (ref.root !== 'data') return { type: this.#term(ref.root, types), used: 0 };
    if (this.#replaced > 0) return undefined;
    let node = this.#tree.root;
    for (const [i, part] of ref.path.entries()) {
      if (part.kind !== 'const' || typeof part.value !== 'string') return undefined;
      const next = node.children.get(part.value);
      if (next === undefined) return undefined;
      node = next;
      if (node.kind === 'function') return undefined;
      if (node.kind !== undefined) return { type: this.typeOfRule(node), used: i + 1 };
    }
    return undefined;
  }

  #call(term: CallTerm, types: Environment): TypeSpec {
    const args = term.args.map((arg) => this.#term(arg, types));
    const { callee } = term;
    if (callee.kind === 'user') return this.#replaced > 0 ? T.any : this.typeOfRule(callee.node);
    // What a mocked built-in takes and gives is not known.
    if (this.#replaced > 0) return T.any;
    const wrong = callee.builtin.args.findIndex((want, i) => !overlap(args[i] ?? T.any, want));
    if (wrong >= 0) {
      const have = args.map(formatType).join(', ');
      const want = callee.builtin.args.map(formatType).join(', ');
      this.#error(`${callee.name}: invalid argument(s)\n\thave: (${have})\n\twant: (${want})`, term.loc);
    }
    return callee.builtin.result;
  }

  #error(message: string, loc: Location): void {
    this.#diagnostics.add('types', 'rego_type_error', message, loc);
  }
}

function describe(ref: RefTerm, length: number): string {
  const names: string[] = [];
  for (const part of ref.path.slice(0, length)) names.push(part.kind === 'const' ? String(part.value) : '_');
  return ref.root === 'data' ? formatPath(names) : names.join('.');
}
