import { assertionsBetween, CharSet, codePointBefore, OP, type Program } from './program.js';
import { clean, type Ranges } from './ranges.js';

/** Told about work done, in instructions visited; may throw to end the search. */
export type Charge = (steps: number) => void;

const CHARGE_EVERY = 4096;

/** Sparse set of program counters in priority order, each with its copy of the capture slots. */
class ThreadList {
  readonly dense: Int32Array;
  readonly #sparse: Int32Array;
  readonly caps: Int32Array;
  size = 0;

  constructor(instructions: number, slots: number) {
    this.dense = new Int32Array(instructions);
    this.#sparse = new Int32Array(instructions);
    this.caps = new Int32Array(instructions * slots);
  }

  /** Index of pc in the list when newly added, -1 when it was there: the first (preferred) thread wins. */
  insert(pc: number): number {
    const index = this.#sparse[pc] as number;
    if (index < this.size && this.dense[index] === pc) return -1;
    this.dense[this.size] = pc;
    this.#sparse[pc] = this.size;
    return this.size++;
  }
}

/**
 * Simulates the program on all threads at once, leftmost-first, with submatches. Time is O(text x program) whatever
 * the expression: there is no backtracking.
 */
export class PikeMachine {
  readonly #program: Program;
  readonly #prefix: string;
  readonly #first: CharSet | undefined;
  readonly #stack: number[] = [];
  /** Thread lists of the last search, for the next with as many slots. */
  #lists: { readonly slots: number; readonly current: ThreadList; readonly next: ThreadList } | undefined;

  constructor(program: Program) {
    this.#program = program;
    this.#prefix = literalPrefix(program).text;
    this.#first = this.#prefix === '' ? firstSet(program) : undefined;
  }

  /**
   * Leftmost match at or after `from` (a code point boundary). Returns 2 x `groups` positions, -1 for groups that took
   * no part, or undefined.
   */
  search(text: string, from: number, groups: number, charge?: Charge): Int32Array | undefined {
    const { op, x, sets, usesAssertions, anchoredStart } = this.#program;
    const slots = 2 * groups;
    if (this.#lists?.slots !== slots) {
      this.#lists = { slots, current: new ThreadList(op.length, slots), next: new ThreadList(op.length, slots) };
    }
    let { current, next } = this.#lists;
    current.size = 0;
    const working = new Int32Array(slots);
    let result: Int32Array | undefined;
    let work = 0;
    let pos = from;
    let before = from > 0 ? codePointBefore(text, from) : -1;
    for (;;) {
      if (current.size === 0) {
        if (result !== undefined || (anchoredStart && pos > 0)) break;
        const start = this.skip(text, pos);
        if (start < 0) break;
        if (start > pos) {
          work += (start - pos) >> 4;
          pos = start;
          before = codePointBefore(text, pos);
        }
      }
      const cp = pos < text.length ? (text.codePointAt(pos) as number) : -1;
      if (result === undefined && !(anchoredStart && pos > 0)) {
        working.fill(-1);
        this.#add(current, 0, pos, usesAssertions ? assertionsBetween(before, cp) : 0, working, slots);
      }
      work += current.size + 1;
      if (work > CHARGE_EVERY) {
        charge?.(work);
        work = 0;
      }
      const after = pos + (cp > 0xffff ? 2 : 1);
      const bits =
        usesAssertions && cp >= 0
          ? assertionsBetween(cp, after < text.length ? (text.codePointAt(after) as number) : -1)
          : 0;
      next.size = 0;
      for (let i = 0; i < current.size; i++) {
        const pc = current.dense[i] as number;
        if (op[pc] === OP.match) {
          // Threads behind this one have lower priority: they are cut off.
          result = current.caps.slice(i * slots, (i + 1) * slots);
          break;
        }
        if (op[pc] === OP.class && cp >= 0 && (sets[x[pc] as number] as CharSet).has(cp)) {
          for (let s = 0; s < slots; s++) working[s] = current.caps[i * slots + s] as number;
          this.#add(next, pc + 1, after, bits, working, slots);
        }
      }
      [current, next] = [next, current];
      if (cp < 0) break;
      before = cp;
      pos = after;
    }
    charge?.(work + 1);
    return result;
  }

  /** Next position where a match may start, or -1. */
  skip(text: string, pos: number): number {
    if (this.#prefix !== '') return text.indexOf(this.#prefix, pos);
    const first = this.#first;
    if (first === undefined) return pos;
    for (let i = pos; i < text.length; ) {
      const cp = text.codePointAt(i) as number;
      if (first.has(cp)) return i;
      i += cp > 0xffff ? 2 : 1;
    }
    return -1;
  }

  /** Follows the empty transitions from `start` in priority order and records the threads that wait for a character. */
  #add(list: ThreadList, start: number, pos: number, bits: number, working: Int32Array, slots: number): void {
    const { op, x, y } = this.#program;
    const stack = this.#stack;
    stack.length = 0;
    stack.push(start);
    for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
      if (entry < 0) {
        // The alternatives that used this slot are done: give it back its value.
        working[-entry - 1] = stack.pop() as number;
        continue;
      }
      let pc = entry;
      for (;;) {
        const index = list.insert(pc);
        if (index < 0) break;
        const code = op[pc] as number;
        if (code === OP.jump) {
          pc = x[pc] as number;
        } else if (code === OP.split) {
          stack.push(y[pc] as number);
          pc = x[pc] as number;
        } else if (code === OP.save) {
          const slot = x[pc] as number;
          if (slot < slots) {
            stack.push(working[slot] as number, -slot - 1);
            working[slot] = pos;
          }
          pc++;
        } else if (code === OP.assert) {
          if (((x[pc] as number) & bits) === 0) break;
          pc++;
        } else {
          if (code !== OP.fail) for (let s = 0; s < slots; s++) list.caps[index * slots + s] = working[s] as number;
          break;
        }
      }
    }
  }
}

/** Text every match begins with; `complete` when the expression is nothing but that text. */
export function literalPrefix(program: Program): { readonly text: string; readonly complete: boolean } {
  const { op, x, sets } = program;
  let text = '';
  for (let pc = 0; ; pc++) {
    if (op[pc] === OP.save) continue;
    if (op[pc] === OP.match) return { text, complete: true };
    if (op[pc] !== OP.class) return { text, complete: false };
    const ranges = (sets[x[pc] as number] as CharSet).ranges;
    if (ranges.length !== 2 || ranges[0] !== ranges[1]) return { text, complete: false };
    text += String.fromCodePoint(ranges[0] as number);
  }
}

/** Code points a match can begin with; undefined when the expression may match the empty text. */
function firstSet(program: Program): CharSet | undefined {
  const { op, x, y, sets } = program;
  const seen = new Set<number>();
  const stack = [0];
  const ranges: number[] = [];
  for (let pc = stack.pop(); pc !== undefined; pc = stack.pop()) {
    if (seen.has(pc)) continue;
    seen.add(pc);
    switch (op[pc]) {
      case OP.match:
        return undefined;
      case OP.class:
        for (const value of (sets[x[pc] as number] as CharSet).ranges) ranges.push(value);
        break;
      case OP.split:
        stack.push(x[pc] as number, y[pc] as number);
        break;
      case OP.jump:
        stack.push(x[pc] as number);
        break;
      case OP.fail:
        break;
      default:
        stack.push(pc + 1);
    }
  }
  return new CharSet(clean(ranges as Ranges));
}
