import { DecodeError } from '../decode-error.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** UTF-8 bytes of a text. A lone surrogate has none: it is refused instead of becoming U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const at = text.search(/\p{Surrogate}/u);
  if (at !== -1) throw new DecodeError('UTF-8', 'lone surrogate', at);
  return encoder.encode(text);
}

/** Decodes well-formed UTF-8; a byte order mark stays in the text as U+FEFF. @throws DecodeError */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new DecodeError('UTF-8', 'not well-formed');
  }
}
