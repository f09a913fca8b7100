import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatReference, MEDIA_TYPE, parseLocation, parseReference, readConfig, readManifest } from '../index.js';

const digest = `sha256:${'0'.repeat(64)}`;

describe('references', () => {
  test.each([
    ['alpine', 'docker.io/library/alpine:latest'],
    ['alpine:3.20', 'docker.io/library/alpine:3.20'],
    ['index.docker.io/team/x', 'docker.io/team/x:latest'],
    ['localhost/x', 'localhost/x:latest'],
    ['localhost:5000/a/b:c', 'localhost:5000/a/b:c'],
    [`quay.io/a/b@${digest}`, `quay.io/a/b@${digest}`],
    [`quay.io/a/b:t@${digest}`, `quay.io/a/b:t@${digest}`],
    ['[::1]:5000/a', '[::1]:5000/a:latest'],
    ['team/a_b--c.d', 'docker.io/team/a_b--c.d:latest'],
  ])('%s is %s', (text, full) => {
    expect(formatReference(parseReference(text))).toBe(full);
    expect(parseReference(full)).toEqual(parseReference(text));
  });

  test.each([
    '',
    'A',
    'a//b',
    'a/',
    '/a',
    'a:',
    'a:b:c',
    'a@b',
    `a@${digest}@${digest}`,
    'a..b',
    '-a',
    'a/../b',
    'exa mple.com/a',
    'x'.repeat(600),
    'a@md5:00',
    'é.com/a',
  ])('`%s` is refused', (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'image.reference.form' }));
  });

  test.each([
    ['docker://alpine', { kind: 'registry', reference: parseReference('alpine') }],
    ['oci:/tmp/x', { kind: 'layout', folder: '/tmp/x' }],
    ['oci:/tmp/x:v1', { kind: 'layout', folder: '/tmp/x', tag: 'v1' }],
    ['oci:/tmp/a:b/x', { kind: 'layout', folder: '/tmp/a:b/x' }],
    ['dir:/tmp/x', { kind: 'directory', folder: '/tmp/x' }],
  ])('location %s', (text, location) => expect(parseLocation(text)).toEqual(location));

  test.each(['alpine', 'oci:', 'oci:x:', 'dir:', 'docker://A'])('location `%s` is refused', (text) => {
    expect(() => parseLocation(text)).toThrow(expect.objectContaining({ code: 'image.reference.form' }));
  });
});

describe('manifests', () => {
  const config = { mediaType: MEDIA_TYPE.config, digest, size: 2 };
  const good = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers: [] };
  const read = (value: unknown, type?: string) => readManifest(Buffer.from(JSON.stringify(value)), type);

  test('are read with what they say, or with what the registry says', () => {
    expect(read(good).kind).toBe('manifest');
    expect(read({ schemaVersion: 2, config, layers: [] }, MEDIA_TYPE.dockerManifest).mediaType).toBe(
      MEDIA_TYPE.dockerManifest,
    );
    expect(read({ schemaVersion: 2, manifests: [] }).kind).toBe('index');
  });

  test.each<[string, unknown, string?]>([
    ['no object', []],
    ['version 1', { ...good, schemaVersion: 1 }],
    ['another type than it is handed out as', good, MEDIA_TYPE.dockerManifest],
    ['an index that is handed out as a manifest', { schemaVersion: 2, manifests: [] }, MEDIA_TYPE.manifest],
    ['a manifest with an index in it', { ...good, manifests: [] }],
    ['an index with layers', { schemaVersion: 2, manifests: [], layers: [] }],
    ['something else', { ...good, mediaType: 'text/plain' }],
    ['a type that is no text', { ...good, mediaType: 1 }],
    ['no config', { ...good, config: undefined }],
    ['no layers', { ...good, layers: undefined }],
    ['too many layers', { ...good, layers: Array(1001).fill(config) }],
    ['a digest of MD5', { ...good, config: { ...config, digest: 'md5:00' } }],
    ['a digest in upper case', { ...good, config: { ...config, digest: `sha256:${'A'.repeat(64)}` } }],
    ['a digest that leads elsewhere', { ...good, config: { ...config, digest: 'sha256:../../x' } }],
    ['a negative size', { ...good, config: { ...config, size: -1 } }],
    ['a size that is no integer', { ...good, config: { ...config, size: 1.5 } }],
    ['an enormous size', { ...good, config: { ...config, size: 2 ** 40 } }],
    ['a descriptor without type', { ...good, config: { digest, size: 2 } }],
    ['a layer that is no object', { ...good, layers: [1] }],
    ['annotations that are no texts', { ...good, layers: [{ ...config, annotations: { a: 1 } }] }],
    ['annotations that are no object', { ...good, layers: [{ ...config, annotations: [] }] }],
  ])('%s is refused', (_, value, type) => {
    expect(() => read(value, type)).toThrow(expect.objectContaining({ code: 'image.manifest.form' }));
  });

  test('duplicated annotations are refused', () => {
    const text = JSON.stringify({ ...good, layers: [{ ...config, annotations: { a: '1' } }] }).replace(
      '"a":"1"',
      '"a":"1","a":"2"',
    );
    expect(() => readManifest(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'image.manifest.form' }));
  });

  test.each([[{}], [{ rootfs: { diff_ids: 'x' } }], [{ rootfs: { diff_ids: ['md5:00'] } }], [[]]])(
    'configuration %j is refused',
    (value) => {
      expect(() => readConfig(Buffer.from(JSON.stringify(value)))).toThrow(
        expect.objectContaining({ code: 'image.manifest.form' }),
      );
    },
  );

  test('nothing makes the readers throw anything but their own error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        for (const act of [
          () => readManifest(Buffer.from(text)),
          () => readConfig(Buffer.from(text)),
          () => parseReference(text),
          () => parseLocation(text),
        ]) {
          try {
            act();
          } catch (error) {
            expect((error as { code?: string }).code).toMatch(/^image\.(manifest|reference)\.form$/);
          }
        }
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});
