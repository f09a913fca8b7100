/** Declarations while a body is resolved: which names it has declared so far, which it will, which it merely mentions. */
import type { Body, Location, Term } from '../ast/types.js';
import type { Diagnostics } from './diagnostics.js';
import type { Activation, Local, Scope } from './ir.js';
import { declaredNames, directNames } from './names.js';

type DeclarationKind = 'arg' | 'assigned' | 'declared';

interface Declaration {
  readonly local: Local;
  readonly kind: DeclarationKind;
  used: boolean;
}

/** A scope during resolution. Names belong to the innermost scope that declares them, else to the outermost that mentions them. */
export class NameScope implements Scope {
  readonly parent: NameScope | undefined;
  readonly activation: Activation;
  readonly #declared = new Map<string, Declaration>();
  readonly #undeclared = new Map<string, Local>();
  readonly #seen = new Set<string>();
  #upcoming: ReadonlySet<string> = new Set();
  #mentioned: ReadonlySet<string> = new Set();

  constructor(parent: NameScope | undefined, activation: Activation) {
    this.parent = parent;
    this.activation = activation;
  }

  /** A new frame, for a rule or a query. */
  static root(): NameScope {
    return new NameScope(undefined, { size: 0 });
  }

  /** A nested body, which shares the frame. */
  child(): NameScope {
    return new NameScope(this, this.activation);
  }

  /** To be called before the body is resolved: `heads` are the terms that stand outside it but use its names. */
  prepare(body: Body, heads: readonly Term[]): void {
    this.#upcoming = declaredNames(body);
    this.#mentioned = directNames(body, heads);
  }

  fresh(name: string, loc: Location, generated: boolean): Local {
    const slot = this.activation.size++;
    return { name, owner: this, slot, wildcard: name === '_', generated, loc };
  }

  declare(name: string, kind: DeclarationKind, loc: Location, diagnostics: Diagnostics): Local {
    const earlier = this.#declared.get(name);
    const report = (message: string): void => diagnostics.add('locals', 'rego_compile_error', message, loc);
    if (earlier?.kind === 'arg') report(`arg ${name} redeclared`);
    else if (earlier?.kind === 'assigned') report(`var ${name} assigned above`);
    else if (earlier?.kind === 'declared') report(`var ${name} declared above`);
    else if (this.#seen.has(name)) report(`var ${name} referenced above`);
    const local = earlier?.local ?? this.fresh(name, loc, false);
    if (earlier === undefined) this.#declared.set(name, { local, kind, used: false });
    return local;
  }

  /** Declared in this scope (for a parameter that occurs twice). */
  own(name: string): Local | undefined {
    return this.#declared.get(name)?.local;
  }

  /** A declaration visible from here, marked as used. */
  find(name: string): Local | undefined {
    for (let scope: NameScope | undefined = this; scope !== undefined; scope = scope.parent) {
      const found = scope.#declared.get(name);
      if (found !== undefined) {
        found.used = true;
        return found.local;
      }
    }
    this.#seen.add(name);
    return undefined;
  }

  /** Declared here or further out, so far or further on. */
  isDeclared(name: string): boolean {
    if (this.isUpcoming(name)) return true;
    for (let scope: NameScope | undefined = this; scope !== undefined; scope = scope.parent) {
      if (scope.#declared.has(name)) return true;
    }
    return false;
  }

  /** Some enclosing body declares the name further on: then it is not a global. */
  isUpcoming(name: string): boolean {
    for (let scope: NameScope | undefined = this; scope !== undefined; scope = scope.parent) {
      if (scope.#upcoming.has(name)) return true;
    }
    return false;
  }

  /** The variable of an undeclared name. */
  undeclared(name: string, loc: Location): Local {
    let owner: NameScope = this;
    for (let scope: NameScope | undefined = this; scope !== undefined; scope = scope.parent) {
      if (scope.#undeclared.has(name) || (scope.#mentioned.has(name) && !scope.#upcoming.has(name))) owner = scope;
    }
    let local = owner.#undeclared.get(name);
    if (local === undefined) {
      local = owner.fresh(name, loc, false);
      owner.#undeclared.set(name, local);
    }
    return local;
  }

  /** Variables declared here that nothing reads. */
  unused(kind: DeclarationKind): Local[] {
    return [...this.#declared.values()].filter((d) => d.kind === kind && !d.used).map((d) => d.local);
  }

  /** The undeclared and declared variables that a query reports. */
  named(): Local[] {
    return [...[...this.#declared.values()].map((d) => d.local), ...this.#undeclared.values()];
  }
}
