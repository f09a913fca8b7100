import { DecodeError } from '../decode-error.js';

const MAX_ARCS = 32;

/**
 * Dotted form of the content octets of an OBJECT IDENTIFIER (X.690 section 8.19).
 *
 * @param offset of the content in the outermost input, for errors
 * @param start, end the content octets among `input`; by default all of it
 * @throws DecodeError
 */
export function decodeOid(input: Uint8Array, offset = 0, start = 0, end = input.length): string {
  if (start === end) throw new DecodeError('DER', 'object identifier is empty', offset);
  return smallArcs(input, start, end) ?? largeArcs(input.subarray(start, end), offset);
}

function largeArcs(content: Uint8Array, offset: number): string {
  const arcs: bigint[] = [];
  let value = 0n;
  let first = true;
  for (const [index, octet] of content.entries()) {
    if (first && octet === 0x80) throw new DecodeError('DER', 'object identifier arc is not minimal', offset + index);
    value = (value << 7n) | BigInt(octet & 0x7f);
    first = (octet & 0x80) === 0;
    // 128 bits are enough for the UUID arcs of 2.25; more is an attack on the reader.
    if (value >> 128n !== 0n) throw new DecodeError('DER', 'object identifier arc is too large', offset + index);
    if (!first) continue;
    arcs.push(value);
    value = 0n;
    if (arcs.length > MAX_ARCS)
      throw new DecodeError('DER', `object identifier has more than ${MAX_ARCS} arcs`, offset);
  }
  if (!first) throw new DecodeError('DER', 'object identifier ends inside an arc', offset + content.length);
  const [joined = 0n, ...others] = arcs;
  const root = joined < 80n ? joined / 40n : 2n;
  return [root, joined - root * 40n, ...others].join('.');
}

/** Arcs of up to four octets, which all but UUIDs have; undefined for everything else, faults included. */
function smallArcs(input: Uint8Array, start: number, end: number): string | undefined {
  let text = '';
  let arcs = 0;
  let value = 0;
  let octets = 0;
  for (let at = start; at < end; at += 1) {
    const octet = input[at] ?? 0;
    if (octets === 4 || (octets === 0 && octet === 0x80)) return undefined;
    value = value * 128 + (octet & 0x7f);
    octets += 1;
    if ((octet & 0x80) !== 0) continue;
    if (arcs === 0) {
      const root = value < 80 ? Math.floor(value / 40) : 2;
      text = `${root}.${value - root * 40}`;
    } else text += `.${value}`;
    arcs += 1;
    value = 0;
    octets = 0;
  }
  return octets === 0 && arcs <= MAX_ARCS ? text : undefined;
}

/** Content octets of a dotted object identifier. @throws DecodeError for a text that is none. */
export function encodeOid(text: string): Uint8Array {
  if (!/^[012](\.(0|[1-9][0-9]*))+$/.test(text)) throw new DecodeError('object identifier', 'not in dotted form');
  const [first = 0n, second = 0n, ...others] = text.split('.').map(BigInt);
  if (first < 2n && second > 39n) throw new DecodeError('object identifier', 'second arc is above 39');
  const octets: number[] = [];
  for (const arc of [first * 40n + second, ...others]) {
    const digits = [Number(arc & 0x7fn)];
    for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) digits.unshift(Number(rest & 0x7fn) | 0x80);
    octets.push(...digits);
  }
  return Uint8Array.from(octets);
}
