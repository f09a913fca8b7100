/** The owner's image: built, encrypted by the key provider, pushed. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serveRpc } from '@assay/guest/services';
import {
  buildImage,
  type CopyResult,
  copyImage,
  type Digest,
  layoutSource,
  layoutTarget,
  parseReference,
  readManifest,
  registrySource,
  registryTarget,
} from '@assay/oci';
import { providerWrapper } from '@assay/ocicrypt';
import type { AdminClient } from '../../client/server.js';
import { askingProviders } from '../../key-provider/ask.js';
import { KeyProvider } from '../../key-provider/provider.js';
import { registrarOf } from '../../key-provider/registrar.js';
import { keyProviderService } from '../../key-provider/service.js';
import { runProgram } from './peers.js';
import { isMachine, program } from './program.js';
import { signedOnly, signImage } from './sign.js';

/** What the program prints: it stands in an encrypted layer, and nowhere else in the image. */
export const LINE = 'hello from an encrypted image: whoever reads this has the key';
export const KEY = 'default/key/greeter';
/** Where guests find what they demand of images, and the key that signs them. */
export const POLICY = 'default/security-policy/greeter';
export const SIGNER = 'default/cosign/greeter';
export const REPOSITORY = 'acme/greeter';
const PROVIDER = 'attestation-agent';
const TAG = 'v1';
const random = (length: number): Uint8Array => randomBytes(length);

/** An image of two layers, as a layout: its program, and the line that it prints. */
export function buildGreeter(folder: string): Promise<Digest> {
  const arch = process.arch;
  return buildImage({
    target: layoutTarget(folder, TAG),
    platform: { os: 'linux', architecture: arch === 'x64' ? 'amd64' : arch },
    config: { Entrypoint: ['/bin/tell'], Cmd: ['/greeting'] },
    layers: [
      // Elsewhere the image is built, encrypted and decrypted all the same; nothing can start it.
      [{ path: 'bin/tell', content: program(isMachine(arch) ? arch : 'x64'), mode: 0o755 }],
      [{ path: 'greeting', content: Buffer.from(`${LINE}\n`) }],
    ],
  });
}

export interface Broker {
  readonly url: string;
  /** Of an administrator. */
  readonly token: string;
  /** PEM of its certificate. */
  readonly ca: string | undefined;
}

/** Encrypts every layer through a key provider, over gRPC. The provider makes the key, and has put it into the broker before it wraps with it. */
export async function encryptGreeter(
  from: string,
  to: string,
  broker: Broker,
  folder: string,
): Promise<CopyResult & { readonly provider: string }> {
  const certFile = join(folder, 'broker.pem');
  if (broker.ca !== undefined) writeFileSync(certFile, broker.ca);
  const registrar = registrarOf(
    { kbs: broker.url, ...(broker.ca === undefined ? {} : { certFile }) },
    { ASSAY_CONFIG_HOME: join(folder, 'owner'), ASSAY_TOKEN: broker.token },
    () => new Date(),
  );
  const provider = new KeyProvider({
    packet: 'coco',
    allowSample: false,
    replace: false,
    unwrap: false,
    random,
    registrar,
  });
  const onDefect = (error: unknown): void => {
    throw error;
  };
  const server = await serveRpc('127.0.0.1:0', [keyProviderService(provider, onDefect)], { onDefect });
  try {
    const ask = askingProviders(new Map([[PROVIDER, { kind: 'grpc', address: server.address }]]));
    const wrappers = [providerWrapper(PROVIDER, `keyid=kbs:///${KEY}`, ask)];
    const copied = await copyImage({
      source: layoutSource(from, TAG),
      target: layoutTarget(to, TAG),
      encrypt: { wrappers, random },
    });
    return { ...copied, provider: server.address };
  } finally {
    await server.close();
  }
}

export interface Pushed {
  readonly by: 'skopeo' | 'assay';
  /** Media types of the layers, as they stand in the registry; by skopeo where it pushed. */
  readonly types: readonly string[];
  /** Why skopeo did not do it, where it is there. */
  readonly trouble?: string;
}

/** With skopeo where it is there: what it pushes and reads again, another implementation has understood. */
export async function pushGreeter(layout: string, reference: string, skopeo: string | undefined): Promise<Pushed> {
  const bySkopeo = skopeo === undefined ? undefined : await skopeoPushes(skopeo, layout, reference);
  if (typeof bySkopeo === 'object') return { by: 'skopeo', types: bySkopeo };
  const target = registryTarget(parseReference(reference), { insecure: true });
  await copyImage({ source: layoutSource(layout, TAG), target }).finally(() => target.close());
  const source = await registrySource(parseReference(reference), { insecure: true });
  const { bytes, mediaType } = await source.manifest().finally(() => source.close());
  const manifest = readManifest(bytes, mediaType);
  const types = manifest.kind === 'manifest' ? manifest.layers.map((layer) => layer.mediaType) : [];
  return { by: 'assay', types, ...(bySkopeo === undefined ? {} : { trouble: bySkopeo }) };
}

/** Signs what was pushed, and has the broker tell guests: this image, signed by this key, and no other. */
export async function signGreeter(reference: string, digest: Digest, owner: AdminClient): Promise<void> {
  const image = parseReference(reference);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await signImage(image, digest, privateKey);
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  await owner.bytes('PUT', `/api/v1/resources/${SIGNER}`, Buffer.from(pem));
  const policy = signedOnly(image, `kbs:///${SIGNER}`);
  await owner.bytes('PUT', `/api/v1/resources/${POLICY}`, Buffer.from(policy));
}

/** @returns media types of the layers that skopeo finds in the registry; a text: why it did not push */
async function skopeoPushes(skopeo: string, layout: string, reference: string): Promise<readonly string[] | string> {
  const flags = ['--insecure-policy', 'copy', '--quiet', '--preserve-digests', '--dest-tls-verify=false'];
  const pushed = await runProgram(skopeo, [...flags, `oci:${layout}:${TAG}`, `docker://${reference}`]);
  if (pushed.code !== 0) return pushed.trouble;
  const found = await runProgram(skopeo, ['inspect', '--raw', '--tls-verify=false', `docker://${reference}`]);
  if (found.code !== 0) return found.trouble;
  const manifest = readManifest(Buffer.from(found.out), undefined);
  return manifest.kind === 'manifest' ? manifest.layers.map((layer) => layer.mediaType) : 'it pushed an index';
}
