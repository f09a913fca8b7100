import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  openPacket,
  readPacket,
  readUnwrapAnswer,
  readWrapAnswer,
  sealPacket,
  writePacket,
  writeProviderRequest,
} from '@assay/ocicrypt';
import { formatResourceUri, type ResourceUri } from '@assay/protocol';
import { temporaryFolder } from '@assay/testkit';
import { STATUS } from '@assay/ttrpc';
import { describe, expect, test } from 'vitest';
import { keyFolder } from './key-folder.js';
import { parseKeyId, parseParameters } from './parameters.js';
import { KeyProvider, type KeyProviderOptions } from './provider.js';
import type { Registrar } from './registrar.js';

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const options = Buffer.from('{"symkey":"secret of the layer"}');
const folder = temporaryFolder('assay-provider-');
const kekFile = join(folder, 'kek.bin');
writeFileSync(kekFile, Buffer.alloc(32, 7));

/** A broker's keys in memory. */
class Broker implements Registrar {
  readonly stored = new Map<string, Uint8Array>();
  puts = 0;
  refuses = false;
  async has(uri: ResourceUri): Promise<boolean> {
    return this.stored.has(formatResourceUri(uri));
  }
  async put(uri: ResourceUri, kek: Uint8Array): Promise<void> {
    if (this.refuses) throw new Error('refused');
    this.puts += 1;
    this.stored.set(formatResourceUri(uri), kek);
  }
}

const provider = (more: Partial<KeyProviderOptions> = {}): KeyProvider =>
  new KeyProvider({ packet: 'coco', allowSample: false, replace: false, unwrap: false, random, ...more });
const request = (text: string | readonly string[], name = 'attestation-agent'): Uint8Array =>
  writeProviderRequest({ op: 'keywrap', parameters: { [name]: [text].flat() }, options });
const wrap = async (to: KeyProvider, text: string | readonly string[], name?: string) =>
  readPacket(readWrapAnswer(await to.wrap(request(text, name))));
const unwrapRequest = (annotation: Uint8Array): Uint8Array =>
  writeProviderRequest({ op: 'keyunwrap', parameters: {}, annotation });

describe('parameters', () => {
  test.each([
    ['', { sample: false, wrapType: 'A256GCM' }],
    ['Enabled', { sample: false, wrapType: 'A256GCM' }],
    ['sample=true', { sample: true, wrapType: 'A256GCM' }],
    ['keypath=/k=1::algorithm=A256CTR', { sample: false, wrapType: 'A256CTR', keyPath: '/k=1' }],
  ])('%j', (text, expected) => {
    expect(parseParameters(text)).toEqual(expected);
  });

  test.each([
    'keyid',
    'other=1',
    'sample=yes',
    'sample=true::keypath=/x',
    'sample=true::keyid=/a/b/c',
    'algorithm=A128GCM',
    'keypath=',
    'keypath=/a::keypath=/b',
    'keyid=',
    'keyid=a/b',
    'keyid=/a/b/c/d/e',
    'keyid=kbs:///a/../c',
    'keyid=http://x/a/b/c',
    'a=b::',
  ])('%j is refused', (text) => {
    expect(() => parseParameters(text)).toThrow(expect.objectContaining({ code: STATUS.invalidArgument }));
  });

  test.each([
    ['kbs:///default/key/1', 'kbs:///default/key/1'],
    ['kbs://kbs.example:8080/default/key/1', 'kbs:///default/key/1'],
    ['127.0.0.1:8080/default/key/1', 'kbs:///default/key/1'],
    ['/default/key/1', 'kbs:///default/key/1'],
    ['default/key/1', 'kbs:///default/key/1'],
    ['kbs+pkcs11://host/a/b', 'kbs+pkcs11:///a/b'],
  ])('keyid %s is %s in the packet', (text, expected) => {
    expect(formatResourceUri(parseKeyId(text))).toBe(expected);
  });
});

describe('wrapping', () => {
  test.each([
    ['A256GCM', 12],
    ['A256CTR', 16],
  ] as const)('%s has an IV of %i bytes, and opens with the key of keypath', async (algorithm, size) => {
    const packet = await wrap(provider(), `keypath=${kekFile}::keyid=/default/key/1::algorithm=${algorithm}`);
    expect(packet).toMatchObject({ form: 'coco', kid: 'kbs:///default/key/1', wrapType: algorithm });
    expect(packet.iv).toHaveLength(size);
    expect(Buffer.from(openPacket(packet, readFileSync(kekFile)))).toEqual(options);
  });

  test('the answer holds arrays of numbers, the packet the members of version 1', async () => {
    const answer = JSON.parse(Buffer.from(await provider().wrap(request(`keypath=${kekFile}`))).toString());
    const bytes: number[] = answer.keywrapresults.annotation;
    expect(bytes.every((byte) => Number.isInteger(byte))).toBe(true);
    expect(Object.keys(JSON.parse(Buffer.from(bytes).toString()))).toEqual(['kid', 'wrapped_data', 'iv', 'wrap_type']);
  });

  test('a new key has a name of its own each time, and is registered before', async () => {
    const broker = new Broker();
    const to = provider({ registrar: broker });
    const packets = [await wrap(to, 'Enabled'), await wrap(to, '', 'another-name')];
    expect(new Set(packets.map(({ kid }) => kid)).size).toBe(2);
    for (const packet of packets) {
      expect(packet.kid).toMatch(/^kbs:\/\/\/default\/image-kek\/[0-9a-f-]{36}$/);
      expect(Buffer.from(openPacket(packet, broker.stored.get(packet.kid) ?? new Uint8Array(0)))).toEqual(options);
    }
  });

  test('layers that name one new key at the same time share it', async () => {
    const broker = new Broker();
    const to = provider({ registrar: broker });
    const packets = await Promise.all([1, 2, 3, 4].map(() => wrap(to, 'keyid=default/key/new')));
    const kek = broker.stored.get('kbs:///default/key/new') ?? new Uint8Array(0);
    for (const packet of packets) expect(Buffer.from(openPacket(packet, kek))).toEqual(options);
    expect(broker.puts).toBe(1);
  });

  test('a key that is not registered wraps nothing, and the next try registers it', async () => {
    const broker = new Broker();
    const to = provider({ registrar: broker });
    broker.refuses = true;
    await expect(wrap(to, `keyid=default/key/1::keypath=${kekFile}`)).rejects.toThrow('refused');
    broker.refuses = false;
    await wrap(to, `keyid=default/key/1::keypath=${kekFile}`);
    expect(broker.puts).toBe(1);
  });

  test('what the broker has already is not written over, unless that is wanted', async () => {
    const broker = new Broker();
    broker.stored.set('kbs:///default/key/1', new Uint8Array(32));
    const text = `keyid=default/key/1::keypath=${kekFile}`;
    const refused = expect.objectContaining({ code: STATUS.alreadyExists });
    await expect(wrap(provider({ registrar: broker }), text)).rejects.toEqual(refused);
    await expect(wrap(provider({ registrar: broker }), 'keyid=default/key/1')).rejects.toEqual(refused);
    expect(broker.puts).toBe(0);
    await wrap(provider({ registrar: broker, replace: true }), text);
    expect(broker.stored.get('kbs:///default/key/1')).toEqual(readFileSync(kekFile));
  });

  test.each([
    ['a new key that nobody would have', 'keyid=default/key/1', STATUS.failedPrecondition],
    ['the sample key', 'sample=true', STATUS.permissionDenied],
    ['a key file that is not there', `keypath=${folder}/none`, STATUS.invalidArgument],
    ['a device for a key file', 'keypath=/dev/zero', STATUS.invalidArgument],
    ['a folder for a key file', `keypath=${folder}`, STATUS.invalidArgument],
    ['a key file of another size', `keypath=${join(folder, 'short')}`, STATUS.invalidArgument],
    ['two keys at once', ['keyid=a/b/c', 'keyid=d/e/f'], STATUS.invalidArgument],
  ])('%s is refused', async (_, text, code) => {
    writeFileSync(join(folder, 'short'), 'short');
    await expect(wrap(provider(), text)).rejects.toMatchObject({ code });
  });

  test('parameters for others, and requests to unwrap, are not taken for its own', async () => {
    const parameters = { one: ['sample=true'], two: ['sample=true'] };
    const to = provider({ allowSample: true });
    await expect(to.wrap(writeProviderRequest({ op: 'keywrap', parameters, options }))).rejects.toThrow('none of');
    await expect(to.wrap(unwrapRequest(options))).rejects.toThrow('none to wrap');
    await expect(to.wrap(Buffer.from('{'))).rejects.toMatchObject({ code: 'image.provider.form' });
  });

  test('keys of plug-ins are put into no broker', async () => {
    const text = `keyid=kbs+pkcs11:///a/b::keypath=${kekFile}`;
    await expect(wrap(provider({ registrar: new Broker() }), text)).rejects.toThrow('cannot be put');
    expect((await wrap(provider(), text)).kid).toBe('kbs+pkcs11:///a/b');
  });

  test('the sample key, where it is allowed, is that of Confidential Containers', async () => {
    const broker = new Broker();
    const packet = await wrap(provider({ allowSample: true, registrar: broker }), 'sample=true');
    expect(packet.kid).toBe('kbs:///default/test-key/1');
    const key = Buffer.from('d99b7705b0ba7a168295b3a3367270b0dd9b371bf514ca8b9ba7f0a33711daea', 'hex');
    expect(Buffer.from(openPacket(packet, key))).toEqual(options);
    expect(broker.puts).toBe(0);
  });
});

describe('packets of EAA', () => {
  test('name the key by the one parameter, and open with what was registered', async () => {
    const broker = new Broker();
    const packet = await wrap(provider({ packet: 'eaa', registrar: broker }), 'my-key');
    expect(packet).toMatchObject({ form: 'eaa', kid: 'my-key' });
    const kek = broker.stored.get('kbs:///default/image-kek/my-key') ?? new Uint8Array(0);
    expect(Buffer.from(openPacket(packet, kek))).toEqual(options);
    const made = await wrap(provider({ packet: 'eaa', registrar: broker }), 'Enabled');
    expect(made.kid).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each(['a/b', '../x', 'keyid=a/b/c', `keypath=${kekFile}::algorithm=A256CTR`])('%s is refused', async (text) => {
    await expect(wrap(provider({ packet: 'eaa', registrar: new Broker() }), text)).rejects.toThrow();
  });
});

describe('keys in a folder', () => {
  const keys = () => keyFolder(temporaryFolder('assay-keks-'));

  test('are made once, for their owner alone, and used again', async () => {
    const place = temporaryFolder('assay-keks-');
    const first = await wrap(provider({ keys: keyFolder(place) }), 'keyid=default/key/1');
    const file = join(place, 'default/key/1');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const broker = new Broker();
    const again = await wrap(provider({ keys: keyFolder(place), registrar: broker }), 'keyid=default/key/1');
    for (const packet of [first, again]) {
      expect(Buffer.from(openPacket(packet, readFileSync(file)))).toEqual(options);
    }
    expect(broker.stored.get('kbs:///default/key/1')).toEqual(readFileSync(file));
    // Its own key goes to the broker again without a question.
    await wrap(provider({ keys: keyFolder(place), registrar: broker }), 'keyid=default/key/1');
    expect(broker.puts).toBe(2);
    await expect(
      wrap(provider({ keys: keyFolder(place) }), `keyid=default/key/1::keypath=${kekFile}`),
    ).rejects.toMatchObject({ code: STATUS.alreadyExists });
  });

  test('unwrap, where that is wanted: packets of both forms', async () => {
    for (const packet of ['coco', 'eaa'] as const) {
      const to = provider({ packet, keys: keys(), unwrap: true });
      const annotation = readWrapAnswer(await to.wrap(request('')));
      expect(Buffer.from(readUnwrapAnswer(await to.unwrap(unwrapRequest(annotation))))).toEqual(options);
    }
  });

  test('do not unwrap without --unwrap, what they do not have, or what was changed', async () => {
    const place = keys();
    const annotation = readWrapAnswer(await provider({ keys: place }).wrap(request('keyid=default/key/1')));
    const unwrapping = (by: KeyProvider, bytes: Uint8Array) => by.unwrap(unwrapRequest(bytes));
    await expect(unwrapping(provider({ keys: place }), annotation)).rejects.toMatchObject({
      code: STATUS.unimplemented,
    });
    await expect(unwrapping(provider({ unwrap: true }), annotation)).rejects.toMatchObject({
      code: STATUS.unimplemented,
    });
    const to = provider({ keys: place, unwrap: true });
    await expect(to.unwrap(request(''))).rejects.toThrow('none to unwrap');
    await expect(unwrapping(provider({ keys: keys(), unwrap: true }), annotation)).rejects.toMatchObject({
      code: STATUS.notFound,
    });
    const wrong = sealPacket(options, { kid: 'kbs:///default/key/1', kek: random(32), random });
    await expect(unwrapping(to, writePacket(wrong))).rejects.toMatchObject({ code: 'image.packet.opens' });
    const sample = sealPacket(options, { kid: 'kbs:///default/test-key/1', kek: random(32), random });
    await expect(unwrapping(to, writePacket(sample))).rejects.toMatchObject({ code: STATUS.notFound });
  });

  test('are no keys when their files have another size', () => {
    const place = temporaryFolder('assay-keks-');
    const at = keyFolder(place);
    at.add(parseKeyId('a/b/c'), new Uint8Array(31));
    expect(() => at.find(parseKeyId('a/b/c'))).toThrow('31 bytes');
    expect(() => at.add(parseKeyId('a/b/c'), new Uint8Array(32))).toThrow('EEXIST');
    expect(() => at.find(parseKeyId('kbs+pkcs11:///a/b'))).toThrow('give keypath');
  });
});
