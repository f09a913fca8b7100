/** Which references in a signature go with which references of an image (containers-policy.json, `signedIdentity`). */
import { AssayError } from '@assay/bytes/findings';
import { formatReference, type ImageReference, isNameOnly, parseName, repositoryOf } from '../model/reference.js';

export type SignedIdentity =
  | { readonly type: 'matchExact' | 'matchRepoDigestOrExact' | 'matchRepository' }
  /** Names are not compared: the digest alone binds. Ours; sigstore bundles hold no name. */
  | { readonly type: 'matchDigest' }
  | { readonly type: 'exactReference'; readonly dockerReference: string }
  | { readonly type: 'exactRepository'; readonly dockerRepository: string }
  | { readonly type: 'remapIdentity'; readonly prefix: string; readonly signedPrefix: string };

/** Rule where a policy names none. */
export const DEFAULT_IDENTITY: SignedIdentity = { type: 'matchRepoDigestOrExact' };

/** True where the rule compares with the name of the image: one without a name fits none of these. */
export function needsName({ type }: SignedIdentity): boolean {
  return type !== 'matchDigest' && type !== 'exactReference' && type !== 'exactRepository';
}

/**
 * @param image what was asked for, not where a mirror had it; undefined where it has no name
 * @param signed the `docker-reference` of a signature: what does not parse fits nothing
 */
export function identityFits(identity: SignedIdentity, image: ImageReference | undefined, signed: string): boolean {
  if (identity.type === 'matchDigest') return true;
  const signature = tryName(signed);
  if (signature === undefined) return false;
  switch (identity.type) {
    case 'exactReference': {
      const wanted = tryName(identity.dockerReference);
      return wanted !== undefined && sameReference(wanted, signature);
    }
    case 'exactRepository': {
      const wanted = tryName(identity.dockerRepository);
      return wanted !== undefined && repositoryOf(wanted) === repositoryOf(signature);
    }
    default:
      return image !== undefined && nameFits(identity, image, signature);
  }
}

type NamedIdentity = Exclude<SignedIdentity, { type: 'matchDigest' | 'exactReference' | 'exactRepository' }>;

function nameFits(identity: NamedIdentity, image: ImageReference, signature: ImageReference): boolean {
  switch (identity.type) {
    case 'matchExact':
      return sameReference(image, signature);
    case 'matchRepoDigestOrExact':
      return exactOrRepository(image, signature);
    case 'matchRepository':
      return repositoryOf(image) === repositoryOf(signature);
    case 'remapIdentity': {
      const remapped = remap(image, identity.prefix, identity.signedPrefix);
      return remapped !== undefined && exactOrRepository(remapped, signature);
    }
  }
}

/** An image by tag wants the very reference; one by digest is bound by that, and wants the repository. */
function exactOrRepository(image: ImageReference, signature: ImageReference): boolean {
  if (image.tag !== undefined) return sameReference(image, signature);
  return image.digest !== undefined && repositoryOf(image) === repositoryOf(signature);
}

/** A name without tag and digest is the same as nothing. */
function sameReference(left: ImageReference, right: ImageReference): boolean {
  return !isNameOnly(left) && !isNameOnly(right) && formatReference(left) === formatReference(right);
}

/** The reference with another beginning; unchanged where the prefix is not one of whole parts. @returns undefined when nothing sensible results */
function remap(image: ImageReference, prefix: string, signedPrefix: string): ImageReference | undefined {
  const name = repositoryOf(image);
  if (name !== prefix && !name.startsWith(`${prefix}/`)) return image;
  const full = `${signedPrefix}${name.slice(prefix.length)}`;
  const replaced = tryName(full);
  // A prefix without its registry means none, and not Docker Hub.
  if (replaced === undefined || formatReference(replaced) !== full) return undefined;
  const { tag, digest } = image;
  return { ...replaced, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** @returns undefined for what is none */
export function tryName(text: string): ImageReference | undefined {
  try {
    return parseName(text);
  } catch (error) {
    if (error instanceof AssayError) return undefined;
    throw error;
  }
}
