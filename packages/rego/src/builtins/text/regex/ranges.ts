/**
 * Sets of code points as flat lists of inclusive ranges: [lo0, hi0, lo1, hi1, ...].
 * A *clean* list is sorted, without overlap and without adjacent ranges.
 */
export type Ranges = readonly number[];

export const MAX_CODE_POINT = 0x10ffff;
export const ANY: Ranges = [0, MAX_CODE_POINT];
export const ANY_BUT_NEWLINE: Ranges = [0, 9, 11, MAX_CODE_POINT];

/** Sorts, merges overlapping and adjacent ranges. */
export function clean(ranges: Ranges): Ranges {
  if (ranges.length <= 2) return ranges;
  const pairs: [number, number][] = [];
  let sorted = true;
  for (let i = 0; i < ranges.length; i += 2) {
    const lo = ranges[i] as number;
    if (i > 0 && lo <= (ranges[i - 1] as number) + 1) sorted = false;
    pairs.push([lo, ranges[i + 1] as number]);
  }
  if (sorted) return ranges;
  pairs.sort((a, b) => a[0] - b[0]);
  const out: number[] = [];
  for (const [lo, hi] of pairs) {
    const last = out.length - 1;
    if (last > 0 && lo <= (out[last] as number) + 1) {
      if (hi > (out[last] as number)) out[last] = hi;
    } else {
      out.push(lo, hi);
    }
  }
  return out;
}

/** Complement of a clean list. */
export function negate(ranges: Ranges): Ranges {
  const out: number[] = [];
  let next = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    const lo = ranges[i] as number;
    if (next < lo) out.push(next, lo - 1);
    next = (ranges[i + 1] as number) + 1;
  }
  if (next <= MAX_CODE_POINT) out.push(next, MAX_CODE_POINT);
  return out;
}

/** Binary search in a clean list. */
export function includes(ranges: Ranges, codePoint: number): boolean {
  let low = 0;
  let high = ranges.length >> 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (codePoint < (ranges[2 * middle] as number)) high = middle;
    else if (codePoint > (ranges[2 * middle + 1] as number)) low = middle + 1;
    else return true;
  }
  return false;
}
