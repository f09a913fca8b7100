/**
 * Decrypts a layer as it streams by. The verdict comes at the end: whoever reads must neither publish nor unpack for good
 * before the stream has ended without an error.
 */
import { createDecipheriv, createHash, createHmac } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { constantTimeEqual } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { type PrivateOptions, type PublicOptions, unusable } from './options.js';

/** Takes ciphertext, gives the (compressed) layer, and fails at its end when the ciphertext or the result is not what it should be. */
export class LayerDecryption extends Transform {
  readonly #decipher;
  readonly #hmac;
  readonly #plain;
  readonly #publicOptions: PublicOptions;
  readonly #digest: string;
  readonly #layer: string;
  #size = 0;

  /**
   * @param layer name of the layer, for errors
   * @throws AssayError `image.layer.cipher` when no set of options has a nonce: other tools then invent one and return garbage
   */
  constructor(publicOptions: PublicOptions, privateOptions: PrivateOptions, layer: string) {
    super();
    // Tools let the public nonce win, though nobody vouches for it: a wrong one is found by the digest of the result.
    const nonce = publicOptions.nonce ?? privateOptions.nonce;
    if (nonce === undefined) throw unusable(layer, 'neither set of options has a nonce');
    const [algorithm = ''] = privateOptions.digest.split(':');
    this.#decipher = createDecipheriv('aes-256-ctr', privateOptions.symmetricKey, nonce);
    this.#hmac = createHmac('sha256', privateOptions.symmetricKey);
    this.#plain = createHash(algorithm);
    this.#publicOptions = publicOptions;
    this.#digest = privateOptions.digest;
    this.#layer = layer;
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hmac.update(chunk);
    this.#size += chunk.length;
    const plain = this.#decipher.update(chunk);
    this.#plain.update(plain);
    done(null, plain);
  }

  /** Fails with AssayError `image.layer.hmac` or `image.layer.plain-digest`. */
  override _flush(done: TransformCallback): void {
    this.#decipher.final();
    if (!constantTimeEqual(this.#hmac.digest(), this.#publicOptions.hmac)) {
      const params = { layer: this.#layer, bytes: this.#size };
      done(assayError('image.layer.hmac', { params, subject: this.#layer }));
      return;
    }
    const [algorithm = ''] = this.#digest.split(':');
    const actual = `${algorithm}:${this.#plain.digest('hex')}`;
    if (actual !== this.#digest) {
      const params = { layer: this.#layer, actual, expected: this.#digest };
      done(assayError('image.layer.plain-digest', { params, subject: this.#layer, expected: this.#digest, actual }));
      return;
    }
    done();
  }
}
