/** OCI image layouts: `oci-layout`, `index.json`, `blobs/`. */
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DecodeError, decodeUtf8, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';
import type { ImageTarget, SignedSource, StoredManifest } from '../location/location.js';
import { checkDigest, sha256Digest } from '../model/digest.js';
import { type Descriptor, LARGEST_MANIFEST, MEDIA_TYPE, malformed, readManifest } from '../model/manifest.js';
import { cosignEntries, imagesOf, type Layout, REF_NAME, referringEntries } from './attached.js';
import { fileWriter } from './files.js';
import { readAtMost, streamOf, TooLarge } from './read.js';

/** `{"imageLayoutVersion":"1.0.0"}` and white space. */
const LARGEST_MARKER = 4096;

/**
 * Reads a layout. Without a tag it must hold exactly one image, signatures aside.
 *
 * The image is chosen once: what was verified is what is copied, whoever writes into the layout meanwhile.
 */
export function layoutSource(folder: string, tag?: string): SignedSource {
  const name = `oci:${folder}${tag === undefined ? '' : `:${tag}`}`;
  const missing = (what: string) => (error: unknown) => {
    throw absent(name, what, error);
  };
  const load = async ({ digest, size, mediaType }: Descriptor): Promise<StoredManifest> => {
    if (size > LARGEST_MANIFEST) throw malformed('manifest', `it has ${size} bytes`);
    const bytes = await readAtMost(blobPath(folder, digest), LARGEST_MANIFEST).catch(missing(digest));
    checkDigest(bytes, digest);
    return { bytes, mediaType };
  };
  const layout = async (): Promise<Layout> => ({ folder, manifests: await readIndex(folder), load });
  const top = once(async () => load(choose(await readIndex(folder), tag, name)));
  return {
    name,
    manifest: (descriptor) => (descriptor === undefined ? top() : load(descriptor)),
    blob: ({ digest }) => streamOf(blobPath(folder, digest)).catch(missing(digest)),
    saved: async (signatures) => cosignEntries(await layout(), signatures),
    referrers: async (digest, artifactType) => referringEntries(await layout(), digest, artifactType),
  };
}

/** Keeps a result; a failure is asked for again. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** Writes into a layout, which is made where there is none. An image of the same tag is replaced. */
export function layoutTarget(folder: string, tag?: string): ImageTarget {
  return {
    name: `oci:${folder}${tag === undefined ? '' : `:${tag}`}`,
    has: async ({ digest, size }) => {
      const found = await stat(blobPath(folder, digest)).catch(() => undefined);
      return found?.isFile() === true && found.size === size;
    },
    remove: ({ digest }) => rm(blobPath(folder, digest), { force: true }),
    writer: () => fileWriter(join(folder, 'blobs/sha256'), (digest) => blobPath(folder, digest)),
    putManifest: async (manifest, top) => {
      const digest = sha256Digest(manifest.bytes);
      await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
      await replaceFile(blobPath(folder, digest), manifest.bytes);
      if (top) await addToIndex(folder, manifest, tag);
    },
  };
}

async function addToIndex(
  folder: string,
  { bytes, mediaType }: StoredManifest,
  tag: string | undefined,
): Promise<void> {
  const entry = {
    mediaType,
    digest: sha256Digest(bytes),
    size: bytes.length,
    ...(tag === undefined ? {} : { annotations: { [REF_NAME]: tag } }),
  };
  const existing = await readAtMost(join(folder, 'index.json'), LARGEST_MANIFEST).then(parseIndex, () => undefined);
  const others = (existing?.manifests ?? []).filter(({ annotations }) => annotations?.[REF_NAME] !== tag);
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [...others, entry] };
  await replaceFile(join(folder, 'oci-layout'), Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  await replaceFile(join(folder, 'index.json'), Buffer.from(JSON.stringify(index)));
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.partial`;
  await writeFile(temporary, bytes);
  await rename(temporary, path);
}

function choose(manifests: readonly Descriptor[], tag: string | undefined, name: string): Descriptor {
  const fitting =
    tag === undefined ? imagesOf(manifests) : manifests.filter(({ annotations }) => annotations?.[REF_NAME] === tag);
  const [found] = fitting;
  if (found !== undefined && fitting.length === 1) return found;
  const tags = manifests.map(({ annotations }) => annotations?.[REF_NAME] ?? '(no tag)').join(', ');
  const several = tag === undefined ? 'images, and no tag that says which' : 'images of one tag';
  const what = fitting.length === 0 ? 'no such image' : `${fitting.length} ${several}`;
  throw assayError('image.reference.form', {
    params: { ref: name, what: `${what}; it has ${tags || 'none'}` },
    subject: name,
  });
}

async function readIndex(folder: string): Promise<readonly Descriptor[]> {
  const read = (file: string, most: number): Promise<Uint8Array> =>
    readAtMost(join(folder, file), most).catch((error: unknown) => {
      throw absent(`oci:${folder}`, file, error);
    });
  const marker = await read('oci-layout', LARGEST_MARKER);
  if (layoutVersion(marker) !== '1.0.0') throw malformed('oci-layout', 'its version is not 1.0.0');
  return parseIndex(await read('index.json', LARGEST_MANIFEST)).manifests;
}

function parseIndex(bytes: Uint8Array): { readonly manifests: readonly Descriptor[] } {
  const index = readManifest(bytes, undefined);
  if (index.kind !== 'index') throw malformed('index.json', 'it is no index');
  return index;
}

function layoutVersion(bytes: Uint8Array): unknown {
  try {
    const value = parseJsonStrict(decodeUtf8(bytes));
    return isJsonObject(value) ? (value satisfies JsonObject)['imageLayoutVersion'] : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function blobPath(folder: string, digest: string): string {
  // A digest has been checked: no part of it leads elsewhere.
  return join(folder, 'blobs', digest.replace(':', '/'));
}

export function absent(where: string, what: string, cause: unknown): AssayError {
  if (cause instanceof TooLarge) return malformed(what, cause.message);
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'unreadable';
  return assayError('image.content.present', { params: { where, what, reason: code }, subject: what, cause });
}
