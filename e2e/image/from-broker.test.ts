/**
 * Policy, keys, authorities, credentials and registries of images, all from a key broker: as a guest of its own, and by way of a guest's
 * services. Signatures with certificates and logs in a real registry, in both of cosign's forms.
 */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DataHub, dataHubServices, type RpcServer, serveRpc } from '@assay/guest/services';
import {
  copyImage,
  layoutSource,
  MEDIA_TYPE,
  parseReference,
  readCredentials,
  registryTarget,
  sha256Digest,
} from '@assay/oci';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  authority,
  checkpointOf,
  hashedRekord,
  ISSUER,
  keyPem,
  pemOf,
  promiseOf,
  rekor,
  SIGNED_AT,
  signerOf,
  treeOf,
} from '../../packages/oci/src/sigstore/world.test.helper.js';
import { makeImage } from '../../packages/oci/src/testing/image.test.helper.js';
import { guestOf, prepareSample, startTestServer, type TestServer } from '../support/assay.js';
import { assay, type Run } from '../support/cli.js';
import { peersFor } from '../support/peers.js';
import { REGISTRY_PEERS, startRegistry, type TestRegistry } from '../support/registry.js';

const possible = peersFor('images whose policy is in a key broker', REGISTRY_PEERS);
const folder = temporaryFolder('assay-broker-');
const image = makeImage(1);
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const root = authority('root');
const fulcio = authority('fulcio', root);
const log = rekor();
const alice = signerOf(fulcio);
const seconds = SIGNED_AT.getTime() / 1000;
const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');
/** Password `secret` of `user`, as htpasswd -B writes it. */
const HTPASSWD = 'user:$2y$05$rhYNYvVGQf7hL21RRz3D1Ovx9iZm9ZdTrn0P1U6d4D6SiTsn4WdkK\n';

describe.skipIf(!possible)('what a broker keeps', { timeout: 60_000 }, () => {
  let registry: TestRegistry;
  let server: TestServer;
  let hub: RpcServer;
  let sources: Readonly<Record<string, readonly string[]>> = {};

  const targetOf = (name: string) =>
    registryTarget(parseReference(`${registry.host}/${name}`), {
      insecure: true,
      credentials: readCredentials(Buffer.from(credentials()), 'test'),
    });
  const credentials = (): string => JSON.stringify({ auths: { [registry.host]: { auth: base64('user:secret') } } });

  /** Puts a manifest with one layer. @returns its descriptor */
  async function put(name: string, mediaType: string, content: Buffer, annotations: object, top: boolean) {
    const target = targetOf(name);
    const blob = async (bytes: Buffer) => {
      const writer = await target.writer();
      await writer.write(
        (async function* () {
          yield bytes;
        })(),
      );
      await writer.commit({ digest: sha256Digest(bytes), size: bytes.length });
      return { digest: sha256Digest(bytes), size: bytes.length };
    };
    const config = { mediaType: 'application/vnd.oci.empty.v1+json', ...(await blob(Buffer.from('{}'))) };
    const layer = { mediaType, ...(await blob(content)), annotations };
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers: [layer] }),
    );
    await target.putManifest({ bytes, mediaType: MEDIA_TYPE.manifest }, top);
    await target.close();
    return { mediaType: MEDIA_TYPE.manifest, digest: sha256Digest(bytes), size: bytes.length };
  }

  const payloadOf = (name: string): Buffer =>
    Buffer.from(
      JSON.stringify({
        critical: {
          type: 'cosign container image signature',
          image: { 'docker-manifest-digest': image.manifest },
          identity: { 'docker-reference': `${registry.host}/${name}` },
        },
      }),
    );

  /** Under the tag of signatures: by the key, or by Alice with her certificate and an entry of the log. */
  async function signBeside(name: string, by: 'key' | 'alice'): Promise<void> {
    const payload = payloadOf(name);
    const signature = sign('sha256', payload, by === 'key' ? pair.privateKey : alice.key);
    const body = hashedRekord(payload, signature, pemOf(alice.der));
    const bundle = {
      SignedEntryTimestamp: base64(promiseOf(log, body, seconds, 7)),
      Payload: { body: base64(body), integratedTime: seconds, logIndex: 7, logID: log.id },
    };
    const certified = {
      'dev.sigstore.cosign/certificate': pemOf(alice.der),
      'dev.sigstore.cosign/chain': pemOf(fulcio.der),
      'dev.sigstore.cosign/bundle': JSON.stringify(bundle),
    };
    const annotations = {
      'dev.cosignproject.cosign/signature': base64(signature),
      ...(by === 'key' ? {} : certified),
    };
    const tag = `${name}:${image.manifest.replace(':', '-')}.sig`;
    await put(tag, 'application/vnd.dev.cosign.simplesigning.v1+json', payload, annotations, true);
  }

  /** As a bundle that refers to the image, which this registry keeps under a tag. */
  async function signReferring(name: string): Promise<void> {
    const type = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    const payload = Buffer.from(
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ digest: { sha256: image.manifest.slice('sha256:'.length) } }],
        predicateType: 'https://sigstore.dev/cosign/sign/v1',
      }),
    );
    const payloadType = 'application/vnd.in-toto+json';
    const head = Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `);
    const signature = sign('sha256', Buffer.concat([head, payload]), alice.key);
    const body = Buffer.from(
      JSON.stringify({
        apiVersion: '0.0.1',
        kind: 'dsse',
        spec: {
          payloadHash: { algorithm: 'sha256', value: createHash('sha256').update(payload).digest('hex') },
          signatures: [{ signature: base64(signature), verifier: base64(pemOf(alice.der)) }],
        },
      }),
    );
    const { root: top, hashes } = treeOf([Buffer.from('other'), body], 1);
    const entry = {
      logIndex: '7',
      logId: { keyId: base64(Buffer.from(log.id, 'hex')) },
      integratedTime: `${seconds}`,
      inclusionPromise: { signedEntryTimestamp: base64(promiseOf(log, body, seconds, 7)) },
      inclusionProof: {
        logIndex: '1',
        treeSize: '2',
        rootHash: base64(top),
        hashes: hashes.map(base64),
        checkpoint: { envelope: checkpointOf(log, 2, top) },
      },
      canonicalizedBody: base64(body),
    };
    const certificates = [alice.der, fulcio.der].map((der) => ({ rawBytes: base64(der) }));
    const bundle = {
      mediaType: type,
      verificationMaterial: { x509CertificateChain: { certificates }, tlogEntries: [entry] },
      dsseEnvelope: { payloadType, payload: base64(payload), signatures: [{ sig: base64(signature) }] },
    };
    const referrer = await put(name, type, Buffer.from(JSON.stringify(bundle)), {}, false);
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [{ ...referrer, artifactType: type }] };
    const target = targetOf(`${name}:${image.manifest.replace(':', '-')}`);
    await target.putManifest({ bytes: Buffer.from(JSON.stringify(index)), mediaType: MEDIA_TYPE.index }, true);
    await target.close();
  }

  beforeAll(async () => {
    registry = await startRegistry(HTPASSWD);
    server = await startTestServer();
    await prepareSample(server);
    const byAlice = {
      type: 'sigstoreSigned',
      fulcio: { caPath: 'kbs:///default/fulcio/root', oidcIssuer: ISSUER, subjectEmail: 'alice@example.com' },
      rekorPublicKeyPath: 'kbs:///default/rekor/key',
    };
    const resources: Readonly<Record<string, string>> = {
      'default/cosign/key': keyPem(pair.publicKey),
      'default/fulcio/root': pemOf(root.der),
      'default/rekor/key': keyPem(log.publicKey),
      'default/credential/registry': credentials(),
      'default/registries/conf': `[[registry]]\nprefix = "registry.example"\nlocation = "${registry.host}"\n`,
      'default/policy/images': JSON.stringify({
        default: [{ type: 'reject' }],
        transports: {
          docker: {
            [`${registry.host}/by-key`]: [
              {
                type: 'sigstoreSigned',
                keyPath: 'kbs:///default/cosign/key',
                signedIdentity: { type: 'matchRepository' },
              },
            ],
            [`${registry.host}/by-alice`]: [{ ...byAlice, signedIdentity: { type: 'matchRepository' } }],
            [`${registry.host}/bundle`]: [{ ...byAlice, signedIdentity: { type: 'matchDigest' } }],
            'registry.example': [{ type: 'insecureAcceptAnything' }],
          },
        },
      }),
    };
    for (const [name, text] of Object.entries(resources)) {
      await server.admin('PUT', `/api/v1/resources/${name}`, Buffer.from(text));
    }
    const guest = guestOf(server);
    const made = new DataHub({
      kbc: guest,
      kms: {},
      skipSealedSecretVerification: false,
      folder,
      root: folder,
      run: () => Promise.reject(new Error('no program was expected')),
    });
    const nobody = { onFailure: () => undefined, onDefect: () => undefined };
    hub = await serveRpc(`unix://${join(folder, 'cdh.sock')}`, dataHubServices(made, nobody), nobody);
    sources = { broker: ['--kbs', server.url], hub: ['--data-hub', hub.address] };
    for (const name of ['by-key/app', 'by-alice/app', 'bundle/app', 'unsigned/app']) {
      const target = targetOf(`${name}:v1`);
      await copyImage({ source: layoutSource(image.folder, 'v1'), target }).finally(() => target.close());
    }
    await signBeside('by-key/app', 'key');
    await signBeside('by-alice/app', 'alice');
    await signReferring('bundle/app');
  }, 60_000);

  afterAll(async () => {
    await hub?.close();
    await server?.stop();
    await registry?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (command: readonly string[], name: string, from: string, ...more: readonly string[]): Promise<Run> =>
    assay([
      'image',
      ...command.slice(0, 1),
      `docker://${registry.host}/${name}:v1`,
      ...command.slice(1),
      '--signature-policy',
      'kbs:///default/policy/images',
      '--authfile',
      'kbs:///default/credential/registry',
      '--insecure-registry',
      ...(sources[from] ?? []),
      ...more,
    ]);

  test.each([
    ['by-key/app', 'broker', 'sigstoreSigned'],
    ['by-key/app', 'hub', 'sigstoreSigned'],
    ['by-alice/app', 'broker', `sigstoreSigned alice@example.com (of ${ISSUER}, logged ${SIGNED_AT.toISOString()})`],
    ['bundle/app', 'hub', `sigstoreSigned alice@example.com (of ${ISSUER}, logged ${SIGNED_AT.toISOString()})`],
  ])('lets %s in, fetched by the %s', async (name, from, words) => {
    const verified = await run(['verify'], name, from);
    expect(verified, verified.err).toMatchObject({ code: 0 });
    expect(verified.out).toContain(words);
  });

  test('lets a signed image be pulled and unpacked, from where its own rules say', async () => {
    const to = join(folder, 'pulled');
    const pulled = await run(['pull', `oci:${to}:v1`], 'bundle/app', 'broker');
    expect(pulled, pulled.err).toMatchObject({ code: 0 });
    const bundle = join(folder, 'bundle');
    const rules = ['--registries-conf', 'kbs:///default/registries/conf', '--bundle', bundle, '--runtime', 'nothing'];
    const ran = await assay([
      'image',
      'run',
      'docker://registry.example/by-key/app:v1',
      '--signature-policy',
      'kbs:///default/policy/images',
      '--insecure-registry',
      '--authfile',
      'kbs:///default/credential/registry',
      ...rules,
      ...(sources['hub'] ?? []),
    ]);
    expect(ran, ran.err).toMatchObject({ code: 0 });
    expect(existsSync(join(bundle, 'rootfs/file-0'))).toBe(true);
  });

  test('keeps others out, and nothing is written', async () => {
    const to = join(folder, 'refused');
    const refused = await run(['pull', `oci:${to}:v1`], 'unsigned/app', 'broker');
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain('scope `default` says reject');
    expect(existsSync(to)).toBe(false);
  });
});
