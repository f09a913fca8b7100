import { concatBytes } from '../bytes.js';
import { encodeUtf8 } from '../codec/utf8.js';
import { DecodeError } from '../decode-error.js';
import { encodeOid } from './oid.js';
import { contextTag, DER_TAG } from './tag.js';
import { formatGeneralizedTime } from './time.js';

/** One DER element: identifier octet, minimal definite length, content. */
export function derElement(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = concatBytes(...content);
  return concatBytes(Uint8Array.of(tag), lengthOctets(body.length), body);
}

export function derSequence(...elements: readonly Uint8Array[]): Uint8Array {
  return derElement(DER_TAG.sequence, ...elements);
}

/** SET OF: the elements are put in DER's order. */
export function derSetOf(...elements: readonly Uint8Array[]): Uint8Array {
  return derElement(DER_TAG.set, ...[...elements].sort(Buffer.compare));
}

export function derBoolean(value: boolean): Uint8Array {
  return derElement(DER_TAG.boolean, Uint8Array.of(value ? 0xff : 0x00));
}

export function derInteger(value: bigint | number): Uint8Array {
  const number = BigInt(value);
  let length = 1;
  while (BigInt.asIntN(8 * length, number) !== number) length += 1;
  const hex = BigInt.asUintN(8 * length, number)
    .toString(16)
    .padStart(2 * length, '0');
  return derElement(DER_TAG.integer, Buffer.from(hex, 'hex'));
}

/** INTEGER of an unsigned big-endian magnitude, as key and signature formats hold it. */
export function derUnsignedInteger(magnitude: Uint8Array): Uint8Array {
  return derInteger(magnitude.length === 0 ? 0n : BigInt(`0x${Buffer.from(magnitude).toString('hex')}`));
}

export function derOid(dotted: string): Uint8Array {
  return derElement(DER_TAG.oid, encodeOid(dotted));
}

export function derNull(): Uint8Array {
  return derElement(DER_TAG.null);
}

export function derOctetString(bytes: Uint8Array): Uint8Array {
  return derElement(DER_TAG.octetString, bytes);
}

/** @throws DecodeError when an unused bit is set: such a BIT STRING has no DER. */
export function derBitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  const last = bytes[bytes.length - 1];
  if (unusedBits < 0 || unusedBits > 7 || (last === undefined && unusedBits > 0)) {
    throw new DecodeError('DER', `${unusedBits} unused bits`);
  }
  if (last !== undefined && (last & ((1 << unusedBits) - 1)) !== 0)
    throw new DecodeError('DER', 'an unused bit is set');
  return derElement(DER_TAG.bitString, Uint8Array.of(unusedBits), bytes);
}

export function derUtf8String(text: string): Uint8Array {
  return derElement(DER_TAG.utf8String, encodeUtf8(text));
}

export function derPrintableString(text: string): Uint8Array {
  if (!/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text)) throw new DecodeError('DER', 'text is not a PrintableString');
  return derElement(DER_TAG.printableString, encodeUtf8(text));
}

export function derExplicit(number: number, ...content: readonly Uint8Array[]): Uint8Array {
  return derElement(contextTag(number, true), ...content);
}

/** UTCTime for the years 1950 to 2049, GeneralizedTime else (RFC 5280 section 4.1.2.5). Fractions of a second are dropped. */
export function derTime(time: Date): Uint8Array {
  const year = time.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) throw new DecodeError('DER', 'time is outside the years 0 to 9999');
  const text = formatGeneralizedTime(time);
  return year >= 1950 && year <= 2049
    ? derElement(DER_TAG.utcTime, encodeUtf8(text.slice(2)))
    : derElement(DER_TAG.generalizedTime, encodeUtf8(text));
}

function lengthOctets(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(0x80 | octets.length, ...octets);
}
