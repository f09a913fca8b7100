/** PEM as Go's `encoding/pem` reads it: blocks anywhere in the text, broken ones skipped. */
import { Base64Error, decodeBase64 } from './base64.js';

export interface PemBlock {
  readonly type: string;
  readonly der: Uint8Array;
}

/** Next block at or after `from` and the index behind its last line; undefined when there is none. */
export function nextPemBlock(text: string, from = 0): { readonly block: PemBlock; readonly end: number } | undefined {
  const begin = /(?:^|\n)-----BEGIN ([^\r\n]*?)-----[ \t]*\r?\n/g;
  begin.lastIndex = from;
  // A block may start right at `from` only if that is the start of a line.
  if (from > 0 && text[from - 1] === '\n') begin.lastIndex = from - 1;
  for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
    const type = match[1] as string;
    const bodyStart = match.index + match[0].length;
    const endMark = `-----END ${type}-----`;
    const bodyEnd = text.indexOf(endMark, bodyStart);
    if (bodyEnd < 0) continue;
    const lineEnd = /[ \t]*(?:\r?\n|$)/y;
    lineEnd.lastIndex = bodyEnd + endMark.length;
    const tail = lineEnd.exec(text);
    const der = tail === null ? undefined : bodyOf(text.slice(bodyStart, bodyEnd));
    if (tail !== null && der !== undefined) return { block: { type, der }, end: tail.index + tail[0].length };
    begin.lastIndex = bodyStart - 1;
  }
  return undefined;
}

/** Every readable block. */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (let next = nextPemBlock(text); next !== undefined; next = nextPemBlock(text, next.end)) blocks.push(next.block);
  return blocks;
}

function bodyOf(text: string): Uint8Array | undefined {
  // RFC 1421 headers (`Proc-Type: ...`) end at a blank line.
  let body = text;
  for (let line = /^[^\n:]*:[^\n]*\n/.exec(body); line !== null; line = /^[^\n:]*:[^\n]*\n/.exec(body)) {
    body = body.slice(line[0].length);
  }
  if (body.includes('-----')) return undefined;
  try {
    return decodeBase64(body.replace(/[ \t]+(?=\r?\n|$)/g, '').replace(/^\r?\n/, ''));
  } catch (error) {
    if (error instanceof Base64Error) return undefined;
    throw error;
  }
}
