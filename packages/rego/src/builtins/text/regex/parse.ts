import { type AssertKind, alternate, concat, literal, type Node, type ParsedRegex } from './ast.js';
import { RegexSyntaxError } from './errors.js';
import { parseClass, parseEscape, parseNamedEscape } from './parse-class.js';
import { ANY, ANY_BUT_NEWLINE } from './ranges.js';
import { foldRanges } from './unicode.js';

/** Limits of RE2 as Go sets them: counted repetition and nesting both end at 1000. */
const MAX_REPEAT = 1000;
const MAX_NESTING = 1000;
/** Longest expression accepted, in UTF-16 units; its compiled size is bounded separately. */
const MAX_PATTERN_LENGTH = 1 << 16;

interface Flags {
  readonly fold: boolean;
  readonly multiLine: boolean;
  readonly dotAll: boolean;
  readonly swapGreed: boolean;
}

interface Group {
  readonly outerFlags: Flags;
  /** Capture index, or 0 for a group that does not capture. */
  readonly index: number;
  readonly name: string;
  readonly branches: Node[];
  items: Node[];
  /** Nesting depth of each item, parallel to `items`; `branchDepth` covers the finished branches. */
  depths: number[];
  branchDepth: number;
}

/**
 * Parses RE2 syntax as Go's `regexp/syntax` does with its Perl flags. No recursion: nesting costs heap, not stack.
 * Throws {@link RegexSyntaxError}.
 */
export function parseRegex(pattern: string): ParsedRegex {
  if (pattern.length > MAX_PATTERN_LENGTH) throw new RegexSyntaxError('large', `${pattern.slice(0, 40)}...`);
  return new Parser(pattern).parse();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #flags: Flags = { fold: false, multiLine: false, dotAll: false, swapGreed: false };
  readonly #stack: Group[] = [];
  readonly #names: string[] = [''];

  constructor(text: string) {
    this.#text = text;
    this.#open(0, '');
  }

  parse(): ParsedRegex {
    const text = this.#text;
    // Where the previous item was a repetition: its start, because `a**` is an error and is quoted from there.
    let lastRepeat = -1;
    while (this.#at < text.length) {
      const start = this.#at;
      let repeat = -1;
      switch (text[start]) {
        case '(':
          this.#openParen();
          break;
        case '|':
          this.#endBranch();
          this.#at++;
          break;
        case ')':
          this.#closeParen();
          break;
        case '^':
          this.#assert(this.#flags.multiLine ? 'lineStart' : 'textStart', 1);
          break;
        case '$':
          this.#assert(this.#flags.multiLine ? 'lineEnd' : 'textEnd', 1);
          break;
        case '.':
          this.#push({ type: 'class', ranges: this.#flags.dotAll ? ANY : ANY_BUT_NEWLINE });
          this.#at++;
          break;
        case '[': {
          const [ranges, next] = parseClass(text, start, this.#flags.fold);
          this.#push({ type: 'class', ranges });
          this.#at = next;
          break;
        }
        case '*':
          this.#at++;
          this.#repeat(0, -1, start, lastRepeat);
          repeat = start;
          break;
        case '+':
          this.#at++;
          this.#repeat(1, -1, start, lastRepeat);
          repeat = start;
          break;
        case '?':
          this.#at++;
          this.#repeat(0, 1, start, lastRepeat);
          repeat = start;
          break;
        case '{':
          if (this.#counted(lastRepeat)) repeat = start;
          else this.#literal();
          break;
        case '\\':
          this.#escape();
          break;
        default:
          this.#literal();
      }
      lastRepeat = repeat;
    }
    if (this.#stack.length !== 1) throw new RegexSyntaxError('missingParen', text);
    this.#endBranch();
    return { root: alternate((this.#stack[0] as Group).branches), groupNames: this.#names };
  }

  #open(index: number, name: string): void {
    if (this.#stack.length > MAX_NESTING) throw new RegexSyntaxError('nesting', this.#text);
    this.#stack.push({ outerFlags: this.#flags, index, name, branches: [], items: [], depths: [], branchDepth: 0 });
  }

  get #top(): Group {
    return this.#stack[this.#stack.length - 1] as Group;
  }

  #push(node: Node, depth = 1): void {
    if (depth > MAX_NESTING) throw new RegexSyntaxError('nesting', this.#text);
    this.#top.items.push(node);
    this.#top.depths.push(depth);
  }

  #assert(kind: AssertKind, width: number): void {
    this.#push({ type: 'assert', kind });
    this.#at += width;
  }

  #literal(): void {
    const cp = this.#text.codePointAt(this.#at) as number;
    this.#at += cp > 0xffff ? 2 : 1;
    this.#pushLiteral(cp);
  }

  #pushLiteral(cp: number): void {
    this.#push(this.#flags.fold ? { type: 'class', ranges: foldRanges([cp, cp]) } : literal(cp));
  }

  #endBranch(): void {
    const group = this.#top;
    group.branches.push(concat(group.items));
    // A concatenation or an alternation adds a level of its own only when it holds more than one thing.
    const depth = maxOf(group.depths) + (group.items.length > 1 ? 1 : 0);
    group.branchDepth = Math.max(group.branchDepth, depth);
    group.items = [];
    group.depths = [];
  }

  #closeParen(): void {
    if (this.#stack.length < 2) throw new RegexSyntaxError('unexpectedParen', this.#text);
    this.#endBranch();
    const group = this.#stack.pop() as Group;
    this.#flags = group.outerFlags;
    this.#at++;
    const sub = alternate(group.branches);
    const depth = group.branchDepth + (group.branches.length > 1 ? 1 : 0);
    if (group.index > 0) this.#push({ type: 'capture', index: group.index, name: group.name, sub }, depth + 1);
    else this.#push(sub, depth);
  }

  #openParen(): void {
    const rest = this.#text;
    const at = this.#at;
    if (rest[at + 1] !== '?') {
      this.#openCapture('');
      this.#at = at + 1;
      return;
    }
    const nameAt = rest.startsWith('P<', at + 2) ? at + 4 : rest[at + 2] === '<' ? at + 3 : -1;
    if (nameAt > 0) {
      const end = rest.indexOf('>', nameAt);
      if (end < 0) throw new RegexSyntaxError('namedCapture', rest.slice(at));
      const name = rest.slice(nameAt, end);
      if (!/^[A-Za-z0-9_]+$/.test(name)) throw new RegexSyntaxError('namedCapture', rest.slice(at, end + 1));
      this.#openCapture(name);
      this.#at = end + 1;
      return;
    }
    this.#parseFlags();
  }

  #openCapture(name: string): void {
    const index = this.#names.length;
    this.#names.push(name);
    this.#open(index, name);
  }

  /** `(?flags)` and `(?flags:`; anything else after `(?` is not RE2 syntax (look-around, back-references by name ...). */
  #parseFlags(): void {
    const text = this.#text;
    let at = this.#at + 2;
    const flags = { ...this.#flags };
    let on = true;
    let sawFlag = false;
    for (; at < text.length; at++) {
      const c = text[at];
      if (c === 'i') flags.fold = on;
      else if (c === 'm') flags.multiLine = on;
      else if (c === 's') flags.dotAll = on;
      else if (c === 'U') flags.swapGreed = on;
      else if (c === '-' && on) {
        on = false;
        sawFlag = false;
        continue;
      } else if ((c === ':' || c === ')') && (on || sawFlag)) {
        if (c === ':') this.#open(0, '');
        this.#flags = flags;
        this.#at = at + 1;
        return;
      } else break;
      sawFlag = true;
    }
    const cp = text.codePointAt(at) ?? 0;
    throw new RegexSyntaxError('perlOp', text.slice(this.#at, at + (cp > 0xffff ? 2 : 1)));
  }

  #repeat(min: number, max: number, opStart: number, lastRepeat: number): void {
    const text = this.#text;
    let greedy = !this.#flags.swapGreed;
    if (text[this.#at] === '?') {
      this.#at++;
      greedy = !greedy;
    }
    if (lastRepeat >= 0) throw new RegexSyntaxError('repeatOp', text.slice(lastRepeat, this.#at));
    const group = this.#top;
    const sub = group.items.pop();
    const depth = group.depths.pop();
    const op = text.slice(opStart, this.#at);
    if (sub === undefined || depth === undefined) throw new RegexSyntaxError('missingArgument', op);
    const node: Node = { type: 'repeat', sub, min, max, greedy };
    if ((min >= 2 || max >= 2) && !repeatFits(node, MAX_REPEAT)) throw new RegexSyntaxError('repeatSize', op);
    this.#push(node, depth + 1);
  }

  /** `{n}`, `{n,}`, `{n,m}`; false when the brace is not a repetition and thus an ordinary character. */
  #counted(lastRepeat: number): boolean {
    const start = this.#at;
    const match = /^\{(0|[1-9][0-9]*)(?:(,)(0|[1-9][0-9]*)?)?\}/.exec(this.#text.slice(start, start + 64));
    if (match === null) return false;
    const min = Number(match[1]);
    const max = match[3] !== undefined ? Number(match[3]) : match[2] !== undefined ? -1 : min;
    if (min > MAX_REPEAT || max > MAX_REPEAT || (max >= 0 && min > max)) {
      throw new RegexSyntaxError('repeatSize', match[0]);
    }
    this.#at += match[0].length;
    this.#repeat(min, max, start, lastRepeat);
    return true;
  }

  #escape(): void {
    const text = this.#text;
    const at = this.#at;
    switch (text[at + 1]) {
      case 'A':
        this.#assert('textStart', 2);
        return;
      case 'z':
        this.#assert('textEnd', 2);
        return;
      case 'b':
        this.#assert('wordBoundary', 2);
        return;
      case 'B':
        this.#assert('noWordBoundary', 2);
        return;
      case 'Q': {
        const end = text.indexOf('\\E', at + 2);
        const quoted = text.slice(at + 2, end < 0 ? text.length : end);
        for (const char of quoted) this.#pushLiteral(char.codePointAt(0) as number);
        this.#at = end < 0 ? text.length : end + 2;
        return;
      }
      case 'C':
        // RE2's "any byte" has no meaning on text; Go refuses it as well.
        throw new RegexSyntaxError('escape', '\\C');
      default:
    }
    const named = parseNamedEscape(text, at, this.#flags.fold);
    if (named !== undefined) {
      this.#push({ type: 'class', ranges: named[0] });
      this.#at = named[1];
      return;
    }
    const [cp, next] = parseEscape(text, at);
    this.#at = next;
    this.#pushLiteral(cp);
  }
}

function maxOf(values: readonly number[]): number {
  let max = 0;
  for (const value of values) if (value > max) max = value;
  return max;
}

/** The product of nested counts must not exceed `budget`: `(a{100}){100}` is refused. */
function repeatFits(node: Node, budget: number): boolean {
  const work: [Node, number][] = [[node, budget]];
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    const [current, left] = next;
    switch (current.type) {
      case 'repeat': {
        const isCounted = current.min >= 2 || current.max >= 2;
        if (!isCounted) {
          work.push([current.sub, left]);
          break;
        }
        const times = current.max < 0 ? current.min : current.max;
        if (times > left) return false;
        work.push([current.sub, Math.floor(left / times)]);
        break;
      }
      case 'capture':
        work.push([current.sub, left]);
        break;
      case 'concat':
      case 'alternate':
        for (const sub of current.subs) work.push([sub, left]);
        break;
      default:
    }
  }
  return true;
}
