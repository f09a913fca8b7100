/** A strict DER reader (X.690), for certificates, requests and keys. */

export class DerError extends Error {
  override readonly name = 'DerError';
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
} as const;

/** Context-specific tag; `constructed` for explicit tags and sequences. */
export function contextTag(number: number, constructed = true): number {
  return 0x80 | (constructed ? 0x20 : 0) | number;
}

export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Header and content. */
  readonly whole: Uint8Array;
}

/** Reads the elements of one content in order. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isEmpty(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Tag of the next element, undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** Next element, which must carry this tag if one is given. */
  read(tag?: number): DerElement {
    const bytes = this.#bytes;
    const start = this.#at;
    const actual = bytes[start];
    if (actual === undefined) throw new DerError('asn1: syntax error: sequence truncated');
    if (tag !== undefined && actual !== tag) {
      throw new DerError(`asn1: structure error: tags don't match (0x${hex(tag)} vs 0x${hex(actual)})`);
    }
    if ((actual & 0x1f) === 0x1f) throw new DerError('asn1: structure error: high tag numbers are not supported');
    let at = start + 2;
    let length = bytes[start + 1];
    if (length === undefined) throw new DerError('asn1: syntax error: truncated tag or length');
    if (length === 0x80) throw new DerError('asn1: syntax error: indefinite length found (not DER)');
    if (length > 0x80) {
      const count = length & 0x7f;
      if (count > 4) throw new DerError('asn1: structure error: length too large');
      if (start + 2 + count > bytes.length) throw new DerError('asn1: syntax error: truncated tag or length');
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[at + i] as number);
      if ((bytes[at] as number) === 0) throw new DerError('asn1: structure error: superfluous leading zeros in length');
      if (length < 0x80) throw new DerError('asn1: structure error: non-minimal length');
      at += count;
    }
    if (at + length > bytes.length) throw new DerError('asn1: syntax error: data truncated');
    this.#at = at + length;
    return { tag: actual, content: bytes.subarray(at, at + length), whole: bytes.subarray(start, at + length) };
  }

  /** The next element if it carries this tag. */
  optional(tag: number): DerElement | undefined {
    return this.nextTag === tag ? this.read(tag) : undefined;
  }

  /** Reader over the content of the next element. */
  enter(tag: number): DerReader {
    return new DerReader(this.read(tag).content);
  }

  end(): void {
    if (!this.isEmpty) throw new DerError('asn1: syntax error: trailing data');
  }
}

function hex(tag: number): string {
  return tag.toString(16).padStart(2, '0');
}

/** Two's complement INTEGER in minimal form. */
export function readInteger(element: DerElement): bigint {
  const { content } = element;
  if (content.length === 0) throw new DerError('asn1: structure error: empty integer');
  const [first, second] = [content[0] as number, content[1]];
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw new DerError('asn1: structure error: integer not minimally-encoded');
  }
  let value = BigInt(`0x${bytesHex(content)}`);
  if (first >= 0x80) value -= 1n << BigInt(8 * content.length);
  return value;
}

function bytesHex(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += byte.toString(16).padStart(2, '0');
  return out;
}

export function readSmallInteger(element: DerElement): number {
  const value = readInteger(element);
  if (value < -0x80000000n || value > 0x7fffffffn) throw new DerError('asn1: structure error: integer too large');
  return Number(value);
}

export function readBoolean(element: DerElement): boolean {
  const value = element.content[0];
  if (element.content.length !== 1 || (value !== 0 && value !== 0xff)) {
    throw new DerError('asn1: syntax error: invalid boolean');
  }
  return value === 0xff;
}

/** Bits as bytes and their number. */
export function readBitString(element: DerElement): { readonly bytes: Uint8Array; readonly bits: number } {
  const unused = element.content[0];
  if (unused === undefined || unused > 7 || (unused > 0 && element.content.length === 1)) {
    throw new DerError('asn1: syntax error: invalid padding bits in BIT STRING');
  }
  const bytes = element.content.subarray(1);
  const last = bytes[bytes.length - 1] ?? 0;
  if ((last & ((1 << unused) - 1)) !== 0) throw new DerError('asn1: syntax error: invalid padding bits in BIT STRING');
  return { bytes, bits: bytes.length * 8 - unused };
}

/** Arcs of an OBJECT IDENTIFIER. */
export function readOid(element: DerElement): number[] {
  const { content } = element;
  if (content.length === 0 || content.length > 128) throw new DerError('asn1: structure error: bad OBJECT IDENTIFIER');
  const arcs: number[] = [];
  let value = 0;
  let fresh = true;
  for (const byte of content) {
    if (fresh && byte === 0x80) throw new DerError('asn1: syntax error: integer is not minimally encoded');
    value = value * 128 + (byte & 0x7f);
    if (value > 0x7fffffff) throw new DerError('asn1: structure error: base 128 integer too large');
    fresh = (byte & 0x80) === 0;
    if (!fresh) continue;
    if (arcs.length === 0) {
      const first = Math.min(2, Math.floor(value / 40));
      arcs.push(first, value - 40 * first);
    } else arcs.push(value);
    value = 0;
  }
  if (!fresh) throw new DerError('asn1: syntax error: truncated base 128 integer');
  return arcs;
}

/** RFC 5280 section 4.1.2.5: UTCTime or GeneralizedTime in UTC with seconds; milliseconds since the epoch. */
export function readTime(element: DerElement): number {
  const text = ascii(element.content);
  const match =
    element.tag === TAG.utcTime
      ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text)
      : element.tag === TAG.generalizedTime
        ? /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text)
        : null;
  if (match === null) throw new DerError('x509: malformed validity');
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const full = element.tag === TAG.utcTime ? (year < 50 ? 2000 + year : 1900 + year) : year;
  const date = new Date(0);
  date.setUTCFullYear(full, month - 1, day);
  date.setUTCHours(hour, minute, second, 0);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) {
    throw new DerError('x509: malformed validity');
  }
  return date.getTime();
}

export function ascii(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += String.fromCharCode(byte);
  return out;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Any of the character string types that names use. */
export function readText(element: DerElement): string {
  const { content, tag } = element;
  switch (tag) {
    case TAG.utf8String:
      try {
        return utf8.decode(content);
      } catch {
        throw new DerError('x509: invalid UTF-8 string');
      }
    case TAG.printableString:
    case TAG.ia5String:
    case 0x12:
      if (content.some((byte) => byte > 0x7f)) throw new DerError('x509: invalid character in string');
      return ascii(content);
    case TAG.teletexString:
      // In practice Latin-1 (RFC 5280 leaves it to the past).
      return ascii(content);
    case TAG.bmpString: {
      if (content.length % 2 !== 0) throw new DerError('x509: invalid BMPString');
      let out = '';
      for (let i = 0; i < content.length; i += 2) {
        out += String.fromCharCode(((content[i] as number) << 8) | (content[i + 1] as number));
      }
      return out;
    }
    default:
      throw new DerError(`x509: unsupported string type: 0x${hex(tag)}`);
  }
}
