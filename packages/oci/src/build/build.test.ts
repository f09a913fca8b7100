import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildImage, layoutSource, layoutTarget, makeBundle, platformManifest } from '../index.js';
import { blobsOf, temporary } from '../testing/image.test.helper.js';

const text = (value: string): Uint8Array => Buffer.from(value);
const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' };

function build(folder: string, greeting = 'hello') {
  return buildImage({
    target: layoutTarget(folder, 'v1'),
    platform,
    config: { Entrypoint: ['/usr/bin/tell'], Env: ['A=1'] },
    layers: [
      [
        { path: 'usr/bin/tell', content: text('#!'), mode: 0o755 },
        { path: 'usr/lib/x', content: text('x') },
      ],
      [{ path: 'greeting', content: text(greeting) }],
    ],
  });
}

describe('an image that is built', () => {
  test('unpacks to its files, with their modes and its configuration', async () => {
    const folder = temporary();
    const digest = await build(folder);
    const source = layoutSource(folder, 'v1');
    const found = await platformManifest(source, platform);
    expect(found.digest).toBe(digest);
    expect(found.manifest.layers.map(({ mediaType }) => mediaType)).toEqual([
      'application/vnd.oci.image.layer.v1.tar+gzip',
      'application/vnd.oci.image.layer.v1.tar+gzip',
    ]);
    const bundle = join(temporary(), 'bundle');
    const { config } = await makeBundle({ source, manifest: found.manifest, folder: bundle, unwrappers: [] });
    expect(config.document).toMatchObject(platform);
    expect(readFileSync(join(bundle, 'rootfs/greeting'), 'utf8')).toBe('hello');
    expect(statSync(join(bundle, 'rootfs/usr/bin/tell')).mode & 0o777).toBe(0o755);
    expect(statSync(join(bundle, 'rootfs/usr/lib/x')).mode & 0o777).toBe(0o644);
    expect(statSync(join(bundle, 'rootfs/usr/bin')).mode & 0o777).toBe(0o755);
    expect(JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'))).toMatchObject({
      process: { args: ['/usr/bin/tell'], env: expect.arrayContaining(['A=1']) },
    });
  });

  test('is the same each time, and another one with other content', async () => {
    const [one, two] = [temporary(), temporary()];
    expect(await build(one)).toBe(await build(two));
    expect(blobsOf(one)).toEqual(blobsOf(two));
    expect(await build(two, 'bye')).not.toBe(await build(one));
  });

  test('of whose target fails is not named, and leaves no half of a blob', async () => {
    const folder = temporary();
    const target = layoutTarget(folder, 'v1');
    let aborted = 0;
    const failing = {
      ...target,
      writer: async () => {
        const writer = await target.writer();
        return {
          ...writer,
          commit: () => Promise.reject(new Error('full')),
          abort: async () => {
            aborted += 1;
            await writer.abort();
          },
        };
      },
    };
    const built = buildImage({ target: failing, platform, config: {}, layers: [[]] });
    await expect(built).rejects.toThrow('full');
    expect(aborted).toBe(1);
    expect(existsSync(join(folder, 'index.json'))).toBe(false);
    expect(blobsOf(folder)).toEqual([]);
  });
});
