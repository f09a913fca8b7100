import { timingSafeEqual } from 'node:crypto';

/** One new array holding the parts in order. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Compares in time that depends on the lengths only. Use it for secrets, MACs, digests and nonces.
 *
 * Different lengths are unequal at once: lengths are public wherever this is used.
 */
export function constantTimeEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
