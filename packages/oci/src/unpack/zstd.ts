/**
 * Decompression of Zstandard (RFC 8878): frames one after the other, as `zstd:chunked` and parallel compressors write them, with skippable
 * ones between them. Each frame has a decoder of its own: Node's stops after the first one.
 */
import { Duplex, pipeline, Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { concatBytes } from '@assay/bytes';
import { Decompress } from 'fzstd';

/** Decodes the one frame that it is given. */
type FrameDecoder = (frame: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

const FRAME = 0xfd2fb528;
/** The last four bits are anything. */
const SKIPPABLE = 0x184d2a50;
/** Memory that a frame may want, bytes: as much as `zstd` gives without being told to give more. */
const LARGEST_WINDOW = 128 * 2 ** 20;
const LARGEST_BLOCK = 128 * 1024;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

/** @param decode Node's own decoder where it has one (22.15 and later); it is five times as fast */
export function zstdDecompression(decode: FrameDecoder = DECODER): Duplex {
  return Duplex.from(async function* (source: AsyncIterable<Uint8Array>) {
    const parts = partsOf(source);
    for (;;) {
      const first = await parts.next();
      if (first.done === true) return;
      yield* decode(frameFrom(first.value, parts));
    }
  });
}

/** By a library of JavaScript. */
export async function* decodeByLibrary(frame: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoded: Uint8Array[] = [];
  const decoder = new Decompress((chunk) => {
    decoded.push(chunk);
  });
  for await (const part of frame) {
    decoder.push(part, false);
    yield* decoded.splice(0);
  }
  decoder.push(new Uint8Array(0), true);
  yield* decoded.splice(0);
}

/** By a stream that decodes one frame. */
export function decodeByStream(create: () => Duplex): FrameDecoder {
  // What goes wrong is told to who reads.
  return (frame) => pipeline(Readable.from(frame), create(), () => undefined) as AsyncIterable<Uint8Array>;
}

const own = (zlib as { readonly createZstdDecompress?: () => Duplex }).createZstdDecompress;
const DECODER: FrameDecoder = own === undefined ? decodeByLibrary : decodeByStream(own);

/** Part of a frame: its header, a block, its checksum. */
interface Part {
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

async function* frameFrom(first: Part, parts: AsyncIterator<Part>): AsyncGenerator<Uint8Array> {
  yield first.bytes;
  for (let { isLast } = first; !isLast; ) {
    const next = await parts.next();
    if (next.done === true) throw new Error('zstd: a frame is cut off');
    isLast = next.value.isLast;
    yield next.value.bytes;
  }
}

async function* partsOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Part> {
  const input = new Input(source);
  while (!(await input.atEnd())) {
    const magic = await input.take(4);
    const number = read(magic);
    if (number >>> 4 === SKIPPABLE >>> 4) await input.skip(read(await input.take(4)));
    else if (number === FRAME) yield* frameParts(magic, input);
    else throw new Error('zstd: no frame begins where one is due');
  }
}

async function* frameParts(magic: Uint8Array, input: Input): AsyncGenerator<Part> {
  const start = await input.take(1);
  const header = headerOf(start[0] ?? 0);
  const rest = await input.take(header.length);
  const window = header.windowOf(rest);
  if (window > LARGEST_WINDOW) throw new Error(`zstd: a frame wants ${window} bytes of memory, of ${LARGEST_WINDOW}`);
  yield { bytes: concatBytes(magic, start, rest), isLast: false };
  for (let isLast = false; !isLast; ) {
    const head = await input.take(3);
    const value = read(head);
    const [type, size] = [(value >> 1) & 3, value >> 3];
    if (type === RESERVED_BLOCK || size > LARGEST_BLOCK) throw new Error('zstd: a block is of no known kind or size');
    isLast = (value & 1) === 1;
    const body = await input.take(type === RLE_BLOCK ? 1 : size);
    yield { bytes: concatBytes(head, body), isLast: isLast && !header.hasChecksum };
  }
  if (header.hasChecksum) yield { bytes: await input.take(4), isLast: true };
}

/** What the first byte of a frame's header says of the others (RFC 8878, section 3.1.1.1). */
function headerOf(descriptor: number) {
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const windowBytes = isSingle ? 0 : 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = sizeFlag === 0 ? (isSingle ? 1 : 0) : 2 ** sizeFlag;
  return {
    hasChecksum: (descriptor & 4) !== 0,
    length: windowBytes + dictionaryBytes + sizeBytes,
    /** A frame in a single segment wants room for all of its content. */
    windowOf: (rest: Uint8Array): number => {
      if (isSingle) return read(rest.subarray(dictionaryBytes)) + (sizeBytes === 2 ? 256 : 0);
      const [byte = 0] = rest;
      const base = 2 ** (10 + (byte >> 3));
      return base + (base / 8) * (byte & 7);
    },
  };
}

/** Little-endian; eight bytes may lose their last bits, which do not matter for a limit. */
function read(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

/** Bytes by number, from chunks of any size. */
class Input {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  async atEnd(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return true;
      this.#rest = next.value;
    }
    return false;
  }

  /** Exactly so many. @throws Error at the end */
  async take(count: number): Promise<Uint8Array> {
    const taken: Uint8Array[] = [];
    for (let left = count; left > 0; ) {
      const part = await this.#some(left);
      taken.push(part);
      left -= part.length;
    }
    return taken.length === 1 ? (taken[0] as Uint8Array) : concatBytes(...taken);
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; ) left -= (await this.#some(left)).length;
  }

  async #some(most: number): Promise<Uint8Array> {
    if (await this.atEnd()) throw new Error('zstd: a frame is cut off');
    const part = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }
}
