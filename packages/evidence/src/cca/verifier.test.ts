import { encodeBase64, encodeHex, encodeUtf8, type JsonValue } from '@assay/bytes';
import { assembleVerdict } from '@assay/bytes/findings';
import { encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import type { VerifierResult, VerifyInput } from '../verifier.js';
import { verifyCcaFiles } from './files.js';
import type { CcaRules } from './rules.js';
import { parseReferenceValues } from './stores/references.js';
import {
  ANCHORS,
  anchorsOf,
  CHALLENGE,
  component,
  coseKeyOf,
  digestOf,
  ecKey,
  IMPLEMENTATION,
  INSTANCE,
  jwkOf,
  KEYS,
  pointOf,
  RPV,
  storeOf,
  type TokenSpec,
  tokenOf,
} from './token.test.helper.js';
import { createCcaVerifier } from './verifier.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const evidenceOf = (token: Uint8Array): JsonValue => ({ token: [...token] });

function run(token: Uint8Array, more: Partial<VerifyInput> = {}, rules: CcaRules = {}, anchors = ANCHORS) {
  return createCcaVerifier({ anchors, rules }).verify({
    evidence: evidenceOf(token),
    reportData: undefined,
    initData: undefined,
    now: NOW,
    ...more,
  });
}
const failures = (result: VerifierResult): string[] =>
  result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
const titles = (result: VerifierResult): string =>
  result.findings.flatMap(({ outcome, title }) => (outcome === 'fail' ? [title ?? ''] : [])).join('\n');
const verdictOf = ({ findings }: VerifierResult): string | undefined =>
  assembleVerdict({ kind: 'cca', at: NOW, asked: false, findings }).verdict;

test('an ordinary token is accepted, and nothing is left open but what was not asked', () => {
  const result = run(tokenOf());
  expect(failures(result)).toEqual([]);
  expect(result.accepted).toBe(true);
  expect(result.findings.filter(({ outcome }) => outcome === 'not-checked').map(({ id }) => id)).toEqual([
    'cca.platform.reference',
    'cca.realm.reference',
    'binding.report-data.match',
    'binding.init-data.match',
  ]);
  expect(result.findings.filter(({ outcome }) => outcome === 'pass').map(({ id }) => id)).toEqual([
    'evidence.json.form',
    'cca.token.form',
    'cca.token.profile',
    'cca.token.algorithm',
    'cca.platform.key',
    'cca.platform.signature',
    'cca.platform.lifecycle',
    'cca.realm.signature',
    'cca.realm.binding',
    'evidence.hardware.backed',
  ]);
});

describe('evidence', () => {
  test.each<[string, JsonValue, string]>([
    ['a text', 'x', 'no object'],
    ['null', null, 'no object'],
    ['no token', {}, 'absent'],
    ['inherited', Object.create({ token: [] }) as JsonValue, 'absent'],
    ['base64', { token: encodeBase64(tokenOf()) }, 'no list'],
    ['an octet of 256', { token: [256] }, 'no byte'],
    ['a negative octet', { token: [-1] }, 'no byte'],
    ['half an octet', { token: [0.5] }, 'no byte'],
    ['a text in the list', { token: ['1'] }, 'no byte'],
    ['too long', { token: Array(32 * 1024 + 1).fill(0) }, 'bytes long'],
  ])('%s is malformed', (_, evidence, said) => {
    const result = run(new Uint8Array(), { evidence });
    expect(failures(result)).toEqual(['evidence.json.form']);
    expect(titles(result)).toContain(said);
    expect(result.accepted).toBe(false);
  });

  test('unknown members are passed over', () => {
    expect(run(tokenOf(), { evidence: { token: [...tokenOf()], more: 1 } }).accepted).toBe(true);
  });
});

describe('form', () => {
  const thirtyThree = new Uint8Array(33);
  const four = [0, 0, 0, 0].map(() => new Uint8Array(32));
  test.each<[string, TokenSpec, string]>([
    ['no tag', { tag: new Uint8Array() }, 'without tag 399'],
    ['another tag', { tag: Uint8Array.of(0xd9, 0x01, 0x90) }, 'tag not supported'],
    ['platform absent', { collection: { 44234: undefined } }, 'platform token is absent'],
    ['realm absent', { collection: { 44241: undefined } }, 'realm token is absent'],
    ['platform as text', { collection: { 44234: 'x' } }, 'platform token is a text'],
    ['a third token', { collection: { 44242: Uint8Array.of(0) } }, 'member 44242 is not known'],
    ['platform untagged', { platformSigning: { untagged: true } }, 'without tag 18'],
    ['realm untagged', { realmSigning: { untagged: true } }, 'without tag 18'],
    ['realm payload that is a list', { realmSigning: { payload: encode([]) } }, 'payload is a list of 0'],
    ['profile absent', { platform: { 265: undefined } }, 'platform profile is absent'],
    ['profile as bytes', { realm: { 265: Uint8Array.of(1) } }, 'realm profile is 1 bytes'],
    ['platform challenge of 33', { platform: { 10: thirtyThree } }, 'platform challenge is 33 bytes'],
    ['implementation id of 33', { platform: { 2396: thirtyThree } }, 'platform implementation id is 33 bytes'],
    ['implementation id absent', { platform: { 2396: undefined } }, 'platform implementation id is absent'],
    ['instance id of 32', { platform: { 256: new Uint8Array(32) } }, 'platform instance id is 32 bytes'],
    ['instance id of another type', { platform: { 256: INSTANCE.with(0, 2) } }, 'type of the instance id is 2'],
    ['configuration absent', { platform: { 2401: undefined } }, 'platform configuration is absent'],
    ['configuration empty', { platform: { 2401: new Uint8Array() } }, 'platform configuration'],
    ['configuration long', { platform: { 2401: new Uint8Array(1025) } }, 'platform configuration'],
    ['lifecycle absent', { platform: { 2395: undefined } }, 'platform lifecycle is absent'],
    ['lifecycle of three bytes', { platform: { 2395: 0x1_3003 } }, 'platform lifecycle is 77827'],
    ['lifecycle negative', { platform: { 2395: -1 } }, 'platform lifecycle is -1'],
    ['platform hash algorithm', { platform: { 2402: 'sha-1' } }, 'platform hash algorithm is sha-1'],
    ['platform hash algorithm absent', { platform: { 2402: undefined } }, 'platform hash algorithm is absent'],
    ['verification service as number', { platform: { 2400: 1 } }, 'platform verification service is 1'],
    ['verification service empty', { platform: { 2400: '' } }, 'platform verification service'],
    ['verification service long', { platform: { 2400: 'x'.repeat(513) } }, 'platform verification service'],
    ['components absent', { platform: { 2399: undefined } }, 'platform software components is absent'],
    ['components empty', { platform: { 2399: [] } }, 'platform software components is a list of 0'],
    ['65 components', { platform: { 2399: Array(65).fill(component()) } }, 'software components is a list of 65'],
    ['component as text', { platform: { 2399: ['x'] } }, 'platform software component 1 is a text'],
    ['component without measurement', { platform: { 2399: [component({ 2: undefined })] } }, '1 measurement is absent'],
    [
      'component with a long measurement',
      { platform: { 2399: [component({ 2: thirtyThree })] } },
      '1 measurement is 33',
    ],
    ['component without signer', { platform: { 2399: [component(), component({ 5: undefined })] } }, '2 signer id'],
    ['component with a long signer', { platform: { 2399: [component({ 5: thirtyThree })] } }, '1 signer id is 33'],
    ['component with a number as type', { platform: { 2399: [component({ 1: 1 })] } }, '1 type is 1'],
    ['component with a number as version', { platform: { 2399: [component({ 4: 1 })] } }, '1 version is 1'],
    ['component with another hash', { platform: { 2399: [component({ 6: 'md5' })] } }, '1 hash algorithm is md5'],
    ['challenge of 63', { realm: { 10: new Uint8Array(63) } }, 'realm challenge is 63 bytes'],
    ['personalization value of 63', { realm: { 44235: new Uint8Array(63) } }, 'realm personalization value is 63'],
    ['realm hash algorithm', { realm: { 44236: 'sha-224' } }, 'realm hash algorithm is sha-224'],
    ['RIM of 20', { realm: { 44238: new Uint8Array(20) } }, 'realm initial measurement is 20 bytes'],
    ['three REMs', { realm: { 44239: four.slice(1) } }, 'extensible measurements is a list of 3'],
    ['five REMs', { realm: { 44239: [...four, new Uint8Array(32)] } }, 'extensible measurements is a list of 5'],
    ['REM of 33', { realm: { 44239: [...four.slice(1), thirtyThree] } }, 'extensible measurements[3] is 33 bytes'],
    ['REM as text', { realm: { 44239: [...four.slice(1), 'x'] } }, 'extensible measurements[3]'],
    ['public key hash algorithm', { realm: { 44240: 'md5' } }, 'realm public key hash algorithm is md5'],
    ['public key absent', { realm: { 44237: undefined } }, 'realm public key is absent'],
    ['public key long', { publicKey: new Uint8Array(257) }, 'realm public key is 257 bytes'],
    ['public key without the 04', { publicKey: pointOf(KEYS.rak).subarray(1) }, 'realm public key is 96 bytes'],
    ['public key compressed', { publicKey: pointOf(KEYS.rak).subarray(0, 49).with(0, 2) }, 'realm public key'],
    ['public key on another curve', { publicKey: coseKeyOf(KEYS.rak, 1) }, 'realm public key'],
  ])('%s', (_, spec, said) => {
    const result = run(tokenOf(spec));
    expect(new Set(failures(result))).toContain('cca.token.form');
    expect(titles(result)).toContain(said);
    expect(result.accepted).toBe(false);
    expect(verdictOf(result)).toBe('reject');
  });

  test('every claim that is wrong is told at once, and what can be checked is', () => {
    const result = run(tokenOf({ platform: { 2401: undefined, 2402: 1 }, realm: { 44236: 1 } }));
    expect(failures(result)).toEqual(Array(3).fill('cca.token.form'));
    for (const id of ['cca.platform.signature', 'cca.realm.signature', 'cca.realm.binding'])
      expect(result.findings).toContainEqual(expect.objectContaining({ id, outcome: 'pass' }));
    for (const id of ['binding.report-data.match', 'cca.platform.reference'])
      expect(result.findings).toContainEqual(expect.objectContaining({ id, outcome: 'not-checked' }));
  });

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['one byte behind', Uint8Array.from([...tokenOf(), 0])],
    ['cut', tokenOf().subarray(0, 300)],
    ['a tag around a list', Uint8Array.from([0xd9, 0x01, 0x8f, 0x80])],
  ])('a collection that is %s', (_, token) => {
    const result = run(token);
    expect(failures(result)).toEqual(['cca.token.form']);
    for (const id of ['cca.platform.key', 'cca.platform.signature', 'cca.realm.signature', 'cca.realm.binding'])
      expect(result.findings).toContainEqual(expect.objectContaining({ id, outcome: 'not-checked' }));
    expect(result.findings).toContainEqual(
      expect.objectContaining({ id: 'cca.platform.lifecycle', outcome: 'not-checked' }),
    );
  });

  test('other sizes, absent claims and unknown ones', () => {
    const spec: TokenSpec = {
      publicKeyHash: 'sha-512',
      platform: {
        2400: undefined,
        2401: new Uint8Array(1024),
        2399: [component({ 1: undefined, 2: new Uint8Array(48), 4: undefined, 5: new Uint8Array(64), 6: undefined })],
        9999: 'unknown',
      },
      realm: { 265: undefined, 44236: 'sha-384', 44238: new Uint8Array(48), 44239: four.map(() => new Uint8Array(64)) },
    };
    expect(failures(run(tokenOf(spec)))).toEqual([]);
  });
});

describe('profile and algorithm', () => {
  test.each<[string, TokenSpec]>([
    ['platform', { platform: { 265: 'tag:arm.com,2023:realm#1.0.0' } }],
    ['realm', { realm: { 265: 'http://arm.com/CCA-SSD/1.0.0' } }],
  ])('%s with another profile', (_, spec) => {
    const result = run(tokenOf(spec));
    expect(failures(result)).toEqual(['cca.token.profile']);
    expect(result.accepted).toBe(false);
  });

  test('the first platform profile is known', () => {
    expect(run(tokenOf({ platform: { 265: 'http://arm.com/CCA-SSD/1.0.0' } })).accepted).toBe(true);
  });

  test.each(['platform', 'realm'] as const)('%s with an algorithm that is not known', (part) => {
    for (const label of [-8, 0, 'none']) {
      const result = run(tokenOf({ [`${part}Signing`]: { label } }));
      expect(failures(result)).toEqual(['cca.token.algorithm', `cca.${part}.signature`]);
      expect(titles(result)).toContain(`signature algorithm of the ${part} token`);
    }
  });

  test('each algorithm with the key of its curve', () => {
    for (const [curve, label, hash, coseCurve] of [
      ['P-256', -7, 'sha256', 1],
      ['P-521', -36, 'sha512', 3],
    ] as const) {
      const [platformKey, realmKey] = [ecKey(curve), ecKey(curve)];
      const token = tokenOf({
        publicKey: coseKeyOf(realmKey, coseCurve),
        platformSigning: { key: platformKey, label, hash },
        realmSigning: { key: realmKey, label, hash },
      });
      expect(failures(run(token, {}, {}, anchorsOf(storeOf(platformKey))))).toEqual([]);
    }
  });
});

describe('platform', () => {
  test('without its key the question stays open', () => {
    const result = run(tokenOf(), {}, {}, []);
    expect(failures(result)).toEqual(['cca.platform.key']);
    expect(result.accepted).toBe(false);
    expect(verdictOf(result)).toBe('incomplete');
    const { title } = result.findings.find(({ id }) => id === 'cca.platform.key') ?? {};
    expect(title).toContain('aaaaaaaa…aaaa');
    expect(title).toContain('01bbbbbb…bbbb');
  });

  test('a key counts for its implementation and its instance alone', () => {
    for (const edit of [{ 256: INSTANCE.with(32, 0) }, { 2396: IMPLEMENTATION.with(31, 0) }]) {
      expect(failures(run(tokenOf({ platform: edit })))).toEqual(['cca.platform.key']);
    }
  });

  test('without its key what is wrong elsewhere still rejects', () => {
    const result = run(tokenOf({ realmSigning: { key: KEYS.other } }), {}, {}, []);
    expect(verdictOf(result)).toBe('reject');
  });

  test.each<[string, TokenSpec]>([
    ['another key', { platformSigning: { key: KEYS.other } }],
    ['the realm’s key', { platformSigning: { key: KEYS.rak } }],
    ['SHA-256 under ES384', { platformSigning: { hash: 'sha256' } }],
    ['a key of another curve', { platformSigning: { key: ecKey('P-256'), label: -7, hash: 'sha256' } }],
  ])('signed by %s', (_, spec) => {
    const result = run(tokenOf(spec));
    expect(failures(result)).toEqual(['cca.platform.signature']);
    expect(result.accepted).toBe(false);
  });

  test.each<[number, boolean, string]>([
    [0x2fff, false, 'platform RoT provisioning'],
    [0x3000, true, ''],
    [0x30ff, true, ''],
    [0x3100, false, 'not defined'],
    [0x0000, false, 'unknown'],
    [0x1000, false, 'assembly and test'],
    [0x4000, false, 'non-CCA platform RoT debug'],
    [0x5000, false, 'recoverable CCA platform RoT debug'],
    [0x6000, false, 'decommissioned'],
    [0xffff, false, 'not defined'],
  ])('lifecycle %i', (lifecycle, secured, name) => {
    const result = run(tokenOf({ platform: { 2395: lifecycle } }));
    expect(failures(result)).toEqual(secured ? [] : ['cca.platform.lifecycle']);
    expect(result.accepted).toBe(secured);
    if (lifecycle !== 0x2fff) expect(titles(result)).toContain(name);
  });
});

describe('realm', () => {
  test('both encodings of its key, whatever the profile', () => {
    for (const publicKey of [pointOf(KEYS.rak), coseKeyOf(KEYS.rak)])
      for (const profile of [undefined, 'tag:arm.com,2023:realm#1.0.0'])
        expect(failures(run(tokenOf({ publicKey, realm: { 265: profile } })))).toEqual([]);
  });

  test.each<[string, TokenSpec]>([
    ['another key', { realmSigning: { key: KEYS.other } }],
    ['the platform’s key', { realmSigning: { key: KEYS.cpak } }],
    ['SHA-512 under ES384', { realmSigning: { hash: 'sha512' } }],
  ])('signed by %s', (_, spec) => {
    const result = run(tokenOf(spec));
    expect(failures(result)).toEqual(['cca.realm.signature']);
    expect(result.accepted).toBe(false);
  });

  test.each<[string, TokenSpec]>([
    ['a constant', { platform: { 10: new Uint8Array(32).fill(0xbb) } }],
    ['the hash of another key', { platform: { 10: digestOf(coseKeyOf(KEYS.other)) } }],
    ['the hash of the key in its other encoding', { platform: { 10: digestOf(pointOf(KEYS.rak)) } }],
    ['another hash of the key', { realm: { 44240: 'sha-512' } }],
    [
      'the right hash, longer',
      { platform: { 10: Uint8Array.from([...digestOf(coseKeyOf(KEYS.rak)), ...new Uint8Array(32)]) } },
    ],
    [
      'another realm',
      {
        publicKey: coseKeyOf(KEYS.other),
        realmSigning: { key: KEYS.other },
        platform: { 10: digestOf(coseKeyOf(KEYS.rak)) },
      },
    ],
  ])('a platform that binds %s', (_, spec) => {
    const result = run(tokenOf(spec));
    expect(failures(result)).toEqual(['cca.realm.binding']);
    expect(result.accepted).toBe(false);
  });
});

describe('binding', () => {
  const expected = (bytes: Uint8Array) => ({ bytes, algorithm: 'sha384', members: 'nonce, tee-pubkey' });
  const digest = CHALLENGE.subarray(0, 48);

  test('report data is zero-padded to 64 bytes', () => {
    expect(run(tokenOf(), { reportData: [expected(new Uint8Array(48)), expected(digest)] })).toMatchObject({
      accepted: true,
      matched: 1,
    });
    const short = new Uint8Array(32).fill(0x11);
    const challenge = Uint8Array.from([...short, ...new Uint8Array(32)]);
    expect(run(tokenOf({ realm: { 10: challenge } }), { reportData: [expected(short)] }).accepted).toBe(true);
  });

  test.each<[string, Uint8Array]>([
    ['another nonce', digest.with(0, 0)],
    ['shorter', digest.subarray(0, 32)],
    ['not padded with zeros', new Uint8Array(64).fill(0x11)],
  ])('report data: %s', (_, bytes) => {
    const result = run(tokenOf(), { reportData: [expected(bytes)] });
    expect(failures(result)).toEqual(['binding.report-data.match']);
    expect(result.accepted).toBe(false);
  });

  test('init-data is the personalization value, exactly', () => {
    expect(run(tokenOf(), { initData: { digest: RPV } }).accepted).toBe(true);
    const padded = Uint8Array.from([...new Uint8Array(48).fill(0x22), ...new Uint8Array(16)]);
    for (const [value, digest] of [
      [RPV, RPV.with(63, 0)],
      [RPV, RPV.subarray(0, 48)],
      [padded, padded.subarray(0, 48)],
    ] as const) {
      const result = run(tokenOf({ realm: { 44235: value } }), { initData: { digest } });
      expect(failures(result)).toEqual(['binding.init-data.match']);
      expect(result.accepted).toBe(false);
    }
  });
});

describe('claims', () => {
  test('names and encodings of Trustee', () => {
    const result = run(tokenOf());
    const [set] = result.accepted ? result.claimSets : [];
    expect(set?.class).toBe('cpu');
    const b64 = (value: number, length = 32): string => encodeBase64(new Uint8Array(length).fill(value));
    expect(set?.claims).toEqual({
      realm: {
        'cca-realm-challenge': encodeBase64(CHALLENGE),
        'cca-realm-personalization-value': encodeBase64(RPV),
        'cca-realm-initial-measurement': b64(3),
        'cca-realm-extensible-measurements': [4, 5, 6, 7].map((value) => b64(value)),
        'cca-realm-hash-algo-id': 'sha-256',
        'cca-realm-public-key': encodeBase64(coseKeyOf(KEYS.rak)),
        'cca-realm-public-key-hash-algo-id': 'sha-256',
        'cca-realm-profile': 'tag:arm.com,2023:realm#1.0.0',
      },
      platform: {
        'cca-platform-instance-id': encodeBase64(INSTANCE),
        'cca-platform-implementation-id': encodeBase64(IMPLEMENTATION),
        'cca-platform-profile': 'tag:arm.com,2023:cca_platform#1.0.0',
        'cca-platform-config': 'zw==',
        'cca-platform-lifecycle': 0x3003,
        'cca-platform-hash-algo-id': 'sha-256',
        'cca-platform-sw-components': [
          {
            'measurement-type': 'RMM',
            'measurement-value': b64(1),
            'signer-id': b64(2),
            version: '0.7.0',
            'hash-algo-id': 'sha-256',
          },
        ],
        'cca-platform-service-indicator': 'https://veraison.example',
      },
      report_data: encodeHex(CHALLENGE),
      init_data: encodeHex(RPV),
    });
  });

  test('emulated keys are said to be ones, genuine keys of the same machine come first', () => {
    const verify = (options: Parameters<typeof createCcaVerifier>[0]): VerifierResult =>
      createCcaVerifier(options).verify({
        evidence: evidenceOf(tokenOf()),
        reportData: undefined,
        initData: undefined,
        now: NOW,
      });
    const emulated = verify({ emulatedAnchors: ANCHORS });
    expect(emulated.accepted && emulated.claimSets[0]?.claims).toMatchObject({ emulated: true });
    expect(emulated.findings).toContainEqual(
      expect.objectContaining({ id: 'evidence.hardware.backed', outcome: 'warn' }),
    );
    const both = verify({ anchors: ANCHORS, emulatedAnchors: ANCHORS });
    expect(both.accepted && both.claimSets[0]?.claims).not.toHaveProperty('emulated');
    // An emulated key does not stand in for a genuine one.
    const other = verify({ anchors: anchorsOf(storeOf(KEYS.other)), emulatedAnchors: ANCHORS });
    expect(failures(other)).toEqual(['cca.platform.signature']);
  });
});

describe('reference values', () => {
  const references = (change: (platform: object, realm: object) => object) => {
    const hex = (value: number, length = 32): string => encodeHex(new Uint8Array(length).fill(value));
    const platform = {
      'implementation-id': encodeHex(IMPLEMENTATION),
      'platform-configuration': 'cf',
      'sw-components': [
        { 'component-type': 'RMM', 'measurement-value': hex(1), 'signer-id': hex(2), version: '0.7.0' },
      ],
    };
    const realm = {
      'initial-measurement': hex(3),
      'rak-hash-algorithm': 'sha-256',
      'extensible-measurements': [4, 5, 6, 7].map((value) => hex(value)),
      'personalization-value': encodeHex(RPV),
    };
    return parseReferenceValues(encodeUtf8(JSON.stringify(change(platform, realm))));
  };
  const judge = (change: (platform: object, realm: object) => object, rules: CcaRules = {}): VerifierResult =>
    run(tokenOf(), {}, { references: references(change), ...rules });
  const component2 = { 'measurement-value': '01'.repeat(32), 'signer-id': '02'.repeat(32) };

  test.each<[string, (platform: object, realm: object) => object]>([
    ['all of them', (platform, realm) => ({ platform: [platform], realm: [realm] })],
    [
      'among others',
      (platform, realm) => ({
        platform: [{ ...platform, 'platform-configuration': 'ce' }, platform],
        realm: [{ ...realm, 'rak-hash-algorithm': 'sha-512' }, realm],
      }),
    ],
    [
      'without type and version',
      (platform, realm) => ({ platform: [{ ...platform, 'sw-components': [component2] }], realm: [realm] }),
    ],
    [
      'the realm’s image alone',
      (platform, { ...realm }) => ({
        platform: [platform],
        realm: [{ ...realm, 'extensible-measurements': undefined, 'personalization-value': undefined }],
      }),
    ],
  ])('that are there: %s', (_, change) => {
    const result = judge(change);
    expect(failures(result)).toEqual([]);
    expect(result.accepted).toBe(true);
    for (const id of ['cca.platform.reference', 'cca.realm.reference'])
      expect(result.findings).toContainEqual(expect.objectContaining({ id, outcome: 'pass' }));
  });

  const other = '09'.repeat(32);
  test.each<[string, 'platform' | 'realm', (platform: object, realm: object) => object]>([
    [
      'platform implementation is',
      'platform',
      (platform, realm) => ({ platform: [{ ...platform, 'implementation-id': other }], realm: [realm] }),
    ],
    ['platform implementation is', 'platform', (_, realm) => ({ realm: [realm] })],
    [
      'platform configuration is',
      'platform',
      (platform, realm) => ({ platform: [{ ...platform, 'platform-configuration': 'ce' }], realm: [realm] }),
    ],
    [
      'platform component RMM is',
      'platform',
      (platform, realm) => ({
        platform: [{ ...platform, 'sw-components': [{ ...component2, 'measurement-value': other }] }],
        realm: [realm],
      }),
    ],
    [
      'platform component RMM is',
      'platform',
      (platform, realm) => ({
        platform: [{ ...platform, 'sw-components': [{ ...component2, 'signer-id': other }] }],
        realm: [realm],
      }),
    ],
    [
      'platform component RMM is',
      'platform',
      (platform, realm) => ({
        platform: [{ ...platform, 'sw-components': [{ ...component2, 'component-type': 'BL2' }] }],
        realm: [realm],
      }),
    ],
    [
      'platform component RMM is',
      'platform',
      (platform, realm) => ({
        platform: [{ ...platform, 'sw-components': [{ ...component2, version: '0.6.0' }] }],
        realm: [realm],
      }),
    ],
    [
      'platform without component BL2 is',
      'platform',
      (platform, realm) => ({
        platform: [{ ...platform, 'sw-components': [component2, { ...component2, 'component-type': 'BL2' }] }],
        realm: [realm],
      }),
    ],
    [
      'platform without component 09090909 is',
      'platform',
      (platform, realm) => ({
        platform: [{ ...platform, 'sw-components': [component2, { ...component2, 'measurement-value': other }] }],
        realm: [realm],
      }),
    ],
    [
      'realm initial measurement is',
      'realm',
      (platform, realm) => ({ platform: [platform], realm: [{ ...realm, 'initial-measurement': other }] }),
    ],
    ['realm initial measurement is', 'realm', (platform) => ({ platform: [platform], realm: [] })],
    [
      'realm public key hash algorithm is',
      'realm',
      (platform, realm) => ({ platform: [platform], realm: [{ ...realm, 'rak-hash-algorithm': 'sha-512' }] }),
    ],
    [
      'realm extensible measurement 3 is',
      'realm',
      (platform, realm) => ({
        platform: [platform],
        realm: [{ ...realm, 'extensible-measurements': ['04', '05', '06', '09'].map((octet) => octet.repeat(32)) }],
      }),
    ],
    [
      'realm personalization value is',
      'realm',
      (platform, realm) => ({ platform: [platform], realm: [{ ...realm, 'personalization-value': '00'.repeat(64) }] }),
    ],
  ])('%s not there', (said, part, change) => {
    const result = judge(change);
    expect(failures(result)).toEqual([`cca.${part}.reference`]);
    expect(titles(result)).toContain(said);
    expect(result.accepted).toBe(false);
    // Authentic all the same: what is known is the owner's matter.
    expect(verdictOf(result)).toBe('accept');
    const warned = judge(change, { referenceMismatch: 'warn' });
    expect(warned.accepted).toBe(true);
    expect(warned.findings).toContainEqual(expect.objectContaining({ id: `cca.${part}.reference`, outcome: 'warn' }));
  });
});

describe('files', () => {
  test('a verdict with the members of the token, under one key or a store', () => {
    const token = tokenOf({ realm: { 265: undefined }, platform: { 2400: undefined } });
    for (const root of [JSON.stringify(jwkOf(KEYS.cpak)), storeOf()]) {
      expect(verifyCcaFiles({ token }, { at: NOW, roots: [encodeUtf8(root)] })).toMatchObject({
        verdict: 'accept',
        as_of: true,
        platform_signature: true,
        realm_signature: true,
        rak_binding: true,
        realm: { rpv: encodeHex(RPV), profile: null },
        platform: { lifecycle: 0x3003, verification_service: null, sw_components: [{ type: 'RMM' }] },
        policy_claims: { report_data: encodeHex(CHALLENGE) },
      });
    }
  });

  test('a key that only came along is no anchor', () => {
    const cpak = encodeUtf8(JSON.stringify(jwkOf(KEYS.cpak)));
    const result = verifyCcaFiles({ token: tokenOf(), cpak }, { at: NOW, asOf: false });
    expect(result).toMatchObject({ verdict: 'incomplete', platform_signature: false, realm_signature: true });
    expect(result).not.toHaveProperty('claims');
    expect(result).not.toHaveProperty('policy_claims');
    expect(result).not.toHaveProperty('as_of');
  });

  test('several stores, and emulated ones', () => {
    const roots = [storeOf(KEYS.other, { 'instance-id': `01${'00'.repeat(32)}` }), storeOf()].map(encodeUtf8);
    expect(verifyCcaFiles({ token: tokenOf() }, { at: NOW, roots }).verdict).toBe('accept');
    expect(verifyCcaFiles({ token: tokenOf() }, { at: NOW, emulatedAnchors: ANCHORS })).toMatchObject({
      verdict: 'accept',
      policy_claims: { emulated: true },
    });
  });

  test('expectations are compared', () => {
    const roots = [encodeUtf8(storeOf())];
    const verdict = (reportData: Uint8Array, initDataDigest: Uint8Array): string | undefined =>
      verifyCcaFiles({ token: tokenOf() }, { at: NOW, roots, reportData, initDataDigest }).verdict;
    expect(verdict(CHALLENGE, RPV)).toBe('accept');
    expect(verdict(CHALLENGE.with(0, 0), RPV)).toBe('reject');
    expect(verdict(CHALLENGE, RPV.with(0, 0))).toBe('reject');
  });

  test('without a token there is nothing to judge', () => {
    expect(() => verifyCcaFiles({}, { at: NOW })).toThrow('token is missing');
    expect(verifyCcaFiles({ token: new Uint8Array() }, { at: NOW })).toMatchObject({ verdict: 'reject' });
  });
});
