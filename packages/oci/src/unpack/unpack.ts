/** An image, verified and unpacked into a root file system: all of it, or nothing. */
import { chmod, mkdir, realpath, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AssayError } from '@assay/bytes/findings';
import { isEncrypted, type KeyUnwrapper, LayerDecryption, openLayer, plainMediaType } from '@assay/ocicrypt';
import { createTarDecoder, type ParsedTarEntry } from 'modern-tar';
import { readBlob } from '../copy/copy.js';
import type { ImageSource } from '../location/location.js';
import { countChecked } from '../model/checked.js';
import { type Digest, DigestCheck } from '../model/digest.js';
import { type Descriptor, type ImageConfig, type Manifest, malformed, readConfig } from '../model/manifest.js';
import { countBeside } from '../threads/digests.js';
import { workFolder } from '../work-folder/work-folder.js';
import { countArchive, isOfArchive } from './archive-digest.js';
import { decompressor } from './decompress.js';
import { applyEntry, type EntryContext, type Skipped } from './entry.js';
import { type Folders, settleFolders } from './folders.js';
import { EntryKinds } from './kinds.js';
import { ArchiveCheck, DEFAULT_LIMITS, UnpackBudget, type UnpackLimits } from './limits.js';

export interface UnpackOptions {
  readonly source: ImageSource;
  readonly manifest: Manifest;
  /** Folder that becomes the root file system; must not exist. */
  readonly target: string;
  /** Opens encrypted layers. */
  readonly unwrappers?: readonly KeyUnwrapper[];
  readonly limits?: UnpackLimits;
  readonly onLayer?: (layer: { readonly name: string; readonly encrypted: boolean; readonly entries: number }) => void;
}

export interface UnpackedImage {
  readonly config: ImageConfig;
  /** What could not be made: device nodes, FIFOs, extended attributes. */
  readonly skipped: readonly Skipped[];
}

/**
 * Unpacks every layer in order into a folder beside the target, which is given its name when all digests were right.
 *
 * @throws AssayError `image.*`; the target then does not exist, and nothing is left of what was unpacked
 */
export async function unpackImage(options: UnpackOptions): Promise<UnpackedImage> {
  const { source, manifest, unwrappers = [] } = options;
  const config = readConfig(await readBlob(source, manifest.config));
  if (config.diffIds.length !== manifest.layers.length) {
    throw malformed('image', `${manifest.layers.length} layers, and ${config.diffIds.length} diff_ids`);
  }
  const target = resolve(options.target);
  await mkdir(dirname(target), { recursive: true });
  const partial = await workFolder(join(dirname(target), '.assay-unpack-'));
  const budget = new UnpackBudget(options.limits ?? DEFAULT_LIMITS);
  const skipped: Skipped[] = [];
  const folders: Folders = new Map();
  try {
    const root = join(await realpath(partial.path), 'rootfs');
    await mkdir(root);
    await chmod(root, 0o755);
    for (const [index, layer] of manifest.layers.entries()) {
      const name = `layer ${index}`;
      const diffId = config.diffIds[index] as Digest;
      const entries = await unpackLayer({ source, layer, name, root, diffId, unwrappers, budget, folders, skipped });
      options.onLayer?.({ name, encrypted: isEncrypted(layer.mediaType), entries });
    }
    // A folder that its owner may not write to cannot be moved: the root comes last.
    const own = folders.get(root);
    folders.delete(root);
    await settleFolders(folders);
    await rename(root, target);
    if (own !== undefined) await settleFolders(new Map([[await realpath(target), own]]));
  } finally {
    await partial.remove();
  }
  return { config, skipped };
}

interface LayerTask {
  readonly source: ImageSource;
  readonly layer: Descriptor;
  readonly name: string;
  readonly root: string;
  readonly diffId: Digest;
  readonly unwrappers: readonly KeyUnwrapper[];
  readonly budget: UnpackBudget;
  readonly folders: Folders;
  readonly skipped: Skipped[];
}

async function unpackLayer(task: LayerTask): Promise<number> {
  const { source, layer, name, root, diffId, budget, folders, skipped } = task;
  const content = await contentOf(task);
  const mediaType = isEncrypted(layer.mediaType) ? plainMediaType(layer.mediaType) : layer.mediaType;
  const context: EntryContext = {
    root,
    layer: name,
    owners: process.geteuid?.() === 0,
    made: new Set(),
    folders,
    skipped,
  };
  let entries = 0;
  const apply = async (archive: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const entry of entriesOf(archive)) {
      budget.addEntry(name);
      entries += 1;
      await applyEntry(entry, context);
    }
  };
  try {
    await pipeline(
      await source.blob(layer),
      content(),
      decompressor(mediaType, name),
      new ArchiveCheck({ budget, compressed: layer.size, diffId, layer: name }),
      new EntryKinds(name),
      apply,
    );
  } catch (error) {
    throw (await alteration(task, content, error)) ?? asMalformed(name, error);
  }
  return entries;
}

/** What the bytes of a layer must pass before anybody may believe them: new streams for each reading. */
type Content = () => DigestCheck | LayerDecryption;

async function contentOf({ layer, name, diffId, unwrappers }: LayerTask): Promise<Content> {
  if (!isEncrypted(layer.mediaType)) return () => new DigestCheck(layer.digest, layer.size);
  const { publicOptions, privateOptions } = await openLayer(layer.annotations ?? {}, unwrappers, name);
  const mediaType = plainMediaType(layer.mediaType);
  const ofArchive = isOfArchive(privateOptions.digest, diffId, mediaType);
  const count = ofArchive ? countArchive(mediaType, name, layer.size) : countBeside(layer.size);
  return () => new LayerDecryption(publicOptions, privateOptions, name, countChecked(layer, count));
}

const ALTERED: readonly string[] = ['image.manifest.digest', 'image.layer.hmac', 'image.layer.plain-digest'];

/**
 * Digest and HMAC are known at the end of a layer, and unpacking may stumble before over what was altered: the layer is then read
 * to its end, so that the cause is told and not its consequence.
 */
async function alteration({ source, layer }: LayerTask, content: Content, error: unknown): Promise<unknown> {
  if (error instanceof AssayError && ALTERED.includes(error.code)) return error;
  try {
    await pipeline(await source.blob(layer), content(), async (bytes: AsyncIterable<Uint8Array>) => {
      for await (const _ of bytes);
    });
  } catch (cause) {
    if (cause instanceof AssayError && ALTERED.includes(cause.code)) return cause;
  }
  return undefined;
}

function asMalformed(name: string, error: unknown): AssayError {
  if (error instanceof AssayError) return error;
  const why = error instanceof Error ? error.message.split('\n')[0] : 'unknown';
  return malformed(name, `it cannot be unpacked: ${why}`);
}

async function* entriesOf(archive: AsyncIterable<Uint8Array>): AsyncGenerator<ParsedTarEntry> {
  const { readable, writable } = createTarDecoder({ strict: true });
  const fed = Readable.toWeb(Readable.from(archive)).pipeTo(writable as WritableStream);
  // Said by the reading side too; here it only must not go unheard.
  fed.catch(() => undefined);
  for await (const entry of readable) yield entry;
  await fed;
}
