/** deploy/guest: the guest's services as an image of their own, built and started by Debian's buildah. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { temporary } from '../../packages/oci/src/testing/image.test.helper.js';
import { peersFor } from '../support/peers.js';

const possible = peersFor("the guest's own image", { buildah: '/usr/bin/buildah' });
// Without root it wants namespaces of users, which containers seldom give.
const isRoot = process.geteuid?.() === 0;
const folder = temporary();
const deploy = fileURLToPath(new URL('../../deploy/guest/', import.meta.url));
const storage = ['--storage-driver', 'vfs', '--root', join(folder, 'root'), '--runroot', join(folder, 'run')];
const env = { ...process.env, BUILDAH_ISOLATION: 'chroot', HOME: folder, XDG_RUNTIME_DIR: folder };
const buildah = (...args: readonly string[]): string =>
  execFileSync('buildah', [...storage, ...args], { encoding: 'utf8', env, stdio: 'pipe' }).trim();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!possible || !isRoot)("the guest's image", () => {
  test('is built from what deploy/guest says, and serves', { timeout: 120_000 }, async () => {
    const context = join(folder, 'context');
    execFileSync(join(deploy, 'root'), [context], { stdio: 'pipe' });
    expect(() => execFileSync(join(deploy, 'root'), [context], { stdio: 'pipe' })).toThrow('exists');
    const policy = join(folder, 'policy.json');
    writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
    const image = buildah('bud', '-q', '--signature-policy', policy, '-f', join(deploy, 'Containerfile'), context);
    const container = buildah('from', '-q', '--signature-policy', policy, '--pull-never', image);
    const { OCIv1 } = JSON.parse(buildah('inspect', container));
    const { Entrypoint, Cmd } = OCIv1.config;
    const args = ['-a', 'unix:///run/aa.sock', '--data-hub-socket', 'unix:///run/cdh.sock', '-b', '127.0.0.1:0'];
    const child = spawn('buildah', [...storage, 'run', container, '--', ...Entrypoint, ...Cmd, ...args], { env });
    const ended = once(child, 'exit');
    let out = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        out += chunk.toString();
      });
    try {
      await expect.poll(() => out, { timeout: 20_000 }).toMatch(/listening on http/);
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  });
});
