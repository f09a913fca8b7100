import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { JsonObject } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import { exportPublicJwk, type JwsAlgorithm, signJwt } from '@assay/protocol';
import { describe, expect, test } from 'vitest';
import { TestBackend } from '../testing/backend.test.helper.js';
import { type Authority, certificate, pem } from '../testing/certificates.test.helper.js';
import type { KbsSources } from '../types.js';
import type { TokenTrustConfig } from './config.js';
import { TokenTrust } from './trust.js';
import { TokenVerifier } from './verifier.js';

const NOW = new Date('2026-11-21T10:00:00Z');
const SECONDS = NOW.getTime() / 1000;
const root = certificate({ name: 'root', ca: true });
const middle = certificate({ name: 'middle', ca: true, issuer: root });
const leaf = certificate({ name: 'signer', issuer: middle });
const b64 = (one: Authority) => Buffer.from(one.der).toString('base64');

interface Setting {
  readonly verifier: TokenVerifier;
  readonly warnings: FindingDraft[];
  readonly clock: { now: Date };
}

async function open(
  config: TokenTrustConfig,
  files: Record<string, string | (() => string)> = {},
  own = false,
): Promise<Setting> {
  const clock = { now: NOW };
  const warnings: FindingDraft[] = [];
  const read = async (name: string) => {
    const content = files[name];
    if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return Buffer.from(typeof content === 'string' ? content : content());
  };
  const sources: KbsSources = { readFile: read, fetch: (url) => read(url) };
  const trust = await TokenTrust.open({
    config,
    own: own ? new TestBackend(() => NOW) : undefined,
    sources,
    now: () => clock.now,
    warn: (finding) => warnings.push(finding),
  });
  const verifier = new TokenVerifier({
    trust,
    now: () => clock.now,
    maxBytes: 100_000,
    extraKeyPaths: config.extra_teekey_paths ?? [],
  });
  return { verifier, warnings, clock };
}

function token(key: KeyObject, header: JsonObject, claims: JsonObject = {}, alg: JwsAlgorithm = 'ES256'): string {
  return signJwt({ iss: 'somebody', exp: SECONDS + 300, ...claims }, key, alg, header);
}

/** The JWK of a signer with its chain, as an attestation service writes it. */
function jwk(of: Authority, chain: readonly string[] | undefined): JsonObject {
  return { ...exportPublicJwk(of.publicKey), alg: 'ES256', ...(chain === undefined ? {} : { x5c: [...chain] }) };
}

function jwks(...keys: readonly { key: KeyObject; kid: string; alg?: string }[]): string {
  return JSON.stringify({
    keys: keys.map(({ key, kid, alg }) => ({ ...exportPublicJwk(key), kid, ...(alg === undefined ? {} : { alg }) })),
  });
}

describe('certified keys', () => {
  test.each<[string, readonly string[], string]>([
    ['leaf, intermediate', [b64(leaf), b64(middle)], pem(root)],
    ['with the root in it, permuted', [b64(leaf), b64(root), b64(middle)], pem(root)],
    [
      'intermediate in the trust file, which is shuffled',
      [b64(leaf)],
      pem(middle, certificate({ name: 'x', ca: true }), root),
    ],
    ['base64url without padding', [Buffer.from(leaf.der).toString('base64url'), b64(middle)], pem(root)],
    ['line breaks inside', [b64(leaf).replace(/.{64}/g, '$&\n'), b64(middle)], pem(root)],
  ])('%s', async (_, chain, anchors) => {
    const { verifier } = await open({ trusted_certs_paths: ['ca.pem'] }, { 'ca.pem': anchors });
    const { claims } = await verifier.verify(token(leaf.privateKey, { jwk: jwk(leaf, chain) }));
    expect(claims['iss']).toBe('somebody');
  });

  test('a self-signed signer that is an anchor itself', async () => {
    const { verifier } = await open({ trusted_certs_paths: ['ca.pem'] }, { 'ca.pem': pem(root) });
    await verifier.verify(token(root.privateKey, { jwk: jwk(root, [b64(root)]) }));
  });

  test.each<[string, readonly string[] | undefined, string]>([
    ['no x5c', undefined, pem(root)],
    ['empty x5c', [], pem(root)],
    ['leaf of another key', [b64(certificate({ name: 'signer', issuer: middle })), b64(middle)], pem(root)],
    ['another anchor', [b64(leaf), b64(middle)], pem(certificate({ name: 'root', ca: true }))],
    ['intermediate missing', [b64(leaf)], pem(root)],
    ['garbage among the intermediates', [b64(leaf), 'AAAA', b64(middle)], pem(root)],
    ['too many', [b64(leaf), ...Array.from({ length: 9 }, () => b64(middle))], pem(root)],
  ])('%s is not trusted', async (_, chain, anchors) => {
    const { verifier } = await open({ trusted_certs_paths: ['ca.pem'] }, { 'ca.pem': anchors });
    await expect(verifier.verify(token(leaf.privateKey, { jwk: jwk(leaf, chain) }))).rejects.toMatchObject({
      code: 'token.issuer.trust',
    });
  });
});

describe('keys by name', () => {
  const one = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const two = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const files = {
    'keys.json': jwks({ key: one.publicKey, kid: '1', alg: 'ES256' }, { key: two.publicKey, kid: '2', alg: 'ES384' }),
  };
  const config = { trusted_jwk_sets: ['file://keys.json'] };

  test('by kid, each with its algorithm', async () => {
    const { verifier } = await open(config, files);
    await verifier.verify(token(one.privateKey, { kid: '1' }));
    await verifier.verify(token(two.privateKey, { kid: '2' }, {}, 'ES384'));
    await expect(verifier.verify(token(one.privateKey, { kid: '2' }))).rejects.toMatchObject({
      code: 'token.algorithm.allowed',
    });
    await expect(verifier.verify(token(one.privateKey, { kid: '3' }))).rejects.toMatchObject({
      code: 'token.issuer.trust',
    });
    await expect(verifier.verify(token(one.privateKey, {}))).rejects.toMatchObject({ code: 'token.form.valid' });
  });

  test('symmetric keys in a set are never keys', async () => {
    const set = '{"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"HS256","kid":"1"}]}';
    await expect(open(config, { 'keys.json': set })).rejects.toMatchObject({ code: 'net.answer.form' });
  });

  test('a remote set is refreshed: a new key works, an old one ends, the cache forgets', async () => {
    let current = jwks({ key: one.publicKey, kid: '1', alg: 'ES256' });
    const url = 'https://as.example/jwks';
    const { verifier, clock } = await open({ trusted_jwk_sets: [url] }, { [url]: () => current });
    const old = token(one.privateKey, { kid: '1' }, { exp: SECONDS + 9999 });
    await verifier.verify(old);
    const next = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    current = jwks({ key: next.publicKey, kid: 'n', alg: 'ES256' });
    clock.now = new Date(NOW.getTime() + 11_000);
    await verifier.verify(token(next.privateKey, { kid: 'n' }));
    await expect(verifier.verify(old)).rejects.toMatchObject({ code: 'token.issuer.trust' });
  });

  test('a key in the header is trusted no longer than the set that names it', async () => {
    let current = jwks({ key: one.publicKey, kid: '1', alg: 'ES256' });
    const url = 'https://as.example/jwks';
    const { verifier, clock } = await open({ trusted_jwk_sets: [url] }, { [url]: () => current });
    const header = { jwk: { ...exportPublicJwk(one.publicKey), alg: 'ES256' } };
    const named = (claims: JsonObject) => verifier.verify(token(one.privateKey, header, claims));
    await named({ jti: 'first' });
    await named({ jti: 'second' });
    await expect(
      verifier.verify(token(two.privateKey, header, {}, 'ES384')), // the same header, another algorithm
    ).rejects.toMatchObject({ code: 'token.algorithm.allowed' });
    current = jwks({ key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, kid: 'n', alg: 'ES256' });
    clock.now = new Date(NOW.getTime() + 301_000);
    await expect(named({ jti: 'third', exp: SECONDS + 999 })).rejects.toMatchObject({ code: 'token.issuer.trust' });
  });

  test('a clock that is set back does not keep a key that its issuer has withdrawn', async () => {
    const url = 'https://as.example/jwks';
    let current = jwks({ key: one.publicKey, kid: '1', alg: 'ES256' });
    const { verifier, clock } = await open({ trusted_jwk_sets: [url] }, { [url]: () => current });
    const made = token(one.privateKey, { kid: '1' });
    await verifier.verify(made);
    current = jwks({ key: two.publicKey, kid: '2', alg: 'ES384' });
    clock.now = new Date(NOW.getTime() - 3_600_000);
    await expect(verifier.verify(made)).rejects.toMatchObject({ code: 'token.issuer.trust' });
    await verifier.verify(token(two.privateKey, { kid: '2' }, {}, 'ES384'));
  });

  test.each<JwsAlgorithm>(['PS384', 'RS384'])('RSA as other issuers sign with it: %s', async (alg) => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 3072 });
    const set = jwks({ key: rsa.publicKey, kid: 'ita', alg });
    const { verifier } = await open({ trusted_jwk_sets: ['ita.json'] }, { 'ita.json': set });
    await verifier.verify(token(rsa.privateKey, { kid: 'ita' }, {}, alg));
    for (const other of ['PS256', 'RS256', 'PS512'] as const)
      await expect(verifier.verify(token(rsa.privateKey, { kid: 'ita' }, {}, other))).rejects.toMatchObject({
        code: 'token.algorithm.allowed',
      });
  });

  test('a remote set that does not answer: started all the same, and told', async () => {
    const { verifier, warnings } = await open({ trusted_jwk_sets: ['https://as.example/jwks'] });
    expect(warnings.map((one) => one.id)).toEqual(['net.peer.answers']);
    await expect(verifier.verify(token(one.privateKey, { kid: '1' }))).rejects.toMatchObject({
      code: 'token.issuer.trust',
    });
  });
});

describe('configuration', () => {
  test('nothing to verify with is refused at start, unless the service is built in', async () => {
    await expect(open({})).rejects.toMatchObject({ code: 'config.trust.present' });
    await open({}, {}, true);
  });

  test.each<[TokenTrustConfig, Record<string, string>, string]>([
    [{ trusted_jwk_sets: ['http://as.example/jwks'] }, {}, 'config.file.form'],
    [{ trusted_jwk_sets: ['keys.json'] }, { 'keys.json': '[]' }, 'net.answer.form'],
    [{ trusted_certs_paths: ['ca.pem'] }, {}, 'net.peer.answers'],
    [{ trusted_certs_paths: ['ca.pem'] }, { 'ca.pem': 'nothing' }, 'config.file.form'],
    [
      { trusted_certs_paths: ['ca.pem'] },
      { 'ca.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
      'config.file.form',
    ],
  ])('%j', async (config, files, code) => {
    await expect(open(config, files)).rejects.toMatchObject({ code });
  });

  test('insecure_header_jwk believes anybody, only when asked for by name, and warns', async () => {
    const stranger = certificate({ name: 'stranger' });
    const forged = token(stranger.privateKey, { jwk: jwk(stranger, undefined) });
    const { verifier, warnings } = await open({ insecure_header_jwk: true });
    await verifier.verify(forged);
    expect(warnings).toMatchObject([{ id: 'config.value.insecure', severity: 'critical' }]);
    const strict = await open({}, {}, true);
    await expect(strict.verifier.verify(forged)).rejects.toMatchObject({ code: 'token.issuer.trust' });
  });

  test('a header key must carry what it is used with', async () => {
    const stranger = certificate({ name: 'stranger' });
    const { verifier } = await open({ insecure_header_jwk: true });
    const wrong = { ...jwk(stranger, undefined), alg: 'ES384' };
    await expect(verifier.verify(token(stranger.privateKey, { jwk: wrong }))).rejects.toMatchObject({
      code: 'token.algorithm.allowed',
    });
    const oct = { kty: 'oct', k: 'c2VjcmV0', alg: 'ES256' };
    await expect(verifier.verify(token(stranger.privateKey, { jwk: oct }))).rejects.toMatchObject({
      code: 'token.form.valid',
    });
  });
});

describe('tokens that this process has just signed', () => {
  const stranger = certificate({ name: 'stranger' });
  const claims = { exp: SECONDS + 300 };
  /** Nothing vouches for its key: whoever verifies it refuses it. */
  const made = token(stranger.privateKey, { jwk: jwk(stranger, undefined) }, claims);
  const digest = createHash('sha256').update(made).digest('hex');

  test('are believed to the byte, until they end', async () => {
    const { verifier, clock } = await open({}, {}, true);
    await expect(verifier.verify(made)).rejects.toMatchObject({ code: 'token.issuer.trust' });
    verifier.issued(made, digest, claims);
    expect((await verifier.verify(made)).claims).toEqual(claims);
    const other = token(stranger.privateKey, { jwk: jwk(stranger, undefined) }, claims);
    await expect(verifier.verify(other)).rejects.toMatchObject({ code: 'token.issuer.trust' });
    clock.now = new Date(NOW.getTime() + 360_000);
    await expect(verifier.verify(made)).rejects.toMatchObject({ code: 'token.time.left' });
  });

  test.each<[string, string, JsonObject]>([
    ['too long', `${made}${'A'.repeat(100_000)}`, claims],
    ['without an end', made, {}],
    ['with a beginning', made, { ...claims, nbf: SECONDS }],
  ])('%s: verified like any other', async (_, text, about) => {
    const { verifier } = await open({}, {}, true);
    verifier.issued(text, createHash('sha256').update(text).digest('hex'), about);
    await expect(verifier.verify(text)).rejects.toThrow();
  });
});

describe('times and size', () => {
  const signer = certificate({ name: 'signer' });
  const setting = () => open({ insecure_header_jwk: true });
  const make = (claims: JsonObject) => token(signer.privateKey, { jwk: jwk(signer, undefined) }, claims);

  test.each<[string, JsonObject, string | undefined]>([
    ['ended 59 s ago', { exp: SECONDS - 59 }, undefined],
    ['ended 60 s ago', { exp: SECONDS - 60 }, 'token.time.left'],
    ['no number', { exp: 'tomorrow' }, 'token.form.valid'],
    ['begins in 60 s', { nbf: SECONDS + 60 }, undefined],
    ['begins in 61 s', { nbf: SECONDS + 61 }, 'token.time.left'],
    ['begins at no time', { nbf: 'x' }, 'token.form.valid'],
    ['ends beyond any date', { exp: 1e300 }, 'token.form.valid'],
    ['begins beyond any date', { nbf: 1e300 }, 'token.form.valid'],
  ])('%s', async (_, claims, code) => {
    const { verifier } = await setting();
    const verified = verifier.verify(make(claims));
    if (code === undefined) await verified;
    else await expect(verified).rejects.toMatchObject({ code });
  });

  test('no exp', async () => {
    const { verifier } = await setting();
    const without = signJwt({}, signer.privateKey, 'ES256', { jwk: jwk(signer, undefined) });
    await expect(verifier.verify(without)).rejects.toMatchObject({ code: 'token.form.valid' });
  });

  test('too long', async () => {
    const { verifier } = await setting();
    await expect(verifier.verify(make({ filler: 'x'.repeat(100_000) }))).rejects.toMatchObject({
      code: 'token.form.valid',
    });
  });
});

describe('the guest’s key', () => {
  const signer = certificate({ name: 'signer' });
  const guest = { kty: 'EC', crv: 'P-256', alg: 'ECDH-ES+A256KW', ...pickXy(certificate({ name: 'g' }).publicKey) };
  const find = async (claims: JsonObject, extra: string[] = []) => {
    const { verifier } = await open({ insecure_header_jwk: true, extra_teekey_paths: extra });
    return verifier.attestedKey(
      await verifier.verify(token(signer.privateKey, { jwk: jwk(signer, undefined) }, claims)),
    );
  };

  test.each<[string, JsonObject]>([
    [
      'EAR',
      { submods: { cpu0: { 'ear.veraison.annotated-evidence': { runtime_data_claims: { 'tee-pubkey': guest } } } } },
    ],
    ['ITA', { tdx: { attester_runtime_data: { 'tee-pubkey': guest } } }],
    ['older ITA', { tdx: { attester_user_data: { 'tee-pubkey': guest } } }],
    ['simple', { customized_claims: { runtime_data: { 'tee-pubkey': guest } } }],
    ['first tokens', { 'tee-pubkey': guest }],
  ])('%s', async (_, claims) => {
    expect((await find(claims)).key).toMatchObject({ alg: 'ECDH-ES+A256KW', curve: 'P-256' });
  });

  test('the owner’s paths come first', async () => {
    const other = { kty: 'EC', crv: 'P-256', alg: 'ECDH-ES+A256KW', ...pickXy(certificate({ name: 'h' }).publicKey) };
    const both = { 'tee-pubkey': guest, mine: { 'a/b': other } };
    expect((await find(both, ['/mine/a~1b'])).thumbprint).not.toBe((await find(both)).thumbprint);
  });

  test('none, or one that is not served', async () => {
    await expect(find({})).rejects.toMatchObject({ code: 'token.key.present' });
    await expect(find({ 'tee-pubkey': { ...guest, crv: 'P-384' } })).rejects.toMatchObject({
      code: 'request.key.supported',
    });
    await expect(find({ 'tee-pubkey': 'x' })).rejects.toMatchObject({ code: 'token.key.present' });
  });
});

function pickXy(key: KeyObject): { x: string; y: string } {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  return { x, y };
}
