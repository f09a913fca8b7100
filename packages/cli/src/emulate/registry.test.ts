import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyImage, layoutTarget, parseReference, registrySource, sha256Digest } from '@assay/oci';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeImage, temporary } from '../../../oci/src/testing/image.test.helper.js';
import { type ReadOnlyRegistry, startRegistry } from './registry.js';

const image = makeImage(2);
let registry: ReadOnlyRegistry;
beforeAll(async () => {
  const layout = `oci:${image.folder}:v1`;
  const named = [`team/app:v1=${layout}`, `team/other=${layout}`];
  registry = await startRegistry({ image: named, listen: '127.0.0.1:0' });
});
afterAll(() => registry.close());
const get = (path: string, method = 'GET') => fetch(`http://${registry.address}${path}`, { method });

test('an image is copied out of it, digest by digest', async () => {
  expect(registry.names).toEqual(['team/app:v1', 'team/other:latest']);
  for (const name of ['team/app:v1', 'team/other', `team/app@${image.manifest}`]) {
    const source = await registrySource(parseReference(`${registry.address}/${name}`), { insecure: true });
    const copied = copyImage({ source, target: layoutTarget(temporary(), 'v1') });
    expect(await copied.finally(() => source.close())).toMatchObject({ digest: image.manifest });
  }
});

test('what it has is told in length and digest, also without a body', async () => {
  expect((await get('/v2/')).status).toBe(200);
  const manifest = await get('/v2/team/app/manifests/v1');
  const bytes = new Uint8Array(await manifest.arrayBuffer());
  expect([manifest.headers.get('docker-content-digest'), sha256Digest(bytes)]).toEqual([
    image.manifest,
    image.manifest,
  ]);
  const { config } = JSON.parse(Buffer.from(bytes).toString()) as { config: { digest: string; size: number } };
  const head = await get(`/v2/team/app/blobs/${config.digest}`, 'HEAD');
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(config.size)]);
  const blob = await get(`/v2/team/app/blobs/${config.digest}`);
  expect(Buffer.from(await blob.arrayBuffer())).toEqual(
    readFileSync(join(image.folder, 'blobs', config.digest.replace(':', '/'))),
  );
});

test.each([
  '/',
  '/v2/team/app/manifests/v2',
  '/v2/team/none/manifests/v1',
  '/v2/team/app/blobs/v1',
  `/v2/team/app/blobs/sha256:${'0'.repeat(64)}`,
  '/v2/team/app/blobs/../../index.json',
  '/v2/team/app/tags/list',
])('%s is not there', async (path) => {
  expect((await get(path)).status).toBe(404);
});

test.each([
  [{ listen: '127.0.0.1:0' }, 'no --image'],
  [{ image: ['team/app:v1'], listen: '127.0.0.1:0' }, 'REPOSITORY:TAG=oci:DIR:TAG'],
  [{ image: ['=oci:x:v1'], listen: '127.0.0.1:0' }, 'REPOSITORY:TAG=oci:DIR:TAG'],
  [{ image: ['team/app:v1=dir:x'], listen: '127.0.0.1:0' }, 'REPOSITORY:TAG=oci:DIR:TAG'],
  [{ image: ['team/app:v1=oci:x:v1'], listen: '0.0.0.0:0' }, '127.0.0.1:PORT'],
  [{ image: ['team/app:v1=oci:x:v1'], listen: '127.0.0.1:65536' }, '127.0.0.1:PORT'],
])('%j is refused', async (flags, text) => {
  await expect(startRegistry(flags)).rejects.toThrow(text);
});
