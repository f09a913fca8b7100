/**
 * How values are written into lines: short, one line, and harmless whatever they hold.
 */
import type { FindingData } from './model.js';

/** Longest text from outside that is printed whole. */
const LONGEST_WHOLE = 120;

const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu;

/** Shows control, escape, format and bidirectional characters as `\u{1b}`: text from outside stays text. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Source of a policy that runs over several lines, as one: its layout says nothing. Strings in it are not kept apart. */
export function onOneLine(source: string): string {
  return source.replace(/\s+/g, ' ').trim();
}

/** Cuts a text in the middle of nothing: at most `limit` characters, an ellipsis for the rest. */
export function cut(text: string, limit: number): string {
  const characters = Array.from(text);
  return characters.length <= limit ? text : `${characters.slice(0, Math.max(0, limit - 1)).join('')}…`;
}

const HEXADECIMAL = /^[0-9a-f]{24,}$/i;
/** As images name their content. */
const DIGEST = /^sha(?:256|384|512):[0-9a-f]{24,}$/;
const BASE64 = /^[A-Za-z0-9+/_-]{24,}={0,2}$/;

/** The short form: first eight and last four characters of digests and encoded bytes, a cut of anything else. */
export function shortened(text: string): string {
  const safe = visible(text);
  if (DIGEST.test(safe)) return `${safe.slice(0, 15)}…${safe.slice(-4)}`;
  if (HEXADECIMAL.test(safe) || BASE64.test(safe)) return `${safe.slice(0, 8)}…${safe.slice(-4)}`;
  return cut(safe, 40);
}

/** A value as it stands in a line: texts bare, everything else as compact JSON. */
export function inLine(value: FindingData): string {
  return cut(visible(typeof value === 'string' ? value : JSON.stringify(value)), LONGEST_WHOLE);
}

/** A list of names in a line: `a, b, c and 4 more`. */
export function listInLine(names: readonly string[], limit = 6): string {
  if (names.length === 0) return 'none';
  const shown = names.slice(0, limit).map((name) => cut(visible(name), 40));
  return names.length > limit ? `${shown.join(', ')} and ${names.length - limit} more` : shown.join(', ');
}

/**
 * The nearest of the known names: edit distance at most two, or one holds every segment (between `.`, `_`, `-`) of the other.
 *
 * @returns undefined when none is near.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = 3;
  let longer: string | undefined;
  const segments = segmentsOf(name);
  for (const candidate of known) {
    if (candidate === name) continue;
    const distance = editDistance(name, candidate, bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
    if (longer === undefined && holdsAll(segments, segmentsOf(candidate))) longer = candidate;
  }
  return best ?? longer;
}

function segmentsOf(name: string): readonly string[] {
  return name.toLowerCase().split(/[._-]/);
}

function holdsAll(a: readonly string[], b: readonly string[]): boolean {
  const [few, many] = a.length < b.length ? [a, b] : [b, a];
  return few.join('').length > 2 && few.every((segment) => many.includes(segment));
}

/** Levenshtein distance, given up at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 256 || b.length > 256) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return Math.min(limit, row[b.length] ?? limit);
}
