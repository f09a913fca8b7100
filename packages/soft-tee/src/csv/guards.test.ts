/** What findings of CSV and DCU evidence say, beside whether it is accepted. */
import { randomBytes } from 'node:crypto';
import type { JsonObject, JsonValue } from '@assay/bytes';
import type { Finding, FindingDraft } from '@assay/bytes/findings';
import { type CsvRules, createCsvVerifier, csvTrustIn, hskCekName, verifyCsvReport } from '@assay/evidence/csv';
import { createHygonDcuVerifier } from '@assay/evidence/hygondcu';
import { expect, test } from 'vitest';
import { csvEvidence, csvReport, dcuEvidence } from '../attester/csv.js';
import { createTestWorld } from '../world.js';

const NOW = new Date('2026-06-01T00:00:00Z');
const world = createTestWorld({ now: () => NOW, random: randomBytes });
const { hygon } = world;
const chip = hygon.chip();
const hrk = { name: 'emulated HRK', bytes: hygon.hrk() };
const reportData = new Uint8Array(randomBytes(48));
const asked = [{ bytes: reportData, algorithm: 'sha384', members: 'nonce, tee-pubkey' }];

function run(evidence: JsonValue, rules: CsvRules = {}): readonly (Finding | FindingDraft)[] {
  const endorsements = { [hskCekName(chip.serial)]: hygon.hskCek(chip) };
  const verifier = createCsvVerifier({ emulatedRoots: [hrk], rules });
  return verifier.verify({ evidence, reportData: asked, initData: undefined, endorsements, now: NOW }).findings;
}
const outcomes = (findings: readonly (Finding | FindingDraft)[], id: string): string[] =>
  findings.filter((finding) => finding.id === id).map(({ outcome }) => outcome);
const good = csvEvidence(world, reportData);
const report = good['attestation_report'] as JsonObject;

test('a rule that the owner does not set is not checked', () => {
  expect(outcomes(run(good), 'csv.guest.policy')).toEqual(['not-checked']);
  expect(outcomes(run(good, { requiredPolicy: ['es'] }), 'csv.guest.policy')).toEqual(['pass']);
});

test('a PEK that is not read verifies no signature, nor says that it is wrong', () => {
  // The curve of the PEK, behind the 336 bytes that come before it.
  const alter = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => (index === 336 + 16 ? 9 : byte));
  const findings = run(csvEvidence(world, reportData, { alter }));
  expect(outcomes(findings, 'csv.chain.form')).toContain('fail');
  expect(outcomes(findings, 'csv.report.signature')).toEqual(['not-checked']);
});

test('emulated hardware is told as such, hardware as hardware, and neither where nothing is authentic', () => {
  const of = (emulated: boolean, bytes = csvReport(world, reportData)): string[] => {
    const trust = csvTrustIn([emulated ? { ...hrk, emulated: true } : hrk]);
    const hskCek = { hsk: hygon.hsk(), cek: hygon.cek(chip), from: 'endorsement' } as const;
    const { findings } = verifyCsvReport({ report: bytes, version: 1, hskCek, trust, rules: {} });
    return outcomes(findings, 'evidence.hardware.backed');
  };
  expect(of(true)).toEqual(['warn']);
  expect(of(false)).toEqual(['pass']);
  const changed = csvReport(world, reportData).map((byte, index) => (index === 150 ? byte ^ 1 : byte));
  expect(of(false, changed)).toEqual([]);
});

test('accelerators: emulated ones are told as such', () => {
  const device = hygon.chip('dcu-1');
  const verify = (trust: Parameters<typeof createHygonDcuVerifier>[0]): string[] =>
    outcomes(
      createHygonDcuVerifier(trust).verify({
        evidence: dcuEvidence(world, reportData),
        reportData: asked,
        initData: undefined,
        endorsements: { [hskCekName(device.serial)]: hygon.hskCek(device) },
        now: NOW,
      }).findings,
      'evidence.hardware.backed',
    );
  expect(verify({ emulatedRoots: [hrk] })).toEqual(['warn']);
  expect(verify({ roots: [hrk] })).toEqual(['pass']);
});

test('an event log that is empty is none; one that is too long is refused', () => {
  const empty = run({ ...csvEvidence(world, reportData, { version: 2 }), cc_eventlog: '' });
  expect(empty.filter(({ id, outcome }) => outcome === 'fail' || id.startsWith('eventlog.'))).toEqual([]);
  const long = run({ ...good, cc_eventlog: 'A'.repeat(12 * 1024 * 1024 + 4) });
  expect(outcomes(long, 'evidence.json.form')).toEqual(['fail']);
});

test.each<[string, JsonValue, string]>([
  ['absent', Object.fromEntries(Object.entries(report).filter(([name]) => name !== 'magic')), 'absent'],
  ['null', { ...report, magic: null }, 'null'],
  ['an object', { ...report, magic: {} }, 'an object'],
  ['a text', { ...report, magic: 'ATTESTATION_EXT\0' }, 'a string'],
])('a member that is %s is told as such', (_, changed, actual) => {
  const [form] = run({ ...good, attestation_report: changed }).filter(({ id }) => id === 'evidence.json.form');
  expect(form).toMatchObject({ outcome: 'fail', actual });
});
