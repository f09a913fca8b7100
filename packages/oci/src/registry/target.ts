/** Images in registries, to write. */
import { Readable } from 'node:stream';
import type { BlobWriter, ImageTarget } from '../location/location.js';
import { sha256Digest } from '../model/digest.js';
import { formatReference, type ImageReference } from '../model/reference.js';
import { discard, RegistryClient, type RegistryOptions } from './client.js';

export interface RegistryTarget extends ImageTarget {
  close(): Promise<void>;
}

/** @param options `insecure` asks in clear: for tests */
export function registryTarget(
  image: ImageReference,
  options: RegistryOptions & { readonly insecure?: boolean } = {},
): RegistryTarget {
  const client = new RegistryClient(options.insecure === true ? 'http' : 'https', image, options);
  return {
    name: `docker://${formatReference(image)}`,
    has: async ({ digest, size }) => {
      const answer = await client.send({ method: 'HEAD', path: `blobs/${digest}`, accept: [200, 404] });
      await discard(answer);
      return answer.status === 200 && answer.headers.get('content-length') === String(size);
    },
    writer: () => blobWriter(client),
    putManifest: async ({ bytes, mediaType }, top) => {
      const reference = top ? (image.tag ?? image.digest ?? 'latest') : sha256Digest(bytes);
      const headers = { 'content-type': mediaType };
      const answer = await client.send({
        method: 'PUT',
        path: `manifests/${reference}`,
        headers,
        body: bytes as Uint8Array<ArrayBuffer>,
        accept: [201, 202],
      });
      await discard(answer);
    },
    close: () => client.close(),
  };
}

/** An upload in one piece whose digest is said at its end: a registry shows nothing of it before. */
async function blobWriter(client: RegistryClient): Promise<BlobWriter> {
  const begun = await client.send({ method: 'POST', path: 'blobs/uploads/', accept: [202] });
  let place = placeOf(client, begun.headers.get('location'));
  await discard(begun);
  return {
    write: async (content) => {
      const answer = await client.send({
        method: 'PATCH',
        path: place,
        headers: { 'content-type': 'application/octet-stream' },
        body: Readable.from(content) as unknown as AsyncIterable<Uint8Array>,
        once: true,
        accept: [202, 204],
      });
      place = placeOf(client, answer.headers.get('location'), place);
      await discard(answer);
    },
    commit: async ({ digest }) => {
      const url = new URL(place);
      url.searchParams.set('digest', digest);
      await discard(await client.send({ method: 'PUT', path: url, accept: [201, 204] }));
    },
    abort: async () => {
      // What the registry keeps of it otherwise, it cleans up by itself.
      await client.send({ method: 'DELETE', path: place, accept: [200, 202, 204, 404] }).then(discard, () => undefined);
    },
  };
}

function placeOf(client: RegistryClient, location: string | null, before?: URL): URL {
  if (location === null) return before ?? client.url('blobs/uploads/');
  return new URL(location, before ?? client.url('blobs/uploads/'));
}
