import { DecodeError } from '../decode-error.js';

const MAX_ARCS = 32;

/** Dotted form of the content octets of an OBJECT IDENTIFIER (X.690 section 8.19). @throws DecodeError */
export function decodeOid(content: Uint8Array, offset = 0): string {
  if (content.length === 0) throw new DecodeError('DER', 'object identifier is empty', offset);
  const small = smallArcs(content);
  if (small !== undefined) return dotted(small);
  const arcs: bigint[] = [];
  let value = 0n;
  let start = true;
  for (const [index, octet] of content.entries()) {
    if (start && octet === 0x80) throw new DecodeError('DER', 'object identifier arc is not minimal', offset + index);
    value = (value << 7n) | BigInt(octet & 0x7f);
    start = (octet & 0x80) === 0;
    // 128 bits are enough for the UUID arcs of 2.25; more is an attack on the reader.
    if (value >> 128n !== 0n) throw new DecodeError('DER', 'object identifier arc is too large', offset + index);
    if (!start) continue;
    arcs.push(value);
    value = 0n;
    if (arcs.length > MAX_ARCS)
      throw new DecodeError('DER', `object identifier has more than ${MAX_ARCS} arcs`, offset);
  }
  if (!start) throw new DecodeError('DER', 'object identifier ends inside an arc', offset + content.length);
  const [joined = 0n, ...others] = arcs;
  const first = joined < 80n ? joined / 40n : 2n;
  return [first, joined - first * 40n, ...others].join('.');
}

/** Arcs of up to four octets, which all but UUIDs have; undefined for everything else, faults included. */
function smallArcs(content: Uint8Array): number[] | undefined {
  const arcs: number[] = [];
  let value = 0;
  let octets = 0;
  for (const octet of content) {
    if (octets === 4 || (octets === 0 && octet === 0x80)) return undefined;
    value = value * 128 + (octet & 0x7f);
    octets += 1;
    if ((octet & 0x80) !== 0) continue;
    arcs.push(value);
    value = 0;
    octets = 0;
  }
  return octets === 0 && arcs.length <= MAX_ARCS ? arcs : undefined;
}

function dotted(arcs: readonly number[]): string {
  const [joined = 0, ...others] = arcs;
  const first = joined < 80 ? Math.floor(joined / 40) : 2;
  return [first, joined - first * 40, ...others].join('.');
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
