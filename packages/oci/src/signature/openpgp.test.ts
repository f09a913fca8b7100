/** OpenPGP signatures that a key once made, and that are no longer good; messages that are more than they seem. */
import { deflateRawSync } from 'node:zlib';
import {
  config,
  enums,
  generateKey,
  LiteralDataPacket,
  OnePassSignaturePacket,
  PacketList,
  type PrivateKey,
  type PublicKey,
  reformatKey,
  revokeKey,
  type SecretKeyPacket,
  type SecretSubkeyPacket,
  SignaturePacket,
  type Subkey,
} from 'openpgp';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseReference, readKeyring, sha256Digest, verifySimpleSignature } from '../index.js';
import { payloadOf } from '../testing/signed.test.helper.js';

const asked = 'quay.io/acme/app:v1';
const digest = sha256Digest(Buffer.from('manifest'));
const payload = new Uint8Array(payloadOf(digest, asked, 'atomic container signature'));
const made = new Date('2026-01-01T00:00:00Z');
const signedAt = new Date('2026-05-01T00:00:00Z');
const now = new Date('2026-06-01T00:00:00Z');
const DAY = 86_400;

let pair: { privateKey: PrivateKey; publicKey: PublicKey };
beforeAll(async () => {
  pair = await keyWith([{ sign: true, keyExpirationTime: 300 * DAY }]);
});

async function keyWith(subkeys: readonly object[]): Promise<typeof pair> {
  return (await generateKey({
    userIDs: [{ name: 'acme' }],
    type: 'ecc',
    curve: 'nistP256',
    date: made,
    subkeys,
    format: 'object',
  } as never)) as unknown as typeof pair;
}

/** A signed message in packets, by the key or the subkey of this place. */
async function packetsOf(
  key: SecretKeyPacket | SecretSubkeyPacket,
  content = payload,
  change: (signature: SignaturePacket) => void = () => undefined,
): Promise<Uint8Array> {
  const literal = Object.assign(new LiteralDataPacket(), { date: signedAt });
  (literal as unknown as { setBytes(bytes: Uint8Array, format: number): void }).setBytes(content, enums.literal.binary);
  const signature = new SignaturePacket();
  Object.assign(signature, {
    signatureType: enums.signature.binary,
    publicKeyAlgorithm: key.algorithm,
    hashAlgorithm: enums.hash.sha256,
  });
  change(signature);
  await (signature as unknown as { sign: (...args: unknown[]) => Promise<void> }).sign(key, literal, signedAt, false, {
    ...config,
    nonDeterministicSignaturesViaNotation: false,
  });
  const first = (
    OnePassSignaturePacket as unknown as { fromSignaturePacket: (...args: unknown[]) => never }
  ).fromSignaturePacket(signature, true);
  const list = new PacketList();
  list.push(first, literal as never, signature as never);
  return list.write() as Uint8Array;
}

const judge = (message: Uint8Array, keys: readonly PublicKey[] = [pair.publicKey], options: object = {}) =>
  verifySimpleSignature(
    message,
    keys,
    { reference: parseReference(asked), manifestDigest: digest },
    { type: 'matchExact' },
    { now, ...options },
  );

const refused = (code: string, words = ''): object => ({ code, title: expect.stringContaining(words) });
const primary = () => pair.privateKey.keyPacket as SecretKeyPacket;
const subkey = () => (pair.privateKey.subkeys[0] as Subkey).keyPacket as SecretSubkeyPacket;

test('one by the key, and one by a subkey for signatures, are good', async () => {
  for (const key of [primary(), subkey()]) {
    expect(await judge(await packetsOf(key))).toMatchObject({ hash: 'SHA-256', created: signedAt });
  }
});

test('a keyring may be several armoured blocks, one behind the other', async () => {
  const other = await keyWith([]);
  const armoured = `of the builders\n${other.publicKey.armor()}\n${pair.publicKey.armor()}`;
  const keys = await readKeyring(Buffer.from(armoured), 'ring');
  expect(keys.map((key) => key.getFingerprint())).toEqual([
    other.publicKey.getFingerprint(),
    pair.publicKey.getFingerprint(),
  ]);
  expect(await judge(await packetsOf(primary()), keys)).toBeDefined();
  const broken = armoured.slice(0, armoured.lastIndexOf('-----END') - 40);
  for (const text of [broken, '-----BEGIN PGP ', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n']) {
    await expect(readKeyring(Buffer.from(text), 'ring')).rejects.toMatchObject({ code: 'signature.policy.form' });
  }
});

describe('a signature', () => {
  const lasting = (seconds: number) => (signature: SignaturePacket) => {
    signature.signatureExpirationTime = seconds;
    signature.signatureNeverExpires = false;
  };

  test('that has expired is refused, whatever is allowed of keys', async () => {
    const message = await packetsOf(primary(), payload, lasting(31 * DAY));
    await expect(judge(message)).rejects.toMatchObject(refused('signature.key.time', 'the signature has expired'));
    await expect(judge(message, undefined, { allowExpiredKey: true })).rejects.toMatchObject({
      code: 'signature.key.time',
    });
    expect(await judge(await packetsOf(primary(), payload, lasting(32 * DAY)))).toBeDefined();
  });

  test('over a weak digest is refused, and over others is not', async () => {
    const over = (hashAlgorithm: number) =>
      packetsOf(primary(), payload, (signature) => Object.assign(signature, { hashAlgorithm }));
    await expect(judge(await over(enums.hash.sha1))).rejects.toMatchObject(refused('signature.hash.accepted', 'SHA-1'));
    await expect(judge(await over(enums.hash.ripemd))).rejects.toMatchObject(
      refused('signature.hash.accepted', 'RIPEMD'),
    );
    for (const hash of [enums.hash.sha384, enums.hash.sha512]) expect(await judge(await over(hash))).toBeDefined();
  });
});

describe('a subkey', () => {
  test('that has expired by now is refused, like a key', async () => {
    const message = await packetsOf(subkey());
    const late = { now: new Date(made.getTime() + 301 * DAY * 1000) };
    await expect(judge(message, undefined, late)).rejects.toMatchObject(refused('signature.key.time', 'expired'));
    expect(await judge(message, undefined, { ...late, allowExpiredKey: true })).toMatchObject({ keyExpired: true });
    // The key itself lives on.
    expect(await judge(await packetsOf(primary()), undefined, late)).toMatchObject({ keyExpired: false });
  });

  test.each(['keyRetired', 'keySuperseded', 'keyCompromised'] as const)(
    'that was revoked since (%s) is refused',
    async (reason) => {
      const message = await packetsOf(subkey());
      const [first] = pair.privateKey.subkeys;
      const revoked = await (first as unknown as { revoke: (...args: unknown[]) => Promise<Subkey> }).revoke(
        primary(),
        { flag: enums.reasonForRevocation[reason] },
        new Date('2026-05-15T00:00:00Z'),
      );
      const key = pair.publicKey;
      const [keyring] = await readKeyring(key.write() as Uint8Array, 'ring');
      (keyring as PublicKey).subkeys.splice(0, 1, revoked);
      await expect(judge(message, [keyring as PublicKey])).rejects.toMatchObject({
        code:
          reason === 'keyCompromised' ? expect.stringMatching(/^signature\.key\.(time|match)$/) : 'signature.key.time',
      });
      // Another day's revocation is none yet.
      if (reason !== 'keyCompromised') {
        expect(await judge(message, [keyring as PublicKey], { now: new Date('2026-05-10T00:00:00Z') })).toBeDefined();
      }
      expect(await judge(await packetsOf(primary()), [keyring as PublicKey])).toBeDefined();
    },
  );
});

test('a key that was reformatted later than it signed is no key of then', async () => {
  const { publicKey } = (await reformatKey({
    privateKey: pair.privateKey,
    userIDs: [{ name: 'acme' }],
    date: new Date('2026-05-20T00:00:00Z'),
    format: 'object',
  } as never)) as unknown as { publicKey: PublicKey };
  await expect(judge(await packetsOf(primary()), [publicKey])).rejects.toMatchObject({ code: 'signature.key.match' });
});

test('a key that was revoked softly after it signed is refused, too', async () => {
  const { publicKey } = (await revokeKey({
    key: pair.privateKey,
    reasonForRevocation: { flag: enums.reasonForRevocation.keyRetired },
    date: new Date('2026-05-15T00:00:00Z'),
    format: 'object',
  })) as unknown as { publicKey: PublicKey };
  await expect(judge(await packetsOf(primary()), [publicKey])).rejects.toMatchObject(
    refused('signature.key.time', 'revoked'),
  );
});

describe('a compressed message', () => {
  /** Tag 8, a length of five octets, ZIP. */
  const compressed = (bytes: Uint8Array): Uint8Array => {
    const content = deflateRawSync(bytes, { level: 9 });
    const head = Buffer.from([0xc8, 0xff, 0, 0, 0, 0, 1]);
    head.writeUInt32BE(content.length + 1, 2);
    return new Uint8Array(Buffer.concat([head, content]));
  };

  test('is read', async () => {
    expect(await judge(compressed(await packetsOf(primary())))).toBeDefined();
  });

  test('that grows too large is not', async () => {
    const message = compressed(await packetsOf(primary(), new Uint8Array(20 * 2 ** 20)));
    expect(message.length).toBeLessThan(64 * 1024);
    await expect(judge(message)).rejects.toMatchObject(refused('signature.object.form', 'no OpenPGP message'));
  });
});
