/** Encrypts a layer as it streams by; memory does not grow with its size. */
import { createCipheriv } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { encodeHex } from '@assay/bytes';
import { type CountDigests, countHere, type Digests } from './digests.js';
import { NONCE_SIZE, type PrivateOptions, type PublicOptions, SYMMETRIC_KEY_SIZE } from './options.js';
import { pieces } from './pieces.js';

/** What is known of a layer once all of it has been encrypted. */
export interface EncryptedLayer {
  readonly publicOptions: Omit<PublicOptions, 'cipher'>;
  readonly privateOptions: PrivateOptions;
  /** Digest of the ciphertext, for its descriptor. */
  readonly digest: string;
  /** Bytes; plain and encrypted layers have the same. */
  readonly size: number;
}

/** Streams whose digests are counted. */
const PLAIN = 0;
const ENCRYPTED = 1;

/** Takes a (compressed) layer, gives its ciphertext. */
export class LayerEncryption extends Transform {
  readonly #key: Uint8Array;
  readonly #nonce: Uint8Array;
  readonly #cipher;
  readonly #count: CountDigests;
  #digests: Digests | undefined;
  #size = 0;
  #result: EncryptedLayer | undefined;

  /**
   * @param random source of the key and the nonce, which are fresh for every layer
   * @param count who counts the digests
   */
  constructor(random: (bytes: number) => Uint8Array, count: CountDigests = countHere) {
    super();
    this.#count = count;
    this.#key = random(SYMMETRIC_KEY_SIZE);
    this.#nonce = random(NONCE_SIZE);
    this.#cipher = createCipheriv('aes-256-ctr', this.#key, this.#nonce);
  }

  /** @throws Error before the end of the stream: the HMAC is of the whole layer */
  get result(): EncryptedLayer {
    if (this.#result === undefined) throw new Error('the layer has not been encrypted to its end');
    return this.#result;
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#encrypt(chunk).then(() => done(), done);
  }

  async #encrypt(chunk: Uint8Array): Promise<void> {
    const digests = this.#counting();
    for (const piece of pieces(chunk)) {
      const encrypted = this.#cipher.update(piece);
      this.#size += encrypted.length;
      const full = digests.update(PLAIN, piece);
      if (full !== undefined) await full;
      const fullToo = digests.update(ENCRYPTED, encrypted);
      if (fullToo !== undefined) await fullToo;
      this.push(encrypted);
    }
  }

  override _flush(done: TransformCallback): void {
    this.#finish().then(() => done(), done);
  }

  async #finish(): Promise<void> {
    this.#cipher.final();
    const [[plain] = [], [encrypted, hmac] = []] = await this.#counting().finish();
    if (plain === undefined || encrypted === undefined || hmac === undefined) throw new Error('a digest is missing');
    this.#result = {
      publicOptions: { hmac },
      privateOptions: { symmetricKey: this.#key, digest: `sha256:${encodeHex(plain)}`, nonce: this.#nonce },
      digest: `sha256:${encodeHex(encrypted)}`,
      size: this.#size,
    };
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#digests?.close();
    done(error);
  }

  /** Begun with the first bytes: a stream that is never read holds nothing. */
  #counting(): Digests {
    const sha256 = { algorithm: 'sha256' };
    this.#digests ??= this.#count([[sha256], [sha256, { ...sha256, key: this.#key }]]);
    return this.#digests;
  }
}
