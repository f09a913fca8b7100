/** Bytes that a cipher is given at once: OpenSSL's speed, without fresh pages of memory for each result. */
const PIECE = 64 * 1024;

/** A chunk in pieces, which are views of it. */
export function* pieces(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += PIECE) yield chunk.subarray(at, at + PIECE);
}
