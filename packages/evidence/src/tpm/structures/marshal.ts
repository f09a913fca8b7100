/** Big-endian fields and sized buffers, as a TPM reads and writes them (TPM 2.0 Library, Part 1, section 4 and Part 2). */
import { type ByteReader, concatBytes, DecodeError } from '@assay/bytes';
import { hashById, type TpmHash } from './algorithm.js';

/** Appends fields; every number is checked against its width. */
export class TpmWriter {
  readonly #parts: Uint8Array[] = [];

  u8(value: number): this {
    return this.#unsigned(BigInt(value), 1);
  }

  u16(value: number): this {
    return this.#unsigned(BigInt(value), 2);
  }

  u32(value: number): this {
    return this.#unsigned(BigInt(value), 4);
  }

  u64(value: bigint): this {
    return this.#unsigned(value, 8);
  }

  /** Bytes without a size before them. */
  bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  /** A TPM2B: 16-bit size, then the bytes. */
  sized(bytes: Uint8Array): this {
    return this.u16(bytes.length).bytes(bytes);
  }

  finish(): Uint8Array {
    return concatBytes(...this.#parts);
  }

  #unsigned(value: bigint, size: number): this {
    if (value < 0n || value >= 1n << BigInt(8 * size)) throw new RangeError(`${value} does not fit ${size} bytes`);
    const field = new Uint8Array(size);
    for (let at = size - 1, rest = value; at >= 0; at -= 1, rest >>= 8n) field[at] = Number(rest & 0xffn);
    return this.bytes(field);
  }
}

/**
 * Reads a TPM2B.
 *
 * @param limit most bytes that it may hold, by its type in the library specification
 * @throws DecodeError
 */
export function readSized(reader: ByteReader, field: string, limit: number): Uint8Array {
  const at = reader.offset;
  const size = reader.u16be(`${field} size`);
  if (size > limit)
    throw new DecodeError('TPM structure', `${field} is ${size} bytes long; at most ${limit} are due`, at);
  return reader.bytes(size, field);
}

/** Reads a TPMI_ALG_HASH. @throws DecodeError for an algorithm that is no hash, or unknown here */
export function readHash(reader: ByteReader, field: string): TpmHash {
  const at = reader.offset;
  const id = reader.u16be(field);
  const hash = hashById(id);
  if (hash === undefined) {
    throw new DecodeError('TPM structure', `${field} is algorithm 0x${id.toString(16)}, no hash that is known`, at);
  }
  return hash.name;
}

/** A TPM2B as it is sent: size and content. */
export function marshalSized(bytes: Uint8Array): Uint8Array {
  return new TpmWriter().sized(bytes).finish();
}
