/** The verifier of TEE `nitro`: attestation documents of AWS Nitro Enclaves. */
import { notChecked, refuses } from '@assay/bytes/findings';
import type { Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import type { TrustAnchor } from '../x509/index.js';
import { bindReportData, unboundInitData } from './binding.js';
import { NITRO_CLAIM_ORIGINS, nitroClaims } from './claims.js';
import { readNitroEvidence } from './evidence.js';
import { type NitroTrust, nitroTrust, nitroTrustIn } from './roots.js';
import type { NitroRules } from './rules.js';
import { verifyNitroDocument } from './verify.js';

export interface NitroVerifierOptions {
  /** Roots of emulated hardware, added by the owner by name: claims then say `emulated: true`. */
  readonly emulatedRoots?: readonly TrustAnchor[];
  /** Instead of the pin of AWS. */
  readonly roots?: readonly TrustAnchor[];
  readonly rules?: NitroRules;
}

/** A verifier with its own cache of certificate links; make one and keep it. */
export function createNitroVerifier(options: NitroVerifierOptions = {}): Verifier {
  const trust = trustOf(options);
  const rules = options.rules ?? {};
  return { tee: 'nitro', verify: (input) => verify(input, trust, rules) };
}

/** Anchors of a verifier's options. */
export function trustOf({ emulatedRoots = [], roots }: Omit<NitroVerifierOptions, 'rules'>): NitroTrust {
  if (roots === undefined) return nitroTrust(emulatedRoots);
  return nitroTrustIn([...roots, ...emulatedRoots.map((anchor) => ({ ...anchor, emulated: true as const }))]);
}

/** Trusts the root of AWS alone. */
export const nitroVerifier: Verifier = createNitroVerifier();

function verify(input: VerifyInput, trust: NitroTrust, rules: NitroRules): VerifierResult {
  const evidence = readNitroEvidence(input.evidence);
  const initData = unboundInitData(input.initData);
  const unread = notChecked('binding.report-data.match', 'not compared: the document was not read', {
    subject: 'nitro',
  });
  if (evidence.document === undefined) return { accepted: false, findings: [evidence.finding, unread, initData] };
  const { now } = input;
  const result = verifyNitroDocument({
    document: evidence.document,
    trust,
    rules,
    now,
    clock: "this server's clock",
  });
  const { authentic, document } = result;
  const reportData = document === undefined ? undefined : bindReportData(document, input.reportData, rules);
  const findings = [evidence.finding, ...result.findings, reportData?.finding ?? unread, initData];
  if (authentic === undefined || findings.some(refuses)) return { accepted: false, findings };
  const claims = nitroClaims(authentic, rules.reportData);
  return {
    accepted: true,
    findings,
    claimSets: [{ class: 'cpu', claims, origins: NITRO_CLAIM_ORIGINS }],
    matched: reportData?.matched,
  };
}
