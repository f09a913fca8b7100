/** Go's view of characters: simple case mappings, white space, printable characters. */

/** Unicode White_Space, as the inside of a character class. */
export const SPACE = '\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
const ASCII = /^[\u0000-\u007f]*$/;

function mapPoints(text: string, map: (ch: string) => string): string {
  let out = '';
  for (const ch of text) out += map(ch);
  return out;
}

/** Characters whose simple upper case exists although their full one has several characters: Greek with iota subscript. */
function simpleUpper(ch: string): string {
  const full = ch.toUpperCase();
  const cp = ch.codePointAt(0) ?? 0;
  if (full.length === (cp > 0xffff ? 2 : 1)) return full;
  if ((cp >= 0x1f80 && cp <= 0x1faf && (cp & 8) === 0) || cp === 0x1fb3 || cp === 0x1fc3 || cp === 0x1ff3) {
    return String.fromCodePoint(cp + (cp <= 0x1faf ? 8 : 9));
  }
  return ch;
}

function simpleLower(ch: string): string {
  // U+0130 is the only character whose full lower case has two characters; its simple one is "i".
  return ch === '\u0130' ? 'i' : ch.toLowerCase();
}

/** Upper case by simple mappings: `ß` stays. */
export function upperCase(text: string): string {
  return ASCII.test(text) ? text.toUpperCase() : mapPoints(text, simpleUpper);
}

/** Lower case by simple mappings: no final sigma. */
export function lowerCase(text: string): string {
  return ASCII.test(text) ? text.toLowerCase() : mapPoints(text, simpleLower);
}

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

const SHORT_ESCAPES: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  92: '\\\\',
};

/** One character as in a Go literal; `mark` is the quote around it, `ascii` escapes everything beyond ASCII. */
function goChar(ch: string, mark: string, ascii: boolean): string {
  const cp = ch.codePointAt(0) ?? 0;
  if (ch === mark) return `\\${ch}`;
  const short = SHORT_ESCAPES[cp];
  if (short !== undefined) return short;
  if (cp >= 0xdc80 && cp <= 0xdcff) return `\\x${(cp - 0xdc00).toString(16)}`;
  if (cp < 0x80 ? cp >= 0x20 && cp < 0x7f : !ascii && PRINTABLE.test(ch)) return ch;
  if (cp < 0x80) return `\\x${cp.toString(16).padStart(2, '0')}`;
  return cp > 0xffff ? `\\U${cp.toString(16).padStart(8, '0')}` : `\\u${cp.toString(16).padStart(4, '0')}`;
}

/** A Go string literal in double quotes. */
export function goQuote(text: string, ascii = false): string {
  return `"${mapPoints(text, (ch) => goChar(ch, '"', ascii))}"`;
}

/** A Go rune literal in single quotes. */
export function goQuoteRune(ch: string, ascii = false): string {
  return `'${goChar(ch, "'", ascii)}'`;
}

/** Whether Go can write the text between back quotes. */
export function canBackquote(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what back quotes cannot hold
  return !/[\u0000-\u0008\u000a-\u001f`\u007f\ufeff]|\p{Surrogate}/u.test(text);
}

export function isPrintable(ch: string): boolean {
  return PRINTABLE.test(ch);
}
