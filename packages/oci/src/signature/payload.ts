/** What a signature of an image says: which manifest, and under which name (containers-signature, and cosign's form of it). */
import { DecodeError, decodeUtf8, isJsonObject, type JsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';
import { type Digest, isDigest } from '../model/digest.js';
import type { SignedIdentity } from './identity.js';
import { checkIdentity, type SignedImage } from './subject.js';

export const SIMPLE_SIGNING_TYPE = 'atomic container signature';
export const COSIGN_TYPE = 'cosign container image signature';

export interface SignaturePayload {
  readonly type: string;
  readonly manifestDigest: Digest;
  readonly dockerReference: string;
}

const DIGEST = 'docker-manifest-digest';
const REFERENCE = 'docker-reference';
/** Bytes. */
export const LARGEST_PAYLOAD = 64 * 1024;

/**
 * A member that is critical and not known forbids to accept the signature (containers-signature); what is optional may be anything.
 *
 * @param type the one that this kind of signature must have
 * @throws AssayError `signature.object.form`
 */
export function readPayload(bytes: Uint8Array, type: string): SignaturePayload {
  const critical = only(parse(bytes), ['critical', 'optional'], 'its payload')['critical'];
  const { type: found, image, identity } = only(critical, ['type', 'image', 'identity'], 'critical');
  if (found !== type) throw malformed(`its type is ${JSON.stringify(found ?? null).slice(0, 60)}`);
  const { [DIGEST]: digest } = only(image, [DIGEST], 'image');
  const { [REFERENCE]: reference } = only(identity, [REFERENCE], 'identity');
  if (typeof digest !== 'string' || !isDigest(digest)) throw malformed('it names no digest of a manifest');
  if (typeof reference !== 'string') throw malformed('it names no reference');
  return { type, manifestDigest: digest, dockerReference: reference };
}

/**
 * Compares a payload, whose signature has been verified, with the image.
 *
 * @param identity undefined: the name is not compared (rule of guests for cosign where a policy says nothing)
 * @throws AssayError `signature.digest.match`, `signature.identity.*`
 */
export function checkPayload(
  { manifestDigest, dockerReference }: SignaturePayload,
  image: SignedImage,
  identity: SignedIdentity | undefined,
): void {
  if (manifestDigest !== image.manifestDigest) {
    const params = { actual: manifestDigest, expected: image.manifestDigest };
    throw assayError('signature.digest.match', { params, expected: image.manifestDigest, actual: manifestDigest });
  }
  if (identity !== undefined) checkIdentity(identity, image, dockerReference);
}

function parse(bytes: Uint8Array): JsonValue {
  try {
    return parseJsonStrict(decodeUtf8(bytes), { maxBytes: LARGEST_PAYLOAD });
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(`its payload is no JSON: ${error.message}`);
    throw error;
  }
}

/** An object with these members, or some of them, and no others. */
function only(value: JsonValue | undefined, known: readonly string[], what: string): JsonObject {
  if (value === undefined || !isJsonObject(value)) throw malformed(`${what} is no object`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw malformed(`${what} has an unknown member \`${unknown.slice(0, 40)}\``);
  return value;
}

export function malformed(what: string): AssayError {
  return assayError('signature.object.form', { params: { what } });
}
