/**
 * Settles every name of a body: locals, references to `input` and `data`, functions. Rules of scope are those of OPA's
 * resolver; the checks for `:=`, `some` and parameters report here, at stage `locals`.
 */
import type * as ast from '../ast/types.js';
import { dottedName, isGround } from '../ast/visit.js';
import { numberFromText } from '../value/index.js';
import type { Value } from '../value/value.js';
import { constantOf } from './constants.js';
import type { CompileContext } from './context.js';
import { arityOf, Functions, forbiddenTarget, isHost, outputArgument, wrongArity } from './functions.js';
import type { Body, Callee, Local, RefTerm, Statement, Term, With, WithTarget } from './ir.js';
import { formatPath } from './ir.js';
import { liftOperands } from './lift.js';
import { type Globals, isReserved, patternNames } from './names.js';
import type { NameScope } from './scopes.js';
import { staticPrefix } from './terms.js';

export interface ResolverOptions {
  readonly globals: Globals;
  readonly version: ast.RegoVersion;
}

export class Resolver {
  readonly #context: CompileContext;
  readonly functions: Functions;
  readonly #version: ast.RegoVersion;

  constructor(context: CompileContext, options: ResolverOptions) {
    this.#context = context;
    this.functions = new Functions(context, options.globals);
    this.#version = options.version;
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Bodies and statements

  body(body: ast.Body, heads: readonly ast.Term[], scope: NameScope): Statement[] {
    scope.prepare(body, heads);
    const statements = body.flatMap((statement) => this.#statement(statement, scope));
    return statements;
  }

  /** To be called when the head terms of a scope are resolved too. */
  finish(scope: NameScope): void {
    if (this.#context.diagnostics.has('locals')) return;
    for (const local of scope.unused('declared')) {
      this.#context.diagnostics.add('locals', 'rego_compile_error', `declared var ${local.name} unused`, local.loc);
    }
    if (!this.#context.strict) return;
    for (const local of scope.unused('assigned')) {
      this.#context.diagnostics.add('locals', 'rego_compile_error', `assigned var ${local.name} unused`, local.loc);
    }
    for (const local of scope.unused('arg')) {
      const message = `unused argument ${local.name}. (hint: use _ (wildcard variable) instead)`;
      this.#context.diagnostics.add('locals', 'rego_compile_error', message, local.loc);
    }
  }

  #statement(statement: ast.Statement, scope: NameScope): Statement[] {
    switch (statement.kind) {
      case 'some':
        for (const v of statement.vars) this.#declareVar(v, 'declared', scope);
        return [];
      case 'some-in': {
        const domain = this.term(statement.domain, scope);
        const modifiers = this.#modifiers(statement.with, scope);
        const key = statement.key && this.#declaringPattern(statement.key, scope);
        const value = this.#declaringPattern(statement.value, scope);
        return [{ kind: 'some-in', key, value, domain, with: modifiers, loc: statement.loc }];
      }
      case 'every':
        return [this.#every(statement, scope)];
      case 'not':
        return this.#not(statement, scope);
      default:
        return [this.#plain(statement, scope)];
    }
  }

  #plain(
    statement: ast.TermStatement | ast.UnifyStatement | ast.AssignStatement,
    scope: NameScope,
  ): Statement & { kind: 'term' | 'unify' } {
    const { loc } = statement;
    if (statement.kind === 'term') {
      const term = this.term(statement.term, scope, true);
      const modifiers = this.#modifiers(statement.with, scope);
      const output = term.kind === 'call' ? outputArgument(term) : undefined;
      if (output === undefined) return { kind: 'term', term, with: modifiers, loc };
      return { kind: 'unify', left: output.out, right: output.call, assign: false, with: modifiers, loc };
    }
    if (statement.kind === 'unify') {
      const left = this.term(statement.left, scope);
      const right = this.term(statement.right, scope);
      return { kind: 'unify', left, right, assign: false, with: this.#modifiers(statement.with, scope), loc };
    }
    const right = this.term(statement.value, scope);
    const modifiers = this.#modifiers(statement.with, scope);
    const left = this.#assignTarget(statement.target, scope);
    return { kind: 'unify', left, right, assign: true, with: modifiers, loc };
  }

  #every(statement: ast.EveryStatement, scope: NameScope): Statement {
    const domain = this.term(statement.domain, scope);
    const inner = scope.child();
    const modifiers = this.#modifiers(statement.with, scope);
    const key = statement.key && this.#everyVar(statement.key, inner);
    const value = this.#everyVar(statement.value, inner);
    const body = this.body(statement.body, [], inner);
    this.finish(inner);
    return { kind: 'every', scope: inner, key, value, domain, body, with: modifiers, loc: statement.loc };
  }

  /** Not reported when unused: `every x in xs { … }` may count only. */
  #everyVar(v: ast.VarTerm, scope: NameScope): Local {
    if (v.wildcard) return scope.fresh('_', v.loc, false);
    const local = scope.declare(v.name, 'declared', v.loc, this.#context.diagnostics);
    scope.find(v.name);
    return local;
  }

  /** In the lifted reading, references and calls among the arguments of a negated call are evaluated before the negation. */
  #not(statement: ast.NotStatement, scope: NameScope): Statement[] {
    const inner = statement.statement;
    if (inner.kind === 'assign') {
      const names = new Set<string>();
      patternNames(inner.target, names);
      const message = 'cannot assign vars inside negated expression';
      this.#context.diagnostics.add('locals', 'rego_compile_error', message, inner.loc);
    }
    const modifiers = this.#modifiers(statement.with, scope);
    const resolved = this.#plain(
      inner.kind === 'assign' ? { ...inner, kind: 'unify', left: inner.target, right: inner.value } : inner,
      scope,
    );
    if (this.#context.negation === 'whole')
      return [{ kind: 'not', statement: resolved, with: modifiers, loc: statement.loc }];
    const before: Statement[] = [];
    const lifted = liftOperands(resolved, scope, modifiers, before);
    return [...before, { kind: 'not', statement: lifted, with: modifiers, loc: statement.loc }];
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Declarations

  #declareVar(v: ast.VarTerm, kind: 'declared' | 'assigned' | 'arg', scope: NameScope): Local {
    if (v.wildcard) return scope.fresh('_', v.loc, false);
    if (isReserved(v.name) && (this.#version === 'v1' || this.#context.strict)) {
      const message = `variables must not shadow ${v.name} (use a different variable name)`;
      this.#context.diagnostics.add('imports', 'rego_compile_error', message, v.loc);
    }
    return scope.declare(v.name, kind, v.loc, this.#context.diagnostics);
  }

  /** The left side of `:=`: variables, and arrays and objects of them. */
  #assignTarget(target: ast.Term, scope: NameScope): Term {
    const { loc } = target;
    switch (target.kind) {
      case 'var':
        return { kind: 'local', local: this.#declareVar(target, 'assigned', scope), loc };
      case 'array':
        return { kind: 'array', items: target.items.map((item) => this.#assignTarget(item, scope)), loc };
      case 'object': {
        const entries = target.entries.map(
          (e) => [this.term(e.key, scope), this.#assignTarget(e.value, scope)] as const,
        );
        return { kind: 'object', entries, loc };
      }
      default:
        this.#context.diagnostics.add('locals', 'rego_compile_error', `cannot assign to ${kindName(target)}`, loc);
        return { kind: 'const', value: null, loc };
    }
  }

  /** A pattern of `some … in`, whose variables are declared by it. */
  #declaringPattern(pattern: ast.Term, scope: NameScope): Term {
    const names = new Set<string>();
    patternNames(pattern, names);
    const declare = (term: ast.Term): void => {
      if (term.kind === 'var' && names.delete(term.name)) this.#declareVar(term, 'declared', scope);
      else if (term.kind === 'array') term.items.forEach(declare);
      else if (term.kind === 'object') for (const entry of term.entries) declare(entry.value);
    };
    declare(pattern);
    const resolved = this.term(pattern, scope);
    return resolved;
  }

  /** Parameters of a function: each becomes a local; patterns become statements that come first. */
  parameters(
    args: readonly ast.Term[],
    scope: NameScope,
  ): { readonly params: Local[]; readonly statements: Statement[] } {
    const statements: Statement[] = [];
    const names = new Set<string>();
    for (const arg of args) patternNames(arg, names);
    const params = args.map((arg): Local => {
      if (arg.kind === 'var') {
        if (arg.wildcard) return scope.fresh('_', arg.loc, true);
        if (scope.own(arg.name) === undefined) return this.#declareVar(arg, 'arg', scope);
      }
      return scope.fresh('', arg.loc, true);
    });
    const declare = (term: ast.Term): void => {
      if (term.kind === 'var') {
        if (!term.wildcard && scope.own(term.name) === undefined) this.#declareVar(term, 'arg', scope);
      } else if (term.kind === 'array') term.items.forEach(declare);
      else if (term.kind === 'object') for (const entry of term.entries) declare(entry.value);
    };
    for (const arg of args) declare(arg);
    args.forEach((arg, i) => {
      const local = params[i];
      if (local === undefined || (arg.kind === 'var' && !local.generated)) return;
      if (arg.kind === 'var' && arg.wildcard) return;
      const left: Term = { kind: 'local', local, loc: arg.loc };
      statements.push({ kind: 'unify', left, right: this.term(arg, scope), assign: false, with: [], loc: arg.loc });
    });
    return { params, statements };
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Terms

  /** `statement`: the term stands as a statement, where a call may carry an extra output argument. */
  term(term: ast.Term, scope: NameScope, statement = false): Term {
    const { loc } = term;
    if (term.kind !== 'var' && isGround(term)) return { kind: 'const', value: constantOf(term), loc };
    switch (term.kind) {
      case 'null':
        return { kind: 'const', value: null, loc };
      case 'boolean':
      case 'string':
        return { kind: 'const', value: term.value, loc };
      case 'number':
        return { kind: 'const', value: numberFromText(term.text) ?? 0, loc };
      case 'var':
        return this.#variable(term, scope);
      case 'ref':
        return this.#reference(term, scope);
      case 'call':
        return this.#call(term, scope, statement);
      case 'array':
        return { kind: 'array', items: term.items.map((item) => this.term(item, scope)), loc };
      case 'set':
        return { kind: 'set', items: term.items.map((item) => this.term(item, scope)), loc };
      case 'object':
        return {
          kind: 'object',
          entries: term.entries.map((e) => [this.term(e.key, scope), this.term(e.value, scope)] as const),
          loc,
        };
      case 'template':
        return this.#template(term, scope);
      default:
        return this.#comprehension(term, scope);
    }
  }

  #variable(v: ast.VarTerm, scope: NameScope): Term {
    const { loc } = v;
    if (v.wildcard) return { kind: 'local', local: scope.fresh('_', loc, false), loc };
    const declared = scope.find(v.name);
    if (declared !== undefined) return { kind: 'local', local: declared, loc };
    if (!scope.isUpcoming(v.name)) {
      if (isReserved(v.name)) return { kind: 'ref', root: v.name === 'input' ? 'input' : 'data', path: [], loc };
      const global = this.functions.global(v.name);
      if (global !== undefined) return this.#checked(globalRef(global, [], loc));
    }
    return { kind: 'local', local: scope.undeclared(v.name, loc), loc };
  }

  #reference(ref: ast.RefTerm, scope: NameScope): Term {
    const { loc } = ref;
    const path = ref.path.map((part) => this.term(part, scope));
    const head = this.term(ref.head, scope);
    if (head.kind === 'ref') return this.#checked({ kind: 'ref', root: head.root, path: [...head.path, ...path], loc });
    return { kind: 'ref', root: head, path, loc };
  }

  /** A function cannot be read as a document. */
  #checked(ref: RefTerm): RefTerm {
    if (ref.root !== 'data') return ref;
    let node = this.#context.tree.root;
    for (const part of staticPrefix(ref.path)) {
      const next = node.children.get(part);
      if (next === undefined) return ref;
      node = next;
      if (node.kind === 'function') {
        const message = `function ${formatPath(node.path)} used as reference, not called`;
        this.#context.diagnostics.add('functions', 'rego_type_error', message, ref.loc);
        return ref;
      }
    }
    return ref;
  }

  #comprehension(term: ast.Comprehension, scope: NameScope): Term {
    const inner = scope.child();
    const heads = term.kind === 'object-comprehension' ? [term.key, term.value] : [term.term];
    const body = this.body(term.body, heads, inner);
    const resolved = heads.map((head) => this.#headLocal(head, inner, body));
    this.finish(inner);
    const value = resolved.at(-1) ?? { kind: 'const', value: null, loc: term.loc };
    const key = term.kind === 'object-comprehension' ? resolved[0] : undefined;
    const collection =
      term.kind === 'array-comprehension' ? 'array' : term.kind === 'set-comprehension' ? 'set' : 'object';
    return { kind: 'comprehension', collection, scope: inner, key, value, body, loc: term.loc };
  }

  /**
   * A term of a head: constants and variables stay, anything else becomes the last statement of the body, so that it is
   * ordered, iterated and found undefined like the rest.
   */
  #headLocal(term: ast.Term, scope: NameScope, body: Statement[]): Term {
    return this.settle(this.term(term, scope), scope, body);
  }

  settle(term: Term, scope: NameScope, body: Statement[]): Term {
    if (term.kind === 'const' || term.kind === 'local') return term;
    const left: Term = { kind: 'local', local: scope.fresh('', term.loc, true), loc: term.loc };
    body.push({ kind: 'unify', left, right: term, assign: true, with: [], loc: term.loc });
    return left;
  }

  #template(term: ast.TemplateTerm, scope: NameScope): Term {
    const parts = term.parts.map((part) => {
      if (typeof part === 'string') return part;
      const inner = scope.child();
      inner.prepare([part], []);
      const right = this.term(part.term, inner);
      const result = inner.fresh('', part.loc, true);
      const left: Term = { kind: 'local', local: result, loc: part.loc };
      const modifiers = this.#modifiers(part.with, inner);
      const body: Body = [{ kind: 'unify', left, right, assign: true, with: modifiers, loc: part.loc }];
      return { scope: inner, result, body };
    });
    return { kind: 'template', parts, loc: term.loc };
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Calls

  #call(term: ast.CallTerm, scope: NameScope, statement: boolean): Term {
    const { loc } = term;
    const args = term.args.map((arg) => this.term(arg, scope));
    const name = dottedName(term.callee) ?? '';
    const callee = term.infix === undefined ? this.functions.callee(term.callee) : this.functions.builtin(name);
    if (callee === undefined) {
      this.#context.diagnostics.add(
        'functions',
        'rego_type_error',
        `undefined function ${this.functions.fullName(term.callee)}`,
        loc,
      );
      return { kind: 'const', value: null, loc };
    }
    const arity = arityOf(callee);
    const variadic = callee.kind === 'builtin' && callee.builtin.variadic !== undefined;
    const accepted =
      args.length === arity ||
      (statement && args.length === arity + 1 && !isHost(callee)) ||
      (variadic && args.length >= arity);
    if (!accepted) {
      const message =
        callee.kind === 'user'
          ? `function ${callee.name} has arity ${arity}, got ${args.length} ${args.length === 1 ? 'argument' : 'arguments'}`
          : `${callee.name}: arity mismatch\n\thave: ${args.length}\n\twant: ${arity}`;
      if (callee.kind === 'builtin' && isHost(callee)) return this.#hostArity(callee, args.length, loc);
      this.#context.diagnostics.add('functions', 'rego_type_error', message, loc);
    }
    if (callee.kind === 'builtin' && callee.builtin.deprecated && (this.#version === 'v1' || this.#context.strict)) {
      const message = `deprecated built-in function calls in expression: ${callee.name}`;
      this.#context.diagnostics.add('deprecated', 'rego_type_error', message, loc);
    }
    return { kind: 'call', callee, args, infix: term.infix !== undefined, loc };
  }

  /** The host is promised that a call with the wrong number of arguments fails the evaluation, not the compilation. */
  #hostArity(callee: Callee & { kind: 'builtin' }, given: number, loc: ast.Location): Term {
    const builtin = wrongArity(callee.name, arityOf(callee), given);
    return {
      kind: 'call',
      callee: { kind: 'builtin', name: callee.name, builtin, host: true },
      args: [],
      infix: false,
      loc,
    };
  }

  // -------------------------------------------------------------------------------------------------------------------
  // with

  #modifiers(modifiers: readonly ast.WithModifier[], scope: NameScope): With[] {
    return modifiers.flatMap((modifier) => {
      const target = this.#target(modifier.target, scope);
      if (target === undefined) return [];
      const value = this.#replacement(modifier.value, target, scope);
      return [{ target, value, loc: modifier.loc }];
    });
  }

  #target(target: ast.VarTerm | ast.RefTerm, scope: NameScope): WithTarget | undefined {
    const { diagnostics } = this.#context;
    const { loc } = target;
    if (target.kind === 'var' && target.name === 'eq') {
      const message = 'with keyword replacing built-in function: replacement of "eq" invalid';
      diagnostics.add('with', 'rego_compile_error', message, loc);
      return undefined;
    }
    const callee = this.functions.callee(target);
    if (callee !== undefined) {
      const message = forbiddenTarget(callee);
      if (message !== undefined) diagnostics.add('with', 'rego_compile_error', message, loc);
      return { kind: 'function', callee };
    }
    const head = target.kind === 'var' ? target : target.head;
    const term =
      head.kind === 'var' && (isReserved(head.name) || this.functions.isGlobal(head.name))
        ? this.term(target, scope)
        : undefined;
    if (term?.kind !== 'ref' || typeof term.root !== 'string') {
      const message = 'with keyword target must reference existing input, data, or a function';
      diagnostics.add('with', 'rego_type_error', message, loc);
      return undefined;
    }
    const path: Value[] = [];
    for (const part of term.path) {
      if (part.kind !== 'const') {
        diagnostics.add('with', 'rego_type_error', 'with keyword target must be ground', loc);
        return undefined;
      }
      path.push(part.value);
    }
    if (term.root === 'data') this.#checkPartialReplacement(staticPrefix(term.path), loc);
    return { kind: term.root, path };
  }

  #checkPartialReplacement(path: readonly string[], loc: ast.Location): void {
    let node = this.#context.tree.root;
    for (const part of path) {
      if (node.kind !== undefined) {
        const message = 'with keyword cannot partially replace virtual document(s)';
        this.#context.diagnostics.add('with', 'rego_compile_error', message, loc);
        return;
      }
      const next = node.children.get(part);
      if (next === undefined) return;
      node = next;
    }
  }

  #replacement(value: ast.Term, target: WithTarget, scope: NameScope): Term | Callee {
    if (target.kind === 'function' && (value.kind === 'var' || value.kind === 'ref') && !this.#isLocal(value, scope)) {
      const callee = this.functions.callee(value);
      if (callee !== undefined) {
        const want = arityOf(target.callee);
        const have = arityOf(callee);
        if (have !== want) {
          const message = `${target.callee.name}: arity mismatch\n\thave: ${have}\n\twant: ${want}`;
          this.#context.diagnostics.add('with', 'rego_type_error', message, value.loc);
        }
        return callee;
      }
    }
    return this.term(value, scope);
  }

  #isLocal(value: ast.VarTerm | ast.RefTerm, scope: NameScope): boolean {
    const head = value.kind === 'var' ? value : value.head;
    return head.kind !== 'var' || scope.isDeclared(head.name);
  }
}

function globalRef(path: readonly string[], rest: readonly Term[], loc: ast.Location): RefTerm {
  const [root, ...parts] = path;
  const constants = parts.map((value): Term => ({ kind: 'const', value, loc }));
  return { kind: 'ref', root: root === 'input' ? 'input' : 'data', path: [...constants, ...rest], loc };
}

function kindName(term: ast.Term): string {
  return term.kind.replaceAll('-', '');
}
