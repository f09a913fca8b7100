import { AssayError } from '@assay/bytes/findings';
import { type Descriptor, type ImageSource, type Index, type Manifest, readManifest, sha256Digest } from '@assay/oci';
import { isEncrypted, type KeyUnwrapper, openLayer, recipientsOf } from '@assay/ocicrypt';
import { outputOf } from '../command.js';
import { columns, styled } from '../terminal/style.js';
import type { DecryptFlags } from './copy.js';
import { unwrappersOf } from './keys.js';
import { sourceOf } from './locations.js';

interface LayerView {
  readonly digest: string;
  readonly size: number;
  readonly media_type: string;
  readonly encrypted: boolean;
  /** For whom, where it is encrypted. */
  readonly recipients?: string;
  /** With `--decryption-key`: how a key opened it, or why none did. Never a key. */
  readonly opens?: unknown;
}

interface ImageView {
  readonly digest: string;
  readonly platform: string | undefined;
  readonly layers: readonly LayerView[];
}

/** `assay image inspect`: what an image is made of, and who can decrypt it. */
export async function inspectImage(location: string, flags: DecryptFlags): Promise<void> {
  const source = await sourceOf(location, flags);
  const stored = await source.manifest();
  const top = readManifest(stored.bytes, stored.mediaType);
  const unwrappers = flags.decryptionKey === undefined ? undefined : await unwrappersOf(flags.decryptionKey);
  const images: ImageView[] = [];
  for (const { manifest, digest, platform } of await manifestsOf(top, stored.bytes, source)) {
    images.push({
      digest,
      platform,
      layers: await Promise.all(manifest.layers.map((layer, n) => view(layer, n, unwrappers))),
    });
  }
  outputOf(flags).result(
    { location, digest: sha256Digest(stored.bytes), media_type: stored.mediaType, images },
    (out) => {
      for (const { digest, platform, layers } of images) {
        out.write(`${styled(out, 'bold', digest)}${platform === undefined ? '' : `  ${platform}`}\n`);
        out.write(
          columns(
            layers.map((layer, index) => [
              `  layer ${index}`,
              `${layer.size} bytes`,
              layer.encrypted ? styled(out, 'yellow', `encrypted for ${layer.recipients}`) : 'plain',
              layer.opens === undefined ? '' : typeof layer.opens === 'string' ? layer.opens : 'a key opens it',
            ]),
          ),
        );
      }
    },
  );
}

async function manifestsOf(
  top: Manifest | Index,
  bytes: Uint8Array,
  source: ImageSource,
): Promise<readonly { manifest: Manifest; digest: string; platform?: string }[]> {
  if (top.kind === 'manifest') return [{ manifest: top, digest: sha256Digest(bytes) }];
  const all = [];
  for (const member of top.manifests) {
    const stored = await source.manifest(member);
    const manifest = readManifest(stored.bytes, member.mediaType);
    if (manifest.kind !== 'manifest') continue;
    const platform = `${member.platform?.os ?? '?'}/${member.platform?.architecture ?? '?'}`;
    all.push({ manifest, digest: member.digest, platform });
  }
  return all;
}

async function view(
  layer: Descriptor,
  index: number,
  unwrappers: readonly KeyUnwrapper[] | undefined,
): Promise<LayerView> {
  const { digest, size, mediaType, annotations = {} } = layer;
  const encrypted = isEncrypted(mediaType);
  const base = { digest, size, media_type: mediaType, encrypted };
  if (!encrypted) return base;
  const recipients = recipientsOf(annotations);
  if (unwrappers === undefined) return { ...base, recipients };
  try {
    const opened = await openLayer(annotations, unwrappers, `layer ${index}`);
    return { ...base, recipients, opens: opened.with };
  } catch (error) {
    if (error instanceof AssayError) return { ...base, recipients, opens: error.title };
    throw error;
  }
}
