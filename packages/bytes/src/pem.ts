import { decodeBase64, encodeBase64 } from './codec/base64.js';
import { DecodeError } from './decode-error.js';

export interface PemBlock {
  /** What stands after BEGIN, e.g. `CERTIFICATE`. */
  readonly label: string;
  readonly bytes: Uint8Array;
}

const BOUNDARY = /^-----(BEGIN|END) ([A-Z0-9](?:[A-Z0-9 ]*[A-Z0-9])?)-----$/;
const MAX_LINE = 76;

/**
 * Reads all blocks of a PEM text (RFC 7468). Explanatory text outside the blocks is allowed, as `openssl` writes it; inside there is
 * base64 and nothing else (no RFC 1421 headers, hence no legacy encryption).
 *
 * @throws DecodeError, e.g. for an unclosed block or a text without any block.
 */
export function decodePem(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let label: string | undefined;
  let body: string[] = [];
  let offset = 0;
  for (const raw of text.split('\n')) {
    const line = raw.trimEnd();
    // Most lines are base64: they need no closer look.
    const boundary = line.startsWith('-----') ? BOUNDARY.exec(line) : null;
    const name = boundary?.[2];
    if (boundary?.[1] === 'BEGIN' && name !== undefined) {
      if (label !== undefined) throw new DecodeError('PEM', 'block begins inside another', offset);
      label = name;
      body = [];
    } else if (boundary?.[1] === 'END' && name !== undefined) {
      if (label !== name) throw new DecodeError('PEM', 'END does not match BEGIN', offset);
      blocks.push({ label, bytes: decodeBody(body, offset) });
      label = undefined;
    } else if (line.startsWith('-----')) {
      throw new DecodeError('PEM', 'malformed boundary line', offset);
    } else if (label !== undefined) {
      if (line.length > MAX_LINE) throw new DecodeError('PEM', `line is longer than ${MAX_LINE} characters`, offset);
      body.push(line);
    }
    offset += raw.length + 1;
  }
  if (label !== undefined) throw new DecodeError('PEM', 'block is not closed', offset);
  if (blocks.length === 0) throw new DecodeError('PEM', 'no block found');
  return blocks;
}

/** Writes one block with lines of 64 characters, ending in a line feed. */
export function encodePem(label: string, bytes: Uint8Array): string {
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function decodeBody(lines: readonly string[], offset: number): Uint8Array {
  try {
    return decodeBase64(lines.join(''));
  } catch (cause) {
    throw new DecodeError('PEM', 'body is not base64', offset, { cause });
  }
}
