import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GetResourceService } from '@assay/protocol/guest';
import { temporaryFolder } from '@assay/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { grpcCaller, ttrpcCaller } from './independent-clients.test.helper.js';
import { type RpcServer, serveRpc } from './serve.js';
import { rpcService } from './service.js';

let folder: string;
let defects: unknown[];
const servers: RpcServer[] = [];
beforeEach(() => {
  folder = temporaryFolder('rpc-');
  defects = [];
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
});
const onDefect = (error: unknown): void => void defects.push(error);
const service = (act: () => Promise<Uint8Array>) =>
  rpcService(GetResourceService, { getResource: async () => ({ Resource: await act() }) }, { onDefect });
const serve = async (address: string, makeFolder = false, act = async (): Promise<Uint8Array> => Uint8Array.of(1)) => {
  const server = await serveRpc(address, [service(act)], { onDefect, makeFolder });
  servers.push(server);
  return server.address;
};

test.each([
  '0.0.0.0:50000',
  '192.168.0.1:50000',
  '127.0.0.1',
  'example.com:50000',
  'vsock://2:1',
  'tcp://127.0.0.1:1',
  'unix:/x',
  '127.0.0.1.example.com:80',
])('nothing is served at %s', async (address) => {
  await expect(serveRpc(address, [], { onDefect })).rejects.toThrow(RangeError);
});

test('the folder of a socket is made where that is wanted, and only there', async () => {
  const path = join(folder, 'a/b/s.sock');
  await expect(serve(`unix://${path}`)).rejects.toMatchObject({ code: 'EACCES' });
  await serve(`unix://${path}`, true);
  expect(statSync(path).isSocket()).toBe(true);
});

test('an error that is no answer is UNKNOWN on both faces, tells nothing, and is reported', async () => {
  const failure = new Error('secret');
  const act = () => Promise.reject(failure);
  const path = join(folder, 's.sock');
  await serve(`unix://${path}`, false, act);
  const grpc = grpcCaller(await serve('127.0.0.1:0', false, act));
  const ttrpc = await ttrpcCaller(path);
  for (const { call } of [grpc, ttrpc])
    expect(await call('api.GetResourceService', 'GetResource')).toEqual({
      code: 2,
      message: 'internal error',
      response: {},
    });
  expect(defects).toEqual([failure, failure]);
  grpc.close();
  ttrpc.close();
});
