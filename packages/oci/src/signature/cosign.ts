/** Signatures by key as cosign stores them: an OCI manifest under the tag `sha256-….sig`, one layer for each signature. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { DecodeError, decodeBase64, decodeUtf8 } from '@assay/bytes';
import { AssayError, assayError } from '@assay/bytes/findings';
import type { Digest } from '../model/digest.js';
import { checkDigest } from '../model/digest.js';
import type { Descriptor, Manifest } from '../model/manifest.js';
import type { ImageReference } from '../model/reference.js';
import type { SignedIdentity } from './identity.js';
import { COSIGN_TYPE, checkPayload, malformed, readPayload, type SignaturePayload } from './payload.js';

const PAYLOAD_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';
const SIGNATURE = 'dev.cosignproject.cosign/signature';
const MOST_SIGNATURES = 128;

/** Tag of the signatures of an image. */
export function signatureTag(manifestDigest: Digest): string {
  return `${manifestDigest.replace(':', '-')}.sig`;
}

/** Public keys of a policy: PEM, or (`keyData` of containers/image) base64 of PEM. @throws AssayError `signature.policy.form` */
export function readCosignKey(text: string, file: string): KeyObject {
  const pem = text.includes('-----BEGIN') ? text : fromBase64(text);
  try {
    if (pem !== undefined) return createPublicKey(pem);
  } catch {
    // Said below.
  }
  throw assayError('signature.policy.form', { params: { file, what: 'no public key in PEM' }, subject: file });
}

export interface CosignVerification {
  readonly manifest: Manifest;
  /** Content of a layer. */
  readonly payload: (layer: Descriptor) => Promise<Uint8Array>;
  readonly keys: readonly KeyObject[];
  readonly image: { readonly reference: ImageReference; readonly manifestDigest: string };
  /** Undefined: names are not compared. */
  readonly identity: SignedIdentity | undefined;
}

export interface VerifiedSignature {
  readonly payload: SignaturePayload;
  readonly payloadBytes: Uint8Array;
  /** Layers of the manifest that hold signatures. */
  readonly signatures: number;
}

/**
 * One layer must have both: a signature of a key, and a payload that is about this image. Other signatures beside it do no harm (guests of
 * Confidential Containers refuse an image with one that is about something else).
 *
 * @throws AssayError `signature.object.present`, `signature.key.match`, `signature.digest.match`, `signature.identity.match`
 */
export async function verifyCosign(request: CosignVerification): Promise<VerifiedSignature> {
  const layers = request.manifest.layers
    .filter(({ mediaType }) => mediaType === PAYLOAD_TYPE)
    .slice(0, MOST_SIGNATURES);
  let reason: AssayError | undefined;
  let signed = false;
  for (const layer of layers) {
    try {
      const bytes = await request.payload(layer);
      checkDigest(bytes, layer.digest);
      if (!verifies(layer, bytes, request.keys)) continue;
      signed = true;
      const payload = readPayload(bytes, COSIGN_TYPE);
      checkPayload(payload, request.image, request.identity);
      return { payload, payloadBytes: bytes, signatures: layers.length };
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      reason ??= error;
    }
  }
  if (signed && reason !== undefined) throw reason;
  if (layers.length === 0) throw malformed('the manifest of signatures holds none');
  throw reason ?? noKey(layers.length, request.keys.length);
}

function verifies(layer: Descriptor, payload: Uint8Array, keys: readonly KeyObject[]): boolean {
  const text = layer.annotations?.[SIGNATURE];
  if (text === undefined) return false;
  let signature: Uint8Array;
  try {
    // Tools break long lines.
    signature = decodeBase64(text.replaceAll(/[\r\n]/g, ''));
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
  return keys.some((key) => verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', payload, key, signature));
}

function noKey(signatures: number, keys: number): AssayError {
  const params = { n: signatures, expected: `${keys} keys of the policy`, found: 'signatures of other keys' };
  return assayError('signature.key.match', { params });
}

function fromBase64(text: string): string | undefined {
  try {
    return decodeUtf8(decodeBase64(text.trim()));
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
