/** One encrypted image, opened through each key broker client; and the recorded requests of skopeo 1.18, answered both ways. */
import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { DEFAULT_POLICIES } from '@assay/attestation-service';
import { type Kbc, OfflineFsKbc, OfflineSevKbc, OnlineSevKbc, SEV_SECRET_FOLDER } from '@assay/guest';
import { DataHub, dataHubServices, type RpcServer, serveRpc } from '@assay/guest/services';
import { copyImage, layoutSource, layoutTarget } from '@assay/oci';
import { openPacket, providerUnwrapper, readPacket, readUnwrapAnswer, readWrapAnswer } from '@assay/ocicrypt';
import { parseResourceUri } from '@assay/protocol';
import { createTestWorld, emulatedAttester, startEmulatedPcs } from '@assay/soft-tee';
import { vectorsArea } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askingProviders } from '../../packages/cli/src/key-provider/ask.js';
import { MemoryFiles, onlineBroker } from '../../packages/guest/src/kbc/files.test.helper.js';
import { makeImage, temporary } from '../../packages/oci/src/testing/image.test.helper.js';
import { affirmingPolicy, guestOf, startTestServer, type TestServer } from '../support/assay.js';
import { assay, printed, start } from '../support/cli.js';

const NAME = 'default/key/image';
const PROVIDER = 'attestation-agent';
const folder = temporary();
const kek = randomBytes(32);
const kekFile = join(folder, 'kek.bin');
const world = createTestWorld({ now: () => new Date(), random: (n) => randomBytes(n) });
const plain = makeImage(2);
const vectors = vectorsArea('image');

let pcs: Awaited<ReturnType<typeof startEmulatedPcs>>;
let server: TestServer;
let provider: ChildProcess;
let address = '';
const hubs: RpcServer[] = [];

const configFor = (providers: object): Readonly<Record<string, string>> => {
  const file = join(folder, `providers-${Object.keys(providers).length}-${randomBytes(4).toString('hex')}.json`);
  writeFileSync(file, JSON.stringify({ 'key-providers': providers }));
  return { OCICRYPT_KEYPROVIDER_CONFIG: file };
};
/** Keys of one image, as each client has them. */
const keyMap = (keys: Readonly<Record<string, Uint8Array>>): string =>
  JSON.stringify(
    Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, Buffer.from(key).toString('base64')])),
  );

/** The Confidential Data Hub over a client, on a socket of its own. */
async function hubOver(kbc: Kbc): Promise<string> {
  const own = temporary();
  const hub = new DataHub({
    kbc,
    kms: {},
    skipSealedSecretVerification: false,
    folder: own,
    root: own,
    run: () => Promise.reject(new Error('no program was expected')),
  });
  const services = dataHubServices(hub, { onFailure: () => undefined, onDefect: () => undefined });
  const made = await serveRpc(`unix://${join(own, 'cdh.sock')}`, services, { onDefect: () => undefined });
  hubs.push(made);
  return made.address;
}

const offline = (keys: Readonly<Record<string, Uint8Array>>): Kbc =>
  new OfflineFsKbc({ files: new MemoryFiles({ '/etc/aa-offline_fs_kbc-keys.json': keyMap(keys) }) });

const clients: Readonly<Record<string, (key: Uint8Array) => Kbc>> = {
  // Its key is in the broker, which has got it from the provider.
  cc_kbc: () => guestOf(server, { attester: emulatedAttester('tdx', world) }),
  offline_fs_kbc: (key) => offline({ [NAME]: key }),
  offline_sev_kbc: (key) =>
    new OfflineSevKbc({
      files: new MemoryFiles({
        [`${SEV_SECRET_FOLDER}/e6f5a162-d67f-4750-a67c-5d065f2a9910`]: keyMap({ [NAME]: key }),
      }),
    }),
  online_sev_kbc: (key) => {
    const connection = randomBytes(32);
    const text = keyMap({ key: connection }).replace('{', '{"client_id":"c0ffee00-0000-4000-8000-000000000000",');
    return new OnlineSevKbc({
      files: new MemoryFiles({ [`${SEV_SECRET_FOLDER}/1ee27366-0c87-43a6-af48-28543eaf7cb0`]: text }),
      transport: onlineBroker({ key: connection, secrets: { [NAME]: key } }),
      random: (length) => randomBytes(length),
    });
  },
};

beforeAll(async () => {
  writeFileSync(kekFile, kek);
  pcs = await startEmulatedPcs(world, { kind: 'pccs' });
  const roots = join(folder, 'roots.pem');
  writeFileSync(roots, world.intel.pki.root().pem);
  server = await startTestServer({
    collateral: { pccs: [pcs.url], intel_pcs: 'off', allow_http: true },
    trust: { emulated_roots: [roots] },
  });
  const policy = (DEFAULT_POLICIES['default_cpu'] ?? '').replaceAll('\tnot emulated\n', '');
  await server.admin('PUT', '/api/v1/resource-policy', { text: affirmingPolicy });
  await server.admin('PUT', '/api/v1/attestation-policies/default_cpu', { text: policy });
  const token = await guestOf(server, { attester: emulatedAttester('tdx', world) }).attest();
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  const { mr_td, rtmr_1, rtmr_2, xfam } = claims.submods.cpu0['ear.veraison.annotated-evidence'].tdx.quote.body;
  for (const [name, value] of Object.entries({ mr_td, rtmr_1, rtmr_2, xfam }))
    await server.admin('PUT', `/api/v1/reference-values/${name}`, { value: [value] });
  const keys = join(folder, 'keks');
  provider = start(
    ['key-provider', 'serve', '--listen', '127.0.0.1:0', '--kbs', server.url, '--keys', keys, '--unwrap'],
    { ASSAY_TOKEN: server.token },
  );
  [, address = ''] = await printed(provider, /listening on (\S+)/);
}, 90_000);

afterAll(async () => {
  if (provider?.exitCode === null) {
    provider.kill('SIGTERM');
    await once(provider, 'exit');
  }
  await Promise.all(hubs.map((hub) => hub.close()));
  await server?.stop();
  await pcs?.close();
});

describe('an image that the provider wrapped', { timeout: 60_000 }, () => {
  const secret = join(folder, 'secret');

  beforeAll(async () => {
    const key = `provider:${PROVIDER}:keyid=${NAME}::keypath=${kekFile}`;
    const args = ['image', 'encrypt', `oci:${plain.folder}:v1`, `oci:${secret}:v1`, '--encryption-key', key];
    const run = await assay(args, { env: configFor({ [PROVIDER]: { grpc: address } }) });
    expect(run, run.err).toMatchObject({ code: 0 });
  }, 60_000);

  const decrypted = async (hub: string) => {
    const ask = askingProviders(new Map([[PROVIDER, { kind: 'ttrpc', address: hub }]]));
    const unwrappers = [providerUnwrapper(new Map([[PROVIDER, undefined]]), ask)];
    const target = layoutTarget(temporary(), 'v1');
    return copyImage({ source: layoutSource(secret, 'v1'), target, decrypt: { unwrappers } });
  };

  test.each(Object.entries(clients))('is opened by a guest with %s', async (_, make) => {
    expect(await decrypted(await hubOver(make(kek)))).toMatchObject({ digest: plain.manifest });
  });

  test.each(Object.entries(clients).filter(([name]) => name !== 'cc_kbc'))(
    'is not opened by a guest whose %s has another key',
    async (_, make) => {
      await expect(decrypted(await hubOver(make(randomBytes(32))))).rejects.toMatchObject({ code: 'image.key.found' });
    },
  );

  test('is not opened by a guest that is refused', async () => {
    const other = createTestWorld({ now: () => new Date(), random: (n) => randomBytes(n) });
    const stranger = guestOf(server, { attester: emulatedAttester('tdx', other) });
    await expect(decrypted(await hubOver(stranger))).rejects.toMatchObject({ code: 'image.key.found' });
  });

  test('is opened by the command: through the guest’s socket, and by the builder’s own provider', async () => {
    const hub = await hubOver(offline({ [NAME]: kek }));
    for (const reached of [{ ttrpc: hub }, { grpc: address }]) {
      const target = `oci:${temporary()}:v1`;
      const key = `provider:${PROVIDER}`;
      const run = await assay(['image', 'decrypt', `oci:${secret}:v1`, target, '--decryption-key', key, '--json'], {
        env: configFor({ [PROVIDER]: reached }),
      });
      expect(run, run.err).toMatchObject({ code: 0 });
      expect(run.json()).toMatchObject({ digest: plain.manifest });
    }
  });

  test('is not made when the key broker does not take its key', async () => {
    const refused = start(['key-provider', 'serve', '--listen', '127.0.0.1:0', '--kbs', server.url], {
      ASSAY_TOKEN: 'wrong',
    });
    const [, at = ''] = await printed(refused, /listening on (\S+)/);
    const target = join(folder, 'never');
    const key = ['--encryption-key', `provider:${PROVIDER}`];
    const run = await assay(['image', 'encrypt', `oci:${plain.folder}:v1`, `oci:${target}:v1`, ...key], {
      env: configFor({ [PROVIDER]: { grpc: at } }),
    });
    refused.kill('SIGTERM');
    await once(refused, 'exit');
    expect(run).toMatchObject({ code: 4 });
    expect(run.err).toContain('(status 401)');
  });
});

describe('the command', () => {
  test.each([
    ['--unwrap without keys', ['--unwrap'], 2],
    ['a key without a broker', ['--auth-private-key', kekFile], 2],
    ['a broker without credentials', ['--kbs', 'http://127.0.0.1:1'], 1],
    ['a key that is none', ['--kbs', 'http://127.0.0.1:1', '--auth-private-key', kekFile], 3],
    ['an address of other machines', ['--listen', '0.0.0.0:50000'], 2],
  ])('refuses %s', async (_, flags, code) => {
    const home = join(folder, 'home');
    mkdirSync(home, { recursive: true });
    const run = await assay(['key-provider', 'serve', ...flags], { env: { ASSAY_CONFIG_HOME: home } });
    expect(run, run.err).toMatchObject({ code });
  });
});

describe.skipIf(vectors === undefined)('what skopeo 1.18 sent', () => {
  const file = (name: string): Buffer => readFileSync(join(vectors ?? '', name));
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

  /** A gRPC call as it was recorded: the same headers, the same bytes. */
  async function call(body: Uint8Array): Promise<{ body: Buffer; status: unknown }> {
    const session = connect(`http://${address}`);
    const {
      ':authority': _,
      ':scheme': __,
      ...headers
    } = JSON.parse(file('keyprovider-capture/grpc-wrap-headers.json').toString());
    const stream = session.request(headers);
    let status: unknown;
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status'];
    });
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.end(body);
    await once(stream, 'end');
    session.close();
    return { body: Buffer.concat(chunks), status };
  }

  test('over gRPC is wrapped, and the broker has the key', async () => {
    const body = file('keyprovider-capture/grpc-wrap-body.bin');
    const answer = await call(body);
    expect(answer.status).toBe('0');
    // Five bytes of gRPC, tag and length of the one field.
    const json = answer.body.subarray(answer.body.indexOf('{'));
    const packet = readPacket(readWrapAnswer(json));
    expect(packet).toMatchObject({ kid: 'kbs:///default/key/raw', wrapType: 'A256GCM' });
    const key = await guestOf(server, { attester: emulatedAttester('tdx', world) }).getResource(
      parseResourceUri(packet.kid),
    );
    const asked = JSON.parse(body.subarray(body.indexOf('{')).toString());
    expect(Buffer.from(openPacket(packet, key)).toString('base64')).toBe(asked.keywrapparams.optsdata);
  });

  test('to unwrap is answered by the guest, with the options that it had wrapped', async () => {
    const hub = await hubOver(offline({ 'default/key/assay-1': file('keys/provider-kek.bin') }));
    const ask = askingProviders(new Map([[PROVIDER, { kind: 'ttrpc', address: hub }]]));
    const answer = await ask(PROVIDER, file('keyprovider-capture/unwrap-request.json'));
    expect(sha256(readUnwrapAnswer(answer))).toBe('ab9dce1d1681d3300b5463cfe60619bc5cc8794f940bca43043c3d826a327b2f');
  });

  test('the image that it encrypted is decrypted through the guest', async () => {
    const hub = await hubOver(offline({ 'default/key/assay-1': file('keys/provider-kek.bin') }));
    const run = await assay(
      [
        'image',
        'decrypt',
        `oci:${join(vectors ?? '', 'skopeo-provider-gcm')}:v1`,
        `oci:${temporary()}:v1`,
        '--decryption-key',
        `provider:${PROVIDER}`,
        '--json',
      ],
      { env: configFor({ [PROVIDER]: { ttrpc: hub } }) },
    );
    expect(run, run.err).toMatchObject({ code: 0 });
    expect((run.json() as { layers: { digest: string }[] }).layers.map(({ digest }) => digest)).toEqual([
      'sha256:6e60a6e5e073c944fd804a31065f61406b0517f7f660e1a5254bb354cfb98121',
      'sha256:462846f48733a94f5e8ee09f75b8f5d21cce63a9870f855f9d5c90467a16dd6b',
    ]);
  });
});
