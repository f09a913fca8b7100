/** Signatures of images as cosign stores them, and the policy that demands one. */
import { type KeyObject, sign } from 'node:crypto';
import {
  type Digest,
  type ImageReference,
  type ImageTarget,
  MEDIA_TYPE,
  registryTarget,
  sha256Digest,
  signatureTag,
} from '@assay/oci';

const json = (value: object): Uint8Array => Buffer.from(JSON.stringify(value));

/** Puts a signature beside an image: a manifest under a tag that is made of the image's digest. */
export async function signImage(image: ImageReference, digest: Digest, key: KeyObject): Promise<void> {
  const payload = json({
    critical: {
      type: 'cosign container image signature',
      image: { 'docker-manifest-digest': digest },
      identity: { 'docker-reference': `${image.registry}/${image.repository}` },
    },
    optional: null,
  });
  const { registry, repository } = image;
  const target = registryTarget({ registry, repository, tag: signatureTag(digest) }, { insecure: true });
  try {
    const layer = {
      mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
      ...(await put(target, payload)),
      annotations: { 'dev.cosignproject.cosign/signature': sign('sha256', payload, key).toString('base64') },
    };
    const config = json({ rootfs: { type: 'layers', diff_ids: [layer.digest] } });
    const bytes = json({
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.manifest,
      config: { mediaType: MEDIA_TYPE.config, ...(await put(target, config)) },
      layers: [layer],
    });
    await target.putManifest({ bytes, mediaType: MEDIA_TYPE.manifest }, true);
  } finally {
    await target.close();
  }
}

/** containers-policy.json: one repository, with signatures by one key; everything else is refused. */
export function signedOnly({ registry, repository }: ImageReference, keyPath: string): Uint8Array {
  const signed = { type: 'sigstoreSigned', keyPath, signedIdentity: { type: 'matchRepository' } };
  return json({
    default: [{ type: 'reject' }],
    transports: { docker: { [`${registry}/${repository}`]: [signed] } },
  });
}

async function put(target: ImageTarget, bytes: Uint8Array): Promise<{ digest: Digest; size: number }> {
  const blob = { digest: sha256Digest(bytes), size: bytes.length };
  const writer = await target.writer();
  await writer.write(
    (async function* once() {
      yield bytes;
    })(),
  );
  await writer.commit(blob);
  return blob;
}
