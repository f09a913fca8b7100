/** Base64 with Go's rules and error texts: line breaks are skipped, anything else out of place names its byte. */

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_SAFE = `${STANDARD.slice(0, 62)}-_`;

export class Base64Error extends Error {
  override readonly name = 'Base64Error';

  constructor(offset: number) {
    super(`illegal base64 data at input byte ${offset}`);
  }
}

function table(alphabet: string): Int8Array {
  const out = new Int8Array(128).fill(-1);
  for (let i = 0; i < 64; i++) out[alphabet.charCodeAt(i)] = i;
  return out;
}

const STANDARD_TABLE = table(STANDARD);
const URL_TABLE = table(URL_SAFE);
const PAD = 0x3d;

/** RFC 4648 section 4, padding required. */
export function decodeBase64(text: string): Uint8Array {
  return decode(text, STANDARD_TABLE, true);
}

/** RFC 4648 section 5, with or without padding. */
export function decodeBase64Url(text: string): Uint8Array {
  return decode(text, URL_TABLE, text.endsWith('='));
}

function decode(text: string, codes: Int8Array, padded: boolean): Uint8Array {
  const out = new Uint8Array(Math.ceil(text.length / 4) * 3);
  let size = 0;
  let bits = 0;
  let count = 0;
  // Offsets count bytes of UTF-8 in Go; all characters before the first illegal one are ASCII, so units are bytes.
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 10 || unit === 13) continue;
    const code = unit < 128 ? (codes[unit] as number) : -1;
    if (code >= 0) {
      bits = (bits << 6) | code;
      if (++count === 4) {
        out[size++] = bits >> 16;
        out[size++] = (bits >> 8) & 0xff;
        out[size++] = bits & 0xff;
        bits = 0;
        count = 0;
      }
      continue;
    }
    if (unit !== PAD || !padded || count < 2) throw new Base64Error(i);
    endOfPadding(text, i, count);
    return flush(out, size, bits, count);
  }
  if (count === 1 || (padded && count > 0)) throw new Base64Error(text.length - count);
  return flush(out, size, bits, count);
}

function endOfPadding(text: string, at: number, count: number): void {
  let i = skipBreaks(text, at + 1);
  if (count === 2) {
    if (i === text.length) throw new Base64Error(text.length);
    if (text.charCodeAt(i) !== PAD) throw new Base64Error(i);
    i = skipBreaks(text, i + 1);
  }
  if (i < text.length) throw new Base64Error(i);
}

function skipBreaks(text: string, from: number): number {
  let i = from;
  while (text.charCodeAt(i) === 10 || text.charCodeAt(i) === 13) i++;
  return i;
}

function flush(out: Uint8Array, size: number, bits: number, count: number): Uint8Array {
  let end = size;
  if (count === 2) out[end++] = (bits >> 4) & 0xff;
  if (count === 3) {
    out[end++] = (bits >> 10) & 0xff;
    out[end++] = (bits >> 2) & 0xff;
  }
  return out.subarray(0, end);
}

export function encodeBase64(bytes: Uint8Array): string {
  return encode(bytes, STANDARD, '=');
}

/** Without padding. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encode(bytes, URL_SAFE, '');
}

function encode(bytes: Uint8Array, alphabet: string, pad: string): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b, c] = [bytes[i] as number, bytes[i + 1], bytes[i + 2]];
    const bits = (a << 16) | ((b ?? 0) << 8) | (c ?? 0);
    out += (alphabet[bits >> 18] as string) + (alphabet[(bits >> 12) & 63] as string);
    out += b === undefined ? pad : (alphabet[(bits >> 6) & 63] as string);
    out += c === undefined ? pad : (alphabet[bits & 63] as string);
  }
  return out;
}
