import { encodeBase64, type JsonValue } from '@assay/bytes';
import { assembleVerdict } from '@assay/bytes/findings';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { VerifyInput } from '../verifier.js';
import { sampleDeviceVerifier, sampleVerifier } from './verifier.js';

const digest = Uint8Array.from({ length: 48 }, (_, index) => index + 1);
const now = new Date('2026-11-21T10:00:00Z');
const expected = { bytes: digest, algorithm: 'sha384', members: 'nonce, tee-pubkey' };
const input = (evidence: JsonValue, more: Partial<VerifyInput> = {}): VerifyInput => ({
  evidence,
  reportData: [expected],
  initData: undefined,
  now,
  ...more,
});
const good = { svn: '1', report_data: encodeBase64(digest) };
const idsOf = (result: ReturnType<typeof sampleVerifier.verify>): string[] =>
  result.findings.filter((finding) => finding.outcome === 'fail').map((finding) => finding.id);

describe('sample', () => {
  test('gives the claims that policies of the field read', () => {
    expect(sampleVerifier.verify(input(good))).toMatchObject({
      accepted: true,
      matched: 0,
      claimSets: [
        {
          class: 'cpu',
          claims: {
            svn: '1',
            report_data: encodeBase64(digest),
            launch_digest: 'abcde',
            platform_version: { major: 1, minor: 4 },
            debug: false,
          },
        },
      ],
    });
  });

  test('echoes the init-data digest and says that nothing binds it', () => {
    const result = sampleVerifier.verify(
      input(good, { initData: { digest: new Uint8Array([0xde, 0xad, 0xbe, 0xef]) } }),
    );
    expect(result).toMatchObject({ accepted: true, claimSets: [{ claims: { init_data: '3q2+7w==' } }] });
    const finding = result.findings.find(({ id }) => id === 'binding.init-data.match');
    expect(finding).toMatchObject({
      outcome: 'not-checked',
      title: 'not compared: sample evidence has no register that binds it',
    });
  });

  test('warns that no hardware stands behind it', () => {
    expect(sampleVerifier.emulated).toBe(true);
    expect(sampleVerifier.verify(input(good)).findings).toContainEqual(
      expect.objectContaining({ id: 'evidence.hardware.backed', outcome: 'warn' }),
    );
  });

  test.each([
    ['another digest', encodeBase64(digest.map((byte) => byte ^ 1))],
    ['one byte changed', encodeBase64(digest.with(47, 0))],
    ['zero padding', encodeBase64(new Uint8Array([...digest, ...new Uint8Array(16)]))],
    ['cut', encodeBase64(digest.subarray(0, 32))],
    ['nothing', ''],
  ])('report data: %s is not bound', (_, report_data) => {
    const result = sampleVerifier.verify(input({ svn: '1', report_data }));
    expect(result.accepted).toBe(false);
    expect(idsOf(result)).toEqual(['binding.report-data.match']);
    expect(result).not.toHaveProperty('claimSets');
  });

  test('a missing report_data is the empty one', () => {
    expect(idsOf(sampleVerifier.verify(input({ svn: '1' })))).toEqual(['binding.report-data.match']);
    expect(sampleVerifier.verify(input({ svn: '1' }, { reportData: undefined })).accepted).toBe(true);
  });

  test('any one alternative will do, and is named', () => {
    const other = { bytes: new Uint8Array(48).fill(9), algorithm: 'sha384', members: 'nonce, n, e' };
    expect(sampleVerifier.verify(input(good, { reportData: [other, expected] }))).toMatchObject({
      accepted: true,
      matched: 1,
    });
    const refused = sampleVerifier.verify(input({ svn: '1', report_data: 'AAAA' }, { reportData: [expected, other] }));
    expect(refused.findings[1]?.compare?.also).toContain('also tried: sha384(nonce, n, e)');
  });

  test('what was not asked is reported as such', () => {
    const result = sampleVerifier.verify(input(good, { reportData: undefined }));
    expect(result.accepted).toBe(true);
    expect(result.findings[1]).toMatchObject({ id: 'binding.report-data.match', outcome: 'not-checked' });
  });

  test.each<[string, JsonValue]>([
    ['a text', 'x'],
    ['a list', []],
    ['null', null],
    ['no svn', {}],
    ['svn as number', { svn: 1 }],
    ['svn inherited', JSON.parse('{"__proto__":{"svn":"1"}}')],
    ['report_data as bytes', { svn: '1', report_data: [1, 2] }],
    ['report_data in base64url', { svn: '1', report_data: '-_-_' }],
    ['report_data without padding', { svn: '1', report_data: 'AA' }],
    ['report_data in hex of odd length', { svn: '1', report_data: 'abc' }],
    ['huge report_data', { svn: '1', report_data: 'A'.repeat(4096) }],
    ['huge svn', { svn: 'A'.repeat(4096) }],
  ])('malformed: %s', (_, evidence) => {
    const result = sampleVerifier.verify(input(evidence));
    expect(result.accepted).toBe(false);
    expect(idsOf(result)).toEqual(['evidence.json.form']);
    const verdict = assembleVerdict({ kind: 'sample', at: now, asked: false, findings: result.findings });
    expect(verdict.verdict).toBe('reject');
    expect(verdict.findings[1]).toMatchObject({ outcome: 'not-checked', caused_by: ['f1'] });
  });
});

test('what stands where a text is due is named', () => {
  const told = (evidence: JsonValue): string => JSON.stringify(sampleVerifier.verify(input(evidence)).findings);
  expect(told({ svn: '1', report_data: 5 })).toContain('base64 text is due');
  expect(told({})).toContain('"actual":"absent"');
  expect(told(null)).toContain('"actual":"null"');
});

describe('sampledevice', () => {
  test('is of class gpu and ignores init-data', () => {
    const result = sampleDeviceVerifier.verify(input({ ...good, svn: '2' }, { initData: { digest } }));
    expect(result).toMatchObject({
      accepted: true,
      claimSets: [{ class: 'gpu', claims: { svn: '2', report_data: encodeBase64(digest) } }],
    });
  });

  test('binds report data', () => {
    expect(sampleDeviceVerifier.verify(input({ svn: '2', report_data: 'AAAA' })).accepted).toBe(false);
  });
});

test('hostile evidence never throws and is never accepted by accident', () => {
  const evidence = fc.oneof(
    fc.jsonValue(),
    fc.record({ svn: fc.oneof(fc.string(), fc.jsonValue()), report_data: fc.oneof(fc.base64String(), fc.jsonValue()) }),
  );
  fc.assert(
    fc.property(evidence, (value) => {
      for (const verifier of [sampleVerifier, sampleDeviceVerifier]) {
        const result = verifier.verify(input(value as JsonValue));
        expect(result.accepted).toBe(false);
        expect(result.findings.some((finding) => finding.outcome === 'fail')).toBe(true);
      }
    }),
    { numRuns: fuzzRuns(300) },
  );
});
