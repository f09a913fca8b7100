import { ByteReader } from '../byte-reader.js';
import { decodeUtf8 } from '../codec/utf8.js';
import { DecodeError } from '../decode-error.js';
import { decodeOid } from './oid.js';
import { contextTag, DER_TAG } from './tag.js';
import { decodeGeneralizedTime, decodeUtcTime } from './time.js';

/** One element: identifier octet, content octets, and the whole encoding (what a signature covers). Views of the input. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly encoded: Uint8Array;
  /** Offset of the first content octet in the outermost input. */
  readonly contentOffset: number;
}

export interface DerBitString {
  /** Bits of the last octet that do not count (0 to 7); they are zero. */
  readonly unusedBits: number;
  readonly bytes: Uint8Array;
}

/** Nesting limit: certificates need about 12. */
const MAX_DEPTH = 32;

/**
 * Strict reader of DER (X.690 sections 8, 10 and 11): definite minimal lengths, minimal integers and object identifiers, one encoding of
 * BOOLEAN, zero unused bits. Low tag numbers (0 to 30) only; no format read here uses others.
 *
 * Call {@link end} when done: trailing bytes are an error, never ignored.
 */
export class DerReader {
  readonly #input: Uint8Array;
  readonly #bytes: ByteReader;
  readonly #base: number;
  readonly #depth: number;

  constructor(input: Uint8Array, base = 0, depth = 0) {
    if (depth > MAX_DEPTH) throw new DecodeError('DER', `nesting is deeper than ${MAX_DEPTH}`, base);
    this.#input = input;
    this.#bytes = new ByteReader(input, 'DER', base);
    this.#base = base;
    this.#depth = depth;
  }

  get atEnd(): boolean {
    return this.#bytes.remaining === 0;
  }

  /** Offset of the next byte in the outermost input. */
  get offset(): number {
    return this.#bytes.offset;
  }

  /** Identifier octet of the next element; undefined at the end. */
  peekTag(): number | undefined {
    return this.#bytes.peek();
  }

  /** The next element, whatever it is. */
  any(): DerElement {
    const start = this.#bytes.position;
    const tag = this.#bytes.u8('tag');
    if ((tag & 0x1f) === 0x1f) throw new DecodeError('DER', 'high tag number', this.#base + start);
    const length = this.#length();
    const contentOffset = this.#bytes.offset;
    const content = this.#bytes.bytes(length, 'content');
    return { tag, content, encoded: this.#input.subarray(start, this.#bytes.position), contentOffset };
  }

  /** The next element, which must have this identifier octet. */
  element(tag: number): DerElement {
    const at = this.#bytes.offset;
    const actual = this.#bytes.peek();
    if (actual !== tag) {
      const found = actual === undefined ? 'nothing' : hexTag(actual);
      throw new DecodeError('DER', `tag ${hexTag(tag)} is due, found ${found}`, at);
    }
    return this.any();
  }

  /** The next element if it has this identifier octet. */
  optional(tag: number): DerElement | undefined {
    return this.#bytes.peek() === tag ? this.any() : undefined;
  }

  /** A reader of a constructed element's content. */
  inside(element: DerElement): DerReader {
    if ((element.tag & 0x20) === 0) {
      throw new DecodeError('DER', `tag ${hexTag(element.tag)} is not constructed`, element.contentOffset);
    }
    return new DerReader(element.content, element.contentOffset, this.#depth + 1);
  }

  sequence(): DerReader {
    return this.inside(this.element(DER_TAG.sequence));
  }

  /** Elements of a SET OF, which DER keeps in ascending order of their encodings (X.690 section 11.6). */
  setOf(): DerElement[] {
    const inner = this.inside(this.element(DER_TAG.set));
    const elements: DerElement[] = [];
    for (let previous: DerElement | undefined; !inner.atEnd; ) {
      const element = inner.any();
      if (previous !== undefined && Buffer.compare(previous.encoded, element.encoded) > 0) {
        throw new DecodeError('DER', 'SET OF is not in order', element.contentOffset);
      }
      elements.push(element);
      previous = element;
    }
    return elements;
  }

  /** Content of an explicit tag `[number]`, if it comes next. */
  explicit(number: number): DerReader | undefined {
    const element = this.optional(contextTag(number, true));
    return element === undefined ? undefined : this.inside(element);
  }

  boolean(): boolean {
    const { content, contentOffset } = this.element(DER_TAG.boolean);
    const [octet] = content;
    if (content.length !== 1 || (octet !== 0x00 && octet !== 0xff)) {
      throw new DecodeError('DER', 'BOOLEAN is neither 00 nor ff', contentOffset);
    }
    return octet === 0xff;
  }

  integer(tag: number = DER_TAG.integer): bigint {
    const { content, contentOffset } = this.element(tag);
    const [first, second] = content;
    if (first === undefined) throw new DecodeError('DER', 'INTEGER is empty', contentOffset);
    if (second !== undefined && ((first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80))) {
      throw new DecodeError('DER', 'INTEGER is not minimal', contentOffset);
    }
    const magnitude = BigInt(`0x${Buffer.from(content).toString('hex')}`);
    return first >= 0x80 ? magnitude - (1n << BigInt(8 * content.length)) : magnitude;
  }

  /** An INTEGER between 0 and 2^53 − 1 (versions, lengths, SVNs). */
  smallInteger(tag: number = DER_TAG.integer): number {
    const at = this.offset;
    const value = Number(this.integer(tag));
    if (!Number.isSafeInteger(value) || value < 0) throw new DecodeError('DER', 'INTEGER is out of range', at);
    return value;
  }

  oid(): string {
    const { content, contentOffset } = this.element(DER_TAG.oid);
    return decodeOid(content, contentOffset);
  }

  octetString(): Uint8Array {
    return this.element(DER_TAG.octetString).content;
  }

  bitString(): DerBitString {
    const { content, contentOffset } = this.element(DER_TAG.bitString);
    const [unusedBits] = content;
    if (unusedBits === undefined || unusedBits > 7 || (unusedBits > 0 && content.length === 1)) {
      throw new DecodeError('DER', 'BIT STRING has no valid count of unused bits', contentOffset);
    }
    const last = content[content.length - 1] ?? 0;
    if (content.length > 1 && (last & ((1 << unusedBits) - 1)) !== 0) {
      throw new DecodeError('DER', 'unused bits of BIT STRING are not zero', contentOffset);
    }
    return { unusedBits, bytes: content.subarray(1) };
  }

  null(): void {
    const { content, contentOffset } = this.element(DER_TAG.null);
    if (content.length !== 0) throw new DecodeError('DER', 'NULL has content', contentOffset);
  }

  /** UTCTime or GeneralizedTime as RFC 5280 profiles them. */
  time(): Date {
    const element = this.any();
    const text = latin1(element.content);
    if (element.tag === DER_TAG.utcTime) return decodeUtcTime(text, element.contentOffset);
    if (element.tag === DER_TAG.generalizedTime) return decodeGeneralizedTime(text, element.contentOffset);
    throw new DecodeError('DER', `a time is due, found tag ${hexTag(element.tag)}`, element.contentOffset);
  }

  /** A character string of any of the types that names use, as text. */
  text(): string {
    return decodeText(this.any());
  }

  /** @throws DecodeError when elements are left. */
  end(): void {
    this.#bytes.end();
  }

  #length(): number {
    const at = this.#bytes.offset;
    const first = this.#bytes.u8('length');
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0) throw new DecodeError('DER', 'indefinite length', at);
    if (count > 4) throw new DecodeError('DER', 'length has more than four octets', at);
    let length = 0;
    for (let index = 0; index < count; index += 1) length = length * 256 + this.#bytes.u8('length');
    if (length < 0x80 || length < 256 ** (count - 1)) throw new DecodeError('DER', 'length is not minimal', at);
    return length;
  }
}

/** Text of a string element: UTF8String, PrintableString, IA5String, VisibleString, TeletexString (as Latin-1), BMPString. @throws DecodeError */
export function decodeText(element: DerElement): string {
  const { content, contentOffset } = element;
  switch (element.tag) {
    case DER_TAG.utf8String:
      return decodeUtf8(content);
    case DER_TAG.printableString:
      return charset(content, /^[A-Za-z0-9 '()+,\-./:=?]*$/, 'PrintableString', contentOffset);
    case DER_TAG.ia5String:
      // biome-ignore lint/suspicious/noControlCharactersInRegex: IA5 is all of ASCII, control characters included
      return charset(content, /^[\x00-\x7f]*$/, 'IA5String', contentOffset);
    case DER_TAG.visibleString:
      return charset(content, /^[\x20-\x7e]*$/, 'VisibleString', contentOffset);
    case DER_TAG.teletexString:
      return latin1(content);
    case DER_TAG.bmpString: {
      if (content.length % 2 !== 0) throw new DecodeError('DER', 'BMPString has an odd length', contentOffset);
      const text = Buffer.from(content).swap16().toString('utf16le');
      if (/[\ud800-\udfff]/.test(text)) throw new DecodeError('DER', 'BMPString holds a surrogate', contentOffset);
      return text;
    }
    default:
      throw new DecodeError('DER', `a character string is due, found tag ${hexTag(element.tag)}`, contentOffset);
  }
}

function charset(content: Uint8Array, allowed: RegExp, type: string, offset: number): string {
  const text = latin1(content);
  if (!allowed.test(text)) throw new DecodeError('DER', `${type} holds a character it must not`, offset);
  return text;
}

function latin1(content: Uint8Array): string {
  return Buffer.from(content).toString('latin1');
}

function hexTag(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}
