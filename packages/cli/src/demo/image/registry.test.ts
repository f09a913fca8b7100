import { join } from 'node:path';
import {
  copyImage,
  layoutSource,
  layoutTarget,
  parseReference,
  registrySource,
  registryTarget,
  sha256Digest,
} from '@assay/oci';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildGreeter } from './publish.js';
import { type DemoRegistry, startRegistry } from './registry.js';
import { changeOneByte, replaceImage } from './tamper.js';

const layout = join(temporaryFolder('assay-demo-registry-'), 'plain');
let registry: DemoRegistry;
let digest = '';

beforeAll(async () => {
  registry = await startRegistry();
  digest = await buildGreeter(layout);
});
afterAll(() => registry.close());

const reference = () => parseReference(`${registry.host}/acme/greeter:v1`);
const ask = (path: string, init: RequestInit = {}) => fetch(`http://${registry.host}${path}`, init);

async function push(): Promise<string> {
  const target = registryTarget(reference(), { insecure: true });
  return (await copyImage({ source: layoutSource(layout, 'v1'), target }).finally(() => target.close())).digest;
}

async function pull(): Promise<string> {
  const source = await registrySource(reference(), { insecure: true, attempts: 1 });
  const target = layoutTarget(temporaryFolder('assay-demo-pulled-'), 'v1');
  return (await copyImage({ source, target }).finally(() => source.close())).digest;
}

describe('the registry of the demo', () => {
  test('gives what it was given, by tag and by digest', async () => {
    expect(await push()).toBe(digest);
    expect(await pull()).toBe(digest);
    const byDigest = await ask(`/v2/acme/greeter/manifests/${digest}`);
    expect(byDigest.headers.get('docker-content-digest')).toBe(digest);
    expect(sha256Digest(new Uint8Array(await byDigest.arrayBuffer()))).toBe(digest);
    expect((await ask(`/v2/acme/greeter/manifests/v1`, { method: 'HEAD' })).status).toBe(200);
  });

  test.each([
    ['an image that nobody pushed', '/v2/acme/other/manifests/v1', {}, 404],
    ['a blob that is not there', `/v2/acme/greeter/blobs/sha256:${'0'.repeat(64)}`, {}, 404],
    ['another path', '/v2/_catalog', {}, 404],
    ['an upload that was not begun', '/v2/acme/greeter/blobs/uploads/x', { method: 'PATCH', body: 'x' }, 404],
    ['a manifest that is none', '/v2/acme/greeter/manifests/v2', { method: 'PUT', body: '{}' }, 400],
    ['a deletion', '/v2/acme/greeter/manifests/v1', { method: 'DELETE' }, 405],
  ])('refuses %s', async (_, path, init, status) => {
    const answer = await ask(path, init);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toHaveProperty('errors');
  });

  test('keeps no blob under a digest that is not its own, and no manifest whose blobs are missing', async () => {
    const begun = await ask('/v2/acme/greeter/blobs/uploads/', { method: 'POST' });
    const place = `${begun.headers.get('location')}?digest=sha256:${'1'.repeat(64)}`;
    expect((await ask(place, { method: 'PUT', body: 'x' })).status).toBe(400);
    expect(registry.blobs.has(`sha256:${'1'.repeat(64)}`)).toBe(false);
    const stored = registry.manifests.get('acme/greeter:v1');
    const text = Buffer.from(stored?.bytes ?? [])
      .toString()
      .replace(/[0-9a-f]{64}/, '2'.repeat(64));
    const headers = { 'content-type': stored?.mediaType ?? '' };
    const other = `/v2/acme/greeter/manifests/sha256:${'3'.repeat(64)}`;
    const put = await ask(other, { method: 'PUT', body: Buffer.from(stored?.bytes ?? []), headers });
    expect([put.status, (await ask(other)).status]).toEqual([400, 404]);
    expect((await ask('/v2/acme/greeter/manifests/v3', { method: 'PUT', body: text, headers })).status).toBe(400);
  });

  test('can be changed by whoever runs it: a byte, or the whole image', async () => {
    changeOneByte(registry, 'acme/greeter:v1');
    await expect(pull()).rejects.toMatchObject({ code: 'image.manifest.digest' });
    expect(() => changeOneByte(registry, 'acme/none:v1')).toThrow('no image');
    const folder = temporaryFolder('assay-demo-replaced-');
    await replaceImage(`${registry.host}/acme/greeter:v1`, folder);
    // Nothing but a policy about signatures would tell.
    const replaced = await pull();
    expect(replaced).not.toBe(digest);
    expect(registry.manifests.has(`acme/greeter:${replaced.replace(':', '-')}.sig`)).toBe(true);
  });
});
