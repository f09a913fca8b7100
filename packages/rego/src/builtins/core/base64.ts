/** Base64 (RFC 4648) as Go decodes it: line breaks are skipped, padding is required, errors name the byte. */
const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_SAFE = `${STANDARD.slice(0, 62)}-_`;

export type Base64Alphabet = 'standard' | 'url';

function decodeTable(alphabet: string): Int16Array {
  const table = new Int16Array(128).fill(-1);
  for (let i = 0; i < 64; i++) table[alphabet.charCodeAt(i)] = i;
  return table;
}

const TABLES = { standard: decodeTable(STANDARD), url: decodeTable(URL_SAFE) } as const;

export function encodeBase64(bytes: Uint8Array, alphabet: Base64Alphabet, padding: boolean): string {
  const letters = alphabet === 'url' ? URL_SAFE : STANDARD;
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const n = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const left = bytes.length - i;
    const text = `${letters[n >> 18]}${letters[(n >> 12) & 63]}${letters[(n >> 6) & 63]}${letters[n & 63]}`;
    parts.push(left >= 3 ? text : text.slice(0, left + 1) + (padding ? '='.repeat(3 - left) : ''));
  }
  return parts.join('');
}

/** @returns the bytes, or the offset (in UTF-8 bytes) of the input byte Go would complain about. */
export function decodeBase64(text: string, alphabet: Base64Alphabet): Uint8Array | number {
  const table = TABLES[alphabet];
  const out = new Uint8Array(Math.ceil((text.length * 3) / 4));
  let size = 0;
  let quad = 0;
  let count = 0;
  let offset = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 10 || c === 13) {
      offset++;
      continue;
    }
    if (c === 61) return finish(text, i, offset, quad, count, out, size);
    const six = c < 128 ? (table[c] ?? -1) : -1;
    if (six < 0) return offset;
    quad = (quad << 6) | six;
    count++;
    offset++;
    if (count === 4) {
      out[size++] = (quad >> 16) & 255;
      out[size++] = (quad >> 8) & 255;
      out[size++] = quad & 255;
      quad = 0;
      count = 0;
    }
  }
  return count === 0 ? out.subarray(0, size) : offset - count;
}

/** Handles the padding that begins at `i`. */
function finish(
  text: string,
  i: number,
  offset: number,
  quad: number,
  count: number,
  out: Uint8Array,
  size: number,
): Uint8Array | number {
  if (count < 2) return offset;
  const rest = text.slice(i).replace(/[\r\n]/g, '');
  const wanted = 4 - count;
  // Two padding characters belong together; Go reports the end of the input where the second one is missing.
  if (wanted === 2 && rest[1] !== '=') return rest[1] === undefined ? offset + 1 : offset;
  if (rest.length > wanted) return offset + wanted;
  let end = size;
  if (count === 2) out[end++] = (quad >> 4) & 255;
  else {
    out[end++] = (quad >> 10) & 255;
    out[end++] = (quad >> 2) & 255;
  }
  return out.subarray(0, end);
}
