import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { encodeBase64url } from '@assay/bytes';

export type Curve = 'P-256' | 'P-384';

const CURVES = {
  'P-256': { name: 'prime256v1', order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n, size: 32 },
  'P-384': {
    name: 'secp384r1',
    order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    size: 48,
  },
} as const;

/** Making one takes about a second, so a process makes each only once, whatever the number of worlds. */
const rsaKeys = new Map<string, KeyObject>();

/** Private keys by label, as PKCS#8 PEM. */
export type KeyPems = { readonly [label: string]: string };

/**
 * The private keys of an emulated world, each made at first use.
 *
 * EC keys follow from the seed and the label, so the same seed gives the same roots. RSA keys cannot be derived cheaply: they
 * live as long as the process unless they are given as PEM.
 */
export class KeyStore {
  readonly #seed: Uint8Array;
  readonly #pems: KeyPems;
  readonly #keys = new Map<string, KeyObject>();

  constructor(seed: Uint8Array, pems: KeyPems = {}) {
    if (seed.length < 16) throw new RangeError('the seed of an emulated world needs at least 16 bytes');
    this.#seed = seed;
    this.#pems = pems;
  }

  /** The EC private key of a label. */
  ec(label: string, curve: Curve): KeyObject {
    return this.#once(`${label}`, () => this.#derive(label, curve));
  }

  /** The RSA private key of a label. One of 4096 bits blocks for about a second at first use: see {@link prepareRsa}. */
  rsa(label: string, modulusLength: 2048 | 4096 = 4096): KeyObject {
    return this.#once(label, () => {
      const known = rsaKeys.get(label);
      if (known !== undefined) return known;
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength });
      rsaKeys.set(label, privateKey);
      return privateKey;
    });
  }

  /** Makes RSA keys ahead of use, side by side and without blocking. */
  async prepareRsa(labels: readonly string[]): Promise<void> {
    const missing = labels.filter((label) => this.#pems[label] === undefined && !rsaKeys.has(label));
    await Promise.all(
      missing.map(async (label) => {
        const key = await rsaKey();
        // Another world may have been faster; the first one made is everybody's.
        if (!rsaKeys.has(label)) rsaKeys.set(label, key);
      }),
    );
    // They are this world's from here on, also when it is exported.
    for (const label of labels) this.rsa(label);
  }

  /** Bytes that follow from the seed: identifiers of emulated chips, serial numbers. */
  bytes(label: string, length: number): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.#seed, 'assay emulated world', `bytes ${label}`, length));
  }

  /** Every key given or made so far, to start the same world again in another process. */
  export(): KeyPems {
    const entries = [...this.#keys].map(([label, key]): [string, string] => [
      label,
      key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ]);
    return { ...this.#pems, ...Object.fromEntries(entries) };
  }

  #once(label: string, make: () => KeyObject): KeyObject {
    const known = this.#keys.get(label);
    if (known !== undefined) return known;
    const pem = this.#pems[label];
    const key = pem === undefined ? make() : createPrivateKey(pem);
    this.#keys.set(label, key);
    return key;
  }

  #derive(label: string, curve: Curve): KeyObject {
    const { name, order, size } = CURVES[curve];
    // 16 bytes more than the order has, so that the remainder is as good as uniform.
    const wide = Buffer.from(hkdfSync('sha384', this.#seed, 'assay emulated world', `${curve} ${label}`, size + 16));
    const scalar = (BigInt(`0x${wide.toString('hex')}`) % (order - 1n)) + 1n;
    const d = Buffer.from(scalar.toString(16).padStart(2 * size, '0'), 'hex');
    const ecdh = createECDH(name);
    ecdh.setPrivateKey(d);
    const point = ecdh.getPublicKey();
    return createPrivateKey({
      format: 'jwk',
      key: {
        kty: 'EC',
        crv: curve,
        d: encodeBase64url(d),
        x: encodeBase64url(point.subarray(1, 1 + size)),
        y: encodeBase64url(point.subarray(1 + size)),
      },
    });
  }
}

/** x||y of an EC key, big-endian, without the 0x04 of the uncompressed form. */
export function publicPoint(key: KeyObject): Uint8Array {
  const jwk = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
  return Uint8Array.from(Buffer.concat([Buffer.from(jwk.x ?? '', 'base64url'), Buffer.from(jwk.y ?? '', 'base64url')]));
}

function rsaKey(): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    generateKeyPair('rsa', { modulusLength: 4096 }, (error, _, privateKey) => {
      if (error === null) resolve(privateKey);
      else reject(error);
    });
  });
}
