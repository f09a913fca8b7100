/** Wraps and unwraps the options of a layer with a key-encryption key of 32 bytes. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { concatBytes } from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';
import { type AnnotationPacket, IV_SIZE, PACKET_VERSION, type WrapType } from './packet.js';

export const KEK_SIZE = 32;
const TAG_SIZE = 16;

export interface SealOptions {
  readonly kid: string;
  /** 32 bytes. */
  readonly kek: Uint8Array;
  /** Default `A256GCM`. `A256CTR` authenticates nothing: for guests that know nothing else. */
  readonly wrapType?: WrapType;
  readonly random: (bytes: number) => Uint8Array;
}

/** @throws AssayError `image.packet.form` when the key has another size than 32 bytes */
export function sealPacket(
  options: Uint8Array,
  { kid, kek, wrapType = 'A256GCM', random }: SealOptions,
): AnnotationPacket {
  checkKek(kek, kid);
  const iv = random(IV_SIZE[wrapType]);
  return {
    form: 'coco',
    kid,
    wrappedData: wrapType === 'A256GCM' ? sealGcm(options, kek, iv) : counter(options, kek, iv),
    provider: 'kbs',
    iv,
    wrapType,
    version: PACKET_VERSION,
    providerSettings: {},
    annotations: {},
  };
}

/**
 * Opens a packet of provider `kbs`.
 *
 * @throws AssayError `image.packet.opens` when the key is not the right one or the packet was changed; `image.packet.form` for a key of
 *   another size, or a packet that only a KMS can open
 */
export function openPacket(packet: AnnotationPacket, kek: Uint8Array): Uint8Array {
  const { kid, wrapType, iv, wrappedData } = packet;
  if (wrapType === undefined || iv === undefined) {
    throw malformed(`${packet.provider} unwraps it with its own key \`${kid.slice(0, 60)}\``);
  }
  checkKek(kek, kid);
  return wrapType === 'A256GCM' ? openGcm(wrappedData, kek, iv, kid) : counter(wrappedData, kek, iv);
}

function sealGcm(plain: Uint8Array, kek: Uint8Array, iv: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', kek, iv, { authTagLength: TAG_SIZE });
  return concatBytes(cipher.update(plain), cipher.final(), cipher.getAuthTag());
}

function openGcm(wrapped: Uint8Array, kek: Uint8Array, iv: Uint8Array, kid: string): Uint8Array {
  if (wrapped.length < TAG_SIZE) throw malformed('`wrapped_data` is shorter than the tag of A256GCM');
  const decipher = createDecipheriv('aes-256-gcm', kek, iv, { authTagLength: TAG_SIZE });
  decipher.setAuthTag(wrapped.subarray(wrapped.length - TAG_SIZE));
  try {
    return concatBytes(decipher.update(wrapped.subarray(0, wrapped.length - TAG_SIZE)), decipher.final());
  } catch {
    throw assayError('image.packet.opens', { params: { kid }, subject: kid });
  }
}

function counter(bytes: Uint8Array, kek: Uint8Array, iv: Uint8Array): Uint8Array {
  return new Uint8Array(createCipheriv('aes-256-ctr', kek, iv).update(bytes));
}

function checkKek(kek: Uint8Array, kid: string): void {
  if (kek.length !== KEK_SIZE) {
    throw malformed(`the key \`${kid.slice(0, 60)}\` has ${kek.length} bytes; ${KEK_SIZE} are wanted`);
  }
}

function malformed(what: string): AssayError {
  return assayError('image.packet.form', { params: { what } });
}
