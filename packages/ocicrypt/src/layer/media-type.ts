/** Media types of layers, plain and encrypted (`+encrypted` behind the plain one). */
import { assayError } from '@assay/bytes/findings';

const SUFFIX = '+encrypted';

const PLAIN = new Set([
  'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/vnd.oci.image.layer.nondistributable.v1.tar',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  'application/vnd.wasm.content.layer.v1+wasm',
]);

/** Docker's own names of layers; encryption turns them into those of OCI. */
const DOCKER: ReadonlyMap<string, string> = new Map([
  ['application/vnd.docker.image.rootfs.diff.tar', 'application/vnd.oci.image.layer.v1.tar'],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'application/vnd.oci.image.layer.v1.tar+gzip'],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', 'application/vnd.oci.image.layer.v1.tar+zstd'],
]);

export function isEncrypted(mediaType: string): boolean {
  return mediaType.endsWith(SUFFIX);
}

/** @throws AssayError `image.layer.type` for what is encrypted already or is no layer */
export function encryptedMediaType(mediaType: string): string {
  const plain = DOCKER.get(mediaType) ?? mediaType;
  if (!PLAIN.has(plain)) throw unhandled(mediaType, 'encrypted');
  return `${plain}${SUFFIX}`;
}

/** @throws AssayError `image.layer.type` for what is not encrypted */
export function plainMediaType(mediaType: string): string {
  const plain = mediaType.slice(0, -SUFFIX.length);
  if (!isEncrypted(mediaType) || !PLAIN.has(plain)) throw unhandled(mediaType, 'decrypted');
  return plain;
}

function unhandled(actual: string, what: string): Error {
  return assayError('image.layer.type', { params: { layer: 'layer', actual, what }, actual });
}
