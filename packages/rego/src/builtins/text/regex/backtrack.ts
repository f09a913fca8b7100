import type { Charge } from './pike.js';
import { assertionsBetween, type CharSet, codePointBefore, OP, type Program } from './program.js';

/** Bits of the table of visited (instruction, position) pairs; with more, the Pike machine is the better choice. */
const MAX_BITS = 1 << 18;

/**
 * Backtracking that never tries the same instruction at the same position twice, so that it is as linear as the Pike
 * machine and, for short texts, several times as fast. A pair that failed once fails again from any later start, hence
 * the table is kept from one starting position to the next.
 */
export class BacktrackMachine {
  readonly #program: Program;
  #visited = new Int32Array(64);
  readonly #stack: number[] = [];

  constructor(program: Program) {
    this.#program = program;
  }

  /** Whether the text from `from` on is short enough. */
  fits(text: string, from: number): boolean {
    return this.#program.op.length * (text.length - from + 1) <= MAX_BITS;
  }

  /** As `PikeMachine.search`; `skip` gives the next position a match may start at, or -1. */
  search(
    text: string,
    from: number,
    groups: number,
    skip: (text: string, from: number) => number,
    charge?: Charge,
  ): Int32Array | undefined {
    const width = text.length - from + 1;
    const words = (this.#program.op.length * width + 31) >> 5;
    if (this.#visited.length < words) this.#visited = new Int32Array(words);
    else this.#visited.fill(0, 0, words);
    const captures = new Int32Array(2 * groups).fill(-1);
    let steps = words >> 2;
    for (let start = skip(text, from); start >= 0; ) {
      if (start > 0 && this.#program.anchoredStart) break;
      steps += this.#try(text, start, from, width, captures);
      if (this.#matched) {
        charge?.(steps);
        return captures;
      }
      if (start >= text.length) break;
      start += (text.codePointAt(start) as number) > 0xffff ? 2 : 1;
      start = skip(text, start);
    }
    charge?.(steps + 1);
    return undefined;
  }

  #matched = false;

  /** Runs from one start; returns the number of pairs visited. */
  #try(text: string, start: number, from: number, width: number, captures: Int32Array): number {
    const { op, x, y, sets } = this.#program;
    const visited = this.#visited;
    const stack = this.#stack;
    this.#matched = false;
    let steps = 0;
    stack.length = 0;
    stack.push(start, 0);
    while (stack.length > 0) {
      let pc = stack.pop() as number;
      let pos = stack.pop() as number;
      if (pc < 0) {
        // Beyond the alternatives that used this slot: it gets back its value (kept in the place of the position).
        captures[-pc - 1] = pos;
        continue;
      }
      for (;;) {
        const bit = pc * width + (pos - from);
        const word = bit >> 5;
        const mask = 1 << (bit & 31);
        if (((visited[word] as number) & mask) !== 0) break;
        visited[word] = (visited[word] as number) | mask;
        steps++;
        const code = op[pc] as number;
        if (code === OP.class) {
          if (pos >= text.length) break;
          const cp = text.codePointAt(pos) as number;
          if (!(sets[x[pc] as number] as CharSet).has(cp)) break;
          pos += cp > 0xffff ? 2 : 1;
          pc++;
        } else if (code === OP.split) {
          stack.push(pos, y[pc] as number);
          pc = x[pc] as number;
        } else if (code === OP.jump) {
          pc = x[pc] as number;
        } else if (code === OP.save) {
          const slot = x[pc] as number;
          if (slot < captures.length) {
            stack.push(captures[slot] as number, -slot - 1);
            captures[slot] = pos;
          }
          pc++;
        } else if (code === OP.assert) {
          const before = pos > 0 ? codePointBefore(text, pos) : -1;
          const after = pos < text.length ? (text.codePointAt(pos) as number) : -1;
          if (((x[pc] as number) & assertionsBetween(before, after)) === 0) break;
          pc++;
        } else if (code === OP.match) {
          this.#matched = true;
          return steps;
        } else break;
      }
    }
    return steps;
  }
}
