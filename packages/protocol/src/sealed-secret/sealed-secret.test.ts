import { createCipheriv, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { DecodeError, encodeUtf8 } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openWrapped } from './aead.js';
import { decodeSealedSecret, isSealedSecret, openSealedSecret, openWithoutVerification } from './envelope.js';
import { parseSealedPayload } from './payload.js';
import { SealedSecretError } from './sealed-secret-error.js';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = encodeUtf8(JSON.stringify(publicKey.export({ format: 'jwk' })));
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const seal = (header: unknown, payload: unknown, key: KeyObject = privateKey): string => {
  const text = `${part(header)}.${part(payload)}`;
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `sealed.${text}.${signature.toString('base64url')}`;
};
const header = { alg: 'ES256', kid: 'k' };
const vault = {
  version: '0.1.0',
  type: 'vault',
  name: 'kbs:///a/b/c',
  provider: 'kbs',
  provider_settings: {},
  annotations: {},
};
const envelope = {
  version: '0.1.0',
  type: 'envelope',
  key_id: 'id',
  encrypted_key: 'a',
  encrypted_data: 'b',
  wrap_type: 'A256GCM',
  iv: 'c',
  provider: 'aws',
  provider_settings: { region: 'r' },
  annotations: { x: 1 },
};
const fault = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof SealedSecretError) return error.fault;
    throw error;
  }
  return 'none';
};

test('a sealed secret is taken apart, verified, read', () => {
  const unverified = decodeSealedSecret(seal(header, vault));
  expect(unverified.kid).toBe('k');
  const { payload, bytes } = openSealedSecret(unverified, jwk);
  expect(payload).toEqual({
    type: 'vault',
    version: '0.1.0',
    name: 'kbs:///a/b/c',
    provider: 'kbs',
    providerSettings: {},
    annotations: {},
  });
  expect(JSON.parse(Buffer.from(bytes).toString())).toEqual(vault);
  expect([isSealedSecret('sealed.'), isSealedSecret('sealed'), isSealedSecret(' sealed.x')]).toEqual([
    true,
    false,
    false,
  ]);
});

test.each([
  ['nothing', ''],
  ['no prefix', seal(header, vault).slice(7)],
  ['two prefixes', `sealed.${seal(header, vault)}`],
  ['a part too few', 'sealed.a.b'],
  ['a part too many', `${seal(header, vault)}.x`],
  ['a header that is not base64url', seal(header, vault).replace('sealed.', 'sealed.=')],
  ['a header that is not JSON', 'sealed.eHh4.eHh4.eHh4'],
  ['a header that is no object', seal([], vault)],
  ['no key id', seal({ alg: 'ES256' }, vault)],
  ['an empty key id', seal({ alg: 'ES256', kid: '' }, vault)],
  ['a key id that is no text', seal({ alg: 'ES256', kid: 1 }, vault)],
  ['no algorithm', seal({ kid: 'k' }, vault)],
  ['a critical extension', seal({ ...header, crit: ['x'] }, vault)],
  ['a line break after it', `${seal(header, vault)}\n`],
  ['more than a megabyte', `sealed.${'a'.repeat(1024 * 1024)}`],
])('a text with %s is malformed', (_, text) => {
  expect(fault(() => decodeSealedSecret(text))).toBe('malformed');
});

test.each(['ES384', 'RS256', 'HS256', 'none', 'es256'])(
  'algorithm %s is refused before any key is looked for',
  (alg) => {
    expect(fault(() => decodeSealedSecret(seal({ ...header, alg }, vault)))).toBe('algorithm-unsupported');
  },
);

test('another key, another payload, another header, a cut signature: the signature is wrong', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const [, head = '', body = '', signature = ''] = seal(header, vault).split('.');
  for (const text of [
    seal(header, vault, other),
    `sealed.${head}.${part({ ...vault, name: 'kbs:///x/y/z' })}.${signature}`,
    `sealed.${part({ ...header, kid: 'other' })}.${body}.${signature}`,
    `sealed.${head}.${body}.${signature.slice(0, -2)}`,
    `sealed.${head}.${body}.`,
  ])
    expect(fault(() => openSealedSecret(decodeSealedSecret(text), jwk))).toBe('signature-invalid');
});

test('keys that are no P-256 JWK are refused', () => {
  const unverified = decodeSealedSecret(seal(header, vault));
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });
  const { x } = publicKey.export({ format: 'jwk' });
  for (const key of [
    '',
    '[]',
    JSON.stringify(p384),
    JSON.stringify({ kty: 'EC', crv: 'P-256', x, y: x }),
    '{"kty":"oct","k":"aa"}',
  ])
    expect(fault(() => openSealedSecret(unverified, encodeUtf8(key)))).toBe('key-invalid');
  // The private half of the document is not looked at.
  const whole = privateKey.export({ format: 'jwk' });
  expect(fault(() => openSealedSecret(unverified, encodeUtf8(JSON.stringify({ ...whole, d: 'x' }))))).toBe('none');
});

test('the signature is judged before the payload is read', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  expect(fault(() => openSealedSecret(decodeSealedSecret(seal(header, [], other)), jwk))).toBe('signature-invalid');
  expect(fault(() => openSealedSecret(decodeSealedSecret(seal(header, [])), jwk))).toBe('malformed');
});

test('without verification neither header nor signature matter, but the form does', () => {
  const text = `sealed.fakejwsheader.${part(vault)}.fakesignature`;
  expect(openWithoutVerification(text).payload.type).toBe('vault');
  for (const bad of [
    text.slice(7),
    `${text}.x`,
    'sealed.a.b',
    `sealed.x.${part(vault)}=.y`,
    `sealed.x.${part(1)}.y`,
    `${text}${'e'.repeat(1024 * 1024)}`,
  ])
    expect(fault(() => openWithoutVerification(bad))).toBe('malformed');
});

describe('payloads', () => {
  const parse = (payload: unknown) => parseSealedPayload(encodeUtf8(JSON.stringify(payload)));

  test('an envelope', () => {
    expect(parse(envelope)).toEqual({
      type: 'envelope',
      version: '0.1.0',
      keyId: 'id',
      encryptedKey: 'a',
      encryptedData: 'b',
      wrapType: 'A256GCM',
      iv: 'c',
      provider: 'aws',
      providerSettings: { region: 'r' },
      annotations: { x: 1 },
    });
  });

  test.each([
    ...Object.keys(vault).map((name) => ['vault', name] as const),
    ...Object.keys(envelope).map((name) => ['envelope', name] as const),
  ])('a %s without %s is malformed, and so is one of another type', (type, name) => {
    const whole: Record<string, unknown> = type === 'vault' ? vault : envelope;
    const { [name]: _left, ...rest } = whole;
    for (const payload of [rest, { ...whole, [name]: 1 }, { ...whole, [name]: null }])
      expect(fault(() => parse(payload))).toBe('malformed');
  });

  test('members that are not known are passed over; another version is read, to be judged later', () => {
    expect(parse({ ...vault, more: 1, version: '0.2.0' }).version).toBe('0.2.0');
    expect(fault(() => parse({ ...vault, type: 'box' }))).toBe('malformed');
    expect(fault(() => parseSealedPayload(encodeUtf8('{')))).toBe('malformed');
  });
});

describe('wrapped data', () => {
  const key = new Uint8Array(32).fill(3);
  const wrap = (name: 'aes-256-gcm' | 'aes-256-ctr', iv: Uint8Array): string => {
    const cipher = createCipheriv(name, key, iv);
    const data = Buffer.concat([cipher.update('secret'), cipher.final()]);
    return Buffer.concat([
      data,
      'getAuthTag' in cipher && name === 'aes-256-gcm'
        ? (cipher as never as { getAuthTag(): Buffer }).getAuthTag()
        : Buffer.alloc(0),
    ]).toString('base64');
  };
  const iv12 = new Uint8Array(12).fill(1);
  const iv16 = new Uint8Array(16).fill(2);
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const gcm = { wrapType: 'A256GCM', iv: base64(iv12), data: wrap('aes-256-gcm', iv12) };
  const ctr = { wrapType: 'A256CTR', iv: base64(iv16), data: wrap('aes-256-ctr', iv16) };

  test('opens in both forms', () => {
    for (const wrapped of [gcm, ctr]) expect(Buffer.from(openWrapped(wrapped, key)).toString()).toBe('secret');
  });

  test('what was changed, or has other lengths, does not open', () => {
    const flipped = Buffer.from(gcm.data, 'base64');
    flipped[0] = (flipped[0] ?? 0) ^ 1;
    for (const [wrapped, with_] of [
      [{ ...gcm, data: flipped.toString('base64') }, key],
      [gcm, new Uint8Array(32).fill(4)],
      [gcm, key.subarray(1)],
      [{ ...gcm, iv: base64(iv16) }, key],
      // It would open: another length of the IV is another construction.
      [{ ...gcm, iv: base64(iv16), data: wrap('aes-256-gcm', iv16) }, key],
      [{ ...gcm, data: base64(new Uint8Array(15)) }, key],
      [{ ...gcm, data: gcm.data.replace(/=+$/, '').slice(0, -1) }, key],
      [{ ...gcm, wrapType: 'A256KW' }, key],
      [{ ...gcm, iv: 'x' }, key],
      [{ ...ctr, iv: base64(iv12) }, key],
      [ctr, new Uint8Array(16)],
    ] as const)
      expect(() => openWrapped(wrapped, with_)).toThrow(DecodeError);
  });
});

test('fuzz: any text is a sealed secret or is refused', () => {
  const good = seal(header, vault);
  const changed = fc
    .tuple(fc.nat(good.length - 1), fc.string({ maxLength: 3 }))
    .map(([at, text]) => good.slice(0, at) + text + good.slice(at + 1));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string().map((text) => `sealed.${text}`),
        changed,
      ),
      (text) => {
        const outcome = fault(() => openSealedSecret(decodeSealedSecret(text), jwk));
        if (outcome === 'none') expect(text).toBe(good);
        fault(() => openWithoutVerification(text));
      },
    ),
    { numRuns: fuzzRuns(300) },
  );
});
