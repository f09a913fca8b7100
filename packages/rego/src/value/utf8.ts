/**
 * Texts and bytes. Go strings are byte sequences: decoding base64 or hex may give bytes that are not UTF-8, and encoding
 * the text again must return them. Bytes outside a valid sequence become the lone low surrogates U+DC80 to U+DCFF (the
 * convention of Python's PEP 383), which no valid text holds: each counts as one character, printing turns it into
 * U+FFFD, and {@link utf8Encode} turns it back into its byte.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LONE_SURROGATE = /\p{Surrogate}/u;

/** The bytes of a text; raw-byte marks become their bytes again, other lone surrogates U+FFFD. */
export function utf8Encode(text: string): Uint8Array {
  if (!LONE_SURROGATE.test(text)) return encoder.encode(text);
  const out: number[] = [];
  for (const ch of text) {
    const cp = ch.codePointAt(0) ?? 0;
    if (cp >= 0xdc80 && cp <= 0xdcff) out.push(cp - 0xdc00);
    else for (const byte of encoder.encode(ch)) out.push(byte);
  }
  return Uint8Array.from(out);
}

/** The text of a byte sequence; invalid bytes become raw-byte marks, one each. */
export function utf8Decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return decodeLossless(bytes);
  }
}

function decodeLossless(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; ) {
    const n = sequenceLength(bytes, i);
    if (n === 0) {
      parts.push(String.fromCharCode(0xdc00 + (bytes[i] ?? 0)));
      i++;
    } else {
      parts.push(decoder.decode(bytes.subarray(i, i + n)));
      i += n;
    }
  }
  return parts.join('');
}

/** Length of the valid UTF-8 sequence at `i` (RFC 3629 table), 0 when there is none. */
function sequenceLength(bytes: Uint8Array, i: number): number {
  const at = (k: number): number => bytes[i + k] ?? 0;
  const tail = (k: number): boolean => (at(k) & 0xc0) === 0x80;
  const lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (lead === 0xe0 && at(1) < 0xa0) return 0;
    if (lead === 0xed && at(1) > 0x9f) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (lead === 0xf0 && at(1) < 0x90) return 0;
    if (lead === 0xf4 && at(1) > 0x8f) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}
