/** Digests of content: `sha256:` and `sha512:` with lower-case hex, and the streams that check them. */
import { createHash, type Hash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { encodeHex } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';

/** A digest whose form has been checked. */
export type Digest = string & { readonly __brand: 'Digest' };

const FORM = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export function isDigest(text: string): text is Digest {
  return FORM.test(text);
}

export function sha256Digest(bytes: Uint8Array): Digest {
  return finish(createHash('sha256').update(bytes), 'sha256');
}

/** A hash of the algorithm that a digest names. */
export function hashFor(digest: Digest): Hash {
  return createHash(algorithmOf(digest));
}

export function algorithmOf(digest: Digest): string {
  return digest.slice(0, digest.indexOf(':'));
}

function finish(hash: Hash, algorithm: string): Digest {
  return `${algorithm}:${hash.digest('hex')}` as Digest;
}

/** What was counted with the algorithm of another digest. */
export function digestFrom(other: Digest, counted: Uint8Array): Digest {
  return `${algorithmOf(other)}:${encodeHex(counted)}` as Digest;
}

/** @throws AssayError `image.manifest.digest` */
export function checkDigest(bytes: Uint8Array, expected: Digest): void {
  const actual = finish(hashFor(expected).update(bytes), algorithmOf(expected));
  if (actual !== expected) throw differing(expected, actual);
}

/** Passes content on and fails at its end, or as soon as it is too long, unless it has this digest and size. */
export class DigestCheck extends Transform {
  readonly #hash: Hash;
  readonly #expected: Digest;
  readonly #size: number;
  #seen = 0;

  constructor(expected: Digest, size: number) {
    super();
    this.#hash = hashFor(expected);
    this.#expected = expected;
    this.#size = size;
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#seen += chunk.length;
    if (this.#seen > this.#size) {
      done(differing(this.#expected, `more than ${this.#size} bytes`));
      return;
    }
    this.#hash.update(chunk);
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    if (this.#seen !== this.#size) {
      done(differing(this.#expected, `${this.#seen} bytes instead of ${this.#size}`));
      return;
    }
    const actual = finish(this.#hash, algorithmOf(this.#expected));
    done(actual === this.#expected ? null : differing(this.#expected, actual));
  }
}

/** AssayError `image.manifest.digest`. @param actual digest, or what is wrong with the size */
export function differing(expected: Digest, actual: string): Error {
  return assayError('image.manifest.digest', {
    params: { blob: 'content', actual, expected },
    subject: expected,
    expected,
    actual,
  });
}
