import { encodeBase64, encodeHex, type JsonObject } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { EC_KEY, NONCE, RSA_KEY, RSA_N } from '../fixtures/worked-examples.js';
import type { HashAlgorithm } from '../hash-algorithm.js';
import { canonicalBytes, type RuntimeDataBinding, runtimeDataBindings, runtimeDataDigest } from './runtime-data.js';
import { parseTeePubkey, type TeePubkey } from './tee-pubkey.js';
import type { ProtocolVersion } from './version.js';

const DEVICE_TEXT =
  '{"nonce":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","tee-pubkey":{"alg":"ECDH-ES+A256KW","crv":"P-256","kty":"EC",' +
  '"x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}}';
const PRIMARY_TEXT = DEVICE_TEXT.replace('{', '{"additional-evidence":"",');
const DEVICE_SHA384 =
  '1f0628a69ac132453783cfa3e29bec54eb45ad7eabd5794753cf0bf05ecbf2cdc01d1820149a324d16a031e1f130788f';
const DEVICE_REPORT_DATA = 'HwYopprBMkU3g8+j4pvsVOtFrX6r1XlHU88L8F7L8s3AHRggFJoyTRagMeHxMHiP';

function bindings(version: ProtocolVersion, teePubkey: TeePubkey, role: 'primary' | 'device' = 'primary', more = '') {
  return runtimeDataBindings(version, { nonce: NONCE, teePubkey, additionalEvidence: more }, role);
}

function only(found: readonly RuntimeDataBinding[]): RuntimeDataBinding {
  expect(found).toHaveLength(1);
  return found[0] as RuntimeDataBinding;
}

const text = (binding: RuntimeDataBinding) => Buffer.from(binding.bytes).toString();
const hash = (binding: RuntimeDataBinding, algorithm: HashAlgorithm) =>
  encodeHex(runtimeDataDigest(binding, algorithm));

describe.each(['0.3.0', '0.4.0'] as const)('%s', (version) => {
  test('primary without devices', () => {
    const binding = only(bindings(version, EC_KEY));
    expect(text(binding)).toBe(PRIMARY_TEXT);
    expect(binding.bytes).toHaveLength(244);
    expect(hash(binding, 'sha256')).toBe('7cfbdf1cfffec1a4667c09d93844e6ae72dbf755524121155197c5b1e9437748');
    expect(hash(binding, 'sha384')).toBe(
      '9edc01b09e997f6578d6bd8f7fc2b28dfaaf4e5417793667b7ece025d50c7cf5b9b0f7d2bbbcebe25d2f53bd33807ce3',
    );
    expect(hash(binding, 'sha512')).toBe(
      'c8aee5f58943b2749b8a8cbc7a184b1f3344f1060ca5d96fd9d74a45910c45174613b2a6243d2ade171dd974bc1139d0a5da3f68fd481dbd9ae4360477bda94d',
    );
    expect(encodeBase64(runtimeDataDigest(binding, 'sha384'))).toBe(
      'ntwBsJ6Zf2V41r2Pf8KyjfqvTlQXeTZnt+zgJdUMfPW5sPfSu7zr4l0vU70zgHzj',
    );
  });

  test('device', () => {
    const binding = only(bindings(version, EC_KEY, 'device'));
    expect(text(binding)).toBe(DEVICE_TEXT);
    expect(binding.bytes).toHaveLength(219);
    expect(hash(binding, 'sha384')).toBe(DEVICE_SHA384);
  });

  test('primary with one device', () => {
    const additional = `{"sampledevice":{"svn":"2","report_data":"${DEVICE_REPORT_DATA}"}}`;
    const binding = only(bindings(version, EC_KEY, 'primary', additional));
    expect(binding.object['additional-evidence']).toBe(additional);
    expect(hash(binding, 'sha384')).toBe(
      '9ed19f3449e36c06bd80740f3d65148865db7a217915d0112af484f73b2e2d964f5b4d944cf6aced8e2754bff2c7c2bb',
    );
  });
});

test('0.2.0: the key and the nonce alone', () => {
  const binding = only(bindings('0.2.0', EC_KEY));
  expect(text(binding)).toBe(DEVICE_TEXT);
  expect(hash(binding, 'sha256')).toBe('9f90d66ffeb7ea70bd45f1ef374bbc6e9c137a84335d7382dc1f87403bddf2f7');
  expect(hash(binding, 'sha384')).toBe(DEVICE_SHA384);
  expect(encodeBase64(runtimeDataDigest(binding, 'sha384'))).toBe(DEVICE_REPORT_DATA);
  expect(hash(binding, 'sha512')).toBe(
    'd8fe626d929cf76af4c7df5991591c9cb352bab5236d39529657f5812dd0376ee73b0ca5d26299710a93bec28d33db07b4c8bcaacc05ecb9821bf2946d2875e4',
  );
});

test('0.1.1: canonical object with an RSA key', () => {
  const binding = only(bindings('0.1.1', RSA_KEY));
  expect(binding.bytes).toHaveLength(458);
  expect(encodeBase64(runtimeDataDigest(binding, 'sha384'))).toBe(
    'ELZYNgqh59Atdu5aw5Pct7oONwff4KAHFCOIiMlAFRjNiwkJIdQ7uErvXiVg43OB',
  );
  expect(hash(binding, 'sha256')).toBe('b9c66f62d9ff0c45329d8d377493897fa0c6b5330f35a869da2dd24a6e6c83f0');
});

test('0.1.0: the three texts, or the canonical object', () => {
  const [fields, object, ...others] = bindings('0.1.0', RSA_KEY);
  expect(others).toEqual([]);
  expect(fields?.form).toBe('fields');
  expect(fields?.bytes).toHaveLength(390);
  expect(fields && hash(fields, 'sha384')).toBe(
    'ee524cea5065498f33e6e694a2b2654b8a3bc73a9f18b8fd978aaa54196a2d8932b4e43607b7e04fe020ec4ab57a0d87',
  );
  expect(fields && encodeBase64(runtimeDataDigest(fields, 'sha384'))).toBe(
    '7lJM6lBlSY8z5uaUorJlS4o7xzqfGLj9l4qqVBlqLYkytOQ2B7fgT+Ag7Eq1eg2H',
  );
  expect(object?.form).toBe('object');
  expect(object && hash(object, 'sha384')).toBe(
    '10b658360aa1e7d02d76ee5ac393dcb7ba0e3707dfe0a00714238888c9401518cd8b090921d43bb84aef5e2560e37381',
  );
});

test.each([
  ['k-mod', { alg: 'RSA1_5', 'k-mod': 'AQ==', 'k-exp': 'AQAB' }],
  ['without-kty', { alg: 'RSA1_5', n: 'AQ==', e: 'AQAB' }],
])('0.1.0: a key of spelling %s is hashed as its texts only', (spelling, key) => {
  const pubkey = parseTeePubkey(key);
  expect(pubkey).toMatchObject({ kind: 'RSA', spelling });
  const binding = only(bindings('0.1.0', pubkey));
  expect(text(binding)).toBe(`${NONCE}AQ==AQAB`);
  expect(() => bindings('0.1.1', pubkey)).toThrow('no form that protocol version 0.1.1 can bind');
});

test('members that a client adds to its key are bound as well', () => {
  const jwk: JsonObject = { ...EC_KEY.asReceived, kid: 'guest' };
  const binding = only(bindings('0.4.0', parseTeePubkey(jwk), 'device'));
  expect(text(binding)).toContain('"kid":"guest"');
});

test('an attestation service hashes any structured object', () => {
  const bytes = canonicalBytes({ b: 1, a: 'test', c: { d: 'e' } });
  expect(encodeHex(runtimeDataDigest({ bytes }, 'sha384'))).toBe(
    'e71ce8e70d814ba6639c3612ebee0ff1f76f650f8dbb5e47157e0f3f525cd22c4597480a186427c813ca941da78870c3',
  );
  expect(() => canonicalBytes({ a: '\ud800' })).toThrow('runtime data has no canonical text');
});

test('keys: other types, missing and overlong members are refused', () => {
  expect(() => parseTeePubkey({ kty: 'OKP', alg: 'x' })).toThrow('another type');
  expect(() => parseTeePubkey('key')).toThrow('must be an object; it is a string');
  expect(() => parseTeePubkey({ kty: 'EC', alg: 'x', crv: 'P-256', x: 'a' })).toThrow(
    '/tee-pubkey/y must be a non-empty',
  );
  expect(() => parseTeePubkey({ kty: 'RSA', alg: 'x', n: RSA_N.repeat(20), e: 'AQAB' })).toThrow('a string of');
  expect(() => parseTeePubkey({ kty: 'RSA', alg: 'x', n: 1, e: 'AQAB' })).toThrow('it is a number');
  expect(() => parseTeePubkey({ kty: 'RSA', n: RSA_N, e: 'AQAB' })).toThrow('/tee-pubkey/alg');
});
