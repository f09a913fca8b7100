/**
 * Signatures as files: an OpenPGP message as it is, or (containers/image since it knows cosign's) a zero byte, the name of the form, and the
 * content behind a line feed.
 */
import { DecodeError, decodeUtf8, type JsonObject } from '@assay/bytes';
import { AssayError } from '@assay/bytes/findings';
import { sha256Digest } from '../model/digest.js';
import type { Descriptor } from '../model/manifest.js';
import { bytesOf, objectOf, readObject, textOf } from '../sigstore/members.js';
import { malformed } from './payload.js';

export type StoredSignature =
  | { readonly kind: 'unreadable'; readonly reason: AssayError }
  | { readonly kind: 'simple-signing'; readonly message: Uint8Array }
  /** A layer of cosign's manifest, with its content. */
  | { readonly kind: 'sigstore'; readonly layer: Descriptor; readonly payload: Uint8Array };

const MARK = 0;
const LINE_FEED = 0x0a;
const LONGEST_NAME = 64;
const MOST_SIGNATURES = 128;

/**
 * Files by number from 1 to the first gap.
 *
 * @param file bytes of a file; undefined where there is none
 */
export async function* storedSignatures(
  file: (number: number) => Promise<Uint8Array | undefined> | undefined,
): AsyncGenerator<StoredSignature> {
  for (let number = 1; number <= MOST_SIGNATURES; number += 1) {
    let found: StoredSignature;
    try {
      const bytes = await file(number);
      if (bytes === undefined) return;
      found = readStored(bytes);
    } catch (reason) {
      if (!(reason instanceof AssayError)) throw reason;
      found = { kind: 'unreadable', reason };
    }
    yield found;
  }
}

/** @throws AssayError `signature.object.form`, `signature.bundle.form` */
function readStored(bytes: Uint8Array): StoredSignature {
  if (bytes[0] !== MARK) return { kind: 'simple-signing', message: bytes };
  const end = bytes.subarray(0, LONGEST_NAME).indexOf(LINE_FEED);
  const name = end < 0 ? '' : textIn(bytes.subarray(1, end));
  const content = bytes.subarray(end + 1);
  if (name === 'simple-signing') return { kind: 'simple-signing', message: content };
  if (name === 'sigstore-json') return sigstore(readObject(content, 'a stored signature'));
  throw malformed('its file is of a form that is not known');
}

function sigstore(document: JsonObject): StoredSignature {
  const payload = bytesOf(document['payload'], 'payload');
  const annotations = Object.entries(objectOf(document['annotations'], 'annotations')).map(
    ([name, value]) => [name, textOf(value, 'an annotation')] as const,
  );
  const mediaType = textOf(document['mimeType'], 'mimeType');
  const layer = { mediaType, digest: sha256Digest(payload), size: payload.length };
  return { kind: 'sigstore', payload, layer: { ...layer, annotations: Object.fromEntries(annotations) } };
}

function textIn(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return '';
    throw error;
  }
}
