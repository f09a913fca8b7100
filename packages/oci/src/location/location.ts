/** Where an image is: a registry, an OCI layout, or a directory as skopeo writes it. */
import type { Readable } from 'node:stream';
import { type AssayError, assayError } from '@assay/bytes/findings';
import type { Digest } from '../model/digest.js';
import type { Descriptor } from '../model/manifest.js';
import { type ImageReference, parseReference } from '../model/reference.js';

/** A manifest or an index as it is stored. Its digest is that of the bytes. */
export interface StoredManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** Gives images. Content is not to be believed before its digest was compared: the copy does that. */
export interface ImageSource {
  /** For people. */
  readonly name: string;
  /** The manifest that the location names, or another one by its descriptor. */
  manifest(descriptor?: Descriptor): Promise<StoredManifest>;
  blob(descriptor: Descriptor): Promise<Readable>;
  close?(): Promise<void>;
}

/**
 * Gives signatures too, as far as such a place can hold them. None of it is to be believed: whoever verifies a signature finds in it which
 * image it is about.
 */
export interface SignedSource extends ImageSource {
  /** Manifest under another tag of the same repository. @returns undefined when there is none */
  tagged?(tag: string): Promise<StoredManifest | undefined>;
  /** Manifests that hold cosign's signatures, under this tag or saved beside the image. */
  saved?(tag: string): Promise<readonly Descriptor[]>;
  /** Manifests of one kind that refer to another one: signatures and statements. */
  referrers?(digest: Digest, artifactType: string): Promise<readonly Descriptor[]>;
  /** Signatures of a manifest that lie in files of their own, by number from 1. @returns undefined where they end */
  stored?(digest: Digest, number: number): Promise<Uint8Array | undefined>;
}

/** A blob whose digest is known once it has been written. */
export interface WrittenBlob {
  /** Bytes go in here; the blob is not there before {@link BlobWriter.commit}. */
  readonly digest: string;
  readonly size: number;
}

/** Takes one blob. Until it is committed, nothing of it is to be seen; `abort` leaves nothing behind. */
export interface BlobWriter {
  write(content: AsyncIterable<Uint8Array>): Promise<void>;
  commit(blob: WrittenBlob): Promise<void>;
  abort(): Promise<void>;
}

/** Takes images. */
export interface ImageTarget {
  readonly name: string;
  has(descriptor: Descriptor): Promise<boolean>;
  writer(): Promise<BlobWriter>;
  /** Takes a blob away again that a failed copy has left; absent where a target cannot. */
  remove?(descriptor: Descriptor): Promise<void>;
  /** @param top the one that the location names; others belong to an index that follows */
  putManifest(manifest: StoredManifest, top: boolean): Promise<void>;
}

export type Location =
  | { readonly kind: 'registry'; readonly reference: ImageReference }
  | { readonly kind: 'layout'; readonly folder: string; readonly tag?: string }
  | { readonly kind: 'directory'; readonly folder: string };

/** `docker://REF`, `oci:DIR[:TAG]`, `dir:DIR`. @throws AssayError `image.reference.form` */
export function parseLocation(text: string): Location {
  if (text.startsWith('docker://')) {
    return { kind: 'registry', reference: parseReference(text.slice('docker://'.length)) };
  }
  if (text.startsWith('oci:')) {
    const rest = text.slice('oci:'.length);
    const colon = rest.lastIndexOf(':');
    const tag = colon < 0 ? '' : rest.slice(colon + 1);
    const tagged = colon > 0 && !tag.includes('/');
    const folder = tagged ? rest.slice(0, colon) : rest;
    if (folder === '' || (tagged && tag === '')) throw malformed(text, 'no folder, or no tag behind its colon');
    return { kind: 'layout', folder, ...(tagged ? { tag } : {}) };
  }
  if (text.startsWith('dir:') && text.length > 'dir:'.length) {
    return { kind: 'directory', folder: text.slice('dir:'.length) };
  }
  throw malformed(text, 'docker://REFERENCE, oci:DIR[:TAG] or dir:DIR is wanted');
}

function malformed(ref: string, what: string): AssayError {
  return assayError('image.reference.form', { params: { ref: ref.slice(0, 120), what }, subject: ref.slice(0, 512) });
}
