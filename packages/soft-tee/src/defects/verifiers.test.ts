import { randomBytes } from 'node:crypto';
import { encodeUtf8 } from '@assay/bytes';
import type { Verifier, VerifierResult } from '@assay/evidence';
import {
  createSgxVerifier,
  createSnpVerifier,
  createTdxVerifier,
  sgxVerifier,
  snpVerifier,
  tdxVerifier,
} from '@assay/evidence';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type AmdProduct,
  createTestWorld,
  type EmulatedIntelCase,
  type EmulatedSnpCase,
  INTEL_DEFECTS,
  type IntelDefect,
  type IntelDefectName,
  type IntelTee,
  intelCase,
  SNP_DEFECTS,
  type SnpDefect,
  type SnpDefectName,
  snpCase,
  type TestWorld,
} from '../index.js';
import { createCachedTestWorld } from '../testing/index.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const REPORT_DATA = randomBytes(48);
const world = createTestWorld({ now: () => NOW, random: randomBytes });
const emulatedRoots = [world.anchors().intel];

const bound = [{ bytes: REPORT_DATA, algorithm: 'sha384', members: 'nonce, tee-pubkey' }];

function verifyIntel(verifier: Verifier, { evidence, collateral }: EmulatedIntelCase): VerifierResult {
  const endorsements = { collateral: encodeUtf8(JSON.stringify(collateral)) };
  return verifier.verify({ evidence, endorsements, reportData: bound, initData: undefined, now: NOW });
}

function verifySnp(verifier: Verifier, { evidence, intermediate, ark, crl }: EmulatedSnpCase): VerifierResult {
  const endorsements = { ask: intermediate, ark, crl };
  return verifier.verify({ evidence, endorsements, reportData: bound, initData: undefined, now: NOW });
}

const failures = (result: VerifierResult): readonly string[] =>
  result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id, title }) => `${id}: ${title}`);
const unmet = (result: VerifierResult): readonly string[] =>
  result.findings.filter(({ outcome }) => outcome === 'fail' || outcome === 'warn').map(({ id }) => id);

const INTEL = {
  sgx: createSgxVerifier({ emulatedRoots, appraisal: { allowDebug: true } }),
  tdx: createTdxVerifier({ emulatedRoots, appraisal: { allowDebug: true, allowSeptVe: true } }),
};

describe.each(['sgx', 'tdx'] as const)('%s', (tee) => {
  test.each(tee === 'sgx' ? ([3, 4, 5] as const) : ([4, 5] as const))(
    'version %i is accepted, as emulated',
    (version) => {
      const result = verifyIntel(INTEL[tee], intelCase(world, tee, REPORT_DATA, undefined, version));
      expect(failures(result)).toEqual([]);
      expect(result.accepted).toBe(true);
      expect(JSON.stringify(result.accepted && result.claimSets)).toContain('"emulated":true');
      expect(JSON.stringify(result.accepted && result.claimSets)).toContain('"UpToDate"');
    },
  );

  test('is refused by a verifier that was not told of the root', () => {
    const result = verifyIntel(tee === 'sgx' ? sgxVerifier : tdxVerifier, intelCase(world, tee, REPORT_DATA));
    expect(result.accepted).toBe(false);
    expect(unmet(result)).toContain('dcap.pck.root');
  });

  const defects = Object.entries(INTEL_DEFECTS as Readonly<Record<string, IntelDefect>>)
    .filter(([, defect]) => defect.tees.includes(tee))
    .map(([name, defect]) => [name, defect] as const);
  test.each(defects)('%s', (name, defect) => {
    const result = verifyIntel(INTEL[tee], intelCase(world, tee, REPORT_DATA, name as IntelDefectName));
    const finding = findingOf(defect, tee);
    if (finding !== null) expect(unmet(result)).toContain(finding);
    if (defect.verdict === 'accept') expect(failures(result)).toEqual([]);
    expect(result.accepted).toBe(defect.verdict === 'accept');
  });
});

describe('snp', () => {
  let verifier: Verifier;
  let world: TestWorld;
  beforeAll(async () => {
    world = await createCachedTestWorld(() => NOW);
    verifier = createSnpVerifier({
      emulatedRoots: world.anchors(['Milan', 'Turin']).amd,
      rules: { debugAllowed: true },
    });
  }, 60_000);

  test.each([
    ['Milan', 2, 'vcek'],
    ['Milan', 3, 'vcek'],
    ['Milan', 4, 'vcek'],
    ['Milan', 5, 'vcek'],
    ['Turin', 5, 'vcek'],
    ['Milan', 3, 'vlek'],
  ] as const)('%s report of version %i under a %s is accepted, as emulated', (product: AmdProduct, version, signer) => {
    const chip = world.amd.chip('machine-1', product);
    for (const form of ['structured', 'flat'] as const) {
      const result = verifySnp(
        verifier,
        snpCase(world, REPORT_DATA, undefined, { chip, signer, form, report: { version } }),
      );
      expect(failures(result)).toEqual([]);
      expect(result.accepted).toBe(true);
      expect(JSON.stringify(result.accepted && result.claimSets)).toContain('"emulated":true');
    }
  });

  test('is refused by a verifier that was not told of the root', () => {
    const result = verifySnp(snpVerifier, snpCase(world, REPORT_DATA));
    expect(result.accepted).toBe(false);
    expect(unmet(result)).toContain('snp.chain.root');
  });

  test.each(Object.entries(SNP_DEFECTS as Readonly<Record<string, SnpDefect>>))('%s', (name, defect) => {
    const result = verifySnp(verifier, snpCase(world, REPORT_DATA, name as SnpDefectName));
    if (defect.finding !== null) expect(unmet(result)).toContain(defect.finding);
    expect(result.accepted).toBe(defect.verdict === 'accept');
  });
});

function findingOf({ finding }: IntelDefect, tee: IntelTee): string | null {
  return finding === null || typeof finding === 'string' ? finding : finding[tee];
}
