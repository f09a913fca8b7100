/** Small images for tests, as layouts. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { temporaryFolder } from '@assay/testkit';
import { type Digest, MEDIA_TYPE, sha256Digest } from '../index.js';

export interface MadeImage {
  readonly folder: string;
  readonly manifest: Digest;
  readonly layers: readonly Buffer[];
}

export function temporary(): string {
  return temporaryFolder('assay-oci-');
}

/** One tar archive with one file, as ustar. */
export function tarOf(name: string, content: Uint8Array): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\x000000000\x000000000\0', 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512), Buffer.alloc(1024)]);
}

/** An image of `count` layers under the tag `v1`. */
export function makeImage(count = 2, folder = temporary()): MadeImage {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  const put = (bytes: Uint8Array): { digest: Digest; size: number } => {
    const digest = sha256Digest(bytes);
    writeFileSync(join(folder, 'blobs', digest.replace(':', '/')), bytes);
    return { digest, size: bytes.length };
  };
  const tars = Array.from({ length: count }, (_, index) => tarOf(`file-${index}`, randomBytes(3000 + index)));
  const layers = tars.map((tar) => gzipSync(tar));
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Cmd: ['/bin/true'] },
      rootfs: { type: 'layers', diff_ids: tars.map((tar) => sha256Digest(tar)) },
    }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.manifest,
      config: { mediaType: MEDIA_TYPE.config, ...put(config) },
      layers: layers.map((layer) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        ...put(layer),
        annotations: { 'example.kept': 'yes' },
      })),
    }),
  );
  const entry = { mediaType: MEDIA_TYPE.manifest, ...put(manifest) };
  writeIndex(folder, [{ ...entry, annotations: { 'org.opencontainers.image.ref.name': 'v1' } }]);
  return { folder, manifest: entry.digest, layers };
}

export function writeIndex(folder: string, manifests: readonly unknown[]): void {
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
}

/** Names of the blobs of a layout, and of everything else that lies about in its folder of blobs. */
export function blobsOf(folder: string): string[] {
  return readdirSync(join(folder, 'blobs/sha256')).sort();
}
