/** `@assay/oci`: images in registries, layouts and directories; copies that encrypt and decrypt. */
export { type BuildOptions, buildImage, type ImageFile } from './build/build.js';
export { type BundleOptions, makeBundle } from './bundle/bundle.js';
export { findRuntime, runBundle } from './bundle/run.js';
export { runtimeSpec, type SpecOptions } from './bundle/spec.js';
export { cachedLayers, type LayerCacheOptions } from './cache/layer-cache.js';
export { type CopyOptions, type CopyProgress, type CopyResult, copyImage, readBlob } from './copy/copy.js';
export { platformManifest } from './copy/platform.js';
export { type Prefetched, type PrefetchOptions, prefetchLayers } from './copy/prefetch.js';
export { directorySource, directoryTarget } from './layout/directory.js';
export { layoutSource, layoutTarget } from './layout/layout.js';
export {
  type BlobWriter,
  type ImageSource,
  type ImageTarget,
  type Location,
  parseLocation,
  type SignedSource,
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
export { formatReference, type ImageReference, parseName, parseReference } from './model/reference.js';
export type { RegistryOptions } from './registry/client.js';
export {
  NO_REGISTRY_CONFIG,
  type RegistryConfig,
  type RegistryRule,
  type RegistryTask,
  readRegistryConfig,
  registryConfigOf,
  registryTasks,
} from './registry/config.js';
export { type Credential, type Credentials, credentialFor, readCredentials } from './registry/credentials.js';
export type { ProxyAddresses } from './registry/proxy.js';
export { type RegistrySource, type RegistrySourceOptions, registrySource } from './registry/source.js';
export { type RegistryTarget, registryTarget } from './registry/target.js';
export { openSealedFolder, sealFolder } from './sealed/folder.js';
export {
  type CosignVerification,
  signatureTag,
  type VerifiedSignature,
  verifyCosign,
} from './signature/cosign.js';
export { readCosignKey } from './signature/cosign-key.js';
export { DEFAULT_IDENTITY, identityFits, type SignedIdentity } from './signature/identity.js';
export { type Judgement, type JudgeOptions, judgeSignatures, type MetRequirement } from './signature/judge.js';
export type { KeySource } from './signature/key-source.js';
export { type LookasideConfig, lookasideBase, readLookaside } from './signature/lookaside.js';
export type { SignaturePayload } from './signature/payload.js';
export {
  lookUpPlace,
  lookUpScope,
  type PolicyScope,
  type Requirement,
  readPolicy,
  type SignaturePolicy,
} from './signature/policy.js';
export { readIdentity } from './signature/read-identity.js';
export type { SigstoreRequirement } from './signature/sigstore-requirement.js';
export {
  readKeyring,
  type SimpleSigningOptions,
  type VerifiedSimpleSignature,
  verifySimpleSignature,
} from './signature/simple-signing.js';
export { nameOf, type Place, type SignedImage } from './signature/subject.js';
export type { SignatureTrust, VerifiedSigner } from './sigstore/verify.js';
export { countBeside } from './threads/digests.js';
export type { Skipped } from './unpack/entry.js';
export { DEFAULT_LIMITS, type UnpackLimits } from './unpack/limits.js';
export { parentOf as parentWithin } from './unpack/root.js';
export { type UnpackedImage, type UnpackOptions, unpackImage } from './unpack/unpack.js';
export { removeTree, type WorkFolder, workFolder } from './work-folder/work-folder.js';
