import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { parseReference } from '@assay/oci';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { DEFAULT_IMAGE_CONFIG, type ImageConfig } from '../../config/image-config.js';
import { documentsBy } from './documents.js';
import { imageClient } from './image-client.js';
import { ImagePuller } from './puller.js';

const folder = temporaryFolder('guest-image-');
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe('documents', () => {
  const asked: string[] = [];
  const fetch = documentsBy(async ({ plugin, segments }) => {
    asked.push(`${plugin}/${segments.join('/')}`);
    return Buffer.from('from the broker');
  });
  const text = async (uri: string): Promise<string> => Buffer.from(await fetch(uri)).toString('utf8');

  test('come from the broker, also by its plugins, and from files', async () => {
    const path = file('a b', 'from a file');
    expect(await text('kbs:///a/b/c')).toBe('from the broker');
    expect(await text('kbs+pkcs11:///a/b')).toBe('from the broker');
    expect(await text(path)).toBe('from a file');
    expect(await text(`file://${path.replace(' ', '%20')}`)).toBe('from a file');
    expect(asked).toEqual(['resource/a/b/c', 'pkcs11/a/b']);
  });

  test.each(['package.json', 'https://x/y', 'file://host/x', '', 'kbs:/a'])('do not come from %j', async (uri) => {
    await expect(fetch(uri)).rejects.toThrow();
  });

  test('that are too large are refused', async () => {
    await expect(fetch(file('large', 'x'.repeat(8 * 1024 * 1024 + 1)))).rejects.toThrow('larger than');
  });
});

describe('what pulls share', () => {
  const none = () => Promise.reject(new Error('nothing was to be fetched'));
  const clientOf = (change: Partial<ImageConfig>) => imageClient({ ...DEFAULT_IMAGE_CONFIG, ...change }, none);
  const app = parseReference('registry.example/team/app:v1');

  test('is nothing where nothing is configured', async () => {
    const { policy, registry } = await clientOf({});
    expect(policy).toBeUndefined();
    expect(Object.keys(registry)).toEqual(['registries']);
  });

  test('is credentials, proxies, registries, and roots beside the built-in ones', async () => {
    const auth = Buffer.from('user:secret').toString('base64');
    const credentials = file('auth.json', JSON.stringify({ auths: { 'registry.example': { auth } } }));
    const config = {
      ...DEFAULT_IMAGE_CONFIG,
      credentialsUri: credentials,
      proxy: { http: 'http://p:1' },
      registries: { text: '[[registry]]\nprefix = "registry.example"\nblocked = true\n' },
      extraRoots: ['EXTRA'],
    };
    const { registry } = await imageClient(config, documentsBy(none));
    expect(registry.credentials?.get('registry.example')).toEqual({ username: 'user', password: 'secret' });
    expect(registry.registries?.rules).toMatchObject([{ blocked: true }]);
    expect(registry.proxy).toEqual({ http: 'http://p:1' });
    expect(registry.ca).toContain('EXTRA');
    expect(registry.ca).toContain(rootCertificates[0]);
  });

  test('is registries in tables of the configuration', async () => {
    const registry = [{ prefix: 'registry.example', location: 'other.example', mirror: [{ location: 'm.example' }] }];
    const { registry: shared } = await clientOf({ registries: { table: { registry } } });
    expect(shared.registries).toMatchObject({
      search: ['docker.io'],
      rules: [{ location: 'other.example', mirrors: [{ location: 'm.example', insecure: false }] }],
    });
    await expect(clientOf({ registries: { table: { registry: 1 } } })).rejects.toMatchObject({
      code: 'image.registry.config',
    });
  });

  test('is where OpenPGP signatures lie; without such a place there are none', async () => {
    const text = 'docker:\n  registry.example:\n    sigstore: file:///var/signatures/\n';
    expect((await clientOf({ sigstore: { text } })).lookaside(app)).toBe('/var/signatures');
    const elsewhere = 'default-docker:\n  sigstore: https://signatures.example\n';
    for (const change of [{}, { sigstore: { text: elsewhere } }]) {
      const { lookaside } = await clientOf(change);
      expect(() => lookaside(app)).toThrow('no OpenPGP signature');
    }
  });

  test.each<[string, Partial<ImageConfig>, string]>([
    ['policy', { policy: { text: '{}' } }, 'signature.policy.form'],
    ['place of signatures', { sigstore: { text: 'x: 1' } }, 'signature.policy.form'],
    ['registries', { registries: { text: 'x = 1' } }, 'image.registry.config'],
  ])('is refused with a %s that cannot be read', async (_, change, code) => {
    await expect(clientOf(change)).rejects.toMatchObject({ code });
  });
});

test('errors of others are told by their code alone: their texts may hold anything', async () => {
  const puller = new ImagePuller({
    config: { ...DEFAULT_IMAGE_CONFIG, policy: { uri: 'kbs:///a/b/c' } },
    getResource: () => Promise.reject(Object.assign(new Error('hunter2'), { code: 'EWHAT' })),
    unwrapKey: () => Promise.reject(new Error('no key')),
    measure: async () => 'measured',
    now: () => new Date(),
  });
  await expect(puller.pull({ image: 'a', bundle: '/b' })).rejects.toMatchObject({
    part: 'Image Client',
    message: 'it failed with EWHAT',
  });
});
