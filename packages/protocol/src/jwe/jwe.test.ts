import {
  constants,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import {
  concatBytes,
  decodeBase64url,
  encodeBase64url,
  encodeHex,
  type JsonObject,
  type JsonValue,
} from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { FlattenedEncrypt, flattenedDecrypt } from 'jose';
import { describe, expect, test } from 'vitest';
import { counting, EC_KEY, prepared, RSA_KEY } from '../fixtures/worked-examples.js';
import type { FlattenedJwe } from '../kbs/schemas.js';
import { parseTeePubkey } from '../kbs/tee-pubkey.js';
import { ProtocolError } from '../protocol-error.js';
import { decryptJwe, parseResponse } from './decrypt.js';
import { encryptJwe, jweFormWithoutSession } from './encrypt.js';
import {
  generateTeeKeyPair,
  TEE_KEY_ALGORITHMS,
  type TeePrivateKey,
  teeKeyPair,
  teeKeyPairFromPem,
  teePrivateKeyToPem,
} from './key-pair.js';
import { ML_KEM_768, mlKemWrappingKey } from './ml-kem.js';
import { decryptPkcs1Key } from './rsa.js';
import { importTeePubkey } from './tee-public-key.js';

const random = (length: number) => randomBytes(length);
const SECRET = Buffer.from('shhhhhhh');
const CEK = counting(32);
const IV = counting(12);
/** Key pairs are dear: one of each kind for all tests. */
const PAIRS = Object.fromEntries(TEE_KEY_ALGORITHMS.map((name) => [name, generateTeeKeyPair(name, random)])) as Record<
  (typeof TEE_KEY_ALGORITHMS)[number],
  ReturnType<typeof generateTeeKeyPair>
>;
const headerOf = (jwe: FlattenedJwe) => JSON.parse(Buffer.from(jwe.protected, 'base64url').toString()) as JsonObject;

describe('worked examples', () => {
  const ecdh: FlattenedJwe = {
    protected:
      'eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIsImVuYyI6IkEyNTZHQ00iLCJlcGsiOnsiY3J2IjoiUC0yNTYiLCJrdHkiOiJFQyIsIngiOiJmUEo3R0kwRFQzNktVamdEQkxVYXc4Q0phZUozOGhzMXBndElfRWRtbVhnIiwieSI6IkIzZFZFTnVPMEVBcFBackduM1F3MjdwOXJlWTg2WUlwbmdTM25TSjRjOUUifX0',
    encrypted_key: 'gKD1vwpNmfEvP8gjKru_DX1FK9aTzjya_ixwxHJWfqsCtH0yg1y_WQ',
    iv: 'AAECAwQFBgcICQoL',
    ciphertext: 'NGq-c62NqnM',
    tag: 'CntKsKd1WNhUAyqkik1oMQ',
  };
  const scalar = (value: number) => concatBytes(new Uint8Array(31), Uint8Array.of(value));

  test('ECDH-ES+A256KW with ephemeral scalar 2', () => {
    const jwe = encryptJwe(importTeePubkey(EC_KEY), SECRET, { form: 2, random: prepared(CEK, IV, scalar(2)) });
    expect(jwe).toEqual(ecdh);
    expect(Object.keys(jwe)).toEqual(['protected', 'encrypted_key', 'iv', 'ciphertext', 'tag']);
  });

  test('ECDH-ES+A256KW is opened with scalar 1', () => {
    const d = encodeBase64url(scalar(1));
    const { x = '', y = '' } = EC_KEY.kind === 'EC' ? EC_KEY : {};
    const { privateKey } = teeKeyPair(createPrivateKey({ key: { kty: 'EC', crv: 'P-256', x, y, d }, format: 'jwk' }));
    expect(decryptJwe(ecdh, privateKey, { form: 2, random })).toEqual(Uint8Array.from(SECRET));
  });

  test('RSA1_5 in form 1 and form 2, with a fixed padding', () => {
    const padding = new Uint8Array(221).fill(1);
    const key = importTeePubkey(RSA_KEY);
    const one = encryptJwe(key, SECRET, { form: 1, random: prepared(CEK, IV, padding) });
    const encryptedKey =
      'Jm5DwXZjBL9NlxAaULalhTv3VkRCR3o26kn3HDGMsHBYIG0a9s1oweQLlFKVHS66_Yx6pJu2TfzoG6-apkgQG-2vX5wXnDnCysLO2PMqNd_NCzO3N6ZHIHN4sT3JD9KWEr2-TkRqIuLADXivhPgNE7nCje9IHfVhtuX-UATvcRzvjEr2Z8OBeiovOW-MrvDodX1MwFCQkMMWFTPaAgPvJIe--QmuuuzgU5EkSIooQgVpvEQ18arVoT-aN1bvQVUN6rk1G9yhcS9MA-ADkPYYm2-cqJ3DYZQNDVcvjUJyF67XnePd6duegrQjLJM-tN63ZwypGepoX60FaqtvDtM8eQ';
    expect(one).toEqual({
      protected: '{"alg":"RSA1_5","enc":"A256GCM"}',
      encrypted_key: encryptedKey,
      iv: 'AAECAwQFBgcICQoL',
      ciphertext: 'NGq-c62NqnO-E730JdgYMmQmocEpdT18',
      tag: '',
    });
    const two = encryptJwe(key, SECRET, { form: 2, random: prepared(CEK, IV, padding) });
    expect(two).toEqual({
      protected: 'eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMjU2R0NNIn0',
      encrypted_key: encryptedKey,
      iv: 'AAECAwQFBgcICQoL',
      ciphertext: 'NGq-c62NqnM',
      tag: 'SQOleD3FUyGDHF5FgQLehQ',
    });
  });

  test('RSA-OAEP-256', () => {
    const key = importTeePubkey({ ...RSA_KEY, alg: 'RSA-OAEP-256' });
    const jwe = encryptJwe(key, SECRET, { form: 2, random: prepared(CEK, IV, counting(32)) });
    expect(jwe).toMatchObject({
      protected: 'eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMjU2R0NNIn0',
      ciphertext: 'NGq-c62NqnM',
      tag: 'a2KwvDLWHAryXxaHjyZvNg',
    });
  });

  test('ML-KEM-768+A192KW: wrapping key as OpenSSL computes KMAC256', () => {
    expect(encodeHex(mlKemWrappingKey(counting(32)))).toBe('3ca895ec8c52f6c90562f607de97f1dd01e5cb9da6c23525');
  });

  test('mis-padded coordinates of OpenSSL clients are repaired', () => {
    const x = 'mGriUG8f8QTQQjCGHY9LSY9LxMbQCbMPdUTcEpuC0o0';
    const sent = { ...EC_KEY, x, y: 'PMzApkYOCuMopNl9PHth2G_GKJwYnyUlEQxEG7B-lzA' };
    const right = { ...EC_KEY, x, y: 'ADzMwKZGDgrjKKTZfTx7YdhvxiicGJ8lJREMRBuwfpc' };
    expect(importTeePubkey(sent)).toEqual({ ...importTeePubkey(right), repaired: true });
    expect(importTeePubkey(right)).toMatchObject({ repaired: false });
    // The same shift with another filling is no known client: refused.
    const otherFilling = { ...EC_KEY, x, y: 'PMzApkYOCuMopNl9PHth2G_GKJwYnyUlEQxEG7B-lzE' };
    expect(() => importTeePubkey(otherFilling)).toThrow('not on the curve');
  });
});

describe('an independent JOSE implementation', () => {
  const OFTEN = { numRuns: fuzzRuns(20) };
  const josePairs = ['ECDH-ES+A256KW-P256', 'ECDH-ES+A256KW-P521', 'RSA-OAEP-256'] as const;

  test.each(josePairs)('opens what we encrypt: %s', async (name) => {
    const { publicKey, privateKey } = PAIRS[name];
    const key = importTeePubkey(publicKey);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (plaintext) => {
        const jwe = encryptJwe(key, plaintext, { form: 2, random });
        const opened = await flattenedDecrypt(jwe, nodeKey(privateKey));
        expect(Uint8Array.from(opened.plaintext)).toEqual(plaintext);
      }),
      OFTEN,
    );
  });

  test.each(josePairs)('is opened by us: %s', async (name) => {
    const { publicKey, privateKey } = PAIRS[name];
    const jwk = publicKey.asReceived as Record<string, string>;
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (plaintext) => {
        const encryption = new FlattenedEncrypt(plaintext).setProtectedHeader({
          alg: jwk['alg'] ?? '',
          enc: 'A256GCM',
        });
        const jwe = parseResponse((await encryption.encrypt(jwk)) as unknown as JsonValue);
        expect(decryptJwe(jwe, privateKey, { form: 2, random })).toEqual(plaintext);
      }),
      OFTEN,
    );
  });

  test('OpenSSL pads RSA1_5 for us and finds our padding right', () => {
    const { privateKey } = PAIRS['RSA1_5'];
    const key = nodeKey(privateKey);
    const padded = publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, CEK);
    expect(decryptPkcs1Key(key, padded, new Uint8Array(32))).toEqual(CEK);
    const jwe = encryptJwe(importTeePubkey(PAIRS['RSA1_5'].publicKey), SECRET, { form: 1, random });
    const block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, decodeBase64url(jwe.encrypted_key));
    expect([block[0], block[1], block[223]]).toEqual([0, 2, 0]);
    expect(block.subarray(2, 223)).not.toContain(0);
  });
});

describe.each(TEE_KEY_ALGORITHMS)('%s', (name) => {
  const { publicKey, privateKey } = PAIRS[name];
  const key = importTeePubkey(publicKey);
  const form = name === 'RSA1_5' ? 1 : 2;
  const sealed = encryptJwe(key, SECRET, { form, random });

  test('opens, each time with fresh randomness', () => {
    expect(decryptJwe(sealed, privateKey, { form, random })).toEqual(Uint8Array.from(SECRET));
    const again = encryptJwe(key, SECRET, { form, random });
    expect(again.ciphertext).not.toBe(sealed.ciphertext);
    expect(again.encrypted_key).not.toBe(sealed.encrypted_key);
    expect(jweFormWithoutSession(key)).toBe(form);
    expect(decryptJwe(encryptJwe(key, new Uint8Array(), { form, random }), privateKey, { form, random })).toHaveLength(
      0,
    );
  });

  test('header survives the guest, who writes it again and authenticates that text', () => {
    const jwe = encryptJwe(key, SECRET, { form: 2, random });
    const { alg, enc, ...others } = headerOf(jwe) as Record<string, JsonObject | string>;
    const sorted = Object.entries(others).map(([member, value]) => [
      member,
      typeof value === 'string' ? value : Object.fromEntries(Object.entries(value ?? {}).sort()),
    ]);
    const rewritten = JSON.stringify({ alg, enc, ...Object.fromEntries(sorted) });
    expect(encodeBase64url(Buffer.from(rewritten))).toBe(jwe.protected);
  });

  test('any change is noticed, and the error does not say where', () => {
    const members = ['encrypted_key', 'iv', 'ciphertext', ...(form === 2 ? (['tag'] as const) : [])] as const;
    for (const member of members) {
      const bytes = decodeBase64url(sealed[member]);
      for (const at of [0, bytes.length - 1]) {
        const changed = { ...sealed, [member]: encodeBase64url(bytes.with(at, (bytes[at] ?? 0) ^ 1)) };
        expect(() => decryptJwe(changed, privateKey, { form, random })).toThrow(
          new ProtocolError('response.jwe.opened', 'answer cannot be decrypted with this key'),
        );
      }
    }
  });

  test('another key of the kind does not open it', () => {
    const other = generateTeeKeyPair(name, random);
    expect(() => decryptJwe(sealed, other.privateKey, { form, random })).toThrow('cannot be decrypted with this key');
  });

  test('the other form is refused', () => {
    expect(() => decryptJwe(sealed, privateKey, { form: form === 1 ? 2 : 1, random })).toThrow(ProtocolError);
  });

  test('another kind of key is refused before any decryption', () => {
    const [wrong] = TEE_KEY_ALGORITHMS.filter((other) => PAIRS[other].privateKey.alg !== privateKey.alg);
    const otherKey = PAIRS[wrong ?? name].privateKey;
    expect(() => decryptJwe(sealed, otherKey, { form, random })).toThrow('header asks for other algorithms');
  });

  test('fuzz: changed members give ProtocolError, never the secret of another text', () => {
    const member = fc.constantFrom('protected', 'encrypted_key', 'iv', 'ciphertext', 'tag');
    fc.assert(
      fc.property(member, fc.nat(), fc.string({ maxLength: 3 }), (name_, at, piece) => {
        const text = sealed[name_];
        const index = at % (text.length + 1);
        const changed = { ...sealed, [name_]: text.slice(0, index) + piece + text.slice(index + piece.length) };
        try {
          expect(decryptJwe(changed, privateKey, { form, random })).toEqual(Uint8Array.from(SECRET));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: fuzzRuns(60) },
    );
  });
});

describe('answers that are not the protocol’s', () => {
  const { publicKey, privateKey } = PAIRS['ECDH-ES+A256KW-P256'];
  const sealed = encryptJwe(importTeePubkey(publicKey), SECRET, { form: 2, random });
  const header = headerOf(sealed);
  const withHeader = (changes: JsonObject): FlattenedJwe => ({
    ...sealed,
    protected: encodeBase64url(Buffer.from(JSON.stringify({ ...header, ...changes }))),
  });

  test.each<[string, FlattenedJwe, string]>([
    ['compression', withHeader({ zip: 'DEF' }), 'asks for an extension'],
    ['critical header', withHeader({ crit: ['x'] }), 'asks for an extension'],
    ['other content encryption', withHeader({ enc: 'A128GCM' }), 'other algorithms'],
    ['other curve', withHeader({ epk: { ...(header['epk'] as JsonObject), crv: 'P-521' } }), 'ephemeral key on P-256'],
    ['parties', withHeader({ apu: 'AA' }), 'names parties'],
    ['short coordinates', withHeader({ epk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } }), 'another length'],
    ['no coordinates', withHeader({ epk: { kty: 'EC', crv: 'P-256' } }), 'no coordinates'],
    ['short iv', { ...sealed, iv: 'AAAA' }, 'iv has 3 bytes'],
    ['short tag', { ...sealed, tag: sealed.tag.slice(0, 16) }, 'tag has 12 bytes'],
    ['padded base64url', { ...sealed, ciphertext: `${sealed.ciphertext}=` }, 'ciphertext: base64url'],
    ['header that is no object', { ...sealed, protected: 'W10' }, 'not an object'],
  ])('%s', (_, jwe, reason) => {
    expect(() => decryptJwe(jwe, privateKey, { form: 2, random })).toThrow(reason);
    expect(() => decryptJwe(jwe, privateKey, { form: 2, random })).toThrow(
      expect.objectContaining({ code: 'response.body.form' }),
    );
  });

  test('point off the curve is the same failure as a wrong key', () => {
    const epk = { ...(header['epk'] as JsonObject), x: encodeBase64url(new Uint8Array(32)) };
    expect(() => decryptJwe(withHeader({ epk }), privateKey, { form: 2, random })).toThrow('cannot be decrypted');
  });

  test('members are required', () => {
    const { tag: _, ...rest } = sealed;
    expect(() => parseResponse(rest)).toThrow('member /tag');
    expect(() => parseResponse([])).toThrow(ProtocolError);
  });
});

describe('keys that are not served', () => {
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });
  const rsaJwk = (modulusLength: number, publicExponent?: number) =>
    generateKeyPairSync('rsa', {
      modulusLength,
      ...(publicExponent === undefined ? {} : { publicExponent }),
    }).publicKey.export({
      format: 'jwk',
    });
  const ec = EC_KEY.kind === 'EC' ? EC_KEY : undefined;

  test.each<[string, JsonObject, string]>([
    ['P-384', { ...(p384 as Record<string, string>), alg: 'ECDH-ES+A256KW' }, 'EC key on "P-384"'],
    ['ECDH-ES alone', { ...EC_KEY.asReceived, alg: 'ECDH-ES' }, 'EC key for "ECDH-ES"'],
    ['short coordinate', { ...EC_KEY.asReceived, x: ec?.x.slice(0, 40) ?? '' }, 'coordinates of 30 and 32 bytes'],
    ['point off the curve', { ...EC_KEY.asReceived, y: ec?.x ?? '' }, 'not on the curve'],
    ['padded coordinate', { ...EC_KEY.asReceived, x: `${ec?.x}=` }, 'member x is not base64url'],
    ['RSA of 1024 bits', { ...(rsaJwk(1024) as Record<string, string>), alg: 'RSA1_5' }, 'RSA key of 1024 bits'],
    [
      'RSA of 8193 bits',
      { kty: 'RSA', alg: 'RSA1_5', n: encodeBase64url(new Uint8Array(1025).fill(1)), e: 'AQAB' },
      'RSA key of 8193',
    ],
    [
      'RSA with an even modulus',
      { kty: 'RSA', alg: 'RSA1_5', n: encodeBase64url(new Uint8Array(256).fill(0xfe)), e: 'AQAB' },
      'RSA key with an even modulus',
    ],
    ['RSA with an exponent of 1', { kty: 'RSA', alg: 'RSA1_5', n: RSA_KEY.asReceived['n'] ?? '', e: 'AQ' }, 'RSA key'],
    ['RSA with an even exponent', { kty: 'RSA', alg: 'RSA1_5', n: RSA_KEY.asReceived['n'] ?? '', e: 'BA' }, 'RSA key'],
    [
      'RSA with a huge exponent',
      { kty: 'RSA', alg: 'RSA1_5', n: RSA_KEY.asReceived['n'] ?? '', e: 'AQAAAAAB' },
      'unusual exponent',
    ],
    ['RSA-OAEP with SHA-1', { ...RSA_KEY.asReceived, alg: 'RSA-OAEP' }, 'RSA key for "RSA-OAEP"'],
    ['ML-KEM-512', { kty: 'AKP', alg: 'ML-KEM-512', pub: 'AA' }, 'AKP key for'],
    ['short ML-KEM key', { kty: 'AKP', alg: 'ML-KEM-768+A192KW', pub: 'AA' }, 'ML-KEM-768 key of 1 bytes'],
    [
      'ML-KEM coefficients out of range',
      { kty: 'AKP', alg: 'ML-KEM-768+A192KW', pub: encodeBase64url(new Uint8Array(1184).fill(255)) },
      'not an encapsulation key',
    ],
  ])('%s', (_, jwk, reason) => {
    const act = () => importTeePubkey(parseTeePubkey(jwk));
    expect(act).toThrow(reason);
    expect(act).toThrow(expect.objectContaining({ code: 'request.key.supported' }));
  });

  test('standard base64 is for keys without kty only', () => {
    const n = Buffer.from(String(RSA_KEY.asReceived['n']), 'base64url').toString('base64');
    expect(importTeePubkey(parseTeePubkey({ alg: 'RSA1_5', 'k-mod': n, 'k-exp': 'AQAB' }))).toMatchObject({
      modulusLength: 256,
    });
    expect(() => importTeePubkey(parseTeePubkey({ kty: 'RSA', alg: 'RSA1_5', n, e: 'AQAB' }))).toThrow('member n');
  });

  test('form 1 carries RSA1_5 alone', () => {
    expect(() => encryptJwe(importTeePubkey(EC_KEY), SECRET, { form: 1, random })).toThrow('0.1.x cannot answer');
  });
});

test('a wrong RSA1_5 padding gives the fallback key, whatever is wrong', () => {
  const key = nodeKey(PAIRS['RSA1_5'].privateKey);
  const fallback = new Uint8Array(32).fill(7);
  const block = (changes: Record<number, number>) => {
    const bytes = concatBytes(Uint8Array.of(0, 2), new Uint8Array(221).fill(9), Uint8Array.of(0), CEK);
    for (const [at, byte] of Object.entries(changes)) bytes[Number(at)] = byte;
    return publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, bytes);
  };
  expect(decryptPkcs1Key(key, block({}), fallback)).toEqual(CEK);
  for (const changes of [{ 0: 1 }, { 1: 1 }, { 1: 0 }, { 223: 1 }, { 2: 0 }, { 222: 0 }, { 100: 0 }]) {
    expect(decryptPkcs1Key(key, block(changes), fallback)).toEqual(fallback);
  }
});

test('RSA1_5 padding draws again until no byte is zero', () => {
  const padding = new Uint8Array(221).fill(5);
  padding[7] = 0;
  const source = prepared(CEK, IV, padding, Uint8Array.of(0), Uint8Array.of(6));
  const jwe = encryptJwe(importTeePubkey(PAIRS['RSA1_5'].publicKey), SECRET, { form: 1, random: source });
  const key = nodeKey(PAIRS['RSA1_5'].privateKey);
  const block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, decodeBase64url(jwe.encrypted_key));
  expect(block[2 + 7]).toBe(6);
});

test('a random source that gives no valid scalar is an error, not a loop', () => {
  const broken = (length: number) => new Uint8Array(length);
  expect(() => encryptJwe(importTeePubkey(EC_KEY), SECRET, { form: 2, random: broken })).toThrow('no valid scalar');
});

test('ML-KEM: what OpenSSL-free peers check of a key', () => {
  const { encapsulationKey } = ML_KEM_768.generate(random);
  expect(ML_KEM_768.isEncapsulationKey(encapsulationKey)).toBe(true);
  // Coefficient 3329 in first and in second place of a triple.
  const q = 3329;
  expect(ML_KEM_768.isEncapsulationKey(encapsulationKey.with(0, q & 0xff).with(1, q >> 8))).toBe(false);
  expect(ML_KEM_768.isEncapsulationKey(encapsulationKey.with(1, (q & 0x0f) << 4).with(2, q >> 4))).toBe(false);
  expect(ML_KEM_768.isEncapsulationKey(encapsulationKey.subarray(1))).toBe(false);
});

test('private keys as PEM: PKCS#1 for RSA, PKCS#8 for EC', () => {
  const rsa = teePrivateKeyToPem(PAIRS['RSA-OAEP-256'].privateKey);
  expect(rsa).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
  expect(teeKeyPairFromPem(rsa).publicKey).toEqual(PAIRS['RSA-OAEP-256'].publicKey);
  const ec = teePrivateKeyToPem(PAIRS['ECDH-ES+A256KW-P521'].privateKey);
  expect(ec).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  expect(teeKeyPairFromPem(ec).publicKey).toEqual(PAIRS['ECDH-ES+A256KW-P521'].publicKey);
  expect(() => teePrivateKeyToPem(PAIRS['ML-KEM-768+A192KW'].privateKey)).toThrow(RangeError);
  const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  expect(() => teeKeyPairFromPem(ed25519)).toThrow(RangeError);
});

function nodeKey(privateKey: TeePrivateKey): KeyObject {
  if (privateKey.alg === 'ML-KEM-768+A192KW') throw new TypeError('no node:crypto key');
  return privateKey.key;
}
