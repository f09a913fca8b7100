import { DecodeError, decodeBase64, isJsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { KbcError } from './kbc-error.js';

/** Largest file of secrets that is read. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * A JSON object of base64 texts, as the files of offline clients hold it.
 *
 * @param what the file, for the error, which never repeats its content
 * @throws KbcError `protocol`
 */
export function parseSecretMap(bytes: Uint8Array, what: string): ReadonlyMap<string, Uint8Array> {
  const secrets = new Map<string, Uint8Array>();
  for (const [id, text] of Object.entries(parseObject(bytes, what))) {
    if (typeof text !== 'string') throw malformed(what, 'a value is no text');
    try {
      secrets.set(id, decodeBase64(text));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw malformed(what, 'a value is not base64');
    }
  }
  return secrets;
}

/** @throws KbcError `protocol` */
export function parseObject(bytes: Uint8Array, what: string): { readonly [member: string]: JsonValue } {
  let value: JsonValue;
  try {
    value = parseJsonStrict(bytes, { maxBytes: MOST_BYTES, maxDepth: 4 });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw malformed(what, 'it is not JSON');
  }
  if (!isJsonObject(value)) throw malformed(what, 'it is no JSON object');
  return value as { readonly [member: string]: JsonValue };
}

export function malformed(what: string, why: string): KbcError {
  return new KbcError('protocol', `${what} is not of the form that it should have: ${why}`);
}
