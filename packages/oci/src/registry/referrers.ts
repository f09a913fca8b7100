/** Manifests that refer to another one: signatures and statements about an image (OCI distribution 1.1, "Listing Referrers"). */
import type { Digest } from '../model/digest.js';
import { type Descriptor, type Index, LARGEST_MANIFEST, MEDIA_TYPE, readManifest } from '../model/manifest.js';
import { discard, type RegistryClient, readLimited } from './client.js';

const MOST_PAGES = 8;
const MOST_REFERRERS = 128;
/** How registries say that they have no such list. */
const WITHOUT_API = [400, 404, 405];

/**
 * Of one kind, from the registry's list, or from the tag that writers keep where a registry has none.
 *
 * @throws AssayError `image.registry.answers`, `image.manifest.form`
 */
export async function referrersOf(
  client: RegistryClient,
  digest: Digest,
  artifactType: string,
): Promise<readonly Descriptor[]> {
  const listed = await fromList(client, digest, artifactType);
  const found = listed ?? (await fromTag(client, digest));
  return found.filter((one) => one.artifactType === artifactType).slice(0, MOST_REFERRERS);
}

/** @returns undefined where the registry has no lists */
async function fromList(
  client: RegistryClient,
  digest: Digest,
  artifactType: string,
): Promise<readonly Descriptor[] | undefined> {
  const found: Descriptor[] = [];
  const first = client.url(`referrers/${digest}?artifactType=${encodeURIComponent(artifactType)}`);
  let page: URL | undefined = first;
  for (let pages = 0; page !== undefined && pages < MOST_PAGES; pages += 1) {
    const here: URL = page;
    const headers = { accept: MEDIA_TYPE.index };
    const answer = await client.send({ method: 'GET', path: here, headers, accept: [200, ...WITHOUT_API] });
    if (answer.status !== 200) {
      await discard(answer);
      // A page that is missing is no list: whoever wants a signature is told that there is none.
      return pages === 0 ? undefined : found;
    }
    found.push(...referrersIn(await readLimited(answer, LARGEST_MANIFEST)));
    const [, link = ''] = /<([^<>]+)>\s*;\s*rel="?next"?/.exec(answer.headers.get('link') ?? '') ?? [];
    const next: URL | undefined = link !== '' && URL.canParse(link, here.href) ? new URL(link, here) : undefined;
    page = next?.origin === first.origin ? next : undefined;
  }
  return found;
}

/** `sha256-<hex>`: an index that writers of signatures keep. */
async function fromTag(client: RegistryClient, digest: Digest): Promise<readonly Descriptor[]> {
  const path = `manifests/${digest.replace(':', '-')}`;
  const answer = await client.send({
    method: 'GET',
    path,
    headers: { accept: MEDIA_TYPE.index },
    accept: [200, 404],
  });
  if (answer.status === 200) return referrersIn(await readLimited(answer, LARGEST_MANIFEST));
  await discard(answer);
  return [];
}

function referrersIn(bytes: Uint8Array): readonly Descriptor[] {
  return (readManifest(bytes, MEDIA_TYPE.index) as Index).manifests;
}
