/** Pulls an image within the guest: signatures judged, layers decrypted, every digest compared, unpacked into a bundle. */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DecodeError } from '@assay/bytes';
import { AssayError } from '@assay/bytes/findings';
import { KmsError } from '@assay/kms/drivers';
import {
  type Credential,
  cachedLayers,
  type Digest,
  type ImageReference,
  judgeSignatures,
  type Manifest,
  makeBundle,
  type Prefetched,
  parseReference,
  platformManifest,
  prefetchLayers,
  type RegistrySource,
  registrySource,
  removeTree,
} from '@assay/oci';
import { KEY_ANNOTATION, type KeyUnwrapper } from '@assay/ocicrypt';
import { ProtocolError } from '@assay/protocol';
import { StatusError } from '@assay/ttrpc';
import type { ImageConfig } from '../../config/image-config.js';
import { KbcError } from '../../kbc/kbc-error.js';
import type { FetchDocument } from './documents.js';
import type { ImageClient } from './image-client.js';
import { PullError } from './pull-error.js';

export interface PullRequest {
  /** `registry.example/team/app:v1` */
  readonly image: string;
  /** Folder of the bundle: absent, or empty. */
  readonly bundle: string;
  /** At the image's registry, in the place of what the configuration has. */
  readonly credential?: Credential;
}

export interface PullSurroundings {
  readonly config: ImageConfig;
  readonly client: ImageClient;
  readonly fetch: FetchDocument;
  /** Opens an annotation packet. */
  readonly unwrapKey: (annotation: Uint8Array) => Promise<Uint8Array>;
  /** Tells the guest's event log of the image. Whatever it throws fails the pull. */
  readonly measure: (image: string, digest: Digest) => Promise<void>;
  readonly now: () => Date;
}

/** Name of the guest's key provider in annotations. */
const PROVIDER = 'attestation-agent';

/**
 * @returns digest of the manifest for this machine
 * @throws PullError, AssayError `image.*`, `signature.*`; the folder of the bundle is then as it was
 */
export async function pullImage(request: PullRequest, surroundings: PullSurroundings): Promise<Digest> {
  const { image, bundle } = request;
  const { client, measure } = surroundings;
  if (!bundle.startsWith('/') || bundle.includes('\0'))
    throw new PullError('Image Pull', 'bundle_path must be absolute');
  const reference = parseReference(image);
  await mustBeEmpty(bundle);
  const credentials =
    request.credential === undefined ? undefined : new Map([[reference.registry, request.credential]]);
  const source = await registrySource(reference, {
    ...client.registry,
    ...(credentials === undefined ? {} : { credentials }),
  });
  try {
    const { manifest, digest, topDigest } = await platformManifest(source, { os: 'linux', architecture: ARCHITECTURE });
    await judge(reference, [topDigest, digest], source, surroundings);
    await unpack(manifest, source, bundle, surroundings, () => measure(image, digest));
    return digest;
  } finally {
    await source.close();
  }
}

/** All of it, or nothing: also when what comes after fails. */
async function unpack(
  manifest: Manifest,
  source: RegistrySource,
  bundle: string,
  { config, unwrapKey }: PullSurroundings,
  after: () => Promise<void>,
): Promise<void> {
  const { workDir: folder, concurrency } = config;
  const { layerCache } = config;
  const from = layerCache === undefined ? source : cachedLayers(source, layerCache);
  const made = await mkdir(bundle, { recursive: true });
  let layers: Prefetched | undefined;
  try {
    layers = await prefetchLayers({ source: from, layers: manifest.layers, folder, concurrency });
    const unwrappers = [guestUnwrapper(unwrapKey)];
    const named = { hostname: 'image-rs', fallbackArgs: UPSTREAM_ARGS };
    await makeBundle({ source: layers.source, manifest, folder: bundle, unwrappers, ...named });
    await after();
  } catch (error) {
    const left = made === undefined ? [join(bundle, 'rootfs'), join(bundle, 'config.json')] : [made];
    for (const path of left) await removeTree(path);
    throw error;
  } finally {
    await layers?.close();
  }
}

/** What a pod runs often stands in its own specification alone: an image without a command is none the worse. */
const UPSTREAM_ARGS = ['sh'];

const ARCHITECTURES: Readonly<Partial<Record<NodeJS.Architecture, string>>> = { x64: 'amd64', ppc64: 'ppc64le' };
const ARCHITECTURE = ARCHITECTURES[process.arch] ?? process.arch;

/** A signature may be of the index or of the manifest in it: the index names the manifest by its digest. */
async function judge(
  reference: ImageReference,
  digests: readonly [Digest, Digest],
  source: RegistrySource,
  { client, fetch, now }: PullSurroundings,
): Promise<void> {
  const { policy, lookaside } = client;
  if (policy === undefined) return;
  let reason: AssayError | undefined;
  for (const manifestDigest of new Set(digests)) {
    try {
      await judgeSignatures({ policy, reference, manifestDigest, source, readKey: fetch, lookaside, now: now() });
      return;
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      reason ??= error;
    }
  }
  throw reason;
}

/** Errors of those who have keys, whose texts hold none. */
const SERVICES = [KbcError, KmsError, StatusError];

/** Keys of layers by the same code that serves the key provider protocol. */
function guestUnwrapper(unwrapKey: PullSurroundings['unwrapKey']): KeyUnwrapper {
  return {
    scheme: 'provider',
    keys: 1,
    reads: (annotation) => annotation === `${KEY_ANNOTATION.provider}${PROVIDER}`,
    unwrap: async (entry) => {
      try {
        return { options: await unwrapKey(entry), with: { provider: PROVIDER } };
      } catch (error) {
        // What the entry holds is a reason to try the next; a service that is out is none.
        if (error instanceof AssayError) return { reason: `provider ${PROVIDER}: ${error.title}` };
        if (error instanceof DecodeError || error instanceof ProtocolError)
          return { reason: `provider ${PROVIDER}: no packet of a guest` };
        const told = SERVICES.some((kind) => error instanceof kind) ? (error as Error).message : 'it failed';
        throw new PullError('Image Pull', `key of a layer: ${told}`, { cause: error });
      }
    },
  };
}

/** @throws PullError when something is in it: it would be taken for a part of the image, or removed with it */
async function mustBeEmpty(path: string): Promise<void> {
  const entries = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new PullError('Image Pull', `bundle_path is no folder that can be read (${error.code})`);
  });
  if (entries.length > 0) throw new PullError('Image Pull', 'the folder of bundle_path is not empty');
}
