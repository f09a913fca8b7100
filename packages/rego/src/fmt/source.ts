/** What the formatter keeps of the source: which line things were on, and the comments between them. */
import type { Comment, Location } from '../ast/types.js';

/** A tree without source text is laid out as if everything stood on one line. */
export class Source {
  readonly #text: string | undefined;
  readonly #lineStarts: number[] = [0];
  readonly #comments: readonly Comment[];
  #next = 0;

  constructor(text: string | undefined, comments: readonly Comment[]) {
    this.#text = text;
    this.#comments = text === undefined ? [] : comments;
    if (text === undefined) return;
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) this.#lineStarts.push(i + 1);
  }

  get hasText(): boolean {
    return this.#text !== undefined;
  }

  /** The line that holds the last character of a node. */
  endRow(loc: Location): number {
    if (this.#text === undefined) return loc.row;
    return this.#rowOf(Math.max(loc.offset, loc.end - 1));
  }

  #rowOf(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  /** Whether a comment that has not been written yet stands in the range. */
  hasComments(from: number, to: number): boolean {
    for (let i = this.#next; i < this.#comments.length; i++) {
      const at = this.#comments[i]?.loc.offset ?? 0;
      if (at >= to) return false;
      if (at > from) return true;
    }
    return false;
  }

  /** Takes the comments that start before `offset`. */
  takeBefore(offset: number): readonly Comment[] {
    const start = this.#next;
    while (this.#next < this.#comments.length && (this.#comments[this.#next]?.loc.offset ?? 0) < offset) this.#next++;
    return this.#comments.slice(start, this.#next);
  }

  /** Takes the comment that ends line `row`, if it starts before `limit`. */
  takeTrailing(row: number, limit: number): Comment | undefined {
    const comment = this.#comments[this.#next];
    if (comment === undefined || comment.loc.row !== row || comment.loc.offset >= limit) return undefined;
    this.#next++;
    return comment;
  }

  /** The index behind the `}` that closes a body whose last statement ends at `offset`; `offset` if there is none. */
  closingBrace(offset: number): number {
    const text = this.#text ?? '';
    for (let i = offset; i < text.length; i++) {
      const c = text.charAt(i);
      if (c === '}') return i + 1;
      if (c === '#') {
        const end = text.indexOf('\n', i);
        if (end < 0) break;
        i = end;
      } else if (c !== ' ' && c !== '\t' && c !== '\r' && c !== '\n') {
        break;
      }
    }
    return offset;
  }
}

export const commentText = (comment: Comment): string => `#${comment.text.trimEnd()}`;

export const tabs = (indent: number): string => '\t'.repeat(indent);
