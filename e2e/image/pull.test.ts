/** A guest pulls encrypted images by itself: over ttrpc, with keys, policy and registries from its broker. */
import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Kbc, OfflineFsKbc } from '@assay/guest';
import { DataHub, DEFAULT_IMAGE_CONFIG, parseDataHubConfig } from '@assay/guest/services';
import { copyImage, layoutSource, MEDIA_TYPE, parseReference, registryTarget, sha256Digest } from '@assay/oci';
import { KEY_ANNOTATION, sealPacket, writePacket } from '@assay/ocicrypt';
import { temporaryFolder } from '@assay/testkit';
import { STATUS, StatusError } from '@assay/ttrpc';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { MemoryFiles } from '../../packages/guest/src/kbc/files.test.helper.js';
import { ttrpcCaller } from '../../packages/guest/src/rpc/independent-clients.test.helper.js';
import { makeImage } from '../../packages/oci/src/testing/image.test.helper.js';
import { prepareSample, startTestServer, type TestServer } from '../support/assay.js';
import { assay, printed, start } from '../support/cli.js';
import { cosignManifest } from '../support/cosign.js';
import { peersFor } from '../support/peers.js';
import { REGISTRY_PEERS, startRegistry, type TestRegistry } from '../support/registry.js';

vi.setConfig({ testTimeout: 60_000 });

const possible = peersFor('pulling images within a guest', REGISTRY_PEERS);
const folder = temporaryFolder('assay-pull-');
const work = join(folder, 'work');
const image = makeImage(4);
const kek = randomBytes(32);
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const cosign = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' });
const signed = {
  type: 'sigstoreSigned',
  keyPath: 'kbs:///default/cosign/acme',
  signedIdentity: { type: 'matchRepository' },
};

describe.skipIf(!possible)('a guest', () => {
  let registry: TestRegistry;
  let server: TestServer;
  let guest: ChildProcess;
  let pull: (name: string, bundle: string) => Promise<{ code: number; message: string; digest: unknown }>;
  let policy = '';
  let rules = '';

  /** Pushes the image, encrypted for whoever gets the key of this name. @returns its digest */
  async function push(name: string, kid = 'kbs:///default/key/image', key: Uint8Array = kek): Promise<string> {
    const wrapper = {
      annotation: `${KEY_ANNOTATION.provider}attestation-agent`,
      wrap: async (options: Uint8Array) => writePacket(sealPacket(options, { kid, kek: key, random })),
    };
    return pushed(name, image.folder, { encrypt: { wrappers: [wrapper], random } });
  }

  async function pushed(name: string, layout: string, action = {}): Promise<string> {
    const target = registryTarget(parseReference(`${registry.host}/${name}`), { insecure: true });
    const copied = copyImage({ source: layoutSource(layout, 'v1'), target, ...action });
    return (await copied.finally(() => target.close())).digest;
  }

  /** As cosign does it: a manifest beside the image, here for the name that guests ask for. */
  async function signImage(name: string, digest: string, by: KeyObject, as = name): Promise<void> {
    const { layout, tag } = cosignManifest(digest, `registry.example/${as}`, by);
    await pushed(`${name}:${tag}`, layout);
  }

  async function manifestSize(repository: string, digest: string): Promise<number> {
    const headers = { accept: MEDIA_TYPE.manifest };
    const answer = await fetch(`http://${registry.host}/v2/${repository}/manifests/${digest}`, { headers });
    return (await answer.arrayBuffer()).byteLength;
  }

  beforeAll(async () => {
    registry = await startRegistry();
    server = await startTestServer();
    await prepareSample(server);
    // The name that guests ask for is not where the image is: the policy of the mirror's name would let everything in.
    rules = `[[registry]]\nprefix = "registry.example"\nlocation = "${registry.host}"\ninsecure = true\n`;
    policy = JSON.stringify({
      default: [{ type: 'reject' }],
      transports: {
        docker: {
          [registry.host]: [{ type: 'insecureAcceptAnything' }],
          'registry.example/open': [{ type: 'insecureAcceptAnything' }],
          'registry.example/signed': [signed],
        },
      },
    });
    const resources: Readonly<Record<string, Uint8Array | string>> = {
      'default/key/image': kek,
      'default/key/wrong': randomBytes(32),
      'default/cosign/acme': pemOf(cosign.publicKey),
      'default/policy/guests': policy,
      'default/registries/guests': rules,
    };
    for (const [name, value] of Object.entries(resources))
      await server.admin('PUT', `/api/v1/resources/${name}`, Buffer.from(value));
    const [agent, hub] = [`unix://${join(folder, 'aa.sock')}`, `unix://${join(folder, 'cdh.sock')}`];
    writeFileSync(join(folder, 'aa.toml'), `[token_configs.kbs]\nurl = "${server.url}"\n`);
    writeFileSync(
      join(folder, 'cdh.toml'),
      `socket = "${hub}"\n[aa]\naa_socket = "${agent}"\n[kbc]\nname = "cc_kbc"\nurl = "${server.url}"\n[image]\nwork_dir = "${work}"\n` +
        'image_security_policy_uri = "kbs:///default/policy/guests"\nregistry_configuration_uri = "kbs:///default/registries/guests"\n' +
        'max_concurrent_layer_downloads_per_image = 2\n',
    );
    const args = ['agent', 'serve', '-a', agent, '-c', join(folder, 'aa.toml'), '--tee', 'sample'];
    guest = start([
      ...args,
      '--data-hub-config',
      join(folder, 'cdh.toml'),
      '--folder',
      join(folder, 'hub'),
      '-b',
      '127.0.0.1:0',
    ]);
    await printed(guest, /listening on http/);
    const caller = await ttrpcCaller(join(folder, 'cdh.sock'));
    pull = async (name, bundle) => {
      const request = { image_url: name, bundle_path: bundle };
      const { code, message, response } = await caller.call('api.ImagePullService', 'PullImage', request);
      return { code, message, digest: response['manifest_digest'] };
    };
  }, 60_000);

  afterAll(async () => {
    guest?.kill('SIGTERM');
    await server?.stop();
    await registry?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Nothing of a pull is left: no bundle, no layer, no half of one. */
  const nothingAt = (bundle: string): void => {
    expect(existsSync(bundle)).toBe(false);
    expect(existsSync(work) ? readdirSync(work) : []).toEqual([]);
  };

  test('unpacks an encrypted image, whose key its broker has', async () => {
    const digest = await push('open/app:v1');
    const bundle = join(folder, 'bundles/open');
    expect(await pull('registry.example/open/app:v1', bundle)).toEqual({ code: 0, message: '', digest });
    expect(readdirSync(bundle).sort()).toEqual(['config.json', 'rootfs']);
    expect(readdirSync(join(bundle, 'rootfs')).sort()).toEqual(['file-0', 'file-1', 'file-2', 'file-3']);
    expect(readFileSync(join(bundle, 'rootfs/file-3'))).toHaveLength(3003);
    expect(JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'))).toMatchObject({
      hostname: 'image-rs',
      process: { args: ['/bin/true'] },
    });
    expect(readdirSync(work)).toEqual([]);
  });

  test('does not unpack over what is there, and leaves it', async () => {
    await push('open/app:v1');
    const bundle = join(folder, 'bundles/taken');
    mkdirSync(join(bundle, 'rootfs'), { recursive: true });
    writeFileSync(join(bundle, 'rootfs/mine'), 'x');
    const answer = await pull('registry.example/open/app:v1', bundle);
    expect(answer).toMatchObject({ code: 13, message: expect.stringContaining('[CDH] [ERROR]: Image Pull error: ') });
    expect(readFileSync(join(bundle, 'rootfs/mine'), 'utf8')).toBe('x');
    expect((await pull('registry.example/open/app:v1', 'relative')).message).toContain('must be absolute');
    expect((await pull('NO REFERENCE', join(folder, 'no'))).message).toContain('Image Pull error');
  });

  test('does not unpack an image whose key is another, or is not there', async () => {
    const bundle = join(folder, 'bundles/none');
    await push('open/wrong:v1', 'kbs:///default/key/wrong');
    const wrong = await pull('registry.example/open/wrong:v1', bundle);
    expect([wrong.code, wrong.message]).toEqual([13, expect.stringContaining('none opens it')]);
    nothingAt(bundle);
    await push('open/missing:v1', 'kbs:///default/key/missing');
    expect(await pull('registry.example/open/missing:v1', bundle)).toMatchObject({
      code: 13,
      message: expect.stringContaining('key of a layer'),
    });
    nothingAt(bundle);
  });

  test('does not unpack what the policy rejects under the name that was asked for, whatever holds for the mirror’s', async () => {
    await push('closed/app:v1');
    const bundle = join(folder, 'bundles/closed');
    const answer = await pull('registry.example/closed/app:v1', bundle);
    expect([answer.code, answer.message]).toEqual([13, expect.stringContaining('registry.example/closed/app:v1')]);
    nothingAt(bundle);
  });

  test('unpacks an image only with a signature by the key that its broker has, for its name', async () => {
    const bundle = join(folder, 'bundles/signed');
    const name = 'registry.example/signed/app:v1';
    const digest = await push('signed/app:v1');
    expect((await pull(name, bundle)).message).toContain('has no cosign signature');
    await signImage('signed/app', digest, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    expect((await pull(name, bundle)).message).toContain('none by 1 keys of the policy');
    await signImage('signed/app', digest, cosign.privateKey, 'other/app');
    expect((await pull(name, bundle)).code).toBe(13);
    nothingAt(bundle);
    await signImage('signed/app', digest, cosign.privateKey);
    expect(await pull(name, bundle)).toMatchObject({ code: 0, digest });
  });

  test('takes a signature of the manifest for its machine where the image has an index, and one of the index', async () => {
    const name = 'registry.example/signed/many:v1';
    const member = await push('signed/many:one');
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const size = await manifestSize('signed/many', member);
    const entry = { mediaType: MEDIA_TYPE.manifest, digest: member, size, platform: { os: 'linux', architecture } };
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [entry] }));
    const headers = { 'content-type': MEDIA_TYPE.index };
    const put = await fetch(`http://${registry.host}/v2/signed/many/manifests/v1`, {
      method: 'PUT',
      headers,
      body: index,
    });
    expect(put.status).toBe(201);
    const bundle = (n: number): string => join(folder, `bundles/many-${n}`);
    expect((await pull(name, bundle(0))).message).toContain('has no cosign signature');
    nothingAt(bundle(0));
    await signImage('signed/many', member, cosign.privateKey);
    expect(await pull(name, bundle(1))).toMatchObject({ code: 0, digest: member });
    await signImage('signed/many', member, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    expect((await pull(name, bundle(2))).code).toBe(13);
    await signImage('signed/many', sha256Digest(index), cosign.privateKey);
    expect(await pull(name, bundle(3))).toMatchObject({ code: 0, digest: member });
  });

  test('answers several pulls at once, into a folder of each; of two into one folder, one', async () => {
    const digest = await push('open/app:v1');
    const bundles = ['a', 'b', 'a'].map((name) => join(folder, 'bundles/many-at-once', name));
    const answers = await Promise.all(bundles.map((bundle) => pull('registry.example/open/app:v1', bundle)));
    expect(answers.map((answer) => answer.code).sort()).toEqual([0, 0, 13]);
    expect(answers.filter((answer) => answer.digest === digest)).toHaveLength(2);
    for (const bundle of bundles) expect(readdirSync(bundle).sort()).toEqual(['config.json', 'rootfs']);
  });

  test.each([
    [new StatusError(STATUS.internal, 'no token'), 'key of a layer: no token'],
    [new Error('hunter2'), 'key of a layer: it failed'],
  ])('whose agent or broker fails says so, and no more (%s)', async (error, message) => {
    await push('open/app:v1');
    const hub = new DataHub({
      kbc: { getResource: () => Promise.reject(error) },
      kms: {},
      skipSealedSecretVerification: false,
      folder,
      root: folder,
      run: () => Promise.reject(new Error('no program was expected')),
      image: { ...DEFAULT_IMAGE_CONFIG, workDir: work, registries: { text: rules } },
    });
    const bundle = join(folder, 'bundles/failing');
    await expect(hub.pullImage({ image: 'registry.example/open/app:v1', bundle })).rejects.toMatchObject({ message });
    nothingAt(bundle);
  });

  test('tells its event log what it pulled; where that fails nothing is left', async () => {
    const digest = await push('open/measured:v1');
    const events: unknown[] = [];
    let answer: () => Promise<'measured'> = async () => 'measured';
    const key = JSON.stringify({ 'default/key/image': kek.toString('base64') });
    const document = {
      kbc: { name: 'offline_fs_kbc' },
      image: { work_dir: work, registry_config: rules, image_security_policy: policy },
    };
    const surroundings = { env: {}, commandLine: '' };
    const hub = new DataHub({
      kbc: new OfflineFsKbc({ files: new MemoryFiles({ '/etc/aa-offline_fs_kbc-keys.json': key }) }),
      kms: {},
      skipSealedSecretVerification: false,
      folder,
      root: folder,
      run: () => Promise.reject(new Error('no program was expected')),
      image: parseDataHubConfig(document, { name: '', uri: '' }, surroundings).image,
      measure: async (event) => {
        events.push(event);
        return answer();
      },
    });
    const name = 'registry.example/open/measured:v1';
    const bundle = join(folder, 'bundles/measured');
    expect(await hub.pullImage({ image: name, bundle })).toBe(digest);
    expect(events).toEqual([
      {
        domain: 'github.com/confidential-containers',
        operation: 'PullImage',
        content: `{"image":"${name}", "digest":"${digest}"}`,
      },
    ]);
    answer = () => Promise.reject(new Error('no agent'));
    const other = join(folder, 'bundles/new/deep');
    await expect(hub.pullImage({ image: name, bundle: other })).rejects.toMatchObject({
      part: 'Attestation Agent client',
    });
    nothingAt(join(folder, 'bundles/new'));
    // A folder that was there stays, empty as it was.
    mkdirSync(other, { recursive: true });
    await expect(hub.pullImage({ image: name, bundle: other })).rejects.toThrow();
    expect(readdirSync(other)).toEqual([]);
  });

  test('keeps encrypted layers for later pulls: as the registry had them, and of no use without the key', async () => {
    const digest = await push('open/cached:v1');
    const cache = join(folder, 'cache');
    const name = 'registry.example/open/cached:v1';
    const document = {
      kbc: { name: 'offline_fs_kbc' },
      image: { work_dir: work, registry_config: rules, encrypted_layer_cache: cache },
    };
    const hubWith = (kbc: Kbc): DataHub =>
      new DataHub({
        kbc,
        kms: {},
        skipSealedSecretVerification: false,
        folder,
        root: folder,
        run: () => Promise.reject(new Error('no program was expected')),
        image: parseDataHubConfig(document, { name: '', uri: '' }, { env: {}, commandLine: '' }).image,
      });
    const hub = hubWith({ getResource: async () => kek });
    const bundle = (n: number): string => join(folder, `bundles/cached-${n}`);
    expect(await hub.pullImage({ image: name, bundle: bundle(0) })).toBe(digest);
    const headers = { accept: MEDIA_TYPE.manifest };
    const manifest = await fetch(`http://${registry.host}/v2/open/cached/manifests/v1`, { headers });
    const { layers } = (await manifest.json()) as { layers: readonly { digest: string }[] };
    expect(readdirSync(cache).sort()).toEqual(layers.map((layer) => layer.digest.replace(':', '-')).sort());
    for (const layer of layers) {
      expect(sha256Digest(readFileSync(join(cache, layer.digest.replace(':', '-'))))).toBe(layer.digest);
      const path = `http://${registry.host}/v2/open/cached/blobs/${layer.digest}`;
      expect((await fetch(path, { method: 'DELETE' })).status).toBe(202);
    }
    expect(await hub.pullImage({ image: name, bundle: bundle(1) })).toBe(digest);
    const without = hubWith({ getResource: () => Promise.reject(new Error('no key')) });
    await expect(without.pullImage({ image: name, bundle: bundle(2) })).rejects.toThrow('key of a layer');
    nothingAt(bundle(2));
    const command = ['image', 'pull', `docker://${registry.host}/open/cached:v1`, '--insecure-registry'];
    expect((await assay([...command, `oci:${join(folder, 'none')}:v1`])).code).not.toBe(0);
    const copied = await assay([...command, `oci:${join(folder, 'copied')}:v1`, '--layer-cache', cache]);
    expect(copied, copied.err).toMatchObject({ code: 0 });
    const refused = await assay([...command, 'oci:x:v1', '--layer-cache', cache, '--layer-cache-size', '0']);
    expect(refused).toMatchObject({ code: 2 });
  });
});
