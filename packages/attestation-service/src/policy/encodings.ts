/** What a text may encode: for telling "other bytes" from "the same bytes, written otherwise". */

export type EncodingName =
  | 'hex'
  | 'upper-case hex'
  | 'hex with 0x'
  | 'hex with colons'
  | 'base64'
  | 'base64url'
  | 'sha256: prefix'
  | 'text';

/** One reading of a text. */
interface Reading {
  readonly encoding: EncodingName;
  /** Lower-case hex of the bytes. */
  readonly hex: string;
}

/** Shorter texts are words, not encoded bytes. */
const SHORTEST_BYTES = 8;

/** Every reading of a text as bytes, the likeliest first. */
function readings(text: string): readonly Reading[] {
  const found: Reading[] = [];
  const add = (encoding: EncodingName, hex: string): void => {
    if (hex.length >= 2 * SHORTEST_BYTES) found.push({ encoding, hex });
  };
  const trimmed = text.trim();
  const algorithm = /^sha(?:256|384|512):([0-9a-fA-F]+)$/.exec(trimmed)?.[1];
  if (algorithm !== undefined && algorithm.length % 2 === 0) add('sha256: prefix', algorithm.toLowerCase());
  const colons = /^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2})+$/.test(trimmed) ? trimmed.replaceAll(':', '') : undefined;
  if (colons !== undefined) add('hex with colons', colons.toLowerCase());
  const prefixed = /^0[xX]((?:[0-9a-fA-F]{2})+)$/.exec(trimmed)?.[1];
  if (prefixed !== undefined) add('hex with 0x', prefixed.toLowerCase());
  if (/^(?:[0-9a-f]{2})+$/.test(trimmed)) add('hex', trimmed);
  else if (/^(?:[0-9a-fA-F]{2})+$/.test(trimmed)) add('upper-case hex', trimmed.toLowerCase());
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed) && trimmed.length % 4 === 0) {
    add('base64', Buffer.from(trimmed, 'base64').toString('hex'));
  }
  if (/^[A-Za-z0-9_-]+$/.test(trimmed) && trimmed.length % 4 !== 1) {
    add('base64url', Buffer.from(trimmed, 'base64url').toString('hex'));
  }
  return found;
}

export interface SameBytes {
  readonly left: EncodingName;
  readonly right: EncodingName;
  readonly bytes: number;
  readonly hex: string;
}

/** Whether two different texts are encodings of the same bytes. */
export function sameBytes(left: string, right: string): SameBytes | undefined {
  if (left === right) return undefined;
  for (const a of readings(left)) {
    for (const b of readings(right)) {
      if (a.hex !== b.hex) continue;
      // Equal but for white space around: both read the same way.
      if (a.encoding === b.encoding && left.trim() !== right.trim()) continue;
      return { left: a.encoding, right: b.encoding, bytes: a.hex.length / 2, hex: a.hex };
    }
  }
  return undefined;
}

/** The likeliest encoding of a text, for saying what is at hand. */
export function encodingOf(text: string): { readonly encoding: EncodingName; readonly length: number } | undefined {
  const [first] = readings(text);
  return first === undefined ? undefined : { encoding: first.encoding, length: first.hex.length / 2 };
}

/** Whether one text is the other with its bytes in reverse order (a register read with the wrong byte order). */
export function reversedBytes(left: string, right: string): boolean {
  const [a] = readings(left);
  const [b] = readings(right);
  if (a === undefined || b === undefined || a.hex === b.hex || a.hex.length !== b.hex.length) return false;
  const reversed = (a.hex.match(/../g) ?? []).reverse().join('');
  return reversed === b.hex;
}
