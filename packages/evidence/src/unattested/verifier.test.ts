import type { JsonValue } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { isUnattested, UNATTESTED_TEE, unattestedVerifier } from './verifier.js';

const bytes = Buffer.alloc(48, 3);
const verify = (evidence: JsonValue, expected: Uint8Array = bytes) =>
  unattestedVerifier.verify({
    evidence,
    reportData: [{ bytes: expected, algorithm: 'sha384', members: 'nonce, tee-pubkey' }],
    initData: undefined,
    now: new Date(0),
  });
const honest = { attested: false, report_data: bytes.toString('base64') };

test('claims nothing but that nothing was attested, and warns', () => {
  const result = verify(honest);
  expect(result).toMatchObject({
    accepted: true,
    claimSets: [{ class: 'cpu', claims: { attested: false, report_data: bytes.toString('hex') } }],
  });
  expect(result.findings).toContainEqual(
    expect.objectContaining({ id: 'evidence.attestation.present', outcome: 'warn', stage: 'appraise' }),
  );
});

test.each([
  null,
  [],
  'x',
  {},
  { ...honest, attested: true },
  { attested: false },
  { ...honest, report_data: '%' },
  { ...honest, report_data: 5 },
  { ...honest, report_data: 'A'.repeat(1028) },
  { ...honest, measurement: '00' },
])('refuses %j', (evidence) => {
  const result = verify(evidence as JsonValue);
  expect(result.accepted).toBe(false);
  expect(result.findings[0]).toMatchObject({ id: 'evidence.json.form', outcome: 'fail' });
});

test('another exchange is another exchange all the same', () => {
  expect(verify(honest, Buffer.alloc(48)).accepted).toBe(false);
});

describe('marks of a token', () => {
  const submods = { cpu0: { 'ear.veraison.annotated-evidence': { [UNATTESTED_TEE]: { attested: false } } } };

  test('are found wherever they stand', () => {
    expect(isUnattested({ submods })).toBe(true);
    expect(isUnattested({ customized_claims: [{ [UNATTESTED_TEE]: null }] })).toBe(true);
    let deep: JsonValue = 1;
    for (let n = 0; n < 100; n++) deep = { deep };
    expect(isUnattested({ deep })).toBe(true);
  });

  test('are not where a guest was attested', () => {
    expect(
      isUnattested({ submods: { cpu0: { 'ear.veraison.annotated-evidence': { snp: { measurement: '' } } } } }),
    ).toBe(false);
    expect(isUnattested({ tee: UNATTESTED_TEE })).toBe(false);
  });
});
