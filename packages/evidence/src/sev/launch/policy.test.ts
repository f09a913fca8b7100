import { describe, expect, test } from 'vitest';
import { sevClaims } from './claims.js';
import { checkSevFirmware, launchMeasure, verifyLaunchMeasure } from './measure.js';
import { checkSevPolicy, readSevPolicy, type SevPolicyRules } from './policy.js';

const refused = (value: number, rules?: SevPolicyRules): string[] =>
  checkSevPolicy(value, rules)
    .filter(({ outcome }) => outcome === 'fail')
    .map(({ id }) => id);

describe('guest policy', () => {
  test('bits have names, and the least API its place', () => {
    expect(readSevPolicy(3)).toEqual({ value: 3, names: ['NODBG', 'NOKS'], minApi: { major: 0, minor: 0 } });
    expect(readSevPolicy(0xff02003f)).toEqual({
      value: 0xff02003f,
      names: ['NODBG', 'NOKS', 'ES', 'NOSEND', 'DOMAIN', 'SEV'],
      minApi: { major: 2, minor: 255 },
    });
  });

  test.each([
    [3, {}, []],
    [7, { requireEs: true }, []],
    [3, { requireEs: true }, ['sev.guest.policy']],
    [0, {}, ['sev.guest.policy']],
    [1, {}, ['sev.guest.policy']],
    [2, {}, ['sev.guest.policy']],
    [2, { allowDebug: true }, []],
    [1, { allowKeySharing: true }, []],
    [0, { allowDebug: true, allowKeySharing: true }, []],
  ] as const)('%d under %j: %j', (value, rules, ids) => expect(refused(value, rules)).toEqual(ids));

  test.each([6, 7, 8, 9, 10, 11, 12, 13, 14, 15])('bit %d is reserved', (bit) => {
    expect(refused(3 | (1 << bit))).toEqual(['sev.policy.form']);
  });
});

describe('firmware', () => {
  const outcome = (major: number, minor: number, least?: { major: number; minor: number }): string =>
    checkSevFirmware({ api: { major, minor }, build: 1 }, least).outcome;

  test('before API 0.17 the measurement covers less: refused, whatever the owner says', () => {
    expect(outcome(0, 16)).toBe('fail');
    expect(outcome(0, 17)).toBe('pass');
    expect(outcome(0, 16, { major: 0, minor: 0 })).toBe('fail');
  });

  test("the owner's least version", () => {
    const least = { major: 1, minor: 51 };
    expect([outcome(1, 50, least), outcome(1, 51, least), outcome(2, 0, least), outcome(0, 60, least)]).toEqual([
      'fail',
      'pass',
      'pass',
      'fail',
    ]);
  });
});

test('claims of a launch', () => {
  const tik = new Uint8Array(16);
  const launch = { digest: new Uint8Array(32).fill(0xab), policy: 7, api: { major: 1, minor: 55 }, build: 8 };
  const mnonce = new Uint8Array(16);
  const measure = launchMeasure(tik, launch, mnonce);
  const { authentic } = verifyLaunchMeasure(tik, launch, { measure, mnonce });
  if (authentic === undefined) throw new Error('not authentic');
  const anchor = { name: 'ARK Milan', sha256: '' };
  expect(sevClaims(authentic, { anchor, chip: 'c0' })).toEqual({
    measurement: 'ab'.repeat(32),
    policy: 7,
    api_major: 1,
    api_minor: 55,
    build_id: 8,
    es: true,
    debug_allowed: false,
    key_sharing_allowed: false,
    chip: 'c0',
    root: 'ARK Milan',
  });
  expect(sevClaims({ ...authentic, policy: 0 }, { anchor: { ...anchor, emulated: true }, chip: 'c0' })).toMatchObject({
    es: false,
    debug_allowed: true,
    key_sharing_allowed: true,
    emulated: true,
  });
});
