/**
 * A skopeo that knows key providers (Debian 13's) against ours: it encrypts through `assay key-provider` what guests open, and opens through
 * a guest's data hub what `assay image encrypt` made.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Digest } from '@assay/oci';
import { parseResourceUri } from '@assay/protocol';
import { temporaryFolder, vectorsArea } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ttrpcCaller } from '../../packages/guest/src/rpc/independent-clients.test.helper.js';
import { makeImage } from '../../packages/oci/src/testing/image.test.helper.js';
import { affirmingPolicy, guestOf, prepareSample, startTestServer, type TestServer } from '../support/assay.js';
import { assay, printed, type Run, start } from '../support/cli.js';
import { type GrpcRelay, startGrpcRelay } from '../support/grpc-relay.js';
import { peersFor } from '../support/peers.js';
import { REGISTRY_PEERS, startRegistry, type TestRegistry } from '../support/registry.js';
import { type Copied, layersIn, SKOPEO_13, SKOPEO_13_PEERS, skopeoCopy } from '../support/skopeo.js';

vi.setConfig({ testTimeout: 60_000 });

const possible = peersFor('exchange of images with a skopeo that knows key providers', {
  ...REGISTRY_PEERS,
  ...SKOPEO_13_PEERS,
});
/** The name under which Confidential Containers know it. */
const PROVIDER = 'attestation-agent';
const folder = temporaryFolder('assay-providers-');
const at = (name: string): string => join(folder, name);
const layout = (name: string): string => `oci:${at(name)}:v1`;
const plain = makeImage(2, at('plain'));
const original = layersIn(plain.folder);
const vectors = vectorsArea('image');

/** A program that is a provider by itself: what it is asked is a line of a file, what it wraps is the exclusive or with 7. */
const PROGRAM = `
import { appendFileSync } from 'node:fs';
let text = '';
for await (const chunk of process.stdin) text += chunk;
appendFileSync(process.argv[2], text + '\\n');
const { op, keywrapparams, keyunwrapparams } = JSON.parse(text);
const changed = (base64) => [...Buffer.from(base64, 'base64')].map((byte) => byte ^ 7);
console.log(JSON.stringify(op === 'keywrap'
  ? { keywrapresults: { annotation: changed(keywrapparams.optsdata) } }
  : { keyunwrapresults: { optsdata: changed(keyunwrapparams.annotation) } }));
`;

/** A request without what chance and the image decide: its members, their order, and which of them hold bytes. */
const formOf = (request: string): string =>
  JSON.stringify(JSON.parse(request), (key, value) =>
    typeof value === 'string' && key !== 'op' ? (isBase64(value) ? 'bytes' : 'TEXT') : value,
  );
const isBase64 = (text: string): boolean => Buffer.from(text, 'base64').toString('base64') === text;
const jsonIn = (body: Buffer): string => body.subarray(body.indexOf('{')).toString();

describe.skipIf(!possible)('a skopeo that knows key providers', () => {
  const running: ChildProcess[] = [];
  let server: TestServer;
  let registry: TestRegistry;
  let relay: GrpcRelay;
  let builder = '';
  let hub = '';
  let hubSocket = '';
  let stranger = '';

  const launch = async (args: readonly string[], pattern: RegExp, env = {}): Promise<string> => {
    const child = start(args, env);
    running.push(child);
    return (await printed(child, pattern))[1] ?? '';
  };
  const provide = (provider: object): Readonly<Record<string, string>> => {
    const file = at(`providers-${randomBytes(4).toString('hex')}.json`);
    writeFileSync(file, JSON.stringify({ 'key-providers': { [PROVIDER]: provider } }));
    return { OCICRYPT_KEYPROVIDER_CONFIG: file };
  };
  const skopeo = (args: readonly string[], provider: object): Promise<Copied> =>
    skopeoCopy(SKOPEO_13, args, provide(provider));
  const ours = (args: readonly string[], provider: object): Promise<Run> =>
    assay(['image', ...args], { env: provide(provider) });
  const toKey = (name: string): readonly string[] => [
    '--encryption-key',
    `provider:${PROVIDER}:keyid=kbs:///default/key/${name}`,
  ];
  const byProvider = ['--decryption-key', `provider:${PROVIDER}`];

  /** What skopeo made of the plain image through our provider. */
  async function theirs(name: string): Promise<string> {
    const made = await skopeo([...toKey(name), layout('plain'), layout(`theirs-${name}`)], { grpc: relay.address });
    expect(made, made.err).toMatchObject({ code: 0 });
    expect(layersIn(at(`theirs-${name}`))).not.toEqual(original);
    return layout(`theirs-${name}`);
  }

  beforeAll(async () => {
    registry = await startRegistry();
    server = await startTestServer();
    await prepareSample(server);
    const rules = `[[registry]]\nprefix = "registry.example"\nlocation = "${registry.host}"\ninsecure = true\n`;
    await server.admin('PUT', '/api/v1/resources/default/registries/guests', Buffer.from(rules));
    const serve = ['key-provider', 'serve', '--listen', '127.0.0.1:0', '--kbs', server.url];
    const token = { ASSAY_TOKEN: server.token };
    builder = await launch([...serve, '--keys', at('keks'), '--unwrap'], /listening on (\S+)/, token);
    relay = await startGrpcRelay(builder);
    stranger = await launch(serve, /listening on (\S+)/, { ASSAY_TOKEN: 'wrong' });

    const agent = `unix://${at('aa.sock')}`;
    hubSocket = `unix://${at('cdh.sock')}`;
    writeFileSync(at('aa.toml'), `[token_configs.kbs]\nurl = "${server.url}"\n`);
    writeFileSync(
      at('cdh.toml'),
      `socket = "${hubSocket}"\n[aa]\naa_socket = "${agent}"\n[kbc]\nname = "cc_kbc"\nurl = "${server.url}"\n` +
        `[image]\nwork_dir = "${at('work')}"\nregistry_configuration_uri = "kbs:///default/registries/guests"\n`,
    );
    const guest = ['agent', 'serve', '-a', agent, '-c', at('aa.toml'), '--tee', 'sample', '-b', '127.0.0.1:0'];
    const dataHub = ['--data-hub-config', at('cdh.toml'), '--folder', at('hub'), '--data-hub-grpc', '127.0.0.1:0'];
    hub = await launch([...guest, ...dataHub], /listening on (127\S+)/);
  }, 60_000);

  afterAll(async () => {
    await relay?.close();
    for (const child of running) {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    }
    await server?.stop();
    await registry?.stop();
  });

  test('encrypts through `assay key-provider`, which gives the broker the key, and whoever attests opens it', async () => {
    const image = await theirs('one');
    const key = await guestOf(server).getResource(parseResourceUri('kbs:///default/key/one'));
    expect(Buffer.from(key)).toEqual(readFileSync(at('keks/default/key/one')));
    for (const [name, provider] of [
      ['hub', { ttrpc: hubSocket }],
      ['hub over gRPC', { grpc: hub }],
      ['builder', { grpc: builder }],
    ] as const) {
      const opened = await ours(['decrypt', image, layout(`opened by ${name}`), ...byProvider], provider);
      expect(opened, opened.err).toMatchObject({ code: 0 });
      expect(layersIn(at(`opened by ${name}`))).toEqual(original);
    }
  });

  test('pushes what it encrypts into a registry, and a guest pulls it: through us, and by itself', async () => {
    const name = `${registry.host}/team/theirs:v1`;
    const push = [...toKey('pushed'), '--dest-tls-verify=false', layout('plain'), `docker://${name}`];
    const pushed = await skopeo(push, { grpc: relay.address });
    expect(pushed, pushed.err).toMatchObject({ code: 0 });
    const pull = ['pull', `docker://${name}`, layout('pulled'), '--insecure-registry', ...byProvider];
    const pulled = await ours(pull, { ttrpc: hubSocket });
    expect(pulled, pulled.err).toMatchObject({ code: 0 });
    expect(layersIn(at('pulled'))).toEqual(original);

    const caller = await ttrpcCaller(at('cdh.sock'));
    const request = { image_url: 'registry.example/team/theirs:v1', bundle_path: at('bundle') };
    const answer = await caller.call('api.ImagePullService', 'PullImage', request);
    caller.close();
    expect(answer, answer.message).toMatchObject({ code: 0 });
    expect(readdirSync(at('bundle/rootfs')).sort()).toEqual(['file-0', 'file-1']);
  });

  test('opens what `assay image encrypt` made: through a guest, and through the provider of whoever made it', async () => {
    const made = await ours(['encrypt', layout('plain'), layout('ours'), ...toKey('two')], { grpc: builder });
    expect(made, made.err).toMatchObject({ code: 0 });
    for (const [name, address] of [
      ['guest', hub],
      ['maker', builder],
    ] as const) {
      const opened = await skopeo([...byProvider, layout('ours'), layout(`theirs by ${name}`)], { grpc: address });
      expect(opened, opened.err).toMatchObject({ code: 0 });
      expect(layersIn(at(`theirs by ${name}`))).toEqual(original);
    }
  });

  test('and we are the same to a provider that is a program, request by request', async () => {
    writeFileSync(at('provider.mjs'), PROGRAM);
    const heard = (): string[] => readFileSync(at('heard'), 'utf8').trim().split('\n');
    const program = { cmd: { path: process.execPath, args: [at('provider.mjs'), at('heard')] } };
    const key = ['--encryption-key', `provider:${PROVIDER}:some=thing`];
    const first = await skopeo([...key, layout('plain'), layout('p1')], program);
    const second = await ours(['encrypt', layout('plain'), layout('p2'), ...key], program);
    const third = await ours(['decrypt', layout('p1'), layout('p3'), ...byProvider], program);
    const fourth = await skopeo([...byProvider, layout('p2'), layout('p4')], program);
    expect([first, second, third, fourth].map(({ code, err }) => (code === 0 ? '' : err))).toEqual(['', '', '', '']);
    expect([layersIn(at('p3')), layersIn(at('p4'))]).toEqual([original, original]);
    const [byThem, , byUs, , unwrapByUs, , unwrapByThem] = heard().map(formOf);
    expect(byUs).toBe(byThem);
    expect(unwrapByUs).toBe(unwrapByThem);
    expect(heard()).toHaveLength(8);
  });

  test.skipIf(vectors === undefined)('sends what was recorded of it, member by member', async () => {
    const recorded = (name: string): string => readFileSync(join(vectors ?? '', 'keyprovider-capture', name), 'utf8');
    const before = relay.calls.length;
    await theirs('recorded');
    const opened = await skopeo([...byProvider, layout('theirs-recorded'), layout('again')], { grpc: relay.address });
    expect(opened, opened.err).toMatchObject({ code: 0 });
    const calls = relay.calls.slice(before);
    expect(calls.map(({ headers }) => headers[':path'])).toEqual(
      ['WrapKey', 'WrapKey', 'UnWrapKey', 'UnWrapKey'].map((name) => `/keyprovider.KeyProviderService/${name}`),
    );
    const [wrap, , unwrap] = calls.map(({ body }) => jsonIn(body));
    expect(formOf(wrap ?? '')).toBe(formOf(recorded('wrap-request.json')));
    expect(formOf(unwrap ?? '')).toBe(formOf(recorded('unwrap-request.json')));
    for (const text of [wrap, unwrap]) expect(JSON.stringify(JSON.parse(text ?? ''))).toBe(text);

    const withoutPlace = ({
      ':authority': _,
      'user-agent': agent = '',
      ...headers
    }: object & { [name: string]: unknown }) => ({
      ...JSON.parse(JSON.stringify(headers)),
      'user-agent': `${agent}`.replace(/[\d.]+$/, ''),
    });
    expect(withoutPlace(calls[0]?.headers ?? {})).toEqual(withoutPlace(JSON.parse(recorded('grpc-wrap-headers.json'))));
    // Not compressed, length, field 1 of type bytes, length.
    for (const { body } of [
      ...calls,
      { body: readFileSync(join(vectors ?? '', 'keyprovider-capture/grpc-wrap-body.bin')) },
    ]) {
      expect([body[0], body.readUInt32BE(1), body[5]]).toEqual([0, body.length - 5, 0x0a]);
      expect(body.indexOf('{')).toBe(8);
    }
  });

  describe('and we', () => {
    /** Both want to open it by the guest, and no image comes of it. */
    async function refusedToBoth(name: string, words: string): Promise<void> {
      const to = `closed-${name}`;
      const them = await skopeo([...byProvider, layout(`theirs-${name}`), layout(to)], { grpc: hub });
      expect(them, them.err).toMatchObject({ code: 1, err: expect.stringContaining(words) });
      expect(existsSync(join(at(to), 'index.json'))).toBe(false);
      const us = await ours(['decrypt', layout(`theirs-${name}`), layout(`mine-${name}`), ...byProvider], {
        grpc: hub,
      });
      expect(us, us.err).toMatchObject({ code: 1, err: expect.stringContaining(words) });
      expect(us.err).toContain('none opens it; it is for provider attestation-agent');
      expect(readdirSync(at(`mine-${name}/blobs/sha256`))).toHaveLength(1);
      expect(existsSync(at(`mine-${name}/index.json`))).toBe(false);
    }
    const NOT_OPENED = '[CDH] [ERROR]: Decrypt Image (UnwrapKey) failed';

    test('open nothing with another key than it was wrapped with, and nothing without one', async () => {
      await theirs('changed');
      await server.admin('PUT', '/api/v1/resources/default/key/changed', randomBytes(32));
      await refusedToBoth('changed', NOT_OPENED);
      await theirs('removed');
      await server.admin('DELETE', '/api/v1/resources/default/key/removed');
      await refusedToBoth('removed', NOT_OPENED);
    });

    test('open nothing in a guest that the policy refuses', async () => {
      await theirs('refused');
      await server.admin('PUT', '/api/v1/resource-policy', { text: 'package policy\n\ndefault allow := false\n' });
      await refusedToBoth('refused', NOT_OPENED);
      await server.admin('PUT', '/api/v1/resource-policy', { text: affirmingPolicy });
      const opened = await skopeo([...byProvider, layout('theirs-refused'), layout('let in')], { grpc: hub });
      expect(opened, opened.err).toMatchObject({ code: 0 });
    });

    test('open nothing whose packet was changed', async () => {
      await theirs('packet');
      changePacket(at('theirs-packet'));
      await refusedToBoth('packet', NOT_OPENED);
    });

    test.each([
      ['a key that the broker does not take', 'keyid=kbs:///default/key/never', '(status 401)'],
      ['words that the provider does not know', 'keyed=kbs:///default/key/never', '`keyed` is none of'],
      ['a name that is none', 'keyid=never', 'keyid `never` is no kbs:///REPOSITORY/TYPE/TAG'],
    ])('encrypt nothing with %s', async (_, parameters, words) => {
      const key = ['--encryption-key', `provider:${PROVIDER}:${parameters}`];
      const them = await skopeo([...key, layout('plain'), layout('never')], { grpc: stranger });
      expect(them, them.err).toMatchObject({ code: 1, err: expect.stringContaining(words) });
      expect(existsSync(at('never/index.json'))).toBe(false);
      const us = await ours(['encrypt', layout('plain'), layout('neither'), ...key], { grpc: stranger });
      expect(us, us.err).toMatchObject({ code: 4, err: expect.stringContaining(words) });
      // The configuration, which is in clear in any case, and no layer.
      expect(readdirSync(at('neither/blobs/sha256'))).toHaveLength(1);
      expect(existsSync(at('neither/index.json'))).toBe(false);
    });
  });
});

/** One bit of what is wrapped, in the first layer's packet of a layout; its digests are made to fit. */
function changePacket(root: string): void {
  const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));
  const index = read('index.json');
  const manifest = read(join('blobs', index.manifests[0].digest.replace(':', '/')));
  const { annotations } = manifest.layers[0];
  const name = `org.opencontainers.image.enc.keys.provider.${PROVIDER}`;
  const packet = JSON.parse(Buffer.from(annotations[name], 'base64').toString());
  const wrapped = Buffer.from(packet.wrapped_data, 'base64');
  wrapped[0] = (wrapped[0] ?? 0) ^ 1;
  annotations[name] = Buffer.from(JSON.stringify({ ...packet, wrapped_data: wrapped.toString('base64') })).toString(
    'base64',
  );
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = sha256Digest(bytes);
  writeFileSync(join(root, 'blobs', digest.replace(':', '/')), bytes);
  index.manifests[0] = { ...index.manifests[0], digest, size: bytes.length };
  writeFileSync(join(root, 'index.json'), JSON.stringify(index));
}
