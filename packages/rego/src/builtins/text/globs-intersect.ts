/**
 * Do two restricted expressions share a non-empty string? Restricted means: literals, `.`, sets like `[a-z0-9]`, each
 * optionally followed by `*` or `+`, and `\` to quote. Decided on the product of the two position automata.
 */

export class GlobExpressionError extends Error {
  override readonly name = 'GlobExpressionError';
}

interface Token {
  /** undefined: any character. Otherwise inclusive code point ranges. */
  readonly ranges: readonly (readonly [number, number])[] | undefined;
  readonly flag: '' | '*' | '+';
}

/** Longest expression accepted; the product of two has at most the square of it as states. */
const MAX_TOKENS = 2000;

export function globsIntersect(left: string, right: string, step: (n: number) => void = () => {}): boolean {
  const a = parse(left);
  const b = parse(right);
  const width = b.length + 1;
  // `moved` distinguishes states reached with at least one character: the empty string does not count as common.
  const seen = new Uint8Array((a.length + 1) * width * 2);
  const stack: [number, number, boolean][] = [[0, 0, false]];
  let visited = 0;
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const [i, j, moved] = next;
    const index = (i * width + j) * 2 + (moved ? 1 : 0);
    if (seen[index] === 1) continue;
    seen[index] = 1;
    if ((++visited & 0xff) === 0) step(0x100);
    if (moved && i === a.length && j === b.length) return true;
    const x = a[i];
    const y = b[j];
    // A starred token may be left without a character; `+` was split into one plus star while parsing.
    if (x?.flag === '*') stack.push([i + 1, j, moved]);
    if (y?.flag === '*') stack.push([i, j + 1, moved]);
    if (x !== undefined && y !== undefined && overlap(x, y)) {
      const nextI = x.flag === '*' ? i : i + 1;
      const nextJ = y.flag === '*' ? j : j + 1;
      stack.push([nextI, nextJ, true]);
    }
  }
  step(visited & 0xff);
  return false;
}

function overlap(a: Token, b: Token): boolean {
  const { ranges } = a;
  const other = b.ranges;
  if (ranges === undefined) return other === undefined || other.length > 0;
  if (other === undefined) return ranges.length > 0;
  return ranges.some(([lo, hi]) => other.some(([otherLo, otherHi]) => lo <= otherHi && otherLo <= hi));
}

function parse(text: string): Token[] {
  const chars = [...text];
  const tokens: Token[] = [];
  let at = 0;
  const add = (ranges: Token['ranges']): void => {
    const flag = chars[at];
    if (flag === '*' || flag === '+') at++;
    if (flag === '+') tokens.push({ ranges, flag: '' });
    tokens.push({ ranges, flag: flag === '*' || flag === '+' ? '*' : '' });
    if (tokens.length > MAX_TOKENS) throw new GlobExpressionError('input expression is too long');
  };
  while (at < chars.length) {
    const c = chars[at] as string;
    switch (c) {
      case '.':
        at++;
        add(undefined);
        break;
      case '[': {
        const [ranges, next] = parseSet(chars, at + 1, text);
        at = next;
        add(ranges);
        break;
      }
      case '*':
      case '+':
        throw new GlobExpressionError(
          `input:${text}, pos:${at}, invalid input: flag '${c}' must be preceded by a character`,
        );
      case ']':
      case '-':
        throw new GlobExpressionError(`input:${text}, pos:${at}, invalid input: '${c}' must be escaped outside a set`);
      case '\\': {
        const [cp, next] = escaped(chars, at, text);
        at = next;
        add([[cp, cp]]);
        break;
      }
      default: {
        at++;
        const cp = c.codePointAt(0) as number;
        add([[cp, cp]]);
      }
    }
  }
  return tokens;
}

function parseSet(chars: readonly string[], from: number, text: string): [[number, number][], number] {
  const ranges: [number, number][] = [];
  const member = (at: number): [number, number] => {
    if (chars[at] === '\\') return escaped(chars, at, text);
    const c = chars[at];
    if (c === undefined) throw new GlobExpressionError(`input:${text}, pos:${at}, invalid input: set is not closed`);
    return [c.codePointAt(0) as number, at + 1];
  };
  let at = from;
  while (chars[at] !== ']') {
    let lo: number;
    [lo, at] = member(at);
    let hi = lo;
    if (chars[at] === '-' && chars[at + 1] !== ']' && chars[at + 1] !== undefined) [hi, at] = member(at + 1);
    if (hi < lo) throw new GlobExpressionError(`input:${text}, pos:${at}, invalid input: range out of order`);
    ranges.push([lo, hi]);
  }
  return [ranges, at + 1];
}

function escaped(chars: readonly string[], at: number, text: string): [number, number] {
  const c = chars[at + 1];
  if (c === undefined) throw new GlobExpressionError(`input:${text}, pos:${at}, invalid input: trailing '\\'`);
  return [c.codePointAt(0) as number, at + 2];
}
