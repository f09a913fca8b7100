/** The two sets of options that belong to an encrypted layer: public ones stand in its descriptor, private ones are wrapped for recipients. */
import {
  DecodeError,
  decodeBase64,
  decodeUtf8,
  encodeBase64,
  encodeUtf8,
  isJsonObject,
  type JsonObject,
  parseJsonStrict,
} from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';

/** The one cipher that tools write: AES-256-CTR, HMAC-SHA-256 over the ciphertext. */
export const LAYER_CIPHER = 'AES_256_CTR_HMAC_SHA256';

export const SYMMETRIC_KEY_SIZE = 32;
export const NONCE_SIZE = 16;
export const HMAC_SIZE = 32;

/** Most bytes of either set of options; real ones have about 200. */
const LARGEST_OPTIONS = 64 * 1024;

/** `org.opencontainers.image.enc.pubopts`, decoded. */
export interface PublicOptions {
  readonly cipher: typeof LAYER_CIPHER;
  /** 32 bytes: HMAC-SHA-256 of the ciphertext. */
  readonly hmac: Uint8Array;
  /** Initial counter block, where an encryptor put it here. Nobody authenticates it: the digest of the result does. */
  readonly nonce?: Uint8Array;
}

/** What every recipient's wrapping holds. */
export interface PrivateOptions {
  /** 32 bytes: key of the cipher and of the HMAC. */
  readonly symmetricKey: Uint8Array;
  /** Digest of the layer before encryption (compressed, where it is): `sha256:…`. */
  readonly digest: string;
  /** Initial counter block, 16 bytes. */
  readonly nonce?: Uint8Array;
}

/** @param layer name of the layer, for errors. @throws AssayError `image.layer.cipher` */
export function readPublicOptions(bytes: Uint8Array, layer: string): PublicOptions {
  const options = readObject(bytes, 'public options', layer);
  const { cipher } = options;
  if (cipher !== LAYER_CIPHER) {
    const shown = typeof cipher === 'string' && cipher !== '' ? `\`${cipher}\`` : 'not named';
    throw unusable(layer, `cipher is ${shown}; ${LAYER_CIPHER} is read`);
  }
  const hmac = bytesOf(options, 'hmac', HMAC_SIZE, 'public options', layer);
  const nonce = nonceOf(options, 'public options', layer);
  return { cipher: LAYER_CIPHER, hmac, ...(nonce === undefined ? {} : { nonce }) };
}

/** @throws AssayError `image.layer.cipher`; its text holds nothing of what it was given */
export function readPrivateOptions(bytes: Uint8Array, layer: string): PrivateOptions {
  const options = readObject(bytes, 'private options', layer);
  const { digest } = options;
  if (typeof digest !== 'string' || !/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(digest)) {
    throw unusable(layer, 'private options have no digest of SHA-256 or SHA-512');
  }
  const symmetricKey = bytesOf(options, 'symkey', SYMMETRIC_KEY_SIZE, 'private options', layer);
  const nonce = nonceOf(options, 'private options', layer);
  return { symmetricKey, digest, ...(nonce === undefined ? {} : { nonce }) };
}

/** In the order of members, and with all members, that other tools write and want. */
export function writePublicOptions({ hmac, nonce }: Omit<PublicOptions, 'cipher'>): Uint8Array {
  return encodeUtf8(
    JSON.stringify({ cipher: LAYER_CIPHER, hmac: encodeBase64(hmac), cipheroptions: cipherOptions(nonce) }),
  );
}

export function writePrivateOptions({ symmetricKey, digest, nonce }: PrivateOptions): Uint8Array {
  return encodeUtf8(
    JSON.stringify({ symkey: encodeBase64(symmetricKey), digest, cipheroptions: cipherOptions(nonce) }),
  );
}

function cipherOptions(nonce: Uint8Array | undefined): JsonObject {
  return nonce === undefined ? {} : { nonce: encodeBase64(nonce) };
}

function readObject(bytes: Uint8Array, what: string, layer: string): JsonObject {
  try {
    const value = parseJsonStrict(decodeUtf8(bytes), { maxBytes: LARGEST_OPTIONS });
    if (isJsonObject(value)) return value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  // No word of the parser: of private options it could show a key.
  throw unusable(layer, `${what} are no JSON object`);
}

function bytesOf(options: JsonObject, member: string, size: number, what: string, layer: string): Uint8Array {
  const bytes = base64Of(options[member]);
  if (bytes?.length === size) return bytes;
  throw unusable(layer, `${what}: \`${member}\` is no base64 of ${size} bytes`);
}

/** Members of `cipheroptions` other than the nonce are for ciphers to come. */
function nonceOf(options: JsonObject, what: string, layer: string): Uint8Array | undefined {
  const inner = options['cipheroptions'];
  if (inner === undefined || inner === null) return undefined;
  if (!isJsonObject(inner)) throw unusable(layer, `${what}: \`cipheroptions\` is no object`);
  if (inner['nonce'] === undefined) return undefined;
  return bytesOf(inner, 'nonce', NONCE_SIZE, what, layer);
}

function base64Of(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    return decodeBase64(value);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

export function unusable(layer: string, what: string): AssayError {
  return assayError('image.layer.cipher', { params: { layer, what }, subject: layer });
}
