import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encodeBase64url, type JsonObject, type JsonValue } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { calculateJwkThumbprint, jwtVerify, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { ProtocolError, type ProtocolErrorCode } from '../protocol-error.js';
import { defaultAlgorithm, JWS_ALGORITHMS, type JwsAlgorithm } from './algorithms.js';
import { exportPublicJwk, importJwk, importJwkSet, jwkThumbprint } from './jwk.js';
import { decodeJwtUnverified, type JwtVerifyOptions, signJwt, verifyJwt } from './jwt.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KEYS: Readonly<Record<JwsAlgorithm, { publicKey: KeyObject; privateKey: KeyObject }>> = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  EdDSA: generateKeyPairSync('ed25519'),
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
};
const NOW = 1_760_426_134;
const CLAIMS = { iss: 'https://as.example', sub: 'x', iat: NOW, exp: NOW + 300, aud: ['KBS'] };
const es256 = KEYS.ES256;
const TOKEN = signJwt(CLAIMS, es256.privateKey, 'ES256');
const options = (changes: Partial<JwtVerifyOptions> = {}): JwtVerifyOptions => ({
  now: NOW,
  algorithms: ['ES256'],
  key: es256.publicKey,
  ...changes,
});

function refusal(token: string, changes: Partial<JwtVerifyOptions> = {}): ProtocolErrorCode | 'accepted' {
  try {
    verifyJwt(token, options(changes));
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return (error as ProtocolError).code;
  }
}

const part = (value: JsonValue) => encodeBase64url(Buffer.from(JSON.stringify(value)));
/** A token with any header and payload, correctly signed with ES256 whatever the header says. */
function forged(header: string, payload: string): string {
  const input = `${header}.${payload}`;
  const signature = sign('sha256', Buffer.from(input), { key: es256.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${encodeBase64url(signature)}`;
}

test('PS384 with a salt of another length than its digest is no signature', () => {
  const input = `${part({ alg: 'PS384' })}.${part(CLAIMS)}`;
  const signature = sign('sha384', Buffer.from(input), {
    key: rsa.privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  });
  const token = `${input}.${encodeBase64url(signature)}`;
  expect(refusal(token, { algorithms: ['PS384'], key: rsa.publicKey })).toBe('token.signature.valid');
});

describe.each(JWS_ALGORITHMS)('%s', (algorithm) => {
  const { publicKey, privateKey } = KEYS[algorithm];

  test('an independent implementation verifies what we sign', async () => {
    const token = signJwt(CLAIMS, privateKey, algorithm, { kid: 'k' });
    const { payload, protectedHeader } = await jwtVerify(token, publicKey, { currentDate: new Date(NOW * 1000) });
    expect(payload).toEqual(CLAIMS);
    expect(protectedHeader).toEqual({ typ: 'JWT', alg: algorithm, kid: 'k' });
  });

  test('we verify what an independent implementation signs', async () => {
    const token = await new SignJWT(CLAIMS).setProtectedHeader({ alg: algorithm }).sign(privateKey);
    const jwt = verifyJwt(token, options({ algorithms: [algorithm], key: publicKey }));
    expect(jwt.claims).toEqual(CLAIMS);
    expect(jwt.expiresAt).toBe(CLAIMS.exp);
    expect(jwt.algorithm).toBe(algorithm);
  });

  test('a changed signature, another key and an algorithm that is not allowed are refused', () => {
    const token = signJwt(CLAIMS, privateKey, algorithm);
    const key = publicKey;
    const changed = `${token.slice(0, -8)}${token.at(-8) === 'A' ? 'B' : 'A'}${token.slice(-7)}`;
    expect(refusal(changed, { algorithms: [algorithm], key })).toBe('token.signature.valid');
    expect(refusal(token, { algorithms: JWS_ALGORITHMS.filter((other) => other !== algorithm), key })).toBe(
      'token.algorithm.allowed',
    );
    const others = JWS_ALGORITHMS.filter((other) => KEYS[other] !== KEYS[algorithm]);
    for (const other of others) {
      expect(refusal(token, { algorithms: [algorithm], key: KEYS[other].publicKey })).toBe('token.signature.valid');
    }
  });
});

describe('forgery', () => {
  const payload = part(CLAIMS);

  test('alg none', () => {
    for (const alg of ['none', 'None', 'NONE', '']) {
      expect(refusal(`${part({ alg })}.${payload}.`)).toBe('token.algorithm.allowed');
    }
  });

  test('HS256 under the public key as secret', () => {
    const header = part({ alg: 'HS256' });
    for (const secret of [
      es256.publicKey.export({ type: 'spki', format: 'pem' }),
      es256.publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(exportPublicJwk(es256.publicKey)),
    ]) {
      const mac = createHmac('sha256', secret).update(`${header}.${payload}`).digest();
      expect(refusal(`${header}.${payload}.${encodeBase64url(mac)}`)).toBe('token.algorithm.allowed');
    }
  });

  test('another algorithm in the header than the key is for', () => {
    expect(refusal(forged(part({ alg: 'ES384' }), payload), { algorithms: ['ES256', 'ES384'] })).toBe(
      'token.signature.valid',
    );
  });

  test('DER signature in place of the fixed form', () => {
    const input = `${part({ alg: 'ES256' })}.${payload}`;
    const der = sign('sha256', Buffer.from(input), es256.privateKey);
    expect(refusal(`${input}.${encodeBase64url(der)}`)).toBe('token.signature.valid');
  });

  test('all-zero signature', () => {
    expect(refusal(`${part({ alg: 'ES256' })}.${payload}.${encodeBase64url(new Uint8Array(64))}`)).toBe(
      'token.signature.valid',
    );
  });

  test('a private or secret key never verifies', () => {
    expect(refusal(TOKEN, { key: es256.privateKey })).toBe('token.signature.valid');
  });

  test('RSA keys below 2048 bits', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const input = `${part({ alg: 'RS256' })}.${payload}`;
    const token = `${input}.${encodeBase64url(sign('sha256', Buffer.from(input), small.privateKey))}`;
    expect(refusal(token, { algorithms: ['RS256'], key: small.publicKey })).toBe('token.signature.valid');
  });

  test('no trusted key', () => {
    expect(refusal(TOKEN, { key: () => undefined })).toBe('token.issuer.trust');
  });
});

describe('form', () => {
  const header = part({ alg: 'ES256' });
  const payload = part(CLAIMS);
  test.each<[string, string, ProtocolErrorCode]>([
    ['empty', '', 'token.form.valid'],
    ['two parts', TOKEN.split('.').slice(0, 2).join('.'), 'token.form.valid'],
    ['four parts', `${TOKEN}.`, 'token.form.valid'],
    ['cut off', TOKEN.slice(0, -1), 'token.form.valid'],
    ['padding', `${TOKEN}=`, 'token.form.valid'],
    ['white space', ` ${TOKEN}`, 'token.form.valid'],
    ['header that is no JSON', forged('AAAA', payload), 'token.form.valid'],
    ['header that is a list', forged(part([]), payload), 'token.form.valid'],
    [
      'algorithm twice',
      forged(encodeBase64url(Buffer.from('{"alg":"ES256","alg":"ES256"}')), payload),
      'token.form.valid',
    ],
    ['no algorithm', forged(part({}), payload), 'token.algorithm.allowed'],
    ['inherited algorithm', forged(part({ alg: 'toString' }), payload), 'token.algorithm.allowed'],
    ['critical extension', forged(part({ alg: 'ES256', crit: ['x'], x: 1 }), payload), 'token.form.valid'],
    ['unencoded payload', forged(part({ alg: 'ES256', b64: false }), payload), 'token.form.valid'],
    ['payload that is a list', forged(header, part([])), 'token.form.valid'],
    ['claim twice', forged(header, encodeBase64url(Buffer.from('{"exp":1,"exp":9999999999}'))), 'token.form.valid'],
    ['exp that is a text', forged(header, part({ exp: '9999999999' })), 'token.form.valid'],
    ['nbf that is a text', forged(header, part({ ...CLAIMS, nbf: 'soon' })), 'token.form.valid'],
    ['iat that is null', forged(header, part({ ...CLAIMS, iat: null })), 'token.form.valid'],
  ])('%s', (_, token, code) => {
    expect(refusal(token)).toBe(code);
  });

  test('a well-formed token is accepted by the same helper', () => {
    expect(refusal(forged(header, payload))).toBe('accepted');
  });

  test('size', () => {
    expect(refusal(TOKEN, { maxLength: TOKEN.length })).toBe('accepted');
    expect(refusal(TOKEN, { maxLength: TOKEN.length - 1 })).toBe('token.form.valid');
    const longHeader = forged(part({ alg: 'ES256', x: 'a'.repeat(70_000) }), payload);
    expect(refusal(longHeader)).toBe('token.form.valid');
  });
});

describe('time and identity', () => {
  test('exp, with its leeway', () => {
    expect(refusal(TOKEN, { now: CLAIMS.exp + 59 })).toBe('accepted');
    expect(refusal(TOKEN, { now: CLAIMS.exp + 60 })).toBe('token.time.left');
    expect(refusal(TOKEN, { now: CLAIMS.exp, leeway: 0 })).toBe('token.time.left');
    expect(refusal(TOKEN, { now: CLAIMS.exp - 1, leeway: 0 })).toBe('accepted');
  });

  test('nbf, with its leeway', () => {
    const token = signJwt({ ...CLAIMS, nbf: NOW + 100 }, es256.privateKey, 'ES256');
    expect(refusal(token, { now: NOW + 40 })).toBe('accepted');
    expect(refusal(token, { now: NOW + 39 })).toBe('token.time.left');
  });

  test('exp is required unless told otherwise', () => {
    const token = signJwt({ sub: 'x' }, es256.privateKey, 'ES256');
    expect(refusal(token)).toBe('token.time.left');
    expect(verifyJwt(token, options({ requireExpiry: false })).expiresAt).toBeUndefined();
  });

  test('iss and aud', () => {
    expect(refusal(TOKEN, { issuer: CLAIMS.iss, audience: 'KBS' })).toBe('accepted');
    expect(refusal(TOKEN, { issuer: `${CLAIMS.iss}/` })).toBe('token.claim.match');
    expect(refusal(TOKEN, { audience: 'KB' })).toBe('token.claim.match');
    const single = signJwt({ ...CLAIMS, aud: 'KBS' }, es256.privateKey, 'ES256');
    expect(refusal(single, { audience: 'KBS' })).toBe('accepted');
    expect(refusal(single, { audience: 'K' })).toBe('token.claim.match');
  });

  test('claims are not judged before the signature', () => {
    const ended = signJwt({ ...CLAIMS, exp: 1 }, es256.privateKey, 'ES256');
    expect(refusal(ended, { key: KEYS.ES384.publicKey })).toBe('token.signature.valid');
  });
});

test('a client reads the times of its own token', () => {
  expect(decodeJwtUnverified(TOKEN).claims['exp']).toBe(CLAIMS.exp);
  expect(() => decodeJwtUnverified('x')).toThrow(ProtocolError);
});

test('signing refuses a key that does not fit', () => {
  expect(() => signJwt(CLAIMS, KEYS.ES384.privateKey, 'ES256')).toThrow(RangeError);
  expect(() => signJwt(CLAIMS, es256.publicKey, 'ES256')).toThrow(RangeError);
});

describe('JWK', () => {
  const RFC_7638: JsonObject = {
    kty: 'RSA',
    n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
    e: 'AQAB',
    alg: 'RS256',
    kid: '2011-04-29',
  };

  test('thumbprint of RFC 7638 section 3.1', () => {
    expect(jwkThumbprint(RFC_7638)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
    expect(importJwk(RFC_7638)).toMatchObject({ kid: '2011-04-29', algorithm: 'RS256' });
  });

  test.each(['ES256', 'ES384', 'EdDSA', 'RS256'] as const)(
    '%s: export, import and thumbprint agree',
    async (algorithm) => {
      const { publicKey, privateKey } = KEYS[algorithm];
      const jwk = exportPublicJwk(privateKey);
      expect(exportPublicJwk(publicKey)).toEqual(jwk);
      expect(Object.keys(jwk)).not.toContain('d');
      const imported = importJwk({ ...jwk, use: 'sig' });
      expect(imported.key.equals(publicKey)).toBe(true);
      expect(imported.algorithm).toBe(algorithm);
      expect(defaultAlgorithm(publicKey)).toBe(algorithm);
      expect(imported.thumbprint).toBe(await calculateJwkThumbprint(jwk as Record<string, string>));
    },
  );

  const ec = exportPublicJwk(es256.publicKey);
  test.each<[string, JsonValue]>([
    ['a text', 'x'],
    ['symmetric', { kty: 'oct', k: 'AAAA', alg: 'HS256' }],
    ['for encryption', { ...ec, use: 'enc' }],
    ['for an algorithm of another key', { ...ec, alg: 'RS256' }],
    ['for a symmetric algorithm', { ...ec, alg: 'HS256' }],
    ['without a coordinate', { kty: 'EC', crv: 'P-256', x: ec['x'] ?? '' }],
    ['off the curve', { ...ec, y: ec['x'] ?? '' }],
    ['padded', { ...ec, x: `${ec['x']}=` }],
    ['with a kid that is a number', { ...ec, kid: 1 }],
    ['on an unknown curve', { ...ec, crv: 'secp256k1' }],
  ])('refuses a key that is %s', (_, jwk) => {
    expect(() => importJwk(jwk)).toThrow(ProtocolError);
  });

  test('a set leaves out what it cannot use, and must hold something', () => {
    const set = { keys: [{ kty: 'oct', k: 'AAAA' }, { ...ec, kid: 'a' }, 'x'] };
    expect(importJwkSet(set).map((key) => key.kid)).toEqual(['a']);
    expect(() => importJwkSet({ keys: [{ kty: 'oct', k: 'AAAA' }] })).toThrow('no key that can verify');
    expect(() => importJwkSet({})).toThrow('no keys array');
    expect(() => importJwkSet({ keys: new Array<JsonValue>(65).fill(ec) })).toThrow('more than 64');
  });
});

test('fuzz: one change to a token is refused with ProtocolError', () => {
  fc.assert(
    fc.property(fc.nat({ max: TOKEN.length - 1 }), fc.constantFrom(...'AZaz09-_.=+/ \u0000é'), (at, character) => {
      fc.pre(TOKEN[at] !== character);
      expect(refusal(TOKEN.slice(0, at) + character + TOKEN.slice(at + 1))).not.toBe('accepted');
    }),
    { numRuns: fuzzRuns(300) },
  );
});
