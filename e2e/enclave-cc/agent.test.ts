/** A simulated agent enclave in this process, against a registry that asks for a name. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { KbcError } from '@assay/guest';
import {
  BUNDLES,
  EnclaveAgent,
  type EnclaveAgentOptions,
  enclaveImageService,
  IMAGE_FILE,
  imageFolders,
  plainStore,
  sealedStore,
} from '@assay/guest/enclave-cc';
import { DEFAULT_IMAGE_CONFIG } from '@assay/guest/services';
import { copyImage, layoutSource, parseReference, registryTarget } from '@assay/oci';
import { KEY_ANNOTATION, sealPacket, writePacket } from '@assay/ocicrypt';
import { EnclaveImageService } from '@assay/protocol/guest';
import { temporaryFolder } from '@assay/testkit';
import { callTtrpc, STATUS, serveTtrpc, TtrpcClient, type TtrpcServer } from '@assay/ttrpc';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeImage } from '../../packages/oci/src/testing/image.test.helper.js';
import { peersFor } from '../support/peers.js';
import { REGISTRY_PEERS, startRegistry, type TestRegistry } from '../support/registry.js';

/** Password `secret` of `user`, as htpasswd -B writes it. */
const HTPASSWD = 'user:$2y$05$rhYNYvVGQf7hL21RRz3D1Ovx9iZm9ZdTrn0P1U6d4D6SiTsn4WdkK\n';
const CREDENTIALS = 'user:secret';
const possible = peersFor('an agent enclave and a registry that asks for a name', REGISTRY_PEERS);
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

describe.skipIf(!possible)('an agent enclave', { timeout: 60_000 }, () => {
  const folder = temporaryFolder('assay-enclave-agent-');
  const kek = random(32);
  let registry: TestRegistry;
  let image = '';

  beforeAll(async () => {
    registry = await startRegistry(HTPASSWD);
    image = `${registry.host}/team/app:v1`;
    const wrapper = {
      annotation: `${KEY_ANNOTATION.provider}attestation-agent`,
      wrap: async (options: Uint8Array) => writePacket(sealPacket(options, { kid: 'kbs:///a/b/c', kek, random })),
    };
    const credentials = new Map([[registry.host, { username: 'user', password: 'secret' }]]);
    const target = registryTarget(parseReference(image), { insecure: true, credentials });
    const copied = copyImage({
      source: layoutSource(makeImage(2).folder, 'v1'),
      target,
      encrypt: { wrappers: [wrapper], random },
    });
    await copied.finally(() => target.close());
  });
  afterAll(async () => {
    await registry?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function agentWith(change: Partial<EnclaveAgentOptions> = {}): { agent: EnclaveAgent; rootfs: string } {
    const rootfs = mkdtempSync(join(folder, 'root-'));
    const rules = `[[registry]]\nprefix = "${registry.host}"\nlocation = "${registry.host}"\ninsecure = true\n`;
    const agent = new EnclaveAgent({
      rootfs,
      kbc: { getResource: async () => kek },
      unwraps: true,
      image: { ...DEFAULT_IMAGE_CONFIG, workDir: join(rootfs, 'work'), registries: { text: rules } },
      store: plainStore,
      now: () => new Date(),
      random,
      ...change,
    });
    return { agent, rootfs };
  }
  const asked = (containerId = 'app_v1', sourceCreds = CREDENTIALS) => ({ image, containerId, sourceCreds });

  test('goes to the registry with the credentials of the request, and with them alone', async () => {
    const { agent, rootfs } = agentWith();
    await expect(agent.pullImage(asked('app_v1', ''))).rejects.toThrow(registry.host);
    await expect(agent.pullImage(asked('app_v1', 'user:wrong'))).rejects.toThrow(registry.host);
    expect(readdirSync(rootfs)).toEqual([]);
    expect(await agent.pullImage(asked())).toBe(image);
    await expect(agent.pullImage(asked('app_v1', ''))).rejects.toThrow(registry.host);
    expect(readdirSync(join(rootfs, BUNDLES))).toEqual(['app_v1']);
  });

  test.each(['user', ':secret', 'hunter2'])('takes no credentials like %j', async (text) => {
    await expect(agentWith().agent.pullImage(asked('app_v1', text))).rejects.toThrow('must be USER:PASSWORD');
  });

  test('gives a container id to one image, and to none what is no id', async () => {
    const { agent, rootfs } = agentWith();
    await expect(agent.pullImage(asked('../app'))).rejects.toThrow('invalid container ID ../app');
    await agent.pullImage(asked());
    const other = { ...asked(), image: `${registry.host}/other/app:v1` };
    await expect(agent.pullImage(other)).rejects.toThrow(`container ID app_v1 belongs to ${image}`);
    expect(readdirSync(join(rootfs, BUNDLES))).toEqual(['app_v1']);
  });

  test('seals an image again under another key, whose first bundle is gone', async () => {
    const { agent, rootfs } = agentWith({ store: sealedStore({ sealingKey: random(16), random }) });
    const sealed = (): Buffer => readFileSync(join(rootfs, 'images/app_v1/sefs/lower', IMAGE_FILE));
    await agent.pullImage(asked());
    const first = sealed();
    await agent.pullImage(asked());
    expect(sealed().equals(first)).toBe(false);
    expect(readdirSync(join(rootfs, BUNDLES))).toEqual([]);
  });

  test('leaves nothing where an image cannot be put away; folders that the host made stay', async () => {
    const failing = { put: () => Promise.reject(new Error('disk full')) };
    const { agent, rootfs } = agentWith({ store: failing });
    await expect(agent.pullImage(asked())).rejects.toThrow('disk full');
    expect([readdirSync(join(rootfs, BUNDLES)), existsSync(join(rootfs, 'images'))]).toEqual([[], false]);
    for (const path of imageFolders(rootfs, 'app_v1')) mkdirSync(path, { recursive: true });
    await expect(agent.pullImage(asked())).rejects.toThrow('disk full');
    expect(imageFolders(rootfs, 'app_v1').every((path) => existsSync(path))).toBe(true);
    expect(readdirSync(join(rootfs, BUNDLES))).toEqual([]);
  });

  test('answers pulls one after the other, also of one container id', async () => {
    const { agent, rootfs } = agentWith();
    const pulls = await Promise.allSettled(['app_v1', 'two', 'app_v1'].map((id) => agent.pullImage(asked(id))));
    expect(pulls.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(readdirSync(join(rootfs, BUNDLES)).sort()).toEqual(['app_v1', 'two']);
  });

  test('does not take over a bundle that it did not make', async () => {
    const { agent, rootfs } = agentWith();
    mkdirSync(join(rootfs, BUNDLES, 'app_v1/rootfs'), { recursive: true });
    await expect(agent.pullImage(asked())).rejects.toThrow('is not empty');
    expect(readdirSync(join(rootfs, BUNDLES, 'app_v1'))).toEqual(['rootfs']);
  });

  describe('over ttrpc', () => {
    const told: string[] = [];
    const servers: TtrpcServer[] = [];
    afterAll(() => Promise.all(servers.map((server) => server.close())));

    test('a refusal is told in its own words', async () => {
      const { agent, rootfs } = agentWith();
      const service = enclaveImageService(agent, (what) => told.push(what));
      const server = await serveTtrpc(`unix://${join(rootfs, 's')}`, { services: new Map([service]) });
      servers.push(server);
      const client = new TtrpcClient(server.address);
      const answer = callTtrpc(client, EnclaveImageService.method.pullImage, asked('x'));
      await expect(answer).rejects.toMatchObject({ code: STATUS.internal, message: 'invalid container ID x' });
      client.close();
    });

    test.each<[string, Partial<EnclaveAgentOptions>, string]>([
      [
        'a broker that refuses',
        { kbc: { getResource: () => Promise.reject(new KbcError('refused', 'attest: no', { attempt: 'a1' })) } },
        'Image Pull error: key of a layer: attest: no',
      ],
      [
        'a defect',
        { kbc: { getResource: () => Promise.reject(new Error('hunter2')) } },
        'Image Pull error: key of a layer: it failed',
      ],
      [
        'a disk that is full',
        { store: { put: () => Promise.reject(new Error('hunter2')) } },
        'the image was not put away',
      ],
      ['no broker', { kbc: undefined }, 'key_provider of the decrypt configuration names no key broker'],
      [
        'no provider of its own',
        { unwraps: false },
        'the ocicrypt configuration has no native provider attestation-agent',
      ],
    ])('%s is INTERNAL, in one line without a secret', async (_, change, message) => {
      const { agent, rootfs } = agentWith(change);
      const service = enclaveImageService(agent, (what) => told.push(what));
      const server = await serveTtrpc(`unix://${join(rootfs, 's')}`, { services: new Map([service]) });
      servers.push(server);
      const client = new TtrpcClient(server.address);
      const answer = callTtrpc(client, EnclaveImageService.method.pullImage, asked());
      await expect(answer).rejects.toMatchObject({ code: STATUS.internal, message: expect.stringContaining(message) });
      await expect(answer).rejects.toMatchObject({ message: expect.not.stringMatching(/hunter2|secret|\n/) });
      client.close();
      if (message.endsWith('attest: no')) expect(told.at(-1)).toBe(`PullImage of ${image} (assay audit show a1)`);
      else expect(told.at(-1)).toBe(`PullImage of ${image}`);
    });
  });
});
