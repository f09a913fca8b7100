/** What whoever runs the registry can do to an image. */
import { generateKeyPairSync } from 'node:crypto';
import {
  buildImage,
  copyImage,
  layoutSource,
  layoutTarget,
  parseReference,
  readManifest,
  registryTarget,
} from '@assay/oci';
import type { DemoRegistry } from './registry.js';
import { signImage } from './sign.js';

/** Flips one byte of the last layer. @param name `REPOSITORY:TAG` */
export function changeOneByte({ blobs, manifests }: DemoRegistry, name: string): void {
  const stored = manifests.get(name);
  const manifest = stored === undefined ? undefined : readManifest(stored.bytes, stored.mediaType);
  const last = manifest?.kind === 'manifest' ? manifest.layers.at(-1) : undefined;
  const layer = last === undefined ? undefined : blobs.get(last.digest);
  if (last === undefined || layer === undefined) throw new Error(`no image ${name}`);
  const changed = Uint8Array.from(layer);
  const middle = changed.length >> 1;
  changed[middle] = (changed[middle] ?? 0) ^ 1;
  blobs.set(last.digest, changed);
}

/** Puts another image in the place of one: not encrypted, every digest fits, and it is signed, by a key of their own. */
export async function replaceImage(reference: string, folder: string): Promise<void> {
  const image = parseReference(reference);
  const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
  const content = Buffer.from('hello from somebody else\n');
  const layers = [[{ path: 'greeting', content }]];
  await buildImage({ target: layoutTarget(folder, 'v1'), platform, config: { Cmd: ['/bin/tell'] }, layers });
  const target = registryTarget(image, { insecure: true });
  const { digest } = await copyImage({ source: layoutSource(folder, 'v1'), target }).finally(() => target.close());
  await signImage(image, digest, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}
