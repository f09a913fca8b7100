import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { ByteReader, concatBytes, DecodeError, encodeUtf8 } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import type { KeyManagement, RandomBytes } from './contract.js';

/*
 * Envelope encryption. Each secret has a key of its own (DEK), which encrypts it with AES-256-GCM and is itself wrapped by
 * the key management. Layout, version 1, with exact lengths and nothing after it:
 *
 *   version          1 byte, 0x01
 *   wrapped length   2 bytes, big endian
 *   wrapped DEK      as the key management made it
 *   nonce            12 bytes
 *   ciphertext       as long as the plaintext
 *   tag              16 bytes
 *
 * The context (what the secret is, and where it stands) is authenticated twice: by the GCM of the secret, and by the
 * wrapping. A sealed value copied to another key therefore opens nowhere. The wrapped DEK is not part of the secret's own
 * authenticated data, so that `rewrap` can replace it without seeing the secret.
 */
const VERSION = 1;
const DEK_LENGTH = 32;
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const LONGEST_WRAPPED = 4096;

/** Where a sealed value stands. Two records that differ in a member have different contexts. */
export interface RecordName {
  readonly ns: string;
  readonly key: string;
  /** Version of what is sealed (a caller's own counter or format number); 0 unless given. */
  readonly version?: number;
}

/**
 * Encrypts a secret under a fresh key.
 *
 * @param context Must be the same to open it: the record's name, or bytes of the caller's own form.
 */
export async function seal(
  kms: KeyManagement,
  plaintext: Uint8Array,
  context: RecordName | Uint8Array,
  random: RandomBytes = randomBytes,
): Promise<Uint8Array> {
  const aad = contextBytes(context);
  const dek = random(DEK_LENGTH);
  try {
    const nonce = random(NONCE_LENGTH);
    const cipher = createCipheriv('aes-256-gcm', dek, nonce, { authTagLength: TAG_LENGTH });
    cipher.setAAD(aad);
    const body = [nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
    return concatBytes(header(await kms.wrap(dek, wrapContext(aad))), ...body);
  } finally {
    dek.fill(0);
  }
}

/**
 * Decrypts what `seal` made.
 *
 * @throws AssayError `storage.record.intact` where the bytes are not a sealed value, or not the one sealed for this
 *   context; what the key management throws, where it does not unwrap.
 */
export async function open(
  kms: KeyManagement,
  sealed: Uint8Array,
  context: RecordName | Uint8Array,
): Promise<Uint8Array> {
  const aad = contextBytes(context);
  const { wrapped, nonce, ciphertext, tag } = decode(sealed, context);
  const dek = await kms.unwrap(wrapped, wrapContext(aad));
  try {
    if (dek.byteLength !== DEK_LENGTH) throw notIntact(context);
    const decipher = createDecipheriv('aes-256-gcm', dek, nonce, { authTagLength: TAG_LENGTH });
    decipher.setAAD(aad);
    decipher.setAuthTag(tag);
    const plaintext = decipher.update(ciphertext);
    try {
      decipher.final();
    } catch (cause) {
      plaintext.fill(0);
      throw notIntact(context, cause);
    }
    return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength);
  } finally {
    dek.fill(0);
  }
}

/** The same secret with its key wrapped anew, under the current KEK; the secret itself is not decrypted. */
export async function rewrap(
  kms: KeyManagement,
  sealed: Uint8Array,
  context: RecordName | Uint8Array,
): Promise<Uint8Array> {
  const { wrapped, body } = decode(sealed, context);
  const bound = wrapContext(contextBytes(context));
  const dek = await kms.unwrap(wrapped, bound);
  try {
    return concatBytes(header(await kms.wrap(dek, bound)), body);
  } finally {
    dek.fill(0);
  }
}

interface Envelope {
  readonly wrapped: Uint8Array;
  /** All after the wrapped key. */
  readonly body: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

function decode(sealed: Uint8Array, context: RecordName | Uint8Array): Envelope {
  try {
    const reader = new ByteReader(sealed, 'sealed value');
    if (reader.u8('version') !== VERSION) throw new DecodeError('sealed value', 'unknown version', 0);
    const length = reader.u16be('wrapped length');
    if (length === 0 || length > LONGEST_WRAPPED) throw new DecodeError('sealed value', 'wrapped length', 1);
    const wrapped = reader.bytes(length, 'wrapped key');
    const body = sealed.subarray(reader.position);
    if (body.byteLength < NONCE_LENGTH + TAG_LENGTH) throw new DecodeError('sealed value', 'truncated', reader.offset);
    const nonce = reader.bytes(NONCE_LENGTH, 'nonce');
    const ciphertext = reader.bytes(reader.remaining - TAG_LENGTH, 'ciphertext');
    const tag = reader.bytes(TAG_LENGTH, 'tag');
    return { wrapped, body, nonce, ciphertext, tag };
  } catch (error) {
    throw error instanceof DecodeError ? notIntact(context, error) : error;
  }
}

function header(wrapped: Uint8Array): Uint8Array {
  const { byteLength } = wrapped;
  if (byteLength === 0 || byteLength > LONGEST_WRAPPED)
    throw new RangeError(`key management wrapped a key into ${byteLength} bytes`);
  return concatBytes(Uint8Array.of(VERSION, byteLength >> 8, byteLength & 0xff), wrapped);
}

/** Each part with its length before it, so that no two contexts have the same bytes. */
function contextBytes(context: RecordName | Uint8Array): Uint8Array {
  const parts =
    context instanceof Uint8Array
      ? [encodeUtf8('bytes'), context]
      : ['record', context.ns, context.key, `${context.version ?? 0}`].map(encodeUtf8);
  const framed = parts.flatMap((part) => {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, part.byteLength);
    return [length, part];
  });
  return concatBytes(encodeUtf8('assay envelope 1'), ...framed);
}

/** Digest of the context: key managements limit how much they bind. */
function wrapContext(aad: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(aad).digest());
}

function notIntact(context: RecordName | Uint8Array, cause?: unknown): Error {
  const { ns, key } = context instanceof Uint8Array ? { ns: 'sealed', key: 'value' } : context;
  return assayError('storage.record.intact', { params: { namespace: ns, key }, cause });
}
