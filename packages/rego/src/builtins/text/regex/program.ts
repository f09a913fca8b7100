import type { AssertKind, Node, ParsedRegex } from './ast.js';
import { RegexSyntaxError } from './errors.js';
import { includes, type Ranges } from './ranges.js';

export const OP = { match: 0, class: 1, split: 2, jump: 3, save: 4, assert: 5, fail: 6 } as const;

/** Bits of an empty-width assertion; what holds at a position is a set of them. */
const ASSERT: Readonly<Record<AssertKind, number>> = {
  textStart: 1,
  textEnd: 2,
  lineStart: 4,
  lineEnd: 8,
  wordBoundary: 16,
  noWordBoundary: 32,
};

/** Instructions one expression may compile to; bounds the memory and the cost per character. */
const MAX_INSTRUCTIONS = 100_000;

/**
 * Thompson program. Instruction i is `op[i]` with operands: class: `x` = index into `sets`, continues at i + 1;
 * split: `x` preferred target, `y` other; jump: `x`; save: `x` = slot, continues at i + 1; assert: `x` = bits, continues at i + 1.
 */
export interface Program {
  readonly op: Uint8Array;
  readonly x: Int32Array;
  readonly y: Int32Array;
  readonly sets: readonly CharSet[];
  readonly groups: number;
  readonly usesAssertions: boolean;
  /** True when every match starts at the beginning of the text. */
  readonly anchoredStart: boolean;
}

/** A character class with a bitmap for ASCII and binary search beyond. */
export class CharSet {
  readonly ranges: Ranges;
  readonly #ascii = new Uint8Array(128);

  constructor(ranges: Ranges) {
    this.ranges = ranges;
    for (let i = 0; i < ranges.length; i += 2) {
      for (let cp = ranges[i] as number; cp <= (ranges[i + 1] as number) && cp < 128; cp++) this.#ascii[cp] = 1;
    }
  }

  has(cp: number): boolean {
    return cp < 128 ? this.#ascii[cp] === 1 : includes(this.ranges, cp);
  }
}

export function compileProgram(parsed: ParsedRegex, fragment: string): Program {
  return new Compiler(fragment).compile(parsed);
}

class Compiler {
  readonly #op: number[] = [];
  readonly #x: number[] = [];
  readonly #y: number[] = [];
  readonly #sets: CharSet[] = [];
  /** Classes already met: small ones by their contents, all by identity (repetition writes one class many times). */
  readonly #setIndex = new Map<string | Ranges, number>();
  readonly #fragment: string;
  #usesAssertions = false;

  constructor(fragment: string) {
    this.#fragment = fragment;
  }

  compile(parsed: ParsedRegex): Program {
    this.#emit(OP.save, 0);
    this.#node(parsed.root);
    this.#emit(OP.save, 1);
    this.#emit(OP.match);
    return {
      op: Uint8Array.from(this.#op),
      x: Int32Array.from(this.#x),
      y: Int32Array.from(this.#y),
      sets: this.#sets,
      groups: parsed.groupNames.length,
      usesAssertions: this.#usesAssertions,
      anchoredStart: startsAnchored(parsed.root),
    };
  }

  #emit(op: number, x = 0, y = 0): number {
    if (this.#op.length >= MAX_INSTRUCTIONS) throw new RegexSyntaxError('large', this.#fragment);
    this.#op.push(op);
    this.#x.push(x);
    this.#y.push(y);
    return this.#op.length - 1;
  }

  get #next(): number {
    return this.#op.length;
  }

  #split(greedy: boolean): number {
    return this.#emit(OP.split, greedy ? 1 : 0);
  }

  /** Targets of a split written by {@link #split}: `body` is entered by preference when it was greedy. */
  #target(split: number, body: number, rest: number): void {
    const greedy = this.#x[split] === 1;
    this.#x[split] = greedy ? body : rest;
    this.#y[split] = greedy ? rest : body;
  }

  #node(node: Node): void {
    switch (node.type) {
      case 'empty':
        return;
      case 'class':
        this.#class(node.ranges);
        return;
      case 'assert':
        this.#usesAssertions = true;
        this.#emit(OP.assert, ASSERT[node.kind]);
        return;
      case 'capture':
        this.#emit(OP.save, 2 * node.index);
        this.#node(node.sub);
        this.#emit(OP.save, 2 * node.index + 1);
        return;
      case 'concat':
        for (const sub of node.subs) this.#node(sub);
        return;
      case 'alternate':
        this.#alternate(node.subs);
        return;
      case 'repeat':
        this.#repeat(node.sub, node.min, node.max, node.greedy);
    }
  }

  #class(ranges: Ranges): void {
    if (ranges.length === 0) {
      this.#emit(OP.fail);
      return;
    }
    const key = ranges.length <= 16 ? ranges.join() : ranges;
    let index = this.#setIndex.get(key);
    if (index === undefined) {
      index = this.#sets.push(new CharSet(ranges)) - 1;
      this.#setIndex.set(key, index);
    }
    this.#emit(OP.class, index);
  }

  #alternate(subs: readonly Node[]): void {
    const ends: number[] = [];
    subs.forEach((sub, i) => {
      if (i === subs.length - 1) {
        this.#node(sub);
        return;
      }
      const split = this.#split(true);
      this.#node(sub);
      ends.push(this.#emit(OP.jump));
      this.#target(split, split + 1, this.#next);
    });
    for (const end of ends) this.#x[end] = this.#next;
  }

  /** x{n,m} is n copies followed by m - n nested options, x{n,} is n - 1 copies followed by x+. */
  #repeat(sub: Node, min: number, max: number, greedy: boolean): void {
    if (max === 0) return;
    if (max < 0) {
      if (min === 0) {
        // Written as (x+)? because x may match the empty text, where x* as a plain loop would give it the wrong priority.
        const skip = this.#split(greedy);
        this.#plus(sub, greedy);
        this.#target(skip, skip + 1, this.#next);
        return;
      }
      for (let i = 1; i < min; i++) this.#node(sub);
      this.#plus(sub, greedy);
      return;
    }
    for (let i = 0; i < min; i++) this.#node(sub);
    const splits: number[] = [];
    for (let i = min; i < max; i++) {
      splits.push(this.#split(greedy));
      this.#node(sub);
    }
    for (const split of splits) this.#target(split, split + 1, this.#next);
  }

  #plus(sub: Node, greedy: boolean): void {
    const body = this.#next;
    this.#node(sub);
    const loop = this.#split(greedy);
    this.#target(loop, body, this.#next);
  }
}

function startsAnchored(node: Node): boolean {
  switch (node.type) {
    case 'assert':
      return node.kind === 'textStart';
    case 'capture':
      return startsAnchored(node.sub);
    case 'concat':
      return node.subs.length > 0 && startsAnchored(node.subs[0] as Node);
    case 'alternate':
      return node.subs.every(startsAnchored);
    case 'repeat':
      return node.min > 0 && startsAnchored(node.sub);
    default:
      return false;
  }
}

function isWordChar(cp: number): boolean {
  return (cp >= 0x30 && cp <= 0x39) || (cp >= 0x41 && cp <= 0x5a) || cp === 0x5f || (cp >= 0x61 && cp <= 0x7a);
}

/** Assertions that hold between two code points; -1 stands for the edge of the text. */
export function assertionsBetween(before: number, after: number): number {
  let bits = 0;
  if (before < 0) bits |= ASSERT.textStart | ASSERT.lineStart;
  else if (before === 10) bits |= ASSERT.lineStart;
  if (after < 0) bits |= ASSERT.textEnd | ASSERT.lineEnd;
  else if (after === 10) bits |= ASSERT.lineEnd;
  return bits | (isWordChar(before) !== isWordChar(after) ? ASSERT.wordBoundary : ASSERT.noWordBoundary);
}

/** The code point that ends at `at` (which is greater than 0). */
export function codePointBefore(text: string, at: number): number {
  const unit = text.charCodeAt(at - 1);
  if (unit >= 0xdc00 && unit <= 0xdfff && at >= 2) {
    const pair = text.codePointAt(at - 2) as number;
    if (pair > 0xffff) return pair;
  }
  return unit;
}
