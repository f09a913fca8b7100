/** Images that Debian's buildah encrypts are unpacked here, and the reverse: it runs what we encrypted. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporary } from '../../packages/oci/src/testing/image.test.helper.js';
import { assay } from '../support/cli.js';
import { peersFor } from '../support/peers.js';

const possible = peersFor('exchange of encrypted images with buildah', {
  buildah: '/usr/bin/buildah',
  'busybox-static': '/var/lib/dpkg/info/busybox-static.list',
});
// Without root it wants namespaces of users, which containers seldom give.
const isRoot = process.geteuid?.() === 0;
const folder = temporary();
const at = (name: string): string => join(folder, name);
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const toUs = ['--encryption-key', `jwe:${at('pub.pem')}`];
const ours = ['--decryption-key', at('key.pem')];
const policy = ['--signature-policy', at('policy.json')];

/** Its files in a folder of its own, and nothing that a sandbox forbids. Names of images come from paths: relative ones, in lower case. */
function buildah(...args: readonly string[]): string {
  const storage = ['--storage-driver', 'vfs', '--root', at('root'), '--runroot', at('run')];
  const env = { ...process.env, BUILDAH_ISOLATION: 'chroot', HOME: folder, XDG_RUNTIME_DIR: folder };
  return execFileSync('buildah', [...storage, ...args], { cwd: folder, encoding: 'utf8', env, stdio: 'pipe' }).trim();
}

describe.skipIf(!possible || !isRoot)('buildah', { timeout: 60_000 }, () => {
  beforeAll(() => {
    writeFileSync(at('policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
    writeFileSync(at('pub.pem'), pair.publicKey.export({ type: 'spki', format: 'pem' }));
    writeFileSync(at('key.pem'), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    mkdirSync(at('files/bin'), { recursive: true });
    writeFileSync(at('files/bin/busybox'), readFileSync('/bin/busybox'));
    chmodSync(at('files/bin/busybox'), 0o755);
    symlinkSync('busybox', at('files/bin/sh'));
    writeFileSync(at('files/greeting'), 'hello from the inside');
    const made = buildah('from', 'scratch');
    buildah('copy', '-q', made, at('files'), '/');
    buildah('config', '--cmd', '/bin/sh', made);
    buildah('commit', '-q', ...policy, made, 'localhost/made:v1');
    // In clear for us, and encrypted: it compresses what it encrypts only now.
    buildah('push', '-q', ...policy, 'localhost/made:v1', `oci:${at('plain')}:v1`);
    buildah('push', '-q', ...policy, ...toUs, 'localhost/made:v1', `oci:${at('theirs')}:v1`);
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('encrypts, and we unpack; without the key nothing is', async () => {
    const run = (bundle: string, ...keys: readonly string[]) =>
      assay(['image', 'run', `oci:${at('theirs')}:v1`, ...keys, '--bundle', at(bundle), '--runtime', 'nothing']);
    const unpacked = await run('bundle', ...ours);
    expect(unpacked, unpacked.err).toMatchObject({ code: 0 });
    expect(readFileSync(at('bundle/rootfs/greeting'), 'utf8')).toBe('hello from the inside');
    const closed = await run('closed');
    expect(closed.code).toBe(1);
    expect(existsSync(at('closed'))).toBe(false);
  });

  test('encrypts, and we decrypt into a layout that it reads', async () => {
    const copied = await assay(['image', 'decrypt', `oci:${at('theirs')}:v1`, `oci:${at('opened')}:v1`, ...ours]);
    expect(copied, copied.err).toMatchObject({ code: 0 });
    const container = buildah('from', ...policy, '--pull-never', buildah('pull', '-q', ...policy, 'oci:opened:v1'));
    expect(buildah('run', container, '--', '/bin/sh', '-c', 'busybox cat /greeting')).toBe('hello from the inside');
  });

  test('pulls what we encrypted, and runs it; without the key it does not', async () => {
    const encrypted = await assay(['image', 'encrypt', `oci:${at('plain')}:v1`, `oci:${at('mine')}:v1`, ...toUs]);
    expect(encrypted, encrypted.err).toMatchObject({ code: 0 });
    expect(() => buildah('pull', '-q', ...policy, 'oci:mine:v1')).toThrow();
    const id = buildah('pull', '-q', ...policy, ...ours, 'oci:mine:v1');
    const container = buildah('from', ...policy, '--pull-never', id);
    expect(buildah('run', container, '--', '/bin/sh', '-c', 'busybox cat /greeting')).toBe('hello from the inside');
  });
});
