/** Encrypts a layer as it streams by; memory does not grow with its size. */
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { NONCE_SIZE, type PrivateOptions, type PublicOptions, SYMMETRIC_KEY_SIZE } from './options.js';

/** What is known of a layer once all of it has been encrypted. */
export interface EncryptedLayer {
  readonly publicOptions: Omit<PublicOptions, 'cipher'>;
  readonly privateOptions: PrivateOptions;
  /** Digest of the ciphertext, for its descriptor. */
  readonly digest: string;
  /** Bytes; plain and encrypted layers have the same. */
  readonly size: number;
}

/** Takes a (compressed) layer, gives its ciphertext. */
export class LayerEncryption extends Transform {
  readonly #key: Uint8Array;
  readonly #nonce: Uint8Array;
  readonly #cipher;
  readonly #hmac;
  readonly #plain = createHash('sha256');
  readonly #encrypted = createHash('sha256');
  #size = 0;
  #result: EncryptedLayer | undefined;

  /** @param random source of the key and the nonce, which are fresh for every layer */
  constructor(random: (bytes: number) => Uint8Array) {
    super();
    this.#key = random(SYMMETRIC_KEY_SIZE);
    this.#nonce = random(NONCE_SIZE);
    this.#cipher = createCipheriv('aes-256-ctr', this.#key, this.#nonce);
    this.#hmac = createHmac('sha256', this.#key);
  }

  /** @throws Error before the end of the stream: the HMAC is of the whole layer */
  get result(): EncryptedLayer {
    if (this.#result === undefined) throw new Error('the layer has not been encrypted to its end');
    return this.#result;
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#plain.update(chunk);
    const encrypted = this.#cipher.update(chunk);
    this.#hmac.update(encrypted);
    this.#encrypted.update(encrypted);
    this.#size += encrypted.length;
    done(null, encrypted);
  }

  override _flush(done: TransformCallback): void {
    this.#cipher.final();
    this.#result = {
      publicOptions: { hmac: this.#hmac.digest() },
      privateOptions: {
        symmetricKey: this.#key,
        digest: `sha256:${this.#plain.digest('hex')}`,
        nonce: this.#nonce,
      },
      digest: `sha256:${this.#encrypted.digest('hex')}`,
      size: this.#size,
    };
    done();
  }
}
