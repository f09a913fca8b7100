/** An encrypted image runs, with a real runtime, and prints its line; a changed one leaves nothing behind. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MEDIA_TYPE, sha256Digest } from '@assay/oci';
import { packTar } from 'modern-tar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporary, writeIndex } from '../../packages/oci/src/testing/image.test.helper.js';
import { assay, printed, start } from '../support/cli.js';
import { peersFor } from '../support/peers.js';
import { REGISTRY_PEERS, startRegistry, type TestRegistry } from '../support/registry.js';

const possible = peersFor('running images', {
  ...REGISTRY_PEERS,
  runc: '/usr/sbin/runc',
  umoci: '/usr/bin/umoci',
  'busybox-static': '/var/lib/dpkg/info/busybox-static.list',
});
const folder = temporary();
const at = (name: string): string => join(folder, name);
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const cosign = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** An image of busybox that says something, as a layout with the tag `v1`. */
async function busyboxImage(): Promise<string> {
  const root = at('plain');
  mkdirSync(join(root, 'blobs/sha256'), { recursive: true });
  const put = (bytes: Uint8Array) => {
    const digest = sha256Digest(bytes);
    writeFileSync(join(root, 'blobs', digest.replace(':', '/')), bytes);
    return { digest, size: bytes.length };
  };
  const busybox = readFileSync('/bin/busybox');
  const lower = await packTar([
    { header: { name: 'bin/', size: 0, type: 'directory', mode: 0o755 } },
    { header: { name: 'bin/busybox', size: busybox.length, mode: 0o755 }, body: new Uint8Array(busybox) },
    { header: { name: 'bin/sh', size: 0, type: 'symlink', linkname: 'busybox' } },
    { header: { name: 'greeting', size: 3, mode: 0o644 }, body: 'old' },
  ]);
  const upper = await packTar([{ header: { name: 'greeting', size: 21, mode: 0o644 }, body: 'hello from the inside' }]);
  const layers = [lower, upper];
  const config = {
    os: 'linux',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    config: { Cmd: ['/bin/sh', '-c', 'busybox cat /greeting; echo; exit 7'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: layers.map((tar) => sha256Digest(tar)) },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, ...put(Buffer.from(JSON.stringify(config))) },
    layers: layers.map((tar) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', ...put(gzipSync(tar)) })),
  };
  const annotations = { 'org.opencontainers.image.ref.name': 'v1' };
  writeIndex(root, [{ mediaType: MEDIA_TYPE.manifest, ...put(Buffer.from(JSON.stringify(manifest))), annotations }]);
  return root;
}

describe.skipIf(!possible)('an image', { timeout: 90_000 }, () => {
  let registry: TestRegistry;
  let name = '';
  let digest = '';
  const key = ['--decryption-key', at('key.pem')];

  beforeAll(async () => {
    registry = await startRegistry();
    name = `docker://${registry.host}/team/app:v1`;
    writeFileSync(at('pub.pem'), ec.publicKey.export({ type: 'spki', format: 'pem' }));
    writeFileSync(at('key.pem'), ec.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(at('cosign.pub'), cosign.publicKey.export({ type: 'spki', format: 'pem' }));
    const plain = await busyboxImage();
    const pushed = await assay([
      'image',
      'encrypt',
      `oci:${plain}:v1`,
      name,
      '--encryption-key',
      `jwe:${at('pub.pem')}`,
      '--insecure-registry',
      '--json',
    ]);
    expect(pushed, pushed.err).toMatchObject({ code: 0 });
    digest = (pushed.json() as { digest: string }).digest;
  }, 60_000);
  afterAll(() => registry?.stop());

  test('that is encrypted in a registry runs, and its exit code is handed on', async () => {
    const run = await assay(['image', 'run', name, ...key, '--insecure-registry']);
    expect(run).toMatchObject({ code: 7 });
    expect(run.out).toContain('hello from the inside');
    expect(run.err).toContain('layer 1: digests match, decrypted, 1 entries unpacked');
  });

  test('is told to end with the command, and nothing that was decrypted stays', async () => {
    const bundles = (): readonly string[] => readdirSync(tmpdir()).filter((entry) => entry.startsWith('assay-run-'));
    const script = 'trap "exit 5" TERM; echo up; while :; do busybox sleep 0.1; done';
    const child = start(['image', 'run', name, ...key, '--insecure-registry', '--', '/bin/sh', '-c', script]);
    const ended = once(child, 'exit');
    await printed(child, /^up$/m);
    expect(bundles()).toHaveLength(1);
    child.kill('SIGTERM');
    expect(await ended).toEqual([5, null]);
    expect(bundles()).toEqual([]);
  });

  test('without its key is not started, and nothing is unpacked', async () => {
    const run = await assay(['image', 'run', name, '--bundle', at('none'), '--insecure-registry']);
    expect(run.code).toBe(1);
    expect(run.err).toContain('none opens it; it is for jwe');
    expect(existsSync(at('none'))).toBe(false);
  });

  test('without a runtime stops after its bundle, and says so', async () => {
    const run = await assay([
      'image',
      'run',
      name,
      ...key,
      '--bundle',
      at('kept'),
      '--runtime',
      'nothing',
      '--insecure-registry',
    ]);
    expect(run).toMatchObject({ code: 0 });
    expect(run.err).toContain('nothing was started');
    expect(readFileSync(at('kept/rootfs/greeting'), 'utf8')).toBe('hello from the inside');
    expect(readdirSync(at('kept')).sort()).toEqual(['config.json', 'rootfs']);
  });

  test('that we decrypt is unpacked by umoci', async () => {
    const pulled = await assay(['image', 'pull', name, `oci:${at('pulled')}:v1`, ...key, '--insecure-registry']);
    expect(pulled, pulled.err).toMatchObject({ code: 0 });
    execFileSync('umoci', ['unpack', '--image', `${at('pulled')}:v1`, at('umoci')], { stdio: 'pipe' });
    expect(readFileSync(at('umoci/rootfs/greeting'), 'utf8')).toBe('hello from the inside');
  });

  describe('under a signature policy', () => {
    const policy = (rule: object): string => {
      const path = at(`policy-${JSON.stringify(rule).length}.json`);
      writeFileSync(
        path,
        JSON.stringify({ default: [{ type: 'reject' }], transports: { docker: { [registry.host]: [rule] } } }),
      );
      return path;
    };
    const signed = { type: 'sigstoreSigned', keyPath: at('cosign.pub'), signedIdentity: { type: 'matchRepository' } };
    const verify = (rule: object) =>
      assay(['image', 'verify', name, '--signature-policy', policy(rule), '--insecure-registry']);

    /** As cosign stores it: a manifest beside the image. */
    async function putSignature(by = cosign.privateKey): Promise<void> {
      const payload = Buffer.from(
        JSON.stringify({
          critical: {
            type: 'cosign container image signature',
            image: { 'docker-manifest-digest': digest },
            identity: { 'docker-reference': `${registry.host}/team/app` },
          },
        }),
      );
      const root = at(`signature-${Math.abs(payload.length)}`);
      mkdirSync(join(root, 'blobs/sha256'), { recursive: true });
      const put = (bytes: Uint8Array) => {
        writeFileSync(join(root, 'blobs', sha256Digest(bytes).replace(':', '/')), bytes);
        return { digest: sha256Digest(bytes), size: bytes.length };
      };
      const manifest = {
        schemaVersion: 2,
        mediaType: MEDIA_TYPE.manifest,
        config: {
          mediaType: MEDIA_TYPE.config,
          ...put(Buffer.from(`{"rootfs":{"type":"layers","diff_ids":["sha256:${'0'.repeat(64)}"]}}`)),
        },
        layers: [
          {
            mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
            ...put(payload),
            annotations: { 'dev.cosignproject.cosign/signature': sign('sha256', payload, by).toString('base64') },
          },
        ],
      };
      writeIndex(root, [{ mediaType: MEDIA_TYPE.manifest, ...put(Buffer.from(JSON.stringify(manifest))) }]);
      const tag = `docker://${registry.host}/team/app:${digest.replace(':', '-')}.sig`;
      const copied = await assay(['image', 'pull', `oci:${root}`, tag, '--insecure-registry']);
      expect(copied, copied.err).toMatchObject({ code: 0 });
    }

    test('is refused by the default, without a signature, and by another key; accepted with one', async () => {
      expect(await verify({ type: 'reject' })).toMatchObject({ code: 1 });
      expect((await verify(signed)).err).toContain('has no cosign signature at tag');
      await putSignature(ec.privateKey);
      expect((await verify(signed)).err).toContain('none by 1 keys of the policy');
      await putSignature();
      const run = await verify(signed);
      expect(run, run.err).toMatchObject({ code: 0 });
      expect(run.out).toContain('sigstoreSigned');
      const exact = await verify({ ...signed, signedIdentity: { type: 'matchExact' } });
      expect(exact).toMatchObject({ code: 1 });
      expect(exact.err).toContain('signature names');
    }, 180_000);

    test('that refuses it, is not run', async () => {
      const run = await assay([
        'image',
        'run',
        name,
        ...key,
        '--signature-policy',
        policy({ type: 'reject' }),
        '--insecure-registry',
      ]);
      expect(run).toMatchObject({ code: 1, out: '' });
    });
  });
});
