import { DecodeError, encodeUtf8 } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { IMPLEMENTATION, INSTANCE, jwkOf, KEYS } from '../token.test.helper.js';
import { ccaTrust, parseTrustAnchors } from './anchors.js';
import { parseReferenceValues } from './references.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const entry = { pkey: jwkOf(KEYS.cpak), 'implementation-id': hex(IMPLEMENTATION), 'instance-id': hex(INSTANCE) };
const read = (value: unknown): ReturnType<typeof parseTrustAnchors> =>
  parseTrustAnchors(encodeUtf8(typeof value === 'string' ? value : JSON.stringify(value)));

describe('trust anchors', () => {
  test('are found by implementation and instance, whatever the case of the hex', () => {
    const upper = { ...entry, 'implementation-id': hex(IMPLEMENTATION).toUpperCase(), comment: 'rack 7' };
    for (const one of [entry, upper]) {
      const trust = ccaTrust(read([one]));
      expect(trust.find(IMPLEMENTATION, INSTANCE)?.key.curve).toBe('P-384');
      expect(trust.find(IMPLEMENTATION, INSTANCE.with(1, 0))).toBeUndefined();
      expect(trust.find(IMPLEMENTATION.with(1, 0), INSTANCE)).toBeUndefined();
    }
    expect(read([])).toEqual([]);
  });

  test.each<[string, unknown, string]>([
    ['no JSON', '[', 'JSON'],
    ['an object', {}, 'the store is not a list'],
    ['an entry that is a text', ['x'], 'entry 1 is not an object'],
    ['no key', [{ ...entry, pkey: undefined }], 'entry 1: pkey'],
    ['a private key', [{ ...entry, pkey: { ...entry.pkey, d: 'AA' } }], 'entry 1: pkey: a private key'],
    ['no implementation', [{ ...entry, 'implementation-id': undefined }], 'implementation-id is not a text'],
    ['a short implementation', [{ ...entry, 'implementation-id': 'aa' }], 'implementation-id has 1 bytes; 32 are due'],
    ['an instance of 32 bytes', [{ ...entry, 'instance-id': 'aa'.repeat(32) }], 'instance-id has 32 bytes'],
    ['an instance in base64', [{ ...entry, 'instance-id': 'AbsB==' }], 'instance-id is not hex'],
    ['an empty instance', [{ ...entry, 'instance-id': '' }], 'instance-id has 0 bytes'],
    ['one instance twice', [entry, entry], 'entry 2: its instance has a key already'],
    ['the same member twice', `[{"pkey":{},"pkey":{}}]`, 'JSON'],
    ['inherited members', [{ ...entry, 'instance-id': null }], 'instance-id is not a text'],
  ])('%s is refused', (_, value, said) => {
    expect(() => read(value)).toThrow(DecodeError);
    expect(() => read(value)).toThrow(said);
  });
});

describe('reference values', () => {
  const digest = 'ab'.repeat(32);
  const component = { 'measurement-value': digest, 'signer-id': digest };
  const platform = {
    'implementation-id': hex(IMPLEMENTATION),
    'sw-components': [component],
    'platform-configuration': 'CF',
  };
  const realm = { 'initial-measurement': digest, 'rak-hash-algorithm': 'sha-256' };
  const parse = (value: unknown) => parseReferenceValues(encodeUtf8(JSON.stringify(value)));

  test('are read, measurements as texts or objects', () => {
    const measurements = [digest, { value: digest.toUpperCase() }, digest, { value: digest }];
    expect(
      parse({ platform: [platform], realm: [{ ...realm, 'extensible-measurements': measurements }] }),
    ).toMatchObject({
      platform: [{ config: 'cf', components: [{ measurement: digest, type: undefined }] }],
      realm: [{ extensibleMeasurements: Array(4).fill(digest), personalizationValue: undefined }],
    });
    expect(parse({})).toEqual({ platform: [], realm: [] });
  });

  test.each<[string, unknown, string]>([
    ['a list', [], 'the store is not an object'],
    ['platform as object', { platform: {} }, 'platform is not a list'],
    ['platform with a text', { platform: ['x'] }, 'platform 1 is not an object'],
    ['no implementation', { platform: [{ ...platform, 'implementation-id': 1 }] }, 'implementation-id'],
    [
      'no configuration',
      { platform: [{ ...platform, 'platform-configuration': undefined }] },
      'platform-configuration',
    ],
    [
      'an empty configuration',
      { platform: [{ ...platform, 'platform-configuration': '' }] },
      'has 0 bytes; at least 1',
    ],
    ['no components', { platform: [{ ...platform, 'sw-components': undefined }] }, 'sw-components is not a list'],
    ['empty components', { platform: [{ ...platform, 'sw-components': [] }] }, 'sw-components is empty'],
    ['component as text', { platform: [{ ...platform, 'sw-components': ['x'] }] }, 'component 1 is not an object'],
    [
      'a short measurement',
      { platform: [{ ...platform, 'sw-components': [{ ...component, 'measurement-value': 'ab' }] }] },
      'measurement-value has 1 bytes',
    ],
    [
      'a type as number',
      { platform: [{ ...platform, 'sw-components': [{ ...component, 'component-type': 1 }] }] },
      'component-type is not a text',
    ],
    [
      'a version as number',
      { platform: [{ ...platform, 'sw-components': [{ ...component, version: 1 }] }] },
      'version is not a text',
    ],
    ['no RIM', { realm: [{ ...realm, 'initial-measurement': undefined }] }, 'initial-measurement'],
    ['no algorithm', { realm: [{ ...realm, 'rak-hash-algorithm': 1 }] }, 'rak-hash-algorithm is not a text'],
    [
      'three measurements',
      { realm: [{ ...realm, 'extensible-measurements': Array(3).fill(digest) }] },
      '3 extensible-measurements',
    ],
    [
      'a measurement as number',
      { realm: [{ ...realm, 'extensible-measurements': [1, digest, digest, digest] }] },
      'extensible-measurements[0]',
    ],
    [
      'a short personalization value',
      { realm: [{ ...realm, 'personalization-value': digest }] },
      'has 32 bytes; 64 are due',
    ],
  ])('%s is refused', (_, value, said) => {
    expect(() => parse(value)).toThrow(DecodeError);
    expect(() => parse(value)).toThrow(said);
  });
});
