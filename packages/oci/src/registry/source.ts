/** Images in registries, to read. */
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { AssayError, assayError } from '@assay/bytes/findings';
import type { SignedSource, StoredManifest } from '../location/location.js';
import { checkDigest, type Digest } from '../model/digest.js';
import { type Descriptor, LARGEST_MANIFEST, MEDIA_TYPE } from '../model/manifest.js';
import { formatReference, type ImageReference } from '../model/reference.js';
import { discard, RegistryClient, type RegistryOptions, readLimited } from './client.js';
import { NO_REGISTRY_CONFIG, type RegistryConfig, type RegistryTask, registryTasks } from './config.js';
import { missingFacts, type RegistryFailure, thrownFailure } from './failure.js';
import { referrersOf } from './referrers.js';

export interface RegistrySourceOptions extends RegistryOptions {
  /** Mirrors, other locations, blocks. */
  readonly registries?: RegistryConfig;
  /** Asks in clear: for tests. */
  readonly insecure?: boolean;
}

const MANIFESTS = [MEDIA_TYPE.index, MEDIA_TYPE.manifest, MEDIA_TYPE.dockerList, MEDIA_TYPE.dockerManifest].join(', ');
const RESUMES = 5;
const ENDED_EARLY = Object.assign(new Error('the connection ended early'), { code: 'ECONNRESET' });

/** Where an image was found. */
export interface RegistrySource extends SignedSource {
  /** Manifest under another tag of the same repository: signatures. @returns undefined when there is none */
  tagged(tag: string): Promise<StoredManifest | undefined>;
  /** Manifests of one kind that refer to another one: signatures and statements. */
  referrers(digest: Digest, artifactType: string): Promise<readonly Descriptor[]>;
  close(): Promise<void>;
}

/**
 * The first place that has the image; every place that has not is told in the error.
 *
 * @throws AssayError `image.registry.blocked`, `image.registry.answers`, `image.content.present`
 */
export async function registrySource(
  image: ImageReference,
  options: RegistrySourceOptions = {},
): Promise<RegistrySource> {
  const failures: AssayError[] = [];
  for (const task of registryTasks(options.registries ?? NO_REGISTRY_CONFIG, image)) {
    const place: RegistryTask = options.insecure === true ? { ...task, scheme: 'http' } : task;
    const client = new RegistryClient(place.scheme, place.reference, options);
    try {
      const top = await manifestOf(client, place.reference.digest ?? place.reference.tag ?? 'latest');
      if (top !== undefined) return sourceAt(client, place.reference, top);
      failures.push(missing(client, formatReference(place.reference)));
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      failures.push(error);
    }
    await client.close();
  }
  const [first] = failures;
  if (first !== undefined && failures.length === 1) throw first;
  const all = failures.map(({ title }) => title).join('; ');
  const params = { host: image.registry, reason: `${failures.length} places tried: ${all}` };
  // Each names its host; what is to be done at several is told for each.
  const remedy = [...new Set(failures.map((failure) => failure.remedy))].join(' ');
  throw assayError('image.registry.answers', { params, subject: formatReference(image), remedy });
}

function sourceAt(client: RegistryClient, reference: ImageReference, top: StoredManifest): RegistrySource {
  const name = `docker://${formatReference(reference)}`;
  return {
    name,
    manifest: async (descriptor) => {
      if (descriptor === undefined) return top;
      const found = await manifestOf(client, descriptor.digest);
      if (found === undefined) throw missing(client, descriptor.digest);
      return { bytes: found.bytes, mediaType: descriptor.mediaType };
    },
    tagged: (tag) => manifestOf(client, tag),
    referrers: (digest, artifactType) => referrersOf(client, digest, artifactType),
    blob: async (descriptor) => Readable.from(blobOf(client, descriptor)),
    close: () => client.close(),
  };
}

async function manifestOf(client: RegistryClient, reference: string): Promise<StoredManifest | undefined> {
  const answer = await client.send({
    method: 'GET',
    path: `manifests/${reference}`,
    headers: { accept: MANIFESTS },
    accept: [200, 404],
  });
  if (answer.status === 404) {
    await discard(answer);
    return undefined;
  }
  const bytes = await readLimited(answer, LARGEST_MANIFEST);
  if (reference.includes(':')) checkDigest(bytes, reference as Descriptor['digest']);
  const [mediaType = ''] = (answer.headers.get('content-type') ?? '').split(';', 1);
  return { bytes, mediaType };
}

/** A blob, taken up again where a connection was lost. Its digest is compared by whoever reads it. */
async function* blobOf(client: RegistryClient, { digest, size }: Descriptor): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for (let resumes = 0; seen < size || resumes === 0; resumes += 1) {
    const range = seen === 0 ? {} : { range: `bytes=${seen}-` };
    const answer = await client.send({
      method: 'GET',
      path: `blobs/${digest}`,
      headers: range,
      accept: [200, 206, 404],
    });
    if (answer.status === 404) {
      await discard(answer);
      throw missing(client, digest);
    }
    // A server that knows no ranges begins anew: what has been seen is passed over.
    let skip = answer.status === 206 ? 0 : seen;
    let failure: RegistryFailure = thrownFailure(ENDED_EARLY, client.host);
    try {
      for await (const chunk of answer.body ?? []) {
        const fresh = (chunk as Uint8Array).subarray(Math.min(skip, (chunk as Uint8Array).length));
        skip -= (chunk as Uint8Array).length - fresh.length;
        if (fresh.length === 0) continue;
        seen += fresh.length;
        yield fresh;
      }
      if (seen >= size) return;
    } catch (error) {
      failure = thrownFailure(error, client.host);
    }
    if (resumes >= RESUMES) {
      const reason = `${failure.reason} after ${seen} of ${size} bytes`;
      const params = { host: client.name, reason };
      throw assayError('image.registry.answers', { params, subject: digest, actual: reason, ...failure.facts });
    }
    await wait(200 * 2 ** resumes);
  }
}

function missing({ name: where, host }: RegistryClient, what: string): AssayError {
  const params = { where, what, reason: 'not found' };
  return assayError('image.content.present', { params, subject: what, ...missingFacts(host) });
}
