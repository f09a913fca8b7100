import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { EnclaveImageService, ShimImageService } from '@assay/protocol/guest';
import { temporaryFolder } from '@assay/testkit';
import { callTtrpc, STATUS, StatusError, serveTtrpc, TtrpcClient, type TtrpcServer, ttrpcService } from '@assay/ttrpc';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ttrpcCaller } from '../../rpc/independent-clients.test.helper.js';
import { EnclaveAgentClient } from './agent-client.js';
import { shimImageService } from './image-service.js';

const folder = temporaryFolder('enclave-client-');
const servers: TtrpcServer[] = [];
let asked: object[] = [];
beforeEach(() => {
  asked = [];
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** An agent that answers as it is told. */
async function agent(answer: () => Promise<string>, address = 'tcp://127.0.0.1:0'): Promise<string> {
  const service = ttrpcService(EnclaveImageService, {
    pullImage: async ({ image, containerId, sourceCreds }) => {
      asked.push({ image, containerId, sourceCreds });
      return { imageRef: await answer() };
    },
  });
  const server = await serveTtrpc(address, { services: new Map([service]) });
  servers.push(server);
  return server.address;
}

describe('the shim’s client', () => {
  test('asks with the id that follows from the image', async () => {
    const client = new EnclaveAgentClient(await agent(async () => 'docker.io/library/redis:7'));
    expect(await client.pullImage('docker.io/library/redis:7')).toBe('docker.io/library/redis:7');
    await client.pullImage('a/b', 'other', 'user:password');
    expect(asked).toEqual([
      { image: 'docker.io/library/redis:7', containerId: 'redis_7', sourceCreds: '' },
      { image: 'a/b', containerId: 'other', sourceCreds: 'user:password' },
    ]);
  });

  test.each(['unix:///x.sock', 'http://127.0.0.1:1', 'vsock://3:1', ''])('dials TCP alone, not %j', (url) => {
    const made = () => new EnclaveAgentClient(url);
    expect(made).toThrow(`Invalid scheme: ${url}, only support tcp scheme`);
    expect(made).toThrow(expect.objectContaining({ code: STATUS.invalidArgument }));
  });

  test('does not take for an address what is none', () => {
    expect(() => new EnclaveAgentClient('tcp://nowhere')).toThrow(RangeError);
  });

  test('waits for an agent that does not listen yet', async () => {
    const free = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
      });
    });
    const pulled = new EnclaveAgentClient(`tcp://localhost:${free}`, { dialMs: 10_000 }).pullImage('a/bc');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await agent(async () => 'late', `tcp://127.0.0.1:${free}`);
    expect(await pulled).toBe('late');
  });

  test('gives an agent up that it could not dial', async () => {
    const client = new EnclaveAgentClient('tcp://127.0.0.1:1', { dialMs: 1 });
    await expect(client.pullImage('a/bc')).rejects.toMatchObject({
      code: STATUS.deadlineExceeded,
      message: 'timed out connecting to tcp socket 127.0.0.1:1',
    });
    await expect(client.pullImage('a/bc')).rejects.toMatchObject({ code: STATUS.unavailable });
  });

  test('waits for an answer as long as it said, and tells the agent', async () => {
    const client = new EnclaveAgentClient(await agent(() => new Promise(() => undefined)), { timeoutMs: 100 });
    await expect(client.pullImage('a/bc')).rejects.toMatchObject({ code: STATUS.deadlineExceeded });
  });
});

test('another implementation of protobuf and ttrpc finds the service by its names', async () => {
  const path = join(folder, 'agent.sock');
  await agent(async () => 'ref', `unix://${path}`);
  const caller = await ttrpcCaller(path);
  const request = { image: 'a/bc', container_id: 'bc', source_creds: 'u:p' };
  const { code, response } = await caller.call('grpc.Image', 'PullImage', request);
  caller.close();
  expect([code, response]).toEqual([0, { image_ref: 'ref' }]);
  expect(asked).toEqual([{ image: 'a/bc', containerId: 'bc', sourceCreds: 'u:p' }]);
});

describe('the shim’s image service', () => {
  test('makes the folders of an image, and has the agent pull it', async () => {
    const rootfs = join(folder, 'root');
    const address = await agent(async () => 'r.example/a/redis:7');
    const shim = await serveTtrpc(`unix://${join(folder, 'shim.sock')}`, {
      services: new Map([shimImageService({ agent: new EnclaveAgentClient(address), rootfs })]),
    });
    servers.push(shim);
    const client = new TtrpcClient(shim.address);
    const pull = (image: string) => callTtrpc(client, ShimImageService.method.pullImage, { image });
    expect(ShimImageService.typeName).toBe('containerd.task.v2.Image');
    expect((await pull('r.example/a/redis:7')).imageRef).toBe('r.example/a/redis:7');
    for (const name of ['sefs/upper', 'sefs/lower', 'keys/sefs/upper', 'keys/sefs/lower'])
      expect(existsSync(join(rootfs, 'images/redis_7', name))).toBe(true);
    await expect(pull('a/')).rejects.toMatchObject({ code: STATUS.invalidArgument });
    await expect(pull('a/..')).rejects.toBeInstanceOf(StatusError);
    expect(asked).toHaveLength(1);
    client.close();
  });
});
