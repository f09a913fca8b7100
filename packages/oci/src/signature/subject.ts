/** An image as signatures and policies know it: by its digest, by a name where it has one, and by where it lies where it has none. */
import { assayError } from '@assay/bytes/findings';
import { formatReference, type ImageReference } from '../model/reference.js';
import { identityFits, needsName, type SignedIdentity } from './identity.js';

/** A folder with an image. */
export interface Place {
  readonly transport: 'oci' | 'dir';
  /** Absolute, without symbolic links. */
  readonly folder: string;
}

export interface SignedImage {
  /** What was asked for: never where a mirror had it. Absent where an image has no name, in a folder. */
  readonly reference?: ImageReference | undefined;
  readonly place?: Place | undefined;
  readonly manifestDigest: string;
}

/** For people: `registry.example/app:v1`, `oci:/srv/app`. */
export function nameOf({ reference, place, manifestDigest }: SignedImage): string {
  if (reference !== undefined) return formatReference(reference);
  return place === undefined ? manifestDigest : `${place.transport}:${place.folder}`;
}

/**
 * @param signed the name in a signature; '' where it has none
 * @throws AssayError `signature.identity.match`, `signature.identity.known`
 */
export function checkIdentity(identity: SignedIdentity, image: SignedImage, signed: string): void {
  if (identityFits(identity, image.reference, signed)) return;
  const { type } = identity;
  const actual = signed === '' ? 'no name' : signed;
  if (image.reference === undefined && needsName(identity)) {
    const params = { actual, type, place: nameOf(image) };
    throw assayError('signature.identity.known', { params, subject: params.place, actual });
  }
  const expected = wantedBy(identity) ?? nameOf(image);
  throw assayError('signature.identity.match', { params: { actual, expected, type }, expected, actual });
}

/** The name that a policy wants in place of the image's own. */
function wantedBy(identity: SignedIdentity): string | undefined {
  if (identity.type === 'exactReference') return identity.dockerReference;
  return identity.type === 'exactRepository' ? identity.dockerRepository : undefined;
}
