/**
 * Decrypts a layer as it streams by. The verdict comes at the end: whoever reads must neither publish nor unpack for good
 * before the stream has ended without an error.
 */
import { createDecipheriv } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { constantTimeEqual, encodeHex } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { type CountDigests, countHere, type Digests } from './digests.js';
import { type PrivateOptions, type PublicOptions, unusable } from './options.js';
import { pieces } from './pieces.js';

/** Streams whose digests are counted. */
const ENCRYPTED = 0;
const PLAIN = 1;

/** Takes ciphertext, gives the (compressed) layer, and fails at its end when the ciphertext or the result is not what it should be. */
export class LayerDecryption extends Transform {
  readonly #decipher;
  readonly #key: Uint8Array;
  readonly #publicOptions: PublicOptions;
  readonly #digest: string;
  readonly #layer: string;
  readonly #count: CountDigests;
  #digests: Digests | undefined;
  #size = 0;

  /**
   * @param layer name of the layer, for errors
   * @param count who counts the digests
   * @throws AssayError `image.layer.cipher` when no set of options has a nonce: other tools then invent one and return garbage
   */
  constructor(
    publicOptions: PublicOptions,
    privateOptions: PrivateOptions,
    layer: string,
    count: CountDigests = countHere,
  ) {
    super();
    // Tools let the public nonce win, though nobody vouches for it: a wrong one is found by the digest of the result.
    const nonce = publicOptions.nonce ?? privateOptions.nonce;
    if (nonce === undefined) throw unusable(layer, 'neither set of options has a nonce');
    this.#decipher = createDecipheriv('aes-256-ctr', privateOptions.symmetricKey, nonce);
    this.#key = privateOptions.symmetricKey;
    this.#publicOptions = publicOptions;
    this.#digest = privateOptions.digest;
    this.#layer = layer;
    this.#count = count;
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#decrypt(chunk).then(() => done(), done);
  }

  async #decrypt(chunk: Uint8Array): Promise<void> {
    const digests = this.#counting();
    for (const piece of pieces(chunk)) {
      this.#size += piece.length;
      const full = digests.update(ENCRYPTED, piece);
      if (full !== undefined) await full;
      const plain = this.#decipher.update(piece);
      const fullToo = digests.update(PLAIN, plain);
      if (fullToo !== undefined) await fullToo;
      this.push(plain);
    }
  }

  /** Fails with AssayError `image.layer.hmac` or `image.layer.plain-digest`. */
  override _flush(done: TransformCallback): void {
    this.#finish().then(() => done(), done);
  }

  async #finish(): Promise<void> {
    this.#decipher.final();
    const layer = this.#layer;
    const [[hmac] = [], [plain] = []] = await this.#counting().finish();
    if (hmac === undefined || plain === undefined) throw new Error('a digest is missing');
    if (!constantTimeEqual(hmac, this.#publicOptions.hmac)) {
      throw assayError('image.layer.hmac', { params: { layer, bytes: this.#size }, subject: layer });
    }
    const expected = this.#digest;
    const actual = `${this.#algorithm}:${encodeHex(plain)}`;
    if (actual !== expected) {
      const params = { layer, actual, expected };
      throw assayError('image.layer.plain-digest', { params, subject: layer, expected, actual });
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#digests?.close();
    done(error);
  }

  get #algorithm(): string {
    return this.#digest.slice(0, this.#digest.indexOf(':'));
  }

  /** Begun with the first bytes: a stream that is never read holds nothing. */
  #counting(): Digests {
    const hmac = { algorithm: 'sha256', key: this.#key };
    this.#digests ??= this.#count([[hmac], [{ algorithm: this.#algorithm }]]);
    return this.#digests;
  }
}
