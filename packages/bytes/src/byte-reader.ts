import { DecodeError } from './decode-error.js';

/**
 * Reads a byte string front to back. Every read checks the bounds and throws a DecodeError that names the format, the field and the offset.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #format: string;
  readonly #base: number;
  #position = 0;

  /**
   * @param format what the bytes are, for errors
   * @param base offset of the first byte in the outermost input, so that errors of nested readers say where in the whole
   */
  constructor(bytes: Uint8Array, format: string, base = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#format = format;
    this.#base = base;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  /** Offset of the next byte in the outermost input. */
  get offset(): number {
    return this.#base + this.#position;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#take(1, field));
  }

  u16le(field: string): number {
    return this.#view.getUint16(this.#take(2, field), true);
  }

  u16be(field: string): number {
    return this.#view.getUint16(this.#take(2, field), false);
  }

  u32le(field: string): number {
    return this.#view.getUint32(this.#take(4, field), true);
  }

  u32be(field: string): number {
    return this.#view.getUint32(this.#take(4, field), false);
  }

  u64le(field: string): bigint {
    return this.#view.getBigUint64(this.#take(8, field), true);
  }

  u64be(field: string): bigint {
    return this.#view.getBigUint64(this.#take(8, field), false);
  }

  /** The next `length` bytes as a view of the input: copy before changing or keeping them beside a large input. */
  bytes(length: number, field: string): Uint8Array {
    const start = this.#take(length, field);
    return this.#bytes.subarray(start, start + length);
  }

  /** The next `length` bytes as a reader of their own. */
  sub(length: number, field: string): ByteReader {
    const base = this.offset;
    return new ByteReader(this.bytes(length, field), `${this.#format} ${field}`, base);
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.bytes(this.remaining, 'rest');
  }

  /** Reads `length` bytes that must all be zero (reserved fields). */
  zeros(length: number, field: string): void {
    const start = this.#take(length, field);
    for (let at = start; at < start + length; at += 1) {
      if (this.#bytes[at] !== 0) throw this.#error(`${field} is reserved and not zero`, at);
    }
  }

  skip(length: number, field: string): void {
    this.#take(length, field);
  }

  /** Looks at the next byte without reading it; undefined at the end. */
  peek(): number | undefined {
    return this.#bytes[this.#position];
  }

  /** @throws DecodeError when bytes are left: nothing is ignored silently. */
  end(): void {
    if (this.remaining !== 0) throw this.#error(`${this.remaining} bytes too many`, this.#position);
  }

  #take(length: number, field: string): number {
    if (!Number.isSafeInteger(length) || length < 0) throw this.#error(`${field} has no valid length`, this.#position);
    if (length > this.remaining) {
      throw this.#error(`${field} needs ${length} bytes, ${this.remaining} are left`, this.#position);
    }
    const start = this.#position;
    this.#position += length;
    return start;
  }

  #error(reason: string, at: number): DecodeError {
    return new DecodeError(this.#format, reason, this.#base + at);
  }
}
