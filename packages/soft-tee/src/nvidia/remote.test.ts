import { encodeUtf8, type JsonObject, type JsonValue } from '@assay/bytes';
import { createNvidiaVerifier, type Endorsements, type ExpectedReportData, type VerifierResult } from '@assay/evidence';
import { NRAS_KEYS, nrasQuestions } from '@assay/evidence/nvidia';
import { describe, expect, test } from 'vitest';
import { type NvidiaOverrides, nvidiaEvidence, nvidiaReport } from '../attester/nvidia.js';
import { createTestWorld } from '../world.js';
import { answerNras, EMULATED_NRAS_ISSUER, es384, type NrasOrders, nrasKeySet } from './nras.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const world = createTestWorld({ now: () => NOW, random: (n) => new Uint8Array(n), seed: new Uint8Array(32).fill(8) });
const { nvidia } = world;
const gpu = nvidia.device();
const REPORT_DATA = new Uint8Array(48).map((_, index) => index + 1);
const expected: ExpectedReportData = { bytes: REPORT_DATA, algorithm: 'sha384', members: 'nonce, tee-pubkey' };
const json = (value: unknown): Uint8Array => encodeUtf8(JSON.stringify(value));
const KEYS = json(nrasKeySet(nvidia.nrasKey));

function answer(orders: NrasOrders = {}, nonce = REPORT_DATA.subarray(0, 32), now = NOW): unknown {
  const { report } = nvidiaReport(world, REPORT_DATA, { device: gpu });
  const asked = { nonce: Buffer.from(nonce).toString('hex'), report, claims: { ueid: '17' } };
  return answerNras('gpu', asked, nvidia.nrasKey, now, orders);
}

function verify(
  endorsements: Endorsements,
  overrides: NvidiaOverrides = { devices: [gpu] },
  reportData: readonly ExpectedReportData[] | undefined = [expected],
): VerifierResult {
  const verifier = createNvidiaVerifier({ remote: { issuer: EMULATED_NRAS_ISSUER, emulated: true } });
  const evidence = nvidiaEvidence(world, REPORT_DATA, overrides);
  return verifier.verify({ evidence, reportData, initData: undefined, endorsements, now: NOW });
}

const failures = ({ findings }: VerifierResult): string[] => [
  ...new Set(findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)),
];
const judged = (orders: NrasOrders): string[] =>
  failures(verify({ [NRAS_KEYS]: KEYS, 'nras:0': json(answer(orders)) }));

test('claims are those of the service, with its overall result', () => {
  const result = verify({ [NRAS_KEYS]: KEYS, 'nras:0': json(answer()) });
  expect(failures(result)).toEqual([]);
  if (!result.accepted) throw new Error('refused');
  expect(result.matched).toBe(0);
  expect(result.findings.find(({ id }) => id === 'nvidia.mode.confidential')).toMatchObject({ outcome: 'pass' });
  expect(result.claimSets[0]).toMatchObject({
    class: 'gpu',
    claims: {
      measres: 'success',
      secboot: true,
      dbgstat: 'disabled',
      'x-nvidia-gpu-attestation-report-nonce-match': true,
      'x-nvidia-overall-att-result': true,
      emulated: true,
    },
  });
});

test('questions are in the form of the service', () => {
  const [question] = nrasQuestions(nvidiaEvidence(world, REPORT_DATA, { devices: [gpu], encoding: 'hex' }));
  const body = JSON.parse(Buffer.from(question?.body ?? []).toString()) as JsonObject;
  expect(question?.path).toBe('gpu');
  expect(body).toMatchObject({
    nonce: Buffer.from(REPORT_DATA.subarray(0, 32)).toString('hex'),
    arch: 'HOPPER',
    claims_version: '3.0',
  });
  const [device] = body['evidence_list'] as readonly { evidence: string; certificate: string }[];
  expect(Buffer.from(device?.certificate ?? '', 'base64').toString()).toContain('BEGIN CERTIFICATE');
  expect(nrasQuestions({})).toEqual([]);
  const [other] = nrasQuestions(nvidiaEvidence(world, REPORT_DATA, { devices: [nvidia.device('s', 'LS10')] }));
  expect(other?.path).toBe('switch');
  const cut = nvidiaEvidence(world, REPORT_DATA, { devices: [{ device: gpu, alter: (report) => report.subarray(9) }] });
  expect(nrasQuestions(cut)).toEqual([undefined]);
});

describe('refused', () => {
  const seconds = NOW.getTime() / 1000;
  test.each<[string, NrasOrders, string[]]>([
    ['another key', { key: world.stranger('P-384') }, ['nvidia.nras.token']],
    ['another algorithm', { header: { alg: 'ES256' } }, ['nvidia.nras.token']],
    ['no algorithm', { header: { alg: 'none' } }, ['nvidia.nras.token']],
    ['a critical header', { header: { crit: ['x'], x: 1 } }, ['nvidia.nras.token']],
    ['a key id that is unknown', { header: { kid: 'other' } }, ['nvidia.nras.token']],
    ['no key id', { header: { kid: null } }, ['nvidia.nras.token']],
    ['another issuer', { issuer: 'https://nras.example' }, ['nvidia.nras.token']],
    ['another issuer of one token', { overall: { iss: 'https://nras.example' } }, ['nvidia.nras.token']],
    ['a token that has ended', { device: { exp: seconds - 1 } }, ['nvidia.nras.token']],
    ['an overall token that has ended', { overall: { exp: seconds - 1 } }, ['nvidia.nras.token']],
    ['a token without end', { device: { exp: null } }, ['nvidia.nras.token']],
    ['a token that does not say when it was made', { device: { iat: null } }, ['nvidia.nras.token']],
    ['a token of the future', { device: { iat: seconds + 900 } }, ['nvidia.nras.token']],
    ['a token not valid before long', { device: { nbf: seconds + 900 } }, ['nvidia.nras.token']],
    ['a token made a minute later', { device: { iat: seconds + 60 } }, []],
    ['an overall token about another device', { name: 'GPU-7' }, ['nvidia.nras.token']],
    [
      'an overall token about two devices',
      { overall: { submods: { 'GPU-0': [], 'GPU-1': [] } } },
      ['nvidia.nras.token'],
    ],
    ['an overall token about none', { overall: { submods: null } }, ['nvidia.nras.token']],
    ['another nonce in one token', { overall: { eat_nonce: '00'.repeat(32) } }, ['nvidia.nras.token']],
    ['no nonce', { device: { eat_nonce: null }, overall: { eat_nonce: null } }, ['nvidia.nras.token']],
    [
      'another nonce in both tokens',
      { device: { eat_nonce: '00'.repeat(32) }, overall: { eat_nonce: '00'.repeat(32) } },
      ['nvidia.nras.result'],
    ],
    [
      'a nonce that was not found',
      { device: { 'x-nvidia-gpu-attestation-report-nonce-match': false } },
      ['nvidia.nras.result'],
    ],
    [
      'a nonce that was not looked for',
      { device: { 'x-nvidia-gpu-attestation-report-nonce-match': null } },
      ['nvidia.nras.result'],
    ],
    [
      'a nonce match that is a text',
      { device: { 'x-nvidia-gpu-attestation-report-nonce-match': 'true' } },
      ['nvidia.nras.result'],
    ],
  ])('%s', (_, orders, ids) => {
    expect(judged(orders)).toEqual(ids);
  });

  const ordinary = answer() as [[string, string], Record<string, string>];
  const [[, overall], devices] = ordinary;
  test.each<[string, unknown]>([
    ['no list', {}],
    ['three members', [...ordinary, 1]],
    ['no overall token', [['EAT', overall], devices]],
    ['an overall token that is no text', [['JWT', 1], devices]],
    ['no device', [['JWT', overall], {}]],
    ['two devices', [['JWT', overall], { ...devices, 'GPU-1': devices['GPU-0'] }]],
    ['a device token that is no text', [['JWT', overall], { 'GPU-0': 1 }]],
    ['a token of two parts', [['JWT', overall], { 'GPU-0': 'a.b' }]],
    ['a token of four parts', [['JWT', overall], { 'GPU-0': `${devices['GPU-0']}.a` }]],
    ['a changed payload', [['JWT', overall], { 'GPU-0': devices['GPU-0']?.replace(/\.(.)/, '.A$1') }]],
    ['a payload that is no object', [['JWT', overall], { 'GPU-0': 'e30.MQ.AA' }]],
    ['a payload that is null, though signed', [['JWT', overall], { 'GPU-0': es384(nvidia.nrasKey, null as never) }]],
  ])('an answer with %s', (_, value) => {
    expect(failures(verify({ [NRAS_KEYS]: KEYS, 'nras:0': json(value) }))).toEqual(['nvidia.nras.token']);
  });

  const [key] = nrasKeySet(nvidia.nrasKey)['keys'] as readonly JsonObject[];
  test.each<[string, JsonValue]>([
    ['no keys', {}],
    ['two keys of one id', { keys: [key ?? {}, key ?? {}] }],
    ['a key of another curve', { keys: [{ ...key, crv: 'P-256' }] }],
    ['a key of another type', { keys: [{ ...key, kty: 'RSA' }] }],
    ['a key without coordinates', { keys: [{ ...key, x: null }] }],
    ['a point off the curve', { keys: [{ ...key, x: 'AAAA' }] }],
    ['too many keys', { keys: Array.from({ length: 65 }, () => ({})) }],
    ['a key that is no object', { keys: [1] }],
  ])('a key set with %s', (_, value) => {
    expect(failures(verify({ [NRAS_KEYS]: json(value), 'nras:0': json(answer()) }))).toEqual(['nvidia.nras.token']);
  });

  test.each<[string, Endorsements]>([
    ['an answer', { [NRAS_KEYS]: KEYS, 'nras:0': Buffer.concat([json(answer()), Buffer.alloc(512 * 1024, ' ')]) }],
    ['a key set', { [NRAS_KEYS]: Buffer.concat([KEYS, Buffer.alloc(256 * 1024, ' ')]), 'nras:0': json(answer()) }],
    ['a token', { [NRAS_KEYS]: KEYS, 'nras:0': json(answer({ device: { x: 'y'.repeat(300_000) } })) }],
  ])('%s that is too long', (_, endorsements) => {
    expect(failures(verify(endorsements))).toEqual(['nvidia.nras.token']);
  });

  test('no answer, or no keys: incomplete', () => {
    for (const endorsements of [{}, { [NRAS_KEYS]: KEYS }, { 'nras:0': json(answer()) }]) {
      const result = verify(endorsements);
      expect(failures(result)).toEqual(['nvidia.nras.missing']);
      expect(result.findings.find(({ id }) => id === 'nvidia.nras.missing')).toMatchObject({
        guest_code: 'unavailable',
      });
    }
  });

  test('the answer about another device of the same evidence counts for that one alone', () => {
    const devices: NvidiaOverrides = { devices: [gpu, nvidia.device('gpu-2')] };
    const both = json(answer());
    expect(failures(verify({ [NRAS_KEYS]: KEYS, 'nras:0': both, 'nras:1': both }, devices))).toEqual([
      'nvidia.device.distinct',
    ]);
    expect(failures(verify({ [NRAS_KEYS]: KEYS, 'nras:0': both }, devices))).toEqual(['nvidia.nras.missing']);
  });

  test('the report’s own nonce is compared here', () => {
    const nonce = new Uint8Array(32).fill(3);
    const result = verify(
      { [NRAS_KEYS]: KEYS, 'nras:0': json(answer({}, nonce)) },
      { devices: [{ device: gpu, nonce }] },
    );
    expect(failures(result)).toContain('nvidia.report.nonce');
    expect(failures(verify({ [NRAS_KEYS]: KEYS, 'nras:0': json(answer()) }, undefined, []))).toEqual([
      'nvidia.report.nonce',
    ]);
  });

  test('a report that cannot be read is not asked about', () => {
    const devices: NvidiaOverrides = { devices: [{ device: gpu, alter: (report) => report.subarray(5) }] };
    expect(failures(verify({ [NRAS_KEYS]: KEYS, 'nras:0': json(answer()) }, devices))).toEqual(['nvidia.report.form']);
  });

  test('debug and secure boot are warned of, for policy to judge', () => {
    const orders = { device: { secboot: false, dbgstat: 'enabled' } };
    const result = verify({ [NRAS_KEYS]: KEYS, 'nras:0': json(answer(orders)) });
    expect(result.accepted).toBe(true);
    expect(result.findings.find(({ id }) => id === 'nvidia.mode.confidential')).toMatchObject({ outcome: 'warn' });
  });
});
