import type { JsonValue } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EC_KEY, NONCE, RSA_KEY } from '../fixtures/worked-examples.js';
import { ProtocolError, type ProtocolErrorCode } from '../protocol-error.js';
import { formatAttestation, parseAdditionalEvidence, parseAttestation } from './attestation.js';
import {
  parseReferenceValueMessage,
  parseSetAttestationPolicy,
  parseSetResourcePolicy,
  parseTokenResponse,
} from './bodies.js';
import { kbsErrorBody, parseErrorBody } from './error-body.js';
import { formatChallenge, formatRequest, parseChallenge, parseRequest } from './handshake.js';
import { PROTOCOL_VERSIONS, type ProtocolVersion, parseProtocolVersion, protocolTraits } from './version.js';

const VERSIONS = Object.keys(PROTOCOL_VERSIONS) as ProtocolVersion[];
const sampleEvidence = { svn: '1', report_data: 'AA==' };
const ec = EC_KEY.asReceived;

function codeOf(action: () => unknown): ProtocolErrorCode | 'accepted' {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return (error as ProtocolError).code;
  }
  return 'accepted';
}

test('the version table is what the versions are', () => {
  const columns = VERSIONS.map((version) => {
    const t = protocolTraits(version);
    const nonce = t.nonceEcho ? 'nonce' : '-';
    return `${version} ${t.extraParams} ${t.attestation} ${t.evidence} ${t.runtimeData.join('+')} ${nonce} jwe${t.jweForm}`;
  });
  expect(columns).toEqual([
    '0.1.0 empty-text flat json-text fields+object - jwe1',
    '0.1.1 json flat json object - jwe1',
    '0.2.0 json flat json object - jwe2',
    '0.3.0 json flat composite object - jwe2',
    '0.4.0 json runtime-data composite object nonce jwe2',
  ]);
});

describe('Request', () => {
  test('of every version', () => {
    for (const version of VERSIONS) {
      const request = parseRequest(formatRequest(version, 'tdx'));
      expect(request).toMatchObject({ version, tee: 'tdx' });
      const expected = version === '0.1.0' ? undefined : ['sha256', 'sha384', 'sha512', 'sm3'];
      expect(request.supportedHashAlgorithms).toEqual(expected);
    }
  });

  test('as clients have sent it', () => {
    expect(parseRequest({ version: '0.1.0', tee: 'tdx', 'extra-params': '' }).supportedHashAlgorithms).toBeUndefined();
    const extra = { 'supported-hash-algorithms': ['SHA256', 'md5', 'sha512'] };
    expect(parseRequest({ version: '0.1.1', tee: 'snp', 'extra-params': extra }).supportedHashAlgorithms).toEqual([
      'sha256',
      'sha512',
    ]);
    expect(parseRequest({ version: '0.4.0', tee: 'se', 'extra-params': '', more: 1 }).tee).toBe('se');
  });

  test('with the Azure names of older clients', () => {
    const request = parseRequest({ version: '0.4.0', tee: 'azsnpvtpm', 'extra-params': {} });
    expect(request).toMatchObject({ tee: 'az-snp-vtpm', teeAsSent: 'azsnpvtpm' });
    expect(parseRequest({ version: '0.4.0', tee: 'aztdxvtpm', 'extra-params': {} }).tee).toBe('az-tdx-vtpm');
  });

  test.each<[string, JsonValue, ProtocolErrorCode, string | undefined]>([
    ['no object', [], 'request.body.form', ''],
    ['missing extra-params', { version: '0.4.0', tee: 'tdx' }, 'request.body.form', '/extra-params'],
    ['version that is a number', { version: 4, tee: 'tdx', 'extra-params': '' }, 'request.body.form', '/version'],
    ['unknown version', { version: '0.5.0', tee: 'tdx', 'extra-params': '' }, 'request.version.served', '/version'],
    ['pre-release', { version: '0.4.0-rc1', tee: 'tdx', 'extra-params': '' }, 'request.version.served', '/version'],
    [
      'inherited name',
      { version: 'constructor', tee: 'tdx', 'extra-params': '' },
      'request.version.served',
      '/version',
    ],
    ['unknown TEE', { version: '0.4.0', tee: 'sev', 'extra-params': '' }, 'request.tee.known', '/tee'],
    ['TEE in capitals', { version: '0.4.0', tee: 'TDX', 'extra-params': '' }, 'request.tee.known', '/tee'],
    ['inherited TEE', { version: '0.4.0', tee: '__proto__', 'extra-params': '' }, 'request.tee.known', '/tee'],
    ['object in 0.1.0', { version: '0.1.0', tee: 'tdx', 'extra-params': {} }, 'request.body.form', '/extra-params'],
    [
      'too many algorithms',
      { version: '0.4.0', tee: 'tdx', 'extra-params': { 'supported-hash-algorithms': new Array(33).fill('sha256') } },
      'request.body.form',
      '/extra-params/supported-hash-algorithms',
    ],
    [
      'algorithms that are no array',
      { version: '0.4.0', tee: 'tdx', 'extra-params': { 'supported-hash-algorithms': 'sha256' } },
      'request.body.form',
      '/extra-params/supported-hash-algorithms',
    ],
  ])('refuses %s', (_, body, code, path) => {
    expect(codeOf(() => parseRequest(body))).toBe(code);
    expect(() => parseRequest(body)).toThrow(expect.objectContaining({ path }));
  });

  test('build metadata does not change the version', () => {
    expect(parseProtocolVersion('0.4.0+x.1')).toBe('0.4.0');
  });
});

describe('Challenge', () => {
  test('selects nothing by default and satisfies every version', () => {
    for (const version of VERSIONS) {
      const message = formatChallenge(version, NONCE);
      expect(message).toEqual({ nonce: NONCE, 'extra-params': '' });
      expect(parseChallenge(message).hashAlgorithm).toBe('sha384');
    }
  });

  test('selects an algorithm where the version knows how', () => {
    expect(parseChallenge(formatChallenge('0.4.0', NONCE, 'sha512')).hashAlgorithm).toBe('sha512');
    expect(parseChallenge({ nonce: NONCE, 'extra-params': { 'selected-hash-algorithm': 'SM3' } }).hashAlgorithm).toBe(
      'sm3',
    );
    expect(() => formatChallenge('0.1.0', NONCE, 'sha512')).toThrow(RangeError);
    expect(codeOf(() => parseChallenge({ nonce: NONCE, 'extra-params': { 'selected-hash-algorithm': 'md5' } }))).toBe(
      'response.body.form',
    );
  });
});

describe('Attestation', () => {
  test.each(VERSIONS)('%s: reads what it writes', (version) => {
    const parts = { nonce: NONCE, teePubkey: version === '0.1.0' ? RSA_KEY : EC_KEY, primaryEvidence: sampleEvidence };
    const attestation = parseAttestation(version, formatAttestation(version, parts) as unknown as JsonValue);
    expect(attestation).toEqual({
      version,
      nonce: version === '0.4.0' ? NONCE : undefined,
      teePubkey: parts.teePubkey,
      primaryEvidence: sampleEvidence,
      additionalEvidence: '',
      devices: [],
      initDataToml: undefined,
    });
  });

  test('0.1.0 as attestation-agent v0.5 sent it', () => {
    const key = { alg: 'RSA1_5', 'k-mod': 'sXc+', 'k-exp': 'AQAB' };
    const evidence = '{"cc_eventlog":null,"quote":"AAAA"}';
    const attestation = parseAttestation('0.1.0', { 'tee-pubkey': key, 'tee-evidence': evidence });
    expect(attestation.teePubkey).toMatchObject({ kind: 'RSA', spelling: 'k-mod', n: 'sXc+', e: 'AQAB' });
    expect(attestation.primaryEvidence).toEqual({ cc_eventlog: null, quote: 'AAAA' });
  });

  test('0.4.0 with init-data and a device', () => {
    const additional = '{"sampledevice":{"svn":"2"},"nvidia":{"x":1}}';
    const attestation = parseAttestation('0.4.0', {
      'init-data': { format: 'toml', body: 'x' },
      'runtime-data': { nonce: NONCE, 'tee-pubkey': ec },
      'tee-evidence': { primary_evidence: sampleEvidence, additional_evidence: additional },
    });
    expect(attestation.additionalEvidence).toBe(additional);
    expect(attestation.initDataToml).toBe('x');
    expect(attestation.devices).toEqual([
      { tee: 'sampledevice', evidence: { svn: '2' } },
      { tee: 'nvidia', evidence: { x: 1 } },
    ]);
  });

  test('0.3.0 carries devices and no nonce', () => {
    const parts = { nonce: NONCE, teePubkey: EC_KEY, primaryEvidence: 1, additionalEvidence: '{"sampledevice":2}' };
    const attestation = parseAttestation('0.3.0', formatAttestation('0.3.0', parts) as unknown as JsonValue);
    expect(attestation.devices).toEqual([{ tee: 'sampledevice', evidence: 2 }]);
    expect(attestation.nonce).toBeUndefined();
    expect(() => formatAttestation('0.2.0', parts)).toThrow(RangeError);
    expect(() => formatAttestation('0.3.0', { ...parts, initDataToml: '' })).toThrow(RangeError);
  });

  const composite = { primary_evidence: 1, additional_evidence: '' };
  const runtimeData = { nonce: NONCE, 'tee-pubkey': ec };
  test.each<[string, ProtocolVersion, JsonValue, ProtocolErrorCode]>([
    ['a message of 0.3.0', '0.4.0', { 'tee-pubkey': ec, 'tee-evidence': composite }, 'request.body.form'],
    ['a message of 0.4.0', '0.3.0', { 'runtime-data': runtimeData, 'tee-evidence': composite }, 'request.body.form'],
    ['evidence of 0.2.0', '0.3.0', { 'tee-pubkey': ec, 'tee-evidence': { svn: '1' } }, 'evidence.json.form'],
    ['evidence of 0.1.1', '0.1.0', { 'tee-pubkey': ec, 'tee-evidence': { svn: '1' } }, 'evidence.json.form'],
    [
      'evidence text that is not JSON',
      '0.1.0',
      { 'tee-pubkey': ec, 'tee-evidence': '{"a":1,"a":2}' },
      'evidence.json.form',
    ],
    ['no evidence', '0.2.0', { 'tee-pubkey': ec }, 'request.body.form'],
    ['no nonce', '0.4.0', { 'runtime-data': { 'tee-pubkey': ec }, 'tee-evidence': composite }, 'request.body.form'],
    [
      'another init-data format',
      '0.4.0',
      { 'init-data': { format: 'json', body: '{}' }, 'runtime-data': runtimeData, 'tee-evidence': composite },
      'binding.init-data.form',
    ],
    [
      'init-data text alone',
      '0.4.0',
      { 'init-data': 'x', 'runtime-data': runtimeData, 'tee-evidence': composite },
      'request.body.form',
    ],
    [
      'additional evidence that is an object',
      '0.4.0',
      { 'runtime-data': runtimeData, 'tee-evidence': { primary_evidence: 1, additional_evidence: {} } },
      'request.body.form',
    ],
  ])('refuses %s under %s', (_, version, body, code) => {
    expect(codeOf(() => parseAttestation(version, body))).toBe(code);
  });

  test.each<[string, string, ProtocolErrorCode]>([
    ['text', 'none', 'evidence.json.form'],
    ['an array', '[]', 'evidence.json.form'],
    ['an unknown device', '{"toaster":1}', 'request.tee.known'],
    ['the same device twice', '{"nvidia":1,"nvidia":2}', 'evidence.json.form'],
    ['the same device in two spellings', '{"nvidiadpu":1,"nvidia-dpu":2}', 'evidence.json.form'],
  ])('refuses additional evidence that is %s', (_, text, code) => {
    expect(codeOf(() => parseAdditionalEvidence(text))).toBe(code);
  });
});

test('error bodies keep the members that old clients parse in front', () => {
  const body = kbsErrorBody('PolicyDeny', 'Access denied by policy', { code: 'resource.policy.allows', attempt: 'a1' });
  expect(JSON.stringify(body)).toBe(
    '{"type":"https://github.com/confidential-containers/kbs/errors/PolicyDeny","detail":"Access denied by policy",' +
      '"code":"resource.policy.allows","attempt":"a1"}',
  );
  expect(parseErrorBody(body)).toBe(body);
  expect(codeOf(() => parseErrorBody({ type: 'x' }))).toBe('response.body.form');
});

test('bodies of administration', () => {
  expect(parseSetAttestationPolicy({ policy_id: 'default_cpu', policy: 'cGFja2FnZQ', type: 'rego' }).policy).toBe(
    'cGFja2FnZQ',
  );
  expect(parseSetResourcePolicy({ policy: '' }).policy).toBe('');
  expect(parseReferenceValueMessage({ type: 'sample', payload: '' }).version).toBeUndefined();
  expect(parseTokenResponse({ token: 't' }).token).toBe('t');
  expect(codeOf(() => parseSetAttestationPolicy({ policy: '' }))).toBe('request.body.form');
  expect(codeOf(() => parseSetAttestationPolicy({ policy_id: '', policy: '' }))).toBe('request.body.form');
  expect(codeOf(() => parseSetResourcePolicy({ policy: 1 }))).toBe('request.body.form');
  expect(codeOf(() => parseReferenceValueMessage({ type: 'sample' }))).toBe('request.body.form');
  expect(codeOf(() => parseTokenResponse({ token: '' }))).toBe('response.body.form');
});

test('fuzz: any JSON in place of any member gives a message or ProtocolError', () => {
  const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>;
  const member = fc.constantFrom(
    'init-data',
    'runtime-data',
    'tee-evidence',
    'tee-pubkey',
    'version',
    'tee',
    'extra-params',
  );
  const valid: JsonValue = {
    version: '0.4.0',
    tee: 'sample',
    'extra-params': '',
    'tee-pubkey': ec,
    'runtime-data': { nonce: NONCE, 'tee-pubkey': ec },
    'tee-evidence': { primary_evidence: 1, additional_evidence: '' },
  };
  const body = fc.oneof(
    json,
    fc.tuple(member, json).map(([name, value]) => ({ ...valid, [name]: value })),
  );
  fc.assert(
    fc.property(body, fc.constantFrom(...VERSIONS), (value, version) => {
      for (const parse of [
        parseRequest,
        parseChallenge,
        (v: JsonValue) => parseAttestation(version, v),
        parseErrorBody,
      ]) {
        codeOf(() => parse(value));
      }
    }),
    { numRuns: fuzzRuns(300) },
  );
});
