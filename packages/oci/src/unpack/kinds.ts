/** Kinds of entries that an archive may have. The library that reads archives takes every kind that it does not know for a file. */
import { Transform, type TransformCallback } from 'node:stream';
import { outside } from './root.js';

const BLOCK = 512;
/** POSIX's kinds, old tar's NUL for a file, and GNU's long names. Not GNU's sparse files: their content is a map and pieces. */
const KNOWN = '\x0001234567xgLK';
/** Links, devices, folders and pipes have nothing behind their header. */
const WITHOUT_BODY = '123456';
const EXTENSIONS = 'xgLK';
/** As long as the library takes. */
const LARGEST_EXTENSION = 8 * 1024 * 1024;

/** Passes an archive on, and fails at the header of an entry of another kind, with AssayError `image.unpack.path`. */
export class EntryKinds extends Transform {
  readonly #layer: string;
  /** Bytes of the header, or of the extension that says how long the next entry is. */
  #wanted: 'header' | 'extension' | 'nothing' = 'header';
  #parts: Uint8Array[] = [];
  #missing = BLOCK;
  #skip = 0;
  #size: number | undefined;

  constructor(layer: string) {
    super();
    this.#layer = layer;
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#follow(chunk);
      done(null, chunk);
    } catch (error) {
      done(error as Error);
    }
  }

  #follow(chunk: Uint8Array): void {
    for (let rest = chunk; rest.length > 0 && this.#wanted !== 'nothing'; ) {
      const skipped = Math.min(this.#skip, rest.length);
      this.#skip -= skipped;
      rest = rest.subarray(skipped);
      const part = rest.subarray(0, this.#missing);
      if (part.length > 0) this.#parts.push(part);
      this.#missing -= part.length;
      rest = rest.subarray(part.length);
      if (this.#missing === 0) this.#read(Buffer.concat(this.#parts.splice(0)));
    }
  }

  #read(bytes: Buffer): void {
    if (this.#wanted === 'extension') {
      const size = /(?:^|\n)\d+ size=(\d+)\n/.exec(bytes.toString('latin1'))?.[1];
      if (size !== undefined) this.#size = Number(size);
      this.#skip = padded(bytes.length) - bytes.length;
      this.#wanted = 'header';
      this.#missing = BLOCK;
    } else this.#readHeader(bytes);
  }

  #readHeader(header: Buffer): void {
    const kind = header.toString('latin1', 156, 157);
    const size = isHeader(header) ? numberOf(header, 124, 12) : undefined;
    // The archive's end, or what is no archive: that is told by who reads it.
    if (size === undefined) {
      this.#wanted = 'nothing';
      return;
    }
    if (!KNOWN.includes(kind)) {
      const name = header.toString('utf8', 0, 100).replace(/\0.*$/s, '');
      throw outside(name, this.#layer, `is an entry of kind ${JSON.stringify(kind)}`);
    }
    if (kind === 'x' && size > 0 && size <= LARGEST_EXTENSION) {
      this.#wanted = 'extension';
      this.#missing = size;
      this.#size = undefined;
      return;
    }
    const own = EXTENSIONS.includes(kind) ? size : (this.#size ?? size);
    this.#skip = WITHOUT_BODY.includes(kind) ? 0 : padded(own);
    if (!EXTENSIONS.includes(kind)) this.#size = undefined;
    this.#missing = BLOCK;
  }
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** By its checksum, which counts itself as spaces. */
function isHeader(block: Buffer): boolean {
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return numberOf(block, 148, 8) === sum;
}

/** In octal digits, or in binary where it is large. Undefined for neither. */
function numberOf(header: Buffer, at: number, length: number): number | undefined {
  const field = header.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) !== 0) return field.subarray(1).reduce((size, byte) => size * 256 + byte, 0);
  const digits = field.toString('latin1').replace(/\0.*$/s, '').trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : undefined;
}
