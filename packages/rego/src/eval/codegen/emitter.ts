/**
 * Code generation for one body: an ordered list of steps, linked into one closure at the end.
 *
 * A *check* has at most one solution: it assigns slots and says whether it holds. A *generator* has any number: it gets the
 * rest of the body and calls it per solution. Runs of checks become one closure, so a deterministic body is a flat sequence.
 */
import type { Activation, Definition, Local } from '../../compiler/ir.js';
import type { Runtime } from '../runtime.js';
import type { Cont, Pure, Slots } from '../state.js';

export type Step =
  | { readonly kind: 'check'; readonly run: Cont }
  | { readonly kind: 'generator'; readonly wrap: (next: Cont) => Cont };

export const succeed: Cont = () => true;

export class Emitter {
  readonly runtime: Runtime;
  readonly activation: Activation;
  readonly bound: Set<Local>;
  readonly steps: Step[] = [];
  /** The rule whose body this is, for errors and metadata. */
  readonly definition: Definition | undefined;
  /** 0 for the body of a rule itself, more inside comprehensions, `every` and negations. */
  readonly level: number;

  constructor(
    runtime: Runtime,
    activation: Activation,
    bound: Iterable<Local>,
    definition: Definition | undefined,
    level = 0,
  ) {
    this.level = level;
    this.runtime = runtime;
    this.activation = activation;
    this.bound = new Set(bound);
    this.definition = definition;
  }

  /** For a body inside this one: same frame, same variables known, its own steps. */
  nested(): Emitter {
    return new Emitter(this.runtime, this.activation, this.bound, this.definition, this.level + 1);
  }

  slot(): number {
    return this.activation.size++;
  }

  check(run: Cont): void {
    this.steps.push({ kind: 'check', run });
  }

  generate(wrap: (next: Cont) => Cont): void {
    this.steps.push({ kind: 'generator', wrap });
  }

  /** Evaluates into a slot; fails when undefined. */
  store(value: Pure): number {
    const slot = this.slot();
    this.check(assign(slot, value));
    return slot;
  }

  link(leaf: Cont): Cont {
    return link(this.steps, leaf);
  }
}

export function assign(slot: number, value: Pure): Cont {
  return (c, s) => {
    const v = value(c, s);
    if (v === undefined) return false;
    s[slot] = v;
    return true;
  };
}

function link(steps: readonly Step[], leaf: Cont): Cont {
  let next = leaf;
  let checks: Cont[] = [];
  let generators = 0;
  const flush = (): void => {
    if (checks.length > 0) next = sequence(checks.reverse(), next);
    checks = [];
  };
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i];
    if (step === undefined) continue;
    if (step.kind === 'check') checks.push(step.run);
    else {
      flush();
      next = step.wrap(next);
      generators++;
    }
  }
  flush();
  return generators > FEW_GENERATORS ? weighed(next, generators) : next;
}

/** Bodies with more generators count towards the nesting limit. */
const FEW_GENERATORS = 4;

/** Each generator runs inside the one before it, so a long body needs as much stack as a deep chain of rules. */
function weighed(run: Cont, generators: number): Cont {
  return (c, s) => {
    c.meter.deepen(generators);
    const stopped = run(c, s);
    c.meter.depth -= generators;
    return stopped;
  };
}

/** All checks in order, then the rest; unrolled for the usual lengths. */
function sequence(checks: readonly Cont[], next: Cont): Cont {
  const all = next === succeed ? checks : [...checks, next];
  const [a, b, c, d] = all;
  if (a === undefined) return next;
  if (b === undefined) return a;
  if (c === undefined) return (l, s) => a(l, s) && b(l, s);
  if (d === undefined) return (l, s) => a(l, s) && b(l, s) && c(l, s);
  if (all.length === 4) return (l, s) => a(l, s) && b(l, s) && c(l, s) && d(l, s);
  return (l, s) => {
    for (let i = 0; i < all.length; i++) if (!(all[i] as Cont)(l, s)) return false;
    return true;
  };
}

/** Makes frames: copies of a template, which keeps the array's representation general from the start. */
export function frameFactory(activation: Activation): () => Slots {
  let template: Slots = [];
  return () => {
    if (template.length !== activation.size) template = new Array(activation.size).fill(undefined);
    return template.slice();
  };
}

export function readSlot(slot: number): Pure {
  return (_c, s) => s[slot] as ReturnType<Pure>;
}
