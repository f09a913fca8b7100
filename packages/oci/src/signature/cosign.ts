/** Signatures as cosign has stored them since its first release: an OCI manifest under the tag `sha256-….sig`, one layer for each signature. */
import { DecodeError, decodeBase64, decodePem, encodeUtf8 } from '@assay/bytes';
import { AssayError, assayError } from '@assay/bytes/findings';
import type { Digest } from '../model/digest.js';
import { checkDigest } from '../model/digest.js';
import type { Descriptor, Manifest } from '../model/manifest.js';
import { malformed as malformedBundle } from '../sigstore/failure.js';
import type { LogEntry } from '../sigstore/log-entry.js';
import { bytesOf, countOf, objectOf, readObject, textOf } from '../sigstore/members.js';
import { type FoundSignature, type SignatureTrust, type VerifiedSigner, verifyFound } from '../sigstore/verify.js';
import type { SignedIdentity } from './identity.js';
import {
  COSIGN_TYPE,
  checkPayload,
  LARGEST_PAYLOAD,
  malformed,
  readPayload,
  type SignaturePayload,
} from './payload.js';
import type { SignedImage } from './subject.js';

export const PAYLOAD_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';
const SIGNATURE = 'dev.cosignproject.cosign/signature';
const CERTIFICATE = 'dev.sigstore.cosign/certificate';
const CHAIN = 'dev.sigstore.cosign/chain';
const BUNDLE = 'dev.sigstore.cosign/bundle';
const MOST_SIGNATURES = 128;
const MOST_CERTIFICATES = 16;

/** Tag of the signatures of an image. */
export function signatureTag(manifestDigest: Digest): string {
  return `${manifestDigest.replace(':', '-')}.sig`;
}

export interface CosignVerification {
  /** Its layers, one for each signature. */
  readonly manifest: Pick<Manifest, 'layers'>;
  /** Content of a layer. */
  readonly payload: (layer: Descriptor) => Promise<Uint8Array>;
  readonly trust: SignatureTrust;
  readonly image: SignedImage;
  /** Undefined: names are not compared. */
  readonly identity: SignedIdentity | undefined;
}

export interface VerifiedSignature {
  readonly payload: SignaturePayload;
  readonly payloadBytes: Uint8Array;
  /** Layers of the manifest that hold signatures. */
  readonly signatures: number;
  readonly signer: VerifiedSigner;
}

/**
 * One layer must have both: a signature of a key, and a payload that is about this image. Other signatures beside it do no harm (guests of
 * Confidential Containers refuse an image with one that is about something else).
 *
 * @throws AssayError `signature.*`: of several bad signatures, of one that got furthest
 */
export async function verifyCosign(request: CosignVerification): Promise<VerifiedSignature> {
  const layers = request.manifest.layers
    .filter(({ mediaType }) => mediaType === PAYLOAD_TYPE)
    .slice(0, MOST_SIGNATURES);
  const unsigned: AssayError[] = [];
  let reason: AssayError | undefined;
  for (const layer of layers) {
    const bytes = await payloadOf(layer, request).catch((error: unknown) => note(error, unsigned));
    if (bytes === undefined) continue;
    let signer: VerifiedSigner;
    try {
      checkDigest(bytes, layer.digest);
      signer = verifyFound(foundIn(layer, bytes, request.trust), request.trust);
    } catch (error) {
      note(error, unsigned);
      continue;
    }
    try {
      const payload = readPayload(bytes, COSIGN_TYPE);
      checkPayload(payload, request.image, request.identity);
      return { payload, payloadBytes: bytes, signatures: layers.length, signer };
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      reason ??= error;
    }
  }
  if (layers.length === 0) throw malformed('the manifest of signatures holds none');
  // Of another's key: not worth telling where one of the right key has another fault.
  throw reason ?? unsigned.find(({ code }) => code !== 'signature.key.match') ?? noKey(layers.length, request.trust);
}

/** Not fetched where it is larger than one may be. */
async function payloadOf(layer: Descriptor, { payload }: CosignVerification): Promise<Uint8Array> {
  if (layer.size > LARGEST_PAYLOAD) throw malformed(`its payload has ${layer.size} bytes`);
  return payload(layer);
}

function note(error: unknown, to: AssayError[]): undefined {
  if (!(error instanceof AssayError)) throw error;
  to.push(error);
  return undefined;
}

/** Certificates and log entries are read where the policy asks for them: elsewhere they prove nothing, and may be anything. */
function foundIn(layer: Descriptor, content: Uint8Array, { signer, logs }: SignatureTrust): FoundSignature {
  const { [SIGNATURE]: text, [CERTIFICATE]: certificate, [CHAIN]: chain, [BUNDLE]: bundle } = layer.annotations ?? {};
  if (text === undefined) throw noSignature();
  let signature: Uint8Array;
  try {
    // Tools break long lines.
    signature = decodeBase64(text.replaceAll(/[\r\n]/g, ''));
  } catch (error) {
    if (error instanceof DecodeError) throw noSignature();
    throw error;
  }
  const [leaf] = signer.kind === 'fulcio' && certificate !== undefined ? certificatesOf(certificate) : [];
  return {
    content,
    signature,
    ...(leaf === undefined ? {} : { certificate: leaf }),
    intermediates: signer.kind === 'fulcio' && chain !== undefined && chain !== '' ? certificatesOf(chain) : [],
    entries: logs.length > 0 && bundle !== undefined ? [readLogEntry(bundle)] : [],
    proofNeeded: false,
  };
}

function certificatesOf(pem: string): readonly Uint8Array[] {
  try {
    return decodePem(pem)
      .filter(({ label }) => label === 'CERTIFICATE')
      .map(({ bytes }) => bytes)
      .slice(0, MOST_CERTIFICATES);
  } catch (error) {
    if (error instanceof DecodeError) throw malformedBundle('a certificate is no PEM');
    throw error;
  }
}

/** `{"SignedEntryTimestamp","Payload":{"body","integratedTime","logIndex","logID"}}` */
function readLogEntry(text: string): LogEntry {
  const bundle = readObject(encodeUtf8(text), 'the bundle of a signature');
  const payload = objectOf(bundle['Payload'], 'Payload');
  return {
    body: bytesOf(payload['body'], 'body'),
    logId: textOf(payload['logID'], 'logID').toLowerCase(),
    logIndex: countOf(payload['logIndex'], 'logIndex'),
    integratedTime: countOf(payload['integratedTime'], 'integratedTime'),
    promise: bytesOf(bundle['SignedEntryTimestamp'], 'SignedEntryTimestamp'),
  };
}

function noSignature(): AssayError {
  return assayError('signature.key.match', {
    params: { n: 1, expected: 'a key of the policy', found: 'no signature in base64' },
  });
}

function noKey(signatures: number, { signer }: SignatureTrust): AssayError {
  const expected = signer.kind === 'keys' ? `${signer.keys.length} keys of the policy` : 'a certificate of its signer';
  return assayError('signature.key.match', { params: { n: signatures, expected, found: 'signatures of other keys' } });
}
