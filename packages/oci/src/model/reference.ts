/** References of images in registries: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`, with Docker Hub's short names. */
import { type AssayError, assayError } from '@assay/bytes/findings';
import { type Digest, isDigest } from './digest.js';

export interface ImageReference {
  /** `docker.io`, `registry.example:5000`. */
  readonly registry: string;
  /** Path below the registry: `library/alpine`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const DEFAULT_REGISTRY = 'docker.io';
const HOST =
  /^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?))*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

/**
 * A reference as people type it. Without tag and digest it means `latest`.
 *
 * @throws AssayError `image.reference.form`
 */
export function parseReference(text: string): ImageReference {
  const reference = parseName(text);
  return isNameOnly(reference) ? { ...reference, tag: 'latest' } : reference;
}

/** True where neither a tag nor a digest says which image of the repository is meant. */
export function isNameOnly({ tag, digest }: ImageReference): boolean {
  return tag === undefined && digest === undefined;
}

/** A reference as signatures and policies hold it: without tag and digest it stays a name. @throws AssayError `image.reference.form` */
export function parseName(text: string): ImageReference {
  if (text.length > 512) throw malformed(text, 'it is longer than 512 characters');
  const [name = '', digest, ...more] = text.split('@');
  if (more.length > 0) throw malformed(text, 'it has two `@`');
  if (digest !== undefined && !isDigest(digest)) throw malformed(text, 'no digest of SHA-256 or SHA-512 follows `@`');
  const slash = name.lastIndexOf('/');
  const colon = name.indexOf(':', slash + 1);
  const path = colon < 0 ? name : name.slice(0, colon);
  const tag = colon < 0 ? undefined : name.slice(colon + 1);
  if (tag !== undefined && !TAG.test(tag)) throw malformed(text, `\`${tag.slice(0, 40)}\` is no tag`);
  const { registry, repository } = normalise(path);
  if (!HOST.test(registry)) throw malformed(text, `\`${registry.slice(0, 60)}\` is no host`);
  const wrong = repository.split('/').find((component) => !COMPONENT.test(component));
  if (wrong !== undefined) throw malformed(text, `\`${wrong.slice(0, 40)}\` is no part of a repository's name`);
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** Docker Hub needs no host, and `library/` before names of one part. */
function normalise(path: string): { readonly registry: string; readonly repository: string } {
  const slash = path.indexOf('/');
  const first = path.slice(0, Math.max(0, slash));
  const isHost = first.includes('.') || first.includes(':') || first === 'localhost' || first.startsWith('[');
  const registry = isHost ? first : DEFAULT_REGISTRY;
  const rest = isHost ? path.slice(slash + 1) : path;
  const canonical = registry === 'index.docker.io' || registry === 'registry-1.docker.io' ? DEFAULT_REGISTRY : registry;
  return {
    registry: canonical,
    repository: canonical === DEFAULT_REGISTRY && !rest.includes('/') ? `library/${rest}` : rest,
  };
}

/** The full form: `docker.io/library/alpine:3.20`. */
export function formatReference({ registry, repository, tag, digest }: ImageReference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

function malformed(ref: string, what: string): AssayError {
  return assayError('image.reference.form', { params: { ref: ref.slice(0, 120), what }, subject: ref.slice(0, 512) });
}

/** Registry and repository: `docker.io/library/alpine`. */
export function repositoryOf({ registry, repository }: ImageReference): string {
  return `${registry}/${repository}`;
}
