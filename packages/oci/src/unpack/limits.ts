/** How large an image may be once it is unpacked: archives of a few kilobytes can be gigabytes of zeros. */
import type { Hash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { assayError } from '@assay/bytes/findings';
import { type Digest, hashFor } from '../model/digest.js';

export interface UnpackLimits {
  /** Bytes of all layers together, uncompressed. */
  readonly bytes: number;
  /** Entries of all layers together. */
  readonly entries: number;
  /** Uncompressed bytes for one compressed byte, once a layer has given {@link RATIO_FROM} bytes. Gzip reaches 1,032. */
  readonly ratio: number;
}

export const DEFAULT_LIMITS: UnpackLimits = { bytes: 32 * 2 ** 30, entries: 2_000_000, ratio: 250 };

export const RATIO_FROM = 64 * 2 ** 20;

/** Whether so many bytes are more than a layer of this size may become. */
export function isTooLarge(seen: number, size: number, { ratio } = DEFAULT_LIMITS): boolean {
  return seen > RATIO_FROM && seen > ratio * Math.max(1, size);
}

/** What has been unpacked so far, of all layers. */
export class UnpackBudget {
  #bytes = 0;
  #entries = 0;

  readonly limits: UnpackLimits;

  constructor(limits: UnpackLimits) {
    this.limits = limits;
  }

  /** @throws AssayError `image.unpack.size` */
  addBytes(count: number, layer: string): void {
    this.#bytes += count;
    if (this.#bytes > this.limits.bytes) throw tooLarge(layer, `more than ${this.limits.bytes} bytes in all`);
  }

  /** @throws AssayError `image.unpack.size` */
  addEntry(layer: string): void {
    this.#entries += 1;
    if (this.#entries > this.limits.entries) throw tooLarge(layer, `more than ${this.limits.entries} entries in all`);
  }
}

/**
 * Watches the archive of a layer as it comes out of the decompressor: it must not grow beyond the limits, and at its end it must be the one
 * that the image's configuration names. The HMAC of an encrypted layer does not cover its nonce: what it misses is found here.
 */
export class ArchiveCheck extends Transform {
  readonly #budget: UnpackBudget;
  readonly #compressed: number;
  readonly #layer: string;
  readonly #diffId: Digest;
  readonly #hash: Hash;
  #seen = 0;

  /** @param compressed size of the layer's blob, bytes */
  constructor(options: { budget: UnpackBudget; compressed: number; diffId: Digest; layer: string }) {
    super();
    this.#budget = options.budget;
    this.#compressed = options.compressed;
    this.#layer = options.layer;
    this.#diffId = options.diffId;
    this.#hash = hashFor(options.diffId);
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#seen += chunk.length;
    try {
      this.#budget.addBytes(chunk.length, this.#layer);
      if (isTooLarge(this.#seen, this.#compressed, this.#budget.limits)) {
        throw tooLarge(this.#layer, `${this.#compressed} bytes became more than ${this.#seen}`);
      }
      this.#hash.update(chunk);
      done(null, chunk);
    } catch (error) {
      done(error as Error);
    }
  }

  override _flush(done: TransformCallback): void {
    const expected = this.#diffId;
    const actual = `${expected.slice(0, expected.indexOf(':'))}:${this.#hash.digest('hex')}`;
    if (actual === expected) {
      done();
      return;
    }
    const params = { layer: this.#layer, actual, expected };
    done(assayError('image.layer.diff-id', { params, subject: this.#layer, expected, actual }));
  }
}

function tooLarge(layer: string, what: string): Error {
  return assayError('image.unpack.size', { params: { layer, what }, subject: layer });
}
