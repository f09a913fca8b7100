import {
  constants,
  createDecipheriv,
  createECDH,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  randomBytes,
} from 'node:crypto';
import { ByteReader, concatBytes, decodeHex, encodeHex } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ObjectAttribute, readSized } from '../structures/index.js';
import type { EccPublicArea, PublicArea, RsaPublicArea } from '../structures/public-area.js';
import { CredentialError, kdfA, kdfE, makeCredential } from './index.js';

const NONE = new Uint8Array();
const NAME = concatBytes(Uint8Array.of(0, 0x0b), new Uint8Array(32).fill(7));
const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length));

const common = {
  nameAlg: 'sha256',
  attributes: new Set<ObjectAttribute>([
    'fixedTPM',
    'fixedParent',
    'sensitiveDataOrigin',
    'adminWithPolicy',
    'restricted',
    'decrypt',
  ]),
  authPolicy: NONE,
  symmetric: { algorithm: 0x0006, keyBits: 128, mode: 0x0043 },
  scheme: undefined,
} as const;

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaArea: RsaPublicArea = {
  type: 'rsa',
  ...common,
  keyBits: 2048,
  exponent: 0,
  modulus: fromBase64url(rsa.publicKey.export({ format: 'jwk' }).n),
};

function ecc(
  curve: 'P-256' | 'P-384' | 'P-521',
  change: Partial<EccPublicArea> = {},
): { area: EccPublicArea; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const { x, y } = publicKey.export({ format: 'jwk' });
  return {
    privateKey,
    area: { type: 'ecc', ...common, curve, kdf: undefined, x: fromBase64url(x), y: fromBase64url(y), ...change },
  };
}

function fromBase64url(text: string | undefined): Uint8Array {
  return new Uint8Array(Buffer.from(text ?? '', 'base64url'));
}

const DIGEST = { sha256: 32, sha384: 48, sha512: 64 } as const;
const OPENSSL_CURVE = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' } as const;

/** What a TPM does with its endorsement key, written from the specification apart from the code under test. */
function activate(
  area: PublicArea,
  key: KeyObject,
  name: Uint8Array,
  made: ReturnType<typeof makeCredential>,
): Uint8Array {
  const seed =
    area.type === 'rsa' ? seedOfRsa(area, key, made.encryptedSecret) : seedOfEcc(area, key, made.encryptedSecret);
  const hash = area.nameAlg as keyof typeof DIGEST;
  const size = DIGEST[hash];
  const reader = new ByteReader(made.idObject, 'TPM2B_ID_OBJECT');
  const integrity = readSized(reader, 'integrity', 64);
  const encrypted = reader.rest();
  const bits = area.symmetric?.keyBits ?? 0;
  const macKey = sp800108(hash, seed, concatBytes(text('INTEGRITY'), u32(8 * size)), size);
  const mac = createHmac(hash, macKey).update(encrypted).update(name).digest();
  if (Buffer.compare(mac, integrity) !== 0) throw new Error('TPM_RC_INTEGRITY');
  const cipherKey = sp800108(hash, seed, concatBytes(text('STORAGE'), name, u32(bits)), bits / 8);
  const cipher = createDecipheriv(`aes-${bits}-cfb`, cipherKey, new Uint8Array(16));
  const plain = concatBytes(cipher.update(encrypted), cipher.final());
  const inner = new ByteReader(plain, 'secret');
  const secret = readSized(inner, 'secret', 64);
  inner.end();
  return secret;
}

function seedOfRsa(area: PublicArea, key: KeyObject, encrypted: Uint8Array): Uint8Array {
  const oaep = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: area.nameAlg, oaepLabel: text('IDENTITY') };
  return privateDecrypt(oaep, encrypted);
}

function seedOfEcc(area: EccPublicArea, key: KeyObject, encrypted: Uint8Array): Uint8Array {
  const reader = new ByteReader(encrypted, 'TPMS_ECC_POINT');
  const x = readSized(reader, 'x', 66);
  const y = readSized(reader, 'y', 66);
  reader.end();
  const ecdh = createECDH(OPENSSL_CURVE[area.curve]);
  ecdh.setPrivateKey(fromBase64url(key.export({ format: 'jwk' }).d));
  const z = ecdh.computeSecret(concatBytes(Uint8Array.of(4), x, y));
  const hash = area.nameAlg as keyof typeof DIGEST;
  return kdfE(hash, z, 'IDENTITY', x, area.x, 8 * DIGEST[hash]);
}

/** SP 800-108 in counter mode, one or two blocks. */
function sp800108(hash: string, key: Uint8Array, fixed: Uint8Array, bytes: number): Uint8Array {
  const block = (n: number): Uint8Array => createHmac(hash, key).update(u32(n)).update(fixed).digest();
  return concatBytes(block(1), block(2)).subarray(0, bytes);
}

const text = (label: string): Uint8Array => Buffer.from(`${label}\0`);
const u32 = (value: number): Uint8Array => Uint8Array.of(0, 0, value >>> 8, value & 0xff);

describe('MakeCredential', () => {
  test('RSA: the TPM that has the key opens it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 32 }), (secret) => {
        const made = makeCredential({ endorsementKey: rsaArea, name: NAME, secret, random });
        expect(encodeHex(activate(rsaArea, rsa.privateKey, NAME, made))).toBe(encodeHex(secret));
      }),
      { numRuns: fuzzRuns(20) },
    );
  });

  test.each([
    ['P-256', {}],
    ['P-384', { nameAlg: 'sha384', symmetric: { algorithm: 6, keyBits: 256, mode: 0x43 } }],
    ['P-521', { nameAlg: 'sha512', symmetric: { algorithm: 6, keyBits: 256, mode: 0x43 } }],
  ] as const)('%s: the TPM that has the key opens it', (curve, change) => {
    const { area, privateKey } = ecc(curve, change);
    for (let n = 0; n < 20; n += 1) {
      const secret = random(32);
      const made = makeCredential({ endorsementKey: area, name: NAME, secret, random });
      expect(encodeHex(activate(area, privateKey, NAME, made))).toBe(encodeHex(secret));
    }
  });

  test('it is for one Name', () => {
    const made = makeCredential({ endorsementKey: rsaArea, name: NAME, secret: random(32), random });
    expect(() => activate(rsaArea, rsa.privateKey, NAME.with(33, 8), made)).toThrow('TPM_RC_INTEGRITY');
  });

  test('the seed is fresh each time', () => {
    const input = { endorsementKey: ecc('P-256').area, name: NAME, secret: new Uint8Array(32), random };
    const [one, two] = [makeCredential(input), makeCredential(input)];
    expect(encodeHex(one.encryptedSecret)).not.toBe(encodeHex(two.encryptedSecret));
    expect(encodeHex(one.idObject)).not.toBe(encodeHex(two.idObject));
  });

  test('a number that is no private key is drawn again, and a broken source ends', () => {
    const { area, privateKey } = ecc('P-256');
    let n = 0;
    const late = (length: number): Uint8Array => (++n < 3 ? new Uint8Array(length) : random(length));
    const secret = random(16);
    const made = makeCredential({ endorsementKey: area, name: NAME, secret, random: late });
    expect(encodeHex(activate(area, privateKey, NAME, made))).toBe(encodeHex(secret));
    const never = (length: number): Uint8Array => new Uint8Array(length);
    expect(() => makeCredential({ endorsementKey: area, name: NAME, secret, random: never })).toThrow(CredentialError);
  });

  test.each<[string, Partial<EccPublicArea>]>([
    ['name algorithm', { nameAlg: 'sha1' }],
    ['storage key', { symmetric: undefined }],
    ['storage key', { symmetric: { algorithm: 0x13, keyBits: 128, mode: 0x43 } }],
    ['storage key', { symmetric: { algorithm: 6, keyBits: 128, mode: 0x42 } }],
    ['storage key', { symmetric: { algorithm: 6, keyBits: 129, mode: 0x43 } }],
    ['usable public key', { y: new Uint8Array(32).fill(1) }],
  ])('an endorsement key with another %s is refused', (what, change) => {
    const { area } = ecc('P-256', change);
    const input = { endorsementKey: area, name: NAME, secret: random(32), random };
    expect(() => makeCredential(input)).toThrow(CredentialError);
    expect(() => makeCredential(input)).toThrow(what);
  });

  test.each([0, 33])('a secret of %i bytes does not fit', (length) => {
    const input = { endorsementKey: rsaArea, name: NAME, secret: new Uint8Array(length), random };
    expect(() => makeCredential(input)).toThrow(CredentialError);
  });
});

describe('key derivation', () => {
  test('KDFa counts from 1, ends the label with NUL and says the length in bits', () => {
    const made = kdfA('sha256', decodeHex('0b0b'), 'LABEL', Uint8Array.of(1), Uint8Array.of(2), 400);
    const fixed = concatBytes(text('LABEL'), Uint8Array.of(1, 2), u32(400));
    expect(encodeHex(made)).toBe(encodeHex(sp800108('sha256', decodeHex('0b0b'), fixed, 50)));
  });

  test('no length but whole bytes', () => {
    expect(() => kdfA('sha256', NONE, 'L', NONE, NONE, 7)).toThrow(RangeError);
    expect(() => kdfE('sha256', NONE, 'L', NONE, NONE, 0)).toThrow(RangeError);
  });
});
