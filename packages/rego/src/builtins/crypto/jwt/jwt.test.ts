import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject, Value } from '../../../value/index.js';
import { type BuiltinContext, BuiltinError } from '../../types.js';
import { cryptoBuiltins } from '../index.js';
import { nodeCryptoBuiltins } from '../node.js';

const NOW = 1_700_000_000n;
const ctx = {
  now: NOW * 1_000_000_000n,
  memo: new Map(),
  budget: { step: () => {}, alloc: () => {} },
} as unknown as BuiltinContext;

function call(name: string, ...args: Value[]): Value | undefined {
  const builtin = [...cryptoBuiltins, ...nodeCryptoBuiltins].find((b) => b.name === name);
  if (builtin?.impl === undefined) throw new Error(`no built-in ${name}`);
  return builtin.impl(args, ctx);
}

function jwk(key: KeyObject, extra: JsonObject = {}): JsonObject {
  return { ...(key.export({ format: 'jwk' }) as JsonObject), ...extra };
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
const ed = generateKeyPairSync('ed25519');
const PAIRS = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  ES256: p256,
  ES384: p384,
  ES512: p521,
  EdDSA: ed,
} as const;

function sign(alg: keyof typeof PAIRS, claims: JsonObject = { sub: 'a' }, header: JsonObject = {}): string {
  return call('io.jwt.encode_sign', { alg, ...header }, claims, jwk(PAIRS[alg].privateKey)) as string;
}

function segment(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function hs256(header: JsonObject, payload: string | JsonObject, secret = 's'): string {
  const text = typeof payload === 'string' ? Buffer.from(payload).toString('base64url') : segment(payload);
  const data = `${segment(header)}.${text}`;
  return `${data}.${createHmac('sha256', secret).update(data).digest('base64url')}`;
}

describe('signing and verifying', () => {
  test.each(Object.keys(PAIRS) as (keyof typeof PAIRS)[])('%s round-trips through PEM, JWK and JWK sets', (alg) => {
    const token = sign(alg);
    const name = `io.jwt.verify_${alg.toLowerCase()}`;
    const { publicKey } = PAIRS[alg];
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
    expect(call(name, token, pem)).toBe(true);
    expect(call(name, token, JSON.stringify(jwk(publicKey)))).toBe(true);
    expect(
      call(name, token, JSON.stringify({ keys: [jwk(p256.publicKey, { alg: 'RSA-OAEP' }), jwk(publicKey, { alg })] })),
    ).toBe(true);
    expect(call('io.jwt.decode_verify', token, { cert: pem })).toEqual([true, { alg }, { sub: 'a' }]);
    const [header, , signature] = token.split('.');
    expect(call(name, `${header}.${segment({ sub: 'b' })}.${signature}`, pem)).toBe(false);
    // The last byte of an Ed25519 signature is zero once in sixteen times: the first one is changed.
    const changed = `${signature?.startsWith('A') ? 'B' : 'A'}${signature?.slice(1)}`;
    expect(call(name, token.replace(signature ?? '', changed), pem)).toBe(false);
  });

  test('a key serves only the algorithm it is made for', () => {
    const rsaPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;
    // The classic confusion: a MAC keyed with the text of the public key.
    const forged = hs256({ alg: 'HS256' }, { sub: 'x' }, rsaPem);
    expect(call('io.jwt.decode_verify', forged, { cert: rsaPem })).toEqual([false, {}, {}]);
    expect(call('io.jwt.decode_verify', `${segment({ alg: 'none' })}.${segment({})}.`, { cert: rsaPem })).toEqual([
      false,
      {},
      {},
    ]);
    expect(call('io.jwt.verify_rs256', sign('PS256'), rsaPem)).toBe(false);
    expect(call('io.jwt.verify_es256', sign('ES384'), JSON.stringify(jwk(p384.publicKey)))).toBe(false);
    expect(call('io.jwt.decode_verify', sign('RS256'), { secret: rsaPem })).toEqual([false, {}, {}]);
    expect(() => call('io.jwt.encode_sign', { alg: 'ES256' }, {}, jwk(rsa.privateKey))).toThrow(
      'the key does not fit algorithm ES256',
    );
  });

  test('a key id decides alone', () => {
    const token = sign('ES256', { sub: 'a' }, { kid: 'k1' });
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    const set = (kid: string): string =>
      JSON.stringify({ keys: [jwk(other, { kid }), jwk(p256.publicKey, { kid: 'k2' })] });
    expect(call('io.jwt.verify_es256', token, set('k1'))).toBe(false);
    expect(call('io.jwt.verify_es256', token, set('k3'))).toBe(true);
  });

  test('HMAC', () => {
    const token = hs256({ alg: 'HS256' }, { sub: 'x' });
    expect(call('io.jwt.verify_hs256', token, 's')).toBe(true);
    expect(call('io.jwt.verify_hs256', token, 't')).toBe(false);
    expect(call('io.jwt.verify_hs512', token, 's')).toBe(false);
    expect(call('io.jwt.encode_sign', { alg: 'HS256' }, { sub: 'x' }, { kty: 'oct', k: 'cw' })).toBe(token);
  });

  test('a randomised signature is drawn once per query', () => {
    expect(sign('ES256', { once: true })).toBe(sign('ES256', { once: true }));
  });

  test('wrong keys and headers', () => {
    const verify = (key: string): Value | undefined => call('io.jwt.verify_rs256', sign('RS256'), key);
    expect(() => verify('{"kty":"RSA"}')).toThrow('failed to parse a JWK key (set)');
    expect(() => verify('nope')).toThrow('failed to parse a JWK key (set)');
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;
    expect(() => verify(`${pem}extra`)).toThrow('extra data after a PEM certificate block');
    expect(() => verify(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)).toThrow(
      'failed to extract a Key',
    );
    const raw = (header: string, payload = '{}'): Value | undefined =>
      call('io.jwt.encode_sign_raw', header, payload, '{"kty":"oct","k":"cw"}');
    expect(() => raw('{"typ:"JWT"}')).toThrow("missing or invalid 'alg' header: cannot parse JSON");
    expect(() => raw('{}')).toThrow(`missing or invalid 'alg' header: jwsbb: header "alg" not found`);
    expect(() => raw('{"alg":"none"}')).toThrow('unknown JWS algorithm: none');
    expect(() => raw('{"alg":"HS256"}', 'e')).toThrow('type is JWT but payload is not JSON');
    expect(raw('{"alg":"HS256","typ":"text/plain"}', 'e')).toContain('.ZQ.');
  });

  test('version 0 policies sign and fail as in OPA 0.x', () => {
    const v0 = { ...ctx, regoVersion: 'v0' } as BuiltinContext;
    const run = (name: string, ...args: Value[]): Value | undefined =>
      nodeCryptoBuiltins.find((b) => b.name === name)?.impl?.(args, v0);
    const key = { kty: 'oct', k: 'cw' };
    const token = run('io.jwt.encode_sign', { alg: 'HS256' }, { a: [1, 2] }, key) as string;
    expect(
      token
        .split('.')
        .slice(0, 2)
        .map((part) => Buffer.from(part, 'base64url').toString()),
    ).toEqual(['{"alg": "HS256"}', '{"a": [1, 2]}']);
    const raw = (header: string): Value | undefined => run('io.jwt.encode_sign_raw', header, '{}', JSON.stringify(key));
    expect(() => raw('{')).toThrow('unexpected end of JSON input');
    expect(() => raw('e')).toThrow('invalid character');
    expect(() => raw('{}')).toThrow('unsupported signature algorithm');
    expect(() => raw('{"alg": "x"}')).toThrow('unsupported signature algorithm');
  });

  test('errors never quote a private key', () => {
    const secret = 'c2VjcmV0LXNlY3JldA';
    try {
      call('io.jwt.encode_sign', { alg: 'ES256' }, {}, { kty: 'EC', crv: 'P-256', d: secret });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(BuiltinError);
      expect((error as Error).message).not.toContain(secret);
    }
  });
});

describe('decode_verify', () => {
  const holds = (claims: JsonObject, constraints: JsonObject = {}, header: JsonObject = {}): boolean => {
    const result = call('io.jwt.decode_verify', hs256({ alg: 'HS256', ...header }, claims), {
      secret: 's',
      ...constraints,
    });
    return (result as Value[])[0] === true;
  };

  test('time', () => {
    expect(holds({ exp: Number(NOW) + 1 })).toBe(true);
    expect(holds({ exp: Number(NOW) })).toBe(false);
    expect(holds({ nbf: Number(NOW) })).toBe(true);
    expect(holds({ nbf: Number(NOW) + 1 })).toBe(false);
    expect(holds({ exp: 3000 }, { time: 2999e9 })).toBe(true);
    expect(() => holds({ exp: 'soon' })).toThrow('exp value must be a number');
    expect(() => holds({ nbf: 'soon' })).toThrow('nbf value must be a number');
    expect(() => holds({}, { time: -1 })).toThrow('must not be negative');
  });

  test('issuer, audience, algorithm', () => {
    expect(holds({ iss: 'a' }, { iss: 'a' })).toBe(true);
    expect(holds({ iss: 'a' }, { iss: 'b' })).toBe(false);
    expect(holds({}, { iss: 'b' })).toBe(false);
    expect(holds({ aud: 'a' }, { aud: 'a' })).toBe(true);
    expect(holds({ aud: ['b', 'a'] }, { aud: 'a' })).toBe(true);
    expect(holds({ aud: 'a' })).toBe(false);
    expect(holds({}, { aud: 'a' })).toBe(false);
    expect(holds({}, { alg: 'HS512' })).toBe(false);
  });

  test('critical parameters', () => {
    expect(holds({}, {}, { crit: ['junk'], junk: 1 })).toBe(false);
    expect(holds({}, {}, { crit: ['kid'], kid: 'k' })).toBe(true);
    expect(() => holds({}, {}, { crit: [] })).toThrow('crit: must be a nonempty list');
  });

  test('constraints are checked', () => {
    const token = hs256({ alg: 'HS256' }, {});
    const run = (constraints: JsonObject): Value | undefined => call('io.jwt.decode_verify', token, constraints);
    expect(() => run({ secret: 's', nope: 1 })).toThrow('unknown token validation constraint: nope');
    expect(() => run({})).toThrow('no key constraint');
    expect(() => run({ secret: 's', cert: JSON.stringify(jwk(p256.publicKey)) })).toThrow('duplicate key constraints');
    expect(() => run({ secret: 1 })).toThrow('secret constraint: must be a string');
  });

  test('nesting is followed, and bounded', () => {
    let token = hs256({ alg: 'HS256' }, { sub: 'x' });
    const verify = (): Value | undefined => call('io.jwt.decode_verify', token, { secret: 's' });
    token = hs256({ alg: 'HS256', cty: 'JWT' }, token);
    expect(verify()).toEqual([true, { alg: 'HS256' }, { sub: 'x' }]);
    expect(call('io.jwt.decode', token)).toEqual([{ alg: 'HS256' }, { sub: 'x' }, expect.any(String)]);
    for (let i = 0; i < 16; i++) token = hs256({ alg: 'HS256', cty: 'JWT' }, token);
    expect(verify).toThrow('nested more than 16 levels');
    expect(() => call('io.jwt.decode', token)).toThrow('nested more than 16 levels');
  });
});

describe('decode', () => {
  test.each([
    ['abc', 'encoded JWT had no period separators'],
    ['a.b', 'encoded JWT must have 3 sections, found 2'],
    [
      'eyJhbGciOiJIU^%zI1NiI+sInR5cCI6IkpXVCJ9.e30.',
      'JWT header had invalid encoding: illegal base64 data at input byte 13',
    ],
    [`${segment({ enc: 'x' })}.e30.`, 'JWT is a JWE object, which is not supported'],
    [`${segment([])}.e30.`, 'bad JWT header: decoded JSON type was not an Object'],
    [`${segment({})}.W10.`, 'decoded JSON type was not an Object'],
    ['e30.!.', 'JWT payload had invalid encoding: illegal base64 data at input byte 0'],
    ['e30.e30.!', 'JWT signature had invalid encoding: illegal base64 data at input byte 0'],
  ])('%s: %s', (token, text) => {
    expect(() => call('io.jwt.decode', token)).toThrow(text);
  });

  test('fuzz: any text decodes, verifies as false, or is refused', () => {
    const soup = fc.string({ unit: fc.constantFrom(...'eyJ0Kp.{}":,[]=-_ A9'), maxLength: 40 });
    const part = fc.oneof(
      soup,
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    const anyToken = fc.oneof(
      soup,
      fc.tuple(part, part, part).map((parts) => parts.join('.')),
    );
    fc.assert(
      fc.property(anyToken, soup, (token, key) => {
        for (const name of ['io.jwt.decode', 'io.jwt.verify_rs256', 'io.jwt.verify_hs256', 'io.jwt.decode_verify']) {
          try {
            const args =
              name === 'io.jwt.decode' ? [token] : [token, name.endsWith('decode_verify') ? { secret: 's' } : key];
            const result = call(name, ...args);
            if (name === 'io.jwt.decode_verify') expect(result).toEqual([false, {}, {}]);
            else if (name !== 'io.jwt.decode') expect(result).toBe(false);
          } catch (error) {
            expect(error).toBeInstanceOf(BuiltinError);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('hashes', () => {
  test('digests and MACs of text are those of its UTF-8', () => {
    expect(call('crypto.md5', 'lorem ipsum')).toBe('80a751fde577028640c419000e33eba6');
    expect(call('crypto.sha1', 'lorem ipsum')).toBe('bfb7759a67daeb65410490b4d98bb9da7d1ea2ce');
    expect(call('crypto.sha256', 'é')).toBe('4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c');
    for (const hash of ['md5', 'sha1', 'sha256', 'sha512']) {
      const expected = createHmac(hash, 'ключ').update('é').digest('hex');
      expect(call(`crypto.hmac.${hash}`, 'é', 'ключ')).toBe(expected);
    }
    expect(call('crypto.hmac.equal', 'ab', 'ab')).toBe(true);
    expect(call('crypto.hmac.equal', 'ab', 'ac')).toBe(false);
    expect(call('crypto.hmac.equal', 'ab', 'abc')).toBe(false);
  });
});
