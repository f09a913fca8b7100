import { createHash, createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { DecodeError, derExplicit, derInteger, derNull, derOctetString, derOid, derSequence } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { privateKeyOfPkcs12 } from './pkcs12.js';
import { CURRENT, EC, LEGACY, PKCS12_PASSWORD, SPKI_DIGEST, WITHOUT_KEY, WITHOUT_MAC } from './pkcs12.test.helper.js';

test.each([
  ['of older programs', LEGACY],
  ['of OpenSSL 3', CURRENT],
])('the key of a file %s', (_, pfx) => {
  const key = privateKeyOfPkcs12(pfx, PKCS12_PASSWORD);
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  expect(createHash('sha256').update(spki).digest('hex')).toBe(SPKI_DIGEST);
});

test('a key of another kind is given as it is', () => {
  expect(privateKeyOfPkcs12(EC, 'x').asymmetricKeyType).toBe('ec');
});

test.each<[string, Uint8Array, string, RegExp]>([
  ['another password', LEGACY, 'c383 pass', /password is another/],
  ['no password', CURRENT, '', /password is another/],
  ['no MAC', WITHOUT_MAC, 'x', /no MAC/],
  ['no key', WITHOUT_KEY, 'x', /0 private keys/],
  ['bytes behind it', Uint8Array.of(...CURRENT, 0), PKCS12_PASSWORD, /DER/],
  ['half of it', CURRENT.subarray(0, 700), PKCS12_PASSWORD, /DER/],
  ['another version', changed(CURRENT, 6, 4), PKCS12_PASSWORD, /version/],
  ['a changed content', changed(CURRENT, 900, 0), PKCS12_PASSWORD, /changed/],
  // The last two bytes are the number of iterations.
  ['a changed count', changed(CURRENT, CURRENT.length - 1, 1), PKCS12_PASSWORD, /changed/],
])('%s is refused', (_, pfx, password, message) => {
  expect(() => privateKeyOfPkcs12(pfx, password)).toThrow(DecodeError);
  expect(() => privateKeyOfPkcs12(pfx, password)).toThrow(message);
});

/** A file put together here, with a MAC of SHA-256 by one round of hashing. */
function fileOf(bags: readonly Uint8Array[], { iterations = 1, password = 'x' } = {}): Uint8Array {
  const data = (content: Uint8Array): Uint8Array =>
    derSequence(derOid('1.2.840.113549.1.7.1'), derExplicit(0, derOctetString(content)));
  const safe = derSequence(data(derSequence(...bags)));
  const salt = Uint8Array.of(1, 2, 3, 4);
  const filled = (bytes: Uint8Array): Uint8Array =>
    Uint8Array.from({ length: 64 }, (_, n) => bytes[n % bytes.length] ?? 0);
  const text = Uint8Array.from([...`${password}\0`].flatMap((char) => [0, char.charCodeAt(0)]));
  const key = createHash('sha256').update(Buffer.alloc(64, 3)).update(filled(salt)).update(filled(text)).digest();
  const mac = createHmac('sha256', key).update(safe).digest();
  const digest = derSequence(derSequence(derOid('2.16.840.1.101.3.4.2.1'), derNull()), derOctetString(mac));
  const count = iterations === 1 ? [] : [derInteger(iterations)];
  return derSequence(derInteger(3), data(safe), derSequence(digest, derOctetString(salt), ...count));
}

describe('a file with keys that are not encrypted', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  const bag = derSequence(derOid('1.2.840.113549.1.12.10.1.1'), derExplicit(0, pkcs8));

  test('is opened where there is one', () => {
    const key = privateKeyOfPkcs12(fileOf([bag]), 'x');
    expect(key.equals(privateKey)).toBe(true);
  });

  test('is refused where there are two: nothing says which', () => {
    expect(() => privateKeyOfPkcs12(fileOf([bag, bag]), 'x')).toThrow(/2 private keys/);
  });

  test('is refused before it is hashed for minutes', () => {
    expect(() => privateKeyOfPkcs12(fileOf([bag], { iterations: 1_000_001 }), 'x')).toThrow(/too many iterations/);
    expect(() => privateKeyOfPkcs12(fileOf([bag], { iterations: 0 }), 'x')).toThrow(/too many iterations/);
  });

  test('is refused where what lies in the place of a key is none', () => {
    const none = derSequence(derOid('1.2.840.113549.1.12.10.1.1'), derExplicit(0, derSequence(derInteger(0))));
    expect(() => privateKeyOfPkcs12(fileOf([none]), 'x')).toThrow(/cannot be decrypted/);
  });
});

test('fuzz: any bytes, and any change of a file, give a DecodeError', () => {
  const mutant = fc
    .tuple(fc.constantFrom(LEGACY, CURRENT), fc.nat(), fc.nat(255), fc.nat())
    .map(([pfx, at, value, cut]) =>
      changed(pfx, at % pfx.length, value).subarray(0, cut % 4 === 0 ? cut % pfx.length : pfx.length),
    );
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutant), (pfx) => {
      try {
        privateKeyOfPkcs12(pfx, PKCS12_PASSWORD);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }),
    { numRuns: fuzzRuns(200) },
  );
});

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = value;
  return copy;
}
