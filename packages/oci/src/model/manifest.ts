/** Manifests, indexes and configurations of images (OCI image specification 1.1, and Docker's schema 2, which is the same but for its names). */
import {
  DecodeError,
  decodeUtf8,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';
import { type Digest, isDigest } from './digest.js';

export const MEDIA_TYPE = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
} as const;

/** Largest manifest or index, in bytes; registries allow 4 MiB. */
export const LARGEST_MANIFEST = 4 * 1024 * 1024;
/** Largest configuration of an image, in bytes. */
export const LARGEST_CONFIG = 8 * 1024 * 1024;
/** Largest blob, in bytes: 64 GiB. */
const LARGEST_BLOB = 64 * 2 ** 30;
const MOST_LAYERS = 1000;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly annotations?: { readonly [name: string]: string };
  readonly platform?: Platform;
  /** Of what is no image: a signature, a statement. */
  readonly artifactType?: string;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface Manifest {
  readonly kind: 'manifest';
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** The document as it came, for members that are carried along. */
  readonly document: JsonObject;
}

export interface Index {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly document: JsonObject;
}

/**
 * Reads a manifest or an index.
 *
 * @param mediaType as the registry or the descriptor says; a `mediaType` inside that says otherwise is refused, so that nobody reads a
 *   manifest as an index or the reverse
 * @throws AssayError `image.manifest.form`
 */
export function readManifest(bytes: Uint8Array, mediaType?: string): Manifest | Index {
  const document = readJson(bytes, LARGEST_MANIFEST, 'manifest');
  const inner = document['mediaType'];
  if (document['schemaVersion'] !== 2) throw malformed('manifest', 'schemaVersion is not 2');
  if (inner !== undefined && typeof inner !== 'string') throw malformed('manifest', 'mediaType is no text');
  if (inner !== undefined && mediaType !== undefined && inner !== mediaType) {
    throw malformed('manifest', `it says ${inner}, and is handed out as ${mediaType}`);
  }
  const type = inner ?? mediaType ?? ('manifests' in document ? MEDIA_TYPE.index : MEDIA_TYPE.manifest);
  const isIndex = type === MEDIA_TYPE.index || type === MEDIA_TYPE.dockerList;
  if (!isIndex && type !== MEDIA_TYPE.manifest && type !== MEDIA_TYPE.dockerManifest) {
    throw malformed('manifest', `${type.slice(0, 80)} is no image`);
  }
  if ((isIndex && 'layers' in document) || (!isIndex && 'manifests' in document)) {
    throw malformed('manifest', 'it is a manifest and an index at once');
  }
  if (isIndex) {
    return { kind: 'index', mediaType: type, manifests: listOf(document, 'manifests'), document };
  }
  const config = document['config'];
  if (config === undefined) throw malformed('manifest', 'it has no config');
  return {
    kind: 'manifest',
    mediaType: type,
    config: readDescriptor(config, 'config'),
    layers: listOf(document, 'layers'),
    document,
  };
}

/** What is used of an image's configuration. */
export interface ImageConfig {
  readonly os: string;
  readonly architecture: string;
  /** Digests of the layers' tar archives, bottom first. */
  readonly diffIds: readonly Digest[];
  readonly document: JsonObject;
}

/** @throws AssayError `image.manifest.form` */
export function readConfig(bytes: Uint8Array): ImageConfig {
  const document = readJson(bytes, LARGEST_CONFIG, 'configuration');
  const rootfs = document['rootfs'];
  const ids = rootfs !== undefined && isJsonObject(rootfs) ? rootfs['diff_ids'] : undefined;
  if (ids === undefined || !isJsonArray(ids) || ids.length > MOST_LAYERS) {
    throw malformed('configuration', 'it has no list of diff_ids');
  }
  const diffIds = ids.filter((id): id is Digest => typeof id === 'string' && isDigest(id));
  if (diffIds.length !== ids.length) throw malformed('configuration', 'a diff_id is no digest');
  const { os, architecture } = document;
  return {
    os: typeof os === 'string' ? os : '',
    architecture: typeof architecture === 'string' ? architecture : '',
    diffIds,
    document,
  };
}

function listOf(document: JsonObject, member: string): Descriptor[] {
  const list = document[member];
  if (list === undefined || !isJsonArray(list)) throw malformed('manifest', `it has no ${member}`);
  if (list.length > MOST_LAYERS) throw malformed('manifest', `it has more than ${MOST_LAYERS} ${member}`);
  return list.map((entry, index) => readDescriptor(entry, `${member}[${index}]`));
}

/** @throws AssayError `image.manifest.form` */
export function readDescriptor(value: JsonValue, where: string): Descriptor {
  if (!isJsonObject(value)) throw malformed('manifest', `${where} is no object`);
  const { mediaType, digest, size, annotations, platform, artifactType } = value;
  if (typeof mediaType !== 'string' || mediaType === '') throw malformed('manifest', `${where} has no mediaType`);
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw malformed('manifest', `${where} has no digest of SHA-256 or SHA-512`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0 || size > LARGEST_BLOB) {
    throw malformed('manifest', `${where} has no size between 0 and ${LARGEST_BLOB}`);
  }
  return {
    mediaType,
    digest,
    size,
    ...(annotations === undefined ? {} : { annotations: readAnnotations(annotations, where) }),
    ...(platform !== undefined && isJsonObject(platform) ? { platform: readPlatform(platform) } : {}),
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
  };
}

function readAnnotations(value: JsonValue, where: string): { readonly [name: string]: string } {
  if (!isJsonObject(value)) throw malformed('manifest', `annotations of ${where} are no object`);
  return Object.fromEntries(
    Object.entries(value).map(([name, text]) => {
      if (typeof text !== 'string') throw malformed('manifest', `an annotation of ${where} is no text`);
      return [name, text];
    }),
  );
}

function readPlatform({ os, architecture, variant }: JsonObject): Platform {
  return {
    os: typeof os === 'string' ? os : '',
    architecture: typeof architecture === 'string' ? architecture : '',
    ...(typeof variant === 'string' ? { variant } : {}),
  };
}

function readJson(bytes: Uint8Array, largest: number, what: string): JsonObject {
  try {
    const value = parseJsonStrict(decodeUtf8(bytes), { maxBytes: largest });
    if (isJsonObject(value)) return value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw malformed(what, error.message);
  }
  throw malformed(what, 'it is no JSON object');
}

export function malformed(document: string, what: string): AssayError {
  return assayError('image.manifest.form', { params: { document, what } });
}
