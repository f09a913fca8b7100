import { alternate, concat, literal, type Node } from './regex/ast.js';
import { LruCache } from './regex/cache.js';
import { ANY, clean, negate } from './regex/ranges.js';
import { Regex } from './regex/regex.js';

/** A glob whose syntax is wrong. */
export class GlobSyntaxError extends Error {
  override readonly name = 'GlobSyntaxError';
}

/** Depth of `{...}` and length of a pattern: alternatives multiply nothing, but every glob ends. */
const MAX_NESTING = 100;
const MAX_LENGTH = 1 << 16;

const compiled = new LruCache<Regex>(128);

/**
 * Compiles a glob in the syntax of gobwas/glob: `*` any run without delimiters, `**` any run, `?` one character that is
 * no delimiter, `[abc]`, `[!abc]`, `[a-z]`, `{x,y}` alternatives, `\` quotes. No delimiters: `*` crosses everything.
 * Throws GlobSyntaxError.
 */
export function compileGlob(pattern: string, delimiters: readonly string[]): Regex {
  return compiled.getOrCreate(`${delimiters.join('')}\u0000${pattern}`, () => {
    const body = new GlobParser(pattern, delimiters).parse();
    const start: Node = { type: 'assert', kind: 'textStart' };
    const end: Node = { type: 'assert', kind: 'textEnd' };
    return Regex.fromTree(concat([start, body, end]), pattern);
  });
}

/** Quotes what has a meaning in a glob. */
export function quoteGlob(text: string): string {
  return text.replace(/[*?\\[\]{}]/g, '\\$&');
}

class GlobParser {
  readonly #chars: readonly string[];
  readonly #notDelimiter: Node;
  #at = 0;

  constructor(pattern: string, delimiters: readonly string[]) {
    if (pattern.length > MAX_LENGTH) throw new GlobSyntaxError('pattern is too long');
    this.#chars = [...pattern];
    const points = delimiters.flatMap((d) => [d.codePointAt(0) as number, d.codePointAt(0) as number]);
    this.#notDelimiter = { type: 'class', ranges: points.length === 0 ? ANY : negate(clean(points)) };
  }

  parse(): Node {
    return this.#sequence(0);
  }

  /** Reads terms up to the end, or inside braces up to `,` or `}` (which is left unread). */
  #sequence(depth: number): Node {
    if (depth > MAX_NESTING) throw new GlobSyntaxError('alternatives nest too deeply');
    const items: Node[] = [];
    for (; this.#at < this.#chars.length; ) {
      const c = this.#chars[this.#at] as string;
      if (depth > 0 && (c === ',' || c === '}')) break;
      this.#at++;
      switch (c) {
        case '*':
          if (this.#chars[this.#at] === '*') {
            this.#at++;
            items.push({ type: 'repeat', sub: { type: 'class', ranges: ANY }, min: 0, max: -1, greedy: true });
          } else {
            items.push({ type: 'repeat', sub: this.#notDelimiter, min: 0, max: -1, greedy: true });
          }
          break;
        case '?':
          items.push(this.#notDelimiter);
          break;
        case '[':
          items.push(this.#class());
          break;
        case '{':
          items.push(this.#alternatives(depth + 1));
          break;
        case '\\': {
          const quoted = this.#chars[this.#at++];
          if (quoted !== undefined) items.push(literal(quoted.codePointAt(0) as number));
          break;
        }
        default:
          items.push(literal(c.codePointAt(0) as number));
      }
    }
    return concat(items);
  }

  #alternatives(depth: number): Node {
    const branches = [this.#sequence(depth)];
    while (this.#chars[this.#at] === ',') {
      this.#at++;
      branches.push(this.#sequence(depth));
    }
    // Reaching the end without `}` closes the list, as it does upstream.
    this.#at++;
    return alternate(branches);
  }

  /** One range `[a-z]` or one list `[abc]`, either negated by `!`; the two forms do not mix. */
  #class(): Node {
    const negated = this.#chars[this.#at] === '!';
    if (negated) this.#at++;
    const ranges: number[] = [];
    const first = this.#chars[this.#at];
    if (first !== undefined && this.#chars[this.#at + 1] === '-') {
      const lo = first.codePointAt(0) as number;
      const high = this.#chars[this.#at + 2];
      if (high === undefined) throw new GlobSyntaxError('unexpected end of input');
      const hi = high.codePointAt(0) as number;
      if (hi < lo) throw new GlobSyntaxError(`hi character '${high}' should be greater than lo '${first}'`);
      ranges.push(lo, hi);
      this.#at += 3;
    } else {
      for (let c = this.#chars[this.#at]; c !== undefined && c !== ']'; c = this.#chars[this.#at]) {
        this.#at++;
        const member = c === '\\' ? this.#chars[this.#at++] : c;
        if (member === undefined) break;
        const cp = member.codePointAt(0) as number;
        ranges.push(cp, cp);
      }
    }
    const close = this.#chars[this.#at++];
    if (close === undefined) throw new GlobSyntaxError('unexpected end of input');
    if (close !== ']') throw new GlobSyntaxError('expected close range character');
    if (ranges.length === 0) throw new GlobSyntaxError('could not parse range');
    const set = clean(ranges);
    return { type: 'class', ranges: negated ? negate(set) : set };
  }
}
