import { type KeyObject, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MEDIA_TYPE, sha256Digest } from '@assay/oci';
import { temporary, writeIndex } from '../../packages/oci/src/testing/image.test.helper.js';

/**
 * The manifest that cosign pushes beside an image.
 *
 * @param reference name that is signed for: `registry.example/app`
 * @returns a layout that holds it under `v1`, and the tag that it is pushed under
 */
export function cosignManifest(digest: string, reference: string, by: KeyObject): { layout: string; tag: string } {
  const payload = Buffer.from(
    JSON.stringify({
      critical: {
        type: 'cosign container image signature',
        image: { 'docker-manifest-digest': digest },
        identity: { 'docker-reference': reference },
      },
    }),
  );
  const layout = temporary();
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const put = (bytes: Uint8Array) => {
    writeFileSync(join(layout, 'blobs', sha256Digest(bytes).replace(':', '/')), bytes);
    return { digest: sha256Digest(bytes), size: bytes.length };
  };
  const layer = {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    ...put(payload),
    annotations: { 'dev.cosignproject.cosign/signature': sign('sha256', payload, by).toString('base64') },
  };
  const config = Buffer.from(`{"rootfs":{"type":"layers","diff_ids":["sha256:${'0'.repeat(64)}"]}}`);
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, ...put(config) },
    layers: [layer],
  };
  const entry = { mediaType: MEDIA_TYPE.manifest, ...put(Buffer.from(JSON.stringify(manifest))) };
  writeIndex(layout, [{ ...entry, annotations: { 'org.opencontainers.image.ref.name': 'v1' } }]);
  return { layout, tag: `${digest.replace(':', '-')}.sig` };
}
