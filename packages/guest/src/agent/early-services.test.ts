import { createCipheriv } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { encodeUtf8 } from '@assay/bytes';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KbcError } from '../kbc/kbc-error.js';
import { type Call, grpcCaller, ttrpcCaller } from '../rpc/independent-clients.test.helper.js';
import { type RpcServer, serveRpc } from '../rpc/serve.js';
import { earlyServices } from './early-services.js';

const folder = temporaryFolder('early-');
const KEY = Buffer.alloc(32, 7);
const failures: string[] = [];
const open: { close(): unknown }[] = [];
const servers: RpcServer[] = [];
let call: Readonly<Record<'ttrpc' | 'grpc', Readonly<Record<'resource' | 'key', Call>>>>;

beforeAll(async () => {
  const told = { onFailure: (what: string) => void failures.push(what), onDefect: () => void failures.push('defect') };
  const { getResource, keyProvider } = earlyServices({
    getResource: async (uri) => {
      // Clients of brokers do not look at the host.
      if (uri.segments.join('/') === 'default/key/1') return KEY;
      throw new KbcError('missing', 'kept from callers', { status: 404 });
    },
    kms: {},
    ...told,
  });
  const faces = async (name: string, service: typeof getResource) => {
    const path = join(folder, name);
    servers.push(await serveRpc(`unix://${path}`, [service], told));
    const grpc = await serveRpc('127.0.0.1:0', [service], told);
    servers.push(grpc);
    const callers = { ttrpc: await ttrpcCaller(path), grpc: grpcCaller(grpc.address) };
    open.push(callers.ttrpc, callers.grpc);
    return callers;
  };
  const resource = await faces('getresource.sock', getResource);
  const key = await faces('keyprovider.sock', keyProvider);
  call = {
    ttrpc: { resource: resource.ttrpc.call, key: key.ttrpc.call },
    grpc: { resource: resource.grpc.call, key: key.grpc.call },
  };
});
afterAll(async () => {
  for (const caller of open) caller.close();
  await Promise.all(servers.map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
});

/** What a container runtime of that time sends: the annotation of a layer, and base64 of the parameters. */
function unwrapRequest(kid: string): Buffer {
  const iv = Buffer.alloc(12, 1);
  const cipher = createCipheriv('aes-256-gcm', KEY, iv);
  const wrapped = Buffer.concat([cipher.update('{"options":1}'), cipher.final(), cipher.getAuthTag()]);
  const packet = { kid, wrapped_data: wrapped.toString('base64'), iv: iv.toString('base64'), wrap_type: 'A256GCM' };
  const parameters = { 'attestation-agent': [Buffer.from('cc_kbc::http://elsewhere').toString('base64')] };
  return Buffer.from(
    JSON.stringify({
      op: 'keyunwrap',
      keywrapparams: {},
      keyunwrapparams: {
        dc: { Parameters: parameters },
        annotation: Buffer.from(JSON.stringify(packet)).toString('base64'),
      },
    }),
  );
}

for (const face of ['ttrpc', 'grpc'] as const) {
  test(`over ${face} resources are given by path, from the guest’s own broker`, async () => {
    const ask = (ResourcePath: string) =>
      call[face].resource('getresource.GetResourceService', 'GetResource', {
        ResourcePath,
        KbcName: 'cc_kbc',
        KbsUri: 'http://elsewhere',
      });
    const { code, response } = await ask('/default/key/1');
    expect([code, Buffer.from(response['Resource'] as Uint8Array)]).toEqual([0, KEY]);
    for (const path of [
      '/default/key/2',
      '/default/key',
      'default/key/1',
      '/default/key/1/2',
      '',
      '//key/1',
      'elsewhere/default/key/1',
    ]) {
      failures.length = 0;
      const message = '[ERROR:attestation-agent] AA-KBC get resource failed';
      expect(await ask(path)).toMatchObject({ code: 13, message });
      expect(failures).toEqual(['AA-KBC get resource failed']);
    }
  });

  test(`over ${face} keys of image layers are unwrapped`, async () => {
    const ask = (input: Uint8Array) =>
      call[face].key('keyprovider.KeyProviderService', 'UnWrapKey', {
        KeyProviderKeyWrapProtocolInput: Buffer.from(input),
      });
    const { code, response } = await ask(unwrapRequest('kbs:///default/key/1'));
    const answer = JSON.parse(Buffer.from(response['KeyProviderKeyWrapProtocolOutput'] as Uint8Array).toString()) as {
      keyunwrapresults: { optsdata: number[] };
    };
    expect([code, Buffer.from(answer.keyunwrapresults.optsdata).toString()]).toEqual([0, '{"options":1}']);
    expect(await ask(unwrapRequest('kbs:///default/key/2'))).toMatchObject({
      code: 13,
      message: '[ERROR:attestation-agent] AA-KBC key provider failed',
    });
    expect(await ask(encodeUtf8('{}'))).toMatchObject({
      code: 13,
      message: '[ERROR:attestation-agent] Parse request failed',
    });
  });

  test(`over ${face} each socket has its own service, and WrapKey is not served`, async () => {
    const wrongSocket = await call[face].key('getresource.GetResourceService', 'GetResource', {});
    expect(wrongSocket.code).toBe(face === 'ttrpc' ? 3 : 12);
    const wrap = await call[face].key('keyprovider.KeyProviderService', 'WrapKey', {});
    expect(wrap.code).toBe(face === 'ttrpc' ? 5 : 12);
  });
}
