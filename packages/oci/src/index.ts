/** `@assay/oci`: images in registries, layouts and directories; copies that encrypt and decrypt. */
export { type CopyOptions, type CopyProgress, type CopyResult, copyImage, readBlob } from './copy/copy.js';
export { directorySource, directoryTarget } from './layout/directory.js';
export { layoutSource, layoutTarget } from './layout/layout.js';
export {
  type BlobWriter,
  type ImageSource,
  type ImageTarget,
  type Location,
  parseLocation,
  type StoredManifest,
} from './location/location.js';
export { checkDigest, type Digest, DigestCheck, isDigest, sha256Digest } from './model/digest.js';
export {
  type Descriptor,
  type ImageConfig,
  type Index,
  type Manifest,
  MEDIA_TYPE,
  type Platform,
  readConfig,
  readManifest,
} from './model/manifest.js';
export { formatReference, type ImageReference, parseReference } from './model/reference.js';
