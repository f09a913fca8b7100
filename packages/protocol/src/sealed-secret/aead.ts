import { createCipheriv, createDecipheriv } from 'node:crypto';
import { DecodeError, decodeBase64, encodeBase64 } from '@assay/bytes';

/** Data wrapped by a 256 bit key, as envelopes of sealed secrets and annotation packets of image keys hold it. */
export interface WrappedData {
  /** `A256GCM`: ciphertext and 16 byte tag, 12 byte IV. `A256CTR`: 16 byte IV, and nothing protects the data from being changed. */
  readonly wrapType: string;
  /** Base64. */
  readonly iv: string;
  /** Base64. */
  readonly data: string;
}

const KEY_LENGTH = 32;
const TAG_LENGTH = 16;

/**
 * Wraps data with A256GCM.
 *
 * @param iv 12 bytes that this key has not seen before
 * @throws RangeError for a key or IV of another length
 */
export function wrapData(plaintext: Uint8Array, key: Uint8Array, iv: Uint8Array): WrappedData {
  if (key.length !== KEY_LENGTH || iv.length !== 12)
    throw new RangeError('A256GCM has a key of 32 bytes and an IV of 12');
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_LENGTH });
  const data = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { wrapType: 'A256GCM', iv: encodeBase64(iv), data: encodeBase64(data) };
}

/** @throws DecodeError when form, lengths or tag are wrong; it says nothing of key or data */
export function openWrapped({ wrapType, iv, data }: WrappedData, key: Uint8Array): Uint8Array {
  if (key.length !== KEY_LENGTH) throw new DecodeError('wrapped data', `the key has not ${KEY_LENGTH} bytes`);
  const nonce = decodeBase64(iv);
  const bytes = decodeBase64(data);
  switch (wrapType) {
    case 'A256GCM':
      return openGcm(key, nonce, bytes);
    case 'A256CTR': {
      if (nonce.length !== 16) throw new DecodeError('wrapped data', 'the IV of A256CTR has 16 bytes');
      const cipher = createDecipheriv('aes-256-ctr', key, nonce);
      return Buffer.concat([cipher.update(bytes), cipher.final()]);
    }
    default:
      throw new DecodeError('wrapped data', 'it is wrapped with A256GCM or A256CTR');
  }
}

function openGcm(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array): Uint8Array {
  if (nonce.length !== 12) throw new DecodeError('wrapped data', 'the IV of A256GCM has 12 bytes');
  if (bytes.length < TAG_LENGTH) throw new DecodeError('wrapped data', 'it is shorter than its tag');
  const cipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_LENGTH });
  cipher.setAuthTag(bytes.subarray(bytes.length - TAG_LENGTH));
  try {
    return Buffer.concat([cipher.update(bytes.subarray(0, bytes.length - TAG_LENGTH)), cipher.final()]);
  } catch {
    throw new DecodeError('wrapped data', 'it does not open with this key');
  }
}
