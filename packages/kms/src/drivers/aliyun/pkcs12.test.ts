import { createHash, createPublicKey } from 'node:crypto';
import { DecodeError } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
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
