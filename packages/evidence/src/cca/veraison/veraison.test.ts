import { type KeyObject, sign } from 'node:crypto';
import { encodeBase64, encodeUtf8, type JsonObject } from '@assay/bytes';
import { assembleVerdict } from '@assay/bytes/findings';
import { describe, expect, test } from 'vitest';
import { type CoseKey, keyFromJwk } from '../../cose/index.js';
import type { VerifierResult } from '../../verifier.js';
import { ccaNeeds } from '../needs.js';
import { ccaTrust } from '../stores/anchors.js';
import {
  ANCHORS,
  anchorsOf,
  CHALLENGE,
  coseKeyOf,
  ecKey,
  IMPLEMENTATION,
  INSTANCE,
  jwkOf,
  KEYS,
  RPV,
  storeOf,
  tokenOf,
} from '../token.test.helper.js';
import { createCcaVerifier, VERAISON_EAR } from '../verifier.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const SERVICE = ecKey('P-256');
const keyOf = (key: KeyObject): CoseKey => keyFromJwk(jwkOf(key) as JsonObject);
const seconds = NOW.getTime() / 1000;
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function jwt(
  payload: unknown,
  header: object = { alg: 'ES256', typ: 'JWT' },
  key = SERVICE,
  hash = 'sha256',
): Uint8Array {
  const input = `${encode(header)}.${encode(payload)}`;
  const signature = sign(hash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return encodeUtf8(`${input}.${signature.toString('base64url')}`);
}

const EVIDENCE = 'ear.veraison.annotated-evidence';
const platform = {
  'cca-platform-implementation-id': encodeBase64(IMPLEMENTATION),
  'cca-platform-instance-id': encodeBase64(INSTANCE),
};
const realm = {
  'cca-realm-challenge': encodeBase64(CHALLENGE),
  'cca-realm-initial-measurement': encodeBase64(new Uint8Array(32).fill(3)),
  'cca-realm-personalization-value': encodeBase64(RPV),
};
const submods = (platformStatus: unknown, realmStatus: unknown, change: [object, object] = [{}, {}]): object => ({
  CCA_SSD_PLATFORM: { 'ear.status': platformStatus, [EVIDENCE]: { ...platform, ...change[0] } },
  CCA_REALM: { 'ear.status': realmStatus, [EVIDENCE]: { ...realm, ...change[1] } },
});
const ear = (change: object = {}): object => ({
  eat_profile: 'tag:github.com,2023:veraison/ear',
  iat: seconds,
  eat_nonce: Buffer.from(CHALLENGE).toString('base64url'),
  submods: submods('affirming', 'affirming'),
  ...change,
});

function run(
  result: Uint8Array | undefined = jwt(ear()),
  token: Uint8Array = tokenOf(),
  options: Parameters<typeof createCcaVerifier>[0] = {},
): VerifierResult {
  return createCcaVerifier({ veraison: keyOf(SERVICE), ...options }).verify({
    evidence: { token: [...token] },
    reportData: undefined,
    initData: undefined,
    endorsements: { [VERAISON_EAR]: result },
    now: NOW,
  });
}
const failures = (result: VerifierResult): string[] =>
  result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
const titles = (result: VerifierResult): string =>
  result.findings.flatMap(({ outcome, title }) => (outcome === 'fail' ? [title ?? ''] : [])).join('\n');

test('a result under the pinned key stands in for the platform’s key', () => {
  const result = run();
  expect(failures(result)).toEqual([]);
  expect(result.accepted && result.claimSets[0]?.claims).toMatchObject({
    veraison: { platform: 'affirming', realm: 'affirming' },
  });
  expect(result.accepted && result.claimSets[0]?.claims).not.toHaveProperty('emulated');
  for (const id of ['cca.platform.key', 'cca.platform.signature'])
    expect(result.findings).toContainEqual(expect.objectContaining({ id, outcome: 'not-checked' }));
});

test('under ES384 as well, with padding in the nonce, a realm key and an end', () => {
  const key = ecKey('P-384');
  const nonce = `${Buffer.from(CHALLENGE).toString('base64url')}==`;
  const whole = ear({
    eat_nonce: nonce,
    exp: seconds + 1,
    submods: submods('affirming', 'affirming', [{}, { 'cca-realm-public-key': encodeBase64(coseKeyOf(KEYS.rak)) }]),
  });
  const result = run(jwt(whole, { alg: 'ES384' }, key, 'sha384'), tokenOf(), { veraison: keyOf(key) });
  expect(failures(result)).toEqual([]);
});

test.each<[string, Uint8Array, string]>([
  ['another key', jwt(ear(), undefined, ecKey('P-256')), 'does not verify'],
  ['a key of another curve', jwt(ear(), { alg: 'ES384' }, KEYS.other, 'sha384'), 'algorithm is not that'],
  ['none', jwt(ear(), { alg: 'none' }), 'algorithm is not that'],
  ['critical members', jwt(ear(), { alg: 'ES256', crit: ['x'] }), 'critical members'],
  ['a signature in two parts', encodeUtf8(`${encode({})}.${encode({})}`), '2 parts'],
  ['a signature that is cut', jwt(ear()).subarray(0, -2), 'does not verify'],
  ['a header that is a list', encodeUtf8(`${encode([])}.${encode({})}.AA`), 'header is not an object'],
  ['a payload that is a list', jwt([]), 'payload is not an object'],
  ['no base64url', encodeUtf8('*.*.*'), 'result of Veraison'],
  ['too much', new Uint8Array(256 * 1024 + 1).fill(0x61), 'at most'],
])('a result under %s is refused', (_, result, said) => {
  const refused = run(result);
  expect(failures(refused)).toEqual(['cca.veraison.result']);
  expect(titles(refused)).toContain(said);
  expect(refused.accepted).toBe(false);
  expect(assembleVerdict({ kind: 'cca', at: NOW, asked: false, findings: refused.findings }).verdict).toBe('reject');
});

test.each<[string, object, string]>([
  ['no nonce', { eat_nonce: undefined }, 'another challenge'],
  ['another nonce', { eat_nonce: Buffer.from(CHALLENGE.with(0, 0)).toString('base64url') }, 'another challenge'],
  ['a nonce cut', { eat_nonce: Buffer.from(CHALLENGE).toString('base64url').slice(0, 40) }, 'another challenge'],
  ['no time', { iat: undefined }, 'no time of issue'],
  ['a time as text', { iat: '2026' }, 'no time of issue'],
  ['an old time', { iat: seconds - 301 }, 'more than 300 seconds ago'],
  ['a time to come', { iat: seconds + 61 }, 'in the future'],
  ['an end that is past', { exp: seconds }, 'has ended'],
  ['an end that is a text', { exp: '2099' }, 'has ended'],
  [
    'another implementation',
    { submods: submods('affirming', 'affirming', [{ 'cca-platform-implementation-id': 'AA==' }, {}]) },
    'cca-platform-implementation-id',
  ],
  [
    'another instance',
    { submods: submods('affirming', 'affirming', [{ 'cca-platform-instance-id': undefined }, {}]) },
    'cca-platform-instance-id',
  ],
  [
    'another challenge',
    { submods: submods('affirming', 'affirming', [{}, { 'cca-realm-challenge': 'AA==' }]) },
    'cca-realm-challenge',
  ],
  [
    'another image',
    { submods: submods('affirming', 'affirming', [{}, { 'cca-realm-initial-measurement': 'AA==' }]) },
    'cca-realm-initial-measurement',
  ],
  [
    'another personalization value',
    { submods: submods('affirming', 'affirming', [{}, { 'cca-realm-personalization-value': 'AA==' }]) },
    'cca-realm-personalization-value',
  ],
  [
    'another realm key',
    { submods: submods('affirming', 'affirming', [{}, { 'cca-realm-public-key': 'AA==' }]) },
    'realm’s key',
  ],
])('a result with %s is refused', (_, change, said) => {
  const refused = run(jwt(ear(change)));
  expect(failures(refused)).toEqual(['cca.veraison.result']);
  expect(titles(refused)).toContain(said);
  expect(refused.accepted).toBe(false);
});

test('limits of time are the last ones that are taken', () => {
  for (const iat of [seconds - 300, seconds + 60]) expect(failures(run(jwt(ear({ iat }))))).toEqual([]);
});

describe('statuses', () => {
  test.each(['contraindicated', 'none', 'Affirming', undefined, 2])('%s is refused for either part', (status) => {
    for (const pair of [
      [status, 'affirming'],
      ['affirming', status],
    ]) {
      const refused = run(jwt(ear({ submods: submods(pair[0], pair[1]) })));
      expect(failures(refused)).toEqual(['cca.veraison.status']);
      expect(refused.accepted).toBe(false);
    }
  });

  test('a warning is let through with one', () => {
    const result = run(jwt(ear({ submods: submods('affirming', 'warning') })));
    expect(result.accepted && result.claimSets[0]?.claims).toMatchObject({ veraison: { realm: 'warning' } });
    expect(result.findings).toContainEqual(expect.objectContaining({ id: 'cca.veraison.status', outcome: 'warn' }));
  });

  test.each<[string, object]>([
    ['no submodules', { submods: undefined }],
    ['submodules as list', { submods: [] }],
    ['no realm', { submods: { ...submods('affirming', 'affirming'), CCA_REALM: undefined } }],
    ['no platform', { submods: { ...submods('affirming', 'affirming'), CCA_SSD_PLATFORM: 'affirming' } }],
    ['evidence as text', { submods: { CCA_SSD_PLATFORM: { 'ear.status': 'affirming', [EVIDENCE]: 'x' } } }],
  ])('%s', (_, change) => {
    const refused = run(jwt(ear(change)));
    expect(failures(refused)).toContain('cca.veraison.result');
    expect(refused.accepted).toBe(false);
  });
});

describe('what the service does not decide', () => {
  test.each([
    ['lifecycle', { platform: { 2395: 0x4000 } }, 'cca.platform.lifecycle'],
    ['realm signature', { realmSigning: { key: KEYS.other } }, 'cca.realm.signature'],
    ['binding', { platform: { 10: new Uint8Array(32) } }, 'cca.realm.binding'],
  ] as const)('%s', (_, spec, id) => {
    const refused = run(jwt(ear()), tokenOf(spec));
    expect(failures(refused)).toEqual([id]);
    expect(refused.accepted).toBe(false);
  });

  test('an enrolled key decides alone', () => {
    expect(failures(run(jwt({}), tokenOf(), { anchors: ANCHORS }))).toEqual([]);
    const other = run(jwt(ear()), tokenOf(), { anchors: anchorsOf(storeOf(KEYS.other)) });
    expect(failures(other)).toEqual(['cca.platform.signature']);
  });

  test('without a pinned key, or without a result, the question stays open', () => {
    const unpinned = createCcaVerifier().verify({
      evidence: { token: [...tokenOf()] },
      reportData: undefined,
      initData: undefined,
      endorsements: { [VERAISON_EAR]: jwt(ear()) },
      now: NOW,
    });
    const absent = createCcaVerifier({ veraison: keyOf(SERVICE) }).verify({
      evidence: { token: [...tokenOf()] },
      reportData: undefined,
      initData: undefined,
      now: NOW,
    });
    for (const open of [unpinned, absent]) expect(failures(open)).toEqual(['cca.platform.key']);
  });

  test('a token that cannot be read is not judged by its result', () => {
    expect(failures(run(jwt(ear()), tokenOf({ platform: { 2401: undefined } })))).toEqual([
      'cca.token.form',
      'cca.platform.key',
    ]);
  });
});

test('what to ask', () => {
  const nobody = ccaTrust([]);
  const ask = (token: Uint8Array, trust = nobody) => ccaNeeds({ token: [...token] }, trust);
  const whole = tokenOf();
  expect(ask(whole)).toEqual({ token: whole, nonce: CHALLENGE });
  expect(ask(tokenOf(), ccaTrust(ANCHORS))).toBeUndefined();
  expect(ask(tokenOf({ realmSigning: { key: KEYS.other } }))).toBeUndefined();
  expect(ask(tokenOf({ platform: { 2395: 0x4000 } }))).toBeUndefined();
  // The key is there, and something else is wrong.
  expect(ask(tokenOf({ platform: { 2395: 0x4000 } }), ccaTrust(ANCHORS))).toBeUndefined();
  expect(ask(new Uint8Array())).toBeUndefined();
  expect(ccaNeeds({}, nobody)).toBeUndefined();
});
