import { decodeUtf8 } from '../codec/utf8.js';
import { DecodeError } from '../decode-error.js';
import { decodeOid } from './oid.js';
import { contextTag, DER_TAG } from './tag.js';
import { decodeGeneralizedTime, decodeUtcTime } from './time.js';

export interface DerBitString {
  /** Bits of the last octet that do not count (0 to 7); they are zero. */
  readonly unusedBits: number;
  readonly bytes: Uint8Array;
}

/** Nesting limit: certificates need about 12. */
const MAX_DEPTH = 32;

/**
 * One element as a reader finds it. Its views of the input are made only for who asks: most elements are only walked through.
 */
export class DerElement {
  /** Identifier octet. */
  readonly tag: number;
  /** Offset of the first content octet in the outermost input. */
  readonly contentOffset: number;
  /** What the positions are of. */
  readonly input: Uint8Array;
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;

  constructor(input: Uint8Array, base: number, tag: number, start: number, contentStart: number, end: number) {
    this.tag = tag;
    this.contentOffset = base + contentStart;
    this.input = input;
    this.start = start;
    this.contentStart = contentStart;
    this.end = end;
  }

  /** Content octets. */
  get content(): Uint8Array {
    return this.input.subarray(this.contentStart, this.end);
  }

  /** The whole encoding: what a signature covers. */
  get encoded(): Uint8Array {
    return this.input.subarray(this.start, this.end);
  }

  /** Whether two elements are encoded alike. */
  equals(other: DerElement): boolean {
    const length = this.end - this.start;
    if (other.end - other.start !== length) return false;
    for (let at = 0; at < length; at += 1) {
      if (this.input[this.start + at] !== other.input[other.start + at]) return false;
    }
    return true;
  }
}

/**
 * Strict reader of DER (X.690 sections 8, 10 and 11): definite minimal lengths, minimal integers and object identifiers, one encoding of
 * BOOLEAN, zero unused bits. Low tag numbers (0 to 30) only; no format read here uses others.
 *
 * Call {@link end} when done: trailing bytes are an error, never ignored.
 */
export class DerReader {
  readonly #input: Uint8Array;
  /** Offset of the input's first byte in the outermost input. */
  readonly #base: number;
  readonly #depth: number;
  readonly #end: number;
  #at: number;
  /** Where the content of the element began that was read last; it ends at `#at`. */
  #content: number;

  /** @param start, end part of the input that is read; by default all of it */
  constructor(input: Uint8Array, base = 0, depth = 0, start = 0, end = input.length) {
    if (depth > MAX_DEPTH) throw new DecodeError('DER', `nesting is deeper than ${MAX_DEPTH}`, base + start);
    this.#input = input;
    this.#base = base;
    this.#depth = depth;
    this.#at = start;
    this.#end = end;
    this.#content = start;
  }

  get atEnd(): boolean {
    return this.#at === this.#end;
  }

  /** Offset of the next byte in the outermost input. */
  get offset(): number {
    return this.#base + this.#at;
  }

  /** Identifier octet of the next element; undefined at the end. */
  peekTag(): number | undefined {
    return this.#at < this.#end ? this.#input[this.#at] : undefined;
  }

  /** The next element, whatever it is. */
  any(): DerElement {
    return this.#next();
  }

  #next(): DerElement {
    const start = this.#at;
    const tag = this.#pass();
    return new DerElement(this.#input, this.#base, tag, start, this.#content, this.#at);
  }

  /** Goes behind the next element. Most are only asked for what is in them: no object is made of those. @returns its identifier octet */
  #pass(): number {
    const start = this.#at;
    const tag = this.#octet('tag');
    if ((tag & 0x1f) === 0x1f) throw new DecodeError('DER', 'high tag number', this.#base + start);
    const length = this.#length();
    const left = this.#end - this.#at;
    if (length > left) throw this.#short('content', length, left);
    this.#content = this.#at;
    this.#at += length;
    return tag;
  }

  /** The next element, which must have this identifier octet. */
  element(tag: number): DerElement {
    this.#expect(tag);
    return this.#next();
  }

  #expect(tag: number): void {
    const actual = this.peekTag();
    if (actual === tag) return;
    const found = actual === undefined ? 'nothing' : hexTag(actual);
    throw new DecodeError('DER', `tag ${hexTag(tag)} is due, found ${found}`, this.offset);
  }

  /** Goes behind the next element, which must have this identifier octet. */
  #due(tag: number): void {
    this.#expect(tag);
    this.#pass();
  }

  /** Offset in the outermost input of the content that was read last, for errors. */
  get #contentOffset(): number {
    return this.#base + this.#content;
  }

  /** The next element if it has this identifier octet. */
  optional(tag: number): DerElement | undefined {
    return this.peekTag() === tag ? this.#next() : undefined;
  }

  /** A reader of a constructed element's content. */
  inside(element: DerElement): DerReader {
    if ((element.tag & 0x20) === 0) {
      throw new DecodeError('DER', `tag ${hexTag(element.tag)} is not constructed`, element.contentOffset);
    }
    const depth = this.#depth + 1;
    const { contentOffset, contentStart, end, input } = element;
    return new DerReader(input, contentOffset - contentStart, depth, contentStart, end);
  }

  /** A reader of the element itself: what comes next is the element, and nothing after it. */
  again(element: DerElement): DerReader {
    const { contentOffset, contentStart, end, input, start } = element;
    return new DerReader(input, contentOffset - contentStart, this.#depth, start, end);
  }

  sequence(): DerReader {
    this.#due(DER_TAG.sequence);
    return new DerReader(this.#input, this.#base, this.#depth + 1, this.#content, this.#at);
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
    if (this.peekTag() !== contextTag(number, true)) return undefined;
    this.#pass();
    return new DerReader(this.#input, this.#base, this.#depth + 1, this.#content, this.#at);
  }

  boolean(): boolean {
    this.#due(DER_TAG.boolean);
    const octet = this.#input[this.#content];
    if (this.#at - this.#content !== 1 || (octet !== 0x00 && octet !== 0xff)) {
      throw new DecodeError('DER', 'BOOLEAN is neither 00 nor ff', this.#contentOffset);
    }
    return octet === 0xff;
  }

  integer(tag: number = DER_TAG.integer): bigint {
    this.#due(tag);
    const first = this.#firstOfInteger();
    const content = this.#input.subarray(this.#content, this.#at);
    const magnitude = BigInt(`0x${Buffer.from(content.buffer, content.byteOffset, content.length).toString('hex')}`);
    return first >= 0x80 ? magnitude - (1n << BigInt(8 * content.length)) : magnitude;
  }

  /** An INTEGER between 0 and 2^53 − 1 (versions, lengths, SVNs). */
  smallInteger(tag: number = DER_TAG.integer): number {
    const at = this.offset;
    this.#due(tag);
    const first = this.#firstOfInteger();
    // Seven octets hold 2^53 − 1; an eighth can only make the number larger.
    if (first < 0x80 && this.#at - this.#content <= 7) {
      let value = 0;
      for (let index = this.#content; index < this.#at; index += 1) {
        value = value * 256 + (this.#input[index] ?? 0);
      }
      if (Number.isSafeInteger(value)) return value;
    }
    throw new DecodeError('DER', 'INTEGER is out of range', at);
  }

  /** First octet of an INTEGER that is not empty and minimal. */
  #firstOfInteger(): number {
    const at = this.#content;
    const length = this.#at - at;
    const first = this.#input[at] ?? 0;
    if (length === 0) throw new DecodeError('DER', 'INTEGER is empty', this.#contentOffset);
    const second = this.#input[at + 1] ?? 0;
    if (length > 1 && ((first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80))) {
      throw new DecodeError('DER', 'INTEGER is not minimal', this.#contentOffset);
    }
    return first;
  }

  oid(): string {
    this.#due(DER_TAG.oid);
    return decodeOid(this.#input, this.#contentOffset, this.#content, this.#at);
  }

  octetString(): Uint8Array {
    this.#due(DER_TAG.octetString);
    return this.#input.subarray(this.#content, this.#at);
  }

  bitString(): DerBitString {
    this.#due(DER_TAG.bitString);
    const length = this.#at - this.#content;
    const unusedBits = length === 0 ? undefined : this.#input[this.#content];
    if (unusedBits === undefined || unusedBits > 7 || (unusedBits > 0 && length === 1)) {
      throw new DecodeError('DER', 'BIT STRING has no valid count of unused bits', this.#contentOffset);
    }
    const last = this.#input[this.#at - 1] ?? 0;
    if (length > 1 && (last & ((1 << unusedBits) - 1)) !== 0) {
      throw new DecodeError('DER', 'unused bits of BIT STRING are not zero', this.#contentOffset);
    }
    return { unusedBits, bytes: this.#input.subarray(this.#content + 1, this.#at) };
  }

  null(): void {
    this.#due(DER_TAG.null);
    if (this.#content !== this.#at) throw new DecodeError('DER', 'NULL has content', this.#contentOffset);
  }

  /** UTCTime or GeneralizedTime as RFC 5280 profiles them. */
  time(): Date {
    const tag = this.#pass();
    const offset = this.#contentOffset;
    if (tag === DER_TAG.utcTime) return decodeUtcTime(this.#input, offset, this.#content, this.#at);
    if (tag === DER_TAG.generalizedTime) return decodeGeneralizedTime(this.#input, offset, this.#content, this.#at);
    throw new DecodeError('DER', `a time is due, found tag ${hexTag(tag)}`, offset);
  }

  /** A character string of any of the types that names use, as text. */
  text(): string {
    return decodeText(this.any());
  }

  /** @throws DecodeError when elements are left. */
  end(): void {
    const left = this.#end - this.#at;
    if (left !== 0) throw new DecodeError('DER', `${left} bytes too many`, this.offset);
  }

  #octet(field: string): number {
    const octet = this.#at < this.#end ? this.#input[this.#at] : undefined;
    if (octet === undefined) throw this.#short(field, 1, 0);
    this.#at += 1;
    return octet;
  }

  #short(field: string, length: number, left: number): DecodeError {
    return new DecodeError('DER', `${field} needs ${length} bytes, ${left} are left`, this.offset);
  }

  #length(): number {
    const at = this.offset;
    const first = this.#octet('length');
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0) throw new DecodeError('DER', 'indefinite length', at);
    if (count > 4) throw new DecodeError('DER', 'length has more than four octets', at);
    let length = 0;
    for (let index = 0; index < count; index += 1) length = length * 256 + this.#octet('length');
    if (length < 0x80 || length < 256 ** (count - 1)) throw new DecodeError('DER', 'length is not minimal', at);
    return length;
  }
}

/**
 * Text of a string element: UTF8String, PrintableString, IA5String, VisibleString, TeletexString (as Latin-1), BMPString.
 *
 * @param tag of its type, where the element is tagged implicitly
 * @throws DecodeError
 */
export function decodeText(element: DerElement, tag: number = element.tag): string {
  switch (tag) {
    case DER_TAG.utf8String: {
      // Names are ASCII most of the time, and too short for what a decoder costs to start.
      const text = latin1(element);
      return ASCII.test(text) ? text : decodeUtf8(element.content);
    }
    case DER_TAG.printableString:
      return charset(element, /^[A-Za-z0-9 '()+,\-./:=?]*$/, 'PrintableString');
    case DER_TAG.ia5String:
      return charset(element, ASCII, 'IA5String');
    case DER_TAG.visibleString:
      return charset(element, /^[\x20-\x7e]*$/, 'VisibleString');
    case DER_TAG.teletexString:
      return latin1(element);
    case DER_TAG.bmpString: {
      const { content, contentOffset } = element;
      if (content.length % 2 !== 0) throw new DecodeError('DER', 'BMPString has an odd length', contentOffset);
      const text = Buffer.from(content).swap16().toString('utf16le');
      if (/[\ud800-\udfff]/.test(text)) throw new DecodeError('DER', 'BMPString holds a surrogate', contentOffset);
      return text;
    }
    default:
      throw new DecodeError('DER', `a character string is due, found tag ${hexTag(tag)}`, element.contentOffset);
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII, control characters included
const ASCII = /^[\x00-\x7f]*$/;

function charset(element: DerElement, allowed: RegExp, type: string): string {
  const text = latin1(element);
  if (!allowed.test(text)) throw new DecodeError('DER', `${type} holds a character it must not`, element.contentOffset);
  return text;
}

function latin1({ contentStart, end, input }: DerElement): string {
  return Buffer.from(input.buffer, input.byteOffset + contentStart, end - contentStart).toString('latin1');
}

function hexTag(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}
