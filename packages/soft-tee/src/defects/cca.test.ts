import { randomBytes } from 'node:crypto';
import { encodeUtf8 } from '@assay/bytes';
import { assembleVerdict } from '@assay/bytes/findings';
import { createCcaVerifier, type Verifier, type VerifierResult } from '@assay/evidence';
import { parseTrustAnchors } from '@assay/evidence/cca';
import { describe, expect, test } from 'vitest';
import { CCA_DEFECTS, type CcaDefect, type CcaOverrides, ccaEvidence, createTestWorld } from '../index.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const REPORT_DATA = Uint8Array.from(randomBytes(48));
const world = createTestWorld({ now: () => NOW, random: randomBytes });
const emulatedAnchors = parseTrustAnchors(encodeUtf8(world.cca.trustAnchors()));
const verifier = createCcaVerifier({ emulatedAnchors });

function verify(using: Verifier, overrides: CcaOverrides = {}): VerifierResult {
  return using.verify({
    evidence: ccaEvidence(world, REPORT_DATA, overrides),
    reportData: [{ bytes: REPORT_DATA, algorithm: 'sha384', members: 'nonce, tee-pubkey' }],
    initData: undefined,
    now: NOW,
  });
}
const failures = (result: VerifierResult): readonly string[] =>
  result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id, title }) => `${id}: ${title}`);
const unmet = (result: VerifierResult): readonly string[] =>
  result.findings.filter(({ outcome }) => outcome === 'fail' || outcome === 'warn').map(({ id }) => id);

test.each<[string, CcaOverrides]>([
  ['of today', {}],
  ['of the first firmware', { legacy: true }],
  ['with SHA-512 of the realm key', { publicKeyHash: 'sha-512' }],
])('a token %s is accepted, as emulated', (_, overrides) => {
  const result = verify(verifier, overrides);
  expect(failures(result)).toEqual([]);
  expect(result).toMatchObject({ accepted: true, matched: 0 });
  expect(result.accepted && result.claimSets[0]?.claims).toMatchObject({ emulated: true });
});

test('is incomplete for a verifier that was not told of the machine', () => {
  const result = verify(createCcaVerifier());
  expect(result.accepted).toBe(false);
  expect(unmet(result)).toEqual(['cca.platform.key']);
});

test('the same keys are not emulated where the owner enrols them as genuine', () => {
  const result = verify(createCcaVerifier({ anchors: emulatedAnchors, emulatedAnchors }));
  expect(result.accepted && result.claimSets[0]?.claims).not.toHaveProperty('emulated');
});

describe('defects', () => {
  test.each(Object.entries(CCA_DEFECTS as Readonly<Record<string, CcaDefect>>))('%s', (_, defect) => {
    const result = verify(verifier, defect.make(world));
    if (defect.finding !== null) expect(unmet(result)).toContain(defect.finding);
    if (defect.verdict === 'accept') expect(failures(result)).toEqual([]);
    expect(result.accepted).toBe(defect.verdict === 'accept');
    const { verdict } = assembleVerdict({ kind: 'cca', at: NOW, asked: false, findings: result.findings });
    expect(verdict).toBe(defect.verdict);
  });
});
