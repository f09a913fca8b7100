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
        const [ranges, next] = parseSet(chars, at + 1);
        at = next;
        add(ranges);
        break;
      }
      case '*':
      case '+':
        throw invalid(chars, at + 1, `flag '${c}' must be preceded by a non-flag`);
      case ']':
        throw invalid(chars, at + 1, "set-close ']' with no preceding '['");
      case '\\': {
        const [cp, next] = escaped(chars, at);
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

/** Members of a set, up to its `]`; a range needs a character on both sides, and each bounds one range only. */
function parseSet(chars: readonly string[], from: number): [[number, number][], number] {
  const ranges: [number, number][] = [];
  let previous: number | undefined;
  let at = from;
  for (let c = chars[at]; c !== undefined; c = chars[at]) {
    if (c === ']') return [ranges, at + 1];
    if (c === '-') {
      if (previous === undefined)
        throw invalid(chars, at + 1, "range character '-' must be preceded by a Unicode character");
      const next = chars[at + 1];
      if (next === undefined || at + 2 >= chars.length) {
        throw invalid(chars, at + 1, "range character '-' must be followed by a Unicode character");
      }
      if (next === ']' || next === '-') {
        throw invalid(chars, at + 2, "range character '-' cannot be followed by a special symbol");
      }
      const [high, end] = next === '\\' ? escaped(chars, at + 1) : [next.codePointAt(0) as number, at + 2];
      if (high < previous) {
        const [a, b] = [String.fromCodePoint(high), String.fromCodePoint(previous)];
        throw invalid(chars, end, `range is out of order: '${a}' comes before '${b}' in Unicode`);
      }
      ranges.push([previous, high]);
      previous = undefined;
      at = end;
      continue;
    }
    [previous, at] = c === '\\' ? escaped(chars, at) : [c.codePointAt(0) as number, at + 1];
    ranges.push([previous, previous]);
  }
  throw invalid(chars, at, 'found [ without matching ]');
}

function escaped(chars: readonly string[], at: number): [number, number] {
  const c = chars[at + 1];
  if (c === undefined) throw invalid(chars, at, 'input ends with a \\ (escape) character');
  return [c.codePointAt(0) as number, at + 2];
}

function invalid(chars: readonly string[], position: number, reason: string): GlobExpressionError {
  return new GlobExpressionError(`input:${chars.join('')}, pos:${position}, ${reason}: the input provided is invalid`);
}
