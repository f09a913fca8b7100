/** Signatures as cosign stores them since its release 3: sigstore bundles that refer to the image, each with a statement about its digest. */
import { AssayError, assayError } from '@assay/bytes/findings';
import { readBlob } from '../copy/copy.js';
import type { ImageSource } from '../location/location.js';
import { type Descriptor, readManifest } from '../model/manifest.js';
import { foundInEnvelope, readBundle } from '../sigstore/bundle.js';
import { malformed } from '../sigstore/failure.js';
import { listOf, objectOf, readObject } from '../sigstore/members.js';
import { type SignatureTrust, type VerifiedSigner, verifyFound } from '../sigstore/verify.js';
import type { SignedIdentity } from './identity.js';
import { checkIdentity, type SignedImage } from './subject.js';

const BUNDLE_TYPES = /^application\/vnd\.dev\.sigstore\.bundle(\.v0\.\d)?\+json/;
const STATEMENT = 'application/vnd.in-toto+json';
const STATEMENT_TYPES = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1'];
/** What cosign says of an image that it signs. Other statements (provenance, vulnerabilities) by the same signer are no signature of it. */
const SIGNED = 'https://sigstore.dev/cosign/sign/v1';
const MOST_SUBJECTS = 64;

export interface BundleRequest {
  readonly source: ImageSource;
  /** Manifests that refer to the image. */
  readonly referrers: readonly Descriptor[];
  readonly trust: SignatureTrust;
  readonly image: SignedImage;
  readonly identity: SignedIdentity;
}

/** Any good one is enough. @throws AssayError `signature.*`: of several bad ones the first */
export async function verifyBundles(request: BundleRequest): Promise<VerifiedSigner> {
  let reason: AssayError | undefined;
  for (const referrer of request.referrers) {
    try {
      return await verifyReferrer(referrer, request);
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      reason ??= error;
    }
  }
  throw reason ?? malformed('there is none');
}

async function verifyReferrer(referrer: Descriptor, request: BundleRequest): Promise<VerifiedSigner> {
  const { source, trust, image, identity } = request;
  const stored = await source.manifest(referrer);
  const manifest = readManifest(stored.bytes, stored.mediaType);
  const [layer, ...more] = manifest.kind === 'manifest' ? manifest.layers : [];
  if (layer === undefined || more.length > 0 || !BUNDLE_TYPES.test(layer.mediaType)) {
    throw malformed('a manifest that refers to the image has not exactly one');
  }
  const bundle = readBundle(await readBlob(source, layer));
  if (bundle.content.kind !== 'envelope' || bundle.content.envelope.payloadType !== STATEMENT) {
    throw malformed('it has no in-toto statement in an envelope');
  }
  const { envelope } = bundle.content;
  const signer = verifyFound(foundInEnvelope(bundle, envelope), trust);
  checkStatement(envelope.payload, image, identity);
  return signer;
}

function checkStatement(payload: Uint8Array, image: BundleRequest['image'], identity: SignedIdentity): void {
  const statement = readObject(payload, 'its statement');
  if (!STATEMENT_TYPES.includes(String(statement['_type'])) || statement['predicateType'] !== SIGNED) {
    throw malformed(`its statement is not of ${SIGNED}`);
  }
  const [algorithm = '', hex = ''] = image.manifestDigest.split(':');
  const subjects = listOf(statement['subject'], 'subject', MOST_SUBJECTS).map((one) => objectOf(one, 'a subject'));
  const subject = subjects.find((one) => objectOf(one['digest'], 'digest of a subject')[algorithm] === hex);
  if (subject === undefined) {
    const [first] = subjects;
    const actual = first === undefined ? 'nothing' : JSON.stringify(first['digest']).slice(0, 120);
    const expected = image.manifestDigest;
    throw assayError('signature.digest.match', { params: { actual, expected }, expected, actual });
  }
  checkIdentity(identity, image, typeof subject['name'] === 'string' ? subject['name'] : '');
}
