import { randomBytes } from 'node:crypto';
import { encodeBase64, encodeUtf8 } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import {
  createMessage,
  encrypt,
  generateKey,
  type PrivateKey,
  readPrivateKey,
  readMessage as readRaw,
  reformatKey,
} from 'openpgp';
import { describe, expect, test } from 'vitest';
import {
  addRecipients,
  encryptionAnnotations,
  findPgpRecipient,
  isPgpPrivateKey,
  LayerEncryption,
  openLayer,
  type PgpPublicKey,
  pgpUnwrapper,
  pgpWrapper,
  readPgpKeyring,
  readPgpPrivateKeys,
} from '../index.js';
import { ALICE_SECRET, SKOPEO_ENTRY, SKOPEO_OPTIONS } from './captured.test.helper.js';

const random = (length: number): Uint8Array => randomBytes(length);
// Keys that are made below must be good by then.
const now = new Date(Date.now() + 60_000);
const at = (): Date => now;
const secret = encodeUtf8(SKOPEO_OPTIONS);

async function makeKey(name: string, passphrase?: string, type: 'rsa' | 'curve25519' = 'rsa'): Promise<PrivateKey> {
  const { privateKey } = await generateKey({
    type,
    rsaBits: 2048,
    userIDs: [{ name, email: `${name.toLowerCase()}@example.com` }],
    format: 'object',
    ...(passphrase === undefined ? {} : { passphrase }),
  } as Parameters<typeof generateKey>[0] & { format: 'object' });
  return privateKey;
}

const [alice, bob, locked, curve] = await Promise.all([
  makeKey('Alice'),
  makeKey('Bob'),
  makeKey('Locked', 'right'),
  makeKey('Curve', undefined, 'curve25519'),
]);
const ring = async (...keys: PrivateKey[]): Promise<readonly PgpPublicKey[]> =>
  readPgpKeyring(Buffer.concat(keys.map((key) => key.toPublic().write())), 'ring');
const unwrapperOf = async (...keys: PrivateKey[]) =>
  pgpUnwrapper(await readPgpPrivateKeys(Buffer.concat(keys.map((key) => key.write())), 'keys', 'right'));
const wrapFor = async (...keys: PrivateKey[]) => pgpWrapper(await ring(...keys), random, at).wrap(secret);

/** Tags of the packets of a message (RFC 9580 section 5). */
async function tagsOf(entry: Uint8Array): Promise<readonly number[]> {
  const { packets } = await readRaw({ binaryMessage: entry });
  return packets.map((packet) => (packet.constructor as unknown as { tag: number }).tag);
}

describe('entries', () => {
  test.each([
    ['RSA', alice, bob],
    ['Curve25519', curve, alice],
    ['a key with a password', locked, curve],
  ])('for %s are opened by its key, and by no other', async (_, key, other) => {
    const entry = await wrapFor(key);
    const opened = await (await unwrapperOf(key)).unwrap(entry, '');
    expect(opened).toEqual({ options: new Uint8Array(secret), with: { alg: 'OpenPGP', recipients: 1 } });
    expect(await (await unwrapperOf(other)).unwrap(entry, '')).toEqual({
      reason: expect.stringContaining('OpenPGP for other keys'),
    });
  });

  /** Where the packet behind so many others begins, whose lengths have two bytes. RSA's numbers are now and then shorter than their key. */
  const behindPackets = (entry: Uint8Array, count: number): number => {
    let at = 0;
    for (let seen = 0; seen < count; seen += 1) {
      const [first = 0, second = 0] = entry.subarray(at + 1, at + 3);
      expect(first).toBeGreaterThanOrEqual(192);
      at += 3 + ((first - 192) << 8) + second + 192;
    }
    return at;
  };

  test('have one packet for each recipient, then one body that is authenticated in the older form', async () => {
    const entry = await wrapFor(alice, bob);
    expect(await tagsOf(entry)).toEqual([1, 1, 18]);
    const { packets } = await readRaw({ binaryMessage: entry });
    expect(packets.map((packet) => (packet as unknown as { version: number }).version)).toEqual([3, 3, 1]);
    // A body of one definite length (RFC 4880 section 4.2.2), not of partial ones.
    const body = behindPackets(entry, 2);
    expect(entry[body]).toBe(0xd2);
    expect(entry[body + 1]).toBeLessThan(224);
    for (const key of [alice, bob]) {
      expect(await (await unwrapperOf(curve, key)).unwrap(entry, '')).toMatchObject({ with: { recipients: 2 } });
    }
  });

  test('of an image go beside those of other schemes, and open it', async () => {
    const layer = new LayerEncryption(random);
    layer.resume();
    layer.end('content of a layer');
    await new Promise((resolve) => layer.on('end', resolve));
    const annotations = await encryptionAnnotations(layer.result, [pgpWrapper(await ring(bob), random, at)]);
    expect(Object.keys(annotations)).toContain('org.opencontainers.image.enc.keys.pgp');
    const first = await openLayer(annotations, [await unwrapperOf(bob)], 'layer 0');
    const both = await addRecipients(annotations, first.wrapped, [pgpWrapper(await ring(alice), random, at)]);
    const opened = await openLayer(both, [await unwrapperOf(alice)], 'layer 0');
    expect(opened.wrapped).toEqual(first.wrapped);
    expect(opened.privateOptions.digest).toBe(layer.result.privateOptions.digest);
    await expect(openLayer(both, [await unwrapperOf(curve)], 'layer 0')).rejects.toMatchObject({
      code: 'image.key.found',
      finding: { expected: 'pgp' },
    });
  });

  test('of skopeo are read', async () => {
    const keys = await readPgpPrivateKeys(Buffer.from(ALICE_SECRET, 'base64'), 'alice');
    const opened = await pgpUnwrapper(keys).unwrap(Buffer.from(SKOPEO_ENTRY, 'base64'), '');
    expect(Buffer.from(opened.options ?? []).toString()).toBe(SKOPEO_OPTIONS);
  });

  test('that hide their recipient are tried with every key', async () => {
    const message = await createMessage({ binary: new Uint8Array(secret) });
    const entry = await encrypt({ message, encryptionKeys: alice.toPublic(), wildcard: true, format: 'binary' });
    expect(await (await unwrapperOf(bob, alice)).unwrap(entry, '')).toMatchObject({ with: { recipients: 1 } });
  });

  test.each<[string, () => Promise<Uint8Array>]>([
    ['nothing', async () => new Uint8Array(0)],
    ['text', async () => encodeUtf8('-----BEGIN PGP MESSAGE-----')],
    ['a message that is not encrypted', async () => (await createMessage({ binary: new Uint8Array(secret) })).write()],
    ['a body without a recipient', async () => (await wrapFor(alice)).subarray(271)],
    ['a recipient without a body', async () => (await wrapFor(alice)).subarray(0, 271)],
    ['two bodies', async () => Buffer.concat([await wrapFor(alice), (await wrapFor(alice)).subarray(271)])],
    [
      'a password beside the recipient',
      async () =>
        encrypt({
          message: await createMessage({ binary: new Uint8Array(secret) }),
          encryptionKeys: alice.toPublic(),
          passwords: 'x',
          format: 'binary',
        }),
    ],
    [
      'more recipients than anybody has',
      async () => {
        const entry = await wrapFor(alice);
        return Buffer.concat([...Array(256).fill(entry.subarray(0, 271)), entry]);
      },
    ],
    [
      'more bytes than an entry has',
      async () => pgpWrapper(await ring(alice), random, at).wrap(new Uint8Array(randomBytes(1024 * 1024))),
    ],
  ])('%s is no entry', async (_, make) => {
    const entry = await make();
    expect(await (await unwrapperOf(alice)).unwrap(entry, '')).toEqual({ reason: 'no encrypted OpenPGP message' });
  });

  test('a changed byte anywhere opens nothing', async () => {
    const entry = await wrapFor(alice);
    const unwrapper = await unwrapperOf(alice);
    for (const index of [3, 12, 100, 270, 274, 300, entry.length - 1]) {
      const changed = Uint8Array.from(entry);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(await unwrapper.unwrap(changed, '')).toHaveProperty('reason');
    }
  });

  test('that grow beyond all measure when they are decompressed are not opened', async () => {
    const message = await createMessage({ binary: new Uint8Array(4 * 1024 * 1024) });
    const keys = { encryptionKeys: alice.toPublic(), format: 'binary' } as const;
    // The library compresses for those alone who prefer it: made by hand, with ZLIB.
    const compressed = (message as unknown as { compress(algorithm: number): typeof message }).compress(2);
    const bomb = await encrypt({ message: compressed, ...keys });
    expect(bomb.length).toBeLessThan(20_000);
    expect(await (await unwrapperOf(alice)).unwrap(bomb, '')).toHaveProperty('reason');
  });

  test('fuzz: nothing makes the unwrapper throw', async () => {
    const unwrapper = await unwrapperOf(curve);
    const entry = await wrapFor(curve);
    await fc.assert(
      fc.asyncProperty(fc.nat(entry.length - 1), fc.nat(255), fc.nat(entry.length), async (index, byte, end) => {
        const changed = Uint8Array.from(entry);
        changed[index] = byte;
        const result = await unwrapper.unwrap(changed.subarray(0, end), '');
        if (result.options !== undefined) expect(Buffer.from(result.options).equals(secret)).toBe(true);
      }),
      { numRuns: fuzzRuns(100) },
    );
  });
});

describe('keys', () => {
  test.each([['alice@example.com'], ['Alice'], [alice.getFingerprint()], [alice.getFingerprint().toUpperCase()]])(
    'recipient %s is found',
    async (name) => {
      const found = await findPgpRecipient(await ring(bob, alice), name, now);
      expect(found.fingerprint).toBe(alice.getFingerprint().toUpperCase());
      expect(found.userIds).toEqual(['Alice <alice@example.com>']);
    },
  );

  test('an address without a name is found too', async () => {
    const { privateKey } = await reformatKey({ privateKey: bob, userIDs: { email: 'x@y.example' }, format: 'object' });
    expect((await findPgpRecipient(await ring(privateKey), 'x@y.example', now)).userIds).toEqual(['<x@y.example>']);
  });

  test.each([['carol@example.com'], ['alice'], ['ALICE@EXAMPLE.COM'], [''], [alice.getFingerprint().slice(-16)]])(
    'recipient `%s` is not',
    async (name) => {
      await expect(findPgpRecipient(await ring(alice, bob), name, now)).rejects.toMatchObject({
        code: 'image.key.recipient',
        title: expect.stringContaining('no key of that mail address'),
      });
    },
  );

  test('of two keys under one name none is taken, and each by its fingerprint', async () => {
    const { privateKey: twin } = await reformatKey({
      privateKey: bob,
      userIDs: { name: 'Alice', email: 'alice@example.com' },
      format: 'object',
    });
    const keyring = await ring(alice, twin);
    await expect(findPgpRecipient(keyring, 'alice@example.com', now)).rejects.toMatchObject({
      code: 'image.key.recipient',
      title: expect.stringContaining('2 keys have that name'),
    });
    const found = await findPgpRecipient(keyring, twin.getFingerprint(), now);
    expect(found.fingerprint).toBe(twin.getFingerprint().toUpperCase());
  });

  test('one that has expired is not encrypted for, and does not stand in another’s way', async () => {
    const { privateKey: short } = await generateKey({
      type: 'curve25519',
      userIDs: [{ name: 'Alice', email: 'alice@example.com' }],
      keyExpirationTime: 60,
      format: 'object',
    });
    const later = new Date(now.getTime() + 3_600_000);
    await expect(findPgpRecipient(await ring(short), 'Alice', later)).rejects.toMatchObject({
      title: expect.stringContaining('has expired'),
    });
    expect((await findPgpRecipient(await ring(short, alice), 'Alice', later)).fingerprint).toBe(
      alice.getFingerprint().toUpperCase(),
    );
    // What is for it is opened nevertheless.
    const entry = await pgpWrapper(await ring(short), random, () => short.getCreationTime()).wrap(secret);
    expect(await (await unwrapperOf(short)).unwrap(entry, '')).toMatchObject({ with: { recipients: 1 } });
    await expect(pgpWrapper(await ring(short), random, () => later).wrap(secret)).rejects.toThrow();
  });

  test('armoured ones are read as binary ones are', async () => {
    const armoured = encodeUtf8(alice.armor());
    expect(isPgpPrivateKey(armoured)).toBe(true);
    expect((await readPgpPrivateKeys(armoured, 'a')).map(({ fingerprint }) => fingerprint)).toEqual([
      alice.getFingerprint().toUpperCase(),
    ]);
    expect(await readPgpKeyring(encodeUtf8(alice.toPublic().armor()), 'a')).toHaveLength(1);
  });

  test('private keys are told from other keys', () => {
    expect(isPgpPrivateKey(alice.write())).toBe(true);
    expect(isPgpPrivateKey(Buffer.from(ALICE_SECRET, 'base64'))).toBe(true);
    for (const other of [
      alice.toPublic().write(),
      encodeUtf8('{}'),
      Buffer.of(0x30, 0x82),
      Buffer.of(0x45),
      Buffer.of(0x14),
      Buffer.alloc(0),
    ]) {
      expect(isPgpPrivateKey(other)).toBe(false);
    }
    expect(isPgpPrivateKey(encodeUtf8(alice.toPublic().armor()))).toBe(false);
    expect(isPgpPrivateKey(encodeUtf8('-----BEGIN PRIVATE KEY-----'))).toBe(false);
  });

  test('a password opens a key; the error without one does not hold it', async () => {
    const bytes = locked.write();
    const [opened] = await readPgpPrivateKeys(bytes, 'k', 'right');
    expect(opened?.key.isDecrypted()).toBe(true);
    await expect(readPgpPrivateKeys(bytes, 'k')).rejects.toMatchObject({
      code: 'image.key.form',
      title: 'k: it is encrypted, and no password was given',
    });
    const wrong = await readPgpPrivateKeys(bytes, 'k', 'wrong-password').catch((error) => error);
    expect(wrong).toMatchObject({ title: 'k: it is encrypted, and the password does not open it' });
    expect(JSON.stringify(wrong.finding)).not.toContain('wrong-password');
    // Of several keys, those that open are taken.
    expect(await readPgpPrivateKeys(Buffer.concat([bytes, alice.write()]), 'k', 'wrong-password')).toHaveLength(1);
  });

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['text', encodeUtf8('no keys')],
    [
      'no keys in armour',
      encodeUtf8('-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n=AAAA\n-----END PGP PUBLIC KEY BLOCK-----'),
    ],
    ['a message', Buffer.from(SKOPEO_ENTRY, 'base64')],
    ['too much', new Uint8Array(17 * 1024 * 1024)],
  ])('%s is no keyring and no private key', async (_, bytes) => {
    const large = `file: ${bytes.length} bytes`;
    const words = (what: string): string => (bytes.length > 2 ** 24 ? large : `file: no OpenPGP ${what} keys`);
    const refused = (what: string) => ({ code: 'image.key.form', title: expect.stringContaining(words(what)) });
    await expect(readPgpKeyring(bytes, 'file')).rejects.toMatchObject(refused('public'));
    await expect(readPgpPrivateKeys(bytes, 'file')).rejects.toMatchObject(refused('private'));
  });

  test('a public key opens nothing', async () => {
    await expect(readPgpPrivateKeys(alice.toPublic().write(), 'file')).rejects.toMatchObject({
      code: 'image.key.form',
    });
    expect(await readPrivateKey({ binaryKey: alice.write() })).toBeDefined();
  });

  test('without a recipient nothing is wrapped', async () => {
    await expect(pgpWrapper([], random, at).wrap(secret)).rejects.toThrow(RangeError);
    expect(encodeBase64(secret)).toMatch(/^eyJ/);
  });
});
