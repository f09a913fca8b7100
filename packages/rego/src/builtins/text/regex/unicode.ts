import { clean, includes, negate, type Ranges } from './ranges.js';

/** General categories RE2 knows by name; scripts are asked from the JS engine's own tables. */
const CATEGORIES = new Set(
  'C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs'.split(' '),
);

/** Code points that carry properties. Planes 4 to 13 are unassigned; 15 and 16 are private use (category Co) throughout. */
const ASSIGNED_BLOCKS = [
  [0x0000, 0xd7ff],
  [0xe000, 0x3ffff],
  [0xe0000, 0xe0fff],
] as const;
const SURROGATES: Ranges = [0xd800, 0xdfff];
const PRIVATE_PLANES: Ranges = [0xf0000, 0xffffd, 0x100000, 0x10fffd];

const tables = new Map<string, Ranges | undefined>();

/** Ranges of a Unicode class name as written in `\p{...}`, or undefined when there is no such class. */
export function unicodeClass(name: string): Ranges | undefined {
  if (tables.has(name)) return tables.get(name);
  const ranges = lookUp(name);
  // The key space is open (any text may stand in \p{...}); only real classes are remembered, and those are few.
  if (ranges !== undefined) tables.set(name, ranges);
  return ranges;
}

function lookUp(name: string): Ranges | undefined {
  if (name === 'Any') return [0, 0x10ffff];
  if (CATEGORIES.has(name)) return category(name);
  if (!/^[A-Z][A-Za-z]+(?:_[A-Za-z]+)*$/.test(name)) return undefined;
  let pattern: RegExp;
  try {
    pattern = new RegExp(`\\p{Script=${name}}+`, 'gu');
  } catch {
    return undefined;
  }
  return scan(pattern);
}

function category(name: string): Ranges {
  if (name === 'Cs') return SURROGATES;
  // JS counts unassigned code points (Cn) as part of C; RE2 does not.
  if (name === 'C') {
    return clean(['Cc', 'Cf', 'Co'].flatMap((part) => [...(unicodeClass(part) ?? [])]).concat(SURROGATES));
  }
  const ranges = scan(new RegExp(`\\p{${name}}+`, 'gu'));
  return name === 'Co' ? clean([...ranges, ...PRIVATE_PLANES]) : ranges;
}

function scan(pattern: RegExp): Ranges {
  const out: number[] = [];
  for (const [first, last] of ASSIGNED_BLOCKS) {
    for (let start = first as number; start <= last; start += 0x4000) {
      const end = Math.min(last, start + 0x3fff);
      let text = '';
      for (let cp = start; cp <= end; cp += 256) {
        const points: number[] = [];
        for (let i = cp; i < cp + 256 && i <= end; i++) points.push(i);
        text += String.fromCodePoint(...points);
      }
      const width = start > 0xffff ? 2 : 1;
      for (const match of text.matchAll(pattern)) {
        const lo = start + match.index / width;
        out.push(lo, lo + match[0].length / width - 1);
      }
    }
  }
  return clean(out);
}

/** orbit.get(c): every other code point that equals c under simple case folding. */
let orbits: Map<number, readonly number[]> | undefined;
let foldable: readonly number[] = [];

function foldTable(): Map<number, readonly number[]> {
  if (orbits !== undefined) return orbits;
  const cased = unionOf('\\p{Changes_When_Casemapped}');
  const groups = new Map<number, Set<number>>();
  const link = (a: number, b: number): void => {
    if (a === b || groups.get(a)?.has(b)) return;
    // Full case mappings also relate letters that do not fold together (dotless i): ask for simple folding itself.
    if (!new RegExp(String.raw`^\u{${a.toString(16)}}$`, 'iu').test(String.fromCodePoint(b))) return;
    const union = new Set([a, b, ...(groups.get(a) ?? []), ...(groups.get(b) ?? [])]);
    for (const member of union) groups.set(member, union);
  };
  for (const cp of cased) {
    const text = String.fromCodePoint(cp);
    const lower = text.toLowerCase();
    const upper = text.toUpperCase();
    for (const other of [lower, upper, upper.toLowerCase(), lower.toUpperCase()]) {
      const point = other.codePointAt(0) as number;
      if (other.length === (point > 0xffff ? 2 : 1)) link(cp, point);
    }
  }
  orbits = new Map();
  for (const [cp, group] of groups) {
    orbits.set(
      cp,
      [...group].filter((member) => member !== cp),
    );
  }
  foldable = [...orbits.keys()].sort((a, b) => a - b);
  return orbits;
}

function unionOf(property: string): number[] {
  const ranges = scan(new RegExp(`${property}+`, 'gu'));
  const out: number[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    for (let cp = ranges[i] as number; cp <= (ranges[i + 1] as number); cp++) out.push(cp);
  }
  return out;
}

/** Closes a set of code points under simple case folding; the result is clean. */
export function foldRanges(input: Ranges): Ranges {
  const ranges = clean(input);
  const extra: number[] = [];
  if (isAscii(ranges)) {
    // Spares small patterns the table: ASCII letters fold to each other, and two of them to one letter beyond ASCII.
    for (let i = 0; i < ranges.length; i += 2) {
      for (let cp = ranges[i] as number; cp <= (ranges[i + 1] as number); cp++) {
        const lower = cp | 0x20;
        if (lower < 0x61 || lower > 0x7a) continue;
        extra.push(cp ^ 0x20, cp ^ 0x20);
        if (lower === 0x6b) extra.push(0x212a, 0x212a);
        if (lower === 0x73) extra.push(0x17f, 0x17f);
      }
    }
    return clean([...ranges, ...extra]);
  }
  const table = foldTable();
  for (const cp of foldable) {
    if (!includes(ranges, cp)) continue;
    for (const other of table.get(cp) ?? []) extra.push(other, other);
  }
  return clean([...ranges, ...extra]);
}

function isAscii(ranges: Ranges): boolean {
  return ranges.length === 0 || (ranges[ranges.length - 1] as number) < 0x80;
}

const digit: Ranges = [0x30, 0x39];
const space: Ranges = [9, 10, 12, 13, 32, 32];
const word: Ranges = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a];

/** `\d \s \w` (ASCII only in RE2) and their complements. */
export const PERL_CLASSES: ReadonlyMap<string, { readonly ranges: Ranges; readonly negated: boolean }> = new Map([
  ['d', { ranges: digit, negated: false }],
  ['s', { ranges: space, negated: false }],
  ['w', { ranges: word, negated: false }],
  ['D', { ranges: digit, negated: true }],
  ['S', { ranges: space, negated: true }],
  ['W', { ranges: word, negated: true }],
]);

/** `[:alpha:]` and friends, by their bare name. */
export const POSIX_CLASSES: ReadonlyMap<string, Ranges> = new Map([
  ['alnum', [0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a]],
  ['alpha', [0x41, 0x5a, 0x61, 0x7a]],
  ['ascii', [0, 0x7f]],
  ['blank', [9, 9, 32, 32]],
  ['cntrl', [0, 0x1f, 0x7f, 0x7f]],
  ['digit', digit],
  ['graph', [0x21, 0x7e]],
  ['lower', [0x61, 0x7a]],
  ['print', [0x20, 0x7e]],
  ['punct', [0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e]],
  ['space', [9, 13, 32, 32]],
  ['upper', [0x41, 0x5a]],
  ['word', word],
  ['xdigit', [0x30, 0x39, 0x41, 0x46, 0x61, 0x66]],
]);

/** Adds a named class to a class under construction, folded first when the expression ignores case. */
export function classOf(ranges: Ranges, negated: boolean, fold: boolean): Ranges {
  const base = fold ? foldRanges(ranges) : clean(ranges);
  return negated ? negate(base) : base;
}
