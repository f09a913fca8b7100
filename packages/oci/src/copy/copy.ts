/** Copies an image, and encrypts or decrypts its layers on the way. */
import { pipeline } from 'node:stream/promises';
import { encodeUtf8, type JsonObject, type JsonValue } from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';
import { isEncrypted, type KeyUnwrapper, type KeyWrapper } from '@assay/ocicrypt';
import type { ImageSource, ImageTarget, StoredManifest } from '../location/location.js';
import { type Digest, DigestCheck, sha256Digest } from '../model/digest.js';
import {
  type Descriptor,
  type Index,
  type Manifest,
  type Platform,
  readConfig,
  readManifest,
} from '../model/manifest.js';
import { inOciForm, ociMediaType } from '../model/oci-form.js';
import { atMost } from './at-most.js';
import { copyLayer, type LayerAction } from './layer.js';

export interface CopyOptions {
  readonly source: ImageSource;
  readonly target: ImageTarget;
  /** Encrypts for these recipients; layers that are encrypted already stay as they are. */
  readonly encrypt?: {
    readonly wrappers: readonly KeyWrapper[];
    readonly random: (bytes: number) => Uint8Array;
    /** Which layers, from 0; negative ones count from the end. Default: all. */
    readonly layers?: readonly number[];
  };
  /** Decrypts every encrypted layer with these keys. */
  readonly decrypt?: { readonly unwrappers: readonly KeyUnwrapper[] };
  /** Of an index: this one alone. Default: all of them. */
  readonly platform?: Platform;
  /** Layers at a time; default 3. */
  readonly concurrency?: number;
  readonly onProgress?: (progress: CopyProgress) => void;
}

export interface CopyProgress {
  readonly layer: string;
  readonly action: LayerAction['kind'];
  /** Bytes read so far, of `total`. */
  readonly bytes: number;
  readonly total: number;
}

export interface CopyResult {
  /** Of the manifest or index that the target now names. */
  readonly digest: Digest;
  readonly mediaType: string;
  /** Layers of all manifests, in order, as they are now. */
  readonly layers: readonly (Descriptor & { readonly action: LayerAction['kind'] })[];
}

/** @throws AssayError `image.*`; the target then names what it named before, and holds no layer that this copy brought */
export async function copyImage(options: CopyOptions): Promise<CopyResult> {
  const committed: Descriptor[] = [];
  try {
    const stored = await options.source.manifest();
    const top = readManifest(stored.bytes, stored.mediaType);
    const result = await copyAny(options, stored, top, committed);
    await options.target.putManifest(result.manifest, true);
    const { bytes, mediaType } = result.manifest;
    return { digest: sha256Digest(bytes), mediaType, layers: result.layers };
  } catch (error) {
    for (const descriptor of committed) await options.target.remove?.(descriptor);
    throw error;
  }
}

interface Copied {
  readonly manifest: StoredManifest;
  readonly layers: CopyResult['layers'];
}

async function copyAny(
  options: CopyOptions,
  stored: StoredManifest,
  manifest: Manifest | Index,
  committed: Descriptor[],
): Promise<Copied> {
  if (manifest.kind === 'manifest') return copyManifest(options, stored, manifest, committed);
  if (options.platform !== undefined) {
    const chosen = choosePlatform(manifest, options.platform);
    return copyMember(options, chosen, committed);
  }
  const members: Descriptor[] = [];
  const layers: CopyResult['layers'][number][] = [];
  for (const member of manifest.manifests) {
    const copied = await copyMember(options, member, committed);
    await options.target.putManifest(copied.manifest, false);
    const { bytes, mediaType } = copied.manifest;
    members.push({ ...member, mediaType, digest: sha256Digest(bytes), size: bytes.length });
    layers.push(...copied.layers);
  }
  const unchanged = members.every((member, index) => member.digest === manifest.manifests[index]?.digest);
  return { manifest: unchanged ? stored : rewritten(manifest, { manifests: members.map(asJson) }), layers };
}

async function copyMember(options: CopyOptions, member: Descriptor, committed: Descriptor[]): Promise<Copied> {
  const stored = await options.source.manifest(member);
  const manifest = readManifest(stored.bytes, member.mediaType);
  // An index in an index is allowed and never seen; without a limit it could be a loop of work.
  if (manifest.kind === 'index') throw unfit('an index within an index');
  return copyManifest(options, stored, manifest, committed);
}

async function copyManifest(
  options: CopyOptions,
  stored: StoredManifest,
  manifest: Manifest,
  committed: Descriptor[],
): Promise<Copied> {
  const { source, target } = options;
  const actions = manifest.layers.map((layer, index) => actionFor(options, layer, index, manifest.layers.length));
  const diffIds = await diffIdsOf(source, manifest);
  const silent = (): void => undefined;
  await copyLayer({ source, target, layer: manifest.config, name: 'configuration', onBytes: silent }, { kind: 'keep' });
  const layers = await atMost(options.concurrency ?? 3, manifest.layers, async (layer, index) => {
    const action = actions[index] ?? { kind: 'keep' };
    const name = `layer ${index}`;
    let bytes = 0;
    const onBytes = (count: number): void => {
      bytes += count;
      options.onProgress?.({ layer: name, action: action.kind, bytes, total: layer.size });
    };
    const onCommitted = (blob: Descriptor): void => {
      committed.push(blob);
    };
    const diffId = diffIds?.[index];
    const copied = await copyLayer({ source, target, layer, diffId, name, onBytes, onCommitted }, action);
    return { ...copied, action: action.kind };
  });
  const unchanged = actions.every(({ kind }) => kind === 'keep');
  if (unchanged) return { manifest: stored, layers };
  const descriptors = layers.map(({ action: _, ...descriptor }) => asJson(descriptor));
  return {
    manifest: rewritten(manifest, { layers: descriptors }),
    layers: layers.map((layer) => ({ ...layer, mediaType: ociMediaType(layer.mediaType) })),
  };
}

/** A configuration that lists other layers than the manifest is the image of somebody who mixed two. */
async function diffIdsOf(source: ImageSource, { config, layers }: Manifest): Promise<readonly Digest[] | undefined> {
  if (!/image\.config|container\.image/.test(config.mediaType)) return undefined;
  const { diffIds } = readConfig(await readBlob(source, config));
  if (diffIds.length !== layers.length) throw unfit(`${layers.length} layers, and ${diffIds.length} diff_ids`);
  return diffIds;
}

/** A small blob, whole, with its digest checked. @throws AssayError */
export async function readBlob(source: ImageSource, descriptor: Descriptor): Promise<Uint8Array> {
  if (descriptor.size > LARGEST_IN_MEMORY) throw unfit(`${descriptor.digest} has ${descriptor.size} bytes`);
  const chunks: Uint8Array[] = [];
  const check = new DigestCheck(descriptor.digest, descriptor.size);
  await pipeline(await source.blob(descriptor), check, async (content: AsyncIterable<Uint8Array>) => {
    for await (const chunk of content) chunks.push(chunk);
  });
  return Buffer.concat(chunks);
}

const LARGEST_IN_MEMORY = 8 * 1024 * 1024;

function actionFor({ encrypt, decrypt }: CopyOptions, layer: Descriptor, index: number, count: number): LayerAction {
  const encrypted = isEncrypted(layer.mediaType);
  if (decrypt !== undefined && encrypted) return { kind: 'decrypt', unwrappers: decrypt.unwrappers };
  if (encrypt === undefined || encrypted) return { kind: 'keep' };
  const { layers, wrappers, random } = encrypt;
  const wanted = layers === undefined || layers.some((n) => (n < 0 ? count + n : n) === index);
  return wanted ? { kind: 'encrypt', wrappers, random } : { kind: 'keep' };
}

/** The member of an index for a platform. @throws AssayError `image.manifest.form` */
export function choosePlatform({ manifests }: Index, { os, architecture, variant }: Platform): Descriptor {
  const fitting = manifests.filter(
    ({ platform }) =>
      platform?.os === os &&
      platform.architecture === architecture &&
      (variant === undefined || platform.variant === variant),
  );
  const [found] = fitting;
  if (found !== undefined) return found;
  const there = manifests.map(({ platform }) => `${platform?.os ?? '?'}/${platform?.architecture ?? '?'}`).join(', ');
  throw unfit(`nothing for ${os}/${architecture}; there is ${there}`);
}

/** A document of which some members changed; the others, known or not, stay. Docker's becomes OCI's: others know no encrypted layers. */
function rewritten({ document, mediaType }: Manifest | Index, members: JsonObject): StoredManifest {
  const bytes = encodeUtf8(JSON.stringify(inOciForm({ ...document, ...members })));
  return { bytes, mediaType: ociMediaType(mediaType) };
}

function asJson(descriptor: Descriptor): JsonValue {
  return JSON.parse(JSON.stringify(descriptor)) as JsonValue;
}

function unfit(what: string): AssayError {
  return assayError('image.manifest.form', { params: { document: 'image', what } });
}
