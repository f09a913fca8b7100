/** One layer on its way from a source to a target: as it is, encrypted, or decrypted. */
import { createHash } from 'node:crypto';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  encryptedMediaType,
  encryptionAnnotations,
  type KeyUnwrapper,
  type KeyWrapper,
  LayerDecryption,
  LayerEncryption,
  openLayer,
  plainAnnotations,
  plainMediaType,
} from '@assay/ocicrypt';
import type { ImageSource, ImageTarget } from '../location/location.js';
import { countChecked } from '../model/checked.js';
import { type Digest, DigestCheck, isDigest } from '../model/digest.js';
import type { Descriptor } from '../model/manifest.js';
import { countBeside } from '../threads/digests.js';
import { countArchive, isOfArchive } from '../unpack/archive-digest.js';

/** What is done with a layer. */
export type LayerAction =
  | { readonly kind: 'keep' }
  | {
      readonly kind: 'encrypt';
      readonly wrappers: readonly KeyWrapper[];
      readonly random: (bytes: number) => Uint8Array;
    }
  | { readonly kind: 'decrypt'; readonly unwrappers: readonly KeyUnwrapper[] };

export interface LayerCopy {
  readonly source: ImageSource;
  readonly target: ImageTarget;
  readonly layer: Descriptor;
  /** Digest of its archive, as the image's configuration has it; absent for what is no container image. */
  readonly diffId?: Digest | undefined;
  /** `layer 2`, for errors and progress. */
  readonly name: string;
  readonly onBytes: (bytes: number) => void;
  /** Told of every blob that is in the target now and was not before. */
  readonly onCommitted?: (descriptor: Descriptor) => void;
}

/** @returns the layer's new descriptor; nothing of it is in the target unless this resolves */
export async function copyLayer(copy: LayerCopy, action: LayerAction): Promise<Descriptor> {
  switch (action.kind) {
    case 'keep':
      return keep(copy);
    case 'encrypt':
      return encrypt(copy, action);
    case 'decrypt':
      return decrypt(copy, action.unwrappers);
  }
}

async function keep(copy: LayerCopy): Promise<Descriptor> {
  const { layer, target } = copy;
  if (await target.has(layer)) {
    copy.onBytes(layer.size);
    return layer;
  }
  await through(copy, new DigestCheck(layer.digest, layer.size), () => layer);
  return layer;
}

async function encrypt(
  copy: LayerCopy,
  { wrappers, random }: Extract<LayerAction, { kind: 'encrypt' }>,
): Promise<Descriptor> {
  const mediaType = encryptedMediaType(copy.layer.mediaType);
  const encryption = new LayerEncryption(random, countChecked(copy.layer, countBeside(copy.layer.size)));
  let annotations: Descriptor['annotations'];
  const { digest, size } = await through(copy, encryption, async () => {
    // The layer is committed only when its recipients have it: an encrypted layer without them is lost.
    annotations = await encryptionAnnotations(encryption.result, wrappers, copy.layer.annotations);
    return encryption.result;
  });
  return { ...copy.layer, mediaType, digest, size, ...(annotations === undefined ? {} : { annotations }) };
}

async function decrypt(copy: LayerCopy, unwrappers: readonly KeyUnwrapper[]): Promise<Descriptor> {
  const { layer, name } = copy;
  const mediaType = plainMediaType(layer.mediaType);
  const { annotations: before = {} } = layer;
  const { publicOptions, privateOptions } = await openLayer(before, unwrappers, name);
  const ofArchive = isOfArchive(privateOptions.digest, copy.diffId, mediaType);
  const blob = createHash('sha256');
  const count = ofArchive ? countArchive(mediaType, name, layer.size, blob) : countBeside(layer.size);
  const decryption = new LayerDecryption(publicOptions, privateOptions, name, countChecked(layer, count));
  const { digest } = await through(copy, decryption, () => ({
    digest: ofArchive ? `sha256:${blob.digest('hex')}` : privateOptions.digest,
    size: layer.size,
  }));
  const annotations = plainAnnotations(before);
  const { annotations: _, ...rest } = layer;
  return { ...rest, mediaType, digest, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) };
}

/** Streams a blob by way of a step, which checks its digest, into the target. */
async function through(
  { source, target, layer, onBytes, onCommitted }: LayerCopy,
  step: Transform,
  written: () => { digest: string; size: number } | Promise<{ digest: string; size: number }>,
): Promise<{ digest: Digest; size: number }> {
  const writer = await target.writer();
  try {
    const content = await source.blob(layer);
    content.on('data', (chunk: Uint8Array) => onBytes(chunk.length));
    await pipeline(content, step, (result) => writer.write(result));
    const { digest, size } = await written();
    if (!isDigest(digest)) throw new Error(`${digest} is no digest`);
    const blob = { ...layer, digest, size };
    const known = await target.has(blob);
    await writer.commit({ digest, size });
    if (!known) onCommitted?.(blob);
    return { digest, size };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
