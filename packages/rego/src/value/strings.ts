/**
 * Order of two strings by code point (the order of their UTF-8 bytes). JavaScript's `<` compares UTF-16 units, which
 * puts astral characters before U+E000 to U+FFFF.
 */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x !== y) {
      // Moves surrogates above the rest of the basic plane; the relative order within each group stays.
      if (x >= 0xd800) x += x >= 0xe000 ? -0x800 : 0x2000;
      if (y >= 0xd800) y += y >= 0xe000 ? -0x800 : 0x2000;
      return x < y ? -1 : 1;
    }
  }
  return a.length < b.length ? -1 : a.length > b.length ? 1 : 0;
}

const SURROGATE = /[\ud800-\udfff]/;

/** Whether UTF-16 units and code points coincide for this text. */
export function isFlat(text: string): boolean {
  return !SURROGATE.test(text);
}

/** Number of code points. */
export function codePointLength(text: string): number {
  if (isFlat(text)) return text.length;
  let n = 0;
  for (const _ of text) n++;
  return n;
}

/** The code points as one-character strings. */
export function codePoints(text: string): string[] {
  return isFlat(text) ? text.split('') : Array.from(text);
}

const LONE_SURROGATE = /\p{Surrogate}/gu;

/** Replaces lone surrogates, among them the marks for raw bytes (see `utf8.ts`), by U+FFFD. */
export function wellFormed(text: string): string {
  return isFlat(text) ? text : text.replace(LONE_SURROGATE, '\ufffd');
}
