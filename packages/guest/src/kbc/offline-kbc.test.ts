import { parseResourceUri } from '@assay/protocol';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryFiles } from './files.test.helper.js';
import { OfflineFsKbc } from './offline-fs-kbc.js';
import { OfflineSevKbc } from './offline-sev-kbc.js';
import { SEV_SECRET_FOLDER } from './secret-files.js';

const KEYS = '/etc/aa-offline_fs_kbc-keys.json';
const RESOURCES = '/etc/aa-offline_fs_kbc-resources.json';
const BUNDLE = `${SEV_SECRET_FOLDER}/e6f5a162-d67f-4750-a67c-5d065f2a9910`;
const key = Buffer.alloc(32, 7).toString('base64');
const uri = (name: string) => parseResourceUri(name);

describe('offline_fs_kbc', () => {
  test('keys and resources are two files; either may be absent', async () => {
    const resource = Buffer.from('{"auths":{}}').toString('base64');
    const files = new MemoryFiles({ [RESOURCES]: JSON.stringify({ 'default/credential/test': resource }) });
    const kbc = new OfflineFsKbc({ files });
    expect(Buffer.from(await kbc.getResource(uri('default/credential/test'))).toString()).toBe('{"auths":{}}');
    files.files.set(KEYS, Buffer.from(JSON.stringify({ 'default/key/1': key })));
    expect(await kbc.getResource(uri('default/key/1'))).toHaveLength(32);
    expect(files.removed).toEqual([]);
  });

  test('other files, and none', async () => {
    const files = new MemoryFiles({ '/k': JSON.stringify({ 'a/b/c': key }) });
    const options = { files, keysFile: '/k', resourcesFile: '/r' };
    expect(await new OfflineFsKbc(options).getResource(uri('a/b/c'))).toHaveLength(32);
    await expect(new OfflineFsKbc({ files: new MemoryFiles() }).getResource(uri('a/b/c'))).rejects.toMatchObject({
      reason: 'unavailable',
    });
  });

  test('more files may be named; of a name in several the last file’s counts', async () => {
    const text = (value: string): string => Buffer.from(value).toString('base64');
    const files = new MemoryFiles({
      [KEYS]: JSON.stringify({ 'a/b/key': key, 'a/b/c': key }),
      [RESOURCES]: JSON.stringify({ 'a/b/c': text('resource'), 'a/b/d': text('d') }),
      '/x': JSON.stringify({ 'a/b/d': text('of x'), 'a/b/e': text('short') }),
      '/z': JSON.stringify({ 'a/b/d': text('of z') }),
    });
    const read = async (name: string, extraFiles: readonly string[]): Promise<string> =>
      Buffer.from(await new OfflineFsKbc({ files, extraFiles }).getResource(uri(name))).toString();
    expect(await read('a/b/c', [])).toBe('resource');
    expect(await read('a/b/d', [])).toBe('d');
    // One that is not there is passed over.
    expect(await read('a/b/d', ['/x', '/none'])).toBe('of x');
    expect(await read('a/b/d', ['/x', '/z'])).toBe('of z');
    expect(await read('a/b/d', ['/z', '/x'])).toBe('of x');
    expect(await read('a/b/e', ['/x'])).toBe('short');
    await expect(read('a/b/e', ['/z'])).rejects.toMatchObject({ reason: 'missing' });
    expect(await new OfflineFsKbc({ files, extraFiles: ['/x'] }).getResource(uri('a/b/key'))).toHaveLength(32);
    files.files.set('/z', Buffer.from('{'));
    await expect(read('a/b/c', ['/z'])).rejects.toMatchObject({ reason: 'protocol' });
    const alone = new OfflineFsKbc({ files: new MemoryFiles({ '/x': '{}' }), extraFiles: ['/x'] });
    await expect(alone.getResource(uri('a/b/c'))).rejects.toMatchObject({ reason: 'missing' });
  });

  test.each([
    ['not JSON', '{'],
    ['a list', '[]'],
    ['a number', '{"a/b/c":1}'],
    ['no base64', '{"a/b/c":"%%"}'],
    ['URL-safe base64', `{"a/b/c":"${Buffer.alloc(32, 0xff).toString('base64url')}"}`],
    ['a key of 16 bytes', `{"a/b/c":"${Buffer.alloc(16).toString('base64')}"}`],
    ['one name twice', `{"a/b/c":"${key}","a/b/c":"${key}"}`],
  ])('a file of keys that holds %s', async (_, text) => {
    const kbc = new OfflineFsKbc({ files: new MemoryFiles({ [KEYS]: text }) });
    await expect(kbc.getResource(uri('a/b/c'))).rejects.toMatchObject({ reason: 'protocol' });
  });

  test('a name that is in neither file is missing', async () => {
    const kbc = new OfflineFsKbc({ files: new MemoryFiles({ [KEYS]: JSON.stringify({ 'default/key/1': key }) }) });
    await expect(kbc.getResource(uri('default/key/2'))).rejects.toMatchObject({ reason: 'missing' });
  });

  test('knows no plug-ins', async () => {
    const kbc = new OfflineFsKbc({ files: new MemoryFiles({ [KEYS]: '{}' }) });
    await expect(kbc.getResource(uri('kbs+pkcs11:///a/b/c'))).rejects.toMatchObject({ reason: 'refused' });
  });
});

describe('offline_sev_kbc', () => {
  const bundle = JSON.stringify({ key_id1: key, 'other/key/2': key });

  test('reads the injected keys once, removes the file, unloads the module', async () => {
    const files = new MemoryFiles({ [BUNDLE]: bundle });
    let unloaded = 0;
    const kbc = new OfflineSevKbc({ files, unload: async () => void unloaded++ });
    const [first, second] = await Promise.all([
      kbc.getResource(uri('default/key/key_id1')),
      kbc.getResource(uri('other/key/2')),
    ]);
    expect([first.length, second.length, unloaded]).toEqual([32, 32, 1]);
    expect(files.removed).toEqual([BUNDLE]);
  });

  test('a bare id stands for default/key/<id> and nothing else', async () => {
    const kbc = new OfflineSevKbc({ files: new MemoryFiles({ [BUNDLE]: bundle }) });
    for (const name of ['other/key/key_id1', 'default/other/key_id1', 'default/key/2'])
      await expect(kbc.getResource(uri(name))).rejects.toMatchObject({ reason: 'missing' });
  });

  test('nothing injected is an outage, and may come yet; what is malformed is left there', async () => {
    const files = new MemoryFiles();
    const kbc = new OfflineSevKbc({ files });
    await expect(kbc.getResource(uri('default/key/key_id1'))).rejects.toMatchObject({ reason: 'unavailable' });
    files.files.set(BUNDLE, Buffer.from('{"key_id1":"AAAA"}'));
    await expect(kbc.getResource(uri('default/key/key_id1'))).rejects.toMatchObject({ reason: 'protocol' });
    expect(files.removed).toEqual([]);
    files.files.set(BUNDLE, Buffer.from(bundle));
    expect(await kbc.getResource(uri('default/key/key_id1'))).toHaveLength(32);
  });

  test('fuzz: any file gives keys or an error of the client', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (text) => {
        const kbc = new OfflineSevKbc({ files: new MemoryFiles({ [BUNDLE]: text }) });
        await expect(kbc.getResource(uri('default/key/x'))).rejects.toMatchObject({ name: 'KbcError' });
      }),
      { numRuns: fuzzRuns(200) },
    );
  });
});
