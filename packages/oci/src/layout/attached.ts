/**
 * What a layout holds beside an image: manifests of cosign's signatures, and manifests that refer to it.
 *
 * Where they are says nothing about whose they are. Everything that could be one is named here, and whoever verifies a signature finds in it
 * which image it is about.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DecodeError, decodeUtf8, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { AssayError } from '@assay/bytes/findings';
import type { StoredManifest } from '../location/location.js';
import { type Digest, isDigest } from '../model/digest.js';
import { type Descriptor, LARGEST_MANIFEST, MEDIA_TYPE, readManifest } from '../model/manifest.js';
import { readAtMost } from './read.js';

export const REF_NAME = 'org.opencontainers.image.ref.name';
/** Annotation by which `cosign save` tells what an entry of `index.json` is. */
const KIND = 'kind';
const KINDS = 'dev.cosignproject.cosign/';
const SIGNATURES = `${KINDS}sigs`;
/** `sha256-….sig`, `.att`, `.sbom`, and without an ending the list of what refers to a manifest. */
const TAG_OF_DIGEST = /^sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{128})(?:\.\w+)?$/;
/** Most manifests of one kind that are looked at, and most files among which they are looked for. */
const MOST = 128;
const MOST_FILES = 4096;
/** A manifest of an artifact has one layer: it is smaller than this, or not looked for among the blobs. */
const LARGEST_ARTIFACT = 64 * 1024;

export interface Layout {
  readonly folder: string;
  readonly manifests: readonly Descriptor[];
  load(descriptor: Descriptor): Promise<StoredManifest>;
}

/** Entries of `index.json` that are images by themselves. */
export function imagesOf(manifests: readonly Descriptor[]): readonly Descriptor[] {
  if (manifests.length === 1) return manifests;
  return manifests.filter(({ annotations = {}, artifactType }) => {
    const kind = annotations[KIND] ?? '';
    if (kind.startsWith(KINDS)) return kind === `${KINDS}image` || kind === `${KINDS}imageIndex`;
    return artifactType === undefined && !TAG_OF_DIGEST.test(annotations[REF_NAME] ?? '');
  });
}

/** Those under the image's own tag first, then those of `cosign save`, which are about any image. */
export function cosignEntries({ manifests }: Layout, tag: string): readonly Descriptor[] {
  const named = manifests.filter(({ annotations }) => annotations?.[REF_NAME] === tag);
  const saved = manifests.filter(({ annotations }) => annotations?.[KIND] === SIGNATURES);
  return distinct([...named, ...saved]).slice(0, MOST);
}

/** Manifests of a kind of artifact that refer to another one: in the index, in the list under its tag, and (`cosign save`) just there. */
export async function referringEntries(
  layout: Layout,
  digest: Digest,
  artifactType: string,
): Promise<readonly Descriptor[]> {
  const candidates = [...layout.manifests, ...(await listed(layout, digest)), ...(await lying(layout.folder))];
  const found: Descriptor[] = [];
  for (const one of distinct(candidates).slice(0, MOST_FILES)) {
    if (found.length === MOST) break;
    if (await refers(layout, one, digest, artifactType)) found.push(one);
  }
  return found;
}

async function refers(layout: Layout, one: Descriptor, digest: Digest, artifactType: string): Promise<boolean> {
  const document = await documentOf(layout, one);
  if (document === undefined) return false;
  const { subject, config } = document;
  const own =
    document['artifactType'] ?? (config !== undefined && isJsonObject(config) ? config['mediaType'] : undefined);
  return subject !== undefined && isJsonObject(subject) && subject['digest'] === digest && own === artifactType;
}

/** What cannot be read is no signature; that there is none is told by whoever wants one. */
async function documentOf(layout: Layout, one: Descriptor): Promise<JsonObject | undefined> {
  try {
    const { bytes, mediaType } = await layout.load(one);
    return readManifest(bytes, mediaType).document;
  } catch (error) {
    if (error instanceof AssayError) return undefined;
    throw error;
  }
}

/** The list that writers keep where a place has none of its own (OCI distribution 1.1, "Referrers Tag Schema"). */
async function listed(layout: Layout, digest: Digest): Promise<readonly Descriptor[]> {
  const tag = digest.replace(':', '-');
  const lists = layout.manifests.filter(({ annotations }) => annotations?.[REF_NAME] === tag).slice(0, MOST);
  const found: Descriptor[] = [];
  for (const list of lists) {
    try {
      const { bytes, mediaType } = await layout.load(list);
      const index = readManifest(bytes, mediaType);
      if (index.kind === 'index') found.push(...index.manifests);
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
    }
  }
  return found;
}

/** `cosign save` writes what refers to an image among the blobs, and leaves it out of the index. */
async function lying(folder: string): Promise<readonly Descriptor[]> {
  const blobs = join(folder, 'blobs/sha256');
  const names = await readdir(blobs).catch(() => []);
  const found: Descriptor[] = [];
  for (const name of names.sort().slice(0, MOST_FILES)) {
    const digest = `sha256:${name}`;
    if (!isDigest(digest)) continue;
    const bytes = await readAtMost(join(blobs, name), LARGEST_ARTIFACT).catch(() => undefined);
    if (bytes?.[0] === '{'.charCodeAt(0) && hasSubject(bytes)) {
      found.push({ mediaType: MEDIA_TYPE.manifest, digest, size: bytes.length });
    }
  }
  return found;
}

function hasSubject(bytes: Uint8Array): boolean {
  try {
    const document = parseJsonStrict(decodeUtf8(bytes), { maxBytes: LARGEST_MANIFEST });
    return isJsonObject(document) && document['subject'] !== undefined;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

/** One that is named twice is looked at once; one that is named in two ways, in both. */
function distinct(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(descriptors.map((one) => [`${one.digest} ${one.mediaType} ${one.artifactType}`, one])).values()];
}
