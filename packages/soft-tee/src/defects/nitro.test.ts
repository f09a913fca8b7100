import { randomBytes } from 'node:crypto';
import { createNitroVerifier, nitroVerifier, type Verifier, type VerifierResult } from '@assay/evidence';
import { describe, expect, test } from 'vitest';
import {
  createTestWorld,
  NITRO_DEFECTS,
  type NitroDefect,
  type NitroOverrides,
  nitroDocument,
  nitroEvidence,
} from '../index.js';

const NOW = new Date('2026-03-01T12:00:00.250Z');
const REPORT_DATA = Uint8Array.from(randomBytes(48));
const world = createTestWorld({ now: () => NOW, random: randomBytes });
const emulatedRoots = [world.anchors().nitro];
const verifier = createNitroVerifier({ emulatedRoots });

function verify(using: Verifier, overrides: NitroOverrides = {}): VerifierResult {
  return using.verify({
    evidence: nitroEvidence(world, REPORT_DATA, overrides),
    reportData: [{ bytes: REPORT_DATA, algorithm: 'sha384', members: 'nonce, tee-pubkey' }],
    initData: undefined,
    now: NOW,
  });
}
const failures = (result: VerifierResult): readonly string[] =>
  result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id, title }) => `${id}: ${title}`);
const unmet = (result: VerifierResult): readonly string[] =>
  result.findings.filter(({ outcome }) => outcome === 'fail' || outcome === 'warn').map(({ id }) => id);

test.each<[string, NitroOverrides]>([
  ['of indefinite length', {}],
  ['of definite length', { indefinite: false }],
  ['under tag 18', { signing: { tagged: true } }],
  ['with all members', { members: { public_key: new Uint8Array(91).fill(4), nonce: Uint8Array.of(1, 2, 3) } }],
])('a document %s is accepted, as emulated', (_, overrides) => {
  const result = verify(verifier, overrides);
  expect(failures(result)).toEqual([]);
  expect(result).toMatchObject({ accepted: true, matched: 0 });
  expect(result.accepted && result.claimSets[0]?.claims).toMatchObject({ emulated: true, debug: false });
});

test('is refused by a verifier that was not told of the root', () => {
  const result = verify(nitroVerifier);
  expect(result.accepted).toBe(false);
  expect(unmet(result)).toEqual(['nitro.chain.root']);
});

test('the same world makes documents under the same root', () => {
  const again = createTestWorld({ now: () => NOW, random: randomBytes, keys: world.exportKeys() });
  expect(nitroDocument(world, REPORT_DATA).length).toBeGreaterThan(3000);
  expect(again.anchors().nitro).toEqual(world.anchors().nitro);
});

describe('defects', () => {
  const lenient = createNitroVerifier({ emulatedRoots, rules: { debugAllowed: true } });
  test.each(Object.entries(NITRO_DEFECTS as Readonly<Record<string, NitroDefect>>))('%s', (_, defect) => {
    const result = verify(lenient, defect.make(world));
    if (defect.finding !== null) expect(unmet(result)).toContain(defect.finding);
    if (defect.verdict === 'accept') expect(failures(result)).toEqual([]);
    expect(result.accepted).toBe(defect.verdict === 'accept');
  });
});
