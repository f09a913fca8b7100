/** Area `image`: encrypted images, keys, annotation packets, key provider messages, registries. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { encodeHex, type JsonObject, type JsonValue } from '@assay/bytes';
import { AssayError } from '@assay/bytes/findings';
import {
  copyImage,
  formatReference,
  type ImageTarget,
  layoutSource,
  type Manifest,
  parseReference,
  readBlob,
  readConfig,
  readManifest,
  readRegistryConfig,
  registryTasks,
  sha256Digest,
} from '@assay/oci';
import {
  isEncrypted,
  jweUnwrapper,
  type KeyUnwrapper,
  openLayer,
  openPacket,
  providerUnwrapper,
  readPacket,
  readPrivateKey,
  readProviderConfig,
  readProviderRequest,
  readPublicKey,
  writeUnwrapAnswer,
} from '@assay/ocicrypt';
import { type CaseFiles, caseRunner } from './cases.js';

const REASONS = {
  'image.key.found': 'no-matching-key',
  'image.layer.hmac': 'hmac-mismatch',
  'image.packet.opens': 'authentication-failed',
};

export const imageRunner = caseRunner('image', judge, REASONS);

async function judge(kind: string, files: CaseFiles, inputs: JsonObject): Promise<JsonObject> {
  switch (kind) {
    case 'image-read':
    case 'image-decrypt':
      return decrypted(files, inputs);
    case 'key-load':
      return keyFacts(files.bytes('key'), text(inputs, 'format'));
    case 'annotation-packet':
      return openedPacket(files, inputs);
    case 'annotation-packet-parse': {
      const packet = readPacket(files.bytes('packet'));
      return {
        ...packetFacts(packet),
        iv_hex: encodeHex(packet.iv ?? new Uint8Array(0)),
        wrapped_data_sha256: sha256(packet.wrappedData),
        wrapped_data_length: packet.wrappedData.length,
      };
    }
    case 'keyprovider-request':
      return providerRequest(files);
    case 'grpc-message':
      return grpcMessage(files);
    case 'keyprovider-config': {
      const providers = [...readProviderConfig(files.bytes('config'))];
      return {
        providers: Object.fromEntries(providers.map(([name, { kind: how }]) => [name, how])),
        addresses: Object.fromEntries(providers.map(([name, at]) => [name, at.kind === 'cmd' ? at.path : at.address])),
      };
    }
    case 'registry-config':
      return registryFacts(files, inputs);
    case 'offline-fs-store':
      return offlineStore(files.bytes('store'));
    default:
      return { verdict: 'fail', reason: `kind ${kind} is not judged` };
  }
}

/** Decrypts by the same copy that `assay image decrypt` makes, into memory. */
async function decrypted(files: CaseFiles, inputs: JsonObject): Promise<JsonObject> {
  const source = layoutSource(files.path('layout'), text(inputs, 'reference'));
  const stored = await source.manifest();
  const digest = sha256Digest(stored.bytes);
  const manifest = readManifest(stored.bytes, stored.mediaType);
  if (manifest.kind !== 'manifest') return { verdict: 'fail', reason: 'an index' };
  const scheme = inputs['scheme'];
  const unwrappers = scheme === undefined ? [] : [unwrapperOf(files, inputs)];
  const { target, blobs } = memoryTarget();
  try {
    const copied = await copyImage({ source, target, ...(unwrappers.length === 0 ? {} : { decrypt: { unwrappers } }) });
    const plain = copied.layers.map((layer) => blobs.get(layer.digest) ?? new Uint8Array(0));
    const { diffIds } = readConfig(await readBlob(source, manifest.config));
    const tars = plain.map((bytes, n) =>
      sha256Digest(copied.layers[n]?.mediaType.endsWith('+gzip') ? gunzipSync(bytes) : bytes),
    );
    if (tars.join() !== diffIds.join()) return { verdict: 'fail', reason: 'layers are not those of the configuration' };
    return {
      manifest_digest: digest,
      layer_digests: manifest.layers.map((layer) => layer.digest),
      plain_digests: plain.map((bytes) => sha256Digest(bytes)),
      plain_sizes: plain.map((bytes) => bytes.length),
      plain_media_types: copied.layers.map(({ mediaType }) => mediaType),
      diff_ids: tars,
      encrypted_layers: copied.layers.flatMap(({ action }, n) => (action === 'decrypt' ? [n] : [])),
      ...(await keyFactsOf(manifest, unwrappers, inputs)),
    };
  } catch (error) {
    if (!(error instanceof AssayError)) throw error;
    const reasons: Readonly<Record<string, string>> = REASONS;
    return { verdict: 'fail', error: reasons[error.code] ?? error.code, reason: error.title, manifest_digest: digest };
  }
}

async function keyFactsOf(
  manifest: Manifest,
  unwrappers: readonly KeyUnwrapper[],
  inputs: JsonObject,
): Promise<JsonObject> {
  const wrapped: string[] = [];
  const facts: Record<string, JsonValue> = {};
  for (const { mediaType, annotations = {} } of manifest.layers) {
    if (!isEncrypted(mediaType)) continue;
    const opened = await openLayer(annotations, unwrappers, 'layer');
    wrapped.push(sha256(opened.wrapped));
    const { alg, enc, recipients } = opened.with;
    if (alg !== undefined) Object.assign(facts, { key_wrap_alg: alg, key_wrap_enc: enc, recipients });
    const entry = annotations[`org.opencontainers.image.enc.keys.provider.${String(inputs['provider'])}`];
    if (entry === undefined) continue;
    const packet = readPacket(Buffer.from(entry, 'base64'));
    Object.assign(facts, { kid: packet.kid, wrap_type: packet.wrapType });
  }
  return wrapped.length === 0 ? facts : { private_options_sha256: wrapped, ...facts };
}

function unwrapperOf(files: CaseFiles, inputs: JsonObject): KeyUnwrapper {
  if (inputs['scheme'] === 'jwe') return jweUnwrapper([readPrivateKey(files.bytes('private_key'), 'private_key')]);
  const kek = files.bytes('kek');
  return providerUnwrapper(new Map([[text(inputs, 'provider'), undefined]]), async (_, message) => {
    const request = readProviderRequest(message);
    return writeUnwrapAnswer(
      openPacket(readPacket(request.op === 'keyunwrap' ? request.annotation : request.options), kek),
    );
  });
}

function memoryTarget(): { readonly target: ImageTarget; readonly blobs: ReadonlyMap<string, Uint8Array> } {
  const blobs = new Map<string, Uint8Array>();
  const target: ImageTarget = {
    name: 'memory',
    has: async () => false,
    remove: async ({ digest }) => {
      blobs.delete(digest);
    },
    writer: async () => {
      const chunks: Uint8Array[] = [];
      return {
        write: async (content) => {
          for await (const chunk of content) chunks.push(chunk);
        },
        commit: async ({ digest }) => {
          blobs.set(digest, Buffer.concat(chunks));
        },
        abort: async () => undefined,
      };
    },
    putManifest: async () => undefined,
  };
  return { target, blobs };
}

function keyFacts(bytes: Uint8Array, format: string): JsonObject {
  const key = format.includes('public') ? readPublicKey(bytes, 'key').key : publicHalf(readPrivateKey(bytes, 'key'));
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  return {
    key_type: (key.asymmetricKeyType ?? '').toUpperCase(),
    spki_sha256: sha256(key.export({ type: 'spki', format: 'der' })),
    ...(modulusLength === undefined ? {} : { modulus_bits: modulusLength }),
    ...(namedCurve === undefined ? {} : { curve: namedCurve === 'prime256v1' ? 'P-256' : namedCurve }),
  };
}

function publicHalf(key: KeyObject): KeyObject {
  return createPublicKey(key.export({ type: 'pkcs8', format: 'pem' }));
}

function openedPacket(files: CaseFiles, inputs: JsonObject): JsonObject {
  const hex = inputs['kek_hex'];
  const kek = typeof hex === 'string' ? new Uint8Array(Buffer.from(hex, 'hex')) : files.bytes('kek');
  let packet: ReturnType<typeof readPacket>;
  try {
    packet = readPacket(files.bytes('packet'));
  } catch (error) {
    if (!(error instanceof AssayError) || error.finding.subject !== 'wrap_type') throw error;
    return { verdict: 'fail', error: 'unknown-wrap-type', reason: error.title };
  }
  const plain = openPacket(packet, kek);
  return {
    ...packetFacts(packet),
    plaintext_sha256: sha256(plain),
    plaintext_length: plain.length,
    plaintext_utf8: Buffer.from(plain).toString('utf8'),
  };
}

function packetFacts({ kid, provider, version, wrapType }: ReturnType<typeof readPacket>): JsonObject {
  return { kid, provider, version, wrap_type: wrapType ?? null };
}

function providerRequest(files: CaseFiles): JsonObject {
  const bytes = files.bytes('request');
  const request = readProviderRequest(bytes);
  const [provider = ''] = Object.keys(request.parameters);
  const common = {
    op: request.op,
    request_sha256: sha256(bytes),
    provider,
    parameters: [...(request.parameters[provider] ?? [])],
  };
  if (request.op === 'keywrap') return { ...common, optsdata_sha256: sha256(request.options) };
  const packet = readPacket(request.annotation);
  const options = openPacket(packet, files.bytes('kek'));
  return { ...common, kid: packet.kid, wrap_type: packet.wrapType ?? null, optsdata_sha256: sha256(options) };
}

/** A gRPC body of one message with one field of bytes. */
async function grpcMessage(files: CaseFiles): Promise<JsonObject> {
  const { BinaryReader } = await import('@bufbuild/protobuf/wire');
  const body = Buffer.from(files.bytes('body'));
  const headers = JSON.parse(Buffer.from(files.bytes('headers')).toString('utf8')) as Record<string, unknown>;
  const message = body.subarray(5);
  const reader = new BinaryReader(message);
  const [field] = reader.tag();
  const payload = reader.bytes();
  const request = readProviderRequest(payload);
  return {
    path: String(headers[':path'] ?? headers['path'] ?? ''),
    content_type: String(headers['content-type'] ?? ''),
    compressed: body[0] !== 0,
    message_length: body.readUInt32BE(1),
    field_number: field,
    payload_length: payload.length,
    payload_sha256: sha256(payload),
    op: request.op,
    provider: Object.keys(request.parameters)[0] ?? '',
  };
}

function registryFacts(files: CaseFiles, inputs: JsonObject): JsonObject {
  const config = readRegistryConfig(Buffer.from(files.bytes('config')).toString('utf8'), 'config');
  const references = inputs['references'] as readonly string[];
  const tasks = references.map((reference): [string, JsonValue] => {
    try {
      const found = registryTasks(config, parseReference(reference));
      return [reference, found.map(({ scheme, reference: place }) => ({ scheme, reference: formatReference(place) }))];
    } catch (error) {
      if (error instanceof AssayError && error.code === 'image.registry.blocked') return [reference, 'blocked'];
      throw error;
    }
  });
  return { tasks: Object.fromEntries(tasks) };
}

/** Every entry of a store, asked for as a guest asks. */
async function offlineStore(bytes: Uint8Array): Promise<JsonObject> {
  const { OfflineFsKbc } = await import('@assay/guest');
  const { parseResourceUri } = await import('@assay/protocol');
  const kbc = new OfflineFsKbc({
    files: { read: async (path) => (path === 'store' ? bytes : undefined), remove: async () => undefined },
    keysFile: 'none',
    resourcesFile: 'store',
  });
  const names = Object.keys(JSON.parse(Buffer.from(bytes).toString('utf8')) as object);
  const values = await Promise.all(
    names.map(async (name) => [name, await kbc.getResource(parseResourceUri(name))] as const),
  );
  return {
    value_sha256: Object.fromEntries(values.map(([name, value]) => [name, sha256(value)])),
    value_lengths: Object.fromEntries(values.map(([name, value]) => [name, value.length])),
  };
}

function text(inputs: JsonObject, name: string): string {
  const value = inputs[name];
  return typeof value === 'string' ? value : '';
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
