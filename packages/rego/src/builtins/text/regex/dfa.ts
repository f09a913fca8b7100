import type { Charge } from './pike.js';
import { assertionsBetween, type CharSet, OP, type Program } from './program.js';
import { includes, MAX_CODE_POINT } from './ranges.js';

/** Transition cells kept per expression before the cache is emptied (128k cells = 512 KiB). */
const MAX_CELLS = 1 << 17;
/** Beyond this many flushes in one scan the cache does not pay; the caller simulates the NFA instead. */
const MAX_FLUSHES = 6;
/** Programs above this size have states too big to build on the fly. */
const MAX_PROGRAM = 4000;

/** Characters between two reports of work. */
const CHARGE_EVERY = 4096;

const UNKNOWN = 0;
const DEAD = 1;
const MATCHED = 2;
const FIRST_STATE = 3;

/**
 * Deterministic automaton built while it runs; answers only "is there a match?". A state is the set of instructions
 * reached *before* empty transitions are followed, plus what the previous character was, because the assertions
 * between two characters are known only when the second has been seen.
 */
export class LazyDfa {
  readonly #program: Program;
  readonly #ascii = new Uint16Array(128);
  readonly #starts: number[] = [];
  readonly #classes: number[] = [];
  readonly #samples: number[] = [];
  readonly #endClass: number;
  #states: { readonly pcs: Int32Array; readonly before: number }[] = [];
  #ids = new Map<string, number>();
  #cells: Int32Array[] = [];
  readonly #mark: Int32Array;
  #generation = 0;

  /** What dividing the code space into classes cost, in steps of the engine. */
  get setupCost(): number {
    return (this.#starts.length * (1 + this.#program.sets.length)) >> 3;
  }

  static supports(program: Program): boolean {
    return program.op.length <= MAX_PROGRAM;
  }

  constructor(program: Program) {
    this.#program = program;
    this.#mark = new Int32Array(program.op.length);
    this.#partition();
    this.#endClass = this.#samples.length;
    this.#samples.push(-1);
    this.#reset();
  }

  /** True or false; undefined when the automaton grew too big for this text. */
  test(text: string, charge?: Charge): boolean | undefined {
    let flushes = 0;
    let nextCharge = CHARGE_EVERY;
    let state = this.#state(Int32Array.of(0), -1);
    const length = text.length;
    for (let i = 0; i <= length; ) {
      let symbol: number;
      if (i === length) {
        symbol = this.#endClass;
        i++;
      } else {
        const unit = text.charCodeAt(i);
        if (unit < 128) {
          symbol = this.#ascii[unit] as number;
          i++;
        } else {
          const cp = text.codePointAt(i) as number;
          symbol = this.#classOf(cp);
          i += cp > 0xffff ? 2 : 1;
        }
      }
      const row = this.#cells[state] as Int32Array;
      let target = row[symbol] as number;
      if (target === UNKNOWN) {
        if (this.#cells.length * this.#samples.length > MAX_CELLS) {
          if (++flushes > MAX_FLUSHES) return undefined;
          const { pcs, before } = this.#states[state] as { pcs: Int32Array; before: number };
          this.#reset();
          state = this.#state(pcs, before);
        }
        target = this.#step(state, symbol, charge);
        (this.#cells[state] as Int32Array)[symbol] = target;
      }
      if (target === MATCHED) return true;
      if (target === DEAD) return false;
      state = target;
      if (i >= nextCharge) {
        charge?.(CHARGE_EVERY >> 2);
        nextCharge += CHARGE_EVERY;
      }
    }
    charge?.(1);
    return false;
  }

  #reset(): void {
    this.#states = new Array(FIRST_STATE).fill({ pcs: new Int32Array(0), before: 0 });
    this.#cells = new Array(FIRST_STATE).fill(new Int32Array(0));
    this.#ids = new Map();
  }

  #state(pcs: Int32Array, before: number): number {
    // Only what assertions can tell apart is part of the state's identity.
    const kind = this.#program.usesAssertions ? assertionsBetween(before, 0x2c) : 0;
    const key = `${kind}:${pcs.join()}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#states.push({ pcs, before }) - 1;
    this.#cells.push(new Int32Array(this.#samples.length));
    this.#ids.set(key, id);
    return id;
  }

  #step(state: number, symbol: number, charge: Charge | undefined): number {
    const { op, x, y, sets, usesAssertions, anchoredStart } = this.#program;
    const { pcs, before } = this.#states[state] as { pcs: Int32Array; before: number };
    const sample = this.#samples[symbol] as number;
    const bits = usesAssertions ? assertionsBetween(before, sample) : 0;
    const generation = ++this.#generation;
    const mark = this.#mark;
    const stack: number[] = [...pcs];
    const targets: number[] = [];
    let visited = 0;
    for (let pc = stack.pop(); pc !== undefined; pc = stack.pop()) {
      if (mark[pc] === generation) continue;
      mark[pc] = generation;
      visited++;
      switch (op[pc]) {
        case OP.match:
          return MATCHED;
        case OP.class:
          if (sample >= 0 && (sets[x[pc] as number] as CharSet).has(sample)) targets.push(pc + 1);
          break;
        case OP.split:
          stack.push(x[pc] as number, y[pc] as number);
          break;
        case OP.jump:
          stack.push(x[pc] as number);
          break;
        case OP.assert:
          if (((x[pc] as number) & bits) !== 0) stack.push(pc + 1);
          break;
        case OP.save:
          stack.push(pc + 1);
          break;
        default:
      }
    }
    charge?.(visited);
    if (!anchoredStart) targets.push(0);
    if (targets.length === 0) return DEAD;
    return this.#state(Int32Array.from(targets).sort(), sample);
  }

  #classOf(cp: number): number {
    const starts = this.#starts;
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= cp) low = middle;
      else high = middle - 1;
    }
    return this.#classes[low] as number;
  }

  /** Splits the code space so that no class of the expression, and no assertion, tells two members of a part apart. */
  #partition(): void {
    const { sets, usesAssertions } = this.#program;
    const cuts = new Set<number>([0]);
    for (const { ranges } of sets) {
      for (let i = 0; i < ranges.length; i += 2) {
        cuts.add(ranges[i] as number);
        cuts.add((ranges[i + 1] as number) + 1);
      }
    }
    if (usesAssertions) for (const cut of [10, 11, 0x30, 0x3a, 0x41, 0x5b, 0x5f, 0x60, 0x61, 0x7b]) cuts.add(cut);
    cuts.delete(MAX_CODE_POINT + 1);
    this.#starts.push(...[...cuts].sort((a, b) => a - b));
    const signatures = new Map<string, number>();
    const merge = sets.length * this.#starts.length < 500_000;
    for (const start of this.#starts) {
      let signature = merge ? '' : `${start}`;
      if (merge) {
        for (const set of sets) signature += includes(set.ranges, start) ? '1' : '0';
        if (usesAssertions) signature += assertionsBetween(0x2c, start);
      }
      let id = signatures.get(signature);
      if (id === undefined) {
        id = this.#samples.push(start) - 1;
        signatures.set(signature, id);
      }
      this.#classes.push(id);
    }
    for (let cp = 0; cp < 128; cp++) this.#ascii[cp] = this.#classOf(cp);
  }
}
