import { isJsonObject, parseJsonStrict } from '@assay/bytes';
import { readManifest, sha256Digest } from '@assay/oci';
import type { DemoRegistry } from './registry.js';

/**
 * Changes one byte of the last layer, and makes every digest fit again, as whoever runs the registry can.
 *
 * @param name `REPOSITORY:TAG`
 */
export function changeOneByte({ blobs, manifests }: DemoRegistry, name: string): void {
  const stored = manifests.get(name);
  const document = stored === undefined ? undefined : parseJsonStrict(stored.bytes);
  if (stored === undefined || document === undefined || !isJsonObject(document)) throw new Error(`no image ${name}`);
  const manifest = readManifest(stored.bytes, stored.mediaType);
  const layers = manifest.kind === 'manifest' ? manifest.layers : [];
  const last = layers.at(-1);
  const layer = last === undefined ? undefined : blobs.get(last.digest);
  if (layer === undefined) throw new Error(`the last layer of ${name} is not here`);
  const changed = Uint8Array.from(layer);
  const middle = changed.length >> 1;
  changed[middle] = (changed[middle] ?? 0) ^ 1;
  blobs.set(sha256Digest(changed), changed);
  const descriptors = [...layers.slice(0, -1), { ...last, digest: sha256Digest(changed) }];
  const bytes = Buffer.from(JSON.stringify({ ...document, layers: descriptors }));
  manifests.set(name, { bytes, mediaType: stored.mediaType });
}
