/** A shim asks simulated agent enclaves for images: keys and policies come from a key broker that judges their emulated evidence. */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUNDLES, EnclaveAgentClient, IMAGE_FILE, imageFolders, KEY_FILE, PLAIN_NOTE } from '@assay/guest/enclave-cc';
import { STATUS, StatusError } from '@assay/ttrpc';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { assay } from '../support/cli.js';
import { peersFor } from '../support/peers.js';
import { REGISTRY_PEERS } from '../support/registry.js';
import { EnclaveWorld, type TestAgent } from './support.js';

vi.setConfig({ testTimeout: 60_000 });

const possible = peersFor('agent enclaves that pull images', REGISTRY_PEERS);
const SIGNED = 'registry.example/signed/app:v1';

describe.skipIf(!possible)('an agent enclave', () => {
  let world: EnclaveWorld;
  let agent: TestAgent;

  const pull = async (of: TestAgent, image: string, id?: string, credentials?: string) => {
    try {
      return await new EnclaveAgentClient(of.url).pullImage(image, id, credentials);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      return { code: error.code, message: error.message };
    }
  };
  /** Nothing of a pull is left: no bundle, no layer, no half of one. Folders that layers passed through may be, empty. */
  const nothingIn = ({ left }: TestAgent): void => {
    expect(
      left().filter((path) => !['run', 'run/enclave-cc', 'run/enclave-cc/containers', 'run/image-rs'].includes(path)),
    ).toEqual([]);
  };

  beforeAll(async () => {
    world = new EnclaveWorld();
    await world.start();
    agent = await world.agent();
  }, 90_000);

  afterAll(() => world?.stop());

  test('of a known build attests, judges the signature, decrypts, and unpacks to its places', async () => {
    const digest = await world.push('signed/app:v1');
    await world.sign('signed/app', digest);
    for (const folder of imageFolders(agent.rootfs, 'app_v1')) mkdirSync(folder, { recursive: true });
    expect(await pull(agent, SIGNED)).toBe(SIGNED);
    const bundle = join(agent.rootfs, BUNDLES, 'app_v1');
    expect(readdirSync(bundle).sort()).toEqual(['config.json', 'rootfs']);
    expect(readFileSync(join(bundle, 'rootfs/file-2'))).toHaveLength(3002);
    expect(readdirSync(join(bundle, 'rootfs')).sort()).toEqual(
      ['dev', 'etc', 'file-0', 'file-1', 'file-2', 'host', 'lib', 'proc', 'root', 'sys', 'tmp'].sort(),
    );
    expect(JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'))).toMatchObject({
      process: { args: ['/bin/true'] },
    });
    expect(readFileSync(join(agent.rootfs, 'images/app_v1/sefs/lower', PLAIN_NOTE), 'utf8')).toContain(
      'encrypted file system',
    );
    expect(readdirSync(join(agent.rootfs, 'images/app_v1/keys/sefs/lower'))).toEqual([]);
    expect(readdirSync(join(agent.rootfs, 'run/image-rs'))).toEqual([]);
    const { items } = (await world.server.admin('GET', '/api/v1/attestations?limit=10')) as {
      items: { tee: string }[];
    };
    expect(items[0]).toMatchObject({ tee: 'sgx' });
  });

  test('pulls again what it has; what fails then leaves what was there', async () => {
    const bundle = join(agent.rootfs, BUNDLES, 'app_v1');
    writeFileSync(join(bundle, 'rootfs/file-0'), 'changed');
    expect(await pull(agent, SIGNED)).toBe(SIGNED);
    expect(readFileSync(join(bundle, 'rootfs/file-0'), 'utf8')).not.toBe('changed');
    writeFileSync(join(bundle, 'rootfs/file-0'), 'changed');
    const digest = await world.push('signed/app:v1');
    expect(await pull(agent, SIGNED)).toMatchObject({ code: STATUS.internal });
    expect(readFileSync(join(bundle, 'rootfs/file-0'), 'utf8')).toBe('changed');
    expect(readdirSync(join(agent.rootfs, BUNDLES))).toEqual(['app_v1']);
    await world.sign('signed/app', digest);
    expect(await pull(agent, SIGNED)).toBe(SIGNED);
  });

  test('gives no container id to a second image of its pod', async () => {
    const other = 'registry.example/signed/other/app:v1';
    expect(await pull(agent, other)).toEqual({
      code: STATUS.internal,
      message: `container ID app_v1 belongs to ${SIGNED}: give ${other} a tag of its own`,
    });
  });

  test.each(['', 'a', '../x', 'x@sha256_ab', 'redis:7', '-ab', 'a/b', `a${'b'.repeat(255)}`])(
    'refuses the container id %j',
    async (id) => {
      expect(await pull(agent, SIGNED, id)).toEqual({
        code: STATUS.internal,
        message: `invalid container ID ${id}`,
      });
    },
  );

  test('refuses credentials that are none, and does not repeat them', async () => {
    const answer = await pull(agent, SIGNED, 'with_creds', 'hunter2');
    expect(answer).toEqual({ code: STATUS.internal, message: 'source_creds must be USER:PASSWORD, or empty' });
    expect(agent.log()).not.toContain('hunter2');
  });

  test('refuses a reference that is none', async () => {
    expect(await pull(agent, 'NO REFERENCE', 'none')).toMatchObject({ code: STATUS.internal });
    expect(readdirSync(join(agent.rootfs, BUNDLES))).toEqual(['app_v1']);
  });

  test('whose MRENCLAVE is no reference value gets nothing', async () => {
    const stranger = await world.agent({ enclave: world.unknown });
    const answer = await pull(stranger, SIGNED);
    expect(answer).toMatchObject({ code: STATUS.internal, message: expect.stringContaining('Image Client error: ') });
    nothingIn(stranger);
    const [, attempt] = /assay audit show (\S+)\)/.exec(stranger.log()) ?? [];
    const { items } = (await world.server.admin('GET', '/api/v1/attestations?limit=1')) as {
      items: Record<string, unknown>[];
    };
    expect(JSON.stringify(items[0])).toContain(attempt ?? 'no attempt');
    await stranger.stop();
  });

  test('does not unpack an image that nobody signed, or somebody else', async () => {
    const careful = await world.agent();
    const digest = await world.push('signed/unsigned:v1');
    const name = 'registry.example/signed/unsigned:v1';
    expect(await pull(careful, name)).toMatchObject({ message: expect.stringContaining('has no cosign signature') });
    nothingIn(careful);
    await world.sign('signed/unsigned', digest, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    expect(await pull(careful, name)).toMatchObject({
      message: expect.stringContaining('none by 1 keys of the policy'),
    });
    nothingIn(careful);
    expect(await pull(careful, `registry.example/elsewhere/app:v1`)).toMatchObject({ code: STATUS.internal });
    nothingIn(careful);
  });

  test('does not unpack an image whose key is another', async () => {
    const careful = await world.agent();
    const digest = await world.push('signed/wrong:v1', 'kbs:///default/key/wrong');
    await world.sign('signed/wrong', digest);
    expect(await pull(careful, 'registry.example/signed/wrong:v1')).toMatchObject({
      code: STATUS.internal,
      message: expect.stringContaining('none opens it'),
    });
    nothingIn(careful);
  });

  test.each([
    ['whose key broker is down', { url: 'http://127.0.0.1:1' }, 'Image Client error'],
    ['without a decrypt configuration', { decryptConfig: undefined }, 'names no key broker'],
    ['whose decrypt configuration is none', { decryptConfig: 'oops' }, 'names no key broker'],
    ['whose key provider is none', { decryptConfig: '{"key_provider":"cc_kbc"}' }, 'names no key broker'],
    [
      'with sample_kbc',
      { decryptConfig: '{"key_provider":"provider:attestation-agent:sample_kbc::127.0.0.1:1"}' },
      'names no key broker',
    ],
    ['that does not unwrap keys', { ocicryptConfig: '{"key-providers":{}}' }, 'no native provider'],
  ])('%s pulls nothing', async (_, change, message) => {
    const poor = await world.agent(change);
    expect(await pull(poor, SIGNED)).toMatchObject({
      code: STATUS.internal,
      message: expect.stringContaining(message),
    });
    nothingIn(poor);
    await poor.stop();
  });

  test('that is told not to ask for signatures says so, and still needs the key', async () => {
    await world.push('lax/app:v1');
    const name = 'registry.example/lax/app:v1';
    const lax = await world.agent({ validate: false });
    expect(await pull(lax, name)).toBe(name);
    expect(lax.log()).toContain('leaves trust to the host');
    const refused = await world.agent({ validate: false, enclave: world.unknown });
    expect(await pull(refused, name)).toMatchObject({
      message: expect.stringContaining('key of a layer'),
    });
    nothingIn(refused);
  });

  test('seals an image to itself: the boot instance of its build opens it, another does not', async () => {
    const sealing = await world.agent({ args: ['--store', 'sealed'] });
    expect(await pull(sealing, SIGNED)).toBe(SIGNED);
    expect(readdirSync(join(sealing.rootfs, BUNDLES))).toEqual([]);
    expect(readdirSync(join(sealing.rootfs, 'images/app_v1/sefs/lower'))).toEqual([IMAGE_FILE]);
    expect(readdirSync(join(sealing.rootfs, 'images/app_v1/keys/sefs/lower'))).toEqual([KEY_FILE]);
    const boot = (enclave: string, env = {}) => {
      const args = ['--rootfs', sealing.rootfs, '--world', world.worldFile, '--enclave', enclave];
      return assay(['enclave-cc', 'boot', 'app_v1', ...args, '--out', join(sealing.rootfs, 'app')], { env });
    };
    expect(await boot(world.known, { ENCLAVE_AGENT: 'true' })).toMatchObject({ code: 2 });
    expect(await boot(world.unknown)).toMatchObject({
      code: 1,
      err: expect.stringContaining('the key does not open it'),
    });
    expect(existsSync(join(sealing.rootfs, 'app'))).toBe(false);
    expect(await boot(world.known)).toMatchObject({ code: 0, out: expect.stringContaining('opened app_v1') });
    expect(readFileSync(join(sealing.rootfs, 'app/rootfs/file-2'))).toHaveLength(3002);
    expect(await boot(world.known)).toMatchObject({ code: 2 });
  });

  test('does not start without its ocicrypt configuration, or with a policy of the host', async () => {
    const args = ['agent', 'enclave-agent', '--tee', 'emulated-sgx', '--world', world.worldFile];
    const missing = await assay([...args, '-o', join(world.folder, 'none.conf')]);
    expect([missing.code, missing.err]).toEqual([4, expect.stringContaining('none.conf: there is no such file')]);
    writeFileSync(join(world.folder, 'bad.conf'), '{"key-providers":[]}');
    const bad = await assay([...args, '-o', join(world.folder, 'bad.conf')]);
    expect([bad.code, bad.err]).toEqual([3, expect.stringContaining('bad.conf does not parse')]);
    writeFileSync(
      join(world.folder, 'good.conf'),
      '{"key-providers":{"attestation-agent":{"native":"attestation-agent"}}}',
    );
    const own = await assay([
      ...args,
      '-o',
      join(world.folder, 'good.conf'),
      '--image-policy',
      'file:///tmp/policy.json',
    ]);
    expect([own.code, own.err]).toEqual([2, expect.stringContaining('a resource of the key broker is due')]);
    expect(existsSync(join(world.folder, 'run'))).toBe(false);
  });
});
