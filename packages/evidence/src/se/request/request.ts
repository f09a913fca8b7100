/**
 * The attestation request (ARCB) for the ultravisor of an IBM Z.
 *
 * All numbers are big-endian:
 *
 * | offset | size | |
 * | --- | --- | --- |
 * | 0 | 8 | zero |
 * | 8 | 4 | version, 0x0100 |
 * | 12 | 4 | size of the request |
 * | 16 | 12 | IV of AES-256-GCM |
 * | 28 | 11 | zero |
 * | 39 | 1 | number of key slots |
 * | 40 | 4 | zero |
 * | 44 | 4 | size of the encrypted part, 80 |
 * | 48 | 8 | flags, bit 0 is the highest: 1 nonce, 2 image host-key hash, 3 attestation host-key hash |
 * | 56 | 4 | measurement algorithm, 1 is HMAC-SHA-512 |
 * | 60 | 4 | zero |
 * | 64 | 160 | public key of the request |
 * | 224 | 80 each | key slots: host-key hash 32, wrapped key 32, tag 16 |
 * | … | 64, 16 | encrypted: measurement key, nonce |
 * | … | 16 | tag |
 *
 * Everything before the encrypted part is authenticated with it. A slot wraps the protection key with AES-256-GCM, an IV of zeros,
 * under SHA-256 of the ECDH secret and the number 1 in four bytes.
 */
import { createCipheriv, createECDH, createHash, type ECDH } from 'node:crypto';
import { concatBytes } from '@assay/bytes';
import { CURVE, fields, type HostPublicKey } from './key.js';

export const MEASUREMENT_KEY_SIZE = 64;
export const NONCE_SIZE = 16;
export const PROTECTION_KEY_SIZE = 32;
export const IV_SIZE = 12;
export const TAG_SIZE = 16;
const HEADER_SIZE = 48;
const VERSION = 0x0100;
/** HMAC-SHA-512. */
const ALGORITHM = 1;
/** Nonce, image host-key hash, attestation host-key hash. */
const FLAGS = 0x70;
/** The kernel's interface takes no longer request. */
const LARGEST = 0x2000;

/** Version of the request, which the claim `version` repeats. */
export const REQUEST_VERSION = VERSION;

/** What goes into a request. All of it is secret but the host keys and the IV. */
export interface RequestParts {
  readonly hostKeys: readonly HostPublicKey[];
  readonly measurementKey: Uint8Array;
  readonly nonce: Uint8Array;
  readonly protectionKey: Uint8Array;
  readonly iv: Uint8Array;
  /** Key pair of this request alone, on P-521. */
  readonly ephemeral: ECDH;
}

/** How many host keys fit into one request. */
export const MOST_HOST_KEYS = Math.floor((LARGEST - HEADER_SIZE - 16 - 160 - 80 - TAG_SIZE) / 80);

/** Writes a request. @throws RangeError for parts of wrong sizes: they are the caller's own */
export function buildRequest(parts: RequestParts): Uint8Array {
  const { hostKeys, measurementKey, nonce, protectionKey, iv, ephemeral } = parts;
  const sizes = [measurementKey.length, nonce.length, protectionKey.length, iv.length];
  const right = [MEASUREMENT_KEY_SIZE, NONCE_SIZE, PROTECTION_KEY_SIZE, IV_SIZE];
  if (sizes.some((size, index) => size !== right[index])) throw new RangeError(`sizes ${sizes}; ${right} are right`);
  if (hostKeys.length === 0 || hostKeys.length > MOST_HOST_KEYS) {
    throw new RangeError(`${hostKeys.length} host keys; 1 to ${MOST_HOST_KEYS} fit into a request`);
  }
  const secret = concatBytes(measurementKey, nonce);
  const slots = hostKeys.map((hostKey) => keySlot(hostKey, ephemeral, protectionKey));
  const authenticated = concatBytes(
    new Uint8Array(HEADER_SIZE),
    Uint8Array.of(FLAGS, 0, 0, 0, 0, 0, 0, 0),
    Uint8Array.of(0, 0, 0, ALGORITHM, 0, 0, 0, 0),
    fields(new Uint8Array(ephemeral.getPublicKey())),
    ...slots,
  );
  const header = new DataView(authenticated.buffer);
  header.setUint32(8, VERSION);
  header.setUint32(12, authenticated.length + secret.length + TAG_SIZE);
  authenticated.set(iv, 16);
  header.setUint8(39, slots.length);
  header.setUint32(44, secret.length);
  return concatBytes(authenticated, ...seal(protectionKey, iv, authenticated, secret));
}

/** PHKH, wrapped protection key, tag. */
function keySlot(hostKey: HostPublicKey, ephemeral: ECDH, protectionKey: Uint8Array): Uint8Array {
  const shared = new Uint8Array(ephemeral.computeSecret(hostKey.uncompressed));
  const wrapping = slotKey(shared);
  return concatBytes(hostKey.hash, ...seal(wrapping, new Uint8Array(IV_SIZE), new Uint8Array(), protectionKey));
}

/** Key that wraps the protection key: SHA-256 of the shared x coordinate and a counter of one. */
export function slotKey(shared: Uint8Array): Uint8Array {
  return new Uint8Array(
    createHash('sha256')
      .update(shared)
      .update(Uint8Array.of(0, 0, 0, 1))
      .digest(),
  );
}

function seal(
  key: Uint8Array,
  iv: Uint8Array,
  authenticated: Uint8Array,
  text: Uint8Array,
): readonly [Uint8Array, Uint8Array] {
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(authenticated);
  const encrypted = new Uint8Array(Buffer.concat([cipher.update(text), cipher.final()]));
  return [encrypted, new Uint8Array(cipher.getAuthTag())];
}

/** A key pair from random bytes. One number in 2^521 is out of range; a few tries are more than enough. */
export function ephemeralKey(random: (bytes: number) => Uint8Array): ECDH {
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const scalar = Uint8Array.from(random(66));
    scalar[0] = (scalar[0] ?? 0) & 0x01;
    const ecdh = createECDH(CURVE);
    try {
      ecdh.setPrivateKey(scalar);
      return ecdh;
    } catch {
      // Zero, or not below the order of the curve.
    }
  }
  throw new Error('the source of random bytes gives no key of P-521');
}
