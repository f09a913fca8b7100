/** Signatures of images for tests, by key: as cosign has them under a tag, and as bundles that refer to the image. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { type Descriptor, MEDIA_TYPE, sha256Digest } from '../index.js';
import { writeIndex } from './image.test.helper.js';

export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
export const PAYLOAD_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';
const REF_NAME = 'org.opencontainers.image.ref.name';

export const acme = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = acme.publicKey.export({ type: 'spki', format: 'pem' }) as string;

/** A requirement of a policy: signed by {@link acme}. */
export const byAcme = (signedIdentity?: object): object => ({
  type: 'sigstoreSigned',
  keyData: Buffer.from(pem).toString('base64'),
  ...(signedIdentity === undefined ? {} : { signedIdentity }),
});

export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

export function put(folder: string, mediaType: string, bytes: Uint8Array): Descriptor {
  const digest = sha256Digest(bytes);
  writeFileSync(join(folder, 'blobs', digest.replace(':', '/')), bytes);
  return { mediaType, digest, size: bytes.length };
}

/** What is signed. */
export function payloadOf(digest: string, reference: string, type = 'cosign container image signature'): Buffer {
  const identity = { 'docker-reference': reference };
  return json({ critical: { type, image: { 'docker-manifest-digest': digest }, identity }, optional: {} });
}

export interface Signing {
  readonly digest: string;
  readonly reference?: string;
  readonly by?: KeyObject;
}

export function signatureOf({ digest, reference = 'quay.io/acme/app:v1', by = acme.privateKey }: Signing) {
  const payload = payloadOf(digest, reference);
  return { payload, signature: sign('sha256', payload, by).toString('base64') };
}

/** Writes cosign's manifest of these signatures into a layout. */
export function cosigned(folder: string, ...signings: readonly Signing[]): Descriptor {
  const layers = signings.map((signing) => {
    const { payload, signature } = signatureOf(signing);
    return { ...put(folder, PAYLOAD_TYPE, payload), annotations: { 'dev.cosignproject.cosign/signature': signature } };
  });
  const config = put(folder, MEDIA_TYPE.config, json({ rootfs: { type: 'layers', diff_ids: [] } }));
  return put(folder, MEDIA_TYPE.manifest, json({ schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers }));
}

/** Writes a bundle, and the manifest by which it refers to an image, into a layout. */
export function bundled(
  folder: string,
  { digest, reference, by = acme.privateKey }: Signing,
  change: object = {},
): Descriptor {
  const payloadType = 'application/vnd.in-toto+json';
  const subject = {
    digest: { sha256: digest.slice('sha256:'.length) },
    ...(reference === undefined ? {} : { name: reference }),
  };
  const payload = json({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [subject],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  });
  const content = concatBytes(encodeUtf8(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload);
  const sig = sign('sha256', content, by).toString('base64');
  const bundle = json({
    mediaType: BUNDLE_TYPE,
    verificationMaterial: { publicKey: { hint: '' } },
    dsseEnvelope: { payloadType, payload: payload.toString('base64'), signatures: [{ sig }] },
  });
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    artifactType: BUNDLE_TYPE,
    config: put(folder, 'application/vnd.oci.empty.v1+json', Buffer.from('{}')),
    layers: [put(folder, BUNDLE_TYPE, bundle)],
    subject: { mediaType: MEDIA_TYPE.manifest, digest, size: 1 },
    ...change,
  };
  return put(folder, MEDIA_TYPE.manifest, json(document));
}

/** `index.json` with these entries: a descriptor with a tag, a kind, or whatever else. */
export function index(folder: string, ...entries: readonly (readonly [Descriptor, object?])[]): void {
  writeIndex(
    folder,
    entries.map(([descriptor, more = {}]) => ({ ...descriptor, ...more })),
  );
}

export const tag = (name: string): object => ({ annotations: { [REF_NAME]: name } });
export const kind = (name: string): object => ({ annotations: { kind: `dev.cosignproject.cosign/${name}` } });
