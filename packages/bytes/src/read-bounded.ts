/**
 * All bytes of a stream, as long as they are not more than its reader expects.
 *
 * @param most bytes
 * @param what names it in the error: `an answer`
 * @returns one array of its own
 * @throws RangeError at the first byte too many (the rest is not read: the end of the loop destroys a stream of Node), and what
 *   the stream throws
 */
export async function readBounded(content: AsyncIterable<Uint8Array>, most: number, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > most) throw new RangeError(`${what} longer than ${most} bytes`);
    chunks.push(chunk);
  }
  // Not as arguments of a call: there may be more chunks than a call takes.
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
