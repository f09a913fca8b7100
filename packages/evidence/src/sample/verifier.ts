/**
 * The `sample` and `sampledevice` TEEs of Confidential Containers: evidence without hardware, for tests.
 *
 * The report data is bound like everywhere; everything else is a constant of the format. Nothing vouches for any of it,
 * which is why the verdict warns, and why the shipped policies accept it only after reference values were set for it.
 */
import { encodeBase64, type JsonObject } from '@assay/bytes';
import { type FindingDraft, notChecked, warned } from '@assay/bytes/findings';
import { compareReportData } from '../binding/report-data.js';
import type { ClaimSet, Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import { parseSampleEvidence, type SampleEvidence } from './evidence.js';

/** Verifier of `sample`: class `cpu`. */
export const sampleVerifier: Verifier = {
  tee: 'sample',
  emulated: true,
  verify: (input) => verify(input, 'sample', (evidence) => ({ class: 'cpu', claims: sampleClaims(evidence, input) })),
};

/** Verifier of `sampledevice`: class `gpu`; init-data is ignored. */
export const sampleDeviceVerifier: Verifier = {
  tee: 'sampledevice',
  emulated: true,
  verify: (input) =>
    verify(input, 'sampledevice', (evidence) => ({
      class: 'gpu',
      claims: { svn: evidence.svn, report_data: evidence.reportDataText },
    })),
};

function verify(input: VerifyInput, tee: string, claimsOf: (evidence: SampleEvidence) => ClaimSet): VerifierResult {
  const { evidence, finding } = parseSampleEvidence(input.evidence, tee);
  if (evidence === undefined) {
    const unasked = notChecked('binding.report-data.match', 'not compared: the evidence was not read', {
      subject: tee,
    });
    return { accepted: false, findings: [finding, unasked] };
  }
  // The digest must be there byte for byte: this TEE's field has no fixed size and is never padded.
  const binding = compareReportData(evidence.reportData, input.reportData, 'exact', tee);
  const findings = [finding, binding.finding, initData(input, tee), noHardware(tee)];
  if (!binding.holds) return { accepted: false, findings };
  return { accepted: true, findings, claimSets: [claimsOf(evidence)], matched: binding.matched };
}

function sampleClaims(evidence: SampleEvidence, input: VerifyInput): JsonObject {
  return {
    svn: evidence.svn,
    report_data: evidence.reportDataText,
    ...(input.initData === undefined ? {} : { init_data: encodeBase64(input.initData.digest) }),
    launch_digest: 'abcde',
    platform_version: { major: 1, minor: 4 },
    debug: false,
  };
}

function initData(input: VerifyInput, tee: string): FindingDraft {
  const why = input.initData === undefined ? 'no init-data was given' : `${tee} evidence has no register that binds it`;
  return notChecked('binding.init-data.match', `not compared: ${why}`, { subject: tee });
}

function noHardware(tee: string): FindingDraft {
  return warned('evidence.hardware.backed', {
    subject: tee,
    params: { tee },
    source: 'format of the sample attester: made by software alone',
  });
}
