import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { digest, type HashAlgorithm } from '@assay/protocol';

/** What is measured: `<domain> <operation> <content>`. */
export interface MeasuredEvent {
  readonly domain: string;
  readonly operation: string;
  readonly content: string;
}

/** Why an event cannot be measured. */
export class EventError extends Error {
  override readonly name = 'EventError';
}

const EV_EVENT_TAG = 6;
/** `LEAA` on disk. */
const TAG = 0x4141454c;
const ALGORITHM_IDS: Readonly<Record<HashAlgorithm, number>> = { sha256: 0x0b, sha384: 0x0c, sha512: 0x0d, sm3: 0x12 };
/** Longest text, in bytes: the whole log travels in every piece of evidence. */
const MAX_TEXT = 64 * 1024;

/**
 * The text of an event. Readers cut it at its first two spaces, so that a domain or operation with one would be another event;
 * and one event is one line in the form of older releases.
 *
 * @throws EventError
 */
export function eventText({ domain, operation, content }: MeasuredEvent): string {
  for (const [name, value] of [
    ['domain', domain],
    ['operation', operation],
  ] as const) {
    if (value === '' || /[\s]/.test(value)) throw new EventError(`${name} is empty, or holds white space`);
  }
  if (/[\r\n]/.test(content)) throw new EventError('content holds a line break');
  const text = `${domain} ${operation} ${content}`;
  if (Buffer.byteLength(text) > MAX_TEXT) throw new EventError(`the event is longer than ${MAX_TEXT} bytes`);
  return text;
}

/** The event field: tag, length of the text, text. The digest covers all of it. */
export function eventField(text: string): Uint8Array {
  const bytes = encodeUtf8(text);
  return concatBytes(u32(TAG), u32(bytes.length), bytes);
}

export function eventDigest(algorithm: HashAlgorithm, text: string): Uint8Array {
  return digest(algorithm, eventField(text));
}

/** An entry of the log (TCG2 crypto-agile format, little-endian). */
export function encodeEntry(register: number, algorithm: HashAlgorithm, text: string): Uint8Array {
  const field = eventField(text);
  return concatBytes(
    u32(register),
    u32(EV_EVENT_TAG),
    u32(1),
    u16(ALGORITHM_IDS[algorithm]),
    digest(algorithm, field),
    u32(field.length),
    field,
  );
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}
