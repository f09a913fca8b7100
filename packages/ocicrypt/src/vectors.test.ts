/** Real images of skopeo and hand-made ones: every layer opens with the keys that come along, and with no others. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gunzipSync } from 'node:zlib';
import type { AssayError } from '@assay/bytes/findings';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import {
  isEncrypted,
  jweUnwrapper,
  type KeyUnwrapper,
  LayerDecryption,
  openLayer,
  openPacket,
  plainMediaType,
  providerUnwrapper,
  readPacket,
  readPrivateKey,
  readProviderConfig,
  readProviderRequest,
  readPublicKey,
  writeUnwrapAnswer,
} from './index.js';

interface Entry {
  readonly id: string;
  readonly kind: string;
  readonly files: Readonly<Record<string, string>>;
  readonly inputs: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, unknown>> & { readonly verdict: string; readonly error?: string };
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const folder = vectorsArea('image') ?? '';
const entries = (loadManifest('image') ?? []) as readonly Entry[];

describe.skipIf(folder === '')('image vectors', () => {
  const of = (kind: string): Entry[] => entries.filter((entry) => entry.kind === kind);
  const read = (entry: Entry, role: string): Uint8Array =>
    new Uint8Array(readFileSync(join(folder, entry.files[role] ?? '')));

  function layout(entry: Entry): {
    blob: (digest: string) => Uint8Array;
    digest: string;
    layers: Descriptor[];
    diffIds: string[];
  } {
    const root = join(folder, entry.files['layout'] ?? '');
    const blob = (digest: string): Uint8Array => readFileSync(join(root, 'blobs', digest.replace(':', '/')));
    const index = JSON.parse(readFileSync(join(root, 'index.json'), 'utf8')) as { manifests: Descriptor[] };
    const digest = index.manifests[0]?.digest ?? '';
    const manifest = JSON.parse(Buffer.from(blob(digest)).toString()) as { layers: Descriptor[]; config: Descriptor };
    const config = JSON.parse(Buffer.from(blob(manifest.config.digest)).toString()) as {
      rootfs: { diff_ids: string[] };
    };
    return { blob, digest, layers: manifest.layers, diffIds: config.rootfs.diff_ids };
  }

  function unwrapperOf(entry: Entry): KeyUnwrapper {
    if (entry.inputs['scheme'] === 'jwe') return jweUnwrapper([readPrivateKey(read(entry, 'private_key'), 'key')]);
    const kek = read(entry, 'kek');
    return providerUnwrapper(new Map([[entry.inputs['provider'] ?? '', undefined]]), async (_, request) => {
      const asked = readProviderRequest(request);
      if (asked.op !== 'keyunwrap') throw new Error('asked to wrap');
      return writeUnwrapAnswer(openPacket(readPacket(asked.annotation), kek));
    });
  }

  async function decrypt(entry: Entry): Promise<Record<string, unknown>> {
    const image = layout(entry);
    const plain: Buffer[] = [];
    const options: string[] = [];
    const encrypted: number[] = [];
    const mediaTypes: string[] = [];
    const facts: Record<string, unknown> = {};
    for (const [index, layer] of image.layers.entries()) {
      const bytes = image.blob(layer.digest);
      if (!isEncrypted(layer.mediaType)) {
        plain.push(Buffer.from(bytes));
        mediaTypes.push(layer.mediaType);
        continue;
      }
      const opened = await openLayer(layer.annotations ?? {}, [unwrapperOf(entry)], `layer ${index}`);
      encrypted.push(index);
      options.push(sha256(opened.wrapped));
      mediaTypes.push(plainMediaType(layer.mediaType));
      if (opened.with['alg'] !== undefined) {
        facts['key_wrap_alg'] = opened.with['alg'];
        facts['key_wrap_enc'] = opened.with['enc'];
        facts['recipients'] = opened.with['recipients'];
      }
      const chunks: Buffer[] = [];
      const decryption = new LayerDecryption(opened.publicOptions, opened.privateOptions, `layer ${index}`);
      await pipeline(Readable.from([bytes]), decryption, async (source: AsyncIterable<Buffer>) => {
        for await (const chunk of source) chunks.push(chunk);
      });
      plain.push(Buffer.concat(chunks));
    }
    return {
      manifest_digest: image.digest,
      layer_digests: image.layers.map(({ digest }) => digest),
      plain_digests: plain.map((bytes) => `sha256:${sha256(bytes)}`),
      plain_sizes: plain.map((bytes) => bytes.length),
      plain_media_types: mediaTypes,
      diff_ids: plain.map(
        (bytes, index) => `sha256:${sha256(mediaTypes[index]?.endsWith('gzip') ? gunzipSync(bytes) : bytes)}`,
      ),
      ...(entry.kind === 'image-decrypt'
        ? { encrypted_layers: encrypted, private_options_sha256: options }
        : { encrypted_layers: [] }),
      ...facts,
    };
  }

  test.each([...of('image-read'), ...of('image-decrypt')].filter(({ expected }) => expected.verdict === 'pass'))(
    '$id',
    async (entry) => {
      const { verdict: _, kid, wrap_type, ...expected } = entry.expected;
      expect(await decrypt(entry)).toMatchObject(expected);
      if (kid === undefined) return;
      const packet = readPacket(packetOf(layout(entry).layers[0], entry.inputs['provider'] ?? ''));
      expect({ kid: packet.kid, wrap_type: packet.wrapType }).toEqual({ kid, wrap_type });
      expect(expected['diff_ids']).toEqual(layout(entry).diffIds);
    },
  );

  const codes: Readonly<Record<string, string>> = {
    'no-matching-key': 'image.key.found',
    'hmac-mismatch': 'image.layer.hmac',
    'unknown-wrap-type': 'image.packet.form',
    'authentication-failed': 'image.packet.opens',
  };

  test.each(of('image-decrypt').filter(({ expected }) => expected.verdict === 'fail'))('$id', async (entry) => {
    await expect(decrypt(entry)).rejects.toMatchObject({ code: codes[entry.expected.error ?? ''] });
  });

  test.each(of('key-load'))('$id', (entry) => {
    const bytes = read(entry, 'key');
    const key = /public/.test(entry.inputs['format'] ?? '')
      ? readPublicKey(bytes, 'key').key
      : createPublicKey(readPrivateKey(bytes, 'key') as unknown as KeyObject & string);
    const spki = sha256(key.export({ type: 'spki', format: 'der' }));
    const details = key.asymmetricKeyDetails ?? {};
    expect({
      verdict: 'pass',
      key_type: (key.asymmetricKeyType ?? '').toUpperCase(),
      spki_sha256: spki,
      ...(details.modulusLength === undefined ? {} : { modulus_bits: details.modulusLength }),
      ...(details.namedCurve === 'prime256v1' ? { curve: 'P-256' } : {}),
    }).toEqual(entry.expected);
  });

  test.each(of('annotation-packet'))('$id', (entry) => {
    const hex = entry.inputs['kek_hex'];
    const kek = hex === undefined ? read(entry, 'kek') : new Uint8Array(Buffer.from(hex, 'hex'));
    const judge = (): Record<string, unknown> => {
      const packet = readPacket(read(entry, 'packet'));
      const plain = openPacket(packet, kek);
      const { kid, provider, version, wrapType } = packet;
      return {
        verdict: 'pass',
        plaintext_sha256: sha256(plain),
        plaintext_length: plain.length,
        ...(entry.expected['plaintext_utf8'] === undefined ? {} : { plaintext_utf8: Buffer.from(plain).toString() }),
        ...{ kid, wrap_type: wrapType, provider, version },
      };
    };
    if (entry.expected.verdict === 'pass') expect(judge()).toEqual(entry.expected);
    else expect(judge).toThrow(expect.objectContaining({ code: codes[entry.expected.error ?? ''] }) as AssayError);
  });

  test.each(of('annotation-packet-parse'))('$id', (entry) => {
    const { kid, provider, version, wrapType, iv, wrappedData } = readPacket(read(entry, 'packet'));
    expect({
      ...{
        verdict: 'pass',
        kid,
        wrap_type: wrapType,
        provider,
        version,
        iv_hex: Buffer.from(iv ?? []).toString('hex'),
      },
      wrapped_data_sha256: sha256(wrappedData),
      wrapped_data_length: wrappedData.length,
    }).toEqual(entry.expected);
  });

  test.each(of('keyprovider-request'))('$id', (entry) => {
    const bytes = read(entry, 'request');
    const request = readProviderRequest(bytes);
    const [provider = ''] = Object.keys(request.parameters);
    const common = {
      verdict: 'pass',
      op: request.op,
      request_sha256: sha256(bytes),
      provider,
      parameters: request.parameters[provider],
    };
    if (request.op === 'keywrap') {
      expect({ ...common, optsdata_sha256: sha256(request.options) }).toEqual(entry.expected);
      return;
    }
    const packet = readPacket(request.annotation);
    const options = openPacket(packet, read(entry, 'kek'));
    expect({ ...common, kid: packet.kid, wrap_type: packet.wrapType, optsdata_sha256: sha256(options) }).toEqual(
      entry.expected,
    );
  });

  test.each(of('grpc-message'))('$id', (entry) => {
    // One field of bytes behind the prefix of gRPC: tag 0a, length of two octets.
    const request = readProviderRequest(read(entry, 'body').subarray(5 + 3));
    expect(request.op).toBe(entry.expected['op']);
    expect(Object.keys(request.parameters)).toEqual([entry.expected['provider']]);
  });

  test.each(of('keyprovider-config'))('$id', (entry) => {
    const providers = readProviderConfig(read(entry, 'config'));
    expect(Object.fromEntries([...providers].map(([name, { kind }]) => [name, kind]))).toEqual(
      entry.expected['providers'],
    );
    expect(
      Object.fromEntries([...providers].map(([name, at]) => [name, at.kind === 'cmd' ? at.path : at.address])),
    ).toEqual(entry.expected['addresses']);
  });
});

function packetOf(layer: Descriptor | undefined, provider: string): Uint8Array {
  return Buffer.from(layer?.annotations?.[`org.opencontainers.image.enc.keys.provider.${provider}`] ?? '', 'base64');
}
