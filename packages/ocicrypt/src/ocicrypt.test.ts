import { createHash, generateKeyPairSync, randomBytes, type X509Certificate } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { encodeBase64, encodeUtf8 } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { selfSigned } from './certificate.test.helper.js';
import {
  type Annotations,
  addRecipients,
  type EncryptedLayer,
  encryptedMediaType,
  encryptionAnnotations,
  jweUnwrapper,
  jweWrapper,
  type KeyUnwrapper,
  type KeyWrapper,
  LayerDecryption,
  LayerEncryption,
  openLayer,
  openPacket,
  PUBLIC_OPTIONS,
  pkcs7Unwrapper,
  pkcs7Wrapper,
  plainAnnotations,
  plainMediaType,
  providerUnwrapper,
  providerWrapper,
  readCertificate,
  readPacket,
  readPrivateKey,
  readProviderConfig,
  readProviderRequest,
  readPublicKey,
  readUnwrapAnswer,
  readWrapAnswer,
  sealPacket,
  writePacket,
  writePrivateOptions,
  writePublicOptions,
  writeUnwrapAnswer,
  writeWrapAnswer,
} from './index.js';

const random = (length: number): Uint8Array => randomBytes(length);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key: { export(options: { type: 'spki'; format: 'pem' }): string | Buffer }): Uint8Array =>
  Buffer.from(key.export({ type: 'spki', format: 'pem' }));
const toRsa = readPublicKey(pem(rsa.publicKey), 'rsa');
const toEc = readPublicKey(pem(ec.publicKey), 'ec');

async function collect(source: Uint8Array, step: LayerEncryption | LayerDecryption, chunk = 1000): Promise<Buffer> {
  const out: Buffer[] = [];
  const parts = Array.from({ length: Math.ceil(source.length / chunk) }, (_, i) =>
    source.subarray(i * chunk, (i + 1) * chunk),
  );
  await pipeline(Readable.from(parts), step, async (results: AsyncIterable<Buffer>) => {
    for await (const result of results) out.push(result);
  });
  return Buffer.concat(out);
}

async function encrypted(plain: Uint8Array): Promise<{ layer: EncryptedLayer; ciphertext: Buffer }> {
  const encryption = new LayerEncryption(random);
  const ciphertext = await collect(plain, encryption);
  return { layer: encryption.result, ciphertext };
}

const plain = randomBytes(10_007);

describe('layers', () => {
  test('a layer comes back as it was, whatever the sizes of its chunks', async () => {
    const { layer, ciphertext } = await encrypted(plain);
    expect(ciphertext.equals(plain)).toBe(false);
    expect(layer.size).toBe(plain.length);
    expect(layer.digest).toBe(`sha256:${createHash('sha256').update(ciphertext).digest('hex')}`);
    expect(layer.privateOptions.digest).toBe(`sha256:${createHash('sha256').update(plain).digest('hex')}`);
    for (const chunk of [1, 16, 4096, 20_000]) {
      const publicOptions = { cipher: 'AES_256_CTR_HMAC_SHA256', ...layer.publicOptions } as const;
      const decryption = new LayerDecryption(publicOptions, layer.privateOptions, 'layer 0');
      expect((await collect(ciphertext, decryption, chunk)).equals(plain)).toBe(true);
    }
  });

  test('key and nonce are fresh for each layer', async () => {
    const [first, second] = [await encrypted(plain), await encrypted(plain)];
    expect(first.ciphertext.equals(second.ciphertext)).toBe(false);
    expect(first.layer.privateOptions.nonce).not.toEqual(second.layer.privateOptions.nonce);
  });

  test('the result is there only at the end', () => {
    expect(() => new LayerEncryption(random).result).toThrow('not been encrypted to its end');
  });

  const open = async (
    change: (parts: {
      layer: EncryptedLayer;
      ciphertext: Buffer;
    }) => Partial<EncryptedLayer> & { ciphertext?: Buffer; nonce?: Uint8Array },
  ) => {
    const made = await encrypted(plain);
    const changed = change(made);
    const publicOptions = {
      cipher: 'AES_256_CTR_HMAC_SHA256' as const,
      ...(changed.publicOptions ?? made.layer.publicOptions),
      ...(changed.nonce === undefined ? {} : { nonce: changed.nonce }),
    };
    const decryption = new LayerDecryption(
      publicOptions,
      changed.privateOptions ?? made.layer.privateOptions,
      'layer 3',
    );
    return collect(changed.ciphertext ?? made.ciphertext, decryption);
  };

  test('one changed byte, one byte less, one byte more: the HMAC says so', async () => {
    const flip = (bytes: Buffer): Buffer => Buffer.concat([Buffer.of((bytes[0] ?? 0) ^ 1), bytes.subarray(1)]);
    for (const change of [flip, (b: Buffer) => b.subarray(1), (b: Buffer) => Buffer.concat([b, Buffer.of(0)])]) {
      await expect(open(({ ciphertext }) => ({ ciphertext: change(ciphertext) }))).rejects.toMatchObject({
        code: 'image.layer.hmac',
        finding: { subject: 'layer 3' },
      });
    }
  });

  test('a nonce that was put into the public options is found by the digest', async () => {
    await expect(open(() => ({ nonce: randomBytes(16) }))).rejects.toMatchObject({ code: 'image.layer.plain-digest' });
  });

  test('options of another layer do not open this one', async () => {
    const { layer } = await encrypted(randomBytes(10_007));
    await expect(open(() => ({ privateOptions: layer.privateOptions }))).rejects.toMatchObject({
      code: 'image.layer.hmac',
    });
  });

  test('without any nonce nothing is decrypted', async () => {
    await expect(
      open(({ layer: { privateOptions } }) => ({
        privateOptions: { symmetricKey: privateOptions.symmetricKey, digest: privateOptions.digest },
      })),
    ).rejects.toMatchObject({ code: 'image.layer.cipher' });
  });
});

describe('recipients', () => {
  const cases: readonly (readonly [string, KeyWrapper, KeyUnwrapper, KeyUnwrapper])[] = [
    ['JWE, RSA', jweWrapper([toRsa]), jweUnwrapper([rsa.privateKey]), jweUnwrapper([ec.privateKey])],
    ['JWE, EC', jweWrapper([toEc]), jweUnwrapper([other.privateKey, ec.privateKey]), jweUnwrapper([other.privateKey])],
    [
      'JWE, the second of two',
      jweWrapper([toRsa, toEc]),
      jweUnwrapper([ec.privateKey]),
      jweUnwrapper([other.privateKey]),
    ],
    ['PKCS#7', pkcs7Wrapper([certificate('one'), certificate('two')], random), identityOf('two'), identityOf('three')],
    [
      'PKCS#7, right certificate with a wrong key',
      pkcs7Wrapper([certificate('one')], random),
      identityOf('one'),
      identityOf('one', 'two'),
    ],
  ];

  test.each(cases)('%s', async (_, wrapper, right, wrong) => {
    const { layer } = await encrypted(plain);
    const annotations = await encryptionAnnotations(layer, [wrapper], { kept: 'yes' });
    const opened = await openLayer(annotations, [wrong, right], 'layer 0');
    expect(Buffer.from(opened.privateOptions.symmetricKey).equals(layer.privateOptions.symmetricKey)).toBe(true);
    expect(opened.publicOptions.hmac).toEqual(Uint8Array.from(layer.publicOptions.hmac));
    await expect(openLayer(annotations, [wrong], 'layer 0')).rejects.toMatchObject({ code: 'image.key.found' });
    expect(plainAnnotations(annotations)).toEqual({ kept: 'yes' });
  });

  test('a further recipient opens the same layer, and so does the first', async () => {
    const { layer } = await encrypted(plain);
    const first = await encryptionAnnotations(layer, [jweWrapper([toRsa])]);
    const { wrapped } = await openLayer(first, [jweUnwrapper([rsa.privateKey])], 'layer 0');
    const both = await addRecipients(first, wrapped, [jweWrapper([toEc])]);
    for (const { privateKey } of [rsa, ec]) {
      const opened = await openLayer(both, [jweUnwrapper([privateKey])], 'layer 0');
      expect(opened.privateOptions.digest).toBe(layer.privateOptions.digest);
    }
  });

  test('an entry that is nothing stops no other', async () => {
    const { layer } = await encrypted(plain);
    const good = await encryptionAnnotations(layer, [jweWrapper([toEc])]);
    const name = 'org.opencontainers.image.enc.keys.jwe';
    const annotations = {
      ...good,
      [name]: `!!,${encodeBase64(encodeUtf8('{}'))},e30K,${good[name]}`,
      'org.opencontainers.image.enc.keys.pgp': 'AAAA',
    };
    await expect(openLayer(annotations, [jweUnwrapper([ec.privateKey])], 'layer 0')).resolves.toBeDefined();
  });

  test('nobody to encrypt for is a mistake of the caller', async () => {
    const { layer } = await encrypted(plain);
    await expect(encryptionAnnotations(layer, [])).rejects.toThrow('no recipient');
    await expect(encryptionAnnotations(layer, [jweWrapper([])])).rejects.toThrow('without a recipient');
  });

  test('a provider wraps and unwraps', async () => {
    const kek = randomBytes(32);
    const asked: unknown[] = [];
    const ask = async (name: string, bytes: Uint8Array): Promise<Uint8Array> => {
      const request = readProviderRequest(bytes);
      asked.push([name, request.op, request.parameters]);
      if (request.op === 'keywrap') {
        return writeWrapAnswer(writePacket(sealPacket(request.options, { kid: 'kbs:///a/b/c', kek, random })));
      }
      return writeUnwrapAnswer(openPacket(readPacket(request.annotation), kek));
    };
    const { layer } = await encrypted(plain);
    const annotations = await encryptionAnnotations(layer, [providerWrapper('agent', 'keyid=x', ask)]);
    expect(Object.keys(annotations)).toContain('org.opencontainers.image.enc.keys.provider.agent');
    const opened = await openLayer(annotations, [providerUnwrapper(new Map([['agent', undefined]]), ask)], 'layer 0');
    expect(opened.privateOptions.digest).toBe(layer.privateOptions.digest);
    expect(asked).toEqual([
      ['agent', 'keywrap', { agent: ['keyid=x'] }],
      ['agent', 'keyunwrap', { agent: ['Enabled'] }],
    ]);
    kek.fill(0);
    await expect(
      openLayer(annotations, [providerUnwrapper(new Map([['agent', undefined]]), ask)], 'layer 0'),
    ).rejects.toMatchObject({
      code: 'image.key.found',
      finding: { actual: [expect.stringContaining('do not open under')] },
    });
  });

  test('what providers answer is told with whoever opens nothing, and what keys at hand say is not', async () => {
    const { layer } = await encrypted(plain);
    const echo = providerWrapper('one', undefined, async () => writeWrapAnswer(Uint8Array.of(1)));
    const annotations = await encryptionAnnotations(layer, [echo, jweWrapper([toEc])]);
    const answering = (actual: string) =>
      providerUnwrapper(new Map([['one', undefined]]), async (provider) => {
        throw assayError('image.provider.answers', { params: { provider, reason: actual }, actual });
      });
    const unwrappers = [jweUnwrapper([rsa.privateKey]), answering('not for \u001b[31myou'), answering('x'.repeat(500))];
    const error = await openLayer(annotations, unwrappers, 'layer 0').catch((thrown) => thrown);
    expect(error.title).toBe('layer 0: 3 keys given, none opens it; it is for provider one, jwe');
    expect(error.remedy).toMatch(
      /^See why where the provider runs: provider one: not for \\u\{1b\}\[31myou; provider one: x{50,}….$/,
    );
    const alone = await openLayer(annotations, [jweUnwrapper([rsa.privateKey])], 'layer 0').catch((thrown) => thrown);
    expect(alone.remedy).toBe('Give the key that the layer is for: provider one, jwe.');
    const broken = providerUnwrapper(new Map([['one', undefined]]), () => Promise.reject(new RangeError('a defect')));
    await expect(openLayer(annotations, [broken], 'layer 0')).rejects.toThrow(RangeError);
  });
});

describe('options', () => {
  const base = { cipher: 'AES_256_CTR_HMAC_SHA256', hmac: encodeBase64(new Uint8Array(32)), cipheroptions: {} };
  const secret = 'c2VjcmV0';
  test.each([
    ['another cipher', { ...base, cipher: 'AES_128' }],
    ['no cipher', { hmac: base.hmac }],
    ['an empty HMAC', { ...base, hmac: '' }],
    ['a short HMAC', { ...base, hmac: encodeBase64(new Uint8Array(31)) }],
    ['a nonce of 12 bytes', { ...base, cipheroptions: { nonce: encodeBase64(new Uint8Array(12)) } }],
    ['cipher options that are no object', { ...base, cipheroptions: 1 }],
    ['no object', []],
  ])('public options with %s are refused', async (_, options) => {
    const annotations = { [PUBLIC_OPTIONS]: encodeBase64(encodeUtf8(JSON.stringify(options))) };
    await expect(openLayer(annotations, [], 'layer 0')).rejects.toMatchObject({ code: 'image.layer.cipher' });
  });

  test.each<[string, Annotations]>([
    ['missing', {}],
    ['not base64', { [PUBLIC_OPTIONS]: '?' }],
  ])('public options that are %s are refused', async (_, annotations) => {
    await expect(openLayer(annotations, [], 'layer 0')).rejects.toMatchObject({ code: 'image.layer.cipher' });
  });

  test.each([
    ['a short key', { symkey: encodeBase64(encodeUtf8(secret)), digest: `sha256:${'0'.repeat(64)}` }],
    ['no digest', { symkey: encodeBase64(new Uint8Array(32)) }],
    ['a digest of MD5', { symkey: encodeBase64(new Uint8Array(32)), digest: `md5:${'0'.repeat(32)}` }],
    ['no JSON', secret],
  ])('private options with %s are refused, and not shown', async (_, options) => {
    const text = typeof options === 'string' ? options : JSON.stringify(options);
    const annotations = await addRecipients(
      { [PUBLIC_OPTIONS]: encodeBase64(encodeUtf8(JSON.stringify(base))) },
      encodeUtf8(text),
      [jweWrapper([toEc])],
    );
    const error = await openLayer(annotations, [jweUnwrapper([ec.privateKey])], 'layer 0').catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'image.layer.cipher' });
    expect(JSON.stringify(error.finding)).not.toContain(secret);
  });

  test('private options that are none do not keep the next entry from being tried', async () => {
    const good = encodeUtf8(
      JSON.stringify({ symkey: encodeBase64(randomBytes(32)), digest: `sha256:${'0'.repeat(64)}` }),
    );
    const wrappers = [jweWrapper([toEc])];
    const before = { [PUBLIC_OPTIONS]: encodeBase64(encodeUtf8(JSON.stringify(base))) };
    const both = await addRecipients(await addRecipients(before, encodeUtf8(secret), wrappers), good, wrappers);
    const { wrapped } = await openLayer(both, [jweUnwrapper([ec.privateKey])], 'layer 0');
    expect(Buffer.from(wrapped).equals(good)).toBe(true);
  });

  test('are written with all members, in the order of other tools', () => {
    const nonce = new Uint8Array(16);
    expect(Buffer.from(writePublicOptions({ hmac: new Uint8Array(32) })).toString()).toBe(JSON.stringify(base));
    expect(
      Buffer.from(writePrivateOptions({ symmetricKey: new Uint8Array(32), digest: 'sha256:00', nonce })).toString(),
    ).toMatch(/^\{"symkey":"A{43}=","digest":"sha256:00","cipheroptions":\{"nonce":"A{22}=="\}\}$/);
  });
});

describe('packets', () => {
  const kek = randomBytes(32);
  const options = encodeUtf8('{"symkey":"…"}');

  test.each(['v1', 'v2', 'eaa'] as const)('%s comes back', (form) => {
    const packet = sealPacket(options, { kid: 'kbs:///a/b/c', kek, random });
    const read = readPacket(writePacket(packet, form));
    expect(read).toMatchObject({
      form: form === 'eaa' ? 'eaa' : 'coco',
      kid: 'kbs:///a/b/c',
      provider: 'kbs',
      wrapType: 'A256GCM',
    });
    expect(Buffer.from(openPacket(read, kek)).equals(options)).toBe(true);
    expect(() => openPacket(read, randomBytes(32))).toThrow(expect.objectContaining({ code: 'image.packet.opens' }));
  });

  test('A256CTR has a counter block of 16 bytes, and the earlier form knows it not', () => {
    const packet = sealPacket(options, { kid: 'k', kek, random, wrapType: 'A256CTR' });
    expect(packet.iv).toHaveLength(16);
    expect(Buffer.from(openPacket(readPacket(writePacket(packet)), kek)).equals(options)).toBe(true);
    expect(() => writePacket(packet, 'eaa')).toThrow('A256GCM only');
  });

  test('a packet that a KMS opens is not opened here', () => {
    const packet = readPacket(encodeUtf8('{"kid":"k","wrapped_data":"AAAA","provider":"aws"}'));
    expect(packet).toMatchObject({ provider: 'aws' });
    expect(() => openPacket(packet, kek)).toThrow('its own key');
  });

  const good = { kid: 'k', wrapped_data: 'AAAA', iv: 'AAAAAAAAAAAAAAAA', wrap_type: 'A256GCM' };
  test.each<[string, unknown]>([
    ['no JSON', undefined],
    ['an array', []],
    ['no kid', { ...good, kid: undefined }],
    ['an empty kid', { ...good, kid: '' }],
    ['wrapped_data that is no base64', { ...good, wrapped_data: '!' }],
    ['no wrapped_data', { ...good, wrapped_data: undefined }],
    ['no iv', { ...good, iv: undefined }],
    ['an iv of 3 bytes', { ...good, iv: 'AAAA' }],
    ['an iv of GCM with CTR', { ...good, wrap_type: 'A256CTR' }],
    ['no wrap type', { ...good, wrap_type: undefined }],
    ['another version', { ...good, version: '0.2.0' }],
    ['a version that is a number', { ...good, version: 1 }],
    ['another provider', { ...good, provider: 'KBS' }],
    ['settings that are no object', { ...good, provider_settings: [] }],
    ['annotations that are no object', { ...good, annotations: 'x' }],
    ['the earlier form without its algorithm', { kid: 'k', wrapped_data: [1], iv: [1] }],
    [
      'the earlier form with a number that is no byte',
      { kid: 'k', wrapped_data: [256], iv: Array(12).fill(0), algorithm: 'AES', key_length: 256 },
    ],
    ['the earlier form with a short iv', { kid: 'k', wrapped_data: [1], iv: [1], algorithm: 'AES', key_length: 256 }],
    [
      'the earlier form with another key length',
      { kid: 'k', wrapped_data: [1], iv: Array(12).fill(0), algorithm: 'AES', key_length: 128 },
    ],
  ])('%s is refused', (_, packet) => {
    const bytes = encodeUtf8(packet === undefined ? '{' : JSON.stringify(packet));
    expect(() => readPacket(bytes)).toThrow(expect.objectContaining({ code: 'image.packet.form' }));
  });

  test('keys of another size neither seal nor open', () => {
    expect(() => sealPacket(options, { kid: 'k', kek: kek.subarray(1), random })).toThrow('31 bytes');
    expect(() => openPacket(readPacket(encodeUtf8(JSON.stringify(good))), kek.subarray(1))).toThrow('31 bytes');
  });

  test('wrapped data shorter than a tag are refused', () => {
    expect(() => openPacket(readPacket(encodeUtf8(JSON.stringify(good))), kek)).toThrow('shorter than the tag');
  });
});

describe('key provider messages', () => {
  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no op', '{}'],
    ['another op', '{"op":"x"}'],
    ['wrap without parameters', '{"op":"keywrap","keywrapparams":null}'],
    ['wrap without options', '{"op":"keywrap","keywrapparams":{"ec":{"Parameters":{}},"optsdata":null}}'],
    ['wrap with empty options', '{"op":"keywrap","keywrapparams":{"ec":{"Parameters":{}},"optsdata":""}}'],
    [
      'parameters that are no array',
      '{"op":"keywrap","keywrapparams":{"ec":{"Parameters":{"a":"eA=="}},"optsdata":"AAAA"}}',
    ],
    [
      'parameters that are no text',
      '{"op":"keywrap","keywrapparams":{"ec":{"Parameters":{"a":["/w=="]}},"optsdata":"AAAA"}}',
    ],
    ['unwrap without annotation', '{"op":"keyunwrap","keyunwrapparams":{"dc":null}}'],
  ])('%s is refused', (_, text) => {
    expect(() => readProviderRequest(encodeUtf8(text))).toThrow(
      expect.objectContaining({ code: 'image.provider.form' }),
    );
  });

  test('options as plain JSON text, base64 and numbers are the same', () => {
    const text = '{"symkey":"x"}';
    for (const optsdata of [text, encodeBase64(encodeUtf8(text)), [...encodeUtf8(text)]]) {
      const request = readProviderRequest(
        encodeUtf8(JSON.stringify({ op: 'keywrap', keywrapparams: { ec: { Parameters: null }, optsdata } })),
      );
      expect(request.op === 'keywrap' && Buffer.from(request.options).toString()).toBe(text);
    }
  });

  test('answers come in numbers and are read in both forms; empty ones are refused', () => {
    expect(Buffer.from(writeUnwrapAnswer(Uint8Array.of(1, 2))).toString()).toContain('"optsdata":[1,2]');
    expect(readUnwrapAnswer(encodeUtf8('{"keyunwrapresults":{"optsdata":"AQI="}}'))).toEqual(Uint8Array.of(1, 2));
    expect(readWrapAnswer(writeWrapAnswer(Uint8Array.of(3)))).toEqual(Uint8Array.of(3));
    for (const text of ['{}', '{"keyunwrapresults":{"optsdata":[]}}', '{"keyunwrapresults":{"optsdata":[300]}}']) {
      expect(() => readUnwrapAnswer(encodeUtf8(text))).toThrow(
        expect.objectContaining({ code: 'image.provider.form' }),
      );
    }
    expect(() => readWrapAnswer(writeUnwrapAnswer(Uint8Array.of(1)))).toThrow('is empty');
  });

  test.each([
    ['no JSON', 'x'],
    ['no providers', '{}'],
    ['a provider that is no object', '{"key-providers":{"a":1}}'],
    ['a provider that is nothing', '{"key-providers":{"a":null}}'],
    ['a provider that is reached by nothing', '{"key-providers":{"a":{}}}'],
    ['a program without a path', '{"key-providers":{"a":{"cmd":{}}}}'],
    ['arguments that are no texts', '{"key-providers":{"a":{"cmd":{"path":"x","args":[1]}}}}'],
    ['arguments that are no array', '{"key-providers":{"a":{"cmd":{"path":"x","args":"y"}}}}'],
    ['TLS that is no object', '{"key-providers":{"a":{"grpc":"x:1","grpc-tls":1}}}'],
    ['TLS for something else', '{"key-providers":{"a":{"ttrpc":"unix:///x","grpc-tls":{}}}}'],
    ['TLS without an address', '{"key-providers":{"a":{"grpc-tls":{}}}}'],
    ['TLS with a member that is not known', '{"key-providers":{"a":{"grpc":"x:1","grpc-tls":{"root-ca":"x"}}}}'],
    ['an authority that is no text', '{"key-providers":{"a":{"grpc":"x:1","grpc-tls":{"root-ca-file":1}}}}'],
    ['a certificate without its key', '{"key-providers":{"a":{"grpc":"x:1","grpc-tls":{"cert-file":"x"}}}}'],
    ['a key without its certificate', '{"key-providers":{"a":{"grpc":"x:1","grpc-tls":{"key-file":"x"}}}}'],
    ['a switch that is no switch', '{"key-providers":{"a":{"grpc":"x:1","grpc-tls":{"insecure-skip-verify":"no"}}}}'],
  ])('a configuration with %s is refused', (_, text) => {
    expect(() => readProviderConfig(encodeUtf8(text))).toThrow(
      expect.objectContaining({ code: 'image.provider.form' }),
    );
  });
});

test('providers are read in the order of what reaches them', () => {
  const read = (entry: unknown) =>
    readProviderConfig(encodeUtf8(JSON.stringify({ 'key-providers': { a: entry } }))).get('a');
  expect(read({ cmd: { path: '/p' }, grpc: 'x:1' })).toEqual({ kind: 'cmd', path: '/p', args: [] });
  expect(read({ cmd: null, grpc: 'x:1', ttrpc: 'unix:///y' })).toEqual({ kind: 'grpc', address: 'x:1' });
  expect(read({ grpc: '', ttrpc: 'unix:///y', native: 'n' })).toEqual({ kind: 'ttrpc', address: 'unix:///y' });
  expect(read({ native: 'n' })).toEqual({ kind: 'native', address: 'n' });
});

test('the first version of packets has four members, and no more', () => {
  const packet = sealPacket(encodeUtf8('{}'), { kid: 'kbs:///a/b/c', kek: randomBytes(32), random });
  const members = (form: 'v1' | 'v2') => Object.keys(JSON.parse(Buffer.from(writePacket(packet, form)).toString()));
  expect(members('v1')).toEqual(['kid', 'wrapped_data', 'iv', 'wrap_type']);
  expect(members('v2')).toContain('provider');
});

test('keys and certificates of more than 64 KiB are none', () => {
  const padding = ' \n'.repeat(40_000);
  const certificate = selfSigned('large').certificate.toString();
  expect(readCertificate(Buffer.from(certificate))).toBeDefined();
  expect(readCertificate(Buffer.from(certificate + padding))).toBeUndefined();
  for (const read of [readPublicKey, readPrivateKey]) {
    expect(() => read(Buffer.concat([pem(ec.publicKey), Buffer.from(padding)]), 'f')).toThrow('bytes are no key');
  }
});

test('TLS of a provider is read whole, and what is empty is absent', () => {
  const read = (tls: unknown) =>
    readProviderConfig(encodeUtf8(JSON.stringify({ 'key-providers': { a: { grpc: 'x:1', 'grpc-tls': tls } } }))).get(
      'a',
    );
  const all = {
    'root-ca-file': 'ca',
    'cert-file': 'crt',
    'key-file': 'key',
    'server-name': 'n',
    'insecure-skip-verify': true,
  };
  expect(read(all)).toEqual({
    kind: 'grpc',
    address: 'x:1',
    tls: { rootCaFile: 'ca', client: { certFile: 'crt', keyFile: 'key' }, serverName: 'n', insecureSkipVerify: true },
  });
  const empty = { 'root-ca-file': '', 'cert-file': '', 'key-file': null, 'server-name': '' };
  expect(read(empty)).toEqual({ kind: 'grpc', address: 'x:1', tls: { insecureSkipVerify: false } });
  expect(read(null)).toEqual({ kind: 'grpc', address: 'x:1' });
});

describe('keys', () => {
  test('private keys of every encoding are read', () => {
    const der = (type: 'pkcs8' | 'sec1' | 'pkcs1', key = ec.privateKey): Uint8Array =>
      key.export({ type: type as 'pkcs8', format: 'der' });
    const encodings: Uint8Array[] = [
      Buffer.from(ec.privateKey.export({ type: 'sec1', format: 'pem' })),
      der('pkcs8'),
      der('sec1'),
      der('pkcs1', rsa.privateKey),
      encodeUtf8(JSON.stringify(ec.privateKey.export({ format: 'jwk' }))),
    ];
    for (const bytes of encodings) expect(readPrivateKey(bytes, 'key').type).toBe('private');
  });

  test('an encrypted key wants its password, and says so', () => {
    const cipher = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'correct horse' } as const;
    const bytes = Buffer.from(ec.privateKey.export(cipher));
    expect(readPrivateKey(bytes, 'key', 'correct horse').type).toBe('private');
    expect(() => readPrivateKey(bytes, 'key')).toThrow('no password was given');
    expect(() => readPrivateKey(bytes, 'key', 'wrong')).toThrow('does not open it');
  });

  test('keys that wrap nothing, files that are no keys, and large files are refused', () => {
    const ed = generateKeyPairSync('ed25519');
    for (const bytes of [
      pem(ed.publicKey),
      encodeUtf8('x'),
      encodeUtf8('{'),
      encodeUtf8('{"kty":"oct"}'),
      new Uint8Array(70_000),
    ]) {
      expect(() => readPublicKey(bytes, 'key.pem')).toThrow(expect.objectContaining({ code: 'image.key.form' }));
      expect(() => readPrivateKey(bytes, 'key.pem')).toThrow(expect.objectContaining({ code: 'image.key.form' }));
    }
    expect(() => readPrivateKey(Buffer.from(ed.privateKey.export({ type: 'pkcs8', format: 'pem' })), 'k')).toThrow(
      'wraps nothing',
    );
  });

  test('the `alg` of a JWK decides, when it fits', () => {
    const jwk = (alg: string): Uint8Array =>
      encodeUtf8(JSON.stringify({ ...rsa.publicKey.export({ format: 'jwk' }), alg }));
    expect(readPublicKey(jwk('RSA-OAEP-256'), 'k').algorithm).toBe('RSA-OAEP-256');
    expect(() => readPublicKey(jwk('ECDH-ES+A256KW'), 'k')).toThrow('does not fit');
    expect(() => readPublicKey(jwk('RSA1_5'), 'k')).toThrow('does not fit');
  });
});

test('media types', () => {
  expect(encryptedMediaType('application/vnd.docker.image.rootfs.diff.tar.gzip')).toBe(
    'application/vnd.oci.image.layer.v1.tar+gzip+encrypted',
  );
  expect(plainMediaType('application/vnd.oci.image.layer.v1.tar+zstd+encrypted')).toBe(
    'application/vnd.oci.image.layer.v1.tar+zstd',
  );
  for (const wrong of ['application/vnd.oci.image.layer.v1.tar+encrypted', 'text/plain']) {
    expect(() => encryptedMediaType(wrong)).toThrow(expect.objectContaining({ code: 'image.layer.type' }));
  }
  for (const wrong of ['application/vnd.oci.image.layer.v1.tar', 'text/plain+encrypted']) {
    expect(() => plainMediaType(wrong)).toThrow(expect.objectContaining({ code: 'image.layer.type' }));
  }
});

describe('fuzz', () => {
  test('no entry, packet or message makes a reader throw anything but its own error', async () => {
    const { layer } = await encrypted(plain);
    const kek = randomBytes(32);
    const wrapped = writePrivateOptions(layer.privateOptions);
    const seeds = await Promise.all([
      jweWrapper([toRsa, toEc]).wrap(wrapped),
      pkcs7Wrapper([certificate('one')], random).wrap(wrapped),
      writePacket(sealPacket(wrapped, { kid: 'kbs:///a/b/c', kek, random }), 'v2'),
    ]);
    const jwe = jweUnwrapper([ec.privateKey]);
    const pkcs7 = identityOf('one');
    const changed = fc
      .tuple(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(5000), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(100),
      )
      .map(([seed, edits, cut]) => {
        const bytes = Uint8Array.from(seed);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        return bytes.subarray(0, bytes.length - (cut < 50 ? 0 : cut % bytes.length));
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, fc.uint8Array({ maxLength: 200 })), async (bytes) => {
        for (const unwrapper of [jwe, pkcs7]) {
          const { options } = await unwrapper.unwrap(bytes, '');
          if (options !== undefined) expect(Buffer.from(options).equals(wrapped)).toBe(true);
        }
        for (const read of [readPacket, readProviderRequest, readUnwrapAnswer]) {
          try {
            read(bytes);
          } catch (error) {
            expect((error as { code?: string }).code).toMatch(/^image\.(packet|provider)\.form$/);
          }
        }
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});

function certificate(name: string): X509Certificate {
  return selfSigned(name).certificate;
}

function identityOf(name: string, keyOf = name): KeyUnwrapper {
  return pkcs7Unwrapper([{ certificate: certificate(name), key: selfSigned(keyOf).key }], random);
}
