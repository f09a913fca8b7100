/** The closures of a program, compiled on first use. */

import type { Program } from '../compiler/compile.js';
import type { Branch, Definition, RuleNode, Statement } from '../compiler/ir.js';
import { canonicalKey, type Value } from '../value/index.js';
import type { Emitter } from './codegen/emitter.js';
import type { Enumerate, Evaluate } from './rules/branch.js';
import { compileRule } from './rules/rule.js';
import type { Layer, RuleEvaluator } from './state.js';

export type Mode = 'opa' | 'regorus';

/** Wraps what is generated, so that a probe sees it run. */
export interface Instrument {
  /** Emits into `e` what is to happen when the statement is reached. */
  before(e: Emitter, statement: Statement): void;
  branch(definition: Definition, branch: Branch, evaluate: Evaluate): Evaluate;
  solutions(definition: Definition, branch: Branch, enumerate: Enumerate): Enumerate;
}

export class Runtime {
  readonly program: Program;
  readonly mode: Mode;
  readonly instrument: Instrument | undefined;
  readonly #rules: (RuleEvaluator | undefined)[] = [];
  readonly #hostSites = new Map<string, number>();
  #cacheSites = 0;

  constructor(program: Program, mode: Mode, instrument: Instrument | undefined) {
    this.program = program;
    this.mode = mode;
    this.instrument = instrument;
  }

  get cacheSize(): number {
    return this.program.tree.nodes.length + this.#cacheSites;
  }

  /** The evaluator of a rule path. Its code is generated when it first runs, so unused rules cost nothing. */
  rule(node: RuleNode): RuleEvaluator {
    let rule = this.#rules[node.index];
    if (rule === undefined) {
      rule = new LazyRule(this, node);
      this.#rules[node.index] = rule;
    }
    return rule;
  }

  /** A place in every layer's cache, behind those of the rules. */
  cacheSite(): number {
    this.#cacheSites++;
    return this.program.tree.nodes.length + this.#cacheSites - 1;
  }

  /** One cache entry per host function and constant arguments. */
  hostSite(name: string, args: readonly Value[]): number {
    const key = `${name} ${canonicalKey(args)}`;
    const known = this.#hostSites.get(key);
    if (known !== undefined) return known;
    const site = this.#hostSites.size;
    this.#hostSites.set(key, site);
    return site;
  }
}

class LazyRule implements RuleEvaluator {
  readonly #runtime: Runtime;
  readonly #node: RuleNode;
  #compiled: RuleEvaluator | undefined;

  constructor(runtime: Runtime, node: RuleNode) {
    this.#runtime = runtime;
    this.#node = node;
  }

  #get(): RuleEvaluator {
    this.#compiled ??= compileRule(this.#runtime, this.#node);
    return this.#compiled;
  }

  evaluate(c: Layer): Value | undefined {
    return (this.#compiled ?? this.#get()).evaluate(c);
  }

  lookup(c: Layer, key: Value): Value | undefined {
    return (this.#compiled ?? this.#get()).lookup(c, key);
  }

  call(c: Layer, args: readonly Value[]): Value | undefined {
    return (this.#compiled ?? this.#get()).call(c, args);
  }
}
