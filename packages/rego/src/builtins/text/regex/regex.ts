import type { Node } from './ast.js';
import { BacktrackMachine } from './backtrack.js';
import { LazyDfa } from './dfa.js';
import { parseRegex } from './parse.js';
import { type Charge, literalPrefix, PikeMachine } from './pike.js';
import { compileProgram, type Program } from './program.js';

/** One match: positions (UTF-16 offsets) of the whole and of every group, -1 where a group took no part. */
export type Match = Int32Array;

/**
 * A compiled RE2 expression. Matching is leftmost-first like Go's `regexp` and linear in the text for every pattern.
 * `charge` hears of the work done and may throw.
 */
export class Regex {
  readonly groupNames: readonly string[];
  readonly #program: Program;
  readonly #literal: string | undefined;
  #dfa: LazyDfa | undefined;
  #pike: PikeMachine | undefined;
  #backtrack: BacktrackMachine | undefined;

  private constructor(program: Program, groupNames: readonly string[]) {
    this.#program = program;
    this.groupNames = groupNames;
    const prefix = literalPrefix(program);
    this.#literal = prefix.complete ? prefix.text : undefined;
  }

  /** Throws RegexSyntaxError. */
  static compile(pattern: string): Regex {
    const parsed = parseRegex(pattern);
    return new Regex(compileProgram(parsed, pattern), parsed.groupNames);
  }

  /** A machine for a syntax tree made elsewhere (globs). */
  static fromTree(root: Node, source: string): Regex {
    const parsed = { root, groupNames: [''] };
    return new Regex(compileProgram(parsed, source), parsed.groupNames);
  }

  /** Instructions of the program, a measure of what compiling cost. */
  get size(): number {
    return this.#program.op.length;
  }

  /** Does the expression match anywhere in the text? */
  test(text: string, charge?: Charge): boolean {
    if (this.#literal !== undefined) {
      charge?.(1 + (text.length >> 6));
      return text.includes(this.#literal);
    }
    if (LazyDfa.supports(this.#program)) {
      if (this.#dfa === undefined) {
        this.#dfa = new LazyDfa(this.#program);
        charge?.(this.#dfa.setupCost);
      }
      const found = this.#dfa.test(text, charge);
      if (found !== undefined) return found;
    }
    return this.#search(text, 0, 0, charge) !== undefined;
  }

  /** First match at or after `from`, with the positions of `groups` groups (default: all). */
  exec(text: string, from = 0, charge?: Charge, groups = this.groupNames.length): Match | undefined {
    return this.#search(text, from, groups, charge);
  }

  /** At most `limit` successive matches (negative: all), by Go's rule: no empty match right behind another match. */
  execAll(text: string, limit: number, charge?: Charge, groups = this.groupNames.length): Match[] {
    const out: Match[] = [];
    const max = limit < 0 ? text.length + 1 : limit;
    let previousEnd = -1;
    for (let pos = 0; out.length < max && pos <= text.length; ) {
      const match = this.exec(text, pos, charge, groups);
      if (match === undefined) break;
      const end = match[1] as number;
      const isEmptyHere = end === pos;
      const accept = !(isEmptyHere && match[0] === previousEnd);
      pos = isEmptyHere ? pos + widthAt(text, pos) : end;
      previousEnd = end;
      if (accept) out.push(match);
    }
    return out;
  }

  /** Parts of the text between matches. */
  split(text: string, charge?: Charge): string[] {
    if (text === '') return [''];
    const out: string[] = [];
    let begin = 0;
    let end = 0;
    for (const match of this.execAll(text, -1, charge, 1)) {
      end = match[0] as number;
      // An empty match at the very start separates nothing.
      if (match[1] !== 0) out.push(text.slice(begin, end));
      begin = match[1] as number;
    }
    if (end !== text.length) out.push(text.slice(begin));
    return out;
  }

  /** Replaces every match by the template with `$1`, `${name}` and `$$` expanded; `grow` hears of 16 characters each. */
  replace(text: string, template: string, charge?: Charge, grow?: (units: number) => void): string {
    const parts: string[] = [];
    let lastEnd = 0;
    for (let pos = 0; pos <= text.length; ) {
      const match = this.exec(text, pos, charge);
      if (match === undefined) break;
      const [start, end] = [match[0] as number, match[1] as number];
      parts.push(text.slice(lastEnd, start));
      if (end > lastEnd || start === 0) {
        const insert = this.expand(template, text, match);
        grow?.(1 + (insert.length >> 4));
        parts.push(insert);
      }
      lastEnd = end;
      pos = Math.max(end, pos + widthAt(text, pos));
    }
    parts.push(text.slice(lastEnd));
    return parts.join('');
  }

  /** Substitutes group references; a `$` that begins no reference stays as it is, an unknown group is empty. */
  expand(template: string, text: string, match: Match): string {
    if (!template.includes('$')) return template;
    return template.replace(/\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu, (whole, braced, bare) => {
      if (whole === '$$') return '$';
      return this.#group((braced ?? bare) as string, text, match);
    });
  }

  #group(name: string, text: string, match: Match): string {
    const slice = (index: number): string | undefined => {
      const start = match[2 * index];
      return start === undefined || start < 0 ? undefined : text.slice(start, match[2 * index + 1]);
    };
    if (/^(?:0|[1-9][0-9]{0,8})$/.test(name)) return slice(Number(name)) ?? '';
    for (let index = 1; index < this.groupNames.length; index++) {
      const found = this.groupNames[index] === name ? slice(index) : undefined;
      if (found !== undefined) return found;
    }
    return '';
  }

  #search(text: string, from: number, groups: number, charge: Charge | undefined): Match | undefined {
    this.#pike ??= new PikeMachine(this.#program);
    const pike = this.#pike;
    this.#backtrack ??= new BacktrackMachine(this.#program);
    if (!this.#backtrack.fits(text, from)) return pike.search(text, from, groups, charge);
    return this.#backtrack.search(text, from, groups, (t, at) => pike.skip(t, at), charge);
  }
}

function widthAt(text: string, pos: number): number {
  return pos < text.length && (text.codePointAt(pos) as number) > 0xffff ? 2 : 1;
}

/** Escapes what has a meaning in RE2 (Go's QuoteMeta). */
export function quoteMeta(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}
