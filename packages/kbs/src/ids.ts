import type { AttemptId } from './types.js';

/** Crockford's base 32, lower case: no i, l, o, u. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const ULID_PATTERN = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;
/** 2^48 - 1 milliseconds: the year 10889. */
const LAST_TIME = 281_474_976_710_655;

/** Source of strong random bytes; an argument, so that a run can be repeated. */
export type Random = (bytes: number) => Uint8Array;

/**
 * Makes ULIDs in lower case: 48 bits of time (milliseconds), 80 random bits, 26 characters. Of one source each id is greater
 * than the last, also within a millisecond and when the clock is set back: what was recorded later sorts later.
 */
export class Ulids {
  readonly #random: Random;
  #time = -1;
  #tail = new Uint8Array(10);

  constructor(random: Random) {
    this.#random = random;
  }

  next(now: Date): string {
    const time = now.getTime();
    if (time > this.#time) {
      this.#time = time;
      this.#tail = Uint8Array.from(exactly(this.#random, 10));
      // Room to count up: the first bit is not drawn.
      this.#tail[0] = (this.#tail[0] ?? 0) & 0x7f;
    } else {
      increment(this.#tail);
    }
    return timePart(new Date(this.#time)) + base32(this.#tail);
  }
}

/** The smallest ULID of an instant: where a list by time begins. There is none before 1970. */
export function ulidFloor(time: Date): string {
  return timePart(time.getTime() < 0 ? new Date(0) : time) + '0'.repeat(16);
}

/** The id as given by a caller (upper case is accepted), or undefined where it cannot be one. */
export function parseAttemptId(text: string): AttemptId | undefined {
  const lower = text.toLowerCase();
  return ULID_PATTERN.test(lower) ? (lower as AttemptId) : undefined;
}

/** UUIDv4 as 32 lower-case hex digits: the session cookie's value. */
export function newSessionId(random: Random): string {
  const bytes = Buffer.from(exactly(random, 16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex');
}

/** Whether a cookie's value can be one of ours; anything else never reaches the store. */
export function isSessionId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

function increment(bytes: Uint8Array): void {
  for (let i = bytes.length - 1; i >= 0; i--) {
    const byte = (bytes[i] ?? 0) + 1;
    bytes[i] = byte & 0xff;
    if (byte < 256) return;
  }
}

function base32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 5) {
      held -= 5;
      text += ALPHABET[(bits >>> held) & 31];
      bits &= (1 << held) - 1;
    }
  }
  return text;
}

function timePart(time: Date): string {
  let left = time.getTime();
  if (!Number.isSafeInteger(left) || left < 0 || left > LAST_TIME)
    throw new RangeError('time is outside what a ULID can hold');
  let text = '';
  for (let i = 0; i < 10; i++) {
    text = ALPHABET[left % 32] + text;
    left = Math.floor(left / 32);
  }
  return text;
}

function exactly(random: Random, count: number): Uint8Array {
  const bytes = random(count);
  if (bytes.length !== count) throw new Error(`the random source gave ${bytes.length} bytes instead of ${count}`);
  return bytes;
}
