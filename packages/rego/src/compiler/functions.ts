/** Functions by name: rules of the program, functions of the host, built-ins. */
import type * as ast from '../ast/types.js';
import { dottedName } from '../ast/visit.js';
import type { Builtin } from '../builtins/types.js';
import type { CompileContext } from './context.js';
import { type Callee, formatPath, type Term } from './ir.js';
import { type Globals, isReserved } from './names.js';
import { findNode } from './tree.js';

/** The global names of one module, and the functions they lead to. */
export class Functions {
  readonly #context: CompileContext;
  readonly #globals: Globals;
  readonly #used = new Set<string>();

  constructor(context: CompileContext, globals: Globals) {
    this.#context = context;
    this.#globals = globals;
  }

  /** The function that a name stands for: a rule, a host function, a built-in. */
  callee(name: ast.VarTerm | ast.RefTerm): Callee | undefined {
    const path = this.globalPath(name);
    if (path !== undefined && path[0] === 'data') {
      const node = findNode(this.#context.tree.root, path.slice(1));
      if (node?.kind === 'function') return { kind: 'user', name: formatPath(node.path), node, arity: node.arity };
    }
    return this.builtin(dottedName(name) ?? '');
  }

  /** By its own name: a host function, or a built-in. */
  builtin(name: string): Callee | undefined {
    const host = this.#context.hostFunctions.get(name);
    if (host !== undefined) return { kind: 'builtin', name, builtin: host, host: true };
    const builtin = this.#context.builtins.get(name);
    return builtin && { kind: 'builtin', name, builtin, host: false };
  }

  /** Path of a dotted name that begins with a global; undefined for other names. */
  globalPath(name: ast.VarTerm | ast.RefTerm): readonly string[] | undefined {
    const head = name.kind === 'var' ? name : name.head;
    if (head.kind !== 'var') return undefined;
    const rest: string[] = [];
    for (const part of name.kind === 'ref' ? name.path : []) {
      if (part.kind !== 'string') return undefined;
      rest.push(part.value);
    }
    if (isReserved(head.name)) return [head.name, ...rest];
    const global = this.global(head.name);
    return global && [...global, ...rest];
  }

  /** The path that a global name stands for; notes that it was used. */
  global(name: string): readonly string[] | undefined {
    const global = this.#globals.get(name);
    if (global !== undefined) this.#used.add(name);
    return global;
  }

  isGlobal(name: string): boolean {
    return this.#globals.has(name);
  }

  /** Whether anything that was resolved so far used a global name. */
  hasUsed(name: string): boolean {
    return this.#used.has(name);
  }

  /** As messages write it. */
  fullName(name: ast.VarTerm | ast.RefTerm): string {
    const path = this.globalPath(name);
    return path === undefined ? (dottedName(name) ?? '') : formatPath(path.slice(1));
  }
}

export function arityOf(callee: Callee): number {
  return callee.kind === 'user' ? callee.arity : callee.builtin.args.length;
}

/** A host function has exactly its arguments: an extra one is a mistake of the policy. */
export function isHost(callee: Callee): boolean {
  return callee.kind === 'builtin' && callee.host;
}

/** `f(args…, out)` as `out = f(args…)`. */
export function outputArgument(call: Term & { kind: 'call' }): { readonly call: Term; readonly out: Term } | undefined {
  const arity = arityOf(call.callee);
  const out = call.args[arity];
  const variadic = call.callee.kind === 'builtin' && call.callee.builtin.variadic !== undefined;
  if (out === undefined || variadic || isHost(call.callee) || call.args.length !== arity + 1) return undefined;
  return { call: { ...call, args: call.args.slice(0, arity) }, out };
}

/** Why `with` may not replace a function, or undefined. */
export function forbiddenTarget(callee: Callee): string | undefined {
  if (callee.kind === 'user') return undefined;
  if (callee.builtin.relation === true)
    return 'with keyword replacing built-in function: target must not be a relation';
  if (callee.name.startsWith('internal.') || callee.name.startsWith('rego.metadata.')) {
    return `with keyword replacing built-in function: replacement of "${callee.name}" invalid`;
  }
  return undefined;
}

/** What a call of a host function with the wrong number of arguments becomes. */
export function wrongArity(name: string, want: number, given: number): Builtin {
  return {
    name,
    args: [],
    result: { kind: 'any' },
    nondeterministic: true,
    impl: () => {
      throw new Error(`incorrect number of parameters: expected ${want}, got ${given}`);
    },
  };
}
