/** Writers of the two certificate forms: for the guest owner's own certificate, and for emulated platforms. */
import { concatBytes } from '@assay/bytes';
import { ALGORITHM, USAGE } from './constants.js';
import type { PlatformKey } from './platform.js';

const EC_FIELD = 72;
const RSA_FIELD = 512;

export interface PlatformBody {
  readonly api: { readonly major: number; readonly minor: number };
  readonly usage: number;
  readonly algorithm: number;
  readonly key: PlatformKey;
}

/** A signature to put into a slot. `bytes`: `r ‖ s` or an RSA signature, big-endian. */
export interface SlotContent {
  readonly usage: number;
  readonly algorithm: number;
  readonly kind: 'ec' | 'rsa';
  readonly bytes: Uint8Array;
}

/** The signed bytes of a platform certificate: 1044. */
export function encodePlatformBody({ api, usage, algorithm, key }: PlatformBody): Uint8Array {
  const head = concatBytes(u32(1), Uint8Array.of(api.major, api.minor, 0, 0), u32(usage), u32(algorithm));
  const area = new Uint8Array(4 + 2 * RSA_FIELD);
  if (key.kind === 'ec') {
    area.set(u32(key.curve === 'P-256' ? 1 : 2));
    area.set(littleEndian(key.x, EC_FIELD), 4);
    area.set(littleEndian(key.y, EC_FIELD), 4 + EC_FIELD);
  } else {
    area.set(u32(key.bits));
    area.set(littleEndian(key.exponent, RSA_FIELD), 4);
    area.set(littleEndian(key.modulus, RSA_FIELD), 4 + RSA_FIELD);
  }
  return concatBytes(head, area);
}

/** 520 bytes; without content an empty slot. */
export function encodeSlot(content?: SlotContent): Uint8Array {
  const signature = new Uint8Array(RSA_FIELD);
  if (content === undefined) return concatBytes(u32(USAGE.INVALID), u32(ALGORITHM.NONE), signature);
  const { usage, algorithm, kind, bytes } = content;
  if (kind === 'rsa') signature.set(littleEndian(bytes, RSA_FIELD));
  else {
    const width = bytes.length / 2;
    signature.set(littleEndian(bytes.subarray(0, width), EC_FIELD));
    signature.set(littleEndian(bytes.subarray(width), EC_FIELD), EC_FIELD);
  }
  return concatBytes(u32(usage), u32(algorithm), signature);
}

/** A platform certificate of 2084 bytes. */
export function encodePlatformCertificate(body: Uint8Array, first?: SlotContent, second?: SlotContent): Uint8Array {
  return concatBytes(body, encodeSlot(first), encodeSlot(second));
}

export interface AuthorityBody {
  readonly keyId: Uint8Array;
  readonly certifyingId: Uint8Array;
  readonly usage: number;
  readonly bits: 2048 | 4096;
  /** Big-endian. */
  readonly exponent: Uint8Array;
  readonly modulus: Uint8Array;
}

/** The signed bytes of an AMD certificate. */
export function encodeAuthorityBody(body: AuthorityBody): Uint8Array {
  const { keyId, certifyingId, usage, bits, exponent, modulus } = body;
  const head = concatBytes(u32(1), keyId, certifyingId, u32(usage), new Uint8Array(16), u32(bits), u32(bits));
  return concatBytes(head, littleEndian(exponent, bits / 8), littleEndian(modulus, bits / 8));
}

/** Bytes of a big-endian number, little-endian, zero-extended. @throws RangeError when it does not fit */
export function littleEndian(number: Uint8Array, width: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(width, number.length));
  bytes.set(Uint8Array.from(number).reverse());
  if (bytes.subarray(width).some((byte) => byte !== 0)) throw new RangeError(`number of more than ${width} bytes`);
  return bytes.subarray(0, width);
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
