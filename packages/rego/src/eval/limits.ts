/** What one evaluation may use. */
import type { Budget } from '../builtins/types.js';
import { ResourceLimitError } from '../value/index.js';

/** Bounds of one evaluation; each ends it with `eval_cancel_error`. */
export interface Limits {
  /** Units of work: about one visited element, rule or call each. Default 100 million. */
  readonly steps: number;
  /** Units of memory: about one element of a collection or 16 characters each. Default 50 million. */
  readonly allocations: number;
  /** Milliseconds by `clock`, which must be given too. */
  readonly milliseconds?: number;
  /** Monotonic clock in milliseconds, for the bound above. */
  readonly clock?: () => number;
  /** Steps between two looks at the clock. Default 1,000. */
  readonly clockInterval?: number;
  /** Nested evaluations of rules and functions, and the iterations of long bodies. Default 600. */
  readonly depth: number;
  /** Rows of a query's result. Default 1 million. */
  readonly results: number;
}

export const DEFAULT_LIMITS: Limits = {
  steps: 100_000_000,
  allocations: 50_000_000,
  depth: 600,
  results: 1_000_000,
};

const CLOCK_INTERVAL = 1_000;

/** The meter of one evaluation. `fuel` counts down inline; {@link refuel} runs when it is used up. */
export class Meter implements Budget {
  fuel = 0;
  depth = 0;
  #limits: Limits = DEFAULT_LIMITS;
  #stepsLeft = 0;
  #allocationsLeft = 0;
  #deadline = Number.POSITIVE_INFINITY;

  /** @throws RangeError where a limit is no number, which would be no limit */
  start(limits: Limits): void {
    if (limits !== DEFAULT_LIMITS) checkLimits(limits);
    this.#limits = limits;
    this.depth = 0;
    this.#stepsLeft = limits.steps;
    this.#allocationsLeft = limits.allocations;
    this.#deadline = Number.POSITIVE_INFINITY;
    this.fuel = limits.steps;
    if (limits.milliseconds !== undefined && limits.clock !== undefined) {
      this.#deadline = limits.clock() + limits.milliseconds;
      this.fuel = Math.min(limits.steps, limits.clockInterval ?? CLOCK_INTERVAL);
    }
    this.#stepsLeft -= this.fuel;
  }

  /** Takes the next portion of steps, or fails. */
  refuel(): void {
    const { clock, milliseconds, steps, clockInterval = CLOCK_INTERVAL } = this.#limits;
    if (clock !== undefined && clock() > this.#deadline) {
      throw new ResourceLimitError(`execution exceeded time limit of ${milliseconds ?? 0} ms`);
    }
    if (this.#stepsLeft + this.fuel < 0)
      throw new ResourceLimitError(`evaluation exceeded its limit of ${steps} steps`);
    const portion = clock === undefined ? this.#stepsLeft : Math.min(this.#stepsLeft, clockInterval);
    this.#stepsLeft -= portion;
    this.fuel += portion;
    if (this.fuel < 0) this.refuel();
  }

  step(n: number): void {
    this.fuel -= n;
    if (this.fuel < 0) this.refuel();
  }

  alloc(n: number): void {
    this.#allocationsLeft -= n;
    if (this.#allocationsLeft < 0) {
      throw new ResourceLimitError(`evaluation exceeded its limit of ${this.#limits.allocations} units of memory`);
    }
  }

  /** A rule or function begins. */
  enter(): void {
    if (--this.fuel < 0) this.refuel();
    this.deepen(1);
  }

  /** The stack gets `levels` deeper; whoever calls this subtracts them from `depth` afterwards. */
  deepen(levels: number): void {
    this.depth += levels;
    if (this.depth > this.#limits.depth) {
      throw new ResourceLimitError(`evaluation nests deeper than ${this.#limits.depth} levels of rules and iterations`);
    }
  }
}

function checkLimits(limits: Limits): void {
  for (const name of ['steps', 'allocations', 'depth', 'results', 'milliseconds', 'clockInterval'] as const) {
    const value = limits[name];
    if (value !== undefined && !(value >= 0))
      throw new RangeError(`limit ${name} must be a number that is not negative`);
  }
  if (limits.milliseconds !== undefined && limits.clock === undefined) {
    throw new RangeError('limit milliseconds needs a clock');
  }
}
