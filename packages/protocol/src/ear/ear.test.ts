import type { JsonObject } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { EC_KEY, NONCE } from '../fixtures/worked-examples.js';
import { EAR_PROFILE, parseEarClaims, TRUST_CLAIMS, teePubkeyOfToken, trustStatus, trustTier } from './ear.js';

const VECTOR = {
  'instance-identity': 0,
  configuration: 2,
  executables: 33,
  'file-system': 0,
  hardware: 97,
  'runtime-opaque': 0,
  'storage-opaque': 0,
  'sourced-data': 0,
};

function claims(appraisal: JsonObject = {}): JsonObject {
  return {
    eat_profile: EAR_PROFILE,
    iat: 1760426134,
    'ear.verifier-id': { developer: 'https://confidentialcontainers.org', build: 'attestation-service 0.1.0' },
    submods: {
      cpu0: {
        'ear.status': 'contraindicated',
        'ear.trustworthiness-vector': VECTOR,
        'ear.appraisal-policy-id': 'default',
        'ear.veraison.annotated-evidence': {
          report_data: 'ntwBsJ6Z',
          runtime_data_claims: { 'additional-evidence': '', nonce: NONCE, 'tee-pubkey': EC_KEY.asReceived },
          sample: { debug: false, svn: '1' },
        },
        'ear.trustee.identifiers': { validated: {} },
        ...appraisal,
      },
    },
    exp: 1760426434,
    iss: 'CoCo-Attestation-Service',
  };
}

test('reads the claims of a sample guest', () => {
  const ear = parseEarClaims(claims());
  expect(ear.submods['cpu0']?.['ear.status']).toBe('contraindicated');
  expect(ear.submods['cpu0']?.['ear.trustee.identifiers']).toEqual({ validated: {} });
  expect(trustStatus(ear.submods['cpu0']?.['ear.trustworthiness-vector'] ?? {})).toBe('contraindicated');
});

test.each<[string, JsonObject]>([
  ['an unknown status', claims({ 'ear.status': 'fine' })],
  ['an unknown trust claim', claims({ 'ear.trustworthiness-vector': { instance_identity: 0 } })],
  ['a value out of range', claims({ 'ear.trustworthiness-vector': { hardware: 128 } })],
  ['a value that is no integer', claims({ 'ear.trustworthiness-vector': { hardware: 2.5 } })],
  ['no submods', { ...claims(), submods: {} }],
  ['no expiry', Object.fromEntries(Object.entries(claims()).filter(([name]) => name !== 'exp'))],
])('refuses %s', (_, value) => {
  expect(() => parseEarClaims(value)).toThrow(expect.objectContaining({ code: 'token.form.valid' }));
});

test('tiers of AR4SI values', () => {
  const tiers = {
    none: [-1, 0, 1],
    affirming: [-32, -2, 2, 31],
    warning: [-96, -33, 32, 95],
    contraindicated: [-128, -97, 96, 127],
  };
  for (const [tier, values] of Object.entries(tiers)) expect(values.map(trustTier)).toEqual(values.map(() => tier));
});

test('status is the worst tier', () => {
  expect(trustStatus({})).toBe('none');
  expect(trustStatus({ hardware: 0, configuration: 2 })).toBe('affirming');
  expect(trustStatus({ hardware: 2, executables: 33, configuration: 36 })).toBe('warning');
  expect(trustStatus(VECTOR)).toBe('contraindicated');
  expect(Object.keys(VECTOR)).toEqual(TRUST_CLAIMS);
});

describe('key in a token', () => {
  test('of an EAR, and of the older tokens', () => {
    expect(teePubkeyOfToken(claims())).toBe(EC_KEY.asReceived);
    expect(teePubkeyOfToken({ 'tee-pubkey': 1 })).toBe(1);
    expect(teePubkeyOfToken({ customized_claims: { runtime_data: { 'tee-pubkey': 2 } }, 'tee-pubkey': 1 })).toBe(2);
  });

  test('the owner’s own pointers come first, with RFC 6901 escapes', () => {
    expect(teePubkeyOfToken({ ...claims(), 'a/b~': [0, { k: 3 }] }, ['/a~1b~0/1/k'])).toBe(3);
  });

  test('none', () => {
    expect(() => teePubkeyOfToken({ submods: {} })).toThrow(expect.objectContaining({ code: 'token.key.present' }));
    expect(() => teePubkeyOfToken({}, ['/constructor/name'])).toThrow('token has no tee-pubkey');
  });
});
