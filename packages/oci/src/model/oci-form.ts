/** Docker's schema 2 in the form of OCI: the same documents under other names. Its own form has none for encrypted layers. */
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { MEDIA_TYPE } from './manifest.js';

const DOCKER = 'application/vnd.docker.image.rootfs';
const OCI = 'application/vnd.oci.image.layer';

const NAMES: ReadonlyMap<string, string> = new Map([
  [MEDIA_TYPE.dockerManifest, MEDIA_TYPE.manifest],
  [MEDIA_TYPE.dockerList, MEDIA_TYPE.index],
  [MEDIA_TYPE.dockerConfig, MEDIA_TYPE.config],
  [`${DOCKER}.diff.tar`, `${OCI}.v1.tar`],
  [`${DOCKER}.diff.tar.gzip`, `${OCI}.v1.tar+gzip`],
  [`${DOCKER}.diff.tar.zstd`, `${OCI}.v1.tar+zstd`],
  [`${DOCKER}.foreign.diff.tar`, `${OCI}.nondistributable.v1.tar`],
  [`${DOCKER}.foreign.diff.tar.gzip`, `${OCI}.nondistributable.v1.tar+gzip`],
]);

/** Name of a kind of document or layer in OCI's form; others are as they are. */
export function ociMediaType(mediaType: string): string {
  return NAMES.get(mediaType) ?? mediaType;
}

/** A manifest or an index with OCI's names for itself, its configuration and its layers. Members of an index stay what they are. */
export function inOciForm(document: JsonObject): JsonObject {
  const { mediaType, config, layers } = document;
  return {
    ...document,
    ...(mediaType === undefined ? {} : { mediaType: renamed(mediaType) }),
    ...(config === undefined ? {} : { config: described(config) }),
    ...(layers === undefined || !isJsonArray(layers) ? {} : { layers: layers.map(described) }),
  };
}

function described(descriptor: JsonValue): JsonValue {
  if (!isJsonObject(descriptor) || descriptor['mediaType'] === undefined) return descriptor;
  return { ...descriptor, mediaType: renamed(descriptor['mediaType']) };
}

function renamed(name: JsonValue): JsonValue {
  return typeof name === 'string' ? ociMediaType(name) : name;
}
