/** The privacy CA's half of TPM2_ActivateCredential (TPM 2.0 Library, Part 1, section 24 and appendices B.10.3, C.6.3). */
import { constants, createCipheriv, createECDH, createHmac, publicEncrypt } from 'node:crypto';
import { concatBytes } from '@assay/bytes';
import { curveOf, hashOf, TPM_ALG, TpmWriter } from '../structures/index.js';
import { publicKeyOf } from '../structures/key.js';
import type { EccPublicArea, PublicArea, RsaPublicArea } from '../structures/public-area.js';
import { type KdfHash, kdfA, kdfE } from './kdf.js';

/** A secret that only the TPM can open which holds both the endorsement key and the object with the Name. */
export interface Credential {
  /** TPM2B_ID_OBJECT without its size: TPM2B HMAC, then the encrypted TPM2B secret. */
  readonly idObject: Uint8Array;
  /** TPM2B_ENCRYPTED_SECRET without its size. */
  readonly encryptedSecret: Uint8Array;
}

export interface CredentialInput {
  /** Public area of the endorsement key: a storage key with AES in CFB mode. */
  readonly endorsementKey: PublicArea;
  /** Name of the key that the secret is bound to. */
  readonly name: Uint8Array;
  /** At most as long as a digest of the endorsement key's name algorithm. */
  readonly secret: Uint8Array;
  /** Source of the seed, and of the ephemeral key for an ECC endorsement key. */
  readonly random: (bytes: number) => Uint8Array;
}

/** Something that no credential can be made for; says what. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
}

const NONE = new Uint8Array();
/** Times that a random number is drawn until one is a private key; for the curves served here one nearly always is. */
const DRAWS = 16;
const CURVES = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' } as const;

/**
 * Makes a credential.
 *
 * @throws CredentialError for an endorsement key or secret that the scheme does not serve
 */
export function makeCredential(input: CredentialInput): Credential {
  const { endorsementKey, name, secret, random } = input;
  const hash = kdfHash(endorsementKey);
  const { size } = hashOf(hash);
  const cipher = cipherOf(endorsementKey);
  if (secret.length === 0 || secret.length > size) {
    throw new CredentialError(`a secret of ${secret.length} bytes; 1 to ${size} fit this endorsement key`);
  }
  const { seed, encryptedSecret } =
    endorsementKey.type === 'rsa' ? rsaSeed(endorsementKey, hash, random(size)) : eccSeed(endorsementKey, hash, random);
  const key = kdfA(hash, seed, 'STORAGE', name, NONE, cipher.bits);
  // The key is of one use: the initialisation vector is zero (Part 1, section 24.4).
  const encryption = createCipheriv(cipher.name, key, new Uint8Array(16));
  const encrypted = concatBytes(encryption.update(new TpmWriter().sized(secret).finish()), encryption.final());
  const integrityKey = kdfA(hash, seed, 'INTEGRITY', NONE, NONE, 8 * size);
  const integrity = createHmac(hash, integrityKey).update(encrypted).update(name).digest();
  return { idObject: new TpmWriter().sized(integrity).bytes(encrypted).finish(), encryptedSecret };
}

interface Seed {
  readonly seed: Uint8Array;
  readonly encryptedSecret: Uint8Array;
}

/** The seed under RSAES-OAEP, with the label IDENTITY and the NUL that ends it. Its padding is OpenSSL's own randomness. */
function rsaSeed(key: RsaPublicArea, hash: KdfHash, seed: Uint8Array): Seed {
  const encryptedSecret = publicEncrypt(
    {
      key: imported(key),
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: hash,
      oaepLabel: Buffer.from('IDENTITY\0'),
    },
    seed,
  );
  return { seed, encryptedSecret };
}

/** The seed of a one-pass Diffie-Hellman exchange; the encrypted secret is the ephemeral point. */
function eccSeed(key: EccPublicArea, hash: KdfHash, random: (bytes: number) => Uint8Array): Seed {
  const { size } = curveOf(key.curve);
  imported(key);
  const ephemeral = ephemeralKey(key, random);
  const point = ephemeral.getPublicKey();
  const x = point.subarray(1, 1 + size);
  const y = point.subarray(1 + size);
  const theirX = padded(key.x, size);
  const shared = ephemeral.computeSecret(concatBytes(Uint8Array.of(4), theirX, padded(key.y, size)));
  const seed = kdfE(hash, shared, 'IDENTITY', x, theirX, 8 * hashOf(hash).size);
  return { seed, encryptedSecret: new TpmWriter().sized(x).sized(y).finish() };
}

function ephemeralKey(key: EccPublicArea, random: (bytes: number) => Uint8Array): ReturnType<typeof createECDH> {
  const { size } = curveOf(key.curve);
  const ephemeral = createECDH(CURVES[key.curve]);
  for (let n = 0; n < DRAWS; n += 1) {
    const number = Uint8Array.from(random(size));
    // 521 bits are one more than 65 bytes.
    if (key.curve === 'P-521') number[0] = (number[0] ?? 0) & 1;
    try {
      ephemeral.setPrivateKey(number);
      return ephemeral;
    } catch {
      // Zero, or not below the order of the curve: draw again.
    }
  }
  throw new CredentialError('the source of randomness gives no private key');
}

function imported(key: PublicArea): ReturnType<typeof publicKeyOf> {
  try {
    return publicKeyOf(key);
  } catch (error) {
    throw new CredentialError('the endorsement key is no usable public key', { cause: error });
  }
}

function kdfHash({ nameAlg }: PublicArea): KdfHash {
  if (nameAlg === 'sha256' || nameAlg === 'sha384' || nameAlg === 'sha512') return nameAlg;
  throw new CredentialError(`the endorsement key's name algorithm is ${nameAlg}; SHA-256 or longer is served`);
}

function cipherOf({ symmetric }: PublicArea): { readonly name: string; readonly bits: number } {
  const bits = symmetric?.keyBits ?? 0;
  if (symmetric?.algorithm !== TPM_ALG.aes || symmetric.mode !== TPM_ALG.cfb || ![128, 192, 256].includes(bits)) {
    throw new CredentialError('the endorsement key is no storage key with AES in CFB mode');
  }
  return { name: `aes-${bits}-cfb`, bits };
}

/** Coordinates may come without leading zeros. */
function padded(coordinate: Uint8Array, size: number): Uint8Array {
  const whole = new Uint8Array(size);
  whole.set(coordinate, size - coordinate.length);
  return whole;
}
