/** Builds small images out of files in memory. The same files give the same digests, whenever and wherever. */
import { gzipSync } from 'node:zlib';
import { encodeUtf8, type JsonObject } from '@assay/bytes';
import { packTar } from 'modern-tar';
import type { ImageTarget } from '../location/location.js';
import { type Digest, sha256Digest } from '../model/digest.js';
import { MEDIA_TYPE, type Platform } from '../model/manifest.js';

export interface ImageFile {
  /** Below the root, without a slash at its beginning. */
  readonly path: string;
  readonly content: Uint8Array;
  /** Default 0644. */
  readonly mode?: number;
}

export interface BuildOptions {
  /** Where it is written; it names the image afterwards. */
  readonly target: ImageTarget;
  /** From the lowest layer upwards. */
  readonly layers: readonly (readonly ImageFile[])[];
  readonly platform: Platform;
  /** `config` of the image configuration: `Entrypoint`, `Cmd`, `Env` … */
  readonly config: JsonObject;
}

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** @returns digest of the manifest. @throws what the target throws */
export async function buildImage({ target, layers, platform, config }: BuildOptions): Promise<Digest> {
  const tars = await Promise.all(layers.map(archive));
  const { os, architecture, variant } = platform;
  const configuration = {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    config,
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => sha256Digest(tar)) },
  };
  const blobs: JsonObject[] = [];
  for (const tar of tars) blobs.push({ mediaType: LAYER, ...(await put(target, gzipSync(tar))) });
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, ...(await put(target, encodeUtf8(JSON.stringify(configuration)))) },
    layers: blobs,
  };
  const bytes = encodeUtf8(JSON.stringify(manifest));
  await target.putManifest({ bytes, mediaType: MEDIA_TYPE.manifest }, true);
  return sha256Digest(bytes);
}

/** Folders before what is in them, owners and times that say nothing of the builder. */
function archive(files: readonly ImageFile[]): Promise<Uint8Array> {
  const folders = new Set(files.flatMap(({ path }) => parents(path)));
  const mtime = new Date(0);
  return packTar([
    ...[...folders].map((name) => ({
      header: { name: `${name}/`, size: 0, type: 'directory' as const, mode: 0o755, mtime },
    })),
    ...files.map(({ path, content, mode = 0o644 }) => ({
      header: { name: path, size: content.length, type: 'file' as const, mode, mtime },
      body: content,
    })),
  ]);
}

function parents(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

async function put(target: ImageTarget, bytes: Uint8Array): Promise<{ digest: Digest; size: number }> {
  const blob = { digest: sha256Digest(bytes), size: bytes.length };
  const writer = await target.writer();
  try {
    await writer.write(once(bytes));
    await writer.commit(blob);
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return blob;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
