/**
 * The measurement key of a request, on its way through the guest: only its maker can open it, and only its maker can have made it.
 *
 * The wire carries measurement key and nonce under an RSA key. Anybody who knows the public half could seal a key of his own, and
 * compute measurements with it that look genuine. So the measurement key is no free choice here: it follows from the nonce by an HMAC
 * under a key that is derived from the private half, and what does not follow was not made by this server.
 */
import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto';
import { constantTimeEqual } from '@assay/bytes';
import { MEASUREMENT_KEY_SIZE, NONCE_SIZE } from './request.js';

/** Least size of the RSA key in bits. */
const LEAST_BITS = 2048;
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const;

/** What a request is measured with. Secret. */
export interface RequestSecrets {
  readonly nonce: Uint8Array;
  readonly measurementKey: Uint8Array;
}

/** Seals and opens the secrets of requests. Two servers with one private key open each other's. */
export class MeasurementSeal {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #derivationKey: Uint8Array;
  /** Bytes of a sealed member. */
  readonly size: number;

  /** @param privateKey an RSA key, as PKCS#8 or PKCS#1 PEM or as a key. @throws RangeError for another key */
  constructor(privateKey: string | KeyObject) {
    this.#privateKey = readKey(privateKey);
    const bits = this.#privateKey.asymmetricKeyDetails?.modulusLength ?? 0;
    if (this.#privateKey.asymmetricKeyType !== 'rsa' || bits < LEAST_BITS) {
      throw new RangeError(`the measurement key pair is not RSA of at least ${LEAST_BITS} bits`);
    }
    this.#publicKey = createPublicKey(this.#privateKey);
    this.size = Math.ceil(bits / 8);
    const material = this.#privateKey.export({ format: 'der', type: 'pkcs8' });
    this.#derivationKey = new Uint8Array(hkdfSync('sha512', material, 'assay se', 'measurement keys of requests', 64));
  }

  /** The secrets that belong to a nonce. */
  secrets(nonce: Uint8Array): RequestSecrets {
    const measurementKey = new Uint8Array(createHmac('sha512', this.#derivationKey).update(nonce).digest());
    return { nonce, measurementKey };
  }

  seal(text: Uint8Array): Uint8Array {
    return new Uint8Array(publicEncrypt({ key: this.#publicKey, ...OAEP }, text));
  }

  /** @returns undefined for everything that this key did not seal together: one answer for every fault */
  open(sealedKey: Uint8Array, sealedNonce: Uint8Array): RequestSecrets | undefined {
    const key = this.#decrypt(sealedKey, MEASUREMENT_KEY_SIZE);
    const nonce = this.#decrypt(sealedNonce, NONCE_SIZE);
    const own = this.secrets(nonce.bytes);
    const made = constantTimeEqual(own.measurementKey, key.bytes);
    return made && key.opened && nonce.opened ? own : undefined;
  }

  /** Zeros of the right length stand for what does not open, so that the steps after it are the same. */
  #decrypt(sealed: Uint8Array, size: number): { readonly opened: boolean; readonly bytes: Uint8Array } {
    try {
      const bytes = new Uint8Array(privateDecrypt({ key: this.#privateKey, ...OAEP }, sealed));
      if (bytes.length === size) return { opened: true, bytes };
    } catch {
      // OAEP tells nothing about what was wrong, and neither does this.
    }
    return { opened: false, bytes: new Uint8Array(size) };
  }
}

function readKey(privateKey: string | KeyObject): KeyObject {
  if (typeof privateKey !== 'string') return privateKey;
  try {
    return createPrivateKey(privateKey);
  } catch {
    // OpenSSL's words may hold parts of the text.
    throw new RangeError('the measurement key is no private key in PEM');
  }
}
