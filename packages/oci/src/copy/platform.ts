import type { ImageSource } from '../location/location.js';
import { type Digest, sha256Digest } from '../model/digest.js';
import { type Manifest, malformed, type Platform, readManifest } from '../model/manifest.js';
import { choosePlatform } from './copy.js';

/**
 * The manifest of an image for a platform, out of its index where it has one.
 *
 * @returns the manifest, its digest, and that of the top document: the same where there is no index
 * @throws AssayError `image.manifest.*`
 */
export async function platformManifest(
  source: ImageSource,
  platform: Platform,
): Promise<{ readonly manifest: Manifest; readonly digest: Digest; readonly topDigest: Digest }> {
  const stored = await source.manifest();
  const topDigest = sha256Digest(stored.bytes);
  const top = readManifest(stored.bytes, stored.mediaType);
  if (top.kind === 'manifest') return { manifest: top, digest: topDigest, topDigest };
  const member = choosePlatform(top, platform);
  const { bytes } = await source.manifest(member);
  const manifest = readManifest(bytes, member.mediaType);
  if (manifest.kind === 'index') throw malformed('index', 'an index within an index');
  return { manifest, digest: sha256Digest(bytes), topDigest };
}
